"""Takes the sound of one file over into another, in step with the pictures."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.packet import Packet

from maskcam.errors import OutputError
from maskcam.sinks.files import reason

_log = logging.getLogger(__name__)

_COPIED_CODECS = ("aac", "mp3")  # an MP4 may hold them and every browser plays them; others become AAC
_AAC_RATES = (48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000)
_START_SLACK_SECONDS = Fraction(1, 20)  # codecs begin with a packet before time zero that fills their memory


class Soundtrack:
    """The first audio stream of a file, on its way into another.

    Sound from before the first picture is cut; sound that begins after it begins late again.

    Args:
        source: a file; without sound it adds nothing.
        target: where to; nothing may have been written there yet.
        zero_seconds: when the first picture is shown, counted from the start of the file, sound included.

    Raises:
        OutputError: `source` cannot be read.
    """

    def __init__(self, source: Path, target: OutputContainer, *, zero_seconds: float) -> None:
        try:
            self._input = av.open(str(source.resolve()))
        except (OSError, av.FFmpegError) as error:
            raise OutputError(f"cannot take over the sound of {source}: {reason(error)}") from error
        self._source = source
        self._target = target
        self._zero_seconds = Fraction(zero_seconds) + Fraction(self._input.start_time or 0, av.time_base)
        self._packets: Iterator[Packet[AudioStream]] = iter(())
        self._next: Packet[AudioStream] | None = None
        if self._input.streams.audio:
            stream = self._input.streams.audio[0]
            copied = stream.codec_context.codec.canonical_name in _COPIED_CODECS
            self._packets = self._copy(stream) if copied else self._encode(stream)

    def write_until(self, seconds: float) -> None:
        """Writes what begins before `seconds` after the first picture."""
        while True:
            self._next = self._next or next(self._packets, None)
            if self._next is None or _seconds(self._next.pts, self._next.time_base) >= seconds:
                return
            self._target.mux(self._next)
            self._next = None

    def close(self) -> None:
        """Closes the file that the sound comes from."""
        self._input.close()

    def _copy(self, stream: AudioStream) -> Iterator[Packet[AudioStream]]:
        # the stream must be there before anything is written, so not only when the first packet is asked for
        return self._copied(stream, self._target.add_stream_from_template(stream))

    def _copied(self, stream: AudioStream, output: AudioStream) -> Iterator[Packet[AudioStream]]:
        for packet in self._read(stream):
            if packet.pts is None:
                continue
            packet.pts -= round(self._zero_seconds / packet.time_base)
            packet.dts = packet.pts
            packet.stream = output
            if _seconds(packet.pts + (packet.duration or 0), packet.time_base) >= -_START_SLACK_SECONDS:
                yield packet

    def _encode(self, stream: AudioStream) -> Iterator[Packet[AudioStream]]:
        rate = stream.codec_context.sample_rate
        output = self._target.add_stream("aac", rate=rate if rate in _AAC_RATES else _AAC_RATES[0])
        output.codec_context.layout = "mono" if stream.codec_context.channels == 1 else "stereo"
        return self._encoded(stream, output)

    def _encoded(self, stream: AudioStream, output: AudioStream) -> Iterator[Packet[AudioStream]]:
        for frame in self._decode(stream):
            if frame.pts is None or frame.time_base is None:
                continue
            frame.pts -= round(self._zero_seconds / frame.time_base)
            if _seconds(frame.pts, frame.time_base) + Fraction(frame.samples, frame.sample_rate) > 0:
                yield from output.encode(frame)
        yield from output.encode(None)

    def _decode(self, stream: AudioStream) -> Iterator[AudioFrame]:
        for packet in self._read(stream):
            try:
                yield from packet.decode()
            except av.InvalidDataError:
                continue  # a damaged packet is a click in the sound, no reason to lose the rest

    def _read(self, stream: AudioStream) -> Iterator[Packet[AudioStream]]:
        try:
            yield from self._input.demux(stream)
        except (OSError, av.FFmpegError) as error:
            _log.warning("the sound of %s breaks off: %s", self._source, reason(error))


def _seconds(pts: int | None, time_base: Fraction) -> Fraction:
    return (pts or 0) * time_base
