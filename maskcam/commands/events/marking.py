"""`maskcam events mark`."""

from __future__ import annotations

from typing import Annotated

import typer

from maskcam.commands.events.options import ConfigOption, StoreOption, open_events


def mark(
    ids: Annotated[list[int], typer.Argument(metavar="ID...", help="As `maskcam events list` shows them.")],
    store: StoreOption = None,
    config_file: ConfigOption = None,
    protected: Annotated[
        bool | None, typer.Option("--protected/--unprotected", help="Never remove it, or in its time.")
    ] = None,
    false_alarm: Annotated[
        bool | None, typer.Option("--false-alarm/--no-false-alarm", help="It was none after all, or it was.")
    ] = None,
) -> None:
    """Protect violations from retention, or note that they were false alarms."""
    from maskcam.errors import InputError

    if protected is None and false_alarm is None:
        raise InputError("nothing to mark: add --protected, --unprotected, --false-alarm or --no-false-alarm")
    with open_events(store, config_file) as events:
        missing = [number for number in ids if events.get(number) is None]
        if missing:
            raise InputError(
                f"there is no violation {missing[0]} in {events.name}, and none was marked: see `maskcam events list`"
            )
        for number in ids:
            if protected is not None:
                events.protect(number, on=protected)
            if false_alarm is not None:
                events.mark_false_alarm(number, on=false_alarm)
    print(f"{len(ids)} marked")
