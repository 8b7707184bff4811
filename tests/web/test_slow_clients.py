"""Clients that take for ever, over real sockets on loopback."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import StreamingResponse

from maskcam.web.slow_clients import ImpatientProtocol

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Connect = Callable[[], Awaitable[Streams]]


class Hurried(ImpatientProtocol):
    request_seconds = 0.4
    read_seconds = 0.4


def make_app(ended: asyncio.Event) -> FastAPI:
    app = FastAPI()

    @app.post("/echo")
    async def echo(request: Request) -> int:
        return len(await request.body())

    @app.get("/slow")
    async def slow() -> StreamingResponse:
        async def pieces() -> AsyncIterator[bytes]:
            for _ in range(12):
                yield b"x"
                await asyncio.sleep(0.1)

        return StreamingResponse(pieces())

    @app.get("/flood")
    async def flood() -> StreamingResponse:
        async def pieces() -> AsyncIterator[bytes]:
            try:
                while True:
                    yield b"x" * 100_000
                    await asyncio.sleep(0)
            finally:
                ended.set()

        return StreamingResponse(pieces())

    return app


def with_server(test: Callable[[Connect, asyncio.Event], Awaitable[None]]) -> None:
    async def main() -> None:
        ended = asyncio.Event()
        listener = socket.create_server(("127.0.0.1", 0))
        config = uvicorn.Config(
            make_app(ended), http=Hurried, ws="none", log_config=None, timeout_keep_alive=60
        )
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve([listener]))
        writers: list[asyncio.StreamWriter] = []

        async def connect() -> Streams:
            reader, writer = await asyncio.open_connection(*listener.getsockname())
            writers.append(writer)
            return reader, writer

        try:
            await asyncio.wait_for(test(connect, ended), 30)
        finally:
            for writer in writers:
                writer.transport.abort()
            server.should_exit = True
            await serving

    asyncio.run(main())


async def rest(reader: asyncio.StreamReader) -> bytes:
    """All that comes until the other side hangs up."""
    try:
        return await reader.read()
    except ConnectionResetError:
        return b""


def test_who_says_nothing_is_sent_away() -> None:
    async def test(connect: Connect, _ended: asyncio.Event) -> None:
        reader, _writer = await connect()
        assert (await rest(reader)).startswith(b"HTTP/1.1 408 ")

    with_server(test)


def test_a_byte_now_and_then_is_not_enough() -> None:
    async def test(connect: Connect, _ended: asyncio.Event) -> None:
        reader, writer = await connect()
        writer.write(b"GET /slow HTTP/1.1\r\n")
        gone = asyncio.create_task(rest(reader))
        count = 0
        while not gone.done():
            writer.write(b"X-Padding: 1\r\n")
            count += 1
            await asyncio.sleep(0.05)
            assert count < 200, "it goes on for ever"
        assert b"200 OK" not in gone.result()

    with_server(test)


def test_nor_for_a_body() -> None:
    async def test(connect: Connect, _ended: asyncio.Event) -> None:
        reader, writer = await connect()
        writer.write(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n")
        gone = asyncio.create_task(rest(reader))
        count = 0
        while not gone.done():
            writer.write(b"x")
            count += 1
            await asyncio.sleep(0.05)
            assert count < 200, "it goes on for ever"
        assert b"200 OK" not in gone.result()

    with_server(test)


def test_who_reads_nothing_is_sent_away() -> None:
    async def test(connect: Connect, ended: asyncio.Event) -> None:
        _reader, writer = await connect()
        writer.write(b"GET /flood HTTP/1.1\r\nHost: x\r\n\r\n")
        await ended.wait()

    with_server(test)


def test_a_long_answer_is_not_cut_short_and_a_connection_is_used_again() -> None:
    async def test(connect: Connect, _ended: asyncio.Event) -> None:
        reader, writer = await connect()
        for _ in range(2):
            writer.write(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc")
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
            assert await reader.readexactly(1) == b"3"
            await asyncio.sleep(0.6)  # between two requests, uvicorn's own time counts
        writer.write(b"GET /slow HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert (await rest(reader)).count(b"1\r\nx\r\n") == 12

    with_server(test)
