"""Figures for Prometheus, read off the service whenever it asks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from maskcam.feeds import FeedState
from maskcam.meters import LATENCY_BOUNDS_SECONDS, Histogram
from maskcam.service import Service
from maskcam.store.sites import Heard
from maskcam.watching import CameraStatus

_COUNTERS = {
    "frames_captured": "Frames that a camera has given.",
    "frames_analysed": "Frames judged.",
    "frames_dropped": "Frames replaced by newer ones before they could be judged.",
    "frames_passed_over": "Frames beyond analysis_fps.",
    "frames_corrupt": "Frames that came damaged.",
    "reconnects": "Connections after the first one.",
}


class ServiceCollector(Collector):
    """Reads a service; nothing is kept here.

    Args:
        service: that runs.
    """

    def __init__(self, service: Service) -> None:
        self._service = service

    def collect(self) -> Iterator[Metric]:
        """All figures at this moment."""
        state = self._service.state
        yield GaugeMetricFamily("maskcam_up", "Whether frames are judged.", value=float(state.is_running))
        yield CounterMetricFamily("maskcam_restarts", "Starts after a fault.", value=state.restarts)
        yield from _of_cameras(list(self._service.cameras().values()))
        yield from self._of_meters()
        yield from self._of_backlogs()
        yield from self._of_remote_classifier()

    def _of_meters(self) -> Iterator[Metric]:
        meters = self._service.meters
        latency = HistogramMetricFamily(
            "maskcam_latency_seconds", "From the capture of a frame to its result.", labels=["camera"]
        )
        for camera, histogram in meters.latency.items():
            latency.add_metric([camera], _buckets(histogram), histogram.total)
        yield latency
        stages = CounterMetricFamily("maskcam_stage_seconds", "Spent per stage.", labels=["stage"])
        for stage, seconds in meters.stage_seconds.copy().items():
            stages.add_metric([stage], seconds)
        yield stages
        yield CounterMetricFamily("maskcam_steps", "Steps of the pipeline.", value=meters.steps)
        violations = CounterMetricFamily(
            "maskcam_violations", "Violations started.", labels=["camera", "status"]
        )
        for (camera, status), count in meters.violations.copy().items():
            violations.add_metric([camera, status], count)
        yield violations

    def _of_backlogs(self) -> Iterator[Metric]:
        families = {
            "store": GaugeMetricFamily("maskcam_store_queue", "Rows that wait for the event store."),
            "outbox": GaugeMetricFamily(
                "maskcam_outbox_depth", "Messages that wait for a receiver.", labels=["receiver"]
            ),
        }
        for backlog in self._service.backlogs():
            labels = [] if backlog.kind == "store" else [backlog.name]
            families[backlog.kind].add_metric(labels, backlog.waiting)
        yield from families.values()

    def _of_remote_classifier(self) -> Iterator[Metric]:
        remote = self._service.remote_classifier()
        if remote is None:
            return
        name = "maskcam_remote_classifier"
        yield GaugeMetricFamily(
            f"{name}_up", "Whether the model server judges faces.", value=float(remote.is_up)
        )
        yield CounterMetricFamily(
            f"{name}_fallbacks", "Times that this machine had to take over.", value=remote.fallbacks
        )
        crops = CounterMetricFamily(f"{name}_crops", "Faces judged, by which machine.", labels=["by"])
        crops.add_metric(["server"], remote.remote_crops)
        crops.add_metric(["here"], remote.local_crops)
        yield crops


class SiteCollector(Collector):
    """Figures of sites that forward to this one.

    Args:
        sites: as the event store has them.
    """

    def __init__(self, sites: Sequence[Heard]) -> None:
        self._sites = sites

    def collect(self) -> Iterator[Metric]:
        """All figures."""
        heard = GaugeMetricFamily(
            "maskcam_site_heard_timestamp_seconds", "When a site last reported.", labels=["site"]
        )
        waiting = GaugeMetricFamily(
            "maskcam_site_waiting", "Records that a site was yet to forward.", labels=["site"]
        )
        for site in self._sites:
            heard.add_metric([site.name], site.heard_at.timestamp())
            waiting.add_metric([site.name], site.waiting)
        yield from (heard, waiting)


def exposition(service: Service, sites: Sequence[Heard]) -> bytes:
    """All figures in Prometheus' text format."""
    registry = CollectorRegistry()
    registry.register(ServiceCollector(service))
    registry.register(SiteCollector(sites))
    return generate_latest(registry)


def _of_cameras(cameras: list[CameraStatus]) -> Iterator[Metric]:
    state = GaugeMetricFamily(
        "maskcam_camera_state", "1 for the state that a camera is in.", labels=["camera", "state"]
    )
    fps = GaugeMetricFamily("maskcam_fps", "Frames per second, lately.", labels=["camera", "kind"])
    counters = {
        name: CounterMetricFamily(f"maskcam_{name}", words, labels=["camera"])
        for name, words in _COUNTERS.items()
    }
    for camera in cameras:
        health = camera.health
        for possible in FeedState:
            state.add_metric([camera.name, possible.value], float(possible is health.state))
        fps.add_metric([camera.name, "captured"], health.captured_fps)
        fps.add_metric([camera.name, "analysed"], camera.fps)
        values = {
            "frames_captured": health.captured,
            "frames_analysed": camera.frames,
            "frames_dropped": health.dropped,
            "frames_passed_over": health.passed_over,
            "frames_corrupt": health.losses.corrupt,
            "reconnects": health.reconnects,
        }
        for name, value in values.items():
            counters[name].add_metric([camera.name], value)
    yield state
    yield fps
    yield from counters.values()


def _buckets(histogram: Histogram) -> list[tuple[str, float]]:
    """Prometheus counts everything below each bound."""
    total = 0
    buckets = []
    for bound, count in zip((*LATENCY_BOUNDS_SECONDS, float("inf")), histogram.counts.copy(), strict=True):
        total += count
        buckets.append(("+Inf" if bound == float("inf") else str(bound), float(total)))
    return buckets
