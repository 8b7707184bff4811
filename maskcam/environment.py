"""Can this machine run maskcam? One function per question; each answers with a `Check` and raises nothing.

Libraries are imported where they are asked about: a broken one is an answer, and `--help` stays quick.
"""

from __future__ import annotations

import hashlib
import os
import platform
import sys
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Literal

import maskcam
from maskcam.errors import MissingLibraryError, WeightsError

OPENCV_PACKAGES = (
    "opencv-python",
    "opencv-contrib-python",
    "opencv-python-headless",
    "opencv-contrib-python-headless",
)
_OLDEST_PYTHON, _NEWEST_PYTHON = (3, 11), (3, 13)  # requires-python in pyproject.toml
_SYSTEM_LIBRARIES = "on Debian or Ubuntu run `apt install libegl1 libgles2 libgl1`"
_REQUIRED_CODECS: dict[str, Literal["r", "w"]] = {"h264": "r", "libx264": "w"}
_OPTIONAL_CODECS: dict[str, Literal["r", "w"]] = {"hevc": "r", "mjpeg": "r", "aac": "w"}


@dataclass(frozen=True, slots=True)
class Check:
    """The answer to one question.

    Attributes:
        name: what was looked at.
        ok: True when fine, False when something that maskcam requires is broken, None when only an optional
            part is missing.
        found: what is there, or what went wrong, in words.
        advice: what to do; None when nothing is needed.
    """

    name: str
    ok: bool | None
    found: str
    advice: str | None = None


def check_all() -> list[Check]:
    """Asks every question, in the order in which one mends things."""
    return [
        check_python(sys.version_info[:3]),
        Check("maskcam", True, f"{maskcam.__version__} in {Path(maskcam.__file__).parent}"),
        check_torch(),
        check_openvino(),
        check_opencv_packages(installed_opencv(), pinned=pinned_opencv()),
        check_opencv(installed_opencv(), pinned=pinned_opencv()),
        check_pyav(),
        check_display(os.environ),
        check_mediapipe(),
        check_weights(),
    ]


def check_python(version: tuple[int, ...]) -> Check:
    """Is this Python one that maskcam is made for?"""
    found = f"{'.'.join(map(str, version))} on {platform.platform()}"
    if _OLDEST_PYTHON <= version[:2] <= _NEWEST_PYTHON:
        return Check("Python", True, found)
    oldest, newest = ("{}.{}".format(*v) for v in (_OLDEST_PYTHON, _NEWEST_PYTHON))
    return Check("Python", False, found, f"install Python {oldest} to {newest} and maskcam in it")


def check_torch() -> Check:
    """Does PyTorch import, and which devices does it see?"""
    with warnings.catch_warnings(record=True) as caught:  # of a driver that is too old, for instance
        warnings.simplefilter("always")
        try:
            import torch

            from maskcam.devices import describe_device

            names = ["cpu", *(f"cuda:{i}" for i in range(torch.cuda.device_count()))]
            names += ["mps"] if torch.backends.mps.is_available() else []
            devices = ", ".join(describe_device(name) for name in names)
        except (ImportError, OSError, RuntimeError) as error:
            return Check("PyTorch", False, _one_line(error), "run `pip install torch torchvision`")
    found = f"{torch.__version__} on {devices}"
    if len(names) == 1 and caught:
        return Check("PyTorch", None, found, f"the GPU is not used: {_one_line(caught[0].message)}")
    return Check("PyTorch", True, found)


def check_openvino() -> Check:
    """Does the fastest library for CPUs import, and in which arithmetic does it compute here?"""
    try:
        import openvino

        core = openvino.Core()
        name = core.get_property("CPU", "FULL_DEVICE_NAME")
        has_bfloat16 = "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        version = metadata.version("openvino")
    except (ImportError, OSError, RuntimeError) as error:
        advice = "run `pip install openvino`: other libraries take longer on a CPU"
        return Check("OpenVINO", None, _one_line(error), advice)
    arithmetic = "bfloat16" if has_bfloat16 else "float32"
    return Check("OpenVINO", True, f"{version} in {arithmetic} on {' '.join(name.split())}")


def installed_opencv() -> dict[str, str]:
    """Versions of the OpenCV packages that are installed, by name."""
    versions = {}
    for name in OPENCV_PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return versions


def pinned_opencv() -> str | None:
    """The OpenCV version that the installed maskcam asks for; None from a checkout."""
    try:
        requirements = metadata.requires("maskcam") or []
    except metadata.PackageNotFoundError:
        return None
    pins = [line.partition("==")[2] for line in requirements if line.startswith("opencv-python==")]
    return pins[0].strip() if pins else None


def check_opencv_packages(versions: Mapping[str, str], *, pinned: str | None) -> Check:
    """Do the installed OpenCV packages agree?

    All of them own the same folder `cv2`: the one installed last wins, and not even `pip check` says a word.

    Args:
        versions: installed version by package name, of `OPENCV_PACKAGES`.
        pinned: the version to mend a mix with; None takes the newest one installed.
    """
    mend = _opencv_mend(versions, pinned)
    if not versions:
        return Check("OpenCV packages", False, "none installed", mend)
    found = ", ".join(f"{name} {version}" for name, version in versions.items())
    if len(set(versions.values())) > 1:
        return Check("OpenCV packages", False, f"{found}: they overwrite each other", mend)
    headless = [name for name in versions if name.endswith("-headless")]
    if len(headless) == len(versions):
        return Check("OpenCV packages", None, f"{found}: no windows", f"only for windows: {mend}")
    if headless:
        found = f"{found}: with and without windows, they overwrite each other"
        return Check("OpenCV packages", False, found, mend)
    return Check("OpenCV packages", True, found)


def check_opencv(versions: Mapping[str, str], *, pinned: str | None) -> Check:
    """Does `cv2` import, is it what pip installed, and does it read pictures?

    Args:
        versions: as in `check_opencv_packages`.
        pinned: as in `check_opencv_packages`.
    """
    mend = _opencv_mend(versions, pinned)
    try:
        import cv2
        import numpy as np

        encoded = cv2.imencode(".jpg", np.full((16, 16, 3), 128, np.uint8))[1]
        decoded = cv2.imdecode(encoded, cv2.IMREAD_COLOR)
        release: str = cv2.__version__
    except ImportError as error:
        return Check("OpenCV", False, _one_line(error), f"{_SYSTEM_LIBRARIES}; if that does not help, {mend}")
    except AttributeError as error:  # what is left of a `cv2` that another package was uninstalled from
        return Check("OpenCV", False, _one_line(error), mend)
    if decoded is None or abs(int(decoded.mean()) - 128) > 2:
        return Check("OpenCV", False, f"cv2 {release} does not read its own JPEG", mend)
    # 5.0.0.93 is the 93rd build of OpenCV 5.0.0
    if any(_numbers(version)[:3] != _numbers(release)[:3] for version in versions.values()):
        return Check("OpenCV", False, f"cv2 is {release}, which is not what pip installed", mend)
    return Check("OpenCV", True, f"cv2 {release} reads and writes JPEG")


def _opencv_mend(versions: Mapping[str, str], pinned: str | None) -> str:
    """The commands that leave one working OpenCV; removing one of two packages would break the other."""
    wanted = pinned or max(versions.values(), key=_numbers, default="")
    pin = f"=={wanted}" if wanted else ""
    install = f"`pip install --no-deps opencv-python{pin} opencv-contrib-python{pin}`"
    return f"run `pip uninstall -y {' '.join(versions)}` and then {install}" if versions else f"run {install}"


def check_pyav() -> Check:
    """Does PyAV import, and can it read and write the codecs that cameras and browsers use?"""
    try:
        import av
    except (ImportError, OSError) as error:
        return Check("PyAV", False, _one_line(error), "run `pip install --force-reinstall av`")
    missing = [name for name, mode in _REQUIRED_CODECS.items() if not _has_codec(name, mode)]
    lacking = [name for name, mode in _OPTIONAL_CODECS.items() if not _has_codec(name, mode)]
    wheel = "install PyAV from its wheel: `pip install --force-reinstall --only-binary av av`"
    if missing:
        return Check("PyAV", False, f"{av.__version__} without {', '.join(missing)}", wheel)
    if lacking:
        return Check("PyAV", None, f"{av.__version__} without {', '.join(lacking)}", wheel)
    return Check("PyAV", True, f"{av.__version__} with {', '.join([*_REQUIRED_CODECS, *_OPTIONAL_CODECS])}")


def check_display(environ: Mapping[str, str]) -> Check:
    """Can `maskcam watch` open a window?

    Args:
        environ: the environment variables.
    """
    headless = "use `maskcam watch --headless`, or "
    try:
        import cv2

        backend: str = cv2.currentUIFramework()
    except (ImportError, AttributeError) as error:
        return Check("Display", None, _one_line(error), "mend OpenCV first")
    if not backend:
        return Check("Display", None, "this OpenCV has no windows", f"{headless}install opencv-python")
    if sys.platform == "linux" and not (environ.get("DISPLAY") or environ.get("WAYLAND_DISPLAY")):
        return Check("Display", None, f"{backend}, but no display", f"{headless}log in with a desktop")
    return Check("Display", True, backend)


def check_mediapipe() -> Check:
    """Does the optional MediaPipe detector find its system libraries?"""
    try:
        from maskcam.detectors.mediapipe import load_mediapipe

        load_mediapipe()
    except (ImportError, MissingLibraryError) as error:
        return Check(
            "MediaPipe", None, _one_line(error), f"only for `--detector mediapipe`: {_SYSTEM_LIBRARIES}"
        )
    return Check("MediaPipe", True, metadata.version("mediapipe"))


def check_weights(directory: Path | None = None) -> Check:
    """Are the shipped weights there, and are they what their cards say?

    Args:
        directory: folder of the weights; None takes the one that ships with maskcam.
    """
    from maskcam.weights import DEFAULT_CLASSIFIER, DEFAULT_DETECTOR, read_card, weights_directory

    folder = directory or weights_directory()
    names = {DEFAULT_DETECTOR, DEFAULT_CLASSIFIER, *(path.stem for path in folder.glob("*.safetensors"))}
    for path in sorted(folder / f"{name}.safetensors" for name in names):
        try:
            expected = read_card(path).sha256
        except WeightsError as error:
            return Check("Weights", False, _one_line(error), "install maskcam again")
        if hashlib.sha256(path.read_bytes()).hexdigest() != expected:
            return Check("Weights", False, f"{path} is not what its card says", "install maskcam again")
    return Check("Weights", True, f"{', '.join(sorted(names))} in {folder}")


def _has_codec(name: str, mode: Literal["r", "w"]) -> bool:
    from av.codec import Codec

    try:
        Codec(name, mode)
    except ValueError:  # UnknownCodecError is one
        return False
    return True


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdigit())


def _one_line(error: object) -> str:
    return " ".join(str(error).split()) or type(error).__name__
