"""Random windows of scenes: what the face detector is trained on."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from maskcam.detectors.yunet import YuNetDetector
from maskcam.types import Image
from train.assignment import pairwise_iou
from train.augment import jpeg_round_trip
from train.recipe import DetectorRecipe
from train.scenes import Scene

_MINIMUM_SIDE = 6  # pixels at the input; smaller faces are neither learned nor held against the network
_LEFT_RIGHT = [1, 0, 2, 4, 3]  # order of the landmarks in a mirrored picture


@dataclass(frozen=True, slots=True)
class Window:
    """One training input and its labels, all in input pixels.

    Attributes:
        image: (S, S, 3) uint8 BGR.
        faces_xyxy: (g, 4) float32.
        landmarks: (g, 5, 2) float32, NaN where unknown.
    """

    image: Image
    faces_xyxy: NDArray[np.float32]
    landmarks: NDArray[np.float32]


class SceneWindows:
    """Random square windows of scenes at random scales.

    Args:
        scenes: the photographs; unlabelled faces in them count as faces too.
        landmarks: (n, 5, 2) per scene, NaN where unknown, for labelled faces and then unlabelled ones.
        recipe: input size and range of zoom.
    """

    def __init__(
        self, scenes: Sequence[Scene], landmarks: Sequence[NDArray[np.float32]], recipe: DetectorRecipe
    ) -> None:
        self._scenes = list(zip(scenes, landmarks, strict=True))
        self._recipe = recipe

    def __len__(self) -> int:
        return len(self._scenes)

    def sample(self, index: int) -> Window:
        """A random window of one scene."""
        scene, landmarks = self._scenes[index]
        image = scene.read()
        boxes = np.concatenate([scene.boxes_xyxy, scene.ignored_xyxy])
        size = self._recipe.input_size
        zoom = math.exp(random.uniform(*(math.log(z) for z in self._recipe.zoom)))
        scale = zoom * self._recipe.evaluation_size / max(image.shape[:2])
        height, width = (max(1, round(side * scale)) for side in image.shape[:2])
        left, top = _window(boxes * scale, (width, height), size)
        move = np.array([[scale, 0, -left], [0, scale, -top]], np.float32)
        flags = cv2.INTER_AREA if scale < 0.7 else random.choice([cv2.INTER_LINEAR, cv2.INTER_CUBIC])
        resized = cv2.resize(image, (width, height), interpolation=flags)
        canvas = np.full((size, size, 3), random.choice([0, 0, 114]), np.uint8)
        x1, y1 = max(0, left), max(0, top)
        part = resized[y1 : top + size, x1 : left + size]
        canvas[y1 - top : y1 - top + part.shape[0], x1 - left : x1 - left + part.shape[1]] = part
        boxes = boxes * scale + np.array([-left, -top] * 2, np.float32)
        landmarks = landmarks * scale + move[:, 2]
        if random.random() < 0.5:
            canvas = canvas[:, ::-1]
            boxes = boxes * [-1, 1, -1, 1] + [size, 0, size, 0]
            boxes = boxes[:, [2, 1, 0, 3]]
            landmarks = (landmarks * [-1, 1] + [size, 0])[:, _LEFT_RIGHT]
        centres = (boxes[:, :2] + boxes[:, 2:]) / 2
        inside = ((centres > 0) & (centres < size)).all(1)
        inside &= (boxes[:, 2:] - boxes[:, :2]).min(1, initial=1e9) >= _MINIMUM_SIDE
        return Window(
            image=_camera_like(np.ascontiguousarray(canvas)),
            faces_xyxy=boxes[inside].astype(np.float32),
            landmarks=landmarks[inside].astype(np.float32),
        )


def _window(boxes: NDArray[np.float32], size_wh: tuple[int, int], side: int) -> tuple[int, int]:
    """Left and top of a window of the given side, around a random face where the picture is larger."""
    corner = []
    focus = boxes[random.randrange(len(boxes))].reshape(2, 2).mean(0) if len(boxes) else np.array(size_wh) / 2
    for length, centre in zip(size_wh, focus, strict=True):
        if length <= side:  # place the whole picture anywhere in the window
            corner.append(-random.randint(0, side - length))
        else:
            start = int(centre - random.uniform(0.1, 0.9) * side)
            corner.append(min(max(0, start), length - side))
    return corner[0], corner[1]


def _camera_like(image: Image) -> Image:
    """Colour, light, grey, blur and JPEG as cameras give them."""
    pixels = image.astype(np.float32)
    pixels = pixels * random.uniform(0.7, 1.3) + random.uniform(-25, 25)
    pixels *= np.array([random.uniform(0.9, 1.1) for _ in range(3)], np.float32)
    if random.random() < 0.1:
        pixels[:] = pixels.mean(-1, keepdims=True)
    image = pixels.clip(0, 255).astype(np.uint8)
    if random.random() < 0.15:
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), random.uniform(0.4, 1.2)), np.uint8)
    if random.random() < 0.25:
        image = jpeg_round_trip(image, quality=random.randint(30, 85))
    return image


def pretrained_landmarks(scenes: Sequence[Scene], detector: YuNetDetector) -> list[NDArray[np.float32]]:
    """Landmarks of the labelled and unlabelled faces as the network before fine-tuning sees them.

    Scenes carry none; teaching the network its own keeps the output usable while everything below it moves.

    Returns:
        Per scene (n + m, 5, 2) float32 in pixels of the picture, NaN for faces that it did not find.
    """
    result = []
    for scene in scenes:
        boxes = np.concatenate([scene.boxes_xyxy, scene.ignored_xyxy])
        points = np.full((len(boxes), 5, 2), np.nan, np.float32)
        (found,) = detector.detect([scene.read()])
        if len(found) and len(boxes) and found.landmarks is not None:
            iou = pairwise_iou(torch.from_numpy(boxes), torch.from_numpy(found.boxes_xyxy))
            best, which = iou.max(1)
            sure = (best > 0.5).numpy()
            points[sure] = found.landmarks[which.numpy()[sure]]
        result.append(points)
    return result
