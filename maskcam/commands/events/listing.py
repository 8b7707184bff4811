"""`maskcam events list` and `maskcam events show`."""

from __future__ import annotations

import json
from typing import Annotated

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

_SHOWN = 50


def list_events(
    store: StoreOption = None,
    config_file: ConfigOption = None,
    since: Since = None,
    until: Until = None,
    cameras: Cameras = None,
    statuses: Statuses = None,
    protected: Protected = None,
    false_alarms: FalseAlarms = None,
    limit: Annotated[int, typer.Option("-n", "--limit", min=0, help="Newest so many; 0: all.")] = _SHOWN,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,
) -> None:
    """List violations, newest first."""
    from rich.console import Console

    from maskcam.commands.events.tables import violations_table
    from maskcam.store.exporting import nested

    query = make_query(
        since=since,
        until=until,
        cameras=cameras,
        statuses=statuses,
        protected=protected,
        false_alarms=false_alarms,
    )
    with open_events(store, config_file) as events:
        found = events.violations(query, limit=limit or None)
        count = len(found) if not limit or len(found) < limit else events.totals(query).violations
    if as_json:
        print(json.dumps([nested(violation) for violation in found], indent=2, ensure_ascii=False))
        return
    console = Console()
    if not found:
        console.print("No violations." if query == make_query() else "No violations that fit.")
        return
    console.print(violations_table(found))
    if count > len(found):
        console.print(f"[dim]The newest {len(found)} of {count:,}; -n 0 lists all.[/]")


def show(
    violation_id: Annotated[int, typer.Argument(metavar="ID", help="As `maskcam events list` shows it.")],
    store: StoreOption = None,
    config_file: ConfigOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,
) -> None:
    """Show all that is known of one violation."""
    from rich.console import Console

    from maskcam.commands.events.tables import details
    from maskcam.errors import InputError
    from maskcam.store.exporting import nested

    with open_events(store, config_file) as events:
        violation = events.get(violation_id)
        if violation is None:
            raise InputError(
                f"there is no violation {violation_id} in {events.name}: see `maskcam events list`"
            )
        if as_json:
            print(json.dumps(nested(violation), indent=2, ensure_ascii=False))
        else:
            Console().print(details(violation, events.media))
