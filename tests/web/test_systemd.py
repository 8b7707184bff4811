"""What systemd is told."""

import asyncio
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from maskcam.config import Config
from maskcam.service import ServiceState
from maskcam.web.systemd import told
from tests.web.stage import FakeService


@pytest.fixture
def listener(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as made:
        made.bind(str(tmp_path / "notify"))
        made.settimeout(5)
        yield made


def said(listener: socket.socket) -> list[str]:
    """Everything that was said until it is stopping."""
    found = [listener.recv(100).decode()]
    while found[-1] != "STOPPING=1":
        found.append(listener.recv(100).decode())
    return found


def live(
    listener: socket.socket, *, state: ServiceState, watchdog: str = "90000", turns: float = 0.2
) -> None:
    service = FakeService(Config(), state=state)

    async def run() -> None:
        environ = {"NOTIFY_SOCKET": listener.getsockname(), "WATCHDOG_USEC": watchdog}
        async with told(service, environ):  # type: ignore[arg-type]
            await asyncio.sleep(turns)

    asyncio.run(run())


def test_ready_alive_and_stopping(listener: socket.socket) -> None:
    live(listener, state=ServiceState(True, None, 0, "run"))
    first, *between, last = said(listener)
    assert (first, last) == ("READY=1", "STOPPING=1")
    assert len(between) >= 2
    assert set(between) == {"WATCHDOG=1"}


def test_a_service_that_hangs_is_given_up(listener: socket.socket) -> None:
    live(listener, state=ServiceState(False, "no step for more than 10 s", 0, "run"))
    assert said(listener) == ["READY=1", "STOPPING=1"]


def test_a_service_that_overcomes_a_fault_is_not(listener: socket.socket) -> None:
    live(listener, state=ServiceState(False, "no space left on the disk", 3, ""))
    assert "WATCHDOG=1" in said(listener)


def test_a_listener_that_does_not_read_holds_up_nothing(
    listener: socket.socket, caplog: pytest.LogCaptureFixture
) -> None:
    live(
        listener, state=ServiceState(True, None, 0, "run"), watchdog="300", turns=0.5
    )  # the queue takes some ten
    assert "systemd was not told WATCHDOG=1" in caplog.text


def test_without_a_watchdog_only_ready(listener: socket.socket) -> None:
    live(listener, state=ServiceState(True, None, 0, "run"), watchdog="")
    assert said(listener) == ["READY=1", "STOPPING=1"]


def test_without_systemd_nothing_happens(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def run(environ: dict[str, str]) -> str:
        async with told(FakeService(Config()), environ):  # type: ignore[arg-type]
            return "went on"

    assert asyncio.run(run({})) == "went on"
    assert not caplog.records
    assert asyncio.run(run({"NOTIFY_SOCKET": str(tmp_path / "nobody")})) == "went on"
    assert "systemd was not told" in caplog.text
