import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.cli import ROOT, STILLS, run_cli

STILLS_COCO = ROOT / "samples" / "stills.json"


def test_coco_list_to_coco_results(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    done = run_cli(capsys, "predict", "--coco", STILLS_COCO, "-o", tmp_path / "found.json")
    assert done.code == 0, done.err
    truth = json.loads(STILLS_COCO.read_text())
    results = json.loads((tmp_path / "found.json").read_text())
    assert {r["image_id"] for r in results} == {image["id"] for image in truth["images"]}
    for result in results:
        assert set(result) == {"image_id", "category_id", "bbox", "score", "face_score", "probabilities"}
        assert 0.05 <= result["face_score"] <= 1
        surest = max(result["probabilities"].values())
        assert result["score"] == pytest.approx(result["face_score"] * surest, abs=1e-4)
        names = {1: "mask", 2: "no_mask", 3: "incorrect"}
        assert max(result["probabilities"], key=result["probabilities"].get) == names[result["category_id"]]
        assert sum(result["probabilities"].values()) == pytest.approx(1, abs=1e-3)
    for face in truth["annotations"]:
        best = max(
            (r for r in results if r["image_id"] == face["image_id"]),
            key=lambda r, box=face["bbox"]: iou(r["bbox"], box),
        )
        assert iou(best["bbox"], face["bbox"]) > 0.5
        assert best["category_id"] == face["category_id"]


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
