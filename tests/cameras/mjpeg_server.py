"""A program: an HTTP camera on loopback that sends one JPEG after another (multipart/x-mixed-replace)."""

from __future__ import annotations

import argparse
import asyncio
import base64
import random
import time
from pathlib import Path

from units import read_units
from wire import Behaviour, Line, Wire, obey

_WELCOME = b"HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=frame\r\n\r\n"
_WHO_ARE_YOU = (
    b'HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm="camera"\r\nContent-Length: 0\r\n'
    b"Connection: close\r\n\r\n"
)
_DAMAGED_SHARE = 0.1


class Camera:
    """Serves a clip for ever, to all clients in step."""

    def __init__(self, clip: Path, *, fps: float, credentials: str | None) -> None:
        self._fps = fps
        self._started_seconds = time.monotonic()
        self._dice = random.Random(2)
        self.credentials = credentials
        self.cuts_short = False
        self.pictures = read_units(clip)

    async def converse(self, client: asyncio.StreamReader, line: Line) -> None:
        """Serves one client."""
        request = await client.readuntil(b"\r\n\r\n")
        if self.credentials is not None and _basic(self.credentials) not in request:
            await line.control(_WHO_ARE_YOU)
            return
        await line.control(_WELCOME)
        while not client.at_eof():
            shown = int(self._seconds() * self._fps)
            jpeg = self.pictures[shown % len(self.pictures)]
            if self.cuts_short and self._dice.random() < _DAMAGED_SHARE:
                jpeg = jpeg[: len(jpeg) // 2]
            head = b"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n" % len(jpeg)
            await line.media(head, jpeg + b"\r\n")
            await asyncio.sleep((shown + 1) / self._fps - self._seconds())

    def _seconds(self) -> float:
        return time.monotonic() - self._started_seconds


def _basic(credentials: str) -> bytes:
    return b"Authorization: Basic " + base64.b64encode(credentials.encode())


async def main() -> None:
    """Serves until standard input is closed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clip", type=Path, required=True)
    parser.add_argument("--small-clip", type=Path, required=True)
    parser.add_argument("--fps", type=float, required=True)
    parser.add_argument("--credentials", help="user:password that clients must give")
    parser.add_argument("--other-credentials", required=True, help="those of Behaviour.PASSWORD")
    args = parser.parse_args()
    camera = Camera(args.clip, fps=args.fps, credentials=args.credentials)

    def prepare(behaviour: Behaviour) -> None:
        is_locked = behaviour is Behaviour.PASSWORD
        camera.credentials = args.other_credentials if is_locked else args.credentials
        camera.cuts_short = behaviour is Behaviour.LOSE
        camera.pictures = read_units(args.small_clip if behaviour is Behaviour.RESIZE else args.clip)

    await obey(Wire(camera.converse, damaged_share=_DAMAGED_SHARE), prepare)


if __name__ == "__main__":
    asyncio.run(main())
