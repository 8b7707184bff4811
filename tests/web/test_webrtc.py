"""Live pictures as video. That a browser plays it is tested in test_browser.py."""

from __future__ import annotations

import asyncio
import re

import av
import pytest
from aiortc import RTCConfiguration, RTCPeerConnection

from maskcam.web.live.h264 import H264Form, PacketOnlooker
from maskcam.web.roles import Role
from tests.factories import make_image
from tests.web.stage import Stage


def offer(kind: str = "video") -> str:
    """What a browser would say, without addresses: no socket is opened for it."""

    async def main() -> str:
        connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        connection.addTransceiver(kind, direction="recvonly")
        said: str = (await connection.createOffer()).sdp
        await connection.close()
        return said

    return asyncio.run(main())


class TestEncoder:
    def test_what_was_encoded_can_be_decoded(self) -> None:
        encoder = H264Form(width=640).open()
        images = [make_image((1281, 721), seed=seed) for seed in range(5)]
        packets = [
            packet
            for number, image in enumerate(images)
            for packet in encoder.encode(image, seconds=0.1 * number, is_first=number == 0)
        ]
        decoder = av.CodecContext.create("h264", "r")
        frames = [frame for packet in [*packets, None] for frame in decoder.decode(packet)]
        assert len(frames) == 5
        assert (frames[0].width, frames[0].height) == (640, 360)
        assert [packet.pts for packet in packets] == [0, 9000, 18000, 27000, 36000]

    def test_key_frames_come_with_newcomers_and_every_two_seconds(self) -> None:
        encoder = H264Form().open()
        packets = [
            packet
            for number in range(50)
            for packet in encoder.encode(
                make_image(seed=number), seconds=0.1 * number, is_first=number in (0, 7)
            )
        ]
        assert [number for number, packet in enumerate(packets) if packet.is_keyframe] == [0, 7, 27, 47]

    def test_another_size_and_a_time_that_stands_still(self) -> None:
        encoder = H264Form().open()
        sizes = [(320, 240), (320, 240), (640, 480)]
        packets = [
            packet
            for size in sizes
            for packet in encoder.encode(make_image(size), seconds=1.0, is_first=False)
        ]
        assert [packet.pts for packet in packets] == [90000, 90001, 90002]
        assert [packet.is_keyframe for packet in packets] == [True, False, True]


class TestOnlooker:
    def test_whoever_is_slow_goes_on_with_a_key_frame(self) -> None:
        async def main() -> None:
            encoder, onlooker = H264Form().open(), PacketOnlooker(H264Form())
            for number in range(12):
                packets = encoder.encode(
                    make_image(seed=number), seconds=number / 10, is_first=number in (1, 11)
                )
                onlooker.put("door", packets if number else [])
            # 1 to 8 filled it up, 9 and 10 make no sense without those
            packet = await onlooker.next()
            assert (packet.is_keyframe, packet.pts) == (True, 99000)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(onlooker.next(), 0.01)

        asyncio.run(main())


class TestOffers:
    def test_the_answer_names_only_the_address_that_is_listened_on(self, stage: Stage) -> None:
        said = offer() + "a=candidate:1 1 udp 2130706431 203.0.113.9 5000 typ host\r\n"
        answer = stage.ask("POST", "/api/v1/cameras/door/offer", Role.VIEWER, json={"sdp": said})
        assert answer.status_code == 200, answer.text
        sdp = answer.json()["sdp"]
        assert set(re.findall(r"^a=candidate:\S+ \d \w+ \d+ (\S+)", sdp, re.MULTILINE)) == {"127.0.0.1"}
        assert "H264" in sdp
        assert "VP8" not in sdp
        assert "203.0.113.9" not in sdp

    @pytest.mark.parametrize("sdp", ["nonsense", "v=0", "v=0\r\nm=video x\r\n", offer("audio")])
    def test_what_is_no_offer_is_said_to_be_none(self, stage: Stage, sdp: str) -> None:
        answer = stage.ask("POST", "/api/v1/cameras/door/offer", json={"sdp": sdp})
        assert answer.status_code == 422
        assert "offer" in answer.json()["error"]

    def test_without_aiortc_it_says_so(self, stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("maskcam.web.live.routes.has_webrtc", lambda: False)
        answer = stage.ask("POST", "/api/v1/cameras/door/offer", json={"sdp": "v=0"})
        assert answer.status_code == 501
        assert "live.mjpeg" in answer.json()["error"]

    def test_cameras_that_are_not_there(self, stage: Stage) -> None:
        assert stage.ask("POST", "/api/v1/cameras/nowhere/offer", json={"sdp": "v=0"}).status_code == 404
