"""`maskcam watch`: cameras, live."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from maskcam.commands.options import (
    Backend,
    BlurFaces,
    Clips,
    ConfigFile,
    DetectionSize,
    DetectorKind,
    DetectorWeights,
    Device,
    HardwareDecode,
    Precision,
    RemoteClassifier,
    Snapshots,
    StatisticsOnly,
    Store,
    Thorough,
    Transport,
    Weights,
    announce,
    make_config,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import ExitStack

    from rich.console import Console
    from rich.table import Table

    from maskcam.classifiers.base import Classifier
    from maskcam.commands.notes import Notes
    from maskcam.config_sections import CameraConfig
    from maskcam.feeds import Feed
    from maskcam.sinks.window import WindowSink
    from maskcam.types import Violation
    from maskcam.watching import CameraStatus, Watch


def watch(
    sources: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[SOURCE...]",
            help="Webcam index, /dev/video*, rtsp://, http(s)://, a video file, or the name of a camera in -c FILE."
            " Default: all cameras in it.",
        ),
    ] = None,
    headless: Annotated[
        bool, typer.Option("--headless", help="No window: only the table in the terminal.")
    ] = False,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="DIR", help="Log violations and snapshots here.")
    ] = None,
    record: Annotated[
        bool, typer.Option("--record", help="Also write annotated video to the output folder.")
    ] = False,
    store: Store = None,
    config_file: ConfigFile = None,
    device: Device = None,
    backend: Backend = None,
    precision: Precision = None,
    weights: Weights = None,
    classifier: RemoteClassifier = None,
    detector: DetectorKind = None,
    detector_weights: DetectorWeights = None,
    size: DetectionSize = None,
    thorough: Thorough = None,
    blur: BlurFaces = None,
    snapshots: Snapshots = None,
    clips: Clips = None,
    statistics_only: StatisticsOnly = None,
    transport: Transport = None,
    hardware_decode: HardwareDecode = None,
) -> None:
    """Watch cameras live: who wears a mask, who does not, who wears it wrong."""
    from contextlib import ExitStack

    from rich.console import Console
    from rich.markup import escape

    from maskcam.commands.notes import Notes
    from maskcam.commands.sinks import make_sinks
    from maskcam.commands.tables import print_watch
    from maskcam.errors import InputError
    from maskcam.feeds import FeedState
    from maskcam.schedule import Schedule
    from maskcam.watching import Watch

    if record and output is None:
        raise InputError("--record needs a folder to write to: add -o DIR")
    config = make_config(
        config_file,
        device=device,
        backend=backend,
        precision=precision,
        weights=weights,
        classifier=classifier,
        detector=detector,
        detector_weights=detector_weights,
        size=size,
        thorough=thorough,
        transport=transport,
        hardware_decode=hardware_decode,
        store=store,
        blur=blur,
        snapshots=snapshots,
        clips=clips,
        statistics_only=statistics_only,
    )
    if record and not config.keeps_pictures:
        raise InputError("--record writes pictures, which statistics only excludes: leave one of them out")
    cameras = config.named_cameras(sources or [])
    console = Console()
    if output is not None:  # a folder for each run: numbers of violations start anew and must replace nothing
        output = output / time.strftime("%Y-%m-%d_%H-%M-%S")
    with ExitStack() as stack:
        pictures = output or Path() if config.keeps_pictures else None
        window = None if headless else make_window(cameras, pictures, console)
        notes = Notes(lambda text: console.print(escape(text)))
        feeds = make_feeds(cameras, notes, stack)
        pipeline = stack.enter_context(config.build_pipeline(cameras))
        announce(console, pipeline)
        sinks = make_sinks(
            feeds,
            output,
            config=config,
            window=window,
            record=record,
            tell=lambda text: console.print(escape(text)),
            stack=stack,
        )
        watching = Watch(
            feeds,
            pipeline,
            sinks=sinks,
            realtime=not headless,
            on_violation=_announcer(console),
            on_state=_state_teller(console, window),
            schedules={camera.name: Schedule.parse(camera.hours) for camera in cameras if camera.name},
        )
        try:
            follow(watching, console, window=window, classifier=pipeline.classifier)
        finally:
            print_watch(console, list(watching.cameras.values()))
    if output is not None:
        kept = ["log", *["snapshots"] * config.keeps_snapshots, *["clips"] * (output / "clips").is_dir()]
        console.print(f"{' and '.join(kept).capitalize()} in {output}")
    if any(camera.health.state is FeedState.FAILED for camera in watching.cameras.values()):
        raise typer.Exit(1)


def make_window(cameras: Sequence[CameraConfig], pictures: Path | None, console: Console) -> WindowSink:
    """A window; the key p halts recordings, while cameras go on behind a picture that stands still."""
    from maskcam.sinks.window import WindowSink

    recordings_only = all(Path(camera.source).is_file() for camera in cameras)
    return WindowSink(
        cameras=[camera.name for camera in cameras if camera.name],
        pictures=pictures,
        say=console.print,
        holds_when_paused=recordings_only,
    )


def make_feeds(cameras: Sequence[CameraConfig], notes: Notes, stack: ExitStack) -> list[Feed]:
    """Feeds of all cameras.

    What is attached to this machine is opened at once, so that a wrong name is an error; what is reached over a network
    may be away for a while, even at the start.

    Raises:
        InputError: a source is of an unknown kind, a folder of pictures, or needs an environment variable.
        SourceError: a webcam or file cannot be opened.
    """
    from functools import partial

    from maskcam.errors import InputError
    from maskcam.feeds import Feed
    from maskcam.sources import is_camera, is_remote, open_source
    from maskcam.sources.urls import fill_in

    feeds = []
    for camera in cameras:
        assert camera.name is not None
        spec = fill_in(camera.source, os.environ)
        opener = notes.opening(
            partial(
                open_source,
                spec,
                name=camera.name,
                timeout_seconds=camera.timeout_seconds,
                rtsp_transport=camera.transport,
                hardware_decode=camera.hardware_decode,
            )
        )
        opened = None if is_remote(spec) else stack.enter_context(opener())
        if opened is not None and opened.info.is_still:
            raise InputError(f"{camera.name} holds pictures, not video: use `maskcam process` for them")
        feeds.append(
            Feed(
                name=camera.name,
                open=opener,
                opened=opened,
                is_camera=is_camera(spec),
                analysis_fps=camera.analysis_fps,
            )
        )
    return feeds


def follow(watching: Watch, console: Console, *, window: WindowSink | None, classifier: Classifier) -> None:
    """Watches until all sources have ended or the window was closed, with a live table in the terminal."""
    from rich.live import Live

    from maskcam.commands.tables import watch_table

    def table() -> Table:
        return watch_table(list(watching.cameras.values()), remote=classifier.remote)

    with Live(get_renderable=table, console=console, transient=True):
        for _ in watching.run():
            if window is not None:
                window.refresh()
                if window.quit_requested:
                    break


def _announcer(console: Console) -> Callable[[Violation], None]:
    """Prints a line when a violation starts or ends; what is only updated stands in the log."""
    from rich.markup import escape

    from maskcam.types import ViolationPhase

    def announce_violation(violation: Violation) -> None:
        if violation.phase is ViolationPhase.UPDATED:
            return
        words = violation.status.value.replace("_", " ")
        when = violation.started_seconds if violation.ended_seconds is None else violation.ended_seconds
        console.print(
            f"{escape(violation.camera)}: person {violation.track_id} {words},"
            f" {violation.phase.value} at {when:.1f} s"
        )

    return announce_violation


def _state_teller(console: Console, window: WindowSink | None) -> Callable[[CameraStatus], None]:
    """Prints a line when a camera is lost or back, and writes over its picture in the window."""
    from rich.markup import escape

    from maskcam.commands.tables import state_text
    from maskcam.feeds import FeedState

    lost: set[str] = set()

    def tell(camera: CameraStatus) -> None:
        state = camera.health.state
        if window is not None:
            window.note(camera.name, None if state is FeedState.LIVE else state_text(camera))
        if state is FeedState.LIVE and camera.name in lost:
            lost.remove(camera.name)
            console.print(f"{escape(camera.name)}: live again")
        elif state not in (FeedState.LIVE, FeedState.STALLED, FeedState.ENDED) and camera.health.reason:
            lost.add(camera.name)
            console.print(f"{escape(state_text(camera))}: {escape(camera.health.reason)}")

    return tell
