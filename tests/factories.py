"""Values of `maskcam.types`, made with as few words as a test needs."""

import numpy as np

from maskcam.pixels import ArrayPixels
from maskcam.types import (
    Frame,
    FrameResult,
    Image,
    MaskStatus,
    Track,
    Verdict,
    Violation,
    ViolationPhase,
)


def make_image(size_wh: tuple[int, int] = (320, 240), *, seed: int = 0) -> Image:
    """A soft picture with detail of its own, (H, W, 3) uint8."""
    width, height = size_wh
    across = np.sin((np.arange(width)[:, None] + 7 * seed) / (9.0, 13.0, 17.0))
    down = np.cos(np.arange(height)[:, None] / (11.0, 14.0, 17.0))
    return (110 + 60 * across[None] * down[:, None]).astype(np.uint8)


def make_frame(
    size_wh: tuple[int, int] = (320, 240),
    *,
    image: Image | None = None,
    index: int = 0,
    pts_seconds: float | None = None,
    camera: str = "door",
) -> Frame:
    """A frame at 25 per second unless told otherwise."""
    return Frame(
        pixels=ArrayPixels(make_image(size_wh, seed=index) if image is None else image),
        index=index,
        pts_seconds=index / 25 if pts_seconds is None else pts_seconds,
        captured_seconds=0.0,
        camera=camera,
    )


def make_track(
    box_xyxy: tuple[float, float, float, float] = (100, 80, 160, 150),
    status: MaskStatus = MaskStatus.NO_MASK,
    *,
    track_id: int = 1,
    confidence: float = 0.97,
) -> Track:
    """A track seen for one second."""
    likeliest = MaskStatus.NO_MASK if status is MaskStatus.UNSURE else status
    return Track(
        track_id=track_id,
        box_xyxy=np.array(box_xyxy, np.float32),
        score=0.9,
        status=status,
        confidence=confidence,
        first_seconds=0.0,
        last_seconds=1.0,
        verdict=Verdict({likeliest: 1.0}, likeliest, 1.0),
    )


def make_violation(
    phase: ViolationPhase = ViolationPhase.STARTED,
    *,
    box_xyxy: tuple[float, float, float, float] = (100, 80, 160, 150),
    violation_id: int = 1,
    track_id: int = 1,
    camera: str = "door",
    is_best_view: bool | None = None,
) -> Violation:
    """A violation; every report of it but its end has a best view unless told otherwise."""
    ended = phase is ViolationPhase.ENDED
    return Violation(
        violation_id=violation_id,
        phase=phase,
        camera=camera,
        track_id=track_id,
        status=MaskStatus.NO_MASK,
        started_seconds=1.25,
        ended_seconds=3.5 if ended else None,
        box_xyxy=np.array(box_xyxy, np.float32),
        snapshot=f"{camera}_{violation_id:05d}",
        is_best_view=not ended if is_best_view is None else is_best_view,
    )


def make_result(
    frame: Frame | None = None,
    tracks: tuple[Track, ...] = (),
    violations: tuple[Violation, ...] = (),
) -> FrameResult:
    """A result; a plain frame when none is given."""
    return FrameResult(frame or make_frame(), tracks, violations)
