"""What sinks that write files have in common."""

from __future__ import annotations

import itertools
import os
from contextlib import suppress
from pathlib import Path

import cv2

from maskcam.errors import OutputError
from maskcam.types import Image


def make_folder(folder: Path) -> None:
    """Makes a folder with its parents, and makes sure that files can be written there.

    Raises:
        OutputError: it cannot be made, or nothing can be written in it.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"cannot make the folder {folder} ({reason(error)}): choose another") from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise OutputError(f"cannot write in the folder {folder} (permission denied): choose another")


def claim_partial(path: Path) -> Path:
    """Makes an empty file beside `path`, for what is on its way there and may be of use if it never arrives.

    Returns:
        `ward.partial.mp4` for `ward.mp4`, or `ward.partial-2.mp4` and so on where a run that ended badly
        left one behind, or another is at work.

    Raises:
        OSError: it cannot be made.
    """
    for number in itertools.count(1):
        ending = ".partial" if number == 1 else f".partial-{number}"
        partial = path.with_name(f"{path.stem}{ending}{path.suffix}")
        with suppress(FileExistsError):
            partial.touch(exist_ok=False)
            break
    return partial


def write_jpeg(image: Image, path: Path, *, quality: int) -> None:
    """Writes a JPEG, making its folder; whoever reads `path` sees the old picture or the new one, never half.

    Args:
        image: (H, W, 3) uint8, BGR.
        path: replaced when it exists.
        quality: 1 to 100.

    Raises:
        OutputError: it cannot be written.
    """
    partial = path.with_name(f".{path.name}.partial")
    try:
        # not `cv2.imwrite`: that one fails without a word and cannot write to every path
        data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(data.tobytes())
        partial.replace(path)
    except (OSError, cv2.error) as error:
        with suppress(OSError):
            partial.unlink()
        raise OutputError(f"cannot write the picture {path}: {reason(error)}") from error


def safe_name(text: str) -> str:
    """The text as a file name, without folder and ending: dashes for what some system does not allow."""
    kept = "".join(c if c.isalnum() or c in " ._-+@()" else "-" for c in text).strip(" .-")
    # file systems allow 255 bytes; ours get endings and numbers on top
    return kept.encode()[:150].decode(errors="ignore") or "picture"


def reason(error: Exception) -> str:
    """Why it failed, in the system's words, without numbers and paths."""
    return (getattr(error, "strerror", None) or str(error)).strip().rstrip(".").lower()
