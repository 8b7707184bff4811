"""Shapes of what hides part of a face and is no mask: hands, beards, scarves, cups, microphones.

They are functions of a face's own coordinates: x across and y down from between the eyes, both in distances of eyes to
mouth, which are about 7 cm.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Field = NDArray[np.float32]
Colour = tuple[float, float, float]
Point = NDArray[np.floating]  # (2,), x and y

_HAIR: tuple[Colour, ...] = (  # BGR: black, brown, fair, grey
    (25, 25, 28), (35, 45, 60), (50, 75, 110), (90, 120, 150), (150, 150, 155),
)  # fmt: skip
_OBJECTS: tuple[Colour, ...] = (  # BGR of cups and scarves: white, cream, brown, black, red, blue, green
    (235, 238, 240), (200, 215, 225), (60, 90, 130), (40, 40, 45), (60, 50, 190), (160, 110, 50), (90, 140, 70),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Canvas:
    """Where a cover is drawn.

    Attributes:
        x: (H, W) float32, across the face; see the module.
        y: (H, W) float32, down it.
        skin: BGR of the forehead and the root of the nose, which seldom are covered.
    """

    x: Field
    y: Field
    skin: Colour


@dataclass(frozen=True, slots=True)
class Cover:
    """What is laid over a picture.

    Attributes:
        alpha: (H, W) float32 in [0, 1].
        paint: (H, W, 3) float32 BGR, as if lit evenly.
    """

    alpha: Field
    paint: Field

    def over(self, other: Cover) -> Cover:
        """Both, this one in front."""
        alpha = self.alpha[..., None]
        return Cover(np.maximum(self.alpha, other.alpha), alpha * self.paint + (1 - alpha) * other.paint)


def hand(canvas: Canvas) -> Cover:
    """Fingers across the mouth or at the chin, the palm and the arm behind them."""
    return _hand(canvas, at=np.array([random.uniform(-0.3, 0.3), random.uniform(0.8, 1.35)]))


def beard(canvas: Canvas) -> Cover:
    """From stubble to a full beard, with or without a moustache; the lips stay free."""
    x, y = canvas.x, canvas.y
    length = random.uniform(1.25, 1.55)
    jaw = 1 - np.hypot(x / random.uniform(0.85, 1.0), (y - 0.35) / length)
    hem = 0.95 - random.uniform(0.5, 1.0) * abs(x) ** 2  # higher at the ears
    area = _step(jaw, 0.08) * _step(y - hem, 0.12)
    if random.random() < 0.7:
        moustache = _step(1 - np.hypot(x / 0.42, (y - 0.84) / 0.1), 0.3)
        area = np.maximum(area, moustache)
    area *= 1 - _step(1 - np.hypot(x / 0.3, (y - 1.0) / 0.1), 0.3)
    strands, tufts = _noise(x.shape, sigma_wh=(0.4, 1.0)), _noise(x.shape, sigma_wh=(2, 4))
    density = random.uniform(0.35, 1.0)
    colour = np.array(random.choice(_HAIR), np.float32)
    paint = colour * (1 + 0.2 * strands + 0.1 * tufts)[..., None]
    return Cover((area * (density + 0.08 * (strands + tufts))).clip(0, 0.95), paint.clip(0, 255))


def scarf(canvas: Canvas) -> Cover:
    """A scarf, a high collar or a polo-neck: from the chin downwards."""
    x, y = canvas.x, canvas.y
    hem = random.uniform(1.6, 1.9) - random.uniform(0.0, 0.3) * x**2 + random.uniform(-0.1, 0.1) * x
    inside = np.minimum(y - hem, random.uniform(0.9, 1.6) - abs(x))
    folds = np.sin((y - hem) * random.uniform(5, 14) + random.uniform(-3, 3) * x)
    colour = np.array(random.choice(_OBJECTS), np.float32) * random.uniform(0.6, 1.0)
    paint = colour * (0.85 + 0.15 * folds[..., None])
    return Cover(_step(inside, 0.03), paint.astype(np.float32))


def cup(canvas: Canvas) -> Cover:
    """A cup, mug or glass at the lips, most often in a hand."""
    x, y = _turned(canvas, degrees=random.uniform(-15, 15))
    top, height, middle = random.uniform(0.8, 1.05), random.uniform(0.9, 1.4), random.uniform(-0.15, 0.15)
    half = random.uniform(0.35, 0.55) * (1 - random.uniform(0.0, 0.25) * (y - top) / height)
    u = (x - middle) / np.maximum(half, 0.05)
    round_ = np.sqrt((1 - u**2).clip(0))
    inside = np.minimum(1 - abs(u), np.minimum(y - top - 0.08 * round_, top + height + 0.08 * round_ - y))
    colour = np.broadcast_to(np.array(random.choice(_OBJECTS), np.float32), (*x.shape, 3)).copy()
    if random.random() < 0.4:  # a printed band
        band = abs(y - top - 0.55 * height) < random.uniform(0.1, 0.3)
        colour[band] = random.choice(_OBJECTS)
    paint = colour * (0.6 + 0.4 * round_ + 0.1 * u)[..., None]
    made = Cover(_step(inside, 0.04), paint.astype(np.float32))
    if random.random() < 0.7:
        side = random.choice((-1, 1))
        grip = np.array([middle - 0.25 * side, top + 0.6 * height])
        made = _hand(canvas, at=grip, degrees=90 - side * random.uniform(60, 85)).over(made)
    return made


def microphone(canvas: Canvas) -> Cover:
    """A ball of mesh before the mouth on a dark stick, with or without a hand around it."""
    x, y = canvas.x, canvas.y
    middle = np.array([random.uniform(-0.3, 0.3), random.uniform(0.95, 1.4)])
    towards = np.array([random.uniform(-1.4, 1.4), 2.5])
    radius = random.uniform(0.24, 0.4)
    ball = 1 - np.hypot(x - middle[0], y - middle[1]) / radius
    shine = np.sqrt(1 - (1 - ball).clip(0, 1) ** 2) * (1 - 0.3 * (x - middle[0]) / radius)
    mesh = np.sin(21 * x / radius) * np.sin(21 * y / radius)
    head = Cover(_step(ball, 0.08), _grey(random.uniform(25, 110) * (0.35 + 0.8 * shine + 0.15 * mesh)))
    stick = _capsule(x, y, middle, middle + towards, radius=0.55 * radius)
    made = Cover(_step(stick, 0.1), _grey(random.uniform(15, 60) * (0.5 + 0.8 * stick)))
    if random.random() < 0.6:
        side = random.choice((-1, 1))
        made = _hand(canvas, at=middle + 0.3 * towards, degrees=90 - side * random.uniform(40, 80)).over(made)
    return head.over(made)


def _hand(canvas: Canvas, *, at: Point, degrees: float | None = None) -> Cover:
    """Three or four fingers whose middles lie at a point; the arm comes from `degrees`, 90 being straight below."""
    angle = np.deg2rad(random.uniform(10, 170) if degrees is None else degrees)
    out, beside = np.array([np.cos(angle), np.sin(angle)]), np.array([-np.sin(angle), np.cos(angle)])
    width, spread = random.uniform(0.12, 0.15), random.uniform(0.9, 1.15)
    fingers = random.choice((3, 4, 4))
    x, y = canvas.x, canvas.y
    parts = [
        _capsule(x, y, at + 1.0 * out, at + 4.0 * out, radius=0.36),  # the arm
        _capsule(x, y, at + 0.85 * out, at + 1.3 * out, radius=1.05 * fingers * width),  # the palm
    ]
    for i in range(fingers):
        row = (i - (fingers - 1) / 2) * 2 * width * 0.95
        length = 0.55 - 0.5 * abs(row) + random.uniform(-0.06, 0.06)
        tip = at - length * out + spread * row * beside
        parts.append(_capsule(x, y, tip, at + 0.9 * out + row * beside, radius=width))
    depth = np.max(parts, axis=0)
    lit = np.zeros_like(x)
    for reach in parts:  # edges show faintly on what is behind them
        rounded = 0.75 + 0.25 * _step(reach, 0.5) + 0.08 * reach
        lit = np.where(reach > 0, np.maximum(rounded, 0.97 * lit), lit)
    tone = np.array(canvas.skin, np.float32) * random.uniform(0.85, 1.1)
    paint = tone * lit[..., None]
    return Cover(_step(depth, 0.25), paint.clip(0, 255).astype(np.float32))


def _capsule(x: Field, y: Field, start: Point, end: Point, *, radius: float) -> Field:
    """(H, W) depth inside a line with round ends: 1 at its core, 0 at its edge, negative outside."""
    (x1, y1), (x2, y2) = start, end
    along = ((x - x1) * (x2 - x1) + (y - y1) * (y2 - y1)) / ((x2 - x1) ** 2 + (y2 - y1) ** 2)
    along = along.clip(0, 1)
    depth = 1 - np.hypot(x - x1 - along * (x2 - x1), y - y1 - along * (y2 - y1)) / radius
    return np.asarray(depth, np.float32)


def _turned(canvas: Canvas, *, degrees: float) -> tuple[Field, Field]:
    """The coordinates turned about the mouth."""
    cosine, sine = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    x, y = canvas.x, canvas.y - 1
    return cosine * x + sine * y, cosine * y - sine * x + 1


def _step(field: Field, width: float) -> Field:
    """0 outside (negative) to 1 inside, rising over a width."""
    return (field / width).clip(0, 1).astype(np.float32)


def _grey(values: Field) -> Field:
    """(H, W) to (H, W, 3), in 0..255."""
    return np.asarray(np.repeat(values[..., None], 3, axis=2).clip(0, 255), np.float32)


def _noise(shape: tuple[int, ...], *, sigma_wh: tuple[float, float]) -> Field:
    """Normal noise, smeared and of variance 1."""
    values = np.random.default_rng(random.getrandbits(32)).normal(size=shape).astype(np.float32)
    smeared = cv2.GaussianBlur(values, (0, 0), sigmaX=sigma_wh[0], sigmaY=sigma_wh[1])
    return np.asarray(smeared / max(float(smeared.std()), 1e-6), np.float32)
