"""What sources hand on of what was encoded: the very same pictures, with the times of their frames."""

import re
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.codeccontext import VideoCodecContext

from maskcam.sources import open_source
from maskcam.sources.tape import EncodedTape
from maskcam.types import EncodedPicture, Frame
from tests.sources.media import write_video


def decode(pictures: list[EncodedPicture]) -> list[av.VideoFrame]:
    """By a decoder that knows nothing but these."""
    decoder = av.CodecContext.create("h264", "r")
    assert isinstance(decoder, VideoCodecContext)
    decoder.options = {"err_detect": "explode"}
    found = []
    for picture in pictures:
        packet = av.Packet(picture.data)
        packet.pts = round(picture.pts_seconds * 1000)
        found += decoder.decode(packet)
    return found + decoder.decode(None)


def read(path: Path) -> tuple[list[Frame], list[EncodedPicture]]:
    with open_source(str(path)) as source:
        frames = list(source)
    return frames, [picture for frame in frames for picture in frame.encoded or ()]


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.ts"])
@pytest.mark.parametrize("bframes", [0, 2])
def test_every_picture_of_a_recording(tmp_path: Path, name: str, bframes: int) -> None:
    options = {"g": "10", "bf": str(bframes), "sc_threshold": "0"}
    frames, pictures = read(write_video(tmp_path / name, frame_count=40, options=options))
    assert len(pictures) == len(frames) == 40
    assert [picture.is_key for picture in pictures].count(True) == 4
    assert sorted(picture.pts_seconds for picture in pictures) == pytest.approx(
        [frame.pts_seconds for frame in frames], abs=0.0011
    )
    decoded = decode(pictures)
    assert [picture.pts for picture in decoded] == pytest.approx(
        [1000 * frame.pts_seconds for frame in frames], abs=2
    )
    for picture, frame in zip(decoded, frames, strict=True):
        assert np.array_equal(picture.to_ndarray(format="bgr24"), frame.image)


@pytest.mark.parametrize(
    "options",
    [
        {"codec": "mpeg4"},
        {"pix_fmt": "yuv444p"},
        {"rotation": (90, False, False)},
    ],
)
def test_what_no_browser_plays_upright_is_left_to_be_encoded(
    tmp_path: Path, options: dict[str, object]
) -> None:
    frames, _ = read(write_video(tmp_path / "a.mp4", frame_count=10, **options))  # type: ignore[arg-type]
    assert [frame.encoded for frame in frames] == [None] * 10


def test_after_damage_it_goes_on_at_a_key_picture(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.ts", frame_count=60, options={"g": "10", "bf": "0"})
    data = bytearray(path.read_bytes())
    middle = len(data) // 2 // 188 * 188
    for start in range(middle, middle + 4 * 188, 188):
        data[start + 60 : start + 120] = b"\xff" * 60
    path.write_bytes(data)
    _, pictures = read(path)
    assert pictures[0].is_key
    assert len(pictures) > 20


def test_clock_set_anew_in_a_recording(tmp_path: Path) -> None:
    """Two recordings joined into one: pictures of the second are known under no time, so they are not copied."""
    one = write_video(tmp_path / "1.ts", frame_count=50)
    joined = tmp_path / "joined.ts"
    joined.write_bytes(2 * one.read_bytes())
    frames, pictures = read(joined)
    assert frames[0].encoded is not None
    assert frames[-1].encoded is None
    assert max(picture.pts_seconds for picture in pictures) < 2.1


@pytest.mark.parametrize("lost", [{7}, {8}, {7, 8}])
def test_parameters_lost_on_their_way_are_those_of_before(tmp_path: Path, lost: set[int]) -> None:
    path = write_video(tmp_path / "a.ts", frame_count=20, options={"g": "10", "bf": "0", "sc_threshold": "0"})
    with av.open(str(path)) as reader:
        packets = [(bytes(packet), packet.is_keyframe) for packet in reader.demux(video=0) if packet.size]
    with av.open(str(path)) as reader:
        picture = next(reader.decode(video=0))
    first, second = (data for data, is_key in packets if is_key)
    units = [unit for unit in re.split(rb"\x00?\x00\x00\x01", second) if unit]
    kept = [unit for unit in units if unit[0] & 31 not in lost]
    assert len(units) - len(kept) == len(lost)
    context = av.CodecContext.create("h264", "r")
    assert isinstance(context, VideoCodecContext)
    tape = EncodedTape(context)
    tape.add(first, pts_seconds=0.0, is_key=True)
    tape.cut()
    tape.add(b"".join(b"\0\0\1" + unit for unit in kept), pts_seconds=0.4, is_key=True)
    taken = tape.take(picture)
    assert taken is not None
    assert taken[0].data == first
    assert len(decode(list(taken[1:]))) == 1
