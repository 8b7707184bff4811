"""`maskcam events prune`."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Annotated

import typer

from maskcam.commands.events.options import ConfigOption, StoreOption, store_config


def prune(
    store: StoreOption = None,
    config_file: ConfigOption = None,
    keep_days: Annotated[
        float | None,
        typer.Option(min=0, help="Remove older violations; 0: none. Default: as in -c FILE, else 30."),
    ] = None,
    keep_gigabytes: Annotated[
        float | None,
        typer.Option(
            min=0,
            help="Remove the oldest clips, then pictures, beyond so many; 0: none. Default: as in -c FILE, else 10.",
        ),
    ] = None,
    yes: Annotated[bool, typer.Option("-y", "--yes", help="Do not ask.")] = False,
) -> None:
    """Remove what has been kept long enough, oldest first; protected violations stay."""
    config = store_config(store, config_file)
    keep = config.retention()
    if keep_days is not None:
        keep = replace(keep, keep_days=keep_days)
    if keep_gigabytes is not None:
        keep = replace(keep, keep_bytes=round(keep_gigabytes * 10**9))
    with config.open(environ=os.environ, create=False) as events:
        if not yes:
            older = f"violations older than {keep.keep_days:g} days" if keep.keep_days else "no violations"
            beyond = (
                f"clips and pictures beyond {keep.keep_bytes / 10**9:g} GB" if keep.keep_bytes else "no files"
            )
            typer.confirm(f"Remove {older} and {beyond} from {events.name}?", abort=True)
        done = events.prune(keep)
    print(
        f"{done.violations} violations removed, {done.stripped} more lost clips or pictures,"
        f" {done.size_bytes / 10**6:.1f} MB freed"
    )
