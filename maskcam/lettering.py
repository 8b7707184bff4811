"""Text on images: letters, the plates behind them, and how large they are."""

from __future__ import annotations

from collections.abc import Sequence

import cv2

from maskcam.types import Image

Colour = tuple[int, int, int]
"""Blue, green, red; 0 to 255."""

WHITE: Colour = (255, 255, 255)
BLACK: Colour = (0, 0, 0)
MIN_TEXT_PIXELS = 11
"""Below this OpenCV's built-in font can no longer be read."""


class Pen:
    """Writes text on one image, in one size.

    OpenCV's built-in TrueType font knows Latin, Greek, Cyrillic, Arabic, Chinese, Japanese and Korean
    letters. A `FontFace` shared by threads now and then misplaces a letter, hence one per pen.

    Args:
        image: (H, W, 3) uint8, drawn upon.
        size: height of the font in pixels.
    """

    def __init__(self, image: Image, size: int) -> None:
        self.image = image
        self.size = size
        self._font = cv2.FontFace("sans")

    @property
    def line_height(self) -> int:
        """Height in pixels of a line of text with its plate."""
        return round(1.35 * self.size)

    @property
    def padding(self) -> int:
        """Pixels left and right of the text on its plate."""
        return max(2, round(0.3 * self.size))

    def width(self, text: str) -> int:
        """Width of the text in pixels, without padding."""
        return int(cv2.getTextSize((0, 0), text, (0, 0), self._font, self.size, weight=600)[2])

    def plate_width(self, text: str) -> int:
        """Width of the text in pixels with padding on both sides; 0 for no text."""
        return self.width(text) + 2 * self.padding if text else 0

    def write(self, text: str, left: int, top: int, colour: Colour) -> None:
        """Writes one line whose plate would begin at (left, top)."""
        # capitals are 0.7 of the font's height: this centres them on the plate
        origin = (left + self.padding, top + round(1.02 * self.size))
        # without an explicit range OpenCV would break the line at the image's edge
        endless = (0, 1 << 20)
        cv2.putText(self.image, text, origin, colour, self._font, self.size, weight=600, wrap=endless)

    def plate(self, text: str, plate_xyxy: Sequence[int], colour: Colour) -> None:
        """Writes black or white text, whichever reads better, on a plate of this colour."""
        x1, y1, x2, y2 = plate_xyxy
        self.image[y1:y2, x1:x2] = colour
        self.write(text, x1, y1, text_colour(colour))

    def shorten(self, text: str, room: int) -> str:
        """Cuts the text so that its plate is at most `room` pixels wide; "" where nothing fits."""
        if self.plate_width(text) <= room:
            return text
        fits, too_long = 0, len(text)
        while too_long - fits > 1:
            middle = (fits + too_long) // 2
            if self.plate_width(text[:middle].rstrip() + "…") <= room:
                fits = middle
            else:
                too_long = middle
        return text[:fits].rstrip() + "…" if fits else ""


def text_pixels(size_wh: tuple[int, int]) -> int:
    """Height of the font in pixels for frames of this size."""
    return max(MIN_TEXT_PIXELS, round(0.026 * min(size_wh)))


def text_colour(background: Colour) -> Colour:
    """Black or white, whichever has the higher contrast (WCAG 2.2) on this colour."""
    linear = [(c / 255 / 12.92) if c <= 10 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in background]
    luminance = 0.0722 * linear[0] + 0.7152 * linear[1] + 0.2126 * linear[2]
    return BLACK if (luminance + 0.05) ** 2 > 0.05 * 1.05 else WHITE
