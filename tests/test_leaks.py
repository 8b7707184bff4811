"""No face that is to be hidden is to be found in any file that a run leaves behind."""

import base64
import re
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from maskcam.batch import Job, run_job
from maskcam.classifiers.fixed import FixedClassifier
from maskcam.commands.sinks import make_sinks
from maskcam.config import Config
from maskcam.config_sections import ClassifierConfig, DetectorConfig
from maskcam.crops import CropSpec
from maskcam.detectors.fixed import FixedDetector
from maskcam.feeds import Feed
from maskcam.pixels import ArrayPixels
from maskcam.sources.base import Source, SourceInfo
from maskcam.types import Faces, Frame, Image, MaskStatus
from maskcam.watching import Watch

BARE, MASKED = (100, 100, 196, 196), (400, 100, 496, 196)
FRAMES = 40
MISSED = 25
"""The frame in which nobody is found."""


def pattern(seed: int, low: int, high: int) -> Image:
    """A face that one recognises: 4 pixels a dot, so that it outlives video and JPEG."""
    dots = np.random.default_rng(seed).choice(np.array([low, high], np.uint8), (24, 24))
    return np.repeat(cv2.resize(dots, (96, 96), interpolation=cv2.INTER_NEAREST)[..., None], 3, axis=2)


FACES = {"bare": pattern(1, 130, 255), "masked": pattern(2, 0, 125)}


def picture() -> Image:
    image = np.full((360, 640, 3), 120, np.uint8)
    for box, face in zip((BARE, MASKED), FACES.values(), strict=True):
        image[box[1] : box[3], box[0] : box[2]] = face
    return image


class TwoPeople(Source):
    """Two people who stand still."""

    def __init__(self) -> None:
        self.info = SourceInfo("door", size_wh=(640, 360), fps=25, is_live=False)

    def frames(self) -> Iterator[Frame]:
        for i in range(FRAMES):
            yield Frame(ArrayPixels(picture()), i, i / 25, 0.0, "door")

    def close(self) -> None:
        pass


@pytest.fixture(autouse=True)
def networks(monkeypatch: pytest.MonkeyPatch) -> None:
    two = Faces(np.array([BARE, MASKED], np.float32), np.array([0.9, 0.8], np.float32))

    def judge(crop: Image) -> MaskStatus:
        return MaskStatus.NO_MASK if crop.mean() > 128 else MaskStatus.MASK

    def detector(_: DetectorConfig, **__: str) -> FixedDetector:
        return FixedDetector(lambda i: Faces.none() if i == MISSED else two)

    def classifier(_: ClassifierConfig, **__: str) -> FixedClassifier:
        return FixedClassifier(judge, crop=CropSpec(size=32, margin=0))

    monkeypatch.setattr(DetectorConfig, "build", detector)
    monkeypatch.setattr(ClassifierConfig, "build", classifier)


def settings(folder: Path, **privacy: Any) -> Config:
    pictures = privacy.get("snapshots", True) and not privacy.get("statistics_only")
    return Config.model_validate(
        {
            "privacy": privacy,
            "violations": {"dwell_seconds": 0.2},
            "store": {"url": str(folder / "store.db")},
            "outbox": {"path": folder / "outbox.sqlite"},
            "webhook": [
                {"url": "http://127.0.0.1:9/", "name": kind, "picture": kind if pictures else "none"}
                for kind in ("face", "frame")
            ],
        }
    )


def run_watch(config: Config, folder: Path) -> None:
    feed = Feed(name="door", open=TwoPeople, is_camera=False)
    with ExitStack() as stack:
        pipeline = stack.enter_context(config.build_pipeline())
        sinks = make_sinks(
            [feed], folder / "out", config=config, window=None, record=True, tell=lambda _: None, stack=stack
        )
        watching = Watch([feed], pipeline, sinks=sinks, realtime=False, on_violation=lambda _: None)
        for _ in watching.run():
            pass


def run_pictures(config: Config, folder: Path) -> None:
    cv2.imwrite(str(folder.parent / "still.png"), picture())
    job = Job("still", (folder.parent / "still.png",), pictures=True)
    with config.build_pipeline() as pipeline:
        report = run_job(
            job,
            folder / "stills",
            config=config,
            pipeline=pipeline,
            on_start=lambda _: None,
            on_frame=lambda _: None,
        )
    assert report.error is None


def pictures_in(path: Path) -> Iterator[Image]:
    """Every picture in a file."""
    data = path.read_bytes()
    if path.suffix == ".mp4":
        with av.open(str(path)) as container:
            yield from (
                frame.to_ndarray(format="bgr24").astype(np.uint8) for frame in container.decode(video=0)
            )
    elif data.startswith(b"SQLite format 3"):
        with sqlite3.connect(path) as connection:
            tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
            for (table,) in tables:
                for row in connection.execute(f'SELECT * FROM "{table}"'):
                    for value in row:
                        text = value if isinstance(value, bytes) else str(value).encode()
                        for found in re.findall(rb"/9j/[A-Za-z0-9+/=]{200,}", text):
                            yield decode(base64.b64decode(found))
    elif data.startswith((b"\xff\xd8\xff", b"\x89PNG")):
        yield decode(data)


def decode(data: bytes) -> Image:
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    return image.astype(np.uint8)


def likeness(image: NDArray[np.uint8], face: Image) -> float:
    """How much the likeliest place in an image resembles a face, in [-1, 1]."""
    inner = face[8:-8, 8:-8]  # the overlay's frame lies on the edge
    if image.shape[0] < inner.shape[0] or image.shape[1] < inner.shape[1]:
        return 0.0
    return float(np.nan_to_num(cv2.matchTemplate(image, inner, cv2.TM_CCOEFF_NORMED)).max())


def kind_of(path: Path) -> str:
    return "snapshot" if "snapshots" in path.parts or path.parent.name.endswith(".snapshots") else path.suffix


def best_likeness(folder: Path) -> dict[str, dict[str, float]]:
    """Per kind of file that holds pictures and per face: how well the face is to be seen in the best of them."""
    best: dict[str, dict[str, float]] = {}
    for path in folder.rglob("*"):
        for image in pictures_in(path) if path.is_file() else ():
            kind = best.setdefault("media" if "store.media" in path.parts else kind_of(path), {})
            for name, face in FACES.items():
                kind[name] = max(kind.get(name, -1.0), likeness(image, face))
    return best


SHOWN, GONE = 0.8, 0.5
"""Coarse blocks still have the mean brightness of what they hide."""


@pytest.mark.parametrize(
    ("blur", "shown"), [("none", {"bare", "masked"}), ("compliant", {"bare"}), ("all", set())]
)
def test_no_file_shows_whom_it_must_not(tmp_path: Path, blur: str, shown: set[str]) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    config = settings(folder, blur=blur)
    run_watch(config, folder)
    run_pictures(config, folder)
    found = best_likeness(folder)
    assert set(found) == {".mp4", ".jpg", ".sqlite", "media", "snapshot"}, "all kinds were looked into"
    for kind, faces in found.items():
        for name, value in faces.items():
            assert value > SHOWN if name in shown else value < GONE, (kind, name, found)


def test_without_snapshots_there_is_video_only(tmp_path: Path) -> None:
    run_watch(settings(tmp_path, snapshots=False), tmp_path)
    assert set(best_likeness(tmp_path)) == {".mp4"}


def test_statistics_only_leaves_no_picture_but_the_rows(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    config = settings(folder, statistics_only=True)
    run_watch(config, folder)
    run_pictures(config, folder)
    assert best_likeness(folder) == {}
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert not [path for path in files if path.suffix in (".jpg", ".png", ".mp4")]
    assert not any(b"\xff\xd8\xff" in path.read_bytes() for path in files)
    with sqlite3.connect(folder / "store.db") as connection:
        tables = [
            name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        ]
        rows = {
            table: connection.execute(f'SELECT COUNT(*) FROM "{table}"').fetchone()[0] for table in tables
        }
    assert rows["violations"] == 1, rows
    (log,) = (folder / "out").rglob("events.jsonl")
    assert '"started"' in log.read_text()
    assert '"snapshot": null' in log.read_text()
