"""`python -m train evaluate` on made-up runs, and its parts."""

import io
import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from rich.console import Console

from maskcam.classifiers.torch import TorchClassifier
from maskcam.crops import CropSpec
from maskcam.detectors.fixed import FixedDetector
from maskcam.errors import InputError, WeightsError
from maskcam.types import Faces, MaskStatus
from tests.cards import ship_random_classifier
from tests.train.made import make_faces, make_run, make_scenes
from train.__main__ import main
from train.evaluate import caution, evaluate, find_target, parse_set
from train.evaluation import read_evaluation, scale_agreement
from train.faces import FaceSet, pictures
from train.judged import STATUSES
from train.judging import SCALES, found_crops, match, statuses_by_scale
from train.labelled import labelled_crops
from train.recipe import ClassifierRecipe
from train.runs import read_run


@pytest.fixture
def data(tmp_path: Path) -> Path:
    make_scenes(tmp_path / "data" / "scenes")
    make_faces(tmp_path / "data" / "faces")
    return tmp_path / "data"


def run_evaluate(target: Path, data: Path, *, on: tuple[str, ...] = (), **options: object) -> str:
    console = Console(width=200, file=io.StringIO())
    defaults: dict[str, object] = {"output": None, "detector_weights": None, "device": "cpu", "scales": True}
    evaluate(target, on=on, data=data, console=console, **(defaults | options))  # type: ignore[arg-type]
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_a_run_is_measured_on_the_sets_of_its_recipe(tmp_path: Path, data: Path) -> None:
    run = make_run(tmp_path / "runs" / "binary", data)
    text = run_evaluate(run, data)
    assert {file.name for file in (run / "evaluation").iterdir()} == {
        f"{name}.{ending}"
        for name in ("faces-test-whole-pictures", "scenes-test-labelled-boxes", "scenes-test-found-faces")
        for ending in ("json", "npz")
    }
    assert "2 faces labelled incorrect are in no figure" in text
    assert "percent of the crops keep their status" in text
    stored = read_evaluation(run / "evaluation" / "scenes-test-labelled-boxes.json")
    evaluation = stored.evaluation
    assert (evaluation.labelled, evaluation.left_out, evaluation.whole.faces) == (
        6,
        2,
        4,
    )  # that of 12 px is none
    assert set(evaluation.by_source) == {"camera 1", "camera 2"}
    assert set(evaluation.by_side_px) == {"48+"}
    assert evaluation.confusion["incorrect"].keys() == {"mask", "no_mask"}
    assert stored.judged.probabilities.shape == (6, 2)
    wrong = stored.judged.answerable()
    assert len(stored.mistakes.crops) == (wrong.said != wrong.true).sum()
    assert (np.diff(stored.mistakes.confidence) <= 0).all()
    faces = read_evaluation(run / "evaluation" / "faces-test-whole-pictures.json").evaluation
    assert (faces.whole.faces, faces.scale_agreement) == (16, None)


def test_figures_are_those_of_the_runtime(tmp_path: Path, data: Path) -> None:
    weights = ship_random_classifier(
        tmp_path / "own.safetensors", temperature=0.5, class_bias=(0.0, 0.5, -0.5), channel_order="BGR"
    )
    run_evaluate(weights, data, on=(f"folder={data}/faces/Test",), output=tmp_path / "out", scales=False)
    stored = read_evaluation(tmp_path / "out" / "evaluation" / "folder-whole-pictures.json")
    with TorchClassifier.from_weights(weights, device=torch.device("cpu")) as classifier:
        crops = labelled_crops(pictures(stored.evaluation.face_set), classifier.crop)
        verdicts = classifier.classify(crops.images)
    expected = [[v.probabilities[status] for status in STATUSES] for v in verdicts]
    assert stored.judged.probabilities == pytest.approx(np.array(expected, np.float32))
    assert stored.evaluation.whole.figures["recall"].value == pytest.approx(
        np.mean([v.likeliest is MaskStatus.MASK for v in verdicts[:8]])
    )


def test_standard_sets_of_weights_without_a_run(tmp_path: Path, data: Path) -> None:
    weights = ship_random_classifier(tmp_path / "own.safetensors")
    run_evaluate(weights, data, output=tmp_path / "out", scales=False)
    names = {stored.evaluation.name for stored in read_run(tmp_path / "out").evaluations}
    assert names == {
        "scenes/test, labelled boxes",
        "scenes/test, found faces",
        "faces test, paper, whole pictures",
        "faces test, leak-free, whole pictures",
    }


def test_evaluations_of_earlier_weights_are_outdated(tmp_path: Path, data: Path) -> None:
    run = make_run(tmp_path / "binary", data)
    run_evaluate(run, data, on=(f"mine={data}/faces:leak_free",))
    ship_random_classifier(run / "binary.safetensors", classes=("no_mask", "mask"), training_data="other")
    card = json.loads((run / "binary.json").read_text())
    (run / "binary.json").write_text(json.dumps(card | {"sha256": "0" * 64}))
    assert read_run(run).evaluations == ()
    assert read_run(run).outdated == ("mine, whole pictures",)


def test_test_sets_on_the_command_line(data: Path) -> None:
    assert parse_set(f"a={data}/scenes/test.json") == ("a", FaceSet(scenes=data / "scenes" / "test.json"))
    leak_free = parse_set(f"b={data}/faces:leak_free")[1]
    assert (leak_free.kaggle, leak_free.split, leak_free.protocol) == (data / "faces", "test", "leak_free")
    assert parse_set(f"c={data}/faces")[1].protocol == "paper"
    folder = parse_set(f"d={data}/faces/Train")[1]
    assert folder.classes == {"WithMask": MaskStatus.MASK, "WithoutMask": MaskStatus.NO_MASK}


@pytest.mark.parametrize(("text", "words"), [("scenes.json", "NAME=SPEC"), ("a=nowhere", "no COCO file")])
def test_a_wrong_test_set_is_one_sentence(text: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        parse_set(text)


def test_figures_that_flatter_come_with_a_caution(tmp_path: Path, data: Path) -> None:
    run = make_run(tmp_path / "binary", data)
    recipe = ClassifierRecipe.model_validate_json((run / "recipe.json").read_bytes())
    paper, leak_free = (parse_set(f"a={data}/faces{end}")[1] for end in ("", ":leak_free"))
    assert caution(recipe, paper) is None
    assert "fitted on" in str(caution(recipe, leak_free))


def test_what_cannot_be_evaluated_is_one_sentence(
    tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = ship_random_classifier(tmp_path / "own.safetensors")
    with pytest.raises(InputError, match="-o DIR"):
        find_target(weights, None)
    with pytest.raises(InputError, match=r"no \.safetensors yet"):
        find_target(data, tmp_path)
    with pytest.raises(WeightsError, match="no weights file"):
        run_evaluate(tmp_path / "none.safetensors", data, output=tmp_path)
    monkeypatch.setattr(sys, "argv", ["train", "evaluate", str(weights)])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 2
    assert capsys.readouterr().err.startswith("Error: ")


def test_found_faces_are_matched_by_score() -> None:
    labelled = np.array([[0, 0, 10, 10], [50, 50, 60, 60]], np.float32)
    found = np.array([[0, 0, 10, 10], [0, 0, 10, 15], [80, 80, 90, 90]], np.float32)
    assert match(labelled, found, np.array([0.5, 0.9, 0.9], np.float32)).tolist() == [1, -1]
    assert match(labelled, found, np.array([0.9, 0.9, 0.9], np.float32)).tolist() == [0, -1]
    assert match(labelled, found[:0], np.zeros(0, np.float32)).tolist() == [-1, -1]


def test_found_faces_are_cut_by_the_detectors_boxes(data: Path) -> None:
    chosen = pictures(FaceSet(scenes=data / "scenes" / "test.json"))
    boxes = np.array([[112, 22, 172, 82], [300, 0, 310, 10]], np.float32)
    with FixedDetector([Faces(boxes, np.array([0.9, 0.8], np.float32))]) as detector:
        crops = found_crops(chosen, detector, CropSpec(size=32, margin=0.2))
    assert crops.statuses == (MaskStatus.NO_MASK, MaskStatus.NO_MASK)
    assert crops.sides.tolist() == [60, 60]
    assert crops.names == ("1.png#1", "2.png#1")


def test_scale_agreement(tmp_path: Path, data: Path) -> None:
    weights = ship_random_classifier(tmp_path / "own.safetensors")
    chosen = pictures(FaceSet(scenes=data / "scenes" / "test.json", minimum_side=16))
    with TorchClassifier.from_weights(weights, device=torch.device("cpu")) as classifier:
        by_scale = statuses_by_scale(classifier, chosen, STATUSES)
    assert tuple(by_scale) == SCALES
    assert np.ptp(by_scale[1.0].sides_px - 60) == 0
    agreement = scale_agreement(by_scale)
    assert agreement is not None
    assert agreement.faces == 6
    same = np.stack([judged.said == by_scale[1.0].said for scale, judged in by_scale.items() if scale != 1])
    assert agreement.every_scale.value == pytest.approx(same.all(axis=0).mean())
    assert agreement.cases.value == pytest.approx(np.mean(list(agreement.by_scale.values())))
