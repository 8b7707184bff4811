"""The tables of the event store; `migrations/` brings a database to this state."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import (
    JSON,
    BigInteger,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    TypeDecorator,
    UniqueConstraint,
    false,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

BigId = BigInteger().with_variant(Integer, "sqlite")
"""SQLite numbers rows by itself only where the column is an INTEGER."""

_WAITS = text("NOT is_forwarded")
"""Which rows are in the indexes of what waits to be forwarded."""


class UtcDateTime(TypeDecorator[datetime]):
    """Time of day with its zone; UTC without one in SQLite, which knows no zones."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"a time of day needs its zone, got {value.isoformat()}")
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    """All tables."""


class StoreRow(Base):
    """One row: the identity of this store, which its media folder bears too."""

    __tablename__ = "store"

    store_id: Mapped[str] = mapped_column(String(32), primary_key=True)


class CameraRow(Base):
    """A camera, by its name."""

    __tablename__ = "cameras"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)


class ViolationRow(Base):
    """See `maskcam.store.records.StoredViolation`."""

    __tablename__ = "violations"
    __table_args__ = (
        UniqueConstraint("run_id", "camera_id", "number"),
        Index("ix_violations_camera_id_started_at", "camera_id", "started_at"),
        Index("ix_violations_to_forward", "id", sqlite_where=_WAITS, postgresql_where=_WAITS),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    run_id: Mapped[str] = mapped_column(String(32))
    camera_id: Mapped[int] = mapped_column(ForeignKey("cameras.id"))
    number: Mapped[int]
    revision: Mapped[int] = mapped_column(BigInteger)
    track_id: Mapped[int]
    status: Mapped[str] = mapped_column(String(16))
    started_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    started_seconds: Mapped[float]
    ended_seconds: Mapped[float | None]
    x1: Mapped[float]
    y1: Mapped[float]
    x2: Mapped[float]
    y2: Mapped[float]
    picture: Mapped[str | None]
    face: Mapped[str | None]
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    """Of the pictures."""
    clip: Mapped[str | None]
    clip_bytes: Mapped[int] = mapped_column(BigInteger, server_default="0")
    clip_seconds: Mapped[float | None]
    clip_lead_seconds: Mapped[float | None]
    is_protected: Mapped[bool] = mapped_column(default=False)
    is_false_alarm: Mapped[bool] = mapped_column(default=False)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
    is_forwarded: Mapped[bool] = mapped_column(default=False, server_default=false())
    """See `maskcam.store.forwarding`."""


class TransitionRow(Base):
    """See `maskcam.store.records.StoredTransition`."""

    __tablename__ = "transitions"

    violation_id: Mapped[int] = mapped_column(
        BigId, ForeignKey("violations.id", ondelete="CASCADE"), primary_key=True
    )
    position: Mapped[int] = mapped_column(primary_key=True)
    status: Mapped[str] = mapped_column(String(16))
    started_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    started_seconds: Mapped[float]
    ended_seconds: Mapped[float | None]


class CountsRow(Base):
    """See `maskcam.store.records.MinuteCounts`."""

    __tablename__ = "counts"
    __table_args__ = (Index("ix_counts_to_forward", "minute", sqlite_where=_WAITS, postgresql_where=_WAITS),)

    minute: Mapped[datetime] = mapped_column(UtcDateTime, primary_key=True)
    camera_id: Mapped[int] = mapped_column(ForeignKey("cameras.id"), primary_key=True)
    run_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    people: Mapped[int]
    masked: Mapped[int]
    bare: Mapped[int]
    incorrect: Mapped[int]
    unsure: Mapped[int]
    is_forwarded: Mapped[bool] = mapped_column(default=False, server_default=false())


class TrackRow(Base):
    """See `maskcam.store.observations.TrackScores`."""

    __tablename__ = "tracks"
    __table_args__ = (UniqueConstraint("run_id", "camera_id", "track_id", "started_ms"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    run_id: Mapped[str] = mapped_column(String(32))
    camera_id: Mapped[int] = mapped_column(ForeignKey("cameras.id"))
    track_id: Mapped[int] = mapped_column(BigInteger)
    # no UtcDateTime: to make 100,000 dates takes longer than everything else that is done with a month of tracks
    started_ms: Mapped[int] = mapped_column(BigInteger, index=True)
    number: Mapped[int | None]
    runs: Mapped[bytes] = mapped_column(LargeBinary)


class HeatRow(Base):
    """See `maskcam.store.observations.HourHeat`."""

    __tablename__ = "heat"

    hour: Mapped[datetime] = mapped_column(UtcDateTime, primary_key=True)
    camera_id: Mapped[int] = mapped_column(ForeignKey("cameras.id"), primary_key=True)
    run_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    seen: Mapped[int] = mapped_column(BigInteger)
    cells: Mapped[list[list[int]]] = mapped_column(JSON)


class SiteRow(Base):
    """See `maskcam.store.sites.Site`."""

    __tablename__ = "sites"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    heard_at: Mapped[datetime] = mapped_column(UtcDateTime)
    waiting: Mapped[int]
    version: Mapped[str]


class SiteCameraRow(Base):
    """A camera of another site; those that have no such row are our own."""

    __tablename__ = "site_cameras"

    camera_id: Mapped[int] = mapped_column(ForeignKey("cameras.id"), primary_key=True)
    site_id: Mapped[int] = mapped_column(ForeignKey("sites.id"), index=True)
    seen_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
