import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.cli import ROOT, STILLS, run_cli

NAMES = {1: "mask", 2: "no_mask", 3: "incorrect"}
STILLS_COCO = ROOT / "samples" / "stills.json"


def test_coco_list_to_coco_results(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    done = run_cli(capsys, "predict", "--coco", STILLS_COCO, "-o", tmp_path / "found.json")
    assert done.code == 0, done.err
    truth = json.loads(STILLS_COCO.read_text())
    results = json.loads((tmp_path / "found.json").read_text())
    assert {r["image_id"] for r in results} == {image["id"] for image in truth["images"]}
    for result in results:
        keys = {"image_id", "category_id", "bbox", "score", "face_score", "rank", "probabilities"}
        assert set(result) == keys
        assert 0.05 <= result["face_score"] <= 1
        probability = result["probabilities"][NAMES[result["category_id"]]]
        assert result["score"] == pytest.approx(result["face_score"] * probability, abs=1e-4)
        ranked = sorted(result["probabilities"].values(), reverse=True)
        assert probability == ranked[result["rank"] - 1]
        assert result["rank"] == 1 or result["score"] >= 0.05
        assert sum(result["probabilities"].values()) == pytest.approx(1, abs=1e-3)
    for face in truth["annotations"]:
        best = max(
            (r for r in results if r["image_id"] == face["image_id"]),
            key=lambda r, box=face["bbox"]: iou(r["bbox"], box),
        )
        assert iou(best["bbox"], face["bbox"]) > 0.5
        assert best["category_id"] == face["category_id"]


def test_one_class_gives_one_result_per_face(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    all_classes, one_class = tmp_path / "all.json", tmp_path / "one.json"
    for args in ([all_classes, "--min-score", 0.001], [one_class, "--min-score", 0.001, "--one-class"]):
        assert run_cli(capsys, "predict", STILLS, "--fast", "-o", *args).code == 0
    everything, likeliest = (json.loads(file.read_text()) for file in (all_classes, one_class))
    assert [result for result in everything if result["rank"] == 1] == likeliest
    assert len(everything) > len(likeliest)
    found = {(result["image_id"], *result["bbox"]) for result in everything}
    assert len(found) == len(likeliest)


def iou(a: list[float], b: list[float]) -> float:
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    overlap = max(0.0, width) * max(0.0, height)
    return overlap / (a[2] * a[3] + b[2] * b[3] - overlap)


def test_a_folder_is_numbered_from_one_and_a_bad_picture_stops_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cv2.imwrite(str(tmp_path / "1.png"), np.zeros((1, 1, 3), np.uint8))
    (tmp_path / "2.jpg").write_bytes(b"\xff\xd8 this is no picture")
    (tmp_path / "3.jpg").write_bytes((STILLS / "astronaut_bare.jpg").read_bytes())
    done = run_cli(capsys, "predict", tmp_path, "-o", tmp_path / "deep" / "found.json", "--min-score", 0.5)
    assert done.code == 1
    assert "2.jpg" in done.err
    assert {r["image_id"] for r in json.loads((tmp_path / "deep" / "found.json").read_text())} == {3}


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ([], "--coco"),
        ([str(STILLS), "--coco", str(STILLS_COCO)], "one of the two"),
        (["--coco", str(ROOT / "README.md")], "not a COCO file"),
        (["--coco", "nowhere.json"], "cannot read nowhere.json"),
        ([str(ROOT / "samples" / "demo.mp4")], "maskcam process"),
        (["nowhere.jpg"], "nowhere.jpg"),
    ],
)
def test_wrong_input_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], args: list[str], words: str
) -> None:
    done = run_cli(capsys, "predict", *args, "-o", tmp_path / "found.json")
    assert done.code == 2
    assert words in done.err
    assert not (tmp_path / "found.json").exists()
