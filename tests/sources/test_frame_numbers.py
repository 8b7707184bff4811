from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import av
import numpy as np
import pytest
from av.codec import CodecContext
from av.video.codeccontext import VideoCodecContext

from maskcam.sources.frame_numbers import FrameNumbers


def packets(*, profile: str, bframes: int, count: int = 80) -> list[bytes]:
    """Pictures of noise with a key frame every 40, as x264 encodes them; parameter sets before key frames."""
    encoder = CodecContext.create("libx264", "w")
    assert isinstance(encoder, VideoCodecContext)
    encoder.width, encoder.height, encoder.pix_fmt = 96, 64, "yuv420p"
    encoder.framerate, encoder.time_base = Fraction(25), Fraction(1, 25)
    encoder.profile = profile
    encoder.options = {"x264-params": f"keyint=40:scenecut=0:bframes={bframes}:repeat-headers=1:ref=2"}
    dice = np.random.default_rng(0)
    made = []
    for index in range(count):
        frame = av.VideoFrame.from_ndarray(dice.integers(0, 255, (64, 96, 3), np.uint8), format="bgr24")
        frame.pts = index
        made += [bytes(packet) for packet in encoder.encode(frame)]
    return made + [bytes(packet) for packet in encoder.encode(None)]


KINDS = [("Baseline", 0), ("Main", 2), ("High", 3)]


@pytest.mark.parametrize(("profile", "bframes"), KINDS)
def test_a_whole_stream_has_no_gap(profile: str, bframes: int) -> None:
    numbers = FrameNumbers()
    assert not any(numbers.has_gap(packet) for packet in packets(profile=profile, bframes=bframes))


@pytest.mark.parametrize(("profile", "bframes"), KINDS)
def test_a_lost_reference_picture_is_found_at_the_next_one(profile: str, bframes: int) -> None:
    whole = packets(profile=profile, bframes=bframes)
    references = [i for i, packet in enumerate(whole) if is_reference(packet) and not is_key(packet)]
    assert len(references) > 20
    for lost, _ in pairwise(references):
        numbers = FrameNumbers()
        gaps = [i for i, packet in enumerate(whole) if i != lost and numbers.has_gap(packet)]
        after = next(i for i in range(lost + 1, len(whole)) if is_key(whole[i]) or is_reference(whole[i]))
        if is_key(whole[after]):
            assert gaps in ([], [lost + 1]), "nothing builds upon it any more"
        else:
            assert gaps
            assert lost < gaps[0] <= after


def slice_heads(packet: bytes) -> list[int]:
    heads = [part[0] for part in packet.split(b"\x00\x00\x01")[1:]]
    return [head for head in heads if head & 31 in (1, 5)]


def is_reference(packet: bytes) -> bool:
    return bool(slice_heads(packet)[0] & 96)


def is_key(packet: bytes) -> bool:
    return slice_heads(packet)[0] & 31 == 5


@pytest.mark.parametrize(
    "data", [b"", b"\x00\x00\x01", b"\x00\x00\x01\x67", b"\x00\x00\x01\x41", b"\xff" * 100]
)
def test_what_is_cut_short_or_has_no_start_codes_is_taken_as_whole(data: bytes) -> None:
    numbers = FrameNumbers()
    assert not numbers.has_gap(packets(profile="High", bframes=0, count=3)[0])
    if data != b"\x00\x00\x01\x67":
        assert not numbers.has_gap(data)
