from __future__ import annotations

import gc
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.frame import VideoFrame

from maskcam.errors import SourceError, SourceNotFoundError
from maskcam.sources.file import VideoFileSource
from maskcam.types import Frame
from tests.sources.media import (
    bar_of,
    corner_picture,
    cut,
    cut_within_packet,
    red_corner,
    write_picture,
    write_sound,
    write_video,
)

FASTSTART = {"movflags": "faststart"}


def read_damaged(path: Path) -> tuple[list[Frame], str]:
    """The frames before the fault, and what is said about it."""
    frames: list[Frame] = []
    with VideoFileSource(path) as source, pytest.raises(SourceError) as caught:
        frames.extend(source)
    return frames, str(caught.value)


@pytest.mark.parametrize(
    ("ending", "codec", "pix_fmt"),
    [
        (".mp4", "libx264", "yuv420p"),
        (".mov", "mpeg4", "yuv420p"),
        (".mkv", "libx264", "yuv444p"),
        (".webm", "libvpx", "yuv420p"),
        (".avi", "mjpeg", "yuvj420p"),
        (".ts", "mpeg2video", "yuv420p"),
        (".flv", "libx264", "yuv420p"),
        (".asf", "msmpeg4", "yuv420p"),
        (".mpg", "mpeg2video", "yuv420p"),
        (".gif", "gif", "rgb8"),
        (".264", "libx264", "yuv420p"),
        (".mkv", "ffv1", "gray"),
        (".mkv", "ffv1", "gray16le"),
        (".mkv", "ffv1", "bgra"),
        (".mkv", "libx264", "yuv420p10le"),
    ],
)
def test_every_frame_of_any_container_and_codec(
    tmp_path: Path, ending: str, codec: str, pix_fmt: str
) -> None:
    options = {"deadline": "realtime", "cpu-used": "8"} if codec == "libvpx" else {}
    path = write_video(tmp_path / f"v{ending}", codec=codec, pix_fmt=pix_fmt, options=options)
    with VideoFileSource(path) as source:
        frames = list(source)
    assert [frame.index for frame in frames] == list(range(30))
    # Matroska and FLV keep whole milliseconds, GIF hundredths
    assert [frame.pts_seconds for frame in frames] == pytest.approx([i / 25 for i in range(30)], abs=0.011)
    # palettes and blocks blur the bar, but frames are 3 pixels apart
    assert [bar_of(frame.image) for frame in frames] == pytest.approx([i * 3 for i in range(30)], abs=1)
    if "gray" not in pix_fmt:
        assert red_corner(frames[-1].image) == "top left"


def test_variable_frame_rate_is_kept(tmp_path: Path) -> None:
    pts_ms = [0, 40, 45, 500, 510, 1700]
    path = write_video(tmp_path / "v.mp4", frame_count=6, pts_ms=pts_ms)
    with VideoFileSource(path) as source:
        assert [round(frame.pts_seconds * 1000) for frame in source] == pts_ms


@pytest.mark.parametrize("frame_count", [3, 60])
def test_time_counts_from_the_start_of_the_file(tmp_path: Path, frame_count: int) -> None:
    pts_ms = range(5000, 5000 + 40 * frame_count, 40)
    with VideoFileSource(write_video(tmp_path / "v.mkv", frame_count=frame_count, pts_ms=pts_ms)) as source:
        assert [frame.pts_seconds for frame in source] == pytest.approx([i / 25 for i in range(frame_count)])


def test_a_clock_that_is_set_back_goes_on(tmp_path: Path) -> None:
    first = write_video(tmp_path / "a.ts", codec="mpeg2video", frame_count=50)
    joined = tmp_path / "joined.ts"
    joined.write_bytes(first.read_bytes() * 2)
    with VideoFileSource(joined) as source:
        seconds = [frame.pts_seconds for frame in source]
    assert len(seconds) == 100
    assert np.diff(seconds) == pytest.approx(0.04)


@pytest.mark.parametrize(
    ("rotation", "corner", "size_wh"),
    [
        ((0, False, False), "top left", (96, 64)),
        ((90, False, False), "bottom left", (64, 96)),
        ((180, False, False), "bottom right", (96, 64)),
        ((-90, False, False), "top right", (64, 96)),
        ((0, True, False), "top right", (96, 64)),
    ],
)
def test_rotation_is_applied(
    tmp_path: Path, rotation: tuple[float, bool, bool], corner: str, size_wh: tuple[int, int]
) -> None:
    with VideoFileSource(write_video(tmp_path / "v.mp4", frame_count=2, rotation=rotation)) as source:
        assert source.info.size_wh == size_wh
        for frame in source:
            assert (red_corner(frame.image), frame.size_wh) == (corner, size_wh)


def test_info(tmp_path: Path) -> None:
    with VideoFileSource(write_video(tmp_path / "ward 3.mp4", sound_seconds=3.0)) as source:
        info = source.info
    assert (info.name, info.size_wh, info.fps, info.frame_count) == ("ward 3.mp4", (96, 64), 25.0, 30)
    assert info.duration_seconds == pytest.approx(1.2)
    assert not info.is_live
    assert not info.is_still


def test_sound_that_lasts_longer_is_no_damage(tmp_path: Path) -> None:
    path = write_video(tmp_path / "v.mkv", sound_seconds=4.0)
    with VideoFileSource(path) as source:
        assert len(list(source)) == 30


def test_a_name_with_a_colon_is_a_file(tmp_path: Path) -> None:
    with VideoFileSource(write_video(tmp_path / "v.mp4").rename(tmp_path / "12:30 100%d.mp4")) as source:
        assert source.info.name == "12:30 100%d.mp4"


@pytest.mark.parametrize(
    ("ending", "container_options"),
    [(".mp4", FASTSTART), (".mkv", {}), (".avi", {}), (".mp4", {"movflags": "frag_keyframe+empty_moov"})],
)
def test_a_cut_file_gives_its_good_frames_and_then_says_how_far_it_got(
    tmp_path: Path, ending: str, container_options: dict[str, str]
) -> None:
    # a key frame every 10 frames, and B frames, which wait in the decoder when the cut comes
    path = write_video(
        tmp_path / f"v{ending}", frame_count=60, options={"g": "10"}, container_options=container_options
    )
    with VideoFileSource(path) as source:
        whole = [frame.image for frame in source]
    frames, message = read_damaged(cut_within_packet(path, tmp_path / f"cut{ending}", number=42))
    assert 30 < len(frames) <= 42
    for frame, image in zip(frames, whole, strict=False):
        np.testing.assert_array_equal(frame.image, image)
    assert message.startswith(f"cut{ending} is damaged: it breaks off after ")
    assert f"after {frames[-1].pts_seconds + 0.04:.1f} s" in message


def test_a_damaged_frame_within_does_not_stop_the_others(tmp_path: Path) -> None:
    path = write_video(tmp_path / "v.mp4", options={"g": "1"}, container_options=FASTSTART)
    with av.open(str(path)) as container:
        packet = [packet for packet in container.demux(video=0) if packet.size][10]
    data = bytearray(path.read_bytes())
    assert packet.pos is not None
    data[packet.pos : packet.pos + packet.size] = b"\xff" * packet.size
    path.write_bytes(data)
    frames, message = read_damaged(path)
    assert len(frames) == 29
    assert "1 of its frames could not be decoded" in message


def zero_bytes(folder: Path) -> Path:
    (folder / "v.mp4").touch()
    return folder / "v.mp4"


def noise(folder: Path) -> Path:
    (folder / "v.mp4").write_bytes(np.random.default_rng(0).bytes(20_000))
    return folder / "v.mp4"


def text(folder: Path) -> Path:
    (folder / "v.txt").write_text("hello\n" * 100)
    return folder / "v.txt"


def sound(folder: Path) -> Path:
    return write_sound(folder / "v.m4a")


def song_with_cover(folder: Path) -> Path:
    cover = write_picture(folder / "cover.jpg", corner_picture())
    with av.open(str(folder / "song.mp4"), "w") as out, av.open(str(cover)) as picture:
        audio = out.add_stream("aac", rate=16000)
        video = out.add_stream_from_template(picture.streams.video[0])
        video.disposition = av.stream.Disposition.attached_pic
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 16000
        assert isinstance(audio, av.AudioStream)
        for packet in picture.demux(video=0):
            if packet.size:
                packet.stream = video
                out.mux(packet)
        out.mux(audio.encode(frame))
        out.mux(audio.encode())
    return folder / "song.mp4"


def without_index(folder: Path) -> Path:
    return cut(write_video(folder / "whole.mp4"), folder / "v.mp4")


def unknown_codec(folder: Path) -> Path:
    path = write_video(folder / "v.mp4")
    path.write_bytes(path.read_bytes().replace(b"avc1", b"zzz9").replace(b"avcC", b"zzzC"))
    return path


def header_alone(folder: Path) -> Path:
    path = write_video(folder / "whole.mp4", container_options=FASTSTART)
    data = path.read_bytes()
    (folder / "v.mp4").write_bytes(data[: data.index(b"mdat") + 4])
    return folder / "v.mp4"


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (zero_bytes, "v.mp4 is empty"),
        (noise, "v.mp4 is not a video"),
        (text, "v.txt is a text file"),
        (sound, "v.m4a holds no video, only audio"),
        (song_with_cover, "song.mp4 holds no video"),
        (without_index, "v.mp4 was cut off before its index"),
        (unknown_codec, "v.mp4 uses a video codec"),
        (header_alone, "v.mp4 holds no picture that can be decoded"),
        (lambda folder: folder, "is a folder"),
    ],
)
def test_what_is_no_video_gets_one_clear_sentence(
    tmp_path: Path, make: Callable[[Path], Path], says: str
) -> None:
    with pytest.raises(SourceError) as caught:
        VideoFileSource(make(tmp_path))
    message = str(caught.value)
    assert says in message
    assert message.endswith(".")
    assert "\n" not in message


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(SourceNotFoundError, match=r"^There is no file .*none\.mp4: check the name\.$"):
        VideoFileSource(tmp_path / "none.mp4")


def pictures_in_memory() -> set[int]:
    return {id(kept) for kept in gc.get_objects() if type(kept) is VideoFrame and kept.width > 16}


def test_a_file_that_was_read_leaves_no_picture_in_memory(tmp_path: Path) -> None:
    path = write_video(tmp_path / "v.mp4", frame_count=3)
    gc.collect()
    before = pictures_in_memory()
    gc.disable()  # what is left is only there because things hold each other
    try:
        with VideoFileSource(path) as source:
            assert len(list(source)) == 3
        left = pictures_in_memory() - before
    finally:
        gc.enable()
    assert left == set()
