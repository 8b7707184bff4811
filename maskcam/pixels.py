"""Pictures in the form in which their source has them, converted only as far as somebody asks."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
"""(H, W, 3) uint8, BGR."""

_GLANCE = 320


@dataclass(frozen=True, slots=True)
class Coding:
    """How the three planes of a picture stand for colours.

    Attributes:
        red: share of red in brightness, K_r of ITU-T H.273.
        blue: share of blue, K_b.
        is_full: brightness runs from 0 to 255, not from 16 to 235.
    """

    red: float
    blue: float
    is_full: bool


@dataclass(frozen=True, slots=True, eq=False)
class Planes:
    """A 4:2:0 picture as its source has it: half the bytes of BGR.

    Attributes:
        luma: (H, W) uint8.
        chroma: two of ((H + 1) // 2, (W + 1) // 2) uint8: what is blue and what is red beyond grey, 128 for grey; each
            value belongs to two by two pixels.
        coding: what they mean.
    """

    luma: NDArray[np.uint8]
    chroma: tuple[NDArray[np.uint8], NDArray[np.uint8]]
    coding: Coding


class Pixels(ABC):
    """One picture: its whole, a smaller copy, or a part, each as BGR.

    A decoder's picture is YUV: most frames are only looked at in the detector's size and around their faces, and
    converting the rest would take longer than decoding it did. What is handed out is not to be changed.
    """

    __slots__ = ()

    @property
    @abstractmethod
    def size_wh(self) -> tuple[int, int]:
        """Width and height in pixels."""

    @abstractmethod
    def whole(self) -> Image:
        """All of it, (H, W, 3) uint8 BGR; the same array every time."""

    def copy(self) -> Image:
        """The same as an array of one's own, to draw upon."""
        return self.whole().copy()

    @abstractmethod
    def scaled(self, size_wh: tuple[int, int]) -> Image:
        """All of it in another size, (height, width, 3) uint8 BGR; averaged where it shrinks a lot."""

    @abstractmethod
    def glance(self) -> NDArray[np.uint8]:
        """Every nth pixel of every nth row, grey, (h, w) uint8 with a longer side of 320 to 640.

        Whether anything has moved can be told from it, and it takes next to no time.
        """

    @abstractmethod
    def region(self, left: int, top: int, right: int, bottom: int) -> Image:
        """A part, (bottom - top, right - left, 3) uint8 BGR; the edges must lie within the picture."""

    def planes(self) -> Planes | None:
        """The picture as it was decoded, for whoever converts it elsewhere; None where it is BGR already."""
        return None


class ArrayPixels(Pixels):
    """A picture that is BGR already.

    Args:
        image: (H, W, 3) uint8 BGR.

    Raises:
        TypeError: it is no array, or not of uint8.
        ValueError: it has another shape, or no pixels.
    """

    __slots__ = ("_image",)

    def __init__(self, image: Image) -> None:
        check_image(image)
        self._image = image

    @property
    def size_wh(self) -> tuple[int, int]:
        return self._image.shape[1], self._image.shape[0]

    def whole(self) -> Image:
        return self._image

    def scaled(self, size_wh: tuple[int, int]) -> Image:
        import cv2  # not for whoever only wants the types

        shrinks = max(size_wh) < 0.5 * max(self.size_wh)
        interpolation = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
        return np.asarray(cv2.resize(self._image, size_wh, interpolation=interpolation), np.uint8)

    def glance(self) -> NDArray[np.uint8]:
        step = glance_step(self.size_wh)
        return np.ascontiguousarray(self._image[::step, ::step, 1])  # green is most of what brightness is

    def region(self, left: int, top: int, right: int, bottom: int) -> Image:
        return self._image[top:bottom, left:right]


def glance_step(size_wh: tuple[int, int]) -> int:
    """The n of `Pixels.glance`."""
    return max(1, max(size_wh) // _GLANCE)


def as_pixels(picture: Image | Pixels) -> Pixels:
    """The same picture; see `ArrayPixels` for errors."""
    return picture if isinstance(picture, Pixels) else ArrayPixels(picture)


def check_image(image: Image) -> None:
    """Raises ValueError or TypeError unless `image` is a non-empty (H, W, 3) uint8 array."""
    if not isinstance(image, np.ndarray):
        raise TypeError(f"image must be a NumPy array, got {type(image).__name__}")
    if image.dtype != np.uint8:
        raise TypeError(f"image must be uint8 in 0..255, got {image.dtype}: convert it first")
    if image.ndim != 3 or image.shape[2] != 3 or 0 in image.shape:
        raise ValueError(f"image must have shape (H, W, 3) in BGR order, got {image.shape}")
