from __future__ import annotations

import logging
import threading
import time
import traceback
from collections.abc import Iterator
from pathlib import Path

import av
import pytest

from maskcam.errors import SourceError, SourceNotFoundError, StreamLostError
from maskcam.sources.stream import StreamSource
from maskcam.types import Frame
from tests.sources.media import bar_of, corner_picture, write_picture, write_sound, write_video
from tests.sources.servers import closed_port, http_server, mute_server, rtsp_server

LOGIN = "admin:hunter2@"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("served")
    write_video(folder / "v.mp4")
    write_video(folder / "fast.mp4", container_options={"movflags": "faststart"})
    write_video(folder / "v.ts", codec="mpeg2video")
    write_video(folder / "talk.ts", codec="mpeg2video", frame_count=20, sound_seconds=30)
    write_sound(folder / "sound.mp4")
    write_picture(folder / "p.jpg", corner_picture())
    (folder / "page.html").write_text("<html>log in</html>" * 50)
    write_video(
        folder / "list.m3u8",
        options={"g": "10"},
        container_options={"hls_time": "0.4", "hls_list_size": "0"},
    )
    lines = (folder / "list.m3u8").read_text().splitlines()
    (folder / "live.m3u8").write_text("\n".join(line for line in lines if line != "#EXT-X-ENDLIST") + "\n")
    return folder


@pytest.fixture(scope="module")
def http(folder: Path) -> Iterator[str]:
    with http_server(folder) as address:
        yield address


@pytest.mark.parametrize("name", ["v.mp4", "fast.mp4", "v.ts", "list.m3u8"])
def test_a_finite_video_is_read_like_a_file(http: str, name: str) -> None:
    with StreamSource(f"http://{http}/{name}", timeout_seconds=3) as source:
        assert not source.info.is_live
        frames = list(source)
    assert [frame.index for frame in frames] == list(range(30))
    assert [frame.pts_seconds for frame in frames] == pytest.approx([i / 25 for i in range(30)], abs=0.001)
    assert [bar_of(frame.image) for frame in frames] == pytest.approx([i * 3 for i in range(30)], abs=1)


def test_a_snapshot_address_is_one_still(http: str) -> None:
    with StreamSource(f"http://{http}/p.jpg", timeout_seconds=3) as source:
        assert source.info.is_still
        assert len(list(source)) == 1


def test_mjpeg_is_live_has_the_time_of_arrival_and_does_not_just_end(http: str) -> None:
    frames: list[Frame] = []
    with StreamSource(f"http://{http}/mjpeg/20", timeout_seconds=3) as source:
        assert source.info.is_live
        assert (source.info.fps, source.info.duration_seconds) == (None, None)
        with pytest.raises(StreamLostError, match=r"/mjpeg/20 (broke off|ended) after"):
            frames.extend(source)
    # FFmpeg drops the last picture, whose end it cannot see
    assert [bar_of(frame.image) for frame in frames] == pytest.approx(
        [i * 3 for i in range(len(frames))], abs=1
    )
    assert len(frames) >= 19
    arrival = [frame.captured_seconds - frames[0].captured_seconds for frame in frames]
    assert [frame.pts_seconds for frame in frames] == pytest.approx(arrival)


def test_a_camera_that_falls_silent_is_lost_in_time(http: str) -> None:
    frames: list[Frame] = []
    with StreamSource(f"http://{http}/stalled", timeout_seconds=0.3) as source:
        start_seconds = time.monotonic()
        with pytest.raises(StreamLostError, match=r"\(no data for 0\.3 s\)"):
            frames.extend(source)
        assert time.monotonic() - start_seconds < 3
    assert len(frames) >= 8


def test_closing_while_another_thread_reads_is_safe(http: str) -> None:
    source = StreamSource(f"http://{http}/stalled", timeout_seconds=1)
    caught: list[BaseException] = []

    def read() -> None:
        try:
            with source:
                list(source)
        except (StreamLostError, ValueError) as error:
            caught.append(error)

    thread = threading.Thread(target=read)
    thread.start()
    time.sleep(0.3)  # by then it waits for the eleventh picture
    source.close()
    thread.join(5)
    assert len(caught) == 1
    with pytest.raises(ValueError, match="is closed"):
        next(source.frames())


def test_sound_that_goes_on_does_not_hide_that_the_picture_stopped(http: str) -> None:
    with StreamSource(f"http://{http}/trickle/talk.ts", timeout_seconds=0.5) as source:
        assert source.info.is_live
        with pytest.raises(StreamLostError, match=r"\(no data for 0\.5 s\)"):
            list(source)


def test_hls_without_an_end_is_live(http: str) -> None:
    with StreamSource(f"http://{http}/live.m3u8", timeout_seconds=0.5) as source:
        assert source.info.is_live
        assert source.info.duration_seconds is None
        frames = source.frames()
        first, second = next(frames), next(frames)
        assert second.pts_seconds - first.pts_seconds == pytest.approx(0.04, abs=0.001)
        # the list never grows: a stalled camera
        with pytest.raises(StreamLostError):
            list(frames)


def test_a_finite_video_whose_connection_breaks_is_no_whole_video(http: str, folder: Path) -> None:
    with av.open(str(folder / "fast.mp4")) as container:
        ends = [(packet.pos or 0) + packet.size for packet in container.demux(video=0) if packet.size]
    arrived_bytes = (folder / "fast.mp4").stat().st_size * 6 // 10
    frames: list[Frame] = []
    with (
        StreamSource(f"http://{http}/torn/fast.mp4", timeout_seconds=3) as source,
        pytest.raises(SourceError) as caught,
    ):
        frames.extend(source)
    assert len(frames) == sum(end <= arrived_bytes for end in ends) < 30
    assert not isinstance(caught.value, StreamLostError)


def check_one_clear_sentence(url: str, says: str, kind: type[SourceError] = SourceError) -> None:
    """Opening fails with that, and neither the message nor the trace back to it holds the password."""
    with pytest.raises(kind) as caught:
        StreamSource(url, timeout_seconds=0.3)
    assert type(caught.value) is kind
    assert says in str(caught.value)
    assert str(caught.value).endswith(".")
    trace = "".join(traceback.format_exception_only(caught.value))
    chained = (caught.value.__cause__, caught.value.__context__)
    assert chained == (None, None)
    assert "hunter2" not in trace
    assert "***" in trace


@pytest.mark.parametrize("scheme", ["http", "rtsp"])
def test_refused(scheme: str) -> None:
    check_one_clear_sentence(f"{scheme}://{LOGIN}{closed_port()}/x", "refuses the connection")


@pytest.mark.parametrize("scheme", ["http", "https", "rtsp", "rtsps"])
def test_no_answer(scheme: str) -> None:
    with mute_server() as address:
        check_one_clear_sentence(f"{scheme}://{LOGIN}{address}/x", "did not answer within 0.3 s")


def test_unknown_host() -> None:
    check_one_clear_sentence(f"rtsp://{LOGIN}no-such-host.invalid/x", "cannot be reached")


@pytest.mark.parametrize(
    ("status", "says", "kind"),
    [
        ("404 Not Found", "does not exist on that server", SourceNotFoundError),
        ("401 Unauthorized", "refuses the user name or password", SourceError),
        ("403 Forbidden", "refuses the user name or password", SourceError),
        ("503 Service Unavailable", "answers with an error", SourceError),
    ],
)
def test_rtsp_status(status: str, says: str, kind: type[SourceError]) -> None:
    with rtsp_server(status) as address:
        check_one_clear_sentence(f"rtsp://{LOGIN}{address}/cam", says, kind)


@pytest.mark.parametrize(
    ("path", "says", "kind"),
    [
        ("none.mp4", "does not exist on that server", SourceNotFoundError),
        ("broken", "answers with an error", SourceError),
        ("page.html", "answers, but not with a video", SourceError),
        ("sound.mp4", "holds no video, only audio", SourceError),
    ],
)
def test_http_answers(http: str, path: str, says: str, kind: type[SourceError]) -> None:
    check_one_clear_sentence(f"http://{LOGIN}{http}/{path}", says, kind)


def test_http_password(http: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        check_one_clear_sentence(
            f"http://admin:wrong-hunter2@{http}/locked/v.mp4", "refuses the user name or password"
        )
        with StreamSource(f"http://{LOGIN}{http}/locked/v.mp4?token=hunter2", timeout_seconds=3) as source:
            frame = next(iter(source))
            assert source.info.name == frame.camera == f"http://***@{http}/locked/v.mp4?token=***"
    assert "hunter2" not in caplog.text
