"""The side of a test camera that its clients see: a port, and what happens to them on command.

Imports the standard library only: the RTSP server runs under the system's Python, which has GStreamer's bindings.
"""

from __future__ import annotations

import asyncio
import enum
import json
import random
import sys
from collections.abc import Awaitable, Callable


class Behaviour(enum.Enum):
    """What a camera does until it is told otherwise."""

    NORMAL = "normal"
    REFUSE = "refuse"
    """The port is closed, and whoever was connected is cut off."""
    DROP = "drop"
    """Whoever is connected is cut off, once; after that all is normal."""
    PASSWORD = "password"
    """Whoever was connected is cut off; from now on a password is asked for that is not in the address."""
    HANG = "hang"
    """Half of a packet, then nothing more; new clients are accepted and never answered."""
    SILENCE = "silence"
    """No more pictures. Connections stay, requests are answered, new clients are welcomed."""
    LOSE = "lose"
    """Some packets are left out; of MJPEG, pictures, while others are cut short."""
    CORRUPT = "corrupt"
    """In some packets, a few bytes are changed."""
    RESIZE = "resize"
    """Pictures of half the width and height, from a key frame on, in the same stream."""
    JUMP = "jump"
    """Time stamps are an hour ahead; back to normal is a jump back."""


_CHANGED_BYTES = 8


class Line:
    """What one client hears."""

    def __init__(self, writer: asyncio.StreamWriter, wire: Wire) -> None:
        self._writer = writer
        self._wire = wire
        self._held_back = b""

    async def control(self, data: bytes) -> None:
        """Sends what is no picture: an answer, a report."""
        if self._wire.behaviour is Behaviour.HANG:
            self._held_back += data
        else:
            await self._write(data)

    async def media(self, head: bytes, body: bytes) -> None:
        """Sends a piece of the stream; the head is what the client must get whole to find the next one."""
        behaviour, dice = self._wire.behaviour, self._wire.dice
        if behaviour is Behaviour.HANG:
            if not self._held_back:
                half = len(body) // 2
                await self._write(head + body[:half])
                self._held_back = body[half:]
            return
        if behaviour is Behaviour.SILENCE:
            return
        if dice.random() < self._wire.damaged_share:
            if behaviour is Behaviour.LOSE:
                return
            if behaviour is Behaviour.CORRUPT:
                body = _changed(body, dice)
        await self._write(head + body)

    async def _write(self, data: bytes) -> None:
        data, self._held_back = self._held_back + data, b""
        self._writer.write(data)
        await self._writer.drain()


class Wire:
    """The port of a camera; the same one for as long as the camera lives.

    Args:
        converse: serves one client until either side hangs up.
        damaged_share: of the pieces of the stream, with those behaviours that damage some.
    """

    def __init__(
        self, converse: Callable[[asyncio.StreamReader, Line], Awaitable[None]], *, damaged_share: float
    ) -> None:
        self._converse = converse
        self._server: asyncio.Server | None = None
        self._clients: set[asyncio.Task[None]] = set()
        self.damaged_share = damaged_share
        self.port = 0  # any that is free
        self.behaviour = Behaviour.NORMAL
        self.dice = random.Random(1)

    async def open(self) -> None:
        """Listens, on loopback only."""
        self._server = await asyncio.start_server(self._meet, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def behave(self, behaviour: Behaviour) -> None:
        """Behaves like that from now on; returns when it does."""
        self.behaviour = Behaviour.NORMAL if behaviour is Behaviour.DROP else behaviour
        self.dice = random.Random(1)
        if behaviour is Behaviour.REFUSE and self._server is not None:
            self._server.close()
            self._server = None
        if behaviour in (Behaviour.REFUSE, Behaviour.DROP, Behaviour.PASSWORD):
            await self._cut_off()
        if behaviour is not Behaviour.REFUSE and self._server is None:
            await self.open()

    async def _cut_off(self) -> None:
        for client in self._clients:
            client.cancel()
        await asyncio.gather(*self._clients, return_exceptions=True)

    async def _meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        client = asyncio.current_task()
        assert client is not None
        self._clients.add(client)
        try:
            await self._converse(reader, Line(writer, self))
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # either side hung up
        except asyncio.CancelledError:
            writer.transport.abort()  # at once: this client may have stopped reading long ago
        finally:
            self._clients.discard(client)
            writer.close()


async def obey(wire: Wire, prepare: Callable[[Behaviour], None]) -> None:
    """Says the port on standard output, then does what standard input says, until that is closed.

    Every order is a JSON line, the value of a `Behaviour`; it is repeated on standard output once it is carried out.

    Args:
        wire: listens from now on.
        prepare: called with every order before the wire behaves that way.
    """
    await wire.open()
    print(json.dumps(wire.port), flush=True)
    orders = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(orders), sys.stdin
    )
    async for line in orders:
        behaviour = Behaviour(json.loads(line))
        prepare(behaviour)
        await wire.behave(behaviour)
        print(json.dumps(behaviour.value), flush=True)


def _changed(body: bytes, dice: random.Random) -> bytes:
    data = bytearray(body)
    for place in dice.choices(range(len(data)), k=_CHANGED_BYTES):
        data[place] ^= dice.randrange(1, 256)
    return bytes(data)
