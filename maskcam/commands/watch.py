"""`maskcam watch`: cameras, live."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from maskcam.commands.options import (
    ConfigFile,
    DetectionSize,
    DetectorKind,
    DetectorWeights,
    Device,
    Thorough,
    Weights,
    announce,
    make_config,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import ExitStack

    from rich.console import Console

    from maskcam.config import Config
    from maskcam.sinks.base import Sink
    from maskcam.sinks.window import WindowSink
    from maskcam.sources.base import Source
    from maskcam.types import Violation
    from maskcam.watching import Watch


def watch(
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="SOURCE...", help="Webcam index, /dev/video*, rtsp://, http(s):// or a video file."
        ),
    ],
    headless: Annotated[bool, typer.Option("--headless", help="A table in the terminal, no window.")] = False,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="DIR", help="Log violations and snapshots here.")
    ] = None,
    record: Annotated[
        bool, typer.Option("--record", help="Also write annotated video to the output folder.")
    ] = False,
    config_file: ConfigFile = None,
    device: Device = None,
    weights: Weights = None,
    detector: DetectorKind = None,
    detector_weights: DetectorWeights = None,
    size: DetectionSize = None,
    thorough: Thorough = None,
) -> None:
    """Watch cameras live: who wears a mask, who does not, who wears it wrong."""
    from contextlib import ExitStack

    from rich.console import Console

    from maskcam.commands.tables import print_watch
    from maskcam.errors import InputError
    from maskcam.watching import Watch

    if record and output is None:
        raise InputError("--record needs a folder to write to: add -o DIR")
    config = make_config(
        config_file,
        device=device,
        weights=weights,
        detector=detector,
        detector_weights=detector_weights,
        size=size,
        thorough=thorough,
    )
    console = Console()
    if output is not None:  # a folder for each run: numbers of violations start anew and must replace nothing
        output = output / time.strftime("%Y-%m-%d_%H-%M-%S")
    with ExitStack() as stack:
        window = None if headless else make_window(sources, output or Path(), console)
        pipeline = stack.enter_context(config.build_pipeline())
        announce(console, pipeline)
        opened = open_sources(sources, stack)
        sinks = make_sinks(opened, output, config=config, window=window, record=record, stack=stack)
        watching = Watch(
            opened, pipeline, sinks=sinks, realtime=not headless, on_violation=_announcer(console)
        )
        try:
            follow(watching, console, window=window, headless=headless)
        finally:
            print_watch(console, list(watching.cameras.values()))
    if output is not None:
        console.print(f"Log and snapshots in {output}")
    if any(camera.failed for camera in watching.cameras.values()):
        raise typer.Exit(1)


def make_window(sources: list[str], pictures: Path, console: Console) -> WindowSink:
    """A window; the key p halts recordings, while cameras go on behind a picture that stands still."""
    from maskcam.sinks.window import WindowSink

    recordings_only = all(Path(spec).is_file() for spec in sources)
    return WindowSink(pictures=pictures, say=console.print, holds_when_paused=recordings_only)


def open_sources(specs: list[str], stack: ExitStack) -> list[Source]:
    """Opens all sources; when one cannot be opened, the others are closed again."""
    from maskcam.sources import distinct_names, open_source

    return [
        stack.enter_context(open_source(spec, name=name))
        for spec, name in zip(specs, distinct_names(specs), strict=True)
    ]


def make_sinks(
    sources: list[Source],
    output: Path | None,
    *,
    config: Config,
    window: WindowSink | None,
    record: bool,
    stack: ExitStack,
) -> dict[str, Sink]:
    """The sinks of each camera; window, log and snapshots are shared by all."""
    from maskcam.sinks.base import SinkGroup
    from maskcam.sinks.files import safe_name
    from maskcam.sinks.jsonl import JsonlSink
    from maskcam.sinks.snapshots import SnapshotSink
    from maskcam.sinks.video import VideoSink

    shared: list[Sink] = [stack.enter_context(window)] if window else []
    if output is not None:
        snapshots = output / "snapshots"
        shared.append(stack.enter_context(SnapshotSink(snapshots)))
        shared.append(
            stack.enter_context(JsonlSink(output / "events.jsonl", snapshots=snapshots, stamped=True))
        )
    groups: dict[str, Sink] = {}
    for source in sources:
        own = list(shared)
        if record and output is not None:
            video = output / f"{safe_name(source.info.name)}.mp4"
            recording = config.recording
            own.append(stack.enter_context(VideoSink(video, crf=recording.crf, preset=recording.preset)))
        groups[source.info.name] = SinkGroup(own)
    return groups


def follow(watching: Watch, console: Console, *, window: WindowSink | None, headless: bool) -> None:
    """Watches until all sources have ended or the window was closed, with a live table where there is no window."""
    from contextlib import nullcontext

    from rich.live import Live

    from maskcam.commands.tables import watch_table

    table = Live(get_renderable=lambda: watch_table(list(watching.cameras.values())), console=console)
    with table if headless else nullcontext():
        for _ in watching.run():
            if window is not None and window.quit_requested:
                break


def _announcer(console: Console) -> Callable[[Violation], None]:
    """Prints a line when a violation starts or ends; what is only updated stands in the log."""
    from maskcam.types import ViolationPhase

    def announce_violation(violation: Violation) -> None:
        if violation.phase is ViolationPhase.UPDATED:
            return
        words = violation.status.value.replace("_", " ")
        when = violation.started_seconds if violation.ended_seconds is None else violation.ended_seconds
        console.print(
            f"{violation.camera}: person {violation.track_id} {words}, {violation.phase.value} at {when:.1f} s"
        )

    return announce_violation
