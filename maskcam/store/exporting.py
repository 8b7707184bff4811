"""Violations as files for other programs."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from maskcam.errors import MissingLibraryError
from maskcam.store.media import MediaFolder
from maskcam.store.records import StoredViolation

Value = str | int | float | bool | None

COLUMNS = (
    "id",
    "camera",
    "status",
    "started_at",
    "ended_at",
    "seconds",
    "is_protected",
    "is_false_alarm",
    "track_id",
    "started_seconds",
    "ended_seconds",
    "x1",
    "y1",
    "x2",
    "y2",
    "transitions",
    "picture",
    "face",
    "clip",
    "key",
)


def flat(violation: StoredViolation) -> dict[str, Value]:
    """One violation as `COLUMNS`; times of day as ISO 8601 in UTC, statuses as `no_mask 14.0; mask`."""
    x1, y1, x2, y2 = violation.box_xyxy
    pictures = violation.pictures
    values: tuple[Value, ...] = (
        violation.id,
        violation.camera,
        violation.status.value,
        violation.started_at.isoformat(),
        violation.ended_at.isoformat() if violation.ended_at else None,
        duration(violation),
        violation.is_protected,
        violation.is_false_alarm,
        violation.track_id,
        violation.started_seconds,
        violation.ended_seconds,
        x1,
        y1,
        x2,
        y2,
        "; ".join(_stretches(violation)),
        pictures.frame if pictures else None,
        pictures.face if pictures else None,
        violation.clip.name if violation.clip else None,
        violation.key,
    )
    return dict(zip(COLUMNS, values, strict=True))


def nested(violation: StoredViolation) -> dict[str, Any]:
    """One violation for JSON: like `flat`, with the transitions one by one and the box as a list."""
    values: dict[str, Any] = dict(flat(violation))
    values["box_xyxy"] = [values.pop(name) for name in ("x1", "y1", "x2", "y2")]
    values["transitions"] = [
        {
            "status": change.status.value,
            "started_at": change.started_at.isoformat(),
            "ended_at": change.ended_at.isoformat() if change.ended_at else None,
            "started_seconds": change.started_seconds,
            "ended_seconds": change.ended_seconds,
        }
        for change in violation.transitions
    ]
    return values


def duration(violation: StoredViolation) -> float | None:
    """Seconds that it took; None while it goes on."""
    if violation.ended_at is None:
        return None
    return round((violation.ended_at - violation.started_at).total_seconds(), 3)


def write_csv(violations: Iterable[StoredViolation], file: IO[str]) -> int:
    """Writes a line each below a line of names; how many.

    Text that a spreadsheet would take for a formula, as a camera's name might be made to, gets an apostrophe before it.
    """
    writer = csv.DictWriter(file, COLUMNS)
    writer.writeheader()
    count = 0
    for violation in violations:
        writer.writerow({name: _harmless(value) for name, value in flat(violation).items()})
        count += 1
    return count


def write_json(violations: Iterable[StoredViolation], file: IO[str]) -> int:
    """Writes a list, an object each; how many."""
    count = 0
    file.write("[")
    for violation in violations:
        file.write((",\n " if count else "\n ") + json.dumps(nested(violation), ensure_ascii=False))
        count += 1
    file.write("\n]\n")
    return count


def write_parquet(violations: Iterable[StoredViolation], path: Path) -> int:
    """Writes a Parquet file, with times of day as such; how many.

    Raises:
        MissingLibraryError: pyarrow is not installed.
        OSError: it cannot be written.
    """
    try:
        import pyarrow as arrow
        from pyarrow import parquet
    except ImportError as error:
        raise MissingLibraryError(
            'Parquet needs the library pyarrow: pip install "maskcam[parquet]"'
        ) from error
    time = arrow.timestamp("us", tz="UTC")
    types = {
        "started_at": time, "ended_at": time,
        "id": arrow.int64(), "track_id": arrow.int64(),
        "is_protected": arrow.bool_(), "is_false_alarm": arrow.bool_(),
        **dict.fromkeys(["seconds", "started_seconds", "ended_seconds", "x1", "y1", "x2", "y2"], arrow.float64()),
    }  # fmt: skip
    schema = arrow.schema([(name, types.get(name, arrow.string())) for name in COLUMNS])
    count = 0
    with parquet.ParquetWriter(path, schema) as writer:
        for page in _pages(violations):
            rows = [
                flat(violation) | {"started_at": violation.started_at, "ended_at": violation.ended_at}
                for violation in page
            ]
            writer.write_table(arrow.Table.from_pylist(rows, schema=schema))
            count += len(page)
    return count


def write_zip(
    violations: Iterable[StoredViolation], path: Path, media: MediaFolder, *, clips: bool = True
) -> int:
    """Writes `violations.csv`, `violations.json` and the pictures and clips that are there; how many violations.

    Args:
        violations: which.
        path: of the file.
        media: where their files are.
        clips: whether to include those, which are far larger than everything else.

    Raises:
        OSError: it cannot be written.
    """
    found = list(violations)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        table, objects = io.StringIO(), io.StringIO()
        write_csv(found, table)
        write_json(found, objects)
        archive.writestr("violations.csv", table.getvalue())
        archive.writestr("violations.json", objects.getvalue())
        for violation in found:
            named = {"pictures": violation.pictures, "clips": violation.clip if clips else None}
            for folder, files in named.items():
                for name in files.names if files else ():
                    file = media.path(name)
                    if file.is_file():  # retention may have been quicker
                        archive.write(file, f"{folder}/{name}", zipfile.ZIP_STORED)  # packed already
    return len(found)


def _pages(violations: Iterable[StoredViolation], size: int = 5_000) -> Iterator[list[StoredViolation]]:
    page: list[StoredViolation] = []
    for violation in violations:
        page.append(violation)
        if len(page) == size:
            yield page
            page = []
    if page:
        yield page


def _stretches(violation: StoredViolation) -> Iterator[str]:
    for change in violation.transitions:
        if change.ended_seconds is None:
            yield change.status.value
        else:
            yield f"{change.status.value} {change.ended_seconds - change.started_seconds:.1f}"


def _harmless(value: Value) -> Value:
    return (
        f"'{value}"
        if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r"))
        else value
    )


FORMATS: Mapping[str, str] = {
    ".csv": "CSV",
    ".json": "JSON",
    ".parquet": "Parquet",
    ".zip": "ZIP with pictures and clips",
}
"""By the ending of a file."""
