"""Draws a face mask onto a portrait: folded cloth with light on it, ear loops, and its shadow."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from samples.faces import FaceMap, MaskFit, Points

Image = NDArray[np.uint8]
Plane = NDArray[np.float32]

_MARGIN = 30  # pixels around the mask that its loops and shadow may touch
_LIGHT = np.array(
    [-0.22, -0.55, 0.80], dtype=np.float32
)  # from above, a little from the left, as in both portraits
_HAND = 3.0  # the position on a mask's way at which it is in the hand; see `FaceMap.fits`


@dataclass(frozen=True, slots=True)
class MaskStyle:
    """What a mask is made of.

    Attributes:
        name: as written in the ground truth.
        colour_bgr: of the cloth in full light.
        loop_bgr: of the ear loops.
        pleats: heights of the folds, 0 at the upper hem and 1 at the lower.
        seam: strength of the ridge down the middle.
        bulge: how far the middle stands off the face, as a share of the mask's width.
        weave: strength of the cloth's texture, in grey levels.
    """

    name: str
    colour_bgr: tuple[float, float, float]
    loop_bgr: tuple[float, float, float]
    pleats: tuple[float, ...] = ()
    seam: float = 0.0
    bulge: float = 0.20
    weave: float = 2.0


SURGICAL = MaskStyle("surgical", (222, 204, 168), (222, 224, 224), pleats=(0.34, 0.52, 0.70))
FFP2 = MaskStyle("ffp2", (236, 239, 241), (222, 224, 224), seam=0.035, bulge=0.24, weave=1.5)
CLOTH = MaskStyle("cloth", (74, 58, 50), (52, 44, 40), seam=0.012, bulge=0.20, weave=4.0)


def draw_mask(
    image: Image, alpha: Plane, *, face: FaceMap, style: MaskStyle, position: float
) -> tuple[Image, Plane]:
    """Draws a mask on a face.

    Args:
        image: (H, W, 3) uint8 BGR portrait; not changed.
        alpha: (H, W) float32 matte of the person, widened where the mask stands off the face.
        face: measures of the face in `image`.
        style: what the mask is made of.
        position: 0 worn right, 1 under the nose, 2 on the chin, 3 below it in the hand, where it fades out.

    Returns:
        The new picture and the new matte. Only pixels near the mask and its ear loops differ.
    """
    fit = face.fit_at(position)
    left, top = np.floor(fit.upper_xy.min(axis=0)).astype(int) - _MARGIN
    right, bottom = np.ceil(fit.lower_xy.max(axis=0)).astype(int) + _MARGIN
    top = min(top, int(face.ears_xy[:, 1].min()) - 4)
    area = np.s_[max(top, 0) : bottom, max(left, 0) : right]
    offset = (-float(max(left, 0)), -float(max(top, 0)))
    visible = float(np.clip((_HAND - position) / 0.5, 0, 1))
    patch = image[area].astype(np.float32)
    local = fit.moved(scale=1.0, offset_xy=offset)
    shape = _Shape.of(local, patch.shape[0], patch.shape[1])

    patch *= 1 - (visible * _shadow(shape))[..., None]
    loops = np.zeros(patch.shape[:2], dtype=np.float32)
    if position < 2.5:  # in the hand the loops hang loose
        loops = _loops(local, face.ears_xy + offset, shape.cover.shape)
    for cover, colour in (
        (loops, np.array(style.loop_bgr)),
        (shape.cover, _cloth(shape, style, image[area])),
    ):
        weight = (visible * cover)[..., None]
        patch = patch * (1 - weight) + colour * weight
    new_image, new_alpha = image.copy(), alpha.copy()
    new_image[area] = np.clip(patch + 0.5, 0, 255).astype(np.uint8)
    new_alpha[area] = np.maximum(alpha[area], visible * np.maximum(shape.cover, loops))
    return new_image, new_alpha


@dataclass(frozen=True, slots=True)
class _Shape:
    """A mask's outline as planes over a patch: all (H, W) float32.

    `across` runs from -1 at the left edge to 1 at the right, `down` from 0 at the upper hem to 1 at the
    lower, `edge` is the distance inwards from the nearest hem in pixels, `cover` the anti-aliased share of a
    pixel that is mask. `width` is the mask's own, in pixels.
    """

    across: Plane
    down: Plane
    edge: Plane
    cover: Plane
    width: float

    @classmethod
    def of(cls, fit: MaskFit, height: int, width: int) -> _Shape:
        x = np.arange(width, dtype=np.float64)
        y = np.arange(height, dtype=np.float64)[:, None]
        upper, upper_slope = _smooth_curve(fit.upper_xy, x)
        lower, lower_slope = _smooth_curve(fit.lower_xy, x)
        x_left, x_right = fit.upper_xy[0, 0], fit.upper_xy[-1, 0]
        # vertical distance over the slope's length is the distance to the hem, near enough for anti-aliasing
        edge = np.minimum((y - upper) / np.hypot(1, upper_slope), (lower - y) / np.hypot(1, lower_slope))
        edge = np.minimum(edge, np.minimum(x - x_left, x_right - x))
        across = np.broadcast_to(2 * (x - x_left) / (x_right - x_left) - 1, edge.shape)
        down = (y - upper) / np.maximum(lower - upper, 1.0)
        cover = np.clip(edge / 1.4 + 0.5, 0, 1)
        planes = [np.ascontiguousarray(plane, dtype=np.float32) for plane in (across, down, edge, cover)]
        return cls(planes[0], planes[1], planes[2], planes[3], float(x_right - x_left))


def _smooth_curve(points: Points, x: Points) -> tuple[Points, Points]:
    """Draws a curve through points that does not overshoot between them.

    Piecewise cubic with Fritsch and Butland's harmonic slopes ("A method for constructing local monotone
    piecewise cubic interpolants", 1984).

    Returns:
        Height and slope at every x; beyond the ends, those at the ends.
    """
    px, py = points[:, 0], points[:, 1]
    step = np.diff(px)
    secant = np.diff(py) / step
    slopes = np.concatenate([secant[:1], np.zeros(len(px) - 2), secant[-1:]])
    same = secant[:-1] * secant[1:] > 0
    slopes[1:-1][same] = 2 / (1 / secant[:-1][same] + 1 / secant[1:][same])
    inside = np.clip(x, px[0], px[-1])
    index = np.clip(np.searchsorted(px, inside, side="right") - 1, 0, len(step) - 1)
    t = (inside - px[index]) / step[index]
    run = step[index]
    height = (1 + 2 * t) * (1 - t) ** 2 * py[index] + t * (1 - t) ** 2 * run * slopes[index]
    height += t**2 * (3 - 2 * t) * py[index + 1] + t**2 * (t - 1) * run * slopes[index + 1]
    slope = 6 * t * (t - 1) * (py[index] - py[index + 1]) / run
    slope += (1 - 4 * t + 3 * t**2) * slopes[index] + (3 * t**2 - 2 * t) * slopes[index + 1]
    return height, slope


def _relief(shape: _Shape, style: MaskStyle) -> Plane:
    """Returns how far the cloth stands off the face in pixels: bulge, nose, pleats, seam and wrinkles."""
    u, v = np.clip(shape.across, -1, 1), np.clip(shape.down, -0.1, 1.1)
    relief = style.bulge * (1 - 0.9 * u**2) * (1 - 1.3 * (v - 0.42) ** 2)
    relief += 0.045 * np.exp(-((u / 0.17) ** 2) - ((v - 0.18) / 0.26) ** 2)
    flat_ends = np.clip((0.97 - np.abs(u)) / 0.25, 0, 1)
    for pleat in style.pleats:
        bent = v - pleat - 0.05 * (u**2 - 0.3)
        relief -= 0.013 * flat_ends / (1 + np.exp(-np.clip(bent / 0.014, -40, 40)))
    relief += style.seam * np.exp(-np.abs(u) / 0.05)
    # folds that run from the corners, where the loops pull, towards the middle
    pull = np.abs(u) ** 3 * np.sin(26 * v + 5 * np.abs(u) + 0.8 * np.sign(u))
    relief += 0.0035 * pull
    return (relief * shape.width).astype(np.float32)


def _cloth(shape: _Shape, style: MaskStyle, face: Image) -> NDArray[np.float32]:
    """Returns the cloth's colours, (H, W, 3), lit as the face below it is lit."""
    slope_y, slope_x = np.gradient(cv2.GaussianBlur(_relief(shape, style), (0, 0), 0.8))
    light = _LIGHT / np.linalg.norm(_LIGHT)
    lit = (light[2] - slope_x * light[0] - slope_y * light[1]) / np.sqrt(1 + slope_x**2 + slope_y**2)
    shade = 0.34 + 0.76 * np.clip(lit, 0, 1)
    grey = cv2.GaussianBlur(
        cv2.cvtColor(face, cv2.COLOR_BGR2GRAY).astype(np.float32), (0, 0), 0.07 * shape.width
    )
    typical = float(np.sum(grey * shape.cover) / max(float(np.sum(shape.cover)), 1.0))
    shade *= np.clip((grey / max(typical, 1.0)) ** 0.45, 0.72, 1.12)
    hem = 0.028 * shape.width
    stitched = np.clip(1 - np.abs(shape.edge - hem) / 1.2, 0, 1) * 0.10
    band = np.clip((hem - shape.edge) / 2 + 0.5, 0, 1) * 0.05
    rim = np.clip(1 - shape.edge / (0.012 * shape.width), 0, 1) * 0.13
    shade *= 1 - stitched - band - rim
    noise = np.random.default_rng(7).normal(size=shape.cover.shape).astype(np.float32)
    weave = style.weave * (
        cv2.GaussianBlur(noise, (0, 0), 0.8) * 2.0 + cv2.GaussianBlur(noise, (0, 0), 6) * 12
    )
    cloth = np.array(style.colour_bgr, dtype=np.float32) * shade[..., None] + weave[..., None]
    return np.clip(cloth, 0, 250).astype(np.float32)


def _shadow(shape: _Shape) -> Plane:
    """Returns how much darker the skin is beside the mask: a thin line all round, a wider one below."""
    near = cv2.GaussianBlur(shape.cover, (0, 0), 0.012 * shape.width)
    drop = 0.035 * shape.width
    matrix = np.array([[1, 0, 0.25 * drop], [0, 1, drop]], dtype=np.float32)
    size_wh = (shape.cover.shape[1], shape.cover.shape[0])
    below = cv2.GaussianBlur(cv2.warpAffine(shape.cover, matrix, size_wh), (0, 0), 0.03 * shape.width)
    return np.asarray(0.22 * near + 0.30 * below, dtype=np.float32) * (1 - shape.cover)


def _loops(fit: MaskFit, ears: Points, shape: tuple[int, ...]) -> Plane:
    """Returns the ear loops' share of every pixel: an elastic from each corner to where the ear hides it."""
    corners = [fit.upper_xy[0], fit.lower_xy[1], fit.upper_xy[-1], fit.lower_xy[-2]]
    plane = np.zeros(shape, dtype=np.uint8)
    thickness = max(2, round(0.012 * float(np.ptp(fit.upper_xy[:, 0]))))
    t = np.linspace(0, 1, 16)[:, None]
    for index, (corner, ear) in enumerate(zip(corners, ears, strict=True)):
        inward = np.array([3.0 if index < 2 else -3.0, 2.0 if index % 2 == 0 else -2.0])
        start = corner + inward
        sag = (start + ear) / 2 + np.array([0.0, 3.0 if index % 2 else -1.0])
        curve = (1 - t) ** 2 * start + 2 * t * (1 - t) * sag + t**2 * ear
        sixteenths = np.round(curve * 16).astype(np.int32)
        cv2.polylines(plane, [sixteenths], False, 255, thickness, cv2.LINE_AA, shift=4)
    return cv2.GaussianBlur(plane, (0, 0), 0.6).astype(np.float32) / 255
