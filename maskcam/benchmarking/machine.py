"""What kind of machine this is: models, sizes and versions, never a name of its own."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

from maskcam.benchmarking.report import Machine

_LIBRARIES = (
    "torch",
    "torchvision",
    "openvino",
    "onnxruntime",
    "onnxruntime-gpu",
    "av",
    "opencv-python",
    "mediapipe",
    "numpy",
)
_MIB = 2**20
_TIMEOUT_SECONDS = 10.0


def describe_machine() -> Machine:
    """Asks the system; imports none of the libraries."""
    return Machine(
        processor=processor(),
        cores=usable_cores(),
        memory_mib=_memory_mib(),
        gpus=_gpus(),
        system=_system(),
        python=platform.python_version(),
        libraries={name: version for name in _LIBRARIES if (version := _version(name)) is not None},
    )


def processor() -> str:
    """The model, as the system names it."""
    names = [
        line.partition(":")[2].strip()
        for line in _lines(Path("/proc/cpuinfo"))
        if line.startswith("model name")
    ]
    if names:
        return names[0]
    if sys.platform == "darwin":
        return _first_line("sysctl", "-n", "machdep.cpu.brand_string") or platform.machine()
    return platform.processor() or platform.machine()


def usable_cores() -> float:
    """Cores that this process may use, a container's quota included."""
    cores = float(os.cpu_count() or 1)
    if sys.platform == "linux":
        cores = float(len(os.sched_getaffinity(0)))
    for line in _lines(Path("/sys/fs/cgroup/cpu.max")):  # "200000 100000": so many microseconds in so many
        quota, _, period = line.partition(" ")
        if quota.isdigit() and period.isdigit():
            cores = min(cores, int(quota) / int(period))
    return cores


def resident_mib() -> float | None:
    """What this process holds in memory at present; None where the system has no /proc."""
    for line in _lines(Path("/proc/self/statm")):
        return int(line.split()[1]) * os.sysconf("SC_PAGE_SIZE") / _MIB
    return None


def peak_mib() -> float | None:
    """The most that this process has held in memory; None on Windows."""
    if sys.platform == "win32":
        return None
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / _MIB if sys.platform == "darwin" else peak / 1024  # bytes there, KiB elsewhere


def _memory_mib() -> int | None:
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // _MIB
    except (AttributeError, ValueError, OSError):
        return None


def _gpus() -> tuple[str, ...]:
    if shutil.which("nvidia-smi") is None:
        return ()
    return tuple(_output("nvidia-smi", "--query-gpu=name", "--format=csv,noheader").splitlines())


def _system() -> str:
    try:
        name = platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        name = platform.platform(terse=True)
    return f"{name}, {platform.machine()}"


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except OSError:
        return []


def _first_line(*command: str) -> str:
    return _output(*command).partition("\n")[0].strip()


def _output(*command: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT_SECONDS, check=True)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout
