"""Frames drawn by a formula, for tests and for trying things without a camera."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

import numpy as np

from maskcam.errors import InputError
from maskcam.pixels import ArrayPixels
from maskcam.sources.base import Source, SourceInfo
from maskcam.types import Frame, Image

_SPEC = re.compile(r"synthetic:(\d+)x(\d+)@(\d+(?:\.\d+)?)\*(\d+)")
_COLOURS_BGR = ((40, 40, 220), (60, 200, 60), (220, 120, 40))
_BACKGROUND_BGR = (96, 96, 96)


class SyntheticSource(Source):
    """Coloured rectangles that move over grey; the same numbers give the same pixels, always.

    Args:
        size_wh: width and height in pixels, at least 1.
        fps: frames per second of `pts_seconds`; nothing waits.
        frame_count: how many frames, at least 1.
        name: given to every frame.
    """

    def __init__(
        self, *, size_wh: tuple[int, int], fps: float, frame_count: int, name: str = "synthetic"
    ) -> None:
        if min(size_wh) < 1 or fps <= 0 or frame_count < 1:
            raise ValueError(
                f"size, fps and frame count must be above 0, got {size_wh}, {fps} and {frame_count}"
            )
        self._size_wh = size_wh
        self._fps = fps
        self._next_index = 0
        self._frame_count = frame_count
        self._is_closed = False
        self.info = SourceInfo(
            name=name,
            size_wh=size_wh,
            fps=fps,
            frame_count=frame_count,
            duration_seconds=frame_count / fps,
        )

    @classmethod
    def from_spec(cls, spec: str, *, name: str | None = None) -> SyntheticSource:
        """Reads `synthetic:WIDTHxHEIGHT@FPS*FRAMES`, such as `synthetic:640x480@25*100`.

        Raises:
            InputError: it does not have that form, or a number is 0.
        """
        match = _SPEC.fullmatch(spec)
        if match is None or any(float(number) == 0 for number in match.groups()):
            raise InputError(
                f"Cannot read {spec}: write synthetic:WIDTHxHEIGHT@FPS*FRAMES, as in synthetic:64x48@25*100."
            )
        width, height, fps, frame_count = match.groups()
        return cls(
            size_wh=(int(width), int(height)),
            fps=float(fps),
            frame_count=int(frame_count),
            name=name or "synthetic",
        )

    def frames(self) -> Iterator[Frame]:
        """As in `Source`; goes on where an earlier call stopped."""
        while self._next_index < self._frame_count or self._is_closed:
            if self._is_closed:
                raise ValueError(f"{self.info.name} is closed: open it anew to read it")
            index = self._next_index
            self._next_index += 1
            yield Frame(
                ArrayPixels(self._draw(index)),
                index=index,
                pts_seconds=index / self._fps,
                captured_seconds=time.monotonic(),
                camera=self.info.name,
            )

    def close(self) -> None:
        """As in `Source`."""
        self._is_closed = True

    def _draw(self, index: int) -> Image:
        width, height = self._size_wh
        image = np.full((height, width, 3), _BACKGROUND_BGR, np.uint8)
        box_width, box_height = max(1, width // 6), max(1, height // 4)
        for row, colour_bgr in enumerate(_COLOURS_BGR):
            left = (index * (row + 1) * max(1, width // 80) + row * width // 3) % width
            top = row * height // 3
            image[top : top + box_height, left : left + box_width] = colour_bgr
        return image
