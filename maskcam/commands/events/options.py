"""Flags that the subcommands of `maskcam events` share, and what they mean."""

from __future__ import annotations

import os
import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from maskcam.config_sections import StoreConfig
    from maskcam.store.records import ViolationQuery
    from maskcam.store.store import EventStore

StoreOption = Annotated[
    str | None,
    typer.Option("--store", metavar="FILE|URL", help="The event store. Default: the one of -c FILE."),
]
ConfigOption = Annotated[
    Path | None,
    typer.Option("-c", "--config", metavar="FILE", help="TOML file that says where the store is."),
]
Since = Annotated[
    str | None,
    typer.Option(
        metavar="TIME", help="Started then or later: 2026-05-04, '2026-05-04 13:30', today, 90m, 12h, 7d."
    ),
]
Until = Annotated[str | None, typer.Option(metavar="TIME", help="Started before.")]
Cameras = Annotated[
    list[str] | None,
    typer.Option("--camera", metavar="NAME", help="At this camera; may be given several times."),
]
Statuses = Annotated[
    list[str] | None, typer.Option("--status", help="no_mask or incorrect; may be given several times.")
]
Protected = Annotated[
    bool | None, typer.Option("--protected/--unprotected", help="Only those that are protected, or are not.")
]
FalseAlarms = Annotated[
    bool | None,
    typer.Option(
        "--false-alarms/--no-false-alarms", help="Only those marked as false alarms, or not marked."
    ),
]

_AGO = re.compile(r"(\d+(?:\.\d+)?)\s*([smhdw])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def store_config(store: str | None, config: Path | None) -> StoreConfig:
    """Where the store is, and how long it keeps things."""
    from maskcam.config import load_config

    return load_config(config, {"store.url": store}).store


def open_events(store: str | None, config: Path | None) -> EventStore:
    """Opens the store, which must be there."""
    return store_config(store, config).open(environ=os.environ, create=False)


def make_query(
    *,
    since: str | None = None,
    until: str | None = None,
    cameras: list[str] | None = None,
    statuses: list[str] | None = None,
    protected: bool | None = None,
    false_alarms: bool | None = None,
) -> ViolationQuery:
    """What the flags ask for.

    Raises:
        InputError: a time or a status is none.
    """
    from maskcam.store.records import ViolationQuery
    from maskcam.types import MaskStatus

    return ViolationQuery(
        since=parse_time(since, flag="--since"),
        until=parse_time(until, flag="--until"),
        cameras=tuple(cameras or ()),
        statuses=tuple(MaskStatus(_status(text)) for text in statuses or ()),
        is_protected=protected,
        is_false_alarm=false_alarms,
    )


def parse_time(text: str | None, *, flag: str, now: datetime | None = None) -> datetime | None:
    """A date, a time of day, or how long ago; without a zone it is local.

    Raises:
        InputError: it is none.
    """
    from maskcam.errors import InputError

    if text is None:
        return None
    now = (now or datetime.now()).astimezone()
    word = text.strip().lower()
    if word in ("today", "yesterday"):
        day = now.replace(tzinfo=None, hour=0, minute=0, second=0, microsecond=0)
        return (day - timedelta(days=word == "yesterday")).astimezone()
    try:
        if match := _AGO.fullmatch(word):
            return now - timedelta(**{_UNITS[match[2]]: float(match[1])})
        return datetime.fromisoformat(text.strip()).astimezone()
    except (ValueError, OverflowError):
        raise InputError(
            f"{flag} takes 2026-05-04, '2026-05-04 13:30', today, yesterday, or 90m, 12h, 7d for so long ago;"
            f" got {text!r}"
        ) from None


def _status(text: str) -> str:
    from maskcam.errors import InputError

    word = text.strip().lower().replace("-", "_").replace(" ", "_")
    if word not in ("no_mask", "incorrect"):
        raise InputError(f"--status takes no_mask or incorrect, got {text!r}")
    return word
