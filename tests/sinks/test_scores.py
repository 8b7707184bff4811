"""What is taken down of each track, and where faces were."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from maskcam.sinks import scores
from maskcam.sinks.heat import HeatCounter
from maskcam.sinks.scores import TrackScorer
from maskcam.store.observations import BARE, EXEMPT, GRID_WH, MASKED, RUNS, UNSURE, HourHeat, TrackScores
from maskcam.types import FrameResult, MaskStatus, Track, Verdict, ViolationPhase
from tests.factories import make_frame, make_result, make_track, make_violation
from tests.store.rows import RUN


def track(status: MaskStatus, surely: float, *, track_id: int = 1) -> Track:
    made = make_track(status=status, track_id=track_id)
    return replace(
        made, verdict=Verdict({MaskStatus.NO_MASK: surely, MaskStatus.MASK: 1 - surely}, status, 0.9)
    )


def result(seconds: float, *tracks: Track, camera: str = "door", captured: float = 0.0) -> FrameResult:
    frame = replace(make_frame(pts_seconds=seconds, camera=camera), captured_seconds=captured)
    return make_result(frame, tracks)


def runs_of(found: TrackScores) -> NDArray[np.void]:
    return np.frombuffer(found.runs, RUNS)


def follow(scorer: TrackScorer, results: Sequence[FrameResult]) -> list[TrackScores]:
    return [found for one in results for found in scorer.see(one)]


def test_a_run_for_each_status_and_not_for_each_frame() -> None:
    scorer = TrackScorer(RUN)
    bare = [result(i / 10, track(MaskStatus.NO_MASK, 0.8)) for i in range(50)]
    masked = [result(5 + i / 10, track(MaskStatus.MASK, 0.1)) for i in range(10)]
    exempt = [
        result(6 + i / 10, replace(track(MaskStatus.NO_MASK, 0.8), is_required=False)) for i in range(3)
    ]
    assert follow(scorer, [*bare, *masked, *exempt]) == []
    (found,) = scorer.rest()
    runs = runs_of(found)
    assert runs["status"].tolist() == [BARE, MASKED, EXEMPT]
    assert runs["first_ms"].tolist() == [0, 5000, 6000]
    assert runs["last_ms"].tolist() == [4900, 5900, 6200]
    assert runs["surely"].tolist() == [160, 20, 160]
    assert runs["side_px"].tolist() == [60, 60, 60]


def test_another_probability_is_another_run() -> None:
    scorer = TrackScorer(RUN)
    sure = [result(i / 10, track(MaskStatus.NO_MASK, 0.95)) for i in range(20)]
    less = [result(2 + i / 10, track(MaskStatus.NO_MASK, 0.7)) for i in range(20)]
    trembling = [result(4 + i / 10, track(MaskStatus.NO_MASK, 0.6 + 0.2 * (i % 2))) for i in range(20)]
    follow(scorer, [*sure, *less, *trembling])
    (found,) = scorer.rest()
    assert runs_of(found)["surely"].tolist() == [190, 140]


def test_who_always_wore_a_mask_is_not_taken_down() -> None:
    scorer = TrackScorer(RUN)
    for status, surely, track_id in (
        (MaskStatus.MASK, 0.4, 1),
        (MaskStatus.UNSURE, 0.1, 2),
        (MaskStatus.UNSURE, 0.4, 3),
        (MaskStatus.INCORRECT, 0.2, 4),
    ):
        follow(scorer, [result(i / 10, track(status, surely, track_id=track_id)) for i in range(5)])
    assert [found.track_id for found in scorer.rest()] == [3, 4]


def test_a_track_is_given_once_its_person_has_left_and_knows_its_violation() -> None:
    scorer = TrackScorer(RUN)
    for i in range(20):
        shown = result(i / 10, track(MaskStatus.NO_MASK, 0.8))
        violations = (make_violation(violation_id=7),) if i == 12 else ()
        assert list(scorer.see(replace(shown, violations=violations))) == []
    scorer.note([make_violation(ViolationPhase.ENDED, violation_id=8, track_id=99)])
    assert list(scorer.see(result(8.0))) == []
    (found,) = scorer.see(result(13.0))
    assert (found.number, found.camera, found.run_id, found.track_id) == (7, "door", RUN, 1)
    assert list(scorer.rest()) == []


def test_a_file_that_starts_over_has_other_people() -> None:
    scorer = TrackScorer(RUN)
    follow(scorer, [result(100 + i / 10, track(MaskStatus.NO_MASK, 0.8)) for i in range(20)])
    again = [result(i / 10, track(MaskStatus.NO_MASK, 0.8), captured=2.0) for i in range(20)]
    (found,) = follow(scorer, again)
    assert runs_of(found)["last_ms"].tolist() == [1900]
    (other,) = scorer.rest()
    assert other.key != found.key


def test_a_long_track_comes_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scores, "_MOST_RUNS", 4)
    scorer = TrackScorer(RUN)
    shown = [
        result(i / 10, track(MaskStatus.NO_MASK if i // 10 % 2 else MaskStatus.UNSURE, 0.8))
        for i in range(100)
    ]
    parts = [*follow(scorer, shown), *scorer.rest()]
    assert [len(runs_of(part)) for part in parts] == [4, 4, 2]
    assert np.diff([part.started_ms for part in parts]).tolist() == [pytest.approx(4000, abs=20)] * 2
    together = np.concatenate([runs_of(part)["status"] for part in parts])
    assert together.tolist() == [UNSURE, BARE] * 5


def cells_of(found: HourHeat) -> dict[int, tuple[int, int]]:
    return {cell: (seen, unsure) for cell, seen, unsure in found.cells}


def test_faces_count_once_a_second_where_their_middle_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("maskcam.sinks.heat.wall_seconds", lambda _frame, pts: 3600.0 * 500_000 + pts)
    heat = HeatCounter(RUN)
    middle = 9 * GRID_WH[0] + 16
    for i in range(100):
        status = MaskStatus.UNSURE if i >= 50 else MaskStatus.MASK
        tracks = (
            replace(make_track(status=status), box_xyxy=np.array([130, 90, 190, 150], np.float32)),
            replace(make_track(track_id=2), box_xyxy=np.array([300, -50, 360, 20], np.float32)),
        )
        assert list(heat.add(result(i / 10, *tracks))) == []
    (found,) = heat.rest()
    assert cells_of(found) == {middle: (10, 5), GRID_WH[0] - 1: (10, 0)}
    assert list(heat.rest()) == []


def test_heat_is_reported_every_minute_and_when_the_hour_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("maskcam.sinks.heat.wall_seconds", lambda _frame, pts: 3600.0 * 500_000 + pts)
    heat = HeatCounter(RUN)
    reports = [found for second in range(3570, 3700) for found in heat.add(result(second, make_track()))]
    assert [found.hour.minute for found in reports] == [0, 0, 0]
    sums = [sum(seen for _, seen, _ in found.cells) for found in reports]
    assert sums == [30, 31, 91]
    assert reports[0].hour < reports[1].hour == reports[2].hour
