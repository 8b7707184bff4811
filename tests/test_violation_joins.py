"""Scripts of people who are hidden for a moment, through the pipeline with the tracker's own settings."""

from collections.abc import Callable, Sequence

import numpy as np

from maskcam.classifiers.fixed import FixedClassifier
from maskcam.config_sections import TrackerConfig
from maskcam.crops import CropSpec
from maskcam.detectors.fixed import FixedDetector
from maskcam.pipeline import Pipeline
from maskcam.pixels import ArrayPixels
from maskcam.types import Faces, Frame, Image, MaskStatus, Violation, ViolationPhase
from maskcam.violations import ViolationOptions
from maskcam.voting import VotingOptions

FPS = 15
WIDTH, HEIGHT = 960, 240
SIDE = 48.0
GREY = {MaskStatus.MASK: 250, MaskStatus.NO_MASK: 10, MaskStatus.INCORRECT: 130}

Where = Callable[[float], float | None]
"""The middle of a face across the picture at a time; None while it cannot be seen."""
Actor = tuple[MaskStatus, Where]


def by_brightness(crop: Image) -> MaskStatus:
    middle = float(crop[12:20, 12:20].mean())
    return min(GREY, key=lambda status: abs(GREY[status] - middle))


def play(seconds: float, *actors: Actor, interrupted: float | None = None) -> list[Violation]:
    """What is reported of the actors; the first ones stand before those after them."""
    scenes = [
        [(status, x) for status, where in actors if (x := where(i / FPS)) is not None]
        for i in range(round(seconds * FPS))
    ]
    said: list[Violation] = []
    pipeline = Pipeline(
        detector=FixedDetector([faces([x for _, x in scene]) for scene in scenes]),
        classifier=FixedClassifier(by_brightness, crop=CropSpec(size=32, margin=0.0)),
        new_tracker=TrackerConfig().build,
        voting=VotingOptions(),
        violations=ViolationOptions(),
    )
    for i, scene in enumerate(scenes):
        if interrupted is not None and i == round(interrupted * FPS):
            said += pipeline.interrupt("door")
        (result,) = pipeline.step([Frame(ArrayPixels(paint(scene)), i, i / FPS, 0.0, "door")])
        said += result.violations
    return said + list(pipeline.finish("door"))


def faces(middles: Sequence[float]) -> Faces:
    boxes = [[x - SIDE / 2, 100, x + SIDE / 2, 100 + SIDE] for x in middles if 0 < x < WIDTH]
    return Faces(np.array(boxes, np.float32).reshape(-1, 4), np.full(len(boxes), 0.9, np.float32))


def paint(scene: Sequence[tuple[MaskStatus, float]]) -> Image:
    image = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
    for status, x in reversed(scene):
        image[90:160, max(0, round(x - SIDE / 2)) : max(0, round(x + SIDE / 2))] = GREY[status]
    return image


def bare(where: Where) -> Actor:
    return MaskStatus.NO_MASK, where


def masked(where: Where) -> Actor:
    return MaskStatus.MASK, where


def unless(where: Where, since: float, until: float) -> Where:
    """The same, hidden in between."""
    return lambda t: None if since <= t < until else where(t)


def stands(x: float) -> Where:
    return lambda t: x + 3 * np.sin(2 * t)


def walks(start: float, speed: float) -> Where:
    """From `start`, pixels a second."""
    return lambda t: start + speed * t


def identities(said: Sequence[Violation]) -> set[int]:
    return {v.violation_id for v in said}


def ends(said: Sequence[Violation]) -> list[tuple[int, float]]:
    return [(v.violation_id, v.ended_seconds or 0) for v in said if v.phase is ViolationPhase.ENDED]


def test_hidden_while_standing() -> None:
    for hidden in (1.0, 1.5, 1.7):
        said = play(10, bare(unless(stands(300), 4, 4 + hidden)))
        assert identities(said) == {1}, hidden
        assert len(ends(said)) == 1, "it went on all the time"
        assert len({v.track_id for v in said}) == 1 + (hidden > 1.4), "the tracker gives another number"


def test_hidden_for_three_seconds_while_standing() -> None:
    said = play(12, bare(unless(stands(300), 4, 7)))
    assert identities(said) == {1}
    assert [v.phase for v in said if not v.is_best_view] == [
        ViolationPhase.ENDED,
        ViolationPhase.UPDATED,
        ViolationPhase.ENDED,
    ]
    assert [t.status for t in said[-1].transitions] == [MaskStatus.NO_MASK] * 2, "with the gap between them"


def test_hidden_for_longer_than_the_cooldown() -> None:
    assert identities(play(22, bare(unless(stands(300), 4, 16)))) == {1, 2}


def test_walks_on_while_hidden() -> None:
    for speed in (60, 120, 200):
        said = play(6, bare(unless(walks(60, speed), 2, 3.7)))
        assert identities(said) == {1}, speed


def test_a_neighbour_who_turns_round_is_another() -> None:
    first, second = stands(300), stands(300 + 2.2 * SIDE)
    said = play(12, bare(lambda t: first(t) if t < 4 else None), bare(lambda t: second(t) if t > 5 else None))
    assert identities(said) == {1, 2}


def test_two_neighbours_hidden_at_once() -> None:
    """Both are back in their own places, so each goes on with their own violation."""
    left, right = stands(300), stands(300 + 2.5 * SIDE)
    said = play(10, bare(unless(left, 4, 6)), bare(unless(right, 4, 6.1)))
    assert identities(said) == {1, 2}
    boxes = {
        v.violation_id: {float(w.box_xyxy[0]) > 340 for w in said if w.violation_id == v.violation_id}
        for v in said
    }
    assert sorted(map(tuple, boxes.values())) == [(False,), (True,)]


def test_one_of_two_close_neighbours_is_back() -> None:
    """Faces behind one another, so near that it could be either: another violation, rather than a wrong one."""
    first, second = stands(300), stands(300 + 1.2 * SIDE)
    said = play(
        10, bare(lambda t: first(t) if t < 4 else None), bare(lambda t: second(t) if t < 4 else None),
        bare(lambda t: 300 + 0.6 * SIDE if t > 5.7 else None),
    )  # fmt: skip
    assert identities(said) == {1, 2, 3}


def test_one_leaves_and_another_enters_at_the_door() -> None:
    leaves, enters = walks(600, 100), walks(WIDTH + 520, -100)
    for gap in (0.0, 0.5, 1.5):
        said = play(12, bare(leaves), bare(lambda t, gap=gap: enters(t - gap)))  # type: ignore[misc]
        assert identities(said) == {1, 2}, gap


def test_one_goes_behind_a_pillar_and_another_comes_out_of_there() -> None:
    goes, comes = walks(100, 110), walks(980, -110)
    said = play(8, bare(lambda t: goes(t) if t < 3 else None), bare(lambda t: comes(t) if t > 4.2 else None))
    assert identities(said) == {1, 2}


def test_two_cross_and_the_one_behind_is_hidden() -> None:
    """The bare one passes behind a masked one, who is followed all the while."""
    behind, before = walks(150, 110), walks(750, -110)
    hidden = [i / FPS for i in range(10 * FPS) if abs(behind(i / FPS) - before(i / FPS)) < 1.4 * SIDE]  # type: ignore[operator]
    said = play(6, masked(before), bare(unless(behind, hidden[0], hidden[-1] + 0.6)))
    assert identities(said) == {1}
    assert len(ends(said)) == 1


def test_two_bare_people_who_cross_count_as_two() -> None:
    behind, before = walks(150, 110), walks(750, -110)
    hidden = [i / FPS for i in range(10 * FPS) if abs(behind(i / FPS) - before(i / FPS)) < 1.4 * SIDE]  # type: ignore[operator]
    said = play(6, bare(before), bare(unless(behind, hidden[0], hidden[-1] + 0.6)))
    assert identities(said) == {1, 2}


def test_mask_on_while_hidden() -> None:
    where = stands(300)
    said = play(
        10, bare(lambda t: where(t) if t < 4 else None), masked(lambda t: where(t) if t > 5.7 else None)
    )
    assert identities(said) == {1}
    assert [t.status for t in said[-1].transitions] == [MaskStatus.NO_MASK, MaskStatus.MASK]


def test_camera_away_for_a_while() -> None:
    said = play(14, bare(unless(stands(300), 4, 8)), bare(unless(stands(600), 0, 8)), interrupted=6.1)
    assert identities(said) == {1, 2}
    assert ends(said)[0] == (1, 59 / FPS)
    assert {v.violation_id: v.started_seconds > 8 for v in said if not v.ended_seconds} == {1: False, 2: True}
