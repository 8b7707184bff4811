"""Watches whatever the user named for a few seconds."""

from __future__ import annotations

import time
from dataclasses import replace
from statistics import mean
from typing import Literal

import av

from maskcam.detectors.base import Detector
from maskcam.errors import SourceError, StreamFault
from maskcam.probing.faces import look_for_faces
from maskcam.probing.looking import Samples
from maskcam.probing.packets import PacketProbe
from maskcam.probing.report import Latency, Pictures, SourceReport, Transport, Video, Work
from maskcam.probing.rhythm import Arrival, mend, rate, rhythm
from maskcam.sources import expand_inputs, is_remote, open_source, source_name
from maskcam.sources.base import Source
from maskcam.sources.file import VideoFileSource
from maskcam.sources.stream import keeps_own_pace, open_stream
from maskcam.types import Image


def probe(
    spec: str,
    *,
    seconds: float,
    detector: Detector | None = None,
    transport: Transport = "tcp",
    timeout_seconds: float = 10.0,
) -> SourceReport:
    """Watches a source, and looks for faces in about one picture a second.

    Args:
        spec: as in `open_source`.
        seconds: to watch a camera for, or to read a file at most; faces are looked for after that.
        detector: what to look for faces with; None looks for none.
        transport: RTSP only.
        timeout_seconds: network only: how long to wait for an answer or for the next packet.

    Raises:
        InputError, SourceError: it cannot be opened, or gave no picture; see `open_source`.
    """
    if is_remote(spec):
        report, images = _probe_stream(spec, seconds, transport, timeout_seconds)
    else:
        started_seconds = time.monotonic()
        with open_source(spec) as source:
            opened_seconds = time.monotonic() - started_seconds
            if not isinstance(source, VideoFileSource):
                report, images = _probe_frames(source, seconds, opened_seconds)
        if isinstance(
            source, VideoFileSource
        ):  # which has found out that it can be read; from here on, by packets
            report, images = _probe_file(spec, source.info.name, seconds)
    if detector is not None and images:
        faces, detect_milliseconds = look_for_faces(detector, images)
        work = replace(report.work, detect_milliseconds=detect_milliseconds, device=detector.device)
        report = replace(report, faces=faces, work=work)
    return replace(report, work=_weigh(report))


def _probe_stream(
    url: str, seconds: float, transport: Transport, timeout_seconds: float
) -> tuple[SourceReport, list[Image]]:
    name = source_name(url)
    started_seconds = time.monotonic()
    with open_stream(url, name=name, timeout_seconds=timeout_seconds, rtsp_transport=transport) as container:
        connect_seconds = time.monotonic() - started_seconds
        is_rtsp = container.format.name == "rtsp"
        is_live = keeps_own_pace(container)
        watched = PacketProbe(container, name=name, is_live=is_live)
        watched.watch(seconds)
        first = watched.looker.first_seconds if is_live else None
        latency = Latency(connect_seconds, None if first is None else first - started_seconds)
        report = _report(watched, name, "rtsp" if is_rtsp else "http", latency, is_live=is_live)
    return replace(report, transport=transport if is_rtsp else None), watched.looker.samples.images


def _probe_file(spec: str, name: str, seconds: float) -> tuple[SourceReport, list[Image]]:
    started_seconds = time.monotonic()
    # "file:" keeps FFmpeg from taking a name such as "12:30.mp4" for an address
    with av.open(f"file:{expand_inputs(spec)[0]}", metadata_errors="replace") as container:
        latency = Latency(time.monotonic() - started_seconds)
        watched = PacketProbe(container, name=name, is_live=False)
        watched.watch(seconds)
        report = _report(watched, name, "file", latency, is_live=False)
    return report, watched.looker.samples.images


def _report(
    watched: PacketProbe, name: str, kind: Literal["rtsp", "http", "file"], latency: Latency, *, is_live: bool
) -> SourceReport:
    """What a container gave.

    Raises:
        SourceError: not a single picture.
    """
    failure = None
    if watched.broke_off is not None:
        failure = f"{name} broke off after {watched.seconds:.1f} s ({watched.broke_off})"
        failure += ": check the camera and its network." if is_live else ": what came before was used."
    pictures = watched.looker.pictures
    if not pictures.decoded:
        raise SourceError(
            failure
            or f"{name} sent no picture that decodes in {watched.seconds:.0f} s: check its codec and its network, let"
            " it send key frames more often, or watch it for longer (`--seconds`).",
            fault=StreamFault.CODEC,
        )
    return SourceReport(
        name=name,
        kind=kind,
        is_live=is_live,
        seconds=watched.seconds,
        video=watched.video(),
        pictures=pictures,
        latency=latency,
        work=Work(decode_milliseconds=watched.looker.milliseconds),
        key_frames=watched.key_frames(),
        rhythm=watched.rhythm(),
        failure=failure,
    )


def _probe_frames(source: Source, seconds: float, opened_seconds: float) -> tuple[SourceReport, list[Image]]:
    """Webcams, pictures and whatever else gives frames only."""
    info = source.info
    arrivals: list[Arrival] = []
    sizes_wh: dict[tuple[int, int], None] = {}
    samples = Samples()
    failure = None
    busy_seconds = 0.0
    started_seconds = before_seconds = time.monotonic()
    before_busy = time.process_time()
    try:
        for frame in source:
            now_seconds = time.monotonic()
            arrivals.append(Arrival(now_seconds, None, now_seconds - before_seconds, 0, is_key=True))
            busy_seconds = time.process_time() - before_busy
            sizes_wh[frame.size_wh] = None
            samples.offer(frame.image, frame.index if info.is_still else frame.pts_seconds)
            before_seconds = time.monotonic()
            if now_seconds - started_seconds >= seconds:
                break
    except SourceError as error:
        if not arrivals:
            raise
        failure = str(error)
    if not arrivals:
        raise SourceError(f"{info.name} gave no picture: try it in another program.")
    # a webcam is waited for, and what it costs is the processor's time
    cost_seconds = busy_seconds / len(arrivals) if info.is_live else mean(a.waited_seconds for a in arrivals)
    beat = None
    if info.is_live:
        timeline = mend(arrivals, is_live=True, usual_seconds=0.0)
        beat = rhythm(arrivals, timeline, is_live=True)
    report = SourceReport(
        name=info.name,
        kind="webcam" if info.is_live else "pictures" if info.is_still else "synthetic",
        is_live=info.is_live,
        seconds=time.monotonic() - started_seconds,
        video=Video(sizes_wh=tuple(sizes_wh), nominal_fps=info.fps, measured_fps=rate(arrivals)),
        pictures=Pictures(len(arrivals)),
        latency=Latency(opened_seconds, opened_seconds if info.is_live else None),
        work=Work(decode_milliseconds=1000 * cost_seconds),
        rhythm=beat,
        failure=failure,
    )
    return report, samples.images


def _weigh(report: SourceReport) -> Work:
    """The cost of pictures against the rate at which they come, or of a file, at which it plays."""
    work, video = report.work, report.video
    decode, detect = work.decode_milliseconds, work.detect_milliseconds
    needed = video.measured_fps if report.is_live else video.nominal_fps
    share = decode * needed / 1000 if decode is not None and needed is not None else None
    possible = 1000 / (decode + detect) if decode is not None and detect is not None else None
    keeps_up = possible >= needed if possible is not None and needed is not None else None
    return replace(work, decode_share=share, needed_fps=needed, possible_fps=possible, keeps_up=keeps_up)
