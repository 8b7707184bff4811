"""What a source has encoded, kept until its next frame takes it along."""

from __future__ import annotations

import re
from collections.abc import Iterator

from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame

from maskcam.types import EncodedPicture

_START_CODE = b"\x00\x00\x00\x01"
_SEQUENCE, _PICTURE = 7, 8
"""The nal_unit_type of parameter sets (ITU-T H.264, 7.4.1)."""
_PARAMETERS = re.compile(
    rb"\x00\x00\x01([\x07\x27\x47\x67\x08\x28\x48\x68].*?)(?=\x00\x00\x01|\Z)", re.DOTALL
)
"""A parameter set behind its start code, whatever its nal_ref_idc, up to the next one."""
_PLAYABLE = frozenset({"yuv420p", "yuvj420p"})
"""Browsers play neither 10 bits nor full colour."""
_STEP_BACK_SECONDS = 1.0
"""Pictures may be shown before others that came before them, but not by so much."""


class EncodedTape:
    """The pictures of one stream as they were encoded, with their parameters and times put in order.

    Args:
        context: of the stream's decoder.
    """

    def __init__(self, context: VideoCodecContext) -> None:
        self._context = context
        self._is_usable = context.name == "h264"
        self._length_bytes = 0
        self._parameters: dict[int, bytes] = {}
        try:
            self._length_bytes, parameters = _parameters(context.extradata or b"")
            self._parameters |= _by_type(parameters)
        except IndexError:  # cut short
            self._is_usable = False
        self._awaits_key = True
        self._latest_seconds = 0.0
        self._waiting: list[EncodedPicture] = []

    def add(self, data: bytes, *, pts_seconds: float | None, is_key: bool) -> None:
        """Takes a packet; those that build upon something missing are left out.

        Args:
            data: as the container has it.
            pts_seconds: see `EncodedPicture`; None makes the whole stream unusable from here on.
            is_key: it can be decoded without any before it.
        """
        if pts_seconds is None or pts_seconds < self._latest_seconds - _STEP_BACK_SECONDS:
            self._is_usable = False  # the frames that come out of it later know their times
        if not self._is_usable or (self._awaits_key and not is_key):
            return
        assert pts_seconds is not None
        if self._length_bytes:
            data = b"".join(_START_CODE + unit for unit in _units(data, self._length_bytes))
        if is_key:
            data = self._with_parameters(data)
        self._awaits_key = False
        self._latest_seconds = max(pts_seconds, self._latest_seconds)
        self._waiting.append(EncodedPicture(data, pts_seconds, is_key))

    def cut(self) -> None:
        """Something is missing or damaged here: what follows is of no use up to the next key picture."""
        self._awaits_key = True

    def take(self, picture: VideoFrame) -> tuple[EncodedPicture, ...] | None:
        """What has gathered, and goes with the frame of this decoded picture; None where it is not for browsers."""
        taken, self._waiting = tuple(self._waiting), []
        # a picture that is to be turned is turned in the frame, and not in what was encoded
        if not self._is_usable or picture.format.name not in _PLAYABLE or picture.rotation:
            return None
        return taken

    def _with_parameters(self, data: bytes) -> bytes:
        """A key picture with those that came before, where its own did not come along or were lost on their way."""
        own = _by_type(data)
        self._parameters |= own
        if own.keys() >= {_SEQUENCE, _PICTURE}:
            return data
        return b"".join(self._parameters.get(kind, b"") for kind in (_SEQUENCE, _PICTURE)) + data


def _by_type(data: bytes) -> dict[int, bytes]:
    """The parameter sets in what has start codes, those of a type together."""
    found: dict[int, bytes] = {}
    for unit in _PARAMETERS.findall(data):
        kind = unit[0] & 31
        # zeros at the end belong to the start code that follows
        found[kind] = found.get(kind, b"") + _START_CODE + unit.rstrip(b"\0")
    return found


def _parameters(extradata: bytes) -> tuple[int, bytes]:
    """How many bytes the length before each unit has, 0 for start codes; and the parameter sets with start codes.

    In MP4 and Matroska it is an AVCDecoderConfigurationRecord (ISO/IEC 14496-15, 5.3.3.1.2), elsewhere plain units.
    """
    if extradata[:1] != b"\x01":
        return 0, extradata
    units: list[bytes] = []
    position = 5
    for mask in (0x1F, 0xFF):  # sequence and picture parameter sets
        count, position = extradata[position] & mask, position + 1
        for _ in range(count):
            size = int.from_bytes(extradata[position : position + 2])
            units.append(extradata[position + 2 : position + 2 + size])
            position += 2 + size
    return (extradata[4] & 3) + 1, b"".join(_START_CODE + unit for unit in units)


def _units(data: bytes, length_bytes: int) -> Iterator[bytes]:
    """The units of a packet in which each stands behind its length."""
    position = 0
    while position + length_bytes <= len(data):
        start = position + length_bytes
        position = start + int.from_bytes(data[position:start])
        yield data[start:position]
