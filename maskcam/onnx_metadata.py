"""What is written into an ONNX file beside its network, read without any library for it."""

from __future__ import annotations

from collections.abc import Iterator

CARD_KEY = "maskcam_card"
"""Name of the entry that holds the model card as JSON."""

# Numbers of fields in onnx.proto3: ModelProto.metadata_props, StringStringEntryProto.key and .value
_METADATA, _KEY, _VALUE = 14, 1, 2


def read_metadata(data: bytes) -> dict[str, str]:
    """The entries of an ONNX file.

    Args:
        data: the whole file.

    Raises:
        ValueError: it is cut short, or no ONNX file.
    """
    view = memoryview(data)
    entries = {}
    for number, entry in _fields(view):
        if number == _METADATA:
            parts = dict(_fields(entry))
            entries[bytes(parts[_KEY]).decode()] = bytes(parts.get(_VALUE, b"")).decode()
    return entries


def _fields(message: memoryview) -> Iterator[tuple[int, memoryview]]:
    """Number and content of the fields of a Protocol Buffers message that have a length; the others are skipped."""
    position = 0
    while position < len(message):
        key, position = _varint(message, position)
        match key & 7:
            case 0:
                _, position = _varint(message, position)
            case 1:
                position += 8
            case 5:
                position += 4
            case 2:
                size, start = _varint(message, position)
                position = start + size
                yield key >> 3, message[start:position]
            case kind:
                raise ValueError(f"a field of unknown kind {kind}")
    if position > len(message):
        raise ValueError("it is cut short")


def _varint(message: memoryview, position: int) -> tuple[int, int]:
    """A number of seven bits per byte, lowest first, and the position behind it."""
    value = shift = 0
    while True:
        if position >= len(message) or shift > 63:
            raise ValueError("it is cut short")
        byte = message[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7
