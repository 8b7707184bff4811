"""The parts of a service, made from its configuration."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from maskcam.commands.notes import Notes
from maskcam.config import Config
from maskcam.config_sections import CameraConfig, DetectorConfig
from maskcam.detectors.base import Detector
from maskcam.errors import InputError
from maskcam.feeds import Feed
from maskcam.pipeline import Pipeline
from maskcam.service import Workshop
from maskcam.sinks.base import Sink
from maskcam.sources import Source, is_camera, open_source
from maskcam.sources.looping import LoopingSource
from maskcam.sources.urls import fill_in

_log = logging.getLogger(__name__)


class RealWorkshop(Workshop):
    """Real cameras, networks, store and alerts.

    Args:
        loops: whether recordings stand in for cameras, again and again; otherwise they play once.
    """

    def __init__(self, *, loops: bool = False) -> None:
        self._loops = loops
        self._notes = Notes(_log.warning)

    def make_feed(self, camera: CameraConfig) -> Feed:
        assert camera.name is not None
        name, spec = camera.name, fill_in(camera.source, os.environ)
        loops = self._loops and Path(spec).is_file()

        def open_video() -> Source:
            source = open_source(
                spec,
                name=name,
                timeout_seconds=camera.timeout_seconds,
                rtsp_transport=camera.transport,
                hardware_decode=camera.hardware_decode,
            )
            if source.info.is_still:
                source.close()
                raise InputError(f"{name} holds pictures, not video: use `maskcam process` for them")
            return self._notes.of(source)

        return Feed(
            name=name,
            open=(lambda: LoopingSource(open_video, name=name)) if loops else open_video,
            is_camera=is_camera(spec) or loops,
            analysis_fps=camera.analysis_fps,
        )

    def make_pipeline(
        self, config: Config, cameras: Sequence[CameraConfig], detectors: dict[DetectorConfig, Detector]
    ) -> Pipeline:
        return config.build_pipeline(cameras, detectors=detectors)

    def make_sinks(self, config: Config, cameras: Sequence[str], *, run_id: str) -> Iterator[Sink]:
        from maskcam.commands.sinks import lasting_sinks

        return lasting_sinks(cameras, config=config, run_id=run_id, tell=_log.warning)
