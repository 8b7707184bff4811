"""`maskcam doctor`: can this machine and this camera work, and what to change if not."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from maskcam.environment import Check, check_all
from maskcam.errors import MaskcamError

if TYPE_CHECKING:
    from rich.console import Console
    from rich.status import Status

    from maskcam.probing.report import SourceReport

_SOURCE = "Source"
_READING = {"OpenCV", "PyAV"}
_FINDING = {"PyTorch", "Weights"}


def doctor(
    source: Annotated[
        str | None, typer.Argument(help="Webcam index, URL, file or folder to watch for a while.")
    ] = None,
    seconds: Annotated[
        float, typer.Option(min=1, max=120, help="How long to watch the source; longer finds rarer faults.")
    ] = 10.0,
    transport: Annotated[
        Literal["tcp", "udp"], typer.Option(help="How to fetch the pictures of an RTSP camera.")
    ] = "tcp",
    json_output: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
) -> None:
    """Says whether this machine, and a camera or file, can work, and what to change."""
    from rich.console import Console

    checks = check_all()
    report = None
    exit_code = 0
    if source is not None:
        try:
            with _patience(source, seconds):
                report = watch_source(source, checks, seconds=seconds, transport=transport)
            checks.append(judge(report))
        except MaskcamError as error:
            checks.append(Check(_SOURCE, False, str(error)))
            exit_code = error.exit_code
    if exit_code == 0 and any(check.ok is False for check in checks):
        exit_code = 1
    if json_output:
        print_json(checks, report)
    else:
        print_all(Console(), checks, report)
    raise typer.Exit(exit_code)


def watch_source(
    spec: str, checks: Sequence[Check], *, seconds: float, transport: Literal["tcp", "udp"]
) -> SourceReport:
    """Watches a source, as far as this machine can: without PyTorch or weights, no faces are looked for.

    Raises:
        MaskcamError: it cannot be opened or read, or nothing can be read here.
    """
    broken = {check.name for check in checks if check.ok is False}
    if broken & _READING:
        raise MaskcamError(
            f"The source was not tried: {', '.join(sorted(broken & _READING))} must work first."
        )
    from maskcam.config import Config
    from maskcam.probing.probe import probe

    if broken & _FINDING:
        return probe(spec, seconds=seconds, transport=transport)
    config = Config()
    with config.detector.build(**config.computing) as detector:
        return probe(spec, seconds=seconds, transport=transport, detector=detector)


def judge(report: SourceReport) -> Check:
    """In short, whether the source is good enough."""
    from maskcam.probing.advice import advise

    if report.failure is not None:
        return Check(_SOURCE, False, report.failure)
    advice = advise(report)
    if advice:
        return Check(_SOURCE, None, f"{report.name} works, and could do better", " ".join(advice))
    return Check(_SOURCE, True, f"{report.name} works")


def print_all(console: Console, checks: list[Check], report: SourceReport | None) -> None:
    """Prints what was asked for: once a source was tried, of the machine only what is broken."""
    from rich.text import Text

    from maskcam.commands.probe_table import print_probe
    from maskcam.probing.advice import advise

    tried = [check for check in checks if check.name == _SOURCE]
    machine = [check for check in checks if check.name != _SOURCE and (not tried or check.ok is False)]
    if machine:
        print_checks(console, machine)
    if report is not None:
        print_probe(console, report, advise(report))
    for check in tried:
        if check.ok is False:
            console.print(Text("Failed: ", "bold red") + Text(check.found, "default"))


def print_checks(console: Console, checks: list[Check]) -> None:
    """Prints one row per check, with what to change."""
    from rich.table import Table
    from rich.text import Text

    marks = {True: ("ok", "green"), None: ("optional", "yellow"), False: ("broken", "bold red")}
    table = Table("", "", title="maskcam doctor", title_justify="left")
    for header in ("found", "what to change"):
        table.add_column(header, overflow="fold")  # a path cut short helps nobody
    for check in checks:
        mark, style = marks[check.ok]
        # Text, since brackets in a path or an error must not be read as Rich's markup
        table.add_row(Text(mark, style), check.name, Text(check.found), Text(check.advice or ""))
    console.print(table)


def print_json(checks: list[Check], report: SourceReport | None) -> None:
    """Prints everything as one JSON object."""
    from maskcam.probing.advice import advise

    source = None
    if report is not None:
        source = {**dataclasses.asdict(report), "advice": advise(report)}
    found = {
        "ok": all(check.ok is not False for check in checks),
        "checks": [dataclasses.asdict(check) for check in checks],
        "source": source,
    }
    typer.echo(json.dumps(found, indent=2, allow_nan=False))


def _patience(spec: str, seconds: float) -> nullcontext[None] | Status:
    """Says on a terminal that this takes a while; on standard error, since the output may be JSON."""
    from rich.console import Console
    from rich.markup import escape

    from maskcam.sources import source_name

    console = Console(stderr=True)
    if not console.is_terminal:
        return nullcontext()
    return console.status(f"watching {escape(source_name(spec))} for {seconds:g} s")
