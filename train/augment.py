"""Makes training crops that look like what cameras see: shifted boxes, low resolution, blur, noise, JPEG, colour."""

from __future__ import annotations

import random

import cv2
import numpy as np
from numpy.typing import NDArray

from maskcam.crops import CropSpec
from maskcam.types import Image
from train.patches import Patch


def camera_crop(patch: Patch, spec: CropSpec) -> Image:
    """One random crop of a patch.

    Args:
        patch: the face and its surroundings.
        spec: side and margin of the crop that the classifier will be given.

    Returns:
        (size, size, 3) uint8 BGR.
    """
    crop = _warp(patch, spec)
    if random.random() < 0.5:
        crop = _low_resolution(crop, side=round(np.exp(random.uniform(np.log(18), np.log(90)))))
    crop = _colour(crop)
    if random.random() < 0.25:
        crop = _blur(crop)
    if random.random() < 0.2:
        noise = np.random.default_rng(random.getrandbits(32)).normal(0, random.uniform(2, 14), crop.shape)
        crop = (crop + noise).clip(0, 255).astype(np.uint8)
    if random.random() < 0.4:
        crop = jpeg_round_trip(crop, quality=random.randint(15, 85))
    if random.random() < 0.1:
        _cover(crop)
    return crop


def jpeg_round_trip(image: Image, *, quality: int) -> Image:
    """The image as it comes back from a JPEG of the given quality, 1 to 100."""
    data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)


def study_crop(patch: Patch, spec: CropSpec) -> Image:
    """One random crop as the study made them: mirrored or not, turned by up to 10 degrees.

    Args:
        patch: the face; a whole picture is resized to a square, as the study did.
        spec: side and margin of the crop that the classifier will be given.

    Returns:
        (size, size, 3) uint8 BGR.
    """
    height, width = patch.image.shape[:2]
    part = 1.0 if patch.box_side == 1 else patch.box_side * (1 + 2 * spec.margin)
    angle = np.deg2rad(random.uniform(-10, 10))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    mirrored = random.choice((-1, 1))
    linear = turn @ np.diag([mirrored * spec.size / (width * part), spec.size / (height * part)])
    return _transform(patch.image, linear, np.array([width, height]) / 2, spec.size, cv2.BORDER_REPLICATE)


def _warp(patch: Patch, spec: CropSpec) -> Image:
    """Box drawn 0.75 to 1.5 times as large as it is, off its centre by up to an eighth, turned by up to 15 degrees."""
    size = patch.image.shape[0]
    side = size * patch.box_side * np.exp(random.uniform(np.log(0.75), np.log(1.5)))
    if patch.box_side < 1:  # a picture that is a face already has no margin to show
        side *= 1 + 2 * spec.margin
    shift = [random.uniform(-0.125, 0.125) * size * patch.box_side for _ in range(2)]
    angle = np.deg2rad(np.clip(random.gauss(0, 7), -15, 15))
    scale = spec.size / side
    aspect = np.exp(random.uniform(-0.08, 0.08))
    mirrored = random.choice((-1, 1))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    linear = turn @ np.diag([scale * mirrored * aspect, scale / aspect])
    centre = np.array([size / 2 + shift[0], size / 2 + shift[1]])
    border = cv2.BORDER_CONSTANT if random.random() < 0.7 else cv2.BORDER_REFLECT_101
    return _transform(patch.image, linear, centre, spec.size, border)


def _transform(
    image: Image, linear: NDArray[np.floating], centre: NDArray[np.floating], size: int, border: int
) -> Image:
    """The (size, size, 3) picture around a centre, after a linear map of the pixels."""
    matrix = np.column_stack([linear, size / 2 - linear @ centre])
    scale = float(np.sqrt(abs(np.linalg.det(linear))))
    if scale < 0.6:  # linear interpolation would alias
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), 0.4 / scale), np.uint8)
    warped = cv2.warpAffine(image, matrix, (size, size), flags=cv2.INTER_LINEAR, borderMode=border)
    return np.asarray(warped, np.uint8)


def _low_resolution(crop: Image, *, side: int) -> Image:
    small = cv2.resize(crop, (side, side), interpolation=cv2.INTER_AREA)
    enlarge = random.choice((cv2.INTER_LINEAR, cv2.INTER_LINEAR, cv2.INTER_CUBIC))
    return np.asarray(cv2.resize(small, crop.shape[:2], interpolation=enlarge), np.uint8)


def _colour(crop: Image) -> Image:
    pixels = crop.astype(np.float32)
    if random.random() < 0.7:
        mean = pixels.mean()
        pixels = (pixels - mean) * random.uniform(0.6, 1.4) + mean * random.uniform(0.6, 1.35)
        pixels *= np.array([random.uniform(0.85, 1.15) for _ in range(3)], np.float32)
    if random.random() < 0.3:  # a mask is no colour: skin and cloth change hue apart from each other
        hsv = cv2.cvtColor(pixels.clip(0, 255) / 255, cv2.COLOR_BGR2HSV)
        hsv[..., 0] = (hsv[..., 0] + random.uniform(-18, 18)) % 360
        hsv[..., 1] = (hsv[..., 1] * random.uniform(0.4, 1.5)).clip(0, 1)
        pixels = np.asarray(cv2.cvtColor(hsv, cv2.COLOR_HSV2BGR) * 255, np.float32)
    if random.random() < 0.08:
        pixels[:] = pixels.mean(axis=-1, keepdims=True)
    return pixels.clip(0, 255).astype(np.uint8)


def _blur(crop: Image) -> Image:
    if random.random() < 0.5:
        return np.asarray(cv2.GaussianBlur(crop, (0, 0), random.uniform(0.5, 2.5)), np.uint8)
    length = random.choice((3, 5, 7, 9))
    kernel = _motion_kernel(length, horizontal=random.random() < 0.5)
    return np.asarray(cv2.filter2D(crop, -1, kernel), np.uint8)


def _motion_kernel(length: int, *, horizontal: bool) -> NDArray[np.float32]:
    kernel = np.zeros((length, length), np.float32)
    kernel[length // 2] = 1 / length
    return kernel if horizontal else kernel.T


def _cover(crop: Image) -> None:
    """Hides a part, as a hand, a neighbour or the edge of the picture does."""
    size = crop.shape[0]
    height, width = (random.randint(size // 8, size // 3) for _ in range(2))
    top, left = random.randint(0, size - height), random.randint(0, size - width)
    crop[top : top + height, left : left + width] = [random.randint(0, 255) for _ in range(3)]
