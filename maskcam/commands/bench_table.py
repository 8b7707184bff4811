"""The figures of `maskcam bench` in the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from rich.console import Console
from rich.table import Table
from rich.text import Text

from maskcam.benchmarking.report import BenchReport, Machine, Run, Spread


def print_bench(console: Console, report: BenchReport) -> None:
    """Prints the machine, a table per input with a column per run, and what was not counted."""
    console.print(_machine_text(report.machine))
    console.print(
        Text(f"detector {report.detector}, {report.detection_size} px; classifier {report.classifier}")
    )
    for _, runs in groupby(report.runs, key=lambda run: run.input):
        console.print(_table(list(runs)))
    if not report.runs:
        console.print("Stopped before anything was measured.")
        return
    console.print(
        f"[dim]The first {report.warm_up_frames} frames of each camera are warm-up and not counted. "
        "Stages can run at the same time.[/]"
    )
    if report.interrupted:
        console.print("[yellow]Stopped:[/] these are the figures until then.")


def _machine_text(machine: Machine) -> Text:
    memory = "" if machine.memory_mib is None else f", {machine.memory_mib / 1024:.0f} GiB"
    gpus = "".join(f", {gpu}" for gpu in machine.gpus)
    libraries = ", ".join(f"{name} {version}" for name, version in machine.libraries.items())
    return Text(
        f"{machine.processor}, {machine.cores:g} cores{memory}{gpus}; {machine.system}; "
        f"Python {machine.python}, {libraries}"
    )


def _table(runs: Sequence[Run]) -> Table:
    first = runs[0]
    width, height = first.size_wh
    cameras = "1 camera" if first.cameras == 1 else f"{first.cameras} cameras"
    pace = ", at its own speed" if first.paced else ""
    table = Table(
        title=Text(
            f"{first.input}, {width}x{height}, {cameras}{pace}, {first.faces:.1f} faces a frame", "bold"
        ),
        title_justify="left",
    )
    table.add_column("")
    for run in runs:
        table.add_column("with video" if run.video else "without video", justify="right")

    def row(name: str, values: list[str], *, ends: bool = False) -> None:
        table.add_row(name, *values, end_section=ends)

    row("frames per second", [f"{run.fps:.1f}" for run in runs])
    row("per second of one core", [f"{run.fps_per_core:.1f}" for run in runs])
    row("frames counted", [str(run.frames) for run in runs])
    if first.paced:
        row("frames dropped", [str(run.dropped) for run in runs])
    row("memory, MiB (at most)", [_memory_text(run) for run in runs], ends=True)
    row("ms, mean (median, 99%)", ["" for _ in runs])
    row("capture to result", [_spread_text(run.latency_ms) for run in runs], ends=True)
    for stage in dict.fromkeys(stage for run in runs for stage in run.stages_ms):
        row(stage, [_spread_text(run.stages_ms.get(stage)) for run in runs])
    return table


def _memory_text(run: Run) -> str:
    if run.memory_mib.steady is None or run.memory_mib.peak is None:
        return "unknown"
    return f"{run.memory_mib.steady:.0f} ({run.memory_mib.peak:.0f})"


def _spread_text(spread: Spread | None) -> str:
    return "" if spread is None else f"{spread.mean:.2f} ({spread.p50:.2f}, {spread.p99:.2f})"
