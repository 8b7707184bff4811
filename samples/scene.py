"""The room and the camera: background, people placed in it, counter in front, blur and noise."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from samples.portraits import Portrait

Image = NDArray[np.uint8]
Colours = NDArray[np.float32]

WIDTH, HEIGHT = 1280, 720
COUNTER_TOP = 574  # everybody stands behind a reception counter, so nobody needs legs
_SHADOW_SHIFT = np.array([[1, 0, 3], [0, 1, 1]], dtype=np.float32)  # in eighths of the frame
_EXPOSURE = 0.3  # share of a frame's time that the shutter is open: how much motion blurs


@dataclass(frozen=True, slots=True)
class Pose:
    """Where a person is and how she holds herself.

    Attributes:
        face_xy: where the middle of the face goes, in frame pixels.
        scale: frame pixels per portrait pixel.
        lean_degrees: the whole body's lean, about the waist.
        tilt_degrees: the head's tilt on top of that, about the neck.
        speed_px: sideways motion per frame, for motion blur.
    """

    face_xy: tuple[float, float]
    scale: float
    lean_degrees: float = 0.0
    tilt_degrees: float = 0.0
    speed_px: float = 0.0


def draw_background() -> Colours:
    """Draws a wall with a door, a notice board and a handrail; (720, 1280, 3) float32 BGR, 0 to 255."""
    x = np.linspace(-1, 1, WIDTH, dtype=np.float32)[None, :]
    y = np.linspace(0, 1, HEIGHT, dtype=np.float32)[:, None]
    glow = (
        1.06 - 0.20 * y - 0.10 * (x - 0.15) ** 2 + 0.05 * np.exp(-(((x + 0.35) / 0.3) ** 2) - (y / 0.35) ** 2)
    )
    light = np.ascontiguousarray(glow[..., None])
    room = _WALL_BGR * light
    for box_xyxy, colour_bgr, edge in _PANELS:
        _paint(room, light, box_xyxy, colour_bgr, edge=edge)
    rng = np.random.default_rng(1)
    plaster = cv2.GaussianBlur(rng.normal(size=(HEIGHT, WIDTH)).astype(np.float32), (0, 0), 2.2) * 6.0
    stains = cv2.GaussianBlur(rng.normal(size=(HEIGHT, WIDTH)).astype(np.float32), (0, 0), 45) * 110.0
    room += (plaster + stains)[..., None]
    return cv2.GaussianBlur(np.clip(room, 0, 255), (0, 0), 2.4)  # the camera is focused on the people


_WALL_BGR = np.array([192, 202, 206], dtype=np.float32)
# box, colour, and how dark the line around it is; later ones lie over earlier ones
_PANELS = (
    ((0, 430, WIDTH, HEIGHT), (166, 180, 178), 0.0),  # lower wall
    ((0, 414, WIDTH, 432), (138, 152, 162), 0.15),  # handrail
    ((742, 62, 1002, HEIGHT), (158, 166, 170), 0.30),  # door frame
    ((760, 80, 984, HEIGHT), (124, 150, 176), 0.22),  # door
    ((850, 130, 894, 330), (148, 148, 142), 0.35),  # its window
    ((948, 398, 976, 408), (90, 94, 96), 0.25),  # its handle
    ((118, 96, 366, 268), (112, 140, 160), 0.25),  # notice board
    ((126, 104, 358, 260), (110, 148, 178), 0.15),
    ((142, 120, 204, 200), (206, 204, 198), 0.10),  # notices
    ((218, 116, 270, 180), (178, 200, 206), 0.10),
    ((284, 122, 344, 206), (204, 206, 204), 0.10),
    ((222, 192, 268, 246), (150, 190, 208), 0.10),
    ((150, 210, 200, 248), (196, 176, 150), 0.10),
)


def _paint(
    room: Colours,
    light: Colours,
    box_xyxy: tuple[int, int, int, int],
    colour_bgr: tuple[float, float, float],
    *,
    edge: float,
) -> None:
    """Paints a panel into the room in place, with a soft dark line around it."""
    left, top, right, bottom = box_xyxy
    room[top:bottom, left:right] = np.array(colour_bgr, dtype=np.float32) * light[top:bottom, left:right]
    if edge:
        line = np.zeros(room.shape[:2], dtype=np.float32)
        cv2.rectangle(line, (left, top), (right, bottom), 1.0, 2)
        room *= 1 - edge * cv2.GaussianBlur(line, (0, 0), 1.2)[..., None]


def draw_counter(room: Colours) -> None:
    """Draws the reception counter over the lower part of the frame, in place."""
    top = COUNTER_TOP
    shade = np.linspace(1.0, 0.80, HEIGHT - top, dtype=np.float32)[:, None, None]
    grain = np.random.default_rng(2).normal(size=(HEIGHT - top, WIDTH)).astype(np.float32)
    grain = cv2.GaussianBlur(grain, (0, 0), sigmaX=60, sigmaY=0.9) * 30.0
    front = np.array([112, 138, 160], dtype=np.float32) * shade + grain[..., None]
    front[:26] = np.array([196, 206, 212], dtype=np.float32) + 0.4 * grain[:26, :, None]
    front[:3] += 18
    front[26:34] *= np.linspace(0.62, 0.95, 8, dtype=np.float32)[:, None, None]
    room[top:] = cv2.GaussianBlur(front, (0, 0), 0.8)


def body_matrix(portrait: Portrait, pose: Pose) -> NDArray[np.float64]:
    """Returns the (2, 3) matrix from portrait to frame for all but the head."""
    left, top, right, bottom = portrait.face.box_xyxy
    middle = np.array([(left + right) / 2, (top + bottom) / 2])
    waist = middle + np.array([0.0, 2.2 * (bottom - top)])
    matrix = cv2.getRotationMatrix2D(tuple(waist), pose.lean_degrees, pose.scale)
    upright = pose.scale * (middle - waist) + waist
    matrix[:, 2] += np.array(pose.face_xy) - upright
    return np.asarray(matrix, dtype=np.float64)


def head_matrix(portrait: Portrait, pose: Pose) -> NDArray[np.float64]:
    """Returns the (2, 3) matrix from portrait to frame for the head."""
    neck = (portrait.head_xy[0], portrait.head_xy[1] + 0.95 * portrait.head_radii[1])
    tilt = np.vstack([cv2.getRotationMatrix2D(neck, pose.tilt_degrees, 1.0), (0, 0, 1)])
    return body_matrix(portrait, pose) @ tilt


def face_box_xyxy(portrait: Portrait, pose: Pose) -> tuple[float, float, float, float] | None:
    """Returns the face's box in the frame, or None unless all of it is in the frame."""
    left, top, right, bottom = portrait.face.box_xyxy
    ring = np.linspace(0, 2 * np.pi, 33)
    x = (left + right) / 2 + (right - left) / 2 * np.cos(ring)
    y = (top + bottom) / 2 + (bottom - top) / 2 * np.sin(ring)
    points = head_matrix(portrait, pose) @ np.stack([x, y, np.ones_like(ring)])
    (x_min, y_min), (x_max, y_max) = points.min(axis=1), points.max(axis=1)
    if x_min < 0 or x_max > WIDTH:
        return None
    return float(x_min), float(y_min), float(x_max), float(y_max)


def _maps(portrait: Portrait, pose: Pose) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Returns where in the portrait every pixel of the frame comes from: x and y, each (720, 1280)."""
    inverse = cv2.invertAffineTransform(body_matrix(portrait, pose))
    x, y = np.meshgrid(np.arange(WIDTH, dtype=np.float32), np.arange(HEIGHT, dtype=np.float32))
    source_x = (inverse[0, 0] * x + inverse[0, 1] * y + inverse[0, 2]).astype(np.float32)
    source_y = (inverse[1, 0] * x + inverse[1, 1] * y + inverse[1, 2]).astype(np.float32)
    (head_x, head_y), (radius_x, radius_y) = portrait.head_xy, portrait.head_radii
    away = np.hypot((source_x - head_x) / radius_x, (source_y - head_y) / radius_y)
    weight = np.clip((1.7 - away) / 0.7, 0, 1)
    weight = weight * weight * (3 - 2 * weight)
    neck_y = head_y + 0.95 * radius_y
    angle = np.deg2rad(pose.tilt_degrees) * weight
    cos, sin = np.cos(angle), np.sin(angle)
    from_x, from_y = source_x - head_x, source_y - neck_y
    map_x = (head_x + cos * from_x - sin * from_y).astype(np.float32)
    map_y = (neck_y + sin * from_x + cos * from_y).astype(np.float32)
    return map_x, map_y


def place(room: Colours, portrait: Portrait, pose: Pose) -> None:
    """Draws a person into the room in place, with a faint shadow on the wall behind.

    The body moves rigidly; the head turns about the neck, and what lies between bends smoothly.
    """
    map_x, map_y = _maps(portrait, pose)
    layer = np.dstack([portrait.image.astype(np.float32) * portrait.alpha[..., None], portrait.alpha])
    if pose.scale < 1:  # area filter before shrinking, or fine detail would flicker
        layer = cv2.GaussianBlur(layer, (0, 0), 0.45 / pose.scale)
    layer = cv2.remap(layer, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=0)
    smear = 2 * round(abs(pose.speed_px) * _EXPOSURE / 2) + 1
    if smear > 1:
        layer = cv2.blur(layer, (smear, 1))
    small = cv2.resize(layer[..., 3], (WIDTH // 8, HEIGHT // 8), interpolation=cv2.INTER_AREA)
    small = cv2.warpAffine(cv2.GaussianBlur(small, (0, 0), 3.5), _SHADOW_SHIFT, None)
    shadow = cv2.resize(small, (WIDTH, HEIGHT), interpolation=cv2.INTER_LINEAR)
    alpha = layer[..., 3:]
    room *= 1 - 0.13 * shadow[..., None] * (1 - alpha)
    room *= 1 - alpha
    room += layer[..., :3]


def photograph(room: Colours, *, seed: int) -> Image:
    """Turns the drawn room into a camera's picture: lens softness, and sensor noise fixed by the seed."""
    soft = cv2.GaussianBlur(room, (0, 0), 0.6)
    noise = np.random.default_rng(seed).normal(size=(HEIGHT, WIDTH)).astype(np.float32)
    grain = cv2.GaussianBlur(noise, (0, 0), 0.7) * 2.4
    return np.clip(soft + grain[..., None] + 0.5, 0, 255).astype(np.uint8)
