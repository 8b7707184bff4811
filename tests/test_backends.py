import importlib.util
import subprocess
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest

from maskcam import backends
from maskcam.backends import Backend, Computing, Precision, choose_backend, may_have_accelerator
from maskcam.errors import ConfigError, MissingLibraryError
from tests.cli import ROOT, STILLS


def computing(backend: Backend = "auto", *, device: str = "cpu", precision: Precision = "auto") -> Computing:
    return Computing(device=device, backend=backend, precision=precision)


TRAINED = Path("a.safetensors")


@pytest.fixture
def missing(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Names of packages that are to look as if they were not installed."""
    gone: set[str] = set()
    find = importlib.util.find_spec

    def find_spec(name: str) -> ModuleSpec | None:
        return None if name in gone else find(name)

    monkeypatch.setattr(backends.importlib.util, "find_spec", find_spec)
    return gone


def test_the_fastest_that_is_installed_is_taken(missing: set[str]) -> None:
    for expected in ("openvino", "onnxruntime", "torch"):
        assert choose_backend(TRAINED, computing()) == expected
        missing.add(expected)
    with pytest.raises(MissingLibraryError, match="pip install openvino"):
        choose_backend(TRAINED, computing())


def test_what_was_asked_for_is_taken_or_refused(missing: set[str]) -> None:
    assert choose_backend(TRAINED, computing("torch")) == "torch"
    missing.add("onnxruntime")
    with pytest.raises(MissingLibraryError, match=r"maskcam\[onnxruntime\]"):
        choose_backend(TRAINED, computing("onnxruntime"))


@pytest.mark.parametrize(
    ("name", "able"),
    [
        ("a.onnx", {"openvino", "onnxruntime"}),
        ("a.xml", {"openvino"}),
        ("a.torchscript", {"torch"}),
        ("a.pt2", {"torch"}),
    ],
)
def test_what_runs_which_file(name: str, able: set[Backend]) -> None:
    assert choose_backend(Path(name), computing()) in able
    every: set[Backend] = {"openvino", "onnxruntime", "torch"}
    for backend in able:
        assert choose_backend(Path(name), computing(backend)) == backend
    for backend in every - able:
        with pytest.raises(ConfigError, match=f"{name} runs with backend .*, not with {backend}"):
            choose_backend(Path(name), computing(backend))


def test_other_devices_need_pytorch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backends, "_is_elsewhere", lambda device: device != "cpu")
    assert choose_backend(TRAINED, computing(device="cuda")) == "torch"
    assert choose_backend(TRAINED, computing(device="auto")) == "torch"
    assert choose_backend(TRAINED, computing("openvino", device="auto")) == "openvino"
    assert choose_backend(Path("a.onnx"), computing(device="auto")) == "openvino"
    for weights, backend in ((TRAINED, "openvino"), (Path("a.onnx"), "auto")):
        with pytest.raises(ConfigError, match="CPU only, but device cuda was asked for"):
            choose_backend(weights, computing(backend, device="cuda"))  # type: ignore[arg-type]


def test_a_device_that_is_not_there_is_refused_whatever_the_backend() -> None:
    for backend in ("auto", "openvino"):
        with pytest.raises(ConfigError, match="must be one of"):
            choose_backend(TRAINED, computing(backend, device="tpu"))  # type: ignore[arg-type]


@pytest.mark.parametrize("backend", ["onnxruntime", "torch"])
def test_bfloat16_is_of_openvino_only(backend: Backend) -> None:
    assert choose_backend(TRAINED, computing(precision="bfloat16")) == "openvino"
    with pytest.raises(ConfigError, match="precision bfloat16 needs backend openvino"):
        choose_backend(TRAINED, computing(backend, precision="bfloat16"))


@pytest.mark.skipif(sys.platform != "linux", reason="drivers show in /dev on Linux only")
def test_a_driver_is_reason_enough_to_ask_pytorch(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(backends, "ACCELERATORS", (tmp_path / "nvidiactl",))
    assert not may_have_accelerator()
    (tmp_path / "nvidiactl").touch()
    assert may_have_accelerator()


@pytest.mark.parametrize("command", ["process", "predict"])
def test_pytorch_is_not_loaded_where_it_is_not_the_backend(command: str, tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "from maskcam.__main__ import app\n"
        "app(sys.argv[1:], standalone_mode=False)\n"
        "print('loaded', [name for name in ('torch', 'torchvision', 'onnx') if name in sys.modules])"
    )
    output = tmp_path / ("out" if command == "process" else "found.json")
    args = [command, str(STILLS / "group.jpg"), "-o", str(output), "--backend", "openvino"]
    done = subprocess.run(
        [sys.executable, "-c", code, *args], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr
    assert "loaded []" in done.stdout
    assert "OpenVINO" in done.stdout + done.stderr
    assert output.exists()


def test_auto_asks_pytorch_only_where_there_may_be_an_accelerator(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backends, "may_have_accelerator", lambda: False)
    monkeypatch.setattr(backends, "choose_device", lambda name: pytest.fail(f"PyTorch was asked for {name}"))
    assert choose_backend(TRAINED, computing(device="auto")) == "openvino"
