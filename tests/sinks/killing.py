"""A process that writes violations as fast as told, killed at some moment, and what must be true afterwards."""

from __future__ import annotations

import random
import sqlite3
import subprocess
import sys
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2

from maskcam.sinks.clip_encoder import ClipEncoder
from maskcam.sinks.clip_recorder import ClipOptions
from maskcam.sinks.store import StoreSink
from maskcam.store.store import EventStore
from maskcam.types import Image, ViolationPhase
from tests.factories import make_frame, make_image, make_result, make_track, make_violation
from tests.sinks.clips import look

CLIPS = ClipOptions(pre_seconds=0.1, post_seconds=0.1, longest_seconds=5)


@dataclass(frozen=True)
class Round:
    """What one kill left behind.

    Attributes:
        written: violations handed to the sink before the kill.
        stored: of these, found in the store afterwards.
        lost_seconds: how long before the kill the earliest missing one was handed over; 0 where none is missing.
        pictures: of this round's violations, all decoded.
        clips: likewise.
        swept: files of no row, removed at the next opening.
    """

    written: int
    stored: int
    lost_seconds: float
    pictures: int
    clips: int
    swept: int


def kill_once(
    target: str | Path, media: Path, *, violations_per_second: float, random_: random.Random
) -> Round:
    """Starts a writer, kills it with SIGKILL between 0.2 and 2.5 s after its first violation, and looks.

    Raises:
        AssertionError: a picture or clip is missing or damaged, or the database fails its integrity check.
    """
    run_id = uuid.UUID(int=random_.getrandbits(128)).hex
    command = [
        sys.executable,
        "-m",
        "tests.sinks.killing",
        str(target),
        str(media),
        run_id,
        str(violations_per_second),
    ]
    writer = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2])
    assert writer.stdout is not None
    lines = [writer.stdout.readline()]
    time.sleep(random_.uniform(0.2, 2.5))
    killed_at = time.monotonic()
    writer.kill()
    lines += writer.stdout.read().splitlines()
    writer.stdout.close()
    writer.wait()
    handed = dict(_parse(lines))
    files = _files(media)
    with StoreSink(EventStore.open(target, media=media), run_id=uuid.uuid4().hex) as sink:
        deadline = time.monotonic() + 60
        while not sink._has_recovered and time.monotonic() < deadline:
            time.sleep(0.05)
    return _look(target, media, run_id, handed, killed_at, files)


def _look(
    target: str | Path, media: Path, run_id: str, handed: dict[int, float], killed_at: float, files: int
) -> Round:
    with EventStore.open(target, media=media, create=False) as store:
        if not str(target).startswith("postgresql"):
            connection = sqlite3.connect(target)
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
            connection.close()
        named = list(store.files())
        assert len(named) == len(set(named)) == _files(media), "files without a row were left"
        assert all((media / name).is_file() for name in named), "a file is missing"
        mine = [violation for violation in store.violations() if violation.run_id == run_id]
        decoded = [_decode(media / name) for each in mine if each.pictures for name in each.pictures.names]
        clips = [look(media / each.clip.name) for each in mine if each.clip]
        assert all(clips), "a clip is empty"
        found = {violation.number for violation in mine}
    missing = [at for number, at in handed.items() if number not in found]
    lost_seconds = max((killed_at - at for at in missing), default=0.0)
    return Round(
        written=len(handed),
        stored=len(handed) - len(missing),
        lost_seconds=max(lost_seconds, 0.0),
        pictures=len(decoded),
        clips=len(clips),
        swept=files - len(named),
    )


def _decode(path: Path) -> Image:
    image = cv2.imread(str(path))
    assert image is not None, f"{path} is damaged"
    return image  # type: ignore[return-value]


def _parse(lines: Sequence[str]) -> list[tuple[int, float]]:
    """Numbers and when they were handed over; the last line may be cut short."""
    parts = [line.split() for line in lines]
    return [(int(part[0]), float(part[1])) for part in parts if len(part) == 3]


def _files(media: Path) -> int:
    return sum(path.suffix in (".jpg", ".mp4") for path in media.rglob("[!.]*"))


def write_for_ever(target: str, media: Path, run_id: str, violations_per_second: float) -> None:
    """Starts, betters and ends violations, each with a picture of 1280x720 and a clip of 160x120."""
    picture, small = make_image((1280, 720)), make_image((160, 120))
    encoder = ClipEncoder()
    start = time.monotonic()
    options = {"reserve_bytes": 0, "clips": CLIPS, "clips_reserve_bytes": 0}
    with StoreSink(EventStore.open(target, media=media), run_id=run_id, **options) as sink:  # type: ignore[arg-type]
        number = 0
        while True:
            number += 1
            now = time.monotonic()
            frame = make_frame(image=picture, index=number, pts_seconds=now - start)
            frame = replace(frame, captured_seconds=now, encoded=encoder.encode(small, now - start))
            reports = [replace(make_violation(violation_id=number), started_seconds=now - start)]
            if number > 1:  # the one before is seen better, and the one before that complies
                reports.append(make_violation(ViolationPhase.UPDATED, violation_id=number - 1))
            if number > 2:
                ended = make_violation(ViolationPhase.ENDED, violation_id=number - 2)
                reports.append(replace(ended, started_seconds=now - start, ended_seconds=now - start))
            sink.write(make_result(frame, (make_track(),), tuple(reports)), picture)
            print(number, time.monotonic(), "handed", flush=True)
            time.sleep(1 / violations_per_second)


if __name__ == "__main__":
    write_for_ever(sys.argv[1], Path(sys.argv[2]), sys.argv[3], float(sys.argv[4]))
