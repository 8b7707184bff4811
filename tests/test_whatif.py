"""What would be with other settings, against what the log of violations really makes of the same tracks."""

import itertools
import random
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from maskcam.sinks.scores import TrackScorer
from maskcam.store.observations import StoredTracks, TrackScores
from maskcam.store.store import EventStore
from maskcam.types import Frame, FrameResult, MaskStatus, Track, Verdict, ViolationPhase
from maskcam.violations import ViolationLog, ViolationOptions
from maskcam.whatif import Rule, replay
from tests.factories import make_frame, make_track
from tests.store.rows import RUN

SINCE, UNTIL = datetime(1970, 1, 1, tzinfo=UTC), datetime(2999, 1, 1, tzinfo=UTC)
STATUSES = (MaskStatus.MASK, MaskStatus.NO_MASK, MaskStatus.INCORRECT, MaskStatus.UNSURE)


def seen(status: MaskStatus, *, track_id: int = 1, surely: float | None = None) -> Track:
    """A track of whom the classifier says with `surely` that the rule is broken; far from other tracks."""
    if surely is None:
        surely = 0.9 if status.is_violation else 0.1
    probabilities = {MaskStatus.NO_MASK: surely, MaskStatus.MASK: 1 - surely}
    left = 60 * track_id
    track = make_track((left, 10, left + 40, 60), status, track_id=track_id)
    return replace(track, verdict=Verdict(probabilities, MaskStatus.MASK, 0.9))


def frame_at(seconds: float) -> Frame:
    """Captured at that time of the clock on the wall, too, by and large."""
    return make_frame((1280, 240), pts_seconds=seconds)


def stored(tmp_path: Path, scores: Iterable[TrackScores]) -> StoredTracks:
    with EventStore.open(tmp_path / "events.db") as store:
        store.record(list(scores))
        return store.tracks(since=SINCE, until=UNTIL)


def scored(results: Iterable[FrameResult]) -> list[TrackScores]:
    scorer = TrackScorer(RUN)
    found = [scores for result in results for scores in scorer.see(result)]
    return [*found, *scorer.rest()]


def logged(results: Iterable[FrameResult], options: ViolationOptions) -> int:
    log = ViolationLog("door", options)
    return sum(
        violation.phase is ViolationPhase.STARTED
        for result in results
        for violation in log.update(result.frame, result.tracks)
    )


def rule_of(options: ViolationOptions, threshold: float = 0.5) -> Rule:
    return Rule(
        threshold=threshold,
        dwell_seconds=options.dwell_seconds,
        comply_seconds=options.comply_seconds,
        lost_seconds=options.lost_seconds,
        cooldown_seconds=options.cooldown_seconds,
    )


def lives(seed: int, *, people: int = 12, seconds: float = 60.0) -> list[FrameResult]:
    """People side by side whose statuses change every so often; each has one track from the beginning to its end.

    How surely the rule is broken is one value for each stretch, so that runs are as exact as frames.
    """
    rng = random.Random(seed)
    stretches: list[list[tuple[float, MaskStatus, float, bool]]] = []
    for _ in range(people):
        at = 0.0
        mine: list[tuple[float, MaskStatus, float, bool]] = []
        while at < seconds:
            status = rng.choice([other for other in STATUSES if not mine or other is not mine[-1][1]])
            surely = rng.choice((0.62, 0.77, 0.92)) if status.is_violation else rng.choice((0.05, 0.45))
            at += rng.choice((0.2, 0.6, 1.4, 3.0, 9.0))
            mine.append((at, status, surely, rng.random() < 0.85))
        stretches.append(mine)
    results = []
    for index in range(int(10 * seconds)):
        frame = frame_at(index / 10)
        tracks = []
        for track_id, mine in enumerate(stretches, start=1):
            _, status, surely, is_required = next(one for one in mine if one[0] > index / 10)
            track = seen(status, track_id=track_id, surely=surely)
            tracks.append(replace(track, is_required=is_required))
        results.append(FrameResult(frame, tuple(tracks)))
    return results


@pytest.mark.parametrize("seed", range(4))
def test_as_many_as_were_logged_whatever_the_dwell_time(tmp_path: Path, seed: int) -> None:
    results = lives(seed)
    tracks = stored(tmp_path, scored(results))
    counts = []
    for dwell, cooldown in itertools.product((0.5, 1.0, 2.0, 5.0), (0.0, 10.0)):
        options = ViolationOptions(dwell_seconds=dwell, cooldown_seconds=cooldown)
        counts.append(logged(results, options))
        assert len(replay(tracks, rule_of(options)).started_ms) == counts[-1], (dwell, cooldown)
    assert len(set(counts)) > 3, "the settings make a difference"


@pytest.mark.parametrize("threshold", [0.7, 0.9, 0.99])
def test_a_stretch_below_the_threshold_counts_like_one_that_could_not_be_told(
    tmp_path: Path, threshold: float
) -> None:
    results = lives(9)
    strict = [
        replace(
            result,
            tracks=tuple(
                replace(track, status=MaskStatus.UNSURE)
                if track.status.is_violation and track.verdict.probabilities[MaskStatus.NO_MASK] < threshold
                else track
                for track in result.tracks
            ),
        )
        for result in results
    ]
    options = ViolationOptions()
    found = replay(stored(tmp_path, scored(results)), rule_of(options, threshold))
    assert len(found.started_ms) == logged(strict, options)
    assert len(found.started_ms) < logged(results, options)


def test_below_a_half_what_could_not_be_told_counts_as_well(tmp_path: Path) -> None:
    results = [
        FrameResult(frame, (seen(MaskStatus.UNSURE, surely=0.4),))
        for frame in (frame_at(index / 10) for index in range(40))
    ]
    tracks = stored(tmp_path, scored(results))
    assert logged(results, ViolationOptions()) == 0
    counts = [
        len(replay(tracks, Rule(threshold=threshold)).started_ms) for threshold in (0.5, 0.42, 0.4, 0.3)
    ]
    assert counts == [0, 0, 1, 1]


def test_small_faces_can_be_left_out(tmp_path: Path) -> None:
    results = lives(2)
    tracks = stored(tmp_path, scored(results))
    assert len(replay(tracks, Rule(minimum_face=40)).started_ms) == logged(results, ViolationOptions())
    assert len(replay(tracks, Rule(minimum_face=41)).started_ms) == 0


def test_someone_lost_and_found_is_one_person_where_a_violation_was_logged(tmp_path: Path) -> None:
    """The log goes by where faces are; stored is only which violation a track belongs to."""
    log, scorer = ViolationLog("door", ViolationOptions()), TrackScorer(RUN)
    kept: list[TrackScores] = []
    numbers = set()
    for index in range(150):
        frame = frame_at(index / 10)
        if 50 <= index < 80:  # three seconds behind a pillar
            tracks: tuple[Track, ...] = ()
        else:
            track_id = 1 if index < 50 else 2
            track = seen(MaskStatus.NO_MASK, track_id=track_id)
            tracks = (replace(track, box_xyxy=seen(MaskStatus.NO_MASK).box_xyxy),)
        changes = log.update(frame, tracks)
        numbers |= {change.violation_id for change in changes}
        kept += scorer.see(FrameResult(frame, tracks, changes))
    scorer.note(log.finish())
    kept += scorer.rest()
    assert numbers == {1}
    assert [scores.number for scores in kept] == [1, 1]
    assert len(replay(stored(tmp_path, kept), Rule()).started_ms) == 1
    strangers = [replace(scores, number=None) for scores in kept]
    (tmp_path / "other").mkdir()
    assert len(replay(stored(tmp_path / "other", strangers), Rule()).started_ms) == 2


def test_when_and_where_each_would_have_started(tmp_path: Path) -> None:
    results = lives(5, people=3)
    at_hall = [replace(result, frame=replace(result.frame, camera="hall")) for result in results]
    scores = [*scored(results), *scored(at_hall)]
    tracks = stored(tmp_path, scores)
    found = replay(tracks, Rule())
    starts = {scores.started_ms for scores in scores}
    assert {tracks.cameras[place] for place in found.camera} == {"door", "hall"}
    assert found.started_ms.min() >= min(starts)
    assert found.started_ms.max() <= max(starts) + 60_000


def test_nothing_was_seen(tmp_path: Path) -> None:
    assert len(replay(stored(tmp_path, []), Rule()).started_ms) == 0
