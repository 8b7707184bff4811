"""The values that the rooms of maskcam exchange.

Frozen and slotted; arrays are checked once, when a value is made, and never changed afterwards.
Images are (H, W, 3) uint8 in BGR order, OpenCV's, everywhere in the runtime. Boxes are
(x1, y1, x2, y2) in pixels of the frame they were found in. Times are seconds.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from maskcam.pixels import Image as Image
from maskcam.pixels import Pixels
from maskcam.pixels import check_image as check_image

Polygon = tuple[tuple[float, float], ...]
"""Corners in order around it, x and y in [0, 1] of a picture's width and height."""


class MaskStatus(enum.Enum):
    """How a face wears its mask."""

    MASK = "mask"
    NO_MASK = "no_mask"
    INCORRECT = "incorrect"
    UNSURE = "unsure"

    @property
    def is_violation(self) -> bool:
        """True for a bare face and for a mask worn wrong; never for `UNSURE`."""
        return self in (MaskStatus.NO_MASK, MaskStatus.INCORRECT)


@dataclass(frozen=True, slots=True, eq=False)
class EncodedPicture:
    """One picture as a camera encoded it, in H.264 of a kind that every browser plays.

    Those of one camera stand in the order of decoding. What is left out between two of them is left out up to the next
    key picture, so that nothing builds upon what is not there.

    Attributes:
        data: NAL units, each with a start code; the parameters come first in every key picture.
        pts_seconds: when it is shown, by the clock of `Frame.pts_seconds`.
        is_key: it can be decoded without any before it.
    """

    data: bytes
    pts_seconds: float
    is_key: bool


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One picture from one camera or file.

    Attributes:
        pixels: the picture; converted to BGR only as far as somebody asks.
        index: 0-based number of the frame in its source, dropped frames counted.
        pts_seconds: when the frame was shown, by the source's own clock.
        captured_seconds: when it reached us, by `time.monotonic()`; for latency only.
        camera: name of the source, safe to print.
        encoded: what the source has encoded since the frame before, also where that was handed to nobody; None where
            it encodes nothing that every browser plays, or where faces in it must not be seen.
    """

    pixels: Pixels
    index: int
    pts_seconds: float
    captured_seconds: float
    camera: str
    encoded: tuple[EncodedPicture, ...] | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.pixels, Pixels):
            raise TypeError(
                f"pixels must be Pixels, got {type(self.pixels).__name__}: wrap an array in ArrayPixels"
            )

    @property
    def image(self) -> Image:
        """The whole picture, (H, W, 3) uint8, BGR."""
        return self.pixels.whole()

    @property
    def size_wh(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.pixels.size_wh


@dataclass(frozen=True, slots=True, eq=False)
class Faces:
    """The faces that a detector found in one image; there may be none.

    Attributes:
        boxes_xyxy: (n, 4) float32, pixels.
        scores: (n,) float32 in [0, 1].
        landmarks: (n, 5, 2) float32 pixels (right eye, left eye, nose, right and left corner of
            the mouth, as the person has them), or None where the detector gives none.
    """

    boxes_xyxy: NDArray[np.float32]
    scores: NDArray[np.float32]
    landmarks: NDArray[np.float32] | None = None

    def __post_init__(self) -> None:
        n = len(self.boxes_xyxy)
        if self.boxes_xyxy.shape != (n, 4):
            raise ValueError(f"boxes_xyxy must have shape (n, 4), got {self.boxes_xyxy.shape}")
        if self.scores.shape != (n,):
            raise ValueError(f"scores must have shape ({n},), got {self.scores.shape}")
        if n and not (self.scores.min() >= 0 and self.scores.max() <= 1):
            raise ValueError(f"scores must lie in [0, 1], got {self.scores.min()} to {self.scores.max()}")
        if self.landmarks is not None and self.landmarks.shape != (n, 5, 2):
            raise ValueError(f"landmarks must have shape ({n}, 5, 2), got {self.landmarks.shape}")

    def __len__(self) -> int:
        return len(self.boxes_xyxy)

    def select(self, keep: NDArray[np.bool_]) -> Faces:
        """Those for which `keep`, (n,) bool, is true, in the same order."""
        landmarks = None if self.landmarks is None else self.landmarks[keep]
        return Faces(self.boxes_xyxy[keep], self.scores[keep], landmarks)

    @classmethod
    def none(cls) -> Faces:
        """No face at all."""
        return cls(np.zeros((0, 4), np.float32), np.zeros(0, np.float32))


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the classifier says of one crop, on its own.

    Attributes:
        probabilities: per class of the model card, summing to 1.
        status: the likeliest class, or `UNSURE` below the card's threshold.
        confidence: probability of the likeliest class, in [0, 1].
    """

    probabilities: Mapping[MaskStatus, float]
    status: MaskStatus
    confidence: float

    @property
    def likeliest(self) -> MaskStatus:
        """The class with the highest probability, however low that is."""
        return max(self.probabilities, key=lambda status: self.probabilities[status])


@dataclass(frozen=True, slots=True, eq=False)
class Sighting:
    """The faces found in one image, with what was made of them where that came in the same go.

    Attributes:
        faces: those found.
        verdicts: one per face, in order; None where the classifier is still to be asked.
    """

    faces: Faces
    verdicts: tuple[Verdict, ...] | None = None

    def __post_init__(self) -> None:
        if self.verdicts is not None and len(self.verdicts) != len(self.faces):
            raise ValueError(f"there must be {len(self.faces)} verdicts, got {len(self.verdicts)}")

    def select(self, keep: NDArray[np.bool_]) -> Sighting:
        """Those faces for which `keep`, (n,) bool, is true, in the same order."""
        if self.verdicts is None:
            return Sighting(self.faces.select(keep))
        kept = (verdict for verdict, is_kept in zip(self.verdicts, keep, strict=True) if is_kept)
        return Sighting(self.faces.select(keep), tuple(kept))


@dataclass(frozen=True, slots=True, eq=False)
class Track:
    """One person's face, seen in the present frame, with its status voted over time.

    Attributes:
        track_id: 1-based, unique within a camera.
        box_xyxy: (4,) float32, pixels of the present frame.
        score: the detector's score for this face, in [0, 1].
        status: voted over the recent verdicts of this track.
        confidence: share of the weighted votes for `status`, in [0, 1].
        first_seconds: `pts_seconds` of the first frame of the track.
        last_seconds: `pts_seconds` of the present frame.
        verdict: what the classifier said of the present frame alone, or, unless `is_judged`, of one shortly before.
        is_judged: whether the classifier was asked in the present frame. It is not where the face looks as it did when
            it was judged for certain.
        is_required: whether the person is in a place and at a time in which masks are required. Whoever is not is
            followed and judged all the same, but must not count among those with or without a mask, and breaks
            no rule.
        landmarks: (5, 2) float32 pixels, in the order of `Faces.landmarks`; None where the detector gives none.
    """

    track_id: int
    box_xyxy: NDArray[np.float32]
    score: float
    status: MaskStatus
    confidence: float
    first_seconds: float
    last_seconds: float
    verdict: Verdict
    is_judged: bool = True
    is_required: bool = True
    landmarks: NDArray[np.float32] | None = None


class ViolationPhase(enum.Enum):
    """What has just happened to a violation."""

    STARTED = "started"
    UPDATED = "updated"
    """A better view of the person, or another status."""
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Transition:
    """One status that a person had for a while.

    Attributes:
        status: `NO_MASK`, `INCORRECT` or `MASK`; times of `UNSURE` belong to the status before them.
        started_seconds: `pts_seconds` at which it was first seen.
        ended_seconds: when another one came, or the person was last seen with it; None while it lasts.
    """

    status: MaskStatus
    started_seconds: float
    ended_seconds: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Violation:
    """One person breaking the rule once, as it stands now.

    The same violation is reported when it starts, when it changes and when it ends: `violation_id`
    tells which reports belong together.

    Attributes:
        violation_id: 1-based, unique within a camera and run.
        phase: what has just happened.
        camera: name of the source.
        track_id: the person's track.
        status: `NO_MASK` or `INCORRECT`; the latest one seen.
        started_seconds: `pts_seconds` at which the person was first seen breaking the rule.
        ended_seconds: None while the violation goes on.
        box_xyxy: (4,) float32, the best view so far, pixels.
        snapshot: name of its pictures, without folder and ending; safe as a file name.
        is_best_view: the present frame shows the person better than any before: take the picture now.
        transitions: the statuses since it started, in order; gaps between them are times at which nobody was seen, or
            no mask required. The last one is open while the violation goes on, and when the violation ends because
            the person complied: then it is a `MASK` from `ended_seconds` on.
    """

    violation_id: int
    phase: ViolationPhase
    camera: str
    track_id: int
    status: MaskStatus
    started_seconds: float
    ended_seconds: float | None
    box_xyxy: NDArray[np.float32]
    snapshot: str
    is_best_view: bool = False
    transitions: tuple[Transition, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class FrameResult:
    """All that is known of one frame: what every sink receives.

    Attributes:
        frame: the frame, not drawn upon; faces that are to be unrecognisable are so already.
        tracks: the people seen in this frame.
        violations: those that started, changed or ended with this frame.
        stage_seconds: seconds spent per stage on the whole step that this frame was part of.
        zones: the parts of the picture in which masks are required; none at all means everywhere.
        off_duty: these are no hours in which masks are required; nobody counts.
        draw_seconds: spent on drawing the overlay; None where nobody wanted it.
    """

    frame: Frame
    tracks: tuple[Track, ...]
    violations: tuple[Violation, ...] = ()
    stage_seconds: Mapping[str, float] = field(default_factory=dict)
    zones: tuple[Polygon, ...] = ()
    off_duty: bool = False
    draw_seconds: float | None = None
