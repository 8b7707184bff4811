"""Which pictures belong to a clip."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

import pytest

from maskcam.sinks import clip_recorder
from maskcam.sinks.clip_recorder import Clip, ClipOptions, ClipRecorder
from maskcam.types import FrameResult
from tests.sinks.clips import ended, results, started, times, with_violations

OPTIONS = ClipOptions(pre_seconds=2, post_seconds=1.5, longest_seconds=8, delay_seconds=0.5)


@pytest.fixture(params=[True, False], ids=["copied", "encoded"])
def encodes(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


def record(shown: Iterable[FrameResult], options: ClipOptions = OPTIONS) -> list[Clip]:
    clips: list[Clip] = []
    with ClipRecorder(options, deliver=clips.append, is_patient=True) as recorder:
        for result in shown:
            recorder.see(result)
    return clips


def wait_for(clips: list[Clip], count: int) -> None:
    deadline = time.monotonic() + 20
    while len(clips) < count:
        assert time.monotonic() < deadline, "no clip came"
        time.sleep(0.02)


def test_a_violation_with_what_came_before_and_after(encodes: bool) -> None:
    person = started(5.4)
    reports = {6.0: [person], 7.0: [ended(person, 6.8)]}
    (clip,) = record(with_violations(results(12, encodes=encodes), reports))
    assert times(clip.pictures) == (3.0, 8.3), "from the key picture before 3.4 s to 1.5 s after the end"
    assert clip.pictures[0].is_key
    assert clip.violation.ended_seconds == 6.8


def test_what_a_camera_encoded_is_not_encoded_again(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = list(results(8))  # encoded beforehand

    def refuse() -> None:
        raise AssertionError("an encoder was made")

    monkeypatch.setattr(clip_recorder, "ClipEncoder", refuse)
    (clip,) = record(with_violations(iter(shown), {3.0: [started(2.5)]}))
    sent = {picture.data for result in shown for picture in result.frame.encoded or ()}
    assert {picture.data for picture in clip.pictures} <= sent


def test_several_at_once_share_what_is_kept(encodes: bool) -> None:
    one, two = started(3.5), started(4.6, number=2)
    reports = {4.0: [one], 5.0: [two], 6.0: [ended(one, 5.5)], 9.0: [ended(two, 8.5)]}
    first, second = record(with_violations(results(12, encodes=encodes), reports))
    assert times(first.pictures) == (1.0, 7.0)
    assert times(second.pictures) == (2.0, 10.0)
    assert set(map(id, first.pictures)) & set(map(id, second.pictures))


def test_it_ends_at_the_longest(encodes: bool) -> None:
    (clip,) = record(with_violations(results(20, encodes=encodes), {3.0: [started(3.0)]}))
    assert times(clip.pictures) == (1.0, 11.0)


def test_somebody_who_is_back_during_the_post_roll_is_in_the_same_clip() -> None:
    person = started(3.0)
    again = replace(person, phase=ended(person, 4).phase.UPDATED)
    reports = {3.5: [person], 4.5: [ended(person, 4.0)], 5.0: [again], 7.0: [ended(again, 6.0)]}
    (clip,) = record(with_violations(results(12), reports))
    assert times(clip.pictures) == (1.0, 7.5)


def test_early_in_a_recording_and_at_its_end() -> None:
    one, two = started(0.2), started(5.0, number=2)
    reports = {0.5: [one], 1.5: [ended(one, 1.4)], 5.5: [two]}
    first, second = record(with_violations(results(6), reports))
    assert times(first.pictures) == (0.0, 2.9)
    assert times(second.pictures) == (3.0, 5.9)


def test_what_ends_with_its_source_waits_for_nothing() -> None:
    clips: list[Clip] = []
    person = started(2.5)
    with ClipRecorder(OPTIONS, deliver=clips.append) as recorder:
        for result in with_violations(results(4), {3.0: [person]}):
            recorder.see(result)
        recorder.finish([ended(person, 3.9)])
        wait_for(clips, 1)
    assert times(clips[0].pictures) == (0.0, 3.9)


def test_a_camera_that_falls_silent_during_the_post_roll(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clip_recorder, "_SILENT_SECONDS", 0.3)
    clips: list[Clip] = []
    person = started(2.5)
    reports = {3.0: [person, started(2.6, number=2)], 3.9: [ended(person, 3.8)]}
    with ClipRecorder(OPTIONS, deliver=clips.append) as recorder:
        for result in with_violations(results(4), reports):
            recorder.see(result)
        wait_for(clips, 1)
        assert len(clips) == 1, "the other one has not ended"
    assert [times(clip.pictures) for clip in clips] == [(0.0, 3.9), (0.0, 3.9)]


def test_cameras_do_not_mix() -> None:
    def both() -> Iterator[FrameResult]:
        door = with_violations(results(8), {3.0: [started(3.0)]})
        gate = with_violations(results(8, camera="gate", encodes=False), {4.0: [started(4.0, camera="gate")]})
        for pair in zip(door, gate, strict=True):
            yield from pair

    clips = {clip.violation.camera: clip for clip in record(both())}
    assert times(clips["door"].pictures) == (1.0, 7.9)
    assert times(clips["gate"].pictures) == (2.0, 7.9)


def test_a_source_that_starts_over() -> None:
    def twice() -> Iterator[FrameResult]:
        yield from with_violations(results(5), {4.0: [started(4.0)]})
        yield from with_violations(results(5), {3.0: [started(3.0, number=2)]})

    first, second = record(twice())
    assert times(first.pictures) == (2.0, 4.9)
    assert times(second.pictures) == (1.0, 4.9)


def test_memory_is_bounded(caplog: pytest.LogCaptureFixture) -> None:
    shown = list(results(60))
    per_second = sum(len(p.data) for result in shown for p in result.frame.encoded or ()) // 60
    options = replace(OPTIONS, longest_seconds=60, camera_bytes=10 * per_second)
    largest: list[int] = []
    clips: list[Clip] = []
    recorder = ClipRecorder(options, deliver=clips.append, is_patient=True)
    with recorder:
        for result in with_violations(iter(shown), {3.0: [started(3.0)], 30.0: [started(30.0, number=2)]}):
            recorder.see(result)
            largest.append(max((camera.ring.size_bytes for camera in recorder._cameras.values()), default=0))
    first, second = clips
    assert times(first.pictures)[0] == 1.0
    assert 7 < times(first.pictures)[1] < 13, "it ended when memory did"
    assert times(second.pictures)[0] == 28.0
    assert max(largest) <= 12 * per_second
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "door: a clip ends early" in caplog.text


def test_a_machine_that_cannot_keep_up_leaves_frames_out_and_says_so_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    shown = list(with_violations(results(8, encodes=False), {3.0: [started(3.0)]}))
    monkeypatch.setattr(clip_recorder, "_WAITING_BYTES", 3 * 320 * 240 * 3)
    clips: list[Clip] = []
    with ClipRecorder(OPTIONS, deliver=clips.append) as recorder:
        for result in shown:
            recorder.see(result)  # all within an instant
    assert len(caplog.records) == 1
    assert "faster than they can be encoded" in caplog.text
    assert len(clips) <= 1


def test_a_recording_waits_instead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clip_recorder, "_WAITING_BYTES", 3 * 320 * 240 * 3)
    (clip,) = record(with_violations(results(8, encodes=False), {3.0: [started(3.0)]}))
    assert len(clip.pictures) == 70


def test_copied_pictures_that_were_left_out_leave_no_damage(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = list(with_violations(results(8), {3.0: [started(3.0)]}))
    room: Callable[[ClipRecorder, int], bool] = ClipRecorder._has_room
    calls = iter(range(1000))
    monkeypatch.setattr(
        ClipRecorder, "_has_room", lambda self, size: next(calls) not in (45, 46) and room(self, size)
    )
    (clip,) = record(shown)
    shown_at = [round(picture.pts_seconds, 1) for picture in clip.pictures]
    assert shown_at == [round(0.1 * i, 1) for i in [*range(10, 45), *range(50, 80)]]


def test_pictures_that_are_shown_in_another_order_leave_no_hole() -> None:
    def reordered() -> Iterator[FrameResult]:
        """Each third picture comes before the two that are shown before it, and ahead of its frame."""
        waiting = [picture for result in results(12) for picture in result.frame.encoded or ()]
        order = [0, *(i + step for i in range(1, len(waiting) - 3, 3) for step in (2, 0, 1))]
        for number, result in enumerate(results(11, encodes=False)):
            encoded = tuple(
                replace(waiting[i], is_key=i == 0) for i in order[4 * number // 3 : 4 * (number + 1) // 3]
            )
            yield replace(result, frame=replace(result.frame, encoded=encoded))

    for end in (5.0, 5.1, 5.2):
        person = started(3.0)
        (clip,) = record(with_violations(reordered(), {3.5: [person], 5.5: [ended(person, end)]}))
        shown_at = sorted(round(picture.pts_seconds, 1) for picture in clip.pictures)
        assert shown_at == [round(i / 10, 1) for i in range(len(shown_at))], "a hole"
        assert end + 1.5 <= shown_at[-1] < end + 1.9
