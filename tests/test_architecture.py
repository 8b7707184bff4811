"""Imports go one way, importing does nothing, and `--help` is quick because it loads nothing heavy."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
ROOMS = {"sources", "detectors", "classifiers", "trackers", "sinks"}
LEAVES = {"types", "pixels", "errors", "closing"}

# What each module or room of maskcam may import, in the order of the data flow; `base` stands for a room's base.py.
ALLOWED: dict[str, set[str]] = {
    "errors": set(),
    "closing": set(),
    "pixels": set(),
    "types": {"pixels"},
    "crops": LEAVES,
    "economy": LEAVES,
    "flow": LEAVES,
    "lookout": LEAVES | {"economy", "flow"},
    "encoded": LEAVES,
    "privacy": LEAVES,
    "timing": set(),
    "workers": LEAVES,
    "lettering": LEAVES,
    "outlines": LEAVES | {"lettering"},
    "overlay": LEAVES | {"lettering", "outlines"},
    "zones": LEAVES,
    "schedule": LEAVES,
    "voting": LEAVES,
    "views": LEAVES,
    "whereabouts": LEAVES,
    "violation_people": LEAVES | {"views", "whereabouts"},
    "violations": LEAVES | {"violation_people", "whereabouts"},
    "networks": LEAVES | {"networks"},
    "devices": LEAVES,
    "backends": LEAVES | {"devices"},
    "onnx_metadata": set(),
    "weights": LEAVES | {"networks", "onnx_metadata"},
    "exporting": LEAVES | {"exporting", "engines", "networks", "onnx_metadata", "weights"},
    "engines": LEAVES | {"engines", "backends", "devices", "exporting", "weights"},
    "sources": LEAVES | {"sources"},
    "detectors": LEAVES | {"detectors", "devices", "engines.base", "networks", "weights"},
    "classifiers": LEAVES
    | {"classifiers", "devices", "engines.base", "networks", "weights", "crops", "remote"},
    "gpu": LEAVES
    | {"gpu", "classifiers", "crops", "detectors", "devices", "networks", "weights"},  # both, made one
    "remote": LEAVES | {"remote", "weights"},
    "serving": LEAVES | {"serving", "classifiers.warming", "config", "remote", "weights"},
    "trackers": LEAVES | {"trackers"},
    "store": LEAVES | {"store"},
    "outbox": LEAVES | {"outbox"},
    "sinks": LEAVES | {"sinks", "belts", "encoded", "outbox", "schedule", "store", "workers", "lettering"},
    "central": LEAVES | {"central", "outbox", "sinks", "store", "workers"},
    "pipeline": LEAVES
    | {"crops", "economy", "lookout", "privacy", "voting", "violations", "overlay", "timing", "zones"}
    | {f"{room}.base" for room in ROOMS},
    "config_alerts": LEAVES | {"config_sections", "outbox", "schedule", "sinks", "sources.urls"},
    "config_sections": LEAVES
    | ROOMS
    | {
        "backends",
        "config_remote",
        "remote.address",
        "engines",
        "networks",
        "devices",
        "economy",
        "privacy",
        "schedule",
        "store",
        "violations",
        "voting",
        "weights",
        "zones",
    },
    "config_central": LEAVES | {"central", "config_alerts", "config_sections", "sinks", "store"},
    "config_gpu": {"backends", "config_sections", "detectors.base", "devices", "gpu", "weights"},
    "config_lines": set(),
    "config_remote": LEAVES | {"classifiers", "remote", "sources.urls", "weights"},
    "config_serve": {"config_sections"},
    "config": LEAVES
    | ROOMS
    | {
        "belts",
        "backends",
        "config_alerts",
        "config_central",
        "config_gpu",
        "config_lines",
        "config_sections",
        "config_serve",
        "pipeline",
        "privacy",
        "violations",
        "voting",
        "zones",
        "devices",
        "store",
    },
    "feeds": LEAVES | {"sources.base"},
    "readings": LEAVES | {"encoded", "feeds", "sources.base", "timing"},
    "live": LEAVES | {"feeds", "readings", "sources.base"},
    "belts": LEAVES,
    "recorder": LEAVES | {"belts", "overlay", "pipeline", "timing", "sinks.base", "sources.base"},
    "watching": LEAVES | {"feeds", "live", "overlay", "pipeline", "schedule", "timing", "sinks.base"},
    "batch": LEAVES | {"config", "pipeline", "recorder", "sinks", "sources"},
    "cluster": LEAVES
    | {"cluster", "batch", "config", "detectors.base", "lookout", "pipeline", "recorder", "sinks", "sources"}
    | {"weights"},
    "meters": LEAVES | {"sinks.base"},
    "camera_changes": {"config", "config_sections"},
    "service": LEAVES
    | {"camera_changes", "classifiers.base", "config", "config_sections", "detectors.base", "feeds", "meters"}
    | {"pipeline", "schedule", "sinks.base", "watching"},
    "config_file": LEAVES | {"camera_changes", "config", "service", "sources"},
    "demo": LEAVES,
    "whatif": {"store.observations"},
    "about": LEAVES | {"backends", "config", "weights"},
    # the rest only through the service and the event store; other names are of values that these hand out
    "web": LEAVES
    | {"web", "service", "store", "config_file", "config_serve"}
    | {
        "about",
        "camera_changes",
        "config",
        "config_sections",
        "feeds",
        "meters",
        "overlay",
        "probing",
        "sources",
        "violation_people",
        "watching",
        "whatif",
    }
    | {"sinks.base", "sinks.violation_records", "workers"},
    "coco": LEAVES | {"classifiers.base", "crops", "detectors.base", "sources"},
    "benchmarking": LEAVES
    | {"benchmarking", "config_sections", "feeds", "pipeline", "recorder", "sinks", "sources", "watching"},
    "probing": LEAVES | {"probing", "sources", "detectors.base"},
}


def imported_modules(file: Path) -> set[str]:
    """Dotted names below `maskcam` that a file imports anywhere in it, without the leading `maskcam.`."""
    names = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    known = {name.removeprefix("maskcam.") for name in names if name.startswith("maskcam.")}
    return {
        name
        for name in known
        if (ROOT / "maskcam" / name.split(".")[0]).with_suffix(".py").is_file()
        or (ROOT / "maskcam" / name.split(".")[0]).is_dir()
    }


def files_of(name: str) -> list[Path]:
    """The file of a module, or all files of a room."""
    module = ROOT / "maskcam" / f"{name}.py"
    return [module] if module.is_file() else sorted((ROOT / "maskcam" / name).rglob("*.py"))


@pytest.mark.parametrize("name", ALLOWED)
def test_imports_go_one_way(name: str) -> None:
    files = files_of(name)
    assert files, f"{name} is gone: remove it from ALLOWED"
    for file in files:
        for imported in imported_modules(file):
            parts = imported.split(".")
            allowed = {parts[0], ".".join(parts[:2])} & ALLOWED[name]
            assert allowed, f"{file.relative_to(ROOT)} must not import maskcam.{imported}"


def test_pipeline_sees_only_base_classes() -> None:
    assert {
        name for name in imported_modules(ROOT / "maskcam/pipeline.py") if name.split(".")[0] in ROOMS
    } == {
        "classifiers.base",
        "classifiers.base.Classifier",
        "detectors.base",
        "detectors.base.Detector",
        "detectors.base.JudgingDetector",
        "trackers.base",
        "trackers.base.Tracker",
    }


def test_maskcam_never_imports_train() -> None:
    for file in (ROOT / "maskcam").rglob("*.py"):
        tree = ast.parse(file.read_text())
        modules = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        assert not any(module.split(".")[0] == "train" for module in modules), file


def test_only_four_files_have_threads() -> None:
    # service.py: the web answers in the main thread, where signals arrive, while cameras are watched in another;
    # belts.py: the stages of a recording overlap
    for file in (ROOT / "maskcam").rglob("*.py"):
        if file.name not in ("live.py", "workers.py", "belts.py", "service.py"):
            assert "import threading" not in file.read_text(), file


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys\n"
        "from typer.testing import CliRunner\n"
        "from maskcam.__main__ import app\n"
        "result = CliRunner().invoke(app, ['--help'])\n"
        "assert result.exit_code == 0, result.output\n"
        "print([m for m in ('torch', 'cv2', 'mediapipe', 'av', 'ray', 'supervision', 'pydantic', 'sqlalchemy')"
        " if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"
