"""Decoded pictures that stay YUV until somebody looks."""

from __future__ import annotations

import numpy as np
from av.video.frame import VideoFrame
from av.video.plane import VideoPlane
from av.video.reformatter import Interpolation, VideoReformatter
from numpy.typing import NDArray

from maskcam.pixels import Coding, Image, Pixels, Planes, glance_step

LAZY_FORMATS = ("yuv420p", "yuvj420p")
"""What nearly all cameras and recordings are in; every other format is converted as a whole."""

_RED_AND_BLUE = {1: (0.2126, 0.0722), 4: (0.3, 0.11), 7: (0.212, 0.087), 9: (0.2627, 0.0593)}
"""By number of the colour matrix, see table 4 of ITU-T H.273; swscale takes all others for ITU-R BT.601."""
_BT601 = (0.299, 0.114)
_FULL = 2  # AVCOL_RANGE_JPEG


class PlanarPixels(Pixels):
    """A decoder's 4:2:0 picture, converted by swscale, which knows its colour matrix and range.

    Args:
        picture: in one of `LAZY_FORMATS`; its memory stays with this object.
    """

    __slots__ = ("_glance", "_picture", "_whole")

    def __init__(self, picture: VideoFrame) -> None:
        self._picture = picture
        self._whole: Image | None = None
        self._glance: NDArray[np.uint8] | None = None

    @property
    def size_wh(self) -> tuple[int, int]:
        return self._picture.width, self._picture.height

    def whole(self) -> Image:
        if self._whole is None:
            self._whole = _to_bgr(self._picture)
        return self._whole

    def copy(self) -> Image:
        return super().copy() if self._whole is not None else _to_bgr(self._picture)

    def scaled(self, size_wh: tuple[int, int]) -> Image:
        shrinks = max(size_wh) < max(self.size_wh)
        small = self._picture.reformat(
            *size_wh,
            format="bgr24",
            interpolation=Interpolation.AREA if shrinks else Interpolation.BILINEAR,
            threads=1,
        )
        return np.asarray(small.to_ndarray(), np.uint8)

    def glance(self) -> NDArray[np.uint8]:
        if self._glance is None:
            width, height = self.size_wh
            step = glance_step(self.size_wh)
            self._glance = np.ascontiguousarray(_rows(self._picture.planes[0])[:height:step, :width:step])
        return self._glance

    def region(self, left: int, top: int, right: int, bottom: int) -> Image:
        if self._whole is None and not self._is_most_of_it(left, top, right, bottom):
            # from an even pixel to an even one: each chroma sample belongs to two by two pixels
            even_left, even_top = left - left % 2, top - top % 2
            part = _to_bgr(self._cut(even_left, even_top, right + right % 2, bottom + bottom % 2))
            return part[top - even_top : bottom - even_top, left - even_left : right - even_left]
        return self.whole()[top:bottom, left:right]

    def planes(self) -> Planes:
        luma, *chroma = (_rows(plane)[:, : plane.width] for plane in self._picture.planes)
        red, blue = _RED_AND_BLUE.get(self._picture.colorspace, _BT601)
        is_full = self._picture.format.name == "yuvj420p" or self._picture.color_range == _FULL
        return Planes(luma, (chroma[0], chroma[1]), Coding(red, blue, is_full))

    def _is_most_of_it(self, left: int, top: int, right: int, bottom: int) -> bool:
        width, height = self.size_wh
        is_odd = (
            right + right % 2 > width or bottom + bottom % 2 > height
        )  # a last chroma sample for one pixel
        return (
            is_odd or left >= right or top >= bottom or 2 * (right - left) * (bottom - top) > width * height
        )

    def _cut(self, left: int, top: int, right: int, bottom: int) -> VideoFrame:
        width, height = right - left, bottom - top
        packed = np.empty(width * height * 3 // 2, np.uint8)
        luma, chroma = width * height, width * height // 4
        parts = (packed[:luma], packed[luma : luma + chroma], packed[luma + chroma :])
        for plane, part, step in zip(self._picture.planes, parts, (1, 2, 2), strict=True):
            rows = _rows(plane)[top // step : bottom // step, left // step : right // step]
            part.reshape(height // step, width // step)[:] = rows
        cut = VideoFrame.from_ndarray(packed.reshape(-1, width), format=self._picture.format.name)
        cut.colorspace, cut.color_range = self._picture.colorspace, self._picture.color_range
        return cut


def _rows(plane: VideoPlane) -> NDArray[np.uint8]:
    values: NDArray[np.uint8] = np.frombuffer(memoryview(plane), np.uint8)
    return values.reshape(-1, plane.line_size)


def _to_bgr(picture: VideoFrame) -> Image:
    # a converter of its own: the picture's is in use where another thread looks at it in another size just now
    whole = VideoReformatter().reformat(picture, format="bgr24", threads=1)
    return np.asarray(whole.to_ndarray(), np.uint8)
