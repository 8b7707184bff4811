"""Writes violations, with their pictures, and what else was seen of people into the event store."""

from __future__ import annotations

import itertools
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from maskcam.errors import StoreError
from maskcam.sinks.album import Album
from maskcam.sinks.base import Backlog, Sink
from maskcam.sinks.clip_file import write_clip
from maskcam.sinks.clip_recorder import ClipOptions
from maskcam.sinks.clip_saver import ClipSaver
from maskcam.sinks.files import safe_name
from maskcam.sinks.heat import HeatCounter
from maskcam.sinks.minutes import MinuteCounter
from maskcam.sinks.scores import TrackScorer
from maskcam.sinks.violation_records import RecordMaker, storable
from maskcam.sinks.walltime import wall_seconds
from maskcam.store.journal import Journal
from maskcam.store.records import ClipFile, ClipRecord, Pruned, Retention, Row
from maskcam.store.spill import Leftovers, SpillFile
from maskcam.store.store import EventStore
from maskcam.types import EncodedPicture, FrameResult, Image, Violation
from maskcam.workers import Repeater, Worker

_log = logging.getLogger(__name__)

_WAITING_BYTES = 256 * 2**20
"""Of pictures in memory: about forty of 1920x1080. A violation that comes while there are more goes without one."""

_MOST = 16
"""Frames per transaction: with more, a crash would cost more than the last second of a busy machine."""

_AT_LEISURE = 8
"""Pictures in a batch up to which each is waited for until it would outlast a power cut. There are ten batches a second
at most; with more pictures the disk could not keep up, and those of the last half minute may be missing after one."""

_REMIND_SECONDS = 1.0
_PRUNE_SECONDS = 60.0
_CLOSING_SECONDS = 15.0
_KEEP_ALL = Retention()


@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
    """What one frame brought; nothing at all is a reminder that there may be something to try again.

    Attributes:
        violations: of the frame.
        zero_seconds: the time of day at which the source's own clock was at 0; None where no frame goes with them.
        rows: of counts, heat and tracks, due with this frame.
        pictures: the frame, and the one with the overlay drawn; None where none are to be saved.
        clip: of a violation that came before.
        is_last: nothing comes after it.
    """

    violations: tuple[Violation, ...] = ()
    zero_seconds: float | None = None
    rows: tuple[Row, ...] = ()
    pictures: tuple[Image, Image] | None = None
    clip: ClipRecord | None = None
    is_last: bool = False

    @property
    def size_bytes(self) -> int:
        """Of the pictures, in memory."""
        return sum(image.nbytes for image in self.pictures or ())


class StoreSink(Sink):
    """Hands everything to a thread that writes it in batches; `write` itself takes far less than a millisecond.

    A picture is on disk before the row that means it is committed. While the database cannot be written, rows wait in
    memory and in a file; while pictures cannot be written, or their disk is nearly full, violations are logged without.

    Args:
        store: closed with the sink.
        run_id: of this run, a UUID in hex.
        pictures: whether to keep any.
        retention: what to keep; looked after once a minute.
        reserve_bytes: no pictures are saved while less is free on their disk, so that there is room for the log.
        margin: part of the face's width and height kept around it on every side.
        quality: of the JPEGs, 1 to 100.
        clips: what belongs to them; None saves none.
        clips_reserve_bytes: no clips are saved while less is free: more than for pictures, so that they go first.
        is_patient: lets frames wait rather than leave them out of clips: for recordings.

    Raises:
        OutputError: a folder cannot be made or written in, or the one for pictures is another store's.
    """

    def __init__(
        self,
        store: EventStore,
        *,
        run_id: str,
        pictures: bool = True,
        retention: Retention = _KEEP_ALL,
        reserve_bytes: int = 200 * 2**20,
        margin: float = 0.4,
        quality: int = 90,
        clips: ClipOptions | None = None,
        clips_reserve_bytes: int = 10**9,
        is_patient: bool = False,
    ) -> None:
        store.media.claim(store.store_id)
        self._store = store
        self._keeps_pictures = pictures
        self._retention = retention
        self._records = RecordMaker(run_id)
        self._minutes = MinuteCounter(run_id)
        self._heat = HeatCounter(run_id)
        self._scores = TrackScorer(run_id)
        self._album = Album(store.media, reserve_bytes=reserve_bytes, margin=margin, quality=quality)
        self._submitted_bytes = self._done_bytes = 0  # each is changed by one thread only
        self._is_crowded = self._is_full = self._is_closed = False
        self._has_recovered = False
        self._prune_at = 0.0
        self._spill = SpillFile(store.spill_folder, run_id)
        self._journal = Journal(store, self._spill)
        self._leftovers = Leftovers(store.spill_folder)
        self._worker: Worker[_Seen] = Worker(self._write, name="event store", capacity=100_000, most=_MOST)
        self._repeater = Repeater(self._remind, name="event store's clock")
        self._run_id = run_id
        self._clip_serials = itertools.count(1)
        self._clips = None
        if clips is not None:
            self._clips = ClipSaver(
                clips,
                folder=store.media.folder,
                save=self._save_clip,
                reserve_bytes=clips_reserve_bytes,
                is_patient=is_patient,
            )

    def write(self, result: FrameResult, picture: Image | None) -> None:
        """Queues the violations of this result, and the counts that are due with it."""
        if self._clips is not None:
            self._clips.see(result)
        rows: tuple[Row, ...] = (
            *self._minutes.add(result),
            *self._heat.add(result),
            *self._scores.see(result),
        )
        if not (result.violations or rows):
            return
        # one item for all of it, and nothing copied: whatever makes Python change threads here costs milliseconds
        pictures = None
        if picture is not None and self._wants(result) and self._has_room():
            pictures = (result.frame.image, picture)
        seen = _Seen(result.violations, wall_seconds(result.frame, 0.0), rows, pictures)
        if self._submit(seen):
            self._submitted_bytes += seen.size_bytes

    def wants_picture(self, result: FrameResult) -> bool:
        """Only for a better view of a violation than any before, and not while pictures cannot be saved."""
        return self._wants(result) and not self._album.is_paused

    def finish(self, violations: Sequence[Violation]) -> None:
        """Queues the ends of these."""
        self._scores.note(violations)
        if violations:
            self._submit(_Seen(tuple(violations)))
        if self._clips is not None:
            self._clips.finish(violations)

    def backlog(self) -> Backlog:
        return Backlog("store", self._store.name, self._worker.waiting + self._journal.waiting)

    def close(self) -> None:
        """Writes what is queued; what the database does not take is left in a file for the next run."""
        if self._is_closed:
            return
        self._is_closed = True
        if self._clips is not None:
            self._clips.close()
        self._repeater.close()
        rest: tuple[Row, ...] = (*self._minutes.rest(), *self._heat.rest(), *self._scores.rest())
        self._submit(_Seen(rows=rest, is_last=True))
        is_done = self._worker.flush(seconds=_CLOSING_SECONDS)
        self._worker.close()
        if not is_done:  # it may still be writing: the file is left to the next run
            return
        if self._journal.waiting:
            _log.warning(
                "%d rows wait in %s: the next run with this event store writes them",
                self._journal.waiting,
                self._spill.path,
            )
        self._spill.close()
        self._store.close()

    def _wants(self, result: FrameResult) -> bool:
        return self._keeps_pictures and any(violation.is_best_view for violation in result.violations)

    def _has_room(self) -> bool:
        if self._submitted_bytes - self._done_bytes <= _WAITING_BYTES:
            return True
        if not self._is_crowded:  # once: it may come and go many times a minute
            _log.warning("pictures come faster than they can be saved: some violations are logged without")
        self._is_crowded = True
        return False

    def _submit(self, seen: _Seen) -> bool:
        is_taken = self._worker.submit(seen)
        if not is_taken and not self._is_full:
            _log.error("the event store's disk does not answer, and no memory is left for what happens")
        self._is_full = not is_taken
        return is_taken

    def _remind(self) -> float:
        if not self._is_closed:
            self._submit(_Seen())
        return _REMIND_SECONDS

    def _save_clip(self, violation: Violation, pictures: Sequence[EncodedPicture]) -> None:
        """In the thread that saves clips; the row is written when the clip is on disk."""
        length = [0.0]

        def write(path: Path) -> None:
            length[0] = write_clip(pictures, path)

        name = self._store.media.save_clip(
            write,
            stem=f"{safe_name(violation.camera)}_{violation.violation_id:05d}",
            run_id=self._run_id,
            serial=next(self._clip_serials),
            day=datetime.now(UTC),
        )
        clip = ClipFile(
            name=name,
            size_bytes=self._store.media.path(name).stat().st_size,
            seconds=length[0],
            lead_seconds=max(violation.started_seconds - pictures[0].pts_seconds, 0.0),
        )
        record = ClipRecord(
            run_id=self._run_id,
            camera=storable(violation.camera),
            number=violation.violation_id,
            clip=clip,
        )
        self._submit(_Seen(clip=record))

    # All below runs in the worker's thread.

    def _write(self, batch: Sequence[_Seen]) -> None:
        is_busy = sum(violation.is_best_view for seen in batch for violation in seen.violations) > _AT_LEISURE
        rows: list[Row] = []
        for seen in batch:
            records = [self._records.make(violation, seen.zero_seconds) for violation in seen.violations]
            if seen.pictures is not None:
                image, picture = seen.pictures
                records = self._album.save(
                    records, seen.violations, image=image, picture=picture, is_lasting=not is_busy
                )
            rows += records
            rows += seen.rows
            rows += [seen.clip] if seen.clip else []
            self._done_bytes += seen.size_bytes
        if not self._journal.add(rows, at_once=any(seen.is_last for seen in batch)):
            return
        self._album.tidy()
        self._recover()
        self._prune()

    def _recover(self) -> None:
        """Writes what runs that ended badly left, ends their violations, and removes pictures that have no row."""
        if self._has_recovered:
            return
        try:
            for run_id, rows in self._leftovers.take():
                if not self._journal.add(rows):
                    return  # they stay where they are
                self._store.end_run(run_id)
            if self._leftovers.are_waiting:
                return  # rows that another run is yet to write may mean pictures
            self._store.media.sweep(is_running=self._leftovers.is_running, referenced=self._store.files)
        except StoreError:
            return  # tried again with the next batch; the journal says what is wrong
        except OSError as error:
            _log.warning("pictures that no violation has were not removed: %s", error)
        self._has_recovered = True

    def _prune(self) -> None:
        if time.monotonic() < self._prune_at or self._is_closed:
            return
        try:
            pruned = self._store.prune(self._retention, rounds=1)
        except StoreError as error:
            _log.warning("nothing was removed from the event store: %s", error)
            pruned = Pruned()
        has_more = pruned.violations or pruned.stripped
        self._prune_at = time.monotonic() + (_REMIND_SECONDS if has_more else _PRUNE_SECONDS)
