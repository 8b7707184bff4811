"""`maskcam events export`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from maskcam.commands.events.options import (
    Cameras,
    ConfigOption,
    FalseAlarms,
    Protected,
    Since,
    Statuses,
    StoreOption,
    Until,
    make_query,
    open_events,
)

if TYPE_CHECKING:
    from maskcam.store.records import ViolationQuery
    from maskcam.store.store import EventStore


def export(
    output: Annotated[
        Path,
        typer.Option(
            "-o",
            "--output",
            metavar="FILE",
            help="NAME.csv, .json, .parquet, or .zip with pictures and clips.",
        ),
    ],
    store: StoreOption = None,
    config_file: ConfigOption = None,
    since: Since = None,
    until: Until = None,
    cameras: Cameras = None,
    statuses: Statuses = None,
    protected: Protected = None,
    false_alarms: FalseAlarms = None,
    clips: Annotated[
        bool, typer.Option("--clips/--no-clips", help="Put clips into a ZIP, which makes it large.")
    ] = True,
) -> None:
    """Write violations to a file, oldest first: CSV, JSON, Parquet, or a ZIP with their pictures and clips."""
    from contextlib import suppress

    from maskcam.errors import InputError, OutputError
    from maskcam.sinks.files import make_folder, reason
    from maskcam.store.exporting import FORMATS

    if output.suffix.lower() not in FORMATS:
        raise InputError(f"{output} must end in {', '.join(FORMATS)}, which says what to write")
    query = make_query(
        since=since,
        until=until,
        cameras=cameras,
        statuses=statuses,
        protected=protected,
        false_alarms=false_alarms,
    )
    with open_events(store, config_file) as events:
        make_folder(output.parent)
        # whole or not at all: half an export looks like a whole one
        partial = output.with_name(f".{output.name}.partial")
        try:
            count = _write(events, query, partial, kind=output.suffix.lower(), clips=clips)
            partial.replace(output)
        except OSError as error:
            raise OutputError(f"cannot write {output}: {reason(error)}") from error
        finally:
            with suppress(OSError):
                partial.unlink()
    print(f"{count} violations in {output}")


def _write(events: EventStore, query: ViolationQuery, path: Path, *, kind: str, clips: bool) -> int:
    from maskcam.store import exporting

    found = events.each(query)
    if kind == ".parquet":
        return exporting.write_parquet(found, path)
    if kind == ".zip":
        return exporting.write_zip(found, path, events.media, clips=clips)
    # newline="": the csv module ends lines by itself; with a byte order mark, Excel reads umlauts right
    encoding = "utf-8-sig" if kind == ".csv" else "utf-8"
    with path.open("w", encoding=encoding, newline="") as file:
        return exporting.write_csv(found, file) if kind == ".csv" else exporting.write_json(found, file)
