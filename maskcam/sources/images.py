"""Pictures: one, or many that have nothing to do with each other."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np

from maskcam.errors import SourceError, SourceNotFoundError
from maskcam.pixels import ArrayPixels
from maskcam.sources.base import Source, SourceInfo
from maskcam.sources.pixels import to_bgr
from maskcam.types import Frame, Image

_MAY_BE_TRANSPARENT = frozenset({".png", ".webp", ".tif", ".tiff", ".avif"})


def read_image(path: Path) -> Image:
    """Reads one picture as a person would see it.

    Grey, palette and 16-bit pictures (their upper eight bits) become BGR, an EXIF orientation is applied, and
    what is transparent lies over white.

    Args:
        path: a file in any format that OpenCV reads; what it holds counts, not its ending.

    Returns:
        (H, W, 3) uint8 BGR, contiguous.

    Raises:
        SourceNotFoundError: there is no such file.
        SourceError: it is not a picture, or a damaged one.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise SourceNotFoundError(f"There is no file {path}: check the name.") from error
    except OSError as error:
        raise SourceError(f"{path.name} cannot be read ({error.strerror}): check the file.") from error
    if not data:
        raise SourceError(f"{path.name} is empty (0 bytes): copy it anew.")
    if _is_cut_jpeg(data):
        raise SourceError(f"{path.name} is damaged: it breaks off in the middle, copy it anew.")
    buffer = np.frombuffer(data, np.uint8)
    try:
        pixels = cv2.imdecode(buffer, cv2.IMREAD_COLOR)
        if pixels is not None and path.suffix.lower() in _MAY_BE_TRANSPARENT:
            # IMREAD_COLOR turns upright but forgets transparency, IMREAD_UNCHANGED the other way round
            unchanged = cv2.imdecode(buffer, cv2.IMREAD_UNCHANGED)
            if unchanged is not None and unchanged.ndim == 3 and unchanged.shape[2] == 4:
                pixels = unchanged
    except cv2.error:
        pixels = None
    if pixels is None:
        raise SourceError(
            f"{path.name} is not a picture that can be read, or it is damaged: give another file."
        )
    return to_bgr(pixels)


class ImagesSource(Source):
    """Reads pictures one after another; `Frame.camera` is the file's name, so each stands for itself.

    Where files of several folders share a name, `Frame.camera` has the folder too. `Frame.index` is the
    position in `paths`. A picture that cannot be read does not stop the others: it is kept in `failed`, and
    `frames()` raises a SourceError that tells how many failed after the last picture.

    Args:
        paths: the pictures, in the order wanted; see `expand_inputs`.
        name: shown to the user; the picture's name, or that of the folder they share, when None.
        on_error: called with each failure as it happens.

    Raises:
        SourceNotFoundError: `paths` is empty, or the only file in it does not exist.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        *,
        name: str | None = None,
        on_error: Callable[[SourceError], None] | None = None,
    ) -> None:
        if not paths:
            raise SourceNotFoundError("There is no picture to read: name at least one.")
        if len(paths) == 1 and not paths[0].exists():
            raise SourceNotFoundError(f"There is no file {paths[0]}: check the name.")
        self._paths = tuple(paths)
        self._cameras = _cameras(paths)
        self._on_error = on_error
        self._next_index = 0
        self._is_closed = False
        self.failed: list[SourceError] = []
        self.info = SourceInfo(
            name=name or (paths[0].name if len(paths) == 1 else paths[0].resolve().parent.name),
            frame_count=len(paths),
            is_still=True,
        )

    def frames(self) -> Iterator[Frame]:
        """As in `Source`; goes on where an earlier call stopped."""
        while True:
            if self._is_closed:
                raise ValueError(f"{self.info.name} is closed: open it anew to read it")
            if self._next_index == len(self._paths):
                break
            index = self._next_index
            self._next_index += 1
            try:
                image = read_image(self._paths[index])
            except SourceError as error:
                self.failed.append(error)
                if self._on_error is not None:
                    self._on_error(error)
                continue
            yield Frame(
                ArrayPixels(image),
                index=index,
                pts_seconds=0.0,
                captured_seconds=time.monotonic(),
                camera=self._cameras[index],
            )
        self._raise_failures()

    def close(self) -> None:
        """As in `Source`."""
        self._is_closed = True

    def _raise_failures(self) -> None:
        if len(self._paths) == 1 and self.failed:
            raise self.failed[0]
        if self.failed:
            raise SourceError(
                f"{len(self.failed)} of {len(self._paths)} pictures in {self.info.name} could not be read,"
                f" the first: {self.failed[0]}"
            )


def _cameras(paths: Sequence[Path]) -> tuple[str, ...]:
    names = [path.name for path in paths]
    if len(set(names)) == len(names):
        return tuple(names)
    shared = os.path.commonpath([path.resolve().parent for path in paths])
    return tuple(path.resolve().relative_to(shared).as_posix() for path in paths)


def _is_cut_jpeg(data: bytes) -> bool:
    """True for a JPEG without its end: decoders fill the rest with grey and say nothing.

    The end marker of a thumbnail within the header does not count, so it must come after the last start of a
    scan.
    """
    return data.startswith(b"\xff\xd8") and data.rfind(b"\xff\xd9") < data.rfind(b"\xff\xda")
