"""Which files are pictures and videos, and what a folder or a pattern stands for."""

from __future__ import annotations

import glob
import re
from collections.abc import Iterable
from pathlib import Path

from maskcam.errors import InputError, SourceNotFoundError
from maskcam.sources.urls import mask_password

IMAGE_SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".tif", ".tiff", ".avif", ".ppm", ".pgm"}
)
VIDEO_SUFFIXES = frozenset(
    {
        ".mp4",
        ".m4v",
        ".mov",
        ".3gp",
        ".3g2",
        ".mkv",
        ".webm",
        ".avi",
        ".mpg",
        ".mpeg",
        ".vob",
        ".ts",
        ".m2ts",
        ".mts",
    }
    | {
        ".flv",
        ".wmv",
        ".asf",
        ".ogv",
        ".ogg",
        ".mxf",
        ".dav",
        ".gif",
        ".mjpeg",
        ".mjpg",
        ".h264",
        ".264",
        ".h265",
    }
    | {".265", ".hevc", ".y4m"}
)


def expand_inputs(spec: str | Path) -> list[Path]:
    """Lists the pictures and videos that a file name, a folder or a pattern stands for.

    Args:
        spec: a file (taken whatever its ending), a folder (its direct children with a known ending, hidden
            files left out) or a glob such as `shots/**/*.jpg` (what it matches, likewise).

    Returns:
        At least one path, in natural order: `shot2.jpg` before `shot10.jpg`.

    Raises:
        InputError: it is a network address.
        SourceNotFoundError: nothing is there, or nothing of it is a picture or a video.
    """
    if "://" in str(spec):
        raise InputError(f"{mask_password(str(spec))} is an address, not a file: `maskcam watch` takes it.")
    path = Path(spec)
    if path.is_dir():
        found = _media(path.iterdir())
        if not found:
            raise SourceNotFoundError(
                f"The folder {path} holds no picture and no video: name a folder that does, or a file."
            )
        return found
    if path.exists():
        return [path]
    if not glob.has_magic(str(spec)):
        raise SourceNotFoundError(f"There is no file or folder {path}: check the name.")
    found = _media(Path(match) for match in glob.glob(str(spec), recursive=True))  # noqa: PTH207  Path has no glob for absolute patterns
    if not found:
        raise SourceNotFoundError(f"Nothing that matches {spec} is a picture or a video: check the pattern.")
    return found


def is_image(path: Path) -> bool:
    """True where the ending is that of a picture."""
    return path.suffix.lower() in IMAGE_SUFFIXES


def is_media(path: Path) -> bool:
    """True where the ending is that of a picture or a video, and the file is not hidden."""
    # macOS leaves "._name.jpg" beside pictures on foreign disks: not a picture, in spite of its ending
    return path.suffix.lower() in IMAGE_SUFFIXES | VIDEO_SUFFIXES and path.name[0] != "."


def natural_order(path: Path | str) -> list[tuple[int, str]]:
    """A key that orders digits by value and letters without regard to case."""
    return [
        (int(part), "") if part.isdecimal() else (-1, part.lower()) for part in re.split(r"(\d+)", str(path))
    ]


def _media(paths: Iterable[Path]) -> list[Path]:
    return sorted((path for path in paths if is_media(path) and path.is_file()), key=natural_order)
