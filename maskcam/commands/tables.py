"""Results as tables in the terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from maskcam.classifiers.base import RemoteState
from maskcam.feeds import FeedState
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


_STATE_STYLES = {FeedState.LIVE: "green", FeedState.ENDED: "dim", FeedState.FAILED: "red"}


def watch_table(cameras: Sequence[CameraStatus], *, remote: RemoteState | None = None) -> Table:
    """How every camera is doing, a row each; `fps` is of frames analysed, of those that came.

    Args:
        cameras: those that are watched.
        remote: how the model server is doing, where there is one.
    """
    table = Table()
    if remote is not None:
        table.caption = Text(_remote_text(remote), "dim" if remote.is_up else "yellow")
    table.add_column("camera", overflow="fold")
    table.add_column("state", overflow="fold")
    table.add_column("in view")
    for column in ("fps", "dropped", "ms late", "people", "violations"):
        table.add_column(column, justify="right")
    for camera in cameras:
        health = camera.health
        is_live = health.state is FeedState.LIVE
        seen = [f"{count} {status}" for status, count in camera.statuses.items()]
        table.add_row(
            Text(camera.name),
            Text(state_text(camera), _STATE_STYLES.get(health.state, "yellow")),
            "off duty" if camera.off_duty else "\n".join(seen),
            f"{camera.fps:.1f} of {health.captured_fps:.1f}" if is_live else "",
            str(health.dropped),
            f"{1000 * camera.latency_seconds:.0f}" if is_live and health.is_live else "",
            str(len(camera.people)),
            str(camera.violations),
        )
    return table


def _remote_text(remote: RemoteState) -> str:
    """`12 faces judged by box:9100, 0 here`, with the reason while it does not judge."""
    counts = f"{remote.remote_crops} faces judged by {remote.server}, {remote.local_crops} here"
    return counts if remote.is_up else f"{counts}, at present: {remote.reason}"


def state_text(camera: CameraStatus) -> str:
    """`live`, `playing` for a recording, or `reconnecting: refused` with the reason in short."""
    health = camera.health
    if health.state is FeedState.LIVE and not health.is_live:
        return "playing"
    if health.state is FeedState.FAILED and health.reason is not None:
        return f"failed: {health.reason}"
    return health.state.value if health.fault is None else f"{health.state.value}: {health.fault.value}"


def print_watch(console: Console, cameras: Sequence[CameraStatus]) -> None:
    """Prints what was seen before each camera, what was lost of it, and why one gives no pictures."""
    table = Table(title="Watched", title_justify="left", title_style="bold")
    table.add_column("camera", overflow="fold")
    for column in ("frames", "dropped", "corrupt", "reconnects", "people", "violations"):
        table.add_column(column, justify="right")
    for camera in cameras:
        health = camera.health
        stream = [camera.frames, health.dropped, health.losses.corrupt, health.reconnects]
        counts = [*stream, len(camera.people), camera.violations]
        table.add_row(Text(camera.name), *(str(count) for count in counts))
    console.print(table)
    for camera in cameras:
        state, reason = camera.health.state, camera.health.reason
        if reason is not None:
            heading = "Failed" if state is FeedState.FAILED else state.value.capitalize()
            console.print(Text.assemble((f"{heading}:", "red"), f" {reason}"))


def _counts(counts: Counter[str]) -> str:
    """`3 (2 mask, 1 no_mask)`."""
    if not counts:
        return "0"
    parts = ", ".join(f"{count} {name}" for name, count in counts.most_common())
    return f"{counts.total()} ({parts})"
