"""Live pictures: encoded once however many look on, and nobody waits for anybody."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import uvicorn

from maskcam.types import Image
from maskcam.web.live.forms import Encoder, Form, Onlooker
from maskcam.web.live.hub import LiveHub
from maskcam.web.live.jpeg import JpegForm, PictureOnlooker, shrink
from maskcam.web.roles import Role
from maskcam.web.slow_clients import ImpatientProtocol
from tests.factories import make_frame, make_image, make_result
from tests.web.stage import Stage, make_stage


@dataclass(frozen=True)
class CountingForm(Form):
    """Whose encoder says how often it was asked, and may be made to take its time."""

    calls: list[tuple[float, bool]] = field(default_factory=list, hash=False, compare=False)
    may_go_on: threading.Event = field(default_factory=threading.Event, hash=False, compare=False)

    def __post_init__(self) -> None:
        self.may_go_on.set()

    def open(self) -> Encoder:
        return Counting(self)


class Counting(Encoder):
    def __init__(self, form: CountingForm) -> None:
        self.form = form

    def encode(self, image: Image, *, seconds: float, is_first: bool) -> str:
        self.form.calls.append((seconds, is_first))
        assert self.form.may_go_on.wait(10)
        return f"{image.shape[1]} at {seconds:g}"


class Keeping(Onlooker):
    def __init__(self, form: Form) -> None:
        super().__init__(form)
        self.seen: list[Any] = []

    def put(self, camera: str, encoded: Any) -> None:
        self.seen.append((camera, encoded))


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.005)


def show(hub: LiveHub, index: int, camera: str = "door") -> None:
    frame = make_frame(index=index, pts_seconds=float(index), camera=camera)
    hub.write(make_result(frame), None)


class TestHub:
    def test_one_encoder_however_many_look_on(self, stage: Stage) -> None:
        async def main() -> None:
            hub, form = LiveHub(), CountingForm()
            first, second = Keeping(form), Keeping(form)
            stage.service.results.clear()
            with hub.watching(stage.context.service, ["door"], first):
                with hub.watching(stage.context.service, ["door", "hall"], second):
                    show(hub, 1)
                    await until(lambda: first.seen and second.seen)
                    show(hub, 2, "hall")
                    await until(lambda: len(second.seen) == 2)
                show(hub, 3)
                await until(lambda: len(first.seen) == 2)
            assert first.seen == [("door", "320 at 1"), ("door", "320 at 3")]
            assert second.seen == [("door", "320 at 1"), ("hall", "320 at 2")]
            assert [seconds for seconds, _ in form.calls] == [1, 2, 3]

        asyncio.run(main())

    def test_a_newcomer_sees_the_last_picture_at_once(self, stage: Stage) -> None:
        async def main() -> None:
            hub, form = LiveHub(), CountingForm()
            first, second = Keeping(form), Keeping(form)
            stage.service.results["door"] = make_result(make_frame(pts_seconds=7.0))
            with hub.watching(stage.context.service, ["door"], first):
                await until(lambda: first.seen)
                show(hub, 8)
                await until(lambda: len(first.seen) == 2)
                with hub.watching(stage.context.service, ["door"], second):
                    await until(lambda: second.seen)
            assert form.calls == [(7, True), (8, False), (7, True)], "encoders are told of newcomers"

        asyncio.run(main())

    def test_pictures_are_passed_over_while_one_is_encoded(self, stage: Stage) -> None:
        async def main() -> None:
            hub, form = LiveHub(), CountingForm()
            onlooker = Keeping(form)
            stage.service.results.clear()
            form.may_go_on.clear()
            with hub.watching(stage.context.service, ["door"], onlooker):
                show(hub, 1)
                await until(lambda: form.calls)
                for index in range(2, 50):
                    show(hub, index)  # returns although nothing can be encoded
                form.may_go_on.set()
                await until(lambda: len(onlooker.seen) == 2)
            assert [said for _, said in onlooker.seen] == ["320 at 1", "320 at 49"]

        asyncio.run(main())

    def test_without_onlookers_there_is_no_thread(self, stage: Stage) -> None:
        def threads() -> list[str]:
            return [thread.name for thread in threading.enumerate() if thread.name.startswith("live ")]

        async def main() -> None:
            hub = LiveHub()
            show(hub, 1)
            assert threads() == []
            with hub.watching(stage.context.service, ["door", "hall"], Keeping(CountingForm())):
                assert sorted(threads()) == ["live door", "live hall"]
            await until(lambda: not threads())

        asyncio.run(main())


class TestJpeg:
    def test_few_forms_are_offered(self) -> None:
        assert JpegForm.of(500, 60) == JpegForm(640, 75)
        assert JpegForm.of(320, 55) == JpegForm(320, 55)
        assert JpegForm.of(2000, 100) == JpegForm(None, 90)
        assert JpegForm.of(None, 1) == JpegForm(None, 55)

    def test_pictures_shrink_and_never_grow(self) -> None:
        assert shrink(make_image((1000, 500)), 640).shape == (320, 640, 3)
        image = make_image((320, 240))
        assert shrink(image, 640) is image
        assert shrink(image, None) is image

    def test_a_slow_onlooker_gets_the_newest_picture_of_each_camera(self) -> None:
        async def main() -> None:
            onlooker = PictureOnlooker(JpegForm(None, 75))
            for number in range(5):
                onlooker.put("door", b"door %d" % number)
                onlooker.put("hall", b"hall %d" % number)
            pictures = onlooker.pictures(patience_seconds=0.01)
            assert [await anext(pictures) for _ in range(3)] == [
                ("door", b"door 4"),
                ("hall", b"hall 4"),
                None,
            ]

        asyncio.run(main())


class Visitor:
    """A browser that reads as much as a test wants it to."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def part(self) -> tuple[str, bytes]:
        """Name and picture of the next one. Chunks of HTTP are taken apart on the way."""
        head = b""
        while not head.strip():
            head = await self._until(b"\r\n\r\n")
        fields = dict(line.split(": ") for line in head.decode().splitlines() if ": " in line)
        size = int(fields["Content-Length"])
        while len(self._rest) < size:
            await self._chunk()
        picture, self._rest = self._rest[:size], self._rest[size:]
        return fields["X-Camera"], picture

    _rest = b""

    async def _until(self, end: bytes) -> bytes:
        while end not in self._rest:
            await self._chunk()
        found, _, self._rest = self._rest.partition(end)
        return found

    async def _chunk(self) -> None:
        size = int((await self.reader.readline()).strip(), 16)
        if size == 0:
            raise EOFError
        self._rest += await self.reader.readexactly(size)
        await self.reader.readline()


async def parts_left(visitor: Visitor) -> int:
    parts = 0
    with contextlib.suppress(EOFError):
        while await visitor.part():
            parts += 1
    return parts


Visit = Callable[[str], Awaitable[Visitor]]


def with_server(folder: Path, test: Callable[[Stage, Visit], Awaitable[None]]) -> None:
    """Runs a test beside the application on a real socket."""

    async def main() -> None:
        stage = make_stage(folder)
        listener = socket.create_server(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        config = uvicorn.Config(stage.app, http=ImpatientProtocol, ws="none", log_config=None)
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve([listener]))
        writers = []

        async def visit(address: str) -> Visitor:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writers.append(writer)
            token = stage.tokens[Role.VIEWER]
            writer.write(
                f"GET {address} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\r\n".encode()
            )
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200"), head
            assert b"multipart/x-mixed-replace; boundary=" in head
            return Visitor(reader, writer)

        try:
            await asyncio.wait_for(test(stage, visit), 30)
        finally:
            stage.app.state.closing.set()
            server.should_exit = True
            for writer in writers:
                writer.close()
            await serving
            stage.context.close()

    asyncio.run(main())


class TestStreams:
    def test_a_camera_as_mjpeg(self, tmp_path: Path) -> None:
        async def test(stage: Stage, visit: Visit) -> None:
            frame = make_frame((640, 480), index=1)
            stage.service.results["door"] = make_result(frame)
            visitor = await visit("/api/v1/cameras/door/live.mjpeg?width=300")
            name, picture = await visitor.part()
            image = cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_COLOR)
            assert name == "door"
            assert image is not None
            assert image.shape == (240, 320, 3)
            show(stage.app.state.live, 5)
            assert (await visitor.part())[1] != picture

        with_server(tmp_path, test)

    def test_some_cameras_over_one_connection(self, tmp_path: Path) -> None:
        async def test(stage: Stage, visit: Visit) -> None:
            visitor = await visit("/api/v1/live?camera=door&camera=hall&camera=gone")
            assert (await visitor.part())[0] == "door", "its last picture"
            show(stage.app.state.live, 1, "hall")
            assert (await visitor.part())[0] == "hall"
            assert set(stage.app.state.live._channels) == {"door", "hall"}, "no thread for what is not there"

        with_server(tmp_path, test)

    def test_whoever_hangs_up_is_forgotten(self, tmp_path: Path) -> None:
        async def test(stage: Stage, visit: Visit) -> None:
            visitor = await visit("/api/v1/cameras/door/live.mjpeg")
            await visitor.part()
            visitor.writer.close()
            await until(lambda: not stage.app.state.live._channels)

        with_server(tmp_path, test)

    def test_it_ends_with_the_program(self, tmp_path: Path) -> None:
        async def test(stage: Stage, visit: Visit) -> None:
            visitor = await visit("/api/v1/cameras/door/live.mjpeg")
            await visitor.part()
            stage.app.state.closing.set()
            with pytest.raises(EOFError):
                await visitor.part()

        with_server(tmp_path, test)

    def test_one_that_reads_nothing_keeps_nobody_waiting(self, tmp_path: Path) -> None:
        async def test(stage: Stage, visit: Visit) -> None:
            idle = await visit("/api/v1/cameras/door/live.mjpeg?quality=90")
            eager = await visit("/api/v1/cameras/door/live.mjpeg?quality=90")
            await eager.part()
            # noise of 1.5 MB each: more than what lies between two programs is full with the first few
            noise = np.random.default_rng(1).integers(0, 256, (900, 1600, 3), np.uint8)
            for index in range(12):
                stage.app.state.live.write(make_result(make_frame(image=noise, index=index)), None)
                while len((await eager.part())[1]) < 10**6:
                    pass  # the last picture of before, shown again to each that comes
            stage.app.state.closing.set()
            assert await parts_left(idle) < 12, "pictures were passed over for it"

        with_server(tmp_path, test)


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("/api/v1/cameras/nowhere/live.mjpeg", 404),
        ("/api/v1/live?camera=nowhere", 404),
        ("/api/v1/live", 422),
        ("/api/v1/cameras/door/live.mjpeg?width=100000", 422),
        ("/api/v1/cameras/door/live.mjpeg?quality=0", 422),
    ],
)
def test_what_cannot_be_shown_is_said(stage: Stage, address: str, status: int) -> None:
    answer = stage.ask("GET", address)
    assert answer.status_code == status
    assert answer.json()["error"]


def test_no_more_than_so_many_look_on(stage: Stage) -> None:
    stage.app.state.live._onlookers = 200
    answer = stage.ask("GET", "/api/v1/cameras/door/live.mjpeg")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "30")
