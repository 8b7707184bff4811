"""The event store: a database, and a folder with pictures beside it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from sqlalchemy import ColumnElement, Engine, func, select, update

from maskcam.closing import Closing
from maskcam.errors import OutputError, StoreError
from maskcam.store import forwarding, observing, reading, retention, sites, writing
from maskcam.store.address import Address, parse_address
from maskcam.store.engine import make_engine
from maskcam.store.engine import reading as to_read
from maskcam.store.engine import writing as to_write
from maskcam.store.forwarding import Forwarded
from maskcam.store.media import MediaFolder
from maskcam.store.observations import Heat, StoredTracks
from maskcam.store.records import (
    ALL,
    MediaFile,
    MinuteCounts,
    Position,
    Pruned,
    Retention,
    Row,
    StoredViolation,
    Totals,
    ViolationQuery,
)
from maskcam.store.schema import is_current, migrate
from maskcam.store.sites import Heard, Report, Site
from maskcam.store.tables import CameraRow, StoreRow, ViolationRow

_AT_ONCE = 500
"""Violations per transaction of what takes long, so that writers get their turn in between."""


class EventStore(Closing):
    """Violations and counts, kept for good; any number of processes may have it open.

    Every method raises StoreError where the database cannot be read or written, and its subclass
    StoreUnavailableError where that may pass: locked, full, or away. Use `open`.
    """

    def __init__(self, engine: Engine, address: Address, store_id: str) -> None:
        self._engine = engine
        self._address = address
        self.store_id = store_id
        self.media = MediaFolder(address.media)

    @classmethod
    def open(cls, target: str | Path, *, media: Path | None = None, create: bool = True) -> Self:
        """Opens a store and brings its tables up to date.

        Args:
            target: path of an SQLite file, or `postgresql://user:password@host/database`.
            media: folder of the pictures; see `maskcam.store.address.parse_address`.
            create: makes a store where there is none yet.

        Raises:
            InputError: that is no address of a store.
            StoreError: it cannot be opened, is damaged, of something else, or of a newer maskcam.
            MissingLibraryError: PostgreSQL's client library is not installed.
        """
        address = parse_address(target, media=media)
        if address.file is not None and not address.file.exists():
            if not create:
                raise StoreError(
                    f"there is no event store at {address.name}: name the one that maskcam writes to"
                )
            _make_folder(address.file.parent)
        engine = make_engine(address)
        try:
            with to_read(engine, address) as connection:
                current = is_current(connection, address)
            if not current:
                if not create and address.file is None:
                    raise StoreError(f"there is no event store in {address.name}: `maskcam watch` makes one")
                with to_write(engine, address) as connection:
                    migrate(connection, address)
            with to_read(engine, address) as connection:
                store_id = connection.scalars(select(StoreRow.store_id)).one()
        except BaseException:
            engine.dispose()
            raise
        return cls(engine, address, store_id)

    @property
    def name(self) -> str:
        """For people to read; holds no password."""
        return self._address.name

    @property
    def spill_folder(self) -> Path:
        """Where rows wait that the database cannot take at present."""
        return self._address.spill

    def close(self) -> None:
        """Closes all connections."""
        self._engine.dispose()

    def record(self, rows: Iterable[Row]) -> None:
        """Writes violations and counts, or brings them up to date, in one transaction.

        A violation keeps the time at which it started, its pictures where a report brings none, and what people
        made of it; counts of the same run, camera and minute replace each other.
        """
        with to_write(self._engine, self._address) as connection:
            homeless = writing.record(connection, rows)
        self.media.remove(homeless)

    def end_run(self, run_id: str) -> None:
        """Ends what a run that ended badly left open, at the time of its last report."""
        with to_write(self._engine, self._address) as connection:
            writing.end_run(connection, run_id)

    def repeat_run(self, run_id: str) -> None:
        """Makes ready for a run that is done all over again, at another time of day: everybody counts once.

        Violations stay, and are brought up to date by their numbers.
        """
        with to_write(self._engine, self._address) as connection:
            writing.forget_seen(connection, run_id)

    def record_site(self, site: str, report: Report, rows: Sequence[Forwarded]) -> None:
        """Writes what another site forwards, in one transaction; doing so again changes nothing."""
        with to_write(self._engine, self._address) as connection:
            sites.record(connection, site, report, rows)

    def sites(self, *, midnight: datetime) -> list[Site]:
        """How the sites are doing that forward to this store, by name.

        Args:
            midnight: from which on violations are counted.
        """
        with to_read(self._engine, self._address) as connection:
            return sites.sites(connection, midnight=midnight)

    def sites_heard(self) -> list[Heard]:
        """Their last reports only: that takes no time, however much they have forwarded."""
        with to_read(self._engine, self._address) as connection:
            return sites.heard(connection)

    def site_names(self) -> list[str]:
        """Of the sites that forward to this store."""
        with to_read(self._engine, self._address) as connection:
            return sites.names(connection)

    def site_cameras(self, site: str) -> list[str]:
        """Names of a site's cameras in this store; none where there is no such site."""
        with to_read(self._engine, self._address) as connection:
            return sites.cameras_of(connection, site)

    def waiting(self, *, limit: int, before: datetime | None = None) -> tuple[list[Forwarded], int]:
        """What waits to be forwarded; see `maskcam.store.forwarding`.

        Args:
            limit: at most so many rows.
            before: counts of minutes that began before only; None: all.

        Returns:
            The rows, and how many wait in all.
        """
        with to_read(self._engine, self._address) as connection:
            rows = forwarding.waiting(connection, limit=limit, before=before)
            return rows, forwarding.count(connection, before=before) if rows else 0

    def mark_forwarded(self, rows: Sequence[Forwarded]) -> None:
        """Notes that another store has these; what has changed meanwhile goes on waiting."""
        with to_write(self._engine, self._address) as connection:
            forwarding.mark(connection, rows)

    def get(self, violation_id: int) -> StoredViolation | None:
        """The violation with this number in the store."""
        with to_read(self._engine, self._address) as connection:
            return reading.violation(connection, violation_id)

    def violations(
        self,
        query: ViolationQuery = ALL,
        *,
        newest_first: bool = True,
        limit: int | None = None,
        after: StoredViolation | Position | None = None,
    ) -> list[StoredViolation]:
        """Those that a query asks for, by the time at which they started.

        Args:
            query: which.
            newest_first: the order.
            limit: at most so many.
            after: the last one of the page before, or its place.
        """
        with to_read(self._engine, self._address) as connection:
            return reading.violations(connection, query, newest_first=newest_first, limit=limit, after=after)

    def each(self, query: ViolationQuery = ALL) -> Iterator[StoredViolation]:
        """All that a query asks for, oldest first, without having them all in memory."""
        last: StoredViolation | None = None
        while page := self.violations(query, newest_first=False, limit=_AT_ONCE, after=last):
            yield from page
            last = page[-1]

    def totals(self, query: ViolationQuery = ALL) -> Totals:
        """How many there are of what."""
        with to_read(self._engine, self._address) as connection:
            return reading.totals(connection, query)

    def counts(
        self, *, since: datetime | None = None, until: datetime | None = None, cameras: Sequence[str] = ()
    ) -> list[MinuteCounts]:
        """People per minute, in order.

        Args:
            since: minutes that began then or later.
            until: minutes that began before.
            cameras: at one of these; none: at any.
        """
        with to_read(self._engine, self._address) as connection:
            return list(reading.counts(connection, since=since, until=until, cameras=cameras))

    def tracks(self, *, since: datetime, until: datetime, cameras: Sequence[str] = ()) -> StoredTracks:
        """Scores of all tracks that broke the rule, or might have.

        Args:
            since: that began then or later.
            until: that began before.
            cameras: at one of these; none: at any.
        """
        with to_read(self._engine, self._address) as connection:
            return observing.tracks(connection, since=since, until=until, cameras=cameras)

    def heat(self, *, since: datetime, until: datetime) -> dict[str, Heat]:
        """Where faces were, and where they could not be judged, per camera.

        Args:
            since: of hours that began then or later.
            until: of hours that began before.
        """
        with to_read(self._engine, self._address) as connection:
            return observing.heat(connection, since=since, until=until)

    def size_bytes(self) -> int:
        """Of the database, without pictures and clips."""
        if self._address.file is not None:
            parts = (self._address.file, Path(f"{self._address.file}-wal"))
            return sum(part.stat().st_size for part in parts if part.exists())
        with to_read(self._engine, self._address) as connection:
            return int(connection.scalar(select(func.pg_database_size(func.current_database()))) or 0)

    def cameras(self) -> list[str]:
        """Names of all cameras that ever were."""
        with to_read(self._engine, self._address) as connection:
            return list(connection.scalars(select(CameraRow.name).order_by(CameraRow.name)))

    def protect(self, violation_id: int, *, on: bool = True) -> bool:
        """Has retention spare a violation, or not any more; whether there is one with this number."""
        return self._set(violation_id, is_protected=on)

    def mark_false_alarm(self, violation_id: int, *, on: bool = True) -> bool:
        """Notes that a person looked and saw no violation, or takes it back; whether there is one with this number."""
        return self._set(violation_id, is_false_alarm=on)

    def delete(self, ids: Sequence[int]) -> int:
        """Removes violations with their files, protected ones too; how many there were."""
        removed = 0
        for start in range(0, len(ids), _AT_ONCE):
            with to_write(self._engine, self._address) as connection:
                count, files = retention.remove(connection, list(ids[start : start + _AT_ONCE]))
            self.media.remove(files)
            removed += count
        return removed

    def prune(self, keep: Retention, *, now: datetime | None = None, rounds: int | None = None) -> Pruned:
        """Removes what has been kept long enough, oldest first.

        Args:
            keep: what to keep.
            now: time of day; None is the present.
            rounds: at most so many times 500 violations of each kind, for who has other things to do; None: all.
        """
        now = now or datetime.now(UTC)
        removed = stripped = freed = 0
        old = retention.too_old(keep, now)
        while rounds is None or rounds > 0:
            rounds = None if rounds is None else rounds - 1
            count, files = self._remove_old(old)
            with to_write(self._engine, self._address) as connection:
                lost, too_much = retention.shrink(connection, keep.keep_bytes, limit=_AT_ONCE)
            self.media.remove([*files, *too_much])
            removed += count
            stripped += lost
            freed += sum(file.size_bytes for file in (*files, *too_much))
            if not (count or lost):
                break
        with to_write(self._engine, self._address) as connection:
            counts = retention.forget_counts(connection, keep, now)
            observing.forget(connection, keep, now)
        return Pruned(violations=removed, stripped=stripped, size_bytes=freed, counts=counts)

    def files(self) -> Iterator[str]:
        """Names of all files that rows mean."""
        with to_read(self._engine, self._address) as connection:
            for names in connection.execute(
                select(ViolationRow.picture, ViolationRow.face, ViolationRow.clip)
            ):
                yield from (name for name in names if name is not None)

    def _remove_old(self, old: ColumnElement[bool] | None) -> tuple[int, list[MediaFile]]:
        if old is None:
            return 0, []
        with to_write(self._engine, self._address) as connection:
            return retention.remove(connection, retention.oldest(connection, old, limit=_AT_ONCE))

    def _set(self, violation_id: int, **values: bool) -> bool:
        with to_write(self._engine, self._address) as connection:
            changed = connection.execute(
                update(ViolationRow).where(ViolationRow.id == violation_id).values(**values)
            )
            return changed.rowcount > 0


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        words = (error.strerror or str(error)).lower()
        raise OutputError(f"cannot make the folder {folder} ({words}): choose another") from error
