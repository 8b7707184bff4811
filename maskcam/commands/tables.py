"""Results as tables in the terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from maskcam.recorder import Report
from maskcam.watching import CameraStatus


def print_reports(console: Console, reports: Sequence[Report]) -> None:
    """Prints a row per input, the time per stage of all of them, and what failed."""
    table = Table(title="Results", title_justify="left", title_style="bold")
    table.add_column("input", overflow="fold")
    for column in ("frames", "fps", "people", "violations"):
        table.add_column(column, justify="right")
    table.add_column("written", overflow="fold")
    for report in reports:
        table.add_row(
            report.input,
            str(report.frames),
            f"{report.fps:.1f}",
            _counts(report.statuses),
            _counts(report.violations),
            "\n".join(str(path) for path in report.outputs),
        )
    console.print(table)
    frames = sum(report.frames for report in reports)
    stages: Counter[str] = sum((report.stage_seconds for report in reports), Counter())
    if frames:
        times = [f"{stage} {1000 * seconds / frames:.1f}" for stage, seconds in stages.items()]
        console.print(f"Milliseconds per frame: {', '.join(times)}")
    for report in reports:
        if report.error:
            console.print(
                f"[red]{'Stopped' if report.interrupted else 'Failed'}:[/] {report.input}: {report.error}"
            )


def watch_table(cameras: Sequence[CameraStatus]) -> Table:
    """How every camera is doing, a row each."""
    table = Table()
    table.add_column("camera", overflow="fold")
    table.add_column("state", overflow="fold")
    table.add_column("in view")
    for column in ("fps", "ms late", "dropped", "people", "violations"):
        table.add_column(column, justify="right")
    for camera in cameras:
        running = camera.ended is None
        state = ("live" if camera.is_live else "playing") if camera.frames else "waiting"
        table.add_row(
            camera.name,
            state if running else f"[{'red' if camera.failed else 'dim'}]{camera.ended}[/]",
            "\n".join(f"{count} {status}" for status, count in camera.statuses.items()),
            f"{camera.fps:.1f}",
            f"{1000 * camera.latency_seconds:.0f}",
            str(camera.dropped),
            str(len(camera.people)),
            str(camera.violations),
        )
    return table


def print_watch(console: Console, cameras: Sequence[CameraStatus]) -> None:
    """Prints what was seen before each camera, and why one failed."""
    table = Table(title="Watched", title_justify="left", title_style="bold")
    table.add_column("camera", overflow="fold")
    for column in ("frames", "dropped", "people", "violations"):
        table.add_column(column, justify="right")
    for camera in cameras:
        counts = (camera.frames, camera.dropped, len(camera.people), camera.violations)
        table.add_row(camera.name, *(str(count) for count in counts))
    console.print(table)
    for camera in cameras:
        if camera.failed:
            console.print(f"[red]Failed:[/] {camera.name}: {camera.ended}")


def _counts(counts: Counter[str]) -> str:
    """`3 (2 mask, 1 no_mask)`."""
    if not counts:
        return "0"
    parts = ", ".join(f"{count} {name}" for name, count in counts.most_common())
    return f"{counts.total()} ({parts})"
