"""The application with a service that does nothing, a store with a few events, and a token for each role."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from fastapi import FastAPI
from starlette.testclient import TestClient

from maskcam.camera_changes import Changes, cameras_of, compare
from maskcam.classifiers.base import RemoteState
from maskcam.config import Config
from maskcam.config_file import ConfigFile
from maskcam.config_serve import ServeConfig
from maskcam.errors import MaskcamError
from maskcam.feeds import FeedHealth, FeedState
from maskcam.meters import Meters
from maskcam.service import ServiceState
from maskcam.sinks.base import Backlog
from maskcam.store.store import EventStore
from maskcam.types import FrameResult
from maskcam.watching import CameraStatus
from maskcam.web.accounts import Accounts
from maskcam.web.app import create_app
from maskcam.web.context import Context
from maskcam.web.live.hub import LiveHub
from maskcam.web.roles import Role
from tests.factories import make_frame, make_result, make_track
from tests.store.rows import RUN, make_counts, make_record

PASSWORD = "correct horse battery"
ORIGIN = "http://localhost:8000"
SECRETS = ("hunter2", "s3cret-hash")
"""Stand in the configuration; must stand in no answer."""
CONFIG = """# cameras of the ward
[serve]
accounts = "{folder}/accounts.sqlite"

[store]
url = "{folder}/events.db"

[mqtt]
url = "mqtt://cam:hunter2@broker"

[[camera]]
name = "door"       # the one at the front
source = "rtsp://admin:hunter2@10.0.0.7/live"
zones = [[[0.0, 0.0], [1.0, 0.0], [1.0, 1.0]]]

[[camera]]
name = "hall"
source = "http://10.0.0.8/video.mjpg?token=hunter2"
"""


@dataclass
class FakeService:
    """Says what a test wants it to say, and takes every configuration that it is not told to refuse."""

    config: Config
    state: ServiceState = field(default_factory=lambda: ServiceState(True, None, 0, RUN))
    refuses: str | None = None
    meters: Meters = field(default_factory=Meters)
    listeners: list[Callable[[Any], None]] = field(default_factory=list)
    results: dict[str, FrameResult] = field(default_factory=dict)
    states: dict[str, CameraStatus] = field(default_factory=dict)
    remote: RemoteState | None = None

    def cameras(self) -> Mapping[str, CameraStatus]:
        names = cameras_of(self.config)
        self.states = {name: self.states.get(name) or live_camera(name) for name in names}
        return self.states

    def latest(self, name: str) -> FrameResult | None:
        return self.results.get(name)

    def backlogs(self) -> list[Backlog]:
        return [Backlog("store", "events.db", 3), Backlog("outbox", "the MQTT broker", 7)]

    def remote_classifier(self) -> RemoteState | None:
        return self.remote

    def subscribe(self, listener: Callable[[Any], None]) -> Callable[[], None]:
        self.listeners.append(listener)
        return lambda: self.listeners.remove(listener)

    @contextmanager
    def changing(self) -> Iterator[None]:
        yield

    def reconfigure(self, config: Config) -> Changes:
        if self.refuses is not None:
            raise MaskcamError(self.refuses)
        changes = compare(self.config, config)
        self.config = config
        return changes


def live_camera(name: str) -> CameraStatus:
    return CameraStatus(
        name, health=FeedHealth(state=FeedState.LIVE, is_live=True, captured=50, dropped=2), frames=40
    )


@dataclass
class Stage:
    """Everything that a test of the web may want to touch."""

    app: FastAPI
    client: TestClient
    service: FakeService
    context: Context
    tokens: dict[Role, str]

    @property
    def store(self) -> EventStore:
        return self.context.store

    def ask(self, method: str, path: str, role: Role | None = Role.ADMIN, **values: Any) -> Any:
        """A request with the token of a role; None sends none."""
        headers = values.pop("headers", {})
        if role is not None:
            headers = {"Authorization": f"Bearer {self.tokens[role]}"} | headers
        return self.client.request(method, path, headers=headers, **values)

    def log_in(self, user: str = "admin", password: str = PASSWORD, **headers: str) -> Any:
        """Sends the form of a browser; the client keeps the cookie."""
        return self.client.post(
            "/login", data={"user": user, "password": password}, headers={"Origin": ORIGIN} | headers
        )

    def __enter__(self) -> Self:
        self.client.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self.client.__exit__(None, None, None)
        self.context.close()


def make_stage(folder: Path, *, key: str | None = None, serve: ServeConfig | None = None) -> Stage:
    """A stage with three events, the second of which has pictures, and an hour of counts."""
    file = ConfigFile(folder / "maskcam.toml", {})
    file.path.write_text(CONFIG.format(folder=folder))
    config = file.load()
    service = FakeService(config)
    service.results["door"] = make_result(make_frame(), tracks=(make_track(),))
    accounts = Accounts(config.serve.accounts_path())
    if key is None:
        accounts.set_password("admin", PASSWORD, role=Role.ADMIN)
    tokens = {role: accounts.create_token(role.value, role)[1] for role in Role}
    context = Context(
        service,  # type: ignore[arg-type]
        file,
        accounts,
        serve=serve or config.serve,
        port=8000,
        key=key,
    )
    fill(context.store)
    app = create_app(context, LiveHub())
    client = TestClient(app, base_url=ORIGIN, raise_server_exceptions=False, follow_redirects=False)
    return Stage(app, client, service, context, tokens)


def fill(store: EventStore) -> None:
    store.media.claim(store.store_id)
    pictures = store.media.save(
        frame=b"\xff\xd8frame\xff\xd9",
        face=b"\xff\xd8face\xff\xd9",
        stem="door_1",
        run_id=RUN,
        serial=1,
        day=datetime(2026, 5, 4, tzinfo=UTC),
    )
    store.record([make_record(1), make_record(2, minutes=1, pictures=pictures)])
    store.record([make_record(3, camera="hall", minutes=2, seconds=None), *map(make_counts, range(5))])
