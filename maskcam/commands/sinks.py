"""Where the results of `maskcam watch` go."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from maskcam.config import Config
    from maskcam.feeds import Feed
    from maskcam.sinks.base import Sink
    from maskcam.sinks.window import WindowSink


def make_sinks(
    feeds: Sequence[Feed],
    output: Path | None,
    *,
    config: Config,
    window: WindowSink | None,
    record: bool,
    tell: Callable[[str], None],
    stack: ExitStack,
) -> dict[str, Sink]:
    """The sinks of each camera; window, log, snapshots and event store are shared by all.

    Args:
        feeds: of all cameras.
        output: folder for log, snapshots and video; None writes none.
        config: how to record, and where the event store is.
        window: closed with the stack.
        record: whether to write annotated video.
        tell: told of receivers of alerts that go away or come back, one sentence each.
        stack: closes the sinks.

    Raises:
        MaskcamError: something cannot be opened or written.
    """
    from maskcam.sinks.base import SinkGroup
    from maskcam.sinks.files import safe_name
    from maskcam.sinks.jsonl import JsonlSink
    from maskcam.sinks.overlapped import OverlappedSink
    from maskcam.sinks.snapshots import SnapshotSink
    from maskcam.sinks.video import VideoSink

    run_id = uuid.uuid4().hex
    shared: list[Sink] = [stack.enter_context(window)] if window else []
    if output is not None:
        snapshots = output / "snapshots" if config.keeps_snapshots else None
        if snapshots is not None:
            shared.append(stack.enter_context(SnapshotSink(snapshots)))
        # in the event store, if there is one
        clips = output / "clips" if config.keeps_clips and config.store.url is None else None
        if clips is not None:
            shared.append(stack.enter_context(config.build_clips(clips)))
        log = JsonlSink(output / "events.jsonl", snapshots=snapshots, clips=clips, stamped=True)
        shared.append(stack.enter_context(log))
    names = [feed.name for feed in feeds]
    shared += [
        stack.enter_context(sink) for sink in lasting_sinks(names, config=config, run_id=run_id, tell=tell)
    ]
    groups: dict[str, Sink] = {}
    for feed in feeds:
        own = list(shared)
        if record and output is not None and config.keeps_pictures:
            video = output / f"{safe_name(feed.name)}.mp4"
            recording = config.recording
            sink = VideoSink(video, crf=recording.crf, preset=recording.preset, crash_safe=True)
            own.append(stack.enter_context(OverlappedSink(sink, name=f"records {feed.name}")))
        groups[feed.name] = SinkGroup(own)
    return groups


def lasting_sinks(
    cameras: Sequence[str], *, config: Config, run_id: str, tell: Callable[[str], None]
) -> Iterator[Sink]:
    """Makes what every long run has, one after another: the event store's sink, those of alerts, and of other sites.

    Args:
        cameras: names of all.
        config: says which there are.
        run_id: of this run, a UUID in hex.
        tell: as in `make_sinks`.

    Raises:
        MaskcamError: something cannot be opened; whoever takes them closes those made before.
    """
    if config.central is not None:  # closed after the event store, so that it sees all of it
        yield from config.central.build(cameras, store=config.store, environ=os.environ, tell=tell)
    if config.store.url is not None:
        yield config.build_store(run_id=run_id, environ=os.environ)
    for build in _alerts(cameras, config):
        yield build(run_id=run_id, environ=os.environ, tell=tell)


def _alerts(cameras: Sequence[str], config: Config) -> Iterator[Callable[..., Sink]]:
    """What makes the sinks of all receivers of alerts."""
    if config.mqtt is not None:
        yield partial(config.mqtt.build, cameras, outbox=config.outbox)
    for webhook in config.webhook:
        yield partial(webhook.build, outbox=config.outbox)
