import itertools

import pytest

from maskcam.types import MaskStatus, Verdict
from maskcam.voting import Vote, VotingOptions

MASK, NO_MASK, INCORRECT, UNSURE = MaskStatus


def verdict(status: MaskStatus, confidence: float = 0.95) -> Verdict:
    rest = (1 - confidence) / 2
    odds = {s: confidence if s is status else rest for s in (MASK, NO_MASK, INCORRECT)}
    return Verdict(odds, status, confidence)


def run(
    verdicts: list[Verdict],
    *,
    fps: float = 25.0,
    side: float = 60.0,
    vote: Vote | None = None,
    start: float = 0.0,
) -> tuple[Vote, list[MaskStatus]]:
    vote = vote or Vote(VotingOptions(), first_seconds=start, last_seconds=start)
    statuses = []
    for i, one in enumerate(verdicts):
        vote.add(one, side=side, pts_seconds=start + i / fps)
        statuses.append(vote.status)
    return vote, statuses


@pytest.mark.parametrize("status", [MASK, NO_MASK, INCORRECT])
def test_clear_verdicts_are_believed_soon(status: MaskStatus) -> None:
    vote, statuses = run([verdict(status)] * 5)
    assert statuses[-1] is status
    assert vote.confidence > 0.95


def test_one_bad_frame_flips_nothing() -> None:
    _, statuses = run([verdict(MASK)] * 25 + [verdict(NO_MASK, 0.99)] * 2 + [verdict(MASK)] * 5)
    assert set(statuses[5:]) == {MASK}


@pytest.mark.parametrize("fps", [2, 5, 15, 30, 60])
def test_a_change_shows_within_a_second_at_any_frame_rate(fps: float) -> None:
    vote, _ = run([verdict(NO_MASK)] * int(5 * fps), fps=fps)
    _, statuses = run([verdict(MASK)] * int(fps + 1), fps=fps, vote=vote, start=5.0)
    assert statuses[-1] is MASK
    assert INCORRECT not in statuses


def test_flickering_verdicts_are_unsure_or_steady_but_never_flicker() -> None:
    _, statuses = run([verdict(MASK), verdict(NO_MASK)] * 50)
    settled = statuses[25:]
    assert sum(a is not b for a, b in itertools.pairwise(settled)) == 0


def test_weak_evidence_is_unsure() -> None:
    _, statuses = run([verdict(MASK, 0.36)] * 50)
    assert set(statuses) == {UNSURE}


def test_a_tiny_face_needs_more_frames_than_a_large_one() -> None:
    _, large = run([verdict(NO_MASK)] * 10, side=64)
    _, tiny = run([verdict(NO_MASK)] * 10, side=6)
    assert large.index(NO_MASK) < tiny.index(NO_MASK)


def test_a_clear_frame_outvotes_a_doubtful_one() -> None:
    vote, _ = run([verdict(NO_MASK, 0.5), verdict(MASK, 0.98)])
    assert vote.status is MASK


def test_old_votes_are_forgotten_while_nobody_votes() -> None:
    vote, _ = run([verdict(MASK)] * 100)
    vote.add(verdict(NO_MASK), side=60, pts_seconds=60.0)
    assert vote.status is NO_MASK


def test_confidence_is_a_share() -> None:
    vote, _ = run([verdict(MASK, 0.6), verdict(NO_MASK, 0.5), verdict(INCORRECT, 0.5)] * 4)
    assert 0 <= vote.confidence <= 1
