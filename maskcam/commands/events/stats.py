"""`maskcam events stats`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from maskcam.commands.events.options import (
    Cameras,
    ConfigOption,
    Since,
    StoreOption,
    Until,
    make_query,
    open_events,
)

if TYPE_CHECKING:
    from maskcam.store.records import MinuteCounts
    from maskcam.store.statistics import Compliance

_BARS = 48  # two days of hours; more than that are shown by the day


def stats(
    store: StoreOption = None,
    config_file: ConfigOption = None,
    since: Since = None,
    until: Until = None,
    cameras: Cameras = None,
    per: Annotated[
        str | None,
        typer.Option(metavar="hour|day", help="Bars of the chart. Default: hours of up to two days."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,
    png: Annotated[Path | None, typer.Option(metavar="FILE", help="Also write the chart as a PNG.")] = None,
) -> None:
    """Tell which part of the people wore their masks right, per camera and over time."""
    from maskcam.errors import InputError
    from maskcam.store.statistics import grouped, total

    if per not in (None, "hour", "day"):
        raise InputError(f"--per takes hour or day, got {per!r}")
    query = make_query(since=since, until=until, cameras=cameras)
    with open_events(store, config_file) as events:
        counts = events.counts(since=query.since, until=query.until, cameras=query.cameras)
        totals = events.totals(query)
    unit = per or ("hour" if len({hour_of(row) for row in counts}) <= _BARS else "day")
    over_time = grouped(counts, hour_of if unit == "hour" else day_of)
    per_camera = dict(sorted(grouped(counts, lambda row: row.camera).items()))
    overall = total(counts)
    if png is not None:
        from maskcam.commands.events.chart import write_chart

        write_chart(png, over_time, unit=unit)
    if as_json:
        sections = {"total": _json(overall), "cameras": _each(per_camera), unit: _each(over_time)}
        print(json.dumps(sections | {"violations": totals.violations}, indent=2, ensure_ascii=False))
        return
    _print(overall, per_camera, over_time, violations=totals.violations, unit=unit)
    if png is not None:
        print(f"Chart in {png}")


def hour_of(row: MinuteCounts) -> str:
    """The local hour of a minute."""
    return f"{row.minute.astimezone():%Y-%m-%d %H:00}"


def day_of(row: MinuteCounts) -> str:
    """The local day of a minute."""
    return f"{row.minute.astimezone():%Y-%m-%d}"


def _print(
    overall: Compliance,
    per_camera: Mapping[str, Compliance],
    over_time: Mapping[str, Compliance],
    *,
    violations: int,
    unit: str,
) -> None:
    from rich.console import Console

    from maskcam.commands.events.tables import compliance_table, interval_text, percent, print_chart

    console = Console()
    if overall.rate is None:
        console.print("Nobody was judged in this time.")
        return
    console.print(
        f"[bold]{percent(overall.rate)}[/] masked (95% interval {interval_text(overall)}) of {overall.judged:,} judged"
        f" people-minutes; {violations:,} violations\n",
        highlight=False,
    )
    rows = {**per_camera, "all": overall} if len(per_camera) > 1 else per_camera
    console.print(compliance_table(rows, first="camera"))
    console.print(f"\n[bold]Masked, by the {unit}[/]")
    print_chart(console, over_time)
    console.print(
        "\n[dim]A person seen in three minutes counts three times, so the interval is somewhat too narrow.[/]"
    )


def _each(rows: Mapping[str, Compliance]) -> list[dict[str, Any]]:
    return [{"name": name, **_json(row)} for name, row in rows.items()]


def _json(row: Compliance) -> dict[str, Any]:
    interval = row.interval
    return {
        "people": row.people,
        "masked": row.masked,
        "bare": row.bare,
        "incorrect": row.incorrect,
        "unsure": row.unsure,
        "judged": row.judged,
        "rate": None if row.rate is None else round(row.rate, 4),
        "interval": None if interval is None else [round(end, 4) for end in interval],
    }
