"""Draws masks onto bare faces: worn right, under the nose, on the chin.

Photographs of masks worn wrong are rare. Drawn ones teach where a mask ends; drawing some that are worn right as well
keeps the network from taking what is drawn for what is wrong.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from maskcam.detectors.base import Detector
from maskcam.types import Image, MaskStatus
from train.patches import Patch

Points = NDArray[np.float32]

_COLOURS = (  # BGR of common masks: surgical blue and green, white, black, grey, navy, pink, beige
    (215, 190, 130), (205, 200, 150), (235, 235, 235), (240, 240, 245), (35, 35, 35), (25, 25, 30),
    (120, 120, 120), (95, 60, 40), (190, 170, 230), (170, 195, 215),
)  # fmt: skip

_VISIBLE = 0.6  # part of the outline


@dataclass(frozen=True, slots=True)
class FaceAxes:
    """A face's own coordinates, from its landmarks: origin between the eyes.

    Attributes:
        origin: (2,) between the eyes, pixels.
        down: (2,) from there to the mouth; its length is the unit downwards.
        right: (2,) across, half the distance of the eyes long, towards the picture's right; with `down` it leans.
        turn: how far the nose stands off the middle, in units of `right`: the head is turned that way.
        nose: how far down the tip of the nose is, in units of `down`.
    """

    origin: Points
    down: Points
    right: Points
    turn: float
    nose: float

    def place(self, across: NDArray[np.floating], down: NDArray[np.floating]) -> Points:
        """(n,) units across and down to (n, 2) pixels."""
        return (self.origin + np.outer(across, self.right) + np.outer(down, self.down)).astype(np.float32)

    def coordinates(self, height: int, width: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Two of (height, width): units across and units down of every pixel."""
        ys, xs = np.mgrid[:height, :width].astype(np.float32)
        inverse = np.linalg.inv(np.column_stack([self.right, self.down]))
        offsets = np.stack([xs - self.origin[0], ys - self.origin[1]])
        across, down = np.tensordot(inverse, offsets, 1).astype(np.float32)
        return across, down


def face_axes(landmarks: Points) -> FaceAxes | None:
    """Axes from (5, 2) landmarks (eyes, nose, corners of the mouth); None for a face seen from the side."""
    eyes, mouth = landmarks[:2].mean(0), landmarks[3:].mean(0)
    down, right = mouth - eyes, (landmarks[1] - landmarks[0]) / 2
    basis = np.column_stack([right, down])
    if abs(np.linalg.det(basis)) < 0.3 * np.linalg.norm(right) * np.linalg.norm(down) + 1:
        return None
    turn, nose = np.linalg.solve(basis, landmarks[2] - eyes)
    if abs(turn) > 0.8 or not 0.2 < nose < 0.95 or np.linalg.norm(right) < 0.3 * np.linalg.norm(down):
        return None
    return FaceAxes(eyes, down, right, float(turn), float(nose))


def draw_mask(image: Image, axes: FaceAxes, status: MaskStatus) -> Image | None:
    """Draws a random mask.

    Args:
        image: (H, W, 3) uint8 BGR; left unchanged.
        axes: of the face.
        status: `MASK` covers nose and mouth; `INCORRECT` leaves the nose free, or hangs on the chin.

    Returns:
        (H, W, 3) uint8 BGR; None where too little of the mask would be in the picture.
    """
    chin = random.uniform(1.65, 1.85)
    if status is MaskStatus.MASK:
        top, bottom = axes.nose * random.uniform(0.45, 0.75), chin + random.uniform(0.0, 0.15)
    elif random.random() < 0.65:  # under the nose
        top, bottom = axes.nose + random.uniform(0.12, 0.32), chin + random.uniform(0.0, 0.25)
    else:  # on the chin
        top, bottom = random.uniform(1.15, 1.5), chin + random.uniform(0.15, 0.5)
    outline = mask_outline(axes, top=top, bottom=bottom)
    size_wh = np.array(image.shape[1::-1])
    if ((outline >= 0) & (outline < size_wh)).all(1).mean() < _VISIBLE:
        return None
    cloth = _cloth(image, outline, axes)
    _draw_loops(image := image.copy(), axes, outline, top)
    alpha = np.zeros(image.shape[:2], np.uint8)
    cv2.fillPoly(alpha, [np.round(outline * 16).astype(np.int32)], 255, cv2.LINE_AA, shift=4)
    return lay_over(image, np.float32(1 / 255) * alpha, cloth, unit=float(np.linalg.norm(axes.down)))


def lay_over(image: Image, alpha: NDArray[np.float32], paint: NDArray[np.floating], *, unit: float) -> Image:
    """Lays something over a picture, with a soft edge and a shadow around it.

    Args:
        image: (H, W, 3) uint8 BGR; left unchanged.
        alpha: (H, W) in [0, 1].
        paint: (H, W, 3) BGR in 0..255.
        unit: from the eyes to the mouth, pixels.
    """
    blur = max(0.4, unit * 0.012)
    soft = cv2.GaussianBlur(alpha, (0, 0), blur)[..., None]
    shadow = cv2.GaussianBlur(alpha, (0, 0), blur * 5)[..., None]
    skin = image * (1 - random.uniform(0.1, 0.4) * shadow)
    return (skin * (1 - soft) + paint * soft).clip(0, 255).astype(np.uint8)


def light_on(image: Image, inside: NDArray[np.bool_], *, unit: float) -> tuple[NDArray[np.float32], float]:
    """The light that falls on part of a picture.

    Returns:
        (H, W, 1) how bright it is where, around 1 inside, and the mean brightness inside, in 0..255.
    """
    light = cv2.GaussianBlur(image.astype(np.float32).mean(-1), (0, 0), max(2.0, unit * 0.35))
    level = float(light[inside].mean()) if inside.any() else 128.0
    return (0.45 + 0.55 * light / max(level, 1))[..., None], level


def mask_outline(axes: FaceAxes, *, top: float, bottom: float) -> Points:
    """(n, 2) outline in pixels: an upper hem that rises over the nose, sides at the cheeks, a round lower hem."""
    width = random.uniform(1.75, 2.15) * (1.0 if bottom < 2.0 else 0.92)
    left, right = -width + 0.9 * axes.turn, width + 0.9 * axes.turn
    middle = 1.25 * axes.turn  # what stands out of the face moves more when the head turns
    peak = random.uniform(0.05, 0.25) if top < axes.nose else random.uniform(-0.08, 0.08)
    side_top, side_bottom = top + random.uniform(0.05, 0.25), max(top + 0.35, 0.72 * bottom + 0.28 * top)
    t = np.linspace(0, 1, 24)
    upper_across, upper_down = _bezier(t, (left, middle, right), (side_top, top - peak, side_top))
    lower_across, lower_down = _bezier(
        t, (right, 0.75 * right + 0.25 * middle, middle, 0.75 * left + 0.25 * middle, left),
        (side_bottom, bottom + 0.02, bottom + 0.08, bottom + 0.02, side_bottom),
    )  # fmt: skip
    return axes.place(np.append(upper_across, lower_across), np.append(upper_down, lower_down))


def _bezier(
    t: NDArray[np.floating], across: tuple[float, ...], down: tuple[float, ...]
) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """De Casteljau's construction for any number of control points."""
    points = np.stack([np.array(across), np.array(down)])[:, :, None] * np.ones_like(t)
    while points.shape[1] > 1:
        points = points[:, :-1] * (1 - t) + points[:, 1:] * t
    return points[0, 0], points[1, 0]


def _cloth(image: Image, outline: Points, axes: FaceAxes) -> NDArray[np.float32]:
    """(H, W, 3) float32: colour, pattern, folds, and the light that falls on the face."""
    height, width = image.shape[:2]
    colour = np.array(random.choice(_COLOURS), np.float32) * random.uniform(0.75, 1.1)
    cloth = np.full((height, width, 3), colour, np.float32)
    if random.random() < 0.2:  # printed
        seeds = np.random.default_rng(random.getrandbits(32)).uniform(
            0, 255, (random.randint(4, 14),) * 2 + (3,)
        )
        print_ = cv2.resize(seeds.astype(np.float32), (width, height), interpolation=random.choice((0, 1, 2)))
        cloth = 0.4 * cloth + 0.6 * print_
    across, down = axes.coordinates(height, width)
    cloth *= (1.04 - random.uniform(0.03, 0.12) * (across - 1.2 * axes.turn) ** 2).clip(0.45, 1.1)[..., None]
    cloth *= (1 + random.uniform(-0.12, 0.08) * (down - 1.2))[..., None].clip(0.6, 1.2)
    if random.random() < 0.5:  # pleats
        folds = np.sin(down * random.uniform(9, 16) + random.uniform(0, 6))
        cloth *= 1 - random.uniform(0.02, 0.09) * (folds > 0.7)[..., None]
    inside = cv2.fillPoly(np.zeros((height, width), np.uint8), [np.round(outline).astype(np.int32)], 1) > 0
    light, level = light_on(image, inside, unit=float(np.linalg.norm(axes.down)))
    cloth *= light * (0.35 + 0.65 * min(1.2, level / 140))
    return np.asarray(cloth, np.float32)


def _draw_loops(image: Image, axes: FaceAxes, outline: Points, top: float) -> None:
    """Thin lines from the sides of the mask to the ears."""
    bright = random.choice((60, 200, 235))
    thickness = max(1, round(float(np.linalg.norm(axes.down)) * 0.03))
    for side, corner in ((-1, outline[0]), (1, outline[23])):
        ear = axes.place(np.array([side * 2.35 + 0.5 * axes.turn]), np.array([min(0.35, top)]))[0]
        start, end = (tuple(int(v) for v in np.round(point)) for point in (corner, ear))
        cv2.line(image, start, end, (bright,) * 3, thickness, cv2.LINE_AA)


def masked_patches(bare: Iterable[Patch], detector: Detector, status: MaskStatus) -> Iterator[Patch]:
    """Yields bare faces with a drawn mask.

    Args:
        bare: faces without a mask; those without clear landmarks, too small or seen from the side are left out.
        detector: gives landmarks.
        status: how the masks are worn.
    """
    for patch in bare:
        axes = patch_axes(patch, detector)
        if axes is None:
            continue
        masked = draw_mask(patch.image, axes, status)
        if masked is not None:
            yield Patch(masked, patch.box_side, status)


def patch_axes(patch: Patch, detector: Detector) -> FaceAxes | None:
    """Axes of the face in a patch by a detector's landmarks; None where they are unclear, or the face is too small."""
    pad = round(0.25 * patch.image.shape[0]) if patch.box_side == 1 else 0
    padded = cv2.copyMakeBorder(patch.image, pad, pad, pad, pad, cv2.BORDER_CONSTANT)
    (found,) = detector.detect([np.asarray(padded, np.uint8)])
    if not len(found) or found.landmarks is None:
        return None
    centre = np.array(padded.shape[:2])[::-1] / 2
    box_centres = (found.boxes_xyxy[:, :2] + found.boxes_xyxy[:, 2:]) / 2
    nearest = int(np.linalg.norm(box_centres - centre, axis=1).argmin())
    axes = face_axes(found.landmarks[nearest] - pad)
    return axes if axes is not None and np.linalg.norm(axes.down) >= 8 else None
