"""`maskcam doctor`: can this machine and this camera work, and what to change if not."""

from __future__ import annotations

import dataclasses
import json
from typing import Annotated

import typer

from maskcam.environment import Check, check_all
from maskcam.errors import MaskcamError
from maskcam.probe import Probe, probe_source

_PROBE_SECONDS = 5.0
_SLOW = 0.8  # of the nominal rate: below it a camera is held back by light, cable or network


def doctor(
    source: Annotated[
        str | None, typer.Argument(help="Webcam index, URL, file or folder to try for a few seconds.")
    ] = None,
    json_output: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
) -> None:
    """Says whether this machine, and a camera or file, can work, and what to change."""
    checks = check_all()
    probe = None
    exit_code = 0
    if source is not None:
        try:
            probe = try_source(source)
            checks.append(judge(probe))
        except MaskcamError as error:
            checks.append(Check("Source", False, str(error)))
            exit_code = error.exit_code
    if exit_code == 0 and any(check.ok is False for check in checks):
        exit_code = 1
    print_json(checks, probe) if json_output else print_table(checks)
    raise typer.Exit(exit_code)


def try_source(spec: str) -> Probe:
    """Opens a source and reads it for a few seconds.

    Raises:
        SourceError: it cannot be opened or read.
    """
    from maskcam.sources import open_source

    with open_source(spec) as source:
        return probe_source(source, seconds=_PROBE_SECONDS)


def judge(probe: Probe) -> Check:
    """Says in words what came out of a source, and whether it is good enough."""
    if not probe.frames:
        return Check("Source", False, f"{probe.name} gave no frame", "try it in another player or program")
    sizes = ", ".join(f"{width}x{height}" for width, height in probe.sizes_wh)
    nominal = "unknown" if probe.nominal_fps is None else f"{probe.nominal_fps:.4g}"
    measured = "unknown" if probe.measured_fps is None else f"{probe.measured_fps:.4g}"
    found = (
        f"{probe.name}: {sizes}, {nominal} fps nominal, {measured} fps measured, {probe.frames} frames in "
        f"{probe.seconds:.1f} s, {probe.frame_milliseconds:.1f} ms each"
    )
    if probe.late_pts:
        advice = "its clock jumps: `ffmpeg -i IN -c copy OUT.mp4` mends a file, newer firmware a camera"
        return Check("Source", None, f"{found}, {probe.late_pts} time stamps not in order", advice)
    if probe.nominal_fps and probe.measured_fps and probe.measured_fps < _SLOW * probe.nominal_fps:
        advice = (
            "it gives fewer frames than it says: more light, a smaller picture or a better network helps"
            if probe.is_live
            else "it is read slower than it plays: a smaller picture helps"
        )
        return Check("Source", None, found, advice)
    return Check("Source", True, found)


def print_table(checks: list[Check]) -> None:
    """Prints one row per check, with what to change."""
    from rich.console import Console
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
    Console().print(table)


def print_json(checks: list[Check], probe: Probe | None) -> None:
    """Prints everything as one JSON object."""
    report = {
        "ok": all(check.ok is not False for check in checks),
        "checks": [dataclasses.asdict(check) for check in checks],
        "source": None if probe is None else dataclasses.asdict(probe),
    }
    typer.echo(json.dumps(report, indent=2))
