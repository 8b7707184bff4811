"""Files of encoded pictures, made once and sent many times; standard library only, as `wire` says."""

from __future__ import annotations

import struct
from pathlib import Path

_LENGTH = struct.Struct(">I")


def write_units(path: Path, units: list[bytes]) -> None:
    """Every unit after its length."""
    path.write_bytes(b"".join(_LENGTH.pack(len(unit)) + unit for unit in units))


def read_units(path: Path) -> list[bytes]:
    """What `write_units` wrote: for H.264 and H.265, the parameter sets, then one access unit per picture."""
    data, units, place = path.read_bytes(), [], 0
    while place < len(data):
        (length,) = _LENGTH.unpack_from(data, place)
        place += _LENGTH.size
        units.append(data[place : place + length])
        place += length
    return units
