"""Recordings that are long in time and quick to work on."""

from fractions import Fraction
from pathlib import Path

import av
from av.video.frame import PictureType

from tests.cli import DEMO


def write_looped(
    path: Path, *, seconds: float, size_wh: tuple[int, int] = (320, 180), first: int = 0, fps: int = 25
) -> Path:
    """The demo again and again, with a key frame every 5 s and B-frames."""
    with av.open(str(DEMO)) as reader:
        frames = [frame.reformat(*size_wh, "yuv420p") for frame in reader.decode(video=0)][first :: 25 // fps]
    with av.open(str(path), "w") as writer:
        stream = writer.add_stream(
            "libx264", rate=fps, options={"preset": "ultrafast", "bf": "2", "g": "125"}
        )
        stream.width, stream.height, stream.pix_fmt = *size_wh, "yuv420p"
        for index in range(int(seconds * fps)):
            frame = frames[index % len(frames)]
            frame.pts, frame.time_base, frame.pict_type = index, Fraction(1, fps), PictureType.NONE
            writer.mux(stream.encode(frame))
        writer.mux(stream.encode(None))
    return path
