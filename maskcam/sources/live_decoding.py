"""Frames out of a live network stream: only clean ones, and no old ones."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator
from dataclasses import replace

import av
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from maskcam.errors import StreamFault, StreamLostError
from maskcam.sources.arrival import ArrivalClock
from maskcam.sources.base import Losses
from maskcam.sources.decoding import PictureReader, nominal_fps, video_stream
from maskcam.sources.frame_numbers import FrameNumbers
from maskcam.sources.tape import EncodedTape
from maskcam.types import Frame

CLEAN_WITHIN_SECONDS = 15.0
"""Cameras send a key frame every 1 to 10 s, and one at once to whoever connects: without one for so long, connecting
anew is quicker than waiting on."""

_LATE_SECONDS = 1.0
"""A frame that is older shows what no longer is: it is decoded, since others build upon it, and not handed out."""
_LATE_FOR_SECONDS = 2.0
"""A delay of the network is over by then; one that lasts longer grows."""
_NEVER_CAUGHT_UP_SECONDS = 6.0


class LiveDecoder:
    """Decodes the best video stream of a live container without delay.

    Damage spreads from a picture to those that build upon it. So after opening, and after anything that is
    corrupt or was left out, frames are dropped until a key frame has decoded cleanly. Where decoding cannot
    keep up with the camera, packets are dropped up to the next key frame, so that delay never grows.

    Args:
        container: open for reading; whoever opened it closes it.
        name: of the source, for frames and messages.
        timeout_seconds: time without data after which the container stops reading.
        by_arrival: takes the time of arrival as `pts_seconds`, for formats without time stamps.
        paced: holds frames back until they are due, for formats that arrive in bursts of seconds (HLS).

    Raises:
        SourceError: there is no video in it, or it cannot be decoded here.
    """

    def __init__(
        self,
        container: InputContainer,
        *,
        name: str,
        timeout_seconds: float,
        by_arrival: bool = False,
        paced: bool = False,
    ) -> None:
        self._container = container
        self._name = name
        self._timeout_seconds = timeout_seconds
        self._by_arrival = by_arrival
        self._stream = video_stream(container, name)
        # threads that work on several frames hold each back; with some for its slices FFmpeg no longer notices that
        # parts of a picture are missing
        self._stream.thread_type = "NONE"
        self._stream.codec_context.thread_count = 1
        # what FFmpeg patches up looks like a picture; an error can be counted
        self._stream.codec_context.options = {"err_detect": "explode"}
        self._numbers = FrameNumbers() if self._stream.codec_context.name == "h264" else None
        if self._numbers is not None:
            self._numbers.has_gap(
                self._stream.codec_context.extradata or b""
            )  # parameters, told at the start
        self._clock = ArrivalClock(paced=paced)
        self._paced = paced
        self._pictures = PictureReader()
        self._tape = EncodedTape(self._stream.codec_context)
        self._arrivals: dict[int | None, float] = {}
        self._awaits_key_packet = True
        self._awaits_key_picture = True
        self._clean_seconds = time.monotonic()
        self._late_since: float | None = None
        self._next_index = 0
        self.end_seconds = 0.0
        """Time of the last frame."""
        self.losses = Losses()
        """Frames that were not handed out, so far; replaced, never changed."""

    @property
    def fps(self) -> float | None:
        """Nominal frames per second; None where the stream does not say."""
        return None if self._by_arrival else nominal_fps(self._stream.guessed_rate)

    def frames(self) -> Generator[Frame, None, None]:
        """Yields clean frames, upright, as they come.

        Raises:
            StreamLostError: nothing clean came for long, or the delay grows in spite of all.
            av.FFmpegError: reading failed and is over. It may hold the URL with its password: never show it.
        """
        waiting_since = time.monotonic()
        for packet in self._container.demux(self._stream):
            arrived_seconds = time.monotonic()
            if arrived_seconds - waiting_since >= self._timeout_seconds:
                # FFmpeg's parser had held it back; the next read would only wait for as long again
                raise self.broke_off(f"no data for {self._timeout_seconds:g} s", StreamFault.TIMEOUT)
            if packet.size:  # an empty one stands for the end
                yield from self._take(packet, arrived_seconds)
            waiting_since = time.monotonic()

    def check_complete(self) -> None:
        """To be called when the stream is over: a live one never is by itself.

        Raises:
            StreamLostError: always.
        """
        raise StreamLostError(
            f"{self._name} ended after {self.end_seconds:.1f} s: the other side hung up.",
            fault=StreamFault.ENDED,
        )

    def broke_off(self, why: str, fault: StreamFault) -> StreamLostError:
        """What to raise when reading is over before its time."""
        return StreamLostError(
            f"{self._name} broke off after {self.end_seconds:.1f} s ({why}): open it anew.", fault=fault
        )

    def _take(self, packet: Packet[VideoStream], arrived_seconds: float) -> Iterator[Frame]:
        seconds = None
        if packet.pts is not None and packet.time_base is not None and not self._by_arrival:
            seconds = float(packet.pts * packet.time_base)
        self._clock.note(seconds, arrived_seconds)
        self._check_delay(arrived_seconds)
        if arrived_seconds - self._clean_seconds > CLEAN_WITHIN_SECONDS:
            raise StreamLostError(
                f"{self._name} sent no picture that decodes for {CLEAN_WITHIN_SECONDS:g} s: check its codec and"
                " its network, or let it send key frames more often.",
                fault=StreamFault.CODEC,
            )
        if self._numbers is not None and self._numbers.has_gap(bytes(packet)):
            self._lose_corrupt()
        if packet.is_corrupt:
            self._lose_corrupt()
        elif self._awaits_key_packet and not packet.is_keyframe:
            self._keep(packet, seconds, arrived_seconds)
            self._skip()
        else:
            self._awaits_key_packet = False
            self._arrivals[packet.pts] = arrived_seconds
            yield from self._decode(packet, seconds, arrived_seconds)

    def _keep(self, packet: Packet[VideoStream], seconds: float | None, arrived_seconds: float) -> None:
        """As it was encoded, also where there was no time to decode it."""
        pts_seconds = self._clock.at(seconds, arrived_seconds)
        self._tape.add(bytes(packet), pts_seconds=pts_seconds, is_key=packet.is_keyframe)

    def _decode(
        self, packet: Packet[VideoStream], seconds: float | None, arrived_seconds: float
    ) -> Iterator[Frame]:
        try:
            pictures = self._stream.decode(packet)
        except av.FFmpegError:
            self._lose_corrupt()
            return
        if not any(picture.is_corrupt for picture in pictures):
            self._keep(packet, seconds, arrived_seconds)
        for picture in pictures:
            if picture.is_corrupt:
                self._lose_corrupt()
            elif self._awaits_key_picture and not picture.key_frame:
                self._skip()
            elif self._clock.delay_seconds > _LATE_SECONDS:
                self._awaits_key_picture = False
                self._skip()
            else:
                self._awaits_key_picture = False
                yield self._frame(picture)

    def _frame(self, picture: VideoFrame) -> Frame:
        arrived_seconds = self._arrivals.pop(picture.pts, None) or time.monotonic()
        if len(self._arrivals) > _MOST_UNDECODED:
            self._arrivals.clear()
        self._clean_seconds = arrived_seconds
        seconds = None
        if picture.pts is not None and picture.time_base is not None and not self._by_arrival:
            seconds = float(picture.pts * picture.time_base)
        pts_seconds = self._clock.place(seconds, arrived_seconds)
        self.end_seconds = pts_seconds
        if self._paced:
            time.sleep(max(0.0, self._clock.start_seconds + pts_seconds - time.monotonic()))
            arrived_seconds = time.monotonic()
        frame = Frame(
            pixels=self._pictures.pixels(picture),
            index=self._next_index,
            pts_seconds=pts_seconds,
            captured_seconds=arrived_seconds - self._clock.delay_seconds,
            camera=self._name,
            encoded=self._tape.take(picture),
        )
        self._next_index += 1
        return frame

    def _check_delay(self, now_seconds: float) -> None:
        """Gives up what lies in the queue when it has grown too long for too long."""
        if self._clock.delay_seconds < _LATE_SECONDS:
            self._late_since = None
            return
        if self._late_since is None:
            self._late_since = now_seconds
        late_for = now_seconds - self._late_since
        if late_for > _NEVER_CAUGHT_UP_SECONDS:
            raise StreamLostError(
                f"{self._name} falls behind by {self._clock.delay_seconds:.1f} s: the network carries less than it"
                " sends, so lower its bit rate or take its substream.",
                fault=StreamFault.TIMEOUT,
            )
        if late_for > _LATE_FOR_SECONDS:
            self._start_anew()

    def _start_anew(self) -> None:
        """From the next key frame; a decoder that reorders gives its picture some packets later."""
        self._awaits_key_packet = self._awaits_key_picture = True

    def _lose_corrupt(self) -> None:
        self._start_anew()
        self._tape.cut()
        self.losses = replace(self.losses, corrupt=self.losses.corrupt + 1)
        self._next_index += 1

    def _skip(self) -> None:
        self.losses = replace(self.losses, skipped=self.losses.skipped + 1)
        self._next_index += 1


_MOST_UNDECODED = 64
