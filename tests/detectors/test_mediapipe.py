import ctypes
import io
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from maskcam.detectors import mediapipe
from maskcam.detectors.mediapipe import MediaPipeDetector, load_mediapipe, official_model
from maskcam.detectors.yunet import YuNetDetector
from maskcam.errors import MissingLibraryError, OutputError, WeightsError
from maskcam.networks.yunet import YuNet
from tests.shared import portrait, shared_file

SHORT_RANGE = "pretrained/face_detection_short_range.tflite"
FULL_RANGE = "pretrained/face_detection_full_range_sparse.tflite"


def answer_with(monkeypatch: pytest.MonkeyPatch, answer: Callable[[], Any]) -> list[str]:
    """Puts `answer` in the place of the network; returns the list of addresses asked for."""
    asked: list[str] = []

    def urlopen(url: str, timeout: float) -> Any:
        assert timeout > 0
        asked.append(url)
        return answer()

    monkeypatch.setattr(urllib.request, "urlopen", urlopen)
    return asked


def iou(a: np.ndarray, b: np.ndarray) -> float:
    overlap = (np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2])).clip(0).prod()
    return float(overlap / ((a[2:] - a[:2]).prod() + (b[2:] - b[:2]).prod() - overlap))


@pytest.mark.parametrize("model", [SHORT_RANGE, FULL_RANGE])
def test_agrees_with_yunet_on_a_portrait(model: str) -> None:
    from safetensors.torch import load_file

    image = portrait()
    network = YuNet()
    network.load_state_dict(load_file(shared_file("pretrained/yunet_n_widerface.safetensors")))
    yunet = YuNetDetector(network, size=512, minimum_score=0.5, device=torch.device("cpu"))
    with MediaPipeDetector(model=shared_file(model), minimum_score=0.5) as detector:
        (faces,) = detector.detect([image])
    assert len(faces) == 1
    assert faces.landmarks is None
    assert iou(faces.boxes_xyxy[0], yunet.detect([image])[0].boxes_xyxy[0]) > 0.5


def test_hands_mediapipe_rgb() -> None:
    # a blue face is no face to a network that sees colours in the right order
    image = portrait()
    with MediaPipeDetector(model=shared_file(SHORT_RANGE), minimum_score=0.05) as detector:
        right, wrong = detector.detect([image, image[..., ::-1]])
    assert right.scores[0] == pytest.approx(0.92, abs=0.02)  # MediaPipe's own figure for its own RGB
    assert wrong.scores[0] < right.scores[0]


def test_minimum_score_is_kept() -> None:
    image = portrait()
    with MediaPipeDetector(model=shared_file(SHORT_RANGE), minimum_score=0.15) as detector:
        (faces,) = detector.detect([image])
    assert len(faces) > 1
    assert faces.scores.min() >= 0.15


@pytest.mark.parametrize("score", [-0.1, 1.1, float("nan")])
def test_impossible_minimum_score_is_refused(score: float) -> None:
    with pytest.raises(ValueError, match=r"\[0, 1\]"):
        MediaPipeDetector(model=Path("any.tflite"), minimum_score=score)


def test_closed_detector_says_so() -> None:
    detector = MediaPipeDetector(model=shared_file(SHORT_RANGE), minimum_score=0.5)
    detector.close()
    with pytest.raises(ValueError, match="closed"):
        detector.detect([portrait()])


def test_native_library_is_quiet_and_standard_error_comes_back() -> None:
    # in a process of its own: some lines are logged once per process
    code = f"""
import os, numpy as np
from pathlib import Path
from maskcam.detectors.mediapipe import MediaPipeDetector
with MediaPipeDetector(model=Path({str(shared_file(SHORT_RANGE))!r}), minimum_score=0.5) as detector:
    detector.detect([np.zeros((90, 160, 3), np.uint8)])
os.write(2, b"back")
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    # on any frame, once in many runs, its allocator meets LiteRt's alignment by no luck, and that is logged
    rare = ("Logging before InitGoogle", "memory is not aligned")
    lines = [line for line in ran.stderr.splitlines() if not any(words in line for words in rare)]
    assert (ran.stdout, lines) == ("", ["back"])


def test_missing_model(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"no MediaPipe model at .*gone\.tflite.*pass the path"):
        MediaPipeDetector.from_model(tmp_path / "gone.tflite", minimum_score=0.5)


@pytest.mark.parametrize("content", [b"", b"not a model at all" * 100], ids=["empty", "text"])
def test_file_that_is_no_model(tmp_path: Path, content: bytes) -> None:
    model = tmp_path / "some.tflite"
    model.write_bytes(content)
    with pytest.raises(WeightsError, match=r"cannot use .*some\.tflite.*pass BlazeFace"):
        MediaPipeDetector(model=model, minimum_score=0.5)


def test_pinned_file_is_the_one_tested_here() -> None:
    assert mediapipe._sha256(shared_file(SHORT_RANGE).read_bytes()) == mediapipe.MODEL_SHA256


def test_official_model_is_fetched_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = shared_file(SHORT_RANGE).read_bytes()
    asked = answer_with(monkeypatch, lambda: io.BytesIO(data))
    monkeypatch.setattr("platformdirs.user_cache_path", lambda name: tmp_path / name)
    with MediaPipeDetector.from_model(None, minimum_score=0.5) as detector:
        assert len(detector.detect([portrait()])[0]) == 1
    path = official_model()
    assert asked == [mediapipe.MODEL_URL]
    assert path.read_bytes() == data
    assert list((tmp_path / "maskcam").iterdir()) == [path], "no partial file left behind"


def test_damaged_cache_is_fetched_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = shared_file(SHORT_RANGE).read_bytes()
    asked = answer_with(monkeypatch, lambda: io.BytesIO(data))
    official_model(tmp_path).write_bytes(data[:-1])
    assert official_model(tmp_path).read_bytes() == data
    assert len(asked) == 2


def test_wrong_checksum_is_refused_and_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answer_with(monkeypatch, lambda: io.BytesIO(b"<html>please log in to this network</html>"))
    with pytest.raises(WeightsError, match=r"SHA-256 .* instead of bbff11cebd1e.*not kept"):
        official_model(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "error", [urllib.error.URLError("Name or service not known"), TimeoutError("timed out")]
)
def test_no_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def answer() -> Any:
        raise error

    answer_with(monkeypatch, answer)
    with pytest.raises(WeightsError, match=r"cannot be fetched from https://.*pass the path of a \.tflite"):
        official_model(tmp_path)


def test_unwritable_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = shared_file(SHORT_RANGE).read_bytes()
    answer_with(monkeypatch, lambda: io.BytesIO(data))
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=r"cannot keep MediaPipe's face model in .*file"):
        official_model(tmp_path / "file")


def test_missing_system_library_names_the_packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from mediapipe.tasks.python.core import mediapipe_c_bindings

    def refuse(*_: Any) -> Any:
        raise OSError("libGLESv2.so.2: cannot open shared object file: No such file or directory")

    monkeypatch.setattr(
        mediapipe_c_bindings, "_shared_lib", None
    )  # as in a process that has not loaded it yet
    monkeypatch.setattr(ctypes, "CDLL", refuse)
    model = tmp_path / "some.tflite"
    model.touch()
    with pytest.raises(MissingLibraryError, match=r"libGLESv2.*apt install libegl1 libgles2 libgl1"):
        MediaPipeDetector(model=model, minimum_score=0.5)


def test_missing_package_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mediapipe.tasks.python.core", None)
    with pytest.raises(MissingLibraryError, match="pip install mediapipe"):
        load_mediapipe()


def test_importing_the_plug_in_does_not_import_mediapipe() -> None:
    code = "import sys, maskcam.detectors.mediapipe; sys.exit('mediapipe' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
