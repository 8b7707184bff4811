"""Connections to browsers by WebRTC (aiortc): a browser makes an offer, and gets the answer over HTTP.

No server elsewhere is asked for addresses, so that nothing leaves the network: browsers that cannot reach this machine
by themselves fall back to MJPEG.
"""

from __future__ import annotations

import asyncio
import importlib.util
import logging
import socket
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from maskcam.errors import InputError, MissingLibraryError
from maskcam.service import Service
from maskcam.web.live.h264 import H264Form, PacketOnlooker
from maskcam.web.live.hub import LiveHub

if TYPE_CHECKING:
    from aiortc import RTCPeerConnection, RTCRtpSender

_log = logging.getLogger(__name__)

_CONNECT_SECONDS = 10.0
_CHECK_SECONDS = 30.0
_ENDED = ("closed", "failed", "disconnected")


def has_webrtc() -> bool:
    """Whether aiortc is installed."""
    return importlib.util.find_spec("aiortc") is not None


class Peers:
    """All connections.

    Args:
        hub: gives the pictures.
        closing: set when the program ends.
    """

    def __init__(self, hub: LiveHub, closing: asyncio.Event) -> None:
        self._hub = hub
        self._closing = closing
        self._tasks: set[asyncio.Task[None]] = set()

    async def answer(
        self,
        offer: str,
        *,
        service: Service,
        camera: str,
        host: str,
        may_stay: Callable[[], Awaitable[bool]],
    ) -> str:
        """Answers an offer, and shows a camera until the browser goes.

        Args:
            offer: SDP of the browser.
            service: that has the camera.
            camera: its name.
            host: address that the service listens on; no other is used.
            may_stay: asked now and then whether that browser may still look on.

        Returns:
            SDP for the browser.

        Raises:
            InputError: it is no offer to receive H.264 video.
            MissingLibraryError: aiortc is not installed.
        """
        if not has_webrtc():
            raise MissingLibraryError("WebRTC needs aiortc: run `pip install 'maskcam[webrtc]'`")
        onlooker = PacketOnlooker(H264Form())
        connection = _connection(onlooker, host)
        try:
            said = await _negotiate(connection, offer)
        except BaseException:
            await connection.close()
            raise
        task = asyncio.create_task(self._show(connection, onlooker, service, camera, may_stay))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return said

    async def _show(
        self,
        connection: RTCPeerConnection,
        onlooker: PacketOnlooker,
        service: Service,
        camera: str,
        may_stay: Callable[[], Awaitable[bool]],
    ) -> None:
        started = checked = time.monotonic()
        try:
            with self._hub.watching(service, [camera], onlooker):
                while not self._closing.is_set() and connection.connectionState not in _ENDED:
                    await asyncio.sleep(0.5)
                    now = time.monotonic()
                    if connection.connectionState != "connected" and now - started > _CONNECT_SECONDS:
                        return
                    if now - checked > _CHECK_SECONDS:
                        checked = now
                        if not await may_stay():
                            return
        finally:
            await connection.close()


def _connection(onlooker: PacketOnlooker, host: str) -> RTCPeerConnection:
    from aiortc import RTCConfiguration, RTCPeerConnection, RTCRtpSender
    from aiortc.mediastreams import MediaStreamTrack

    class Track(MediaStreamTrack):
        """Packets as they are; every sender only wraps them for its browser."""

        kind = "video"

        async def recv(self) -> Any:  # noqa: ANN401  aiortc takes packets, too
            return await onlooker.next()

    # without a list of servers aiortc would ask one of Google's for our address
    connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    sender = connection.addTrack(Track())
    known = RTCRtpSender.getCapabilities("video").codecs
    h264 = [codec for codec in known if codec.mimeType == "video/H264"]
    connection.getTransceivers()[0].setCodecPreferences(h264)
    address = socket.gethostbyname(host) if ":" not in host else host.strip("[]")
    if address not in ("0.0.0.0", "::"):
        _keep_to(address, sender)
    return connection


def _keep_to(address: str, sender: RTCRtpSender) -> None:
    """Has a connection use the one address that the service listens on; aiortc takes all of the machine's."""
    ice = sender.transport.transport.iceGatherer._connection
    gather = ice.get_component_candidates

    async def only_there(component: int, addresses: list[str], timeout: int = 5) -> Any:  # noqa: ANN401, ARG001
        return await gather(component, [address], timeout)

    ice.get_component_candidates = only_there  # type: ignore[method-assign]  # there is no option for it


async def _negotiate(connection: RTCPeerConnection, offer: str) -> str:
    from aiortc import RTCSessionDescription

    # Addresses in an offer are what somebody says: nothing is sent there, nor asked of the network about their names.
    # The browser sends first, and is answered where it really is.
    lines = [line for line in offer.splitlines() if not line.startswith("a=candidate:")]
    try:
        await connection.setRemoteDescription(RTCSessionDescription("\r\n".join([*lines, ""]), "offer"))
        await connection.setLocalDescription(await connection.createAnswer())
    except Exception as error:  # aiortc reads what somebody sent, and raises whatever comes of it
        _log.info("an offer was refused: %s", type(error).__name__)
        raise InputError("This is no offer to receive H.264 video by WebRTC.") from error
    return connection.localDescription.sdp
