"""A clip to measure with: the sample video of a checkout, or one that is drawn on the spot."""

from __future__ import annotations

import math
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

import maskcam
from maskcam.types import Image

_FPS = 25
_SIZE_WH = (1280, 720)
_ROOM_BGR = (150, 160, 165)
_HAIR_BGR = (30, 40, 50)
_PEOPLE: tuple[tuple[int, int, int, tuple[int, int, int]], ...] = (
    (250, 330, 90, (150, 180, 225)),
    (640, 300, 80, (110, 140, 190)),
    (1010, 340, 100, (130, 165, 215)),
)
"""Centre, half the height of the face, colour of the skin."""


def sample_clip(folder: Path) -> Path:
    """The sample video, or a drawn one made in `folder` where maskcam was installed without it."""
    shipped = Path(maskcam.__file__).parents[1] / "samples" / "demo.mp4"
    if shipped.is_file():
        return shipped
    drawn = folder / "drawn.mp4"
    draw_clip(drawn)
    return drawn


def draw_clip(path: Path, *, frames: int = 200) -> None:
    """Writes 1280x720 video of three drawn people who sway; the detector takes them for faces."""
    noise = np.random.default_rng(0).normal(0, 4, (_SIZE_WH[1], _SIZE_WH[0], 3))
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=_FPS, options={"preset": "veryfast"})
        stream.width, stream.height = _SIZE_WH
        stream.pix_fmt = "yuv420p"
        for index in range(frames):
            # no two frames of a camera have the same noise, and decoding pays for it
            picture = _room(index / _FPS) + np.roll(noise, 37 * index, axis=1)
            image = np.clip(picture, 0, 255).astype(np.uint8)
            frame = av.VideoFrame.from_ndarray(image, format="bgr24")
            frame.pts, frame.time_base = index, Fraction(1, _FPS)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def _room(seconds: float) -> Image:
    image: Image = np.full((_SIZE_WH[1], _SIZE_WH[0], 3), _ROOM_BGR, np.uint8)
    for number, (x, y, radius, skin_bgr) in enumerate(_PEOPLE):
        sway = round(40 * math.sin(seconds + number))
        _draw_person(image, (x + sway, y), radius, skin_bgr)
    return np.asarray(cv2.GaussianBlur(image, (0, 0), 1.5), np.uint8)


def _draw_person(
    image: Image, centre_xy: tuple[int, int], radius: int, skin_bgr: tuple[int, int, int]
) -> None:
    x, y = centre_xy
    shade_bgr = [int(0.75 * channel) for channel in skin_bgr]

    def oval(
        dx: float,
        dy: float,
        width: float,
        height: float,
        colour_bgr: tuple[int, ...] | list[int],
        *,
        arc: tuple[int, int] = (0, 360),
        line: float = 0.0,
    ) -> None:
        """Sizes and places in radii of the face; without a line it is filled."""
        centre = (x + round(dx * radius), y + round(dy * radius))
        axes = (round(width * radius), round(height * radius))
        thickness = max(2, round(line * radius)) if line else -1
        cv2.ellipse(image, centre, axes, 0, *arc, colour_bgr, thickness, cv2.LINE_AA)

    oval(0, 1.9, 1.3, 0.9, (90, 60, 50), arc=(180, 360))  # shoulders
    oval(0, 0.9, 0.3, 0.5, shade_bgr)  # neck
    oval(0, -0.25, 0.88, 1.0, _HAIR_BGR)
    oval(0, 0, 0.75, 1.0, skin_bgr)
    oval(0, -0.55, 0.78, 0.55, _HAIR_BGR, arc=(180, 360))
    for side in (-0.3, 0.3):
        oval(side, -0.12, 0.16, 0.08, (235, 240, 240))
        oval(side, -0.12, 0.075, 0.075, (40, 40, 60))
        oval(side, -0.25, 0.2, 0.06, _HAIR_BGR, arc=(180, 360), line=0.05)
    oval(0, 0.25, 0.14, 0.07, shade_bgr, arc=(0, 180), line=0.05)  # nose
    oval(0, 0.52, 0.26, 0.1, (90, 90, 190))  # mouth
