"""Notes when each result came and what it cost."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from maskcam.benchmarking.machine import resident_mib
from maskcam.benchmarking.report import Memory, Spread
from maskcam.sinks.base import Sink
from maskcam.types import FrameResult, Image, Violation

MOST_NOTES = 20_000
"""Per camera: enough for percentiles, and what is measured for hours must not fill the memory that it measures."""


@dataclass(frozen=True, slots=True)
class Note:
    """What is remembered of one result.

    Attributes:
        index: of its frame, warm-up included.
        done_seconds: when all was done with it, by `time.monotonic()`.
        cpu_seconds: of processor time that this process had used by then.
        latency_seconds: from capture until then.
        faces: people in it.
        stage_seconds: of the whole step that it was part of.
        draw_seconds: None where nothing was drawn.
        encode_seconds: likewise.
        resident_mib: memory of this process.
    """

    index: int
    done_seconds: float
    cpu_seconds: float
    latency_seconds: float
    faces: int
    stage_seconds: Mapping[str, float]
    draw_seconds: float | None
    encode_seconds: float | None
    resident_mib: float | None


class Meter(Sink):
    """Stands before the recording of one camera, or in place of one.

    Args:
        video: closed with the meter; None where nothing is recorded.

    Attributes:
        notes: in the order of arrival, `MOST_NOTES` of them.
        last: the latest, kept or not; None before the first.
        count: results taken, noted or not.
        peak_mib: highest memory after any.
        size_wh: of the last frame.
    """

    def __init__(self, video: Sink | None = None) -> None:
        self._video = video
        self.notes: list[Note] = []
        self.last: Note | None = None
        self.count = 0
        self.peak_mib = 0.0
        self.size_wh = (0, 0)

    def wants_picture(self, result: FrameResult) -> bool:
        return self._video is not None and self._video.wants_picture(result)

    def write(self, result: FrameResult, picture: Image | None) -> None:
        start = time.perf_counter()
        if self._video is not None:
            self._video.write(result, picture)
        end = time.perf_counter()
        done_seconds = time.monotonic()
        self.size_wh = result.frame.size_wh
        self.last = Note(
            index=result.frame.index,
            done_seconds=done_seconds,
            cpu_seconds=time.process_time(),
            latency_seconds=done_seconds - result.frame.captured_seconds,
            faces=len(result.tracks),
            stage_seconds=result.stage_seconds,
            draw_seconds=result.draw_seconds,
            encode_seconds=None if self._video is None else end - start,
            resident_mib=resident_mib(),
        )
        self.count += 1
        self.peak_mib = max(self.peak_mib, self.last.resident_mib or 0.0)
        if len(self.notes) < MOST_NOTES:
            self.notes.append(self.last)

    def finish(self, violations: Sequence[Violation]) -> None:
        if self._video is not None:
            self._video.finish(violations)

    def close(self) -> None:
        if self._video is not None:
            self._video.close()


def stages(notes: Sequence[Note], decode_seconds: Sequence[float]) -> dict[str, Spread]:
    """Milliseconds per frame and stage, in the order in which they happen.

    Args:
        notes: of all cameras; those of one step have the same `stage_seconds`.
        decode_seconds: what each frame took to decode.
    """
    steps = Counter(tuple(note.stage_seconds.items()) for note in notes)
    samples: dict[str, list[float]] = {"decode": list(decode_seconds)}
    for note in notes:
        frames = steps[tuple(note.stage_seconds.items())]
        for stage, seconds in note.stage_seconds.items():
            samples.setdefault(stage, []).append(seconds / frames)
    samples["draw"] = [note.draw_seconds for note in notes if note.draw_seconds is not None]
    samples["encode"] = [note.encode_seconds for note in notes if note.encode_seconds is not None]
    return {stage: spread_ms(seconds) for stage, seconds in samples.items() if seconds}


def spread_ms(seconds: Iterable[float]) -> Spread:
    """Mean and percentiles of at least one time, in milliseconds."""
    milliseconds = 1000 * np.fromiter(seconds, float)
    p50, p99 = np.percentile(milliseconds, [50, 99])
    return Spread(mean=_rounded(milliseconds.mean()), p50=_rounded(p50), p99=_rounded(p99))


def memory(notes: Sequence[Note], peak_mib: float) -> Memory:
    """Resident memory.

    Args:
        notes: those that count, in order of time; at least one.
        peak_mib: the highest value of any.
    """
    values = [note.resident_mib for note in notes[len(notes) // 2 :] if note.resident_mib is not None]
    if not values:
        return Memory(steady=None, peak=None)
    return Memory(steady=_rounded(np.median(values)), peak=_rounded(peak_mib))


def _rounded(value: float | np.floating) -> float:
    return round(float(value), 3)
