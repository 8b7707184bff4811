"""`maskcam events`: list, show, export and prune the violation log, and what it says about compliance."""

from __future__ import annotations

import typer

from maskcam.commands.events.export import export
from maskcam.commands.events.listing import list_events, show
from maskcam.commands.events.marking import mark
from maskcam.commands.events.prune import prune
from maskcam.commands.events.stats import stats

events = typer.Typer(help="List, show, export and prune the violation log.", no_args_is_help=True)
events.command("list")(list_events)
for command in (show, export, stats, mark, prune):
    events.command()(command)
