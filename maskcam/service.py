"""Cameras, pipeline and sinks as one thing that is started, changed while it runs, and stopped.

Everything that touches them happens in one thread of its own, between two steps of the pipeline; other threads hand
their wishes over and wait. Nothing of the web is known here.
"""

from __future__ import annotations

import logging
import threading
import time
import uuid
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field

from maskcam.camera_changes import Changes, cameras_of, compare
from maskcam.classifiers.base import RemoteState
from maskcam.closing import Closing
from maskcam.config import Config
from maskcam.config_sections import CameraConfig, DetectorConfig
from maskcam.detectors.base import Detector
from maskcam.errors import MaskcamError
from maskcam.feeds import Feed
from maskcam.meters import Meters
from maskcam.pipeline import Pipeline
from maskcam.schedule import Schedule
from maskcam.sinks.base import Backlog, Sink, SinkGroup
from maskcam.types import FrameResult, Image, Violation
from maskcam.watching import CameraStatus, Watch

_log = logging.getLogger(__name__)

_RESTART_SECONDS = 5.0
_ORDER_SECONDS = 60.0
"""How long a change may take: weights are loaded anew, and alerts say goodbye."""
_STOP_SECONDS = 25.0
"""The event store takes up to 15 s to write what waits, alerts 3 s each."""
_ALIVE_SECONDS = 10.0
"""A thread that has not come round for longer hangs."""

Listener = Callable[[Violation | CameraStatus], None]
"""Told of every change of a violation, and of cameras whose state has changed, by the service's thread: it must return
at once."""


class Workshop(ABC):
    """Makes what a service is put together from."""

    @abstractmethod
    def make_feed(self, camera: CameraConfig) -> Feed:
        """A camera that has not been opened yet.

        Raises:
            InputError: it is of an unknown kind, or needs an environment variable that is not set.
        """

    @abstractmethod
    def make_pipeline(
        self, config: Config, cameras: Sequence[CameraConfig], detectors: dict[DetectorConfig, Detector]
    ) -> Pipeline:
        """As `Config.build_pipeline`."""

    @abstractmethod
    def make_sinks(self, config: Config, cameras: Sequence[str], *, run_id: str) -> Iterator[Sink]:
        """Makes what all cameras share, one after another.

        Raises:
            MaskcamError: something cannot be opened; those made before are the caller's to close.
        """


@dataclass(frozen=True, slots=True)
class ServiceState:
    """How the service itself is doing.

    Attributes:
        is_running: frames are judged, or would be if there were any.
        fault: why it is not running, one sentence.
        restarts: how often it had to be started again after a fault.
        run_id: of the present run, a UUID in hex.
    """

    is_running: bool
    fault: str | None
    restarts: int
    run_id: str


@dataclass(slots=True)
class _Order:
    """A change that somebody waits for."""

    config: Config
    done: threading.Event = field(default_factory=threading.Event)
    changes: Changes = field(default_factory=Changes)
    error: Exception | None = None


@dataclass(slots=True)
class _Run:
    """What lives from one start to the next."""

    run_id: str
    watch: Watch
    pipeline: Pipeline
    sink: SinkGroup
    detectors: dict[DetectorConfig, Detector]


class Latest(Sink):
    """Keeps the last result of each camera."""

    def __init__(self) -> None:
        self.results: dict[str, FrameResult] = {}

    def write(self, result: FrameResult, picture: Image | None) -> None:  # noqa: ARG002  drawn when asked for
        """Takes one more."""
        self.results[result.frame.camera] = result


class Service(Closing):
    """Runs the cameras of a configuration until it is closed.

    A fault that stops everything, such as a full disk, is logged, and everything is started again after 5 s.

    Args:
        config: to begin with.
        workshop: makes the parts.
        taps: sinks that get every result as well, and stay open; `maskcam.web` shows pictures by one.
    """

    def __init__(self, config: Config, workshop: Workshop, *, taps: Sequence[Sink] = ()) -> None:
        self.meters = Meters()
        self._latest = Latest()
        self._config = config
        self._workshop = workshop
        self._taps = [self.meters, self._latest, *taps]
        self._listeners: tuple[Listener, ...] = ()
        self._sinks: tuple[Sink, ...] = ()
        self._run_now: _Run | None = None
        self._fault: str | None = None
        self._error: Exception | None = None
        self._restarts = 0
        self._seen_seconds = 0.0
        self._changing = threading.RLock()
        self._order: _Order | None = None
        self._restart: tuple[_Order, Config] | None = None
        self._has_started = threading.Event()
        self._is_stopping = threading.Event()
        self._thread = threading.Thread(target=self._live, name="service", daemon=True)

    def start(self) -> None:
        """Opens everything and begins.

        Raises:
            MaskcamError: something cannot be opened.
        """
        self._thread.start()
        self._has_started.wait()
        if self._error is not None:
            self._is_stopping.set()
            raise self._error

    def close(self) -> None:
        """Ends what goes on, writes what waits, and closes everything; calling it twice is fine."""
        self._is_stopping.set()
        if self._thread.is_alive():
            self._thread.join(_STOP_SECONDS)
            if self._thread.is_alive():
                _log.warning("the service does not end in %g s, it is left behind", _STOP_SECONDS)

    @property
    def config(self) -> Config:
        """What holds at present."""
        return self._config

    @property
    def state(self) -> ServiceState:
        """How it is doing."""
        run = self._run_now
        is_alive = time.monotonic() - self._seen_seconds < _ALIVE_SECONDS
        fault = self._fault
        if run is not None and not is_alive:
            fault = f"no step for more than {_ALIVE_SECONDS:g} s"
        return ServiceState(
            run is not None and is_alive, fault, self._restarts, run.run_id if run is not None else ""
        )

    def cameras(self) -> Mapping[str, CameraStatus]:
        """How every camera is doing, by name; the service goes on changing the values."""
        run = self._run_now
        return {} if run is None else run.watch.cameras

    def latest(self, name: str) -> FrameResult | None:
        """The last result of a camera; faces that are to be unrecognisable are so."""
        return self._latest.results.get(name)

    def backlogs(self) -> list[Backlog]:
        """What waits to be written or sent."""
        found = [sink.backlog() for sink in self._sinks]
        return [backlog for backlog in found if backlog is not None]

    def remote_classifier(self) -> RemoteState | None:
        """How the machine that judges faces is doing, where it is another one."""
        run = self._run_now
        return None if run is None else run.pipeline.classifier.remote

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Has a function told of what happens, until the one that is returned is called."""
        self._listeners = (*self._listeners, listener)

        def unsubscribe() -> None:
            self._listeners = tuple(other for other in self._listeners if other is not listener)

        return unsubscribe

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Keeps others from changing the configuration while one looks at it and changes it."""
        with self._changing:
            yield

    def reconfigure(self, config: Config) -> Changes:
        """Goes on with another configuration; cameras that are the same in it notice nothing.

        Raises:
            MaskcamError: it cannot be put to work; the one before stays.
        """
        with self._changing:
            order = _Order(config)
            self._order = order
            if not order.done.wait(_ORDER_SECONDS):
                self._order = None
                raise MaskcamError("The service is too busy to change its configuration: try again later.")
            if order.error is not None:
                raise order.error
            return order.changes

    # All below runs in the service's thread.

    def _live(self) -> None:
        while not self._is_stopping.is_set():
            pause_seconds = _RESTART_SECONDS
            try:
                with ExitStack() as stack:
                    self._open(stack)
                    self._fault = None
                    self._has_started.set()
                    self._confirm()
                    self._work()
                pause_seconds = 0.0
            except Exception as error:  # noqa: BLE001  the thread's outermost edge: the service would die without a word
                if self._go_back(error):
                    pause_seconds = 0.0
                else:
                    self._note(error)
            finally:
                self._run_now, self._sinks = None, ()
            self._wait(pause_seconds)

    def _note(self, error: Exception) -> None:
        is_known = isinstance(error, MaskcamError)
        self._fault = (
            str(error) if is_known else f"an error of the program ({type(error).__name__}): see the log"
        )
        if not self._has_started.is_set():
            self._error = error
            self._is_stopping.set()
            self._has_started.set()
            return
        self._restarts += 1
        _log.error("stopped: %s; starting again", self._fault, exc_info=None if is_known else error)

    def _confirm(self) -> None:
        """Whoever asked for another configuration may know that it works."""
        if self._restart is not None:
            self._restart[0].done.set()
            self._restart = None

    def _go_back(self, error: Exception) -> bool:
        """Returns to the configuration before, where the one that somebody has asked for does not work."""
        if self._restart is None:
            return False
        (order, self._config), self._restart = self._restart, None
        order.error = error
        order.done.set()
        return True

    def _wait(self, seconds: float) -> None:
        """Lets time pass after a fault; another configuration, which may mend it, is tried at once."""
        deadline_seconds = time.monotonic() + seconds
        while time.monotonic() < deadline_seconds and not self._is_stopping.wait(0.1):
            order, self._order = self._order, None
            if order is not None:
                order.changes = Changes(restarts=True)
                self._restart = order, self._config
                self._config = order.config
                return

    def _open(self, stack: ExitStack) -> None:
        cameras = cameras_of(self._config)
        run_id = uuid.uuid4().hex
        detectors: dict[DetectorConfig, Detector] = {}
        feeds = [self._workshop.make_feed(camera) for camera in cameras.values()]
        pipeline = stack.enter_context(
            self._workshop.make_pipeline(self._config, list(cameras.values()), detectors)
        )
        sinks = [
            stack.enter_context(sink)
            for sink in self._workshop.make_sinks(self._config, list(cameras), run_id=run_id)
        ]
        self._sinks = tuple(sinks)
        group = SinkGroup([*sinks, *self._taps])  # not closed: the taps stay
        watch = Watch(
            feeds,
            pipeline,
            sinks=dict.fromkeys(cameras, group),
            realtime=True,
            on_violation=self._tell,
            on_state=self._tell,
            schedules={name: _schedule(camera) for name, camera in cameras.items()},
            endless=True,
        )
        self._seen_seconds = time.monotonic()
        self._run_now = _Run(run_id, watch, pipeline, group, detectors)

    def _work(self) -> None:
        """Watches until it is to stop, or to start anew with another configuration."""
        run = self._run_now
        assert run is not None
        with closing(run.watch.run()) as steps:
            for _ in steps:
                self._seen_seconds = time.monotonic()
                if self._is_stopping.is_set():
                    return
                if self._order is not None and self._change(run):
                    return

    def _change(self, run: _Run) -> bool:
        """Carries out an order; whether everything has to start anew for it."""
        order, self._order = self._order, None
        if order is None:
            return False
        try:
            order.changes = compare(self._config, order.config)
            if order.changes.restarts:
                self._restart = order, self._config
            else:
                self._change_cameras(run, order.config, order.changes)
            self._config = order.config
        except Exception as error:  # noqa: BLE001  whoever waits for it is told
            order.error = error
        if self._restart is None:
            order.done.set()
        return self._restart is not None

    def _change_cameras(self, run: _Run, config: Config, changes: Changes) -> None:
        cameras = cameras_of(config)
        # whatever may fail comes first, so that nothing has changed when it does
        feeds = [self._workshop.make_feed(cameras[name]) for name in (*changes.added, *changes.reconnected)]
        rules = {
            name: config.build_rules(cameras[name], run.detectors)
            for name in (*changes.added, *changes.reconnected, *changes.adjusted)
        }
        for name in (*changes.removed, *changes.reconnected):
            run.watch.remove(name)
            self._latest.results.pop(name, None)
        for name, rule in rules.items():
            run.pipeline.set_rules(name, rule)
        for feed in feeds:
            run.watch.add(feed, run.sink, schedule=_schedule(cameras[feed.name]))
        for name in changes.adjusted:
            run.watch.set_schedule(name, _schedule(cameras[name]))

    def _tell(self, news: Violation | CameraStatus) -> None:
        for listener in self._listeners:
            listener(news)


def _schedule(camera: CameraConfig) -> Schedule:
    return Schedule.parse(camera.hours)
