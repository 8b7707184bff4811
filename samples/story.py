"""What happens in the demo video: who comes and goes when, how they move, and how they wear their masks."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from samples.masks import CLOTH, FFP2, SURGICAL, MaskStyle
from samples.portraits import Portrait, astronaut, hopper, third_person
from samples.scene import Pose, face_box_xyxy

FPS = 25
SECONDS = 18.0
FRAMES = round(FPS * SECONDS)
_BARE = 3.0  # a mask's position when it is not on the face: in the hand, faded out

Keys = tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Person:
    """One person in the story.

    Attributes:
        name: "A", "B" or "C".
        looks: what a watcher sees.
        portrait: her picture, bare-faced.
        style: her mask.
        walk: (seconds, x) keys of the face's middle; she stands still between two equal ones.
        face_y: height of the face's middle when she stands.
        scale: frame pixels per portrait pixel when she stands.
        mask: (seconds, position) keys, positions as in `FaceMap.fits`.
        statuses: (start seconds, end seconds, status); between two of them the mask is moving.
        phase: shifts her swaying, so that nobody moves in step.
    """

    name: str
    looks: str
    portrait: Portrait
    style: MaskStyle
    walk: Keys
    face_y: float
    scale: float
    mask: Keys
    statuses: tuple[tuple[float, float, str], ...]
    phase: float

    def mask_position(self, seconds: float) -> float:
        """Returns where the mask is on its way, 0 worn right to 3 in the hand."""
        return _eased(self.mask, seconds)

    def pose(self, seconds: float) -> Pose:
        """Returns where she stands and how she holds herself."""
        x = _eased(self.walk, seconds)
        speed = (_eased(self.walk, seconds + 0.02) - _eased(self.walk, seconds - 0.02)) / 0.04
        walking = min(abs(speed) / 150, 1.0)
        nearness = _nearness(self.walk, seconds)
        step = 2 * np.pi * 1.8 * seconds + self.phase
        idle = 2 * np.pi * seconds + 3 * self.phase
        sway = 5.0 * np.sin(0.13 * idle) + 2.5 * np.sin(0.31 * idle + 1)
        return Pose(
            face_xy=(
                x + sway,
                self.face_y + 10 * (1 - nearness) + 5 * walking * np.sin(step) + np.sin(0.25 * idle),
            ),
            scale=self.scale * (0.93 + 0.07 * nearness) * (1 + 0.012 * np.sin(0.11 * idle)),
            lean_degrees=0.7 * np.sin(0.17 * idle) + 1.2 * walking * np.sin(step / 2),
            tilt_degrees=2.4 * np.sin(0.23 * idle + 0.5) + 1.2 * np.sin(0.59 * idle),
            speed_px=speed / FPS,
        )

    def face_box_xyxy(self, seconds: float) -> tuple[float, float, float, float] | None:
        """Returns the face's box in the frame, or None unless all of it is in the frame."""
        return face_box_xyxy(self.portrait, self.pose(seconds))


def people() -> tuple[Person, Person, Person]:
    """Returns the three persons, the one furthest from the camera first."""
    eileen = astronaut()
    b = Person(
        name="B",
        looks="dark uniform, cap, glasses; white FFP2 mask, worn right all the time",
        portrait=hopper(),
        style=FFP2,
        walk=((0.0, -200.0), (3.2, 640.0)),
        face_y=292.0,
        scale=0.74,
        mask=((0.0, 0.0),),
        statuses=((0.0, SECONDS, "mask"),),
        phase=0.6,
    )
    a = Person(
        name="A",
        looks="orange suit, fair hair; bare, then puts a blue surgical mask on",
        portrait=eileen,
        style=SURGICAL,
        walk=((1.6, -220.0), (4.2, 262.0)),
        face_y=272.0,
        scale=0.72,
        mask=((8.0, _BARE), (8.6, 0.0)),
        statuses=((0.0, 8.0, "no_mask"), (8.6, SECONDS, "mask")),
        phase=2.1,
    )
    c = Person(
        name="C",
        looks="blue suit, dark hair; dark cloth mask under the nose, then pulled up; leaves",
        portrait=third_person(eileen),
        style=CLOTH,
        walk=((2.6, 1500.0), (5.2, 1020.0), (15.2, 1020.0), (17.4, 1520.0)),
        face_y=262.0,
        scale=0.77,
        mask=((11.5, 1.0), (12.0, 0.0)),
        statuses=((0.0, 11.5, "incorrect"), (12.0, SECONDS, "mask")),
        phase=4.4,
    )
    return b, a, c


def _eased(keys: Keys, seconds: float) -> float:
    """Returns the value between (seconds, value) keys, starting and stopping softly (smoothstep)."""
    if seconds <= keys[0][0]:
        return keys[0][1]
    for (start, before), (end, after) in pairwise(keys):
        if seconds < end:
            t = (seconds - start) / (end - start)
            return before + (after - before) * t * t * (3 - 2 * t)
    return keys[-1][1]


def _nearness(walk: Keys, seconds: float) -> float:
    """Returns 0 far out at the door and 1 at the counter, from how far she has still to walk."""
    standing = walk[1][1]
    return 1 - min(abs(_eased(walk, seconds) - standing) / 500, 1.0)
