"""In which line of a TOML file a setting stands."""

from __future__ import annotations

import re
from collections.abc import Sequence

_HEADER = re.compile(r"\s*(\[\[?)\s*([A-Za-z0-9_.\"' -]+?)\s*\]\]?\s*(?:#.*)?")
_KEY = re.compile(r"\s*([A-Za-z0-9_.\"'-]+?)\s*=")


def line_of(text: str, place: Sequence[str | int]) -> int | None:
    """The line of a setting, 1-based; that of the nearest table around it where it has none of its own.

    Args:
        text: valid TOML.
        place: keys, and indices of arrays of tables, from the outside in: `("camera", 1, "zones", 0)`.
    """
    wanted = tuple(place)
    best, best_depth = None, 0
    table: tuple[str | int, ...] = ()
    counts: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if header := _HEADER.fullmatch(line):
            table = _table(header[1], _parts(header[2]), counts)
            here = table
        elif key := _KEY.match(line):
            here = table + _parts(key[1])
        else:
            continue
        depth = len(here)
        if depth > best_depth and wanted[:depth] == here:
            best, best_depth = number, depth
    return best


def _table(brackets: str, parts: tuple[str, ...], counts: dict[str, int]) -> tuple[str | int, ...]:
    """The place of a table; arrays of tables are counted as they come."""
    name = ".".join(parts)
    if brackets == "[[":
        counts[name] = counts.get(name, -1) + 1
    place: list[str | int] = []
    for i, part in enumerate(parts, start=1):
        place.append(part)
        if (index := counts.get(".".join(parts[:i]))) is not None:
            place.append(index)
    return tuple(place)


def _parts(dotted: str) -> tuple[str, ...]:
    return tuple(part.strip().strip("\"'") for part in dotted.split("."))
