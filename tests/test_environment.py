import ctypes
import hashlib
import json
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest

from maskcam import environment
from maskcam.environment import (
    OPENCV_PACKAGES,
    check_all,
    check_display,
    check_mediapipe,
    check_opencv,
    check_opencv_packages,
    check_openvino,
    check_pyav,
    check_python,
    check_torch,
    check_weights,
    installed_opencv,
)

GOOD = {"opencv-python": "5.0.0.93", "opencv-contrib-python": "5.0.0.93"}


@pytest.mark.parametrize(
    ("version", "ok"),
    [((3, 10, 14), False), ((3, 11, 0), True), ((3, 13, 9), True), ((3, 14, 0), False), ((2, 7, 18), False)],
)
def test_python(version: tuple[int, ...], ok: bool) -> None:
    check = check_python(version)
    assert check.ok is ok
    assert check.found.startswith(".".join(map(str, version)))
    assert (check.advice is None) == ok
    assert ok or "Python 3.11 to 3.13" in str(check.advice)


def test_python_limits_are_those_of_the_package() -> None:
    pyproject = Path(__file__).parents[1] / "pyproject.toml"
    assert 'requires-python = ">=3.11,<3.14"' in pyproject.read_text()
    assert (environment._OLDEST_PYTHON, environment._NEWEST_PYTHON) == ((3, 11), (3, 13))


def test_torch_names_its_devices() -> None:
    check = check_torch()
    assert check.ok is True
    assert "cpu" in check.found


def test_broken_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    check = check_torch()
    assert check.ok is False
    assert "pip install torch torchvision" in str(check.advice)


def test_openvino_names_its_arithmetic() -> None:
    check = check_openvino()
    assert check.ok is True
    assert "bfloat16" in check.found or "float32" in check.found


def test_openvino_is_optional(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)
    check = check_openvino()
    assert check.ok is None
    assert "pip install openvino" in str(check.advice)


def test_old_gpu_driver_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    def count() -> int:
        warnings.warn("CUDA initialization: The NVIDIA driver on your system is too old", stacklevel=1)
        return 0

    monkeypatch.setattr(torch.cuda, "device_count", count)
    check = check_torch()
    assert check.ok is None
    assert "driver on your system is too old" in str(check.advice)


def test_this_machine_has_a_good_opencv() -> None:
    versions = installed_opencv()
    assert set(versions) <= set(OPENCV_PACKAGES)
    assert check_opencv_packages(versions, pinned=None).ok is True
    assert check_opencv(versions, pinned=None).ok is True


@pytest.mark.parametrize(
    ("versions", "ok"),
    [
        (GOOD, True),
        ({"opencv-contrib-python": "5.0.0.93"}, True),
        ({"opencv-python": "5.0.0.93"}, True),
        ({"opencv-python-headless": "5.0.0.93"}, None),
        ({"opencv-python": "5.0.0.93", "opencv-contrib-python": "4.13.0.92"}, False),
        ({"opencv-python": "5.0.0.93", "opencv-contrib-python": "5.0.0.90"}, False),
        ({**GOOD, "opencv-python-headless": "5.0.0.93"}, False),
        ({"opencv-contrib-python": "5.0.0.93", "opencv-python-headless": "4.9.0.80"}, False),
        ({}, False),
    ],
    ids=lambda value: (
        "+".join(f"{n}-{v}" for n, v in value.items()) if isinstance(value, dict) else str(value)
    ),
)
def test_opencv_mixes(versions: dict[str, str], ok: bool | None) -> None:
    check = check_opencv_packages(versions, pinned=None)
    assert check.ok is ok
    assert all(f"{name} {version}" in check.found for name, version in versions.items())
    assert (check.advice is None) == (ok is True)


def test_mending_a_mix_removes_all_and_installs_one_version() -> None:
    mix = {
        "opencv-python": "4.13.0.92",
        "opencv-contrib-python": "5.0.0.93",
        "opencv-python-headless": "4.9.0.80",
    }
    removal = "pip uninstall -y opencv-python opencv-contrib-python opencv-python-headless"
    for pinned, version in ((None, "5.0.0.93"), ("4.13.0.92", "4.13.0.92")):
        advice = str(check_opencv_packages(mix, pinned=pinned).advice)
        install = f"pip install --no-deps opencv-python=={version} opencv-contrib-python=={version}"
        assert advice.index(removal) < advice.index(install)


def test_newest_build_is_chosen_by_number_not_by_letter() -> None:
    mix = {"opencv-python": "5.0.0.9", "opencv-contrib-python": "5.0.0.10"}
    assert "opencv-python==5.0.0.10" in str(check_opencv_packages(mix, pinned=None).advice)


def test_cv2_of_another_release_than_pip_says() -> None:
    check = check_opencv({"opencv-python": "4.13.0.92"}, pinned=None)
    assert check.ok is False
    assert "not what pip installed" in check.found
    assert "opencv-python==4.13.0.92" in str(check.advice)


def test_cv2_without_its_system_libraries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cv2", None)
    check = check_opencv(GOOD, pinned=None)
    assert check.ok is False
    assert "apt install libegl1 libgles2 libgl1" in str(check.advice)
    assert check_display({"DISPLAY": ":0"}).ok is None


def test_cv2_that_is_an_empty_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cv2", type(sys)("cv2"))
    check = check_opencv(GOOD, pinned=None)
    assert check.ok is False
    assert "imencode" in check.found
    assert "pip uninstall -y opencv-python opencv-contrib-python" in str(check.advice)
    assert check_display({"DISPLAY": ":0"}).ok is None


def test_pyav_has_the_codecs() -> None:
    check = check_pyav()
    assert check.ok is True
    assert "libx264" in check.found


def test_pyav_without_a_codec(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(environment._OPTIONAL_CODECS, "no-such-codec", "r")
    assert check_pyav().ok is None
    monkeypatch.setitem(environment._REQUIRED_CODECS, "nor-this-one", "w")
    check = check_pyav()
    assert check.ok is False
    assert "nor-this-one" in check.found
    assert "no-such-codec" not in check.found


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there is always a display")
def test_display() -> None:
    assert check_display({}).ok is None
    assert "--headless" in str(check_display({}).advice)
    assert check_display({"DISPLAY": ":0"}).ok is True
    assert check_display({"WAYLAND_DISPLAY": "wayland-0"}).ok is True


def test_mediapipe_without_its_system_libraries(monkeypatch: pytest.MonkeyPatch) -> None:
    from mediapipe.tasks.python.core import mediapipe_c_bindings

    def refuse(*_: Any) -> Any:
        raise OSError("libGLESv2.so.2: cannot open shared object file")

    monkeypatch.setattr(mediapipe_c_bindings, "_shared_lib", None)
    monkeypatch.setattr(ctypes, "CDLL", refuse)
    check = check_mediapipe()
    assert check.ok is None, "only one plug-in needs it"
    assert "apt install libegl1 libgles2 libgl1" in str(check.advice)


def write_weights(folder: Path, name: str, *, architecture: str, sha256: str | None = None) -> Path:
    """Weights that no network would take, with a valid card: doctor looks at checksums only."""
    path = folder / f"{name}.safetensors"
    path.write_bytes(name.encode())
    task = "detector" if architecture == "yunet_n" else "classifier"
    card = {
        "name": name,
        "task": task,
        "architecture": architecture,
        "classes": ["face"] if task == "detector" else ["mask", "no_mask", "incorrect"],
        "input_size": 128,
        "channel_order": "BGR",
        "mean": [0, 0, 0],
        "std": [1, 1, 1],
        "crop_margin": None if task == "detector" else 0.2,
        "parameters": 1,
        "sha256": sha256 or hashlib.sha256(path.read_bytes()).hexdigest(),
        "licence": "Apache-2.0",
        "training_data": "none",
        "protocol": "none",
        "metrics": {},
        "command": "none",
    }
    path.with_suffix(".json").write_text(json.dumps(card))
    return path


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    write_weights(tmp_path, "yunet_n", architecture="yunet_n")
    write_weights(tmp_path, "mobilenet_v2", architecture="mobilenet_v2")
    return tmp_path


def test_weights_that_are_right(weights: Path) -> None:
    check = check_weights(weights)
    assert check.ok is True
    assert "mobilenet_v2, yunet_n" in check.found


def test_weights_that_are_missing(tmp_path: Path) -> None:
    check = check_weights(tmp_path)
    assert check.ok is False
    assert "mobilenet_v2.safetensors" in check.found


def test_weights_that_were_changed(weights: Path) -> None:
    (weights / "yunet_n.safetensors").write_bytes(b"changed")
    check = check_weights(weights)
    assert check.ok is False
    assert "yunet_n.safetensors is not what its card says" in check.found


def test_further_weights_are_looked_at_too(weights: Path) -> None:
    write_weights(weights, "my_own", architecture="mobilenet_v2", sha256="0" * 64)
    check = check_weights(weights)
    assert check.ok is False
    assert "my_own.safetensors" in check.found


def test_weights_without_a_card(weights: Path) -> None:
    (weights / "yunet_n.json").unlink()
    assert "no model card" in check_weights(weights).found


def test_all_checks_have_names_of_their_own_and_advice_when_not_fine() -> None:
    checks = check_all()
    names = [check.name for check in checks]
    assert len(set(names)) == len(names) == 10
    for check in checks:
        assert check.found
        assert "\n" not in check.found
        assert check.ok is True or check.advice


def test_importing_asks_nothing_of_heavy_libraries() -> None:
    code = (
        "import sys, maskcam.environment, maskcam.commands.doctor;"
        "sys.exit(', '.join({'torch', 'cv2', 'av', 'mediapipe', 'pydantic'} & set(sys.modules)) or None)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ran.stderr == ""
    assert ran.returncode == 0
