"""Cuts the people out of the two portraits (soft mattes, clean edges) and recolours a third person."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import matplotlib.cbook
import numpy as np
import skimage.data
from numpy.typing import NDArray

from samples.faces import FaceMap, astronaut_face, hopper_face

Image = NDArray[np.uint8]
Plane = NDArray[np.float32]

_UNKNOWN = 5  # pixels to either side of a hand-drawn outline that GrabCut decides
_ASTRONAUT_SCALE = 1.9  # makes her face as large as Hopper's, and leaves room to draw a sharp mask

_ASTRONAUT_OUTLINE = [
    (18, 515),
    (25, 450),
    (20, 415),
    (30, 340),
    (42, 290),
    (60, 250),
    (100, 212),
    (113, 205),
]
_ASTRONAUT_OUTLINE += [(115, 190), (121, 175), (135, 158), (160, 150), (185, 149), (183, 140), (181, 131)]
_ASTRONAUT_OUTLINE += [
    (172, 128),
    (170, 118),
    (160, 107),
    (154, 90),
    (154, 68),
    (165, 50),
    (190, 38),
    (200, 26),
]
_ASTRONAUT_OUTLINE += [
    (220, 17),
    (240, 16),
    (262, 23),
    (285, 40),
    (296, 60),
    (301, 85),
    (297, 108),
    (285, 125),
]
_ASTRONAUT_OUTLINE += [(274, 136), (266, 136), (262, 150), (256, 172), (268, 181), (285, 197), (298, 220)]
# the helmet under her arm is left out: the counter would cut it oddly
_ASTRONAUT_OUTLINE += [(304, 236), (318, 242), (340, 265), (350, 290), (358, 325), (362, 360), (350, 515)]

_HOPPER_OUTLINE = [(22, 605), (25, 520), (31, 440), (42, 400), (54, 381), (80, 365), (130, 352), (160, 340)]
_HOPPER_OUTLINE += [
    (185, 325),
    (206, 311),
    (202, 301),
    (186, 289),
    (170, 280),
    (160, 262),
    (158, 240),
    (155, 215),
]
_HOPPER_OUTLINE += [
    (153, 195),
    (155, 180),
    (151, 160),
    (151, 130),
    (152, 100),
    (170, 88),
    (173, 75),
    (190, 55),
]
_HOPPER_OUTLINE += [(215, 40), (235, 25), (255, 22), (285, 26), (300, 38), (325, 50), (345, 72), (352, 85)]
_HOPPER_OUTLINE += [
    (362, 86),
    (369, 100),
    (371, 130),
    (369, 160),
    (366, 180),
    (374, 188),
    (374, 205),
    (368, 235),
]
_HOPPER_OUTLINE += [
    (362, 262),
    (352, 285),
    (342, 302),
    (332, 304),
    (330, 313),
    (340, 325),
    (360, 340),
    (390, 352),
]
_HOPPER_OUTLINE += [(430, 365), (470, 380), (488, 395), (499, 415), (508, 440), (530, 530), (545, 605)]
_HOPPER_BOTTOM = 570  # above the coat's button, where plain cloth can be continued downwards


@dataclass(frozen=True, slots=True)
class Portrait:
    """A person without a background.

    Attributes:
        image: (H, W, 3) uint8 BGR; colours continue a little beyond the person's edge.
        alpha: (H, W) float32 in [0, 1], how much of a pixel is the person.
        face: measures of the face in this picture.
        head_xy: centre of the head.
        head_radii: half its width and height, hair and hat included.
    """

    image: Image
    alpha: Plane
    face: FaceMap
    head_xy: tuple[float, float]
    head_radii: tuple[float, float]


def astronaut() -> Portrait:
    """Returns Eileen Collins, enlarged 1.9 times (scikit-image's copy of NASA's portrait)."""
    picture = np.ascontiguousarray(skimage.data.astronaut()[..., ::-1])
    image, alpha = _cut_out(picture, _ASTRONAUT_OUTLINE)
    scale = _ASTRONAUT_SCALE
    image = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    alpha = np.clip(cv2.resize(alpha, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC), 0, 1)
    return Portrait(
        image=np.asarray(image, dtype=np.uint8),
        alpha=alpha.astype(np.float32),
        face=astronaut_face().scaled(scale),
        head_xy=(226 * scale, 98 * scale),
        head_radii=(78 * scale, 90 * scale),
    )


def hopper() -> Portrait:
    """Returns Grace Hopper (matplotlib's copy of the Navy's portrait), her coat continued downwards."""
    picture = cv2.imread(str(matplotlib.cbook.get_sample_data("grace_hopper.jpg", asfileobj=False)))
    assert picture is not None
    picture = picture[:_HOPPER_BOTTOM]
    picture = cv2.copyMakeBorder(picture, 0, 100, 0, 44, cv2.BORDER_REFLECT)
    outline = [(20, 680), *_HOPPER_OUTLINE, (552, 680)]
    image, alpha = _cut_out(np.asarray(picture, dtype=np.uint8), outline)
    return Portrait(image, alpha, hopper_face(), head_xy=(263, 180), head_radii=(115, 165))


def third_person(original: Portrait) -> Portrait:
    """Returns the astronaut flipped, with dark hair, darker skin and a blue suit: somebody else."""
    flipped = mirrored(original)
    scale = _ASTRONAUT_SCALE
    width = flipped.image.shape[1]
    rows = np.arange(flipped.image.shape[0], dtype=np.float32)[:, None]
    hsv = cv2.cvtColor(flipped.image, cv2.COLOR_BGR2HSV)
    orange = ((hsv[..., 0] < 22) | (hsv[..., 0] > 172)) & (hsv[..., 1] > 90) & (rows > 190 * scale)
    hsv[..., 0] = np.where(orange, 104, hsv[..., 0])
    hsv[..., 1] = np.where(orange, hsv[..., 1] * 0.62, hsv[..., 1])
    hsv[..., 2] = np.where(orange, hsv[..., 2] * 0.72, hsv[..., 2])
    pixels = cv2.cvtColor(hsv, cv2.COLOR_HSV2BGR).astype(np.float32)
    skin = np.zeros(flipped.alpha.shape, dtype=np.float32)
    oval = [(184, 92), (197, 82), (226, 84), (262, 92), (270, 108), (280, 138), (264, 150), (258, 190)]
    oval += [(186, 186), (183, 150), (170, 131), (168, 117), (181, 112)]
    points = np.array([(width - 1 - x * scale, y * scale) for x, y in oval])
    cv2.fillPoly(skin, [points.astype(np.int32)], 1.0)
    skin = cv2.GaussianBlur(skin, (0, 0), 3 * scale)
    head = np.clip((196 * scale - rows) / (8 * scale), 0, 1)
    skin_gain = np.array([0.68, 0.76, 0.86], dtype=np.float32)
    hair_gain = np.array([0.42, 0.40, 0.43], dtype=np.float32)
    gain = skin[..., None] * skin_gain + (1 - skin[..., None]) * hair_gain
    pixels *= 1 + head[..., None] * (gain - 1)
    return replace(flipped, image=np.clip(pixels, 0, 255).astype(np.uint8))


def mirrored(portrait: Portrait) -> Portrait:
    """Returns the portrait flipped left to right."""
    width = portrait.image.shape[1]
    return Portrait(
        image=np.ascontiguousarray(portrait.image[:, ::-1]),
        alpha=np.ascontiguousarray(portrait.alpha[:, ::-1]),
        face=portrait.face.mirrored(width),
        head_xy=(width - 1 - portrait.head_xy[0], portrait.head_xy[1]),
        head_radii=portrait.head_radii,
    )


def _cut_out(picture: Image, outline: list[tuple[int, int]]) -> tuple[Image, Plane]:
    """Separates a person from the background, given a rough outline.

    Args:
        picture: (H, W, 3) uint8 BGR.
        outline: polygon (x, y), right to within a few pixels.

    Returns:
        The picture with the person's own colours carried across the edge, and the matte (H, W) in [0, 1].
    """
    inside = np.zeros(picture.shape[:2], dtype=np.uint8)
    cv2.fillPoly(inside, [np.array(outline, dtype=np.int32)], 1)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * _UNKNOWN + 1, 2 * _UNKNOWN + 1))
    labels = np.where(inside > 0, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    labels[cv2.erode(inside, kernel) > 0] = cv2.GC_FGD
    labels[cv2.dilate(inside, kernel) == 0] = cv2.GC_BGD
    cv2.setRNGSeed(0)  # GrabCut starts from k-means with random seeds
    cv2.grabCut(picture, labels, None, np.zeros((1, 65)), np.zeros((1, 65)), 6, cv2.GC_INIT_WITH_MASK)
    hard = np.isin(labels, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.uint8)
    hard = cv2.morphologyEx(hard, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    core = cv2.erode(hard, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5)))
    # one pixel in from GrabCut's border, or a rim of the old background would shine through
    soft = cv2.GaussianBlur(cv2.erode(hard, np.ones((3, 3), np.uint8)).astype(np.float32), (0, 0), 1.1)
    return _carry_colours_out(picture, core), soft


def _carry_colours_out(picture: Image, core: NDArray[np.uint8]) -> Image:
    """Replaces colours outside `core` by those just inside it, so that edges show no old background."""
    weight = core.astype(np.float32)
    near = cv2.GaussianBlur(picture.astype(np.float32) * weight[..., None], (0, 0), 2.0)
    total = cv2.GaussianBlur(weight, (0, 0), 2.0)[..., None]
    carried = near / np.maximum(total, 1e-4)
    keep = cv2.GaussianBlur(weight, (0, 0), 0.7)[..., None]
    return np.clip(picture * keep + carried * (1 - keep), 0, 255).astype(np.uint8)
