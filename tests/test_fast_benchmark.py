"""What `benchmarks/fast.py` makes of its measurements."""

import pytest

from benchmarks.fast import Rounds, ratios, speeds, targets
from benchmarks.programs import Turn


def rounds(**fps: list[float]) -> Rounds:
    names = {
        "decode": "decode",
        "coded": "decode + encode",
        "coded_bgr": "decode to BGR + encode",
        "yunet": "tutorial, yunet",
        "yunet_writes": "tutorial, yunet, with writer",
        "mediapipe": "tutorial, mediapipe",
        "mediapipe_writes": "tutorial, mediapipe, with writer",
        "analysis": "maskcam, analysis",
        "process": "maskcam, process",
    }
    return {
        names[name]: [Turn(round(10 * value), 10.0, 3.0) for value in values] for name, values in fps.items()
    }


MEASURED = rounds(
    decode=[1000, 500, 1000],
    coded=[100, 50, 100],
    coded_bgr=[90, 50, 90],
    yunet=[10, 8, 10],
    yunet_writes=[9, 7, 9],
    mediapipe=[20, 4, 20],
    mediapipe_writes=[18, 3, 18],
    analysis=[200, 100, 200],
    process=[70, 40, 71],
)


def test_ratios_are_of_the_same_round_and_against_the_faster_tutorial() -> None:
    found = ratios(MEASURED)
    assert found["process / (decode + encode)"] == pytest.approx(0.71)  # of 0.70, 0.80 and 0.71
    assert found["analysis / tutorial"] == pytest.approx(10)  # of 10, 12.5 (there YuNet was faster) and 10
    assert found["process / tutorial with writer"] == pytest.approx(3.94)


def test_a_tutorial_without_its_model_leaves_a_gap() -> None:
    alone = {name: turns for name, turns in MEASURED.items() if "tutorial" not in name}
    assert set(ratios(alone)) == {
        "process / (decode + encode)",
        "process / (decode to BGR + encode)",
        "analysis / decode",
    }
    with_one = {name: turns for name, turns in MEASURED.items() if "mediapipe" not in name}
    assert ratios(with_one)["analysis / tutorial"] == pytest.approx(20)


def test_a_speed_comes_with_its_spread() -> None:
    assert speeds(MEASURED)["maskcam, process"] == {"median": 70.0, "least": 40.0, "most": 71.0, "faces": 3.0}


def test_targets_say_what_is_reached_and_what_is_not_known() -> None:
    figures = {
        "fps": {size: speeds(MEASURED) for size in ("1280x720", "1920x1080")},
        "ratios": {"1280x720": ratios(MEASURED) | {"analysis / tutorial": 9.99}},
        "start-up seconds": {"maskcam --help": 0.2, "process, one frame": 1.6},
        "memory": {"process, peak": 500},
    }
    reached = {name: row["reached"] for name, row in targets(figures).items()}
    assert reached == {
        "analysis, 1280x720, frames per second": True,
        "analysis, 1920x1080, frames per second": True,
        "analysis / tutorial, 1280x720": False,
        "process / tutorial with writer, 1280x720": True,
        "process / (decode to BGR + encode), 1280x720": True,
        "maskcam --help, seconds": True,
        "process of one frame from its start, seconds": False,
        "memory of process, MiB": True,
    }
    del figures["ratios"]["1280x720"]["analysis / tutorial"]
    assert targets(figures)["analysis / tutorial, 1280x720"]["reached"] is None
