"""A program: an RTSP camera on loopback, GStreamer's server behind a `Wire`.

    /usr/bin/python3 tests/cameras/rtsp_server.py --clip FILE --small-clip FILE --fps 15 --codec h264

The server sends a clip that was encoded beforehand, for ever, to all clients in step: whoever comes, comes in the
middle of a group of pictures, as with real cameras. Clients reach it through the wire, which knows where RTP packets
begin and end. TCP only: with UDP the wire would be passed by.
"""

from __future__ import annotations

import argparse
import asyncio
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402
from units import read_units  # noqa: E402
from wire import Behaviour, Line, Wire, obey  # noqa: E402

_INTERLEAVED_HEAD = 4
_RTP_HEAD = 12
_JUMP_TICKS = 3600 * 90_000
_ROLE = "viewer"
_DAMAGED_SHARE = 0.04
"""Of RTP packets, of which a key frame takes a dozen or more."""


class Feeder:
    """Hands the pictures of a clip to every client's pipeline, at the rate of the clip."""

    def __init__(self, clip: Path, *, fps: float, codec: str) -> None:
        self._fps = fps
        self._pipelines: dict[Any, int | None] = {}
        self._clip = clip
        self._load(clip)
        self.factory = GstRtspServer.RTSPMediaFactory()
        self.factory.set_launch(
            f"( appsrc name=source is-live=true format=time caps=video/x-{codec},stream-format=byte-stream,"
            f"alignment=au ! rtp{codec}pay name=pay0 pt=96 )"
        )
        self.factory.set_protocols(GstRtsp.RTSPLowerTrans.TCP)
        self.factory.connect("media-configure", self._add)
        self._due_seconds = time.monotonic()
        self._tick()

    def show(self, clip: Path) -> None:
        """Goes over to that clip, from its beginning, which is a key frame."""
        if clip != self._clip:
            self._clip = clip
            GLib.idle_add(self._load, clip)

    def _load(self, clip: Path) -> bool:
        self._parameter_sets, *self._units = read_units(clip)
        self._position = 0
        return GLib.SOURCE_REMOVE

    def _add(self, _factory: Any, media: Any) -> None:
        pipeline = media.get_element().get_by_name("source")
        self._pipelines[pipeline] = None
        media.connect("unprepared", lambda _media: self._pipelines.pop(pipeline, None))

    def _tick(self) -> bool:
        unit = self._units[self._position]
        self._position = (self._position + 1) % len(self._units)
        for pipeline, pts_ns in list(self._pipelines.items()):
            data = unit
            if pts_ns is None:
                pts_ns = pipeline.get_current_running_time()
                data = self._parameter_sets + unit
            if pts_ns == Gst.CLOCK_TIME_NONE:  # it is not running yet
                continue
            buffer = Gst.Buffer.new_wrapped(data)
            buffer.pts = buffer.dts = pts_ns
            pipeline.emit("push-buffer", buffer)
            self._pipelines[pipeline] = pts_ns + round(Gst.SECOND / self._fps)
        self._due_seconds += 1 / self._fps
        GLib.timeout_add(max(0, round(1000 * (self._due_seconds - time.monotonic()))), self._tick)
        return GLib.SOURCE_REMOVE


class Relay:
    """Between one client and the honest server."""

    def __init__(self, server_port: int) -> None:
        self._server_port = server_port
        self.jump_ticks = 0

    async def converse(self, client: asyncio.StreamReader, line: Line) -> None:
        """Serves one client."""
        server, to_server = await asyncio.open_connection("127.0.0.1", self._server_port)
        asking = asyncio.create_task(_pump(client, to_server))
        try:
            while True:
                start = await server.readexactly(1)
                if start != b"$":
                    await line.control(await _answer(start, server))
                    continue
                head = start + await server.readexactly(_INTERLEAVED_HEAD - 1)
                packet = head + await server.readexactly(int.from_bytes(head[2:], "big"))
                if head[1] % 2:  # a report, not a picture
                    await line.control(packet)
                else:
                    head_bytes = _INTERLEAVED_HEAD + _RTP_HEAD
                    packet = self._stamped(packet)
                    await line.media(packet[:head_bytes], packet[head_bytes:])
        finally:
            asking.cancel()
            to_server.close()

    def _stamped(self, packet: bytes) -> bytes:
        if not self.jump_ticks:
            return packet
        place = slice(_INTERLEAVED_HEAD + 4, _INTERLEAVED_HEAD + 8)
        ticks = (int.from_bytes(packet[place], "big") + self.jump_ticks) % 2**32
        return packet[: place.start] + ticks.to_bytes(4, "big") + packet[place.stop :]


async def _pump(client: asyncio.StreamReader, to_server: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await client.read(4096):
            to_server.write(data)
    to_server.close()  # which makes the server hang up


async def _answer(start: bytes, server: asyncio.StreamReader) -> bytes:
    head = start + await server.readuntil(b"\r\n\r\n")
    lengths = [
        row.split(b":")[1] for row in head.split(b"\r\n") if row.lower().startswith(b"content-length:")
    ]
    return head + await server.readexactly(int(lengths[0]) if lengths else 0)


def _guard(credentials: str) -> Any:
    """Lets in whoever knows `user:password`, by digest, as cameras do."""
    user, _, password = credentials.partition(":")
    guard = GstRtspServer.RTSPAuth()
    guard.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", _ROLE)
    guard.add_digest(user, password, token)
    return guard


async def main() -> None:
    """Serves until standard input is closed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clip", type=Path, required=True)
    parser.add_argument("--small-clip", type=Path, required=True)
    parser.add_argument("--fps", type=float, required=True)
    parser.add_argument("--codec", choices=("h264", "h265"), required=True)
    parser.add_argument("--credentials", help="user:password that clients must give")
    parser.add_argument("--other-credentials", required=True, help="those of Behaviour.PASSWORD")
    args = parser.parse_args()
    Gst.init(None)
    feeder = Feeder(args.clip, fps=args.fps, codec=args.codec)
    permissions = GstRtspServer.RTSPPermissions()
    permissions.add_permission_for_role(_ROLE, "media.factory.access", True)
    permissions.add_permission_for_role(_ROLE, "media.factory.construct", True)
    feeder.factory.set_permissions(permissions)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service("0")
    server.get_mount_points().add_factory("/camera", feeder.factory)
    server.set_auth(_guard(args.credentials) if args.credentials else None)
    server.attach(None)
    threading.Thread(target=GLib.MainLoop().run, daemon=True).start()
    relay = Relay(server.get_bound_port())

    def prepare(behaviour: Behaviour) -> None:
        credentials = args.other_credentials if behaviour is Behaviour.PASSWORD else args.credentials
        server.set_auth(_guard(credentials) if credentials else None)
        feeder.show(args.small_clip if behaviour is Behaviour.RESIZE else args.clip)
        relay.jump_ticks = _JUMP_TICKS if behaviour is Behaviour.JUMP else 0

    await obey(Wire(relay.converse, damaged_share=_DAMAGED_SHARE), prepare)


if __name__ == "__main__":
    asyncio.run(main())
