"""Clips as somebody gets them who runs the commands: from recordings and from real cameras."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from maskcam.sinks import clip_recorder
from maskcam.sources import open_source
from maskcam.store.records import StoredViolation
from maskcam.store.store import EventStore
from tests.cameras import Camera, MjpegCamera, RtspCamera
from tests.cameras.test_encoded import coded
from tests.cameras.units import read_units
from tests.cli import ROOT, cut_clip, run_cli
from tests.sinks.clips import look


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return cut_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", first=140, count=50)


def stored(path: Path) -> list[tuple[StoredViolation, Path]]:
    """Violations of an SQLite store that have clips, and where those are."""
    with EventStore.open(path, create=False) as store:
        return [(each, store.media.path(each.clip.name)) for each in store.violations() if each.clip]


def units_of(path: Path) -> list[tuple[bytes, ...]]:
    """The coded pieces of every picture of a file, with start codes."""
    with open_source(str(path)) as source:
        return [coded(picture.data) for frame in source for picture in frame.encoded or ()]


def test_process_copies_what_the_recording_has(
    clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> None:
        raise AssertionError("an encoder was made")

    monkeypatch.setattr(clip_recorder, "ClipEncoder", refuse)
    path = tmp_path / "events.db"
    done = run_cli(capsys, "process", clip, "-o", tmp_path / "out", "--store", path, "--no-video")
    assert done.code == 0, done.err
    found = stored(path)
    assert len(found) == 2
    for _, file in found:
        assert len(look(file)) > 40
        assert set(units_of(file)) <= set(units_of(clip))
    assert not (tmp_path / "out" / "clips").exists(), "they are in the store"
    done = run_cli(capsys, "events", "show", found[0][0].id, "--store", path)
    assert str(found[0][1]) in done.out
    assert "the violation from second" in done.out


def face(image: NDArray[np.uint8], violation: StoredViolation) -> NDArray[np.uint8]:
    x1, y1, x2, y2 = (round(value) for value in violation.box_xyxy)
    return image[y1:y2, x1:x2]


def detail(image: NDArray[np.uint8]) -> float:
    return float(cv2.Laplacian(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), cv2.CV_64F).var())


def test_blurred_faces_are_blurred_in_clips_too(
    clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    least = {}
    for blur in ("none", "all"):
        path = tmp_path / blur / "events.db"
        done = run_cli(
            capsys, "process", clip, "-o", tmp_path / "out", "--store", path, "--no-video", "--blur", blur
        )
        assert done.code == 0, done.err
        violation, file = stored(path)[0]
        images = [picture.to_ndarray(format="bgr24") for picture in look(file)]
        # a face that nobody has found yet, in the first frames, may be seen; the violation is what counts
        least[blur] = np.median([detail(face(image, violation)) for image in images[5:]])
    assert least["all"] < 0.25 * least["none"]


@pytest.mark.parametrize(
    "options", [["--no-clips"], ["--no-snapshots"], ["--statistics-only"]], ids=lambda options: options[0]
)
def test_no_clips_where_none_are_wanted(
    clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str]
) -> None:
    path = tmp_path / "events.db"
    done = run_cli(capsys, "watch", clip, "--headless", "-o", tmp_path / "out", "--store", path, *options)
    assert done.code == 0, done.err
    done = run_cli(capsys, "watch", clip, "--headless", "-o", tmp_path / "other", *options)
    assert done.code == 0, done.err
    with EventStore.open(path, create=False) as store:
        assert store.totals().violations == 2
        assert not [violation for violation in store.violations() if violation.clip]
    assert not list(tmp_path.rglob("*.mp4"))


def test_watch_without_a_store_keeps_them_beside_the_snapshots(
    clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    done = run_cli(capsys, "watch", clip, "--headless", "-o", tmp_path)
    assert done.code == 0, done.err
    assert "Log and snapshots and clips in" in done.out
    (run,) = tmp_path.iterdir()
    events = [json.loads(line) for line in (run / "events.jsonl").read_text().splitlines()]
    named = {event["clip"] for event in events}
    assert named == {f"clips/{file.name}" for file in (run / "clips").iterdir()}
    assert len(named) == 2
    for name in named:
        look(run / name)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ("[privacy]\nsnapshots = false\n[clips]\nenabled = true", "clips.enabled asks for pictures"),
        (
            "[privacy]\nsnapshots = false\n[[webhook]]\nurl = 'http://a.b/c'\npicture = 'face'",
            "webhook.picture asks for pictures",
        ),
        ("[privacy]\nstatistics_only = true\n[clips]\nenabled = true", "clips.enabled asks for some"),
        ("[clips]\nlongest_seconds = 0", "longest_seconds"),
    ],
)
def test_settings_that_contradict_each_other(
    settings: str, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "maskcam.toml"
    file.write_text(settings)
    done = run_cli(capsys, "watch", "synthetic:320x240@25*5", "--headless", "-c", file)
    assert done.code == 2
    assert words in done.err
    assert len(done.err.strip().splitlines()) == 1


def watch_camera(camera: Camera, tmp_path: Path, *args: str) -> str:
    """Watches until a violation has ended and its clip is there; what was said."""
    config = tmp_path / "maskcam.toml"
    config.write_text(
        "[detector]\nsize = 320\n[clips]\npre_seconds = 2\npost_seconds = 1\nreserve_megabytes = 0\n"
        f"[store]\nreserve_megabytes = 0\n[[camera]]\nname = 'ward 3'\nanalysis_fps = 8\nsource = '{camera.url}'\n"
    )
    with subprocess.Popen(
        [sys.executable, "-m", "maskcam", "watch", "--headless", "-c", str(config), *args],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=os.environ | {"COLUMNS": "140"},
    ) as process:  # fmt: skip
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and not list(tmp_path.rglob("[!.]*.mp4")):
            time.sleep(0.2)
        process.send_signal(signal.SIGTERM)
        assert process.stdout is not None
        text = process.stdout.read()
    assert process.returncode == 130, text
    assert "ended at" in text, text
    return text


def test_the_packets_of_a_real_camera(tmp_path: Path) -> None:
    with RtspCamera(size_wh=(640, 360), clip_seconds=12) as camera:
        watch_camera(camera, tmp_path, "--store", str(tmp_path / "events.db"))
        sent = {coded(unit) for unit in read_units(camera._clip(1))[1:]}
    found = stored(tmp_path / "events.db")
    assert found
    for violation, file in found:
        assert violation.clip is not None
        pictures = look(file)
        assert pictures[0].key_frame
        assert set(units_of(file)) <= sent, "encoded anew"
        assert (file.parent.parent, violation.camera) == (tmp_path / "events.media", "ward 3")
        lasted = (violation.ended_seconds or 0) - violation.started_seconds
        if violation.started_seconds > 3:  # there was something before it
            assert violation.clip.lead_seconds >= 2
        assert violation.clip.seconds >= violation.clip.lead_seconds + lasted - 0.1


def test_a_camera_that_encodes_nothing_to_be_copied(tmp_path: Path) -> None:
    with MjpegCamera(size_wh=(640, 360), clip_seconds=12) as camera:
        watch_camera(camera, tmp_path, "-o", str(tmp_path / "out"))
    (run,) = (tmp_path / "out").iterdir()
    events = [json.loads(line) for line in (run / "events.jsonl").read_text().splitlines()]
    for file in (run / "clips").iterdir():
        assert f"clips/{file.name}" in {event["clip"] for event in events}
        pictures = look(file)
        assert len(pictures) > 10
        with av.open(str(file)) as container:
            assert container.streams.video[0].codec_context.pix_fmt == "yuv420p"
