"""JPEG after JPEG, as every browser and most programs for cameras know them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import cv2

from maskcam.types import Image
from maskcam.web.live.forms import Encoder, Form, Onlooker

WIDTHS = (320, 640, 1280)
"""Other widths are rounded up to these, or to the camera's own, so that few sizes are encoded."""
QUALITIES = (55, 75, 90)


@dataclass(frozen=True, slots=True)
class JpegForm(Form):
    """Size and quality.

    Attributes:
        width: in pixels, at most; None keeps the camera's.
        quality: 1 to 100.
    """

    width: int | None
    quality: int

    @classmethod
    def of(cls, width: int | None, quality: int) -> JpegForm:
        """The nearest form that is offered and not smaller."""
        return cls(
            next((step for step in WIDTHS if width is not None and step >= width), None),
            next((step for step in QUALITIES if step >= quality), QUALITIES[-1]),
        )

    def open(self) -> Encoder:
        return _JpegEncoder(self)


class _JpegEncoder(Encoder):
    def __init__(self, form: JpegForm) -> None:
        self._form = form

    def encode(self, image: Image, *, seconds: float, is_first: bool) -> bytes:  # noqa: ARG002  each stands alone
        small = shrink(image, self._form.width)
        is_fine, data = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, self._form.quality])
        assert is_fine
        return data.tobytes()


class PictureOnlooker(Onlooker):
    """Has the newest picture of each camera wait until it can be sent; older ones are passed over."""

    def __init__(self, form: JpegForm) -> None:
        super().__init__(form)
        self._waiting: dict[str, bytes] = {}
        self._has_news = asyncio.Event()

    def put(self, camera: str, encoded: bytes) -> None:
        self._waiting[camera] = encoded
        self._has_news.set()

    async def pictures(self, *, patience_seconds: float = 0.5) -> AsyncIterator[tuple[str, bytes] | None]:
        """Yields the camera's name and the JPEG; None when nothing has come for a while."""
        while True:
            try:
                async with asyncio.timeout(patience_seconds):
                    await self._has_news.wait()
            except TimeoutError:
                yield None
                continue
            self._has_news.clear()
            waiting, self._waiting = self._waiting, {}
            for item in waiting.items():
                yield item


def shrink(image: Image, width: int | None) -> Image:
    """The same picture, no wider than that."""
    height, whole_width = image.shape[:2]
    if width is None or width >= whole_width:
        return image
    size_wh = width, max(1, round(height * width / whole_width))
    smaller: Image = cv2.resize(image, size_wh, interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
    return smaller
