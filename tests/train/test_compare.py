"""`python -m train compare` on made-up runs."""

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from maskcam.errors import InputError
from tests.train.made import make_faces, make_run, make_scenes
from train.compare import compare, reductions, tables
from train.evaluate import evaluate
from train.grid import Grid
from train.recipe import ClassifierRecipe, StudyRow
from train.runs import read_run

STUDY = {
    "network": "MobileNetV2",
    "weights": "ImageNet",
    "reported_f1": 99.8,
    "input_size": 224,
    "epochs": 20,
}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs: the study's by both protocols, measured; one of ours, not measured; one without weights; others."""
    folder = tmp_path_factory.mktemp("compare")
    data, root = folder / "data", folder / "runs"
    make_scenes(data / "scenes")
    make_faces(data / "faces")
    for name, protocol in (("leakfree", "leak_free"), ("paper", "paper")):
        run = make_run(root / name, data, study=STUDY, protocol=protocol)
        sets = (
            f"own={data}/faces{':leak_free' if protocol == 'leak_free' else ''}",
            f"other={data}/faces{':leak_free' if protocol == 'paper' else ''}",
            f"scenes={data}/scenes/test.json",
        )
        console = Console(file=io.StringIO())
        evaluate(
            run,
            on=sets,
            data=data,
            output=None,
            detector_weights=None,
            device="cpu",
            scales=False,
            console=console,
        )
    folds = [{"validation_f1": 0.9}, {"validation_f1": 0.92}]
    (root / "paper" / "folds.json").write_text(json.dumps({"folds": folds}))
    make_run(root / "paper" / "fold-1", data)
    make_run(root / "ours", data, classes=("mask", "no_mask", "incorrect"))
    unfinished = make_run(root / "unfinished", data, study=STUDY | {"network": "Other", "weights": "random"})
    (unfinished / "unfinished.safetensors").unlink()
    (root / "yunet").mkdir()
    (root / "yunet" / "recipe.json").write_text('{"architecture": "yunet_n"}')
    (root / "old").mkdir()
    (root / "old" / "recipe.json").write_text('{"classes": ["mask"], "architecture": "mobilenet_v2"}')
    return root


def rows(grid: Grid) -> list[dict[str, str]]:
    return [dict(zip(grid.columns, row, strict=True)) for row in grid.rows]


def test_the_studys_figures_stand_beside_ours(root: Path) -> None:
    names = ("leakfree", "ours", "paper", "unfinished")
    study, ours = tables([read_run(root / name) for name in names])
    unfinished, paper, leak_free = rows(study)
    assert (unfinished["network"], unfinished["epochs"], unfinished["params M"]) == ("Other", "3 so far", "-")
    assert (paper["reported F1"], paper["input px"], paper["s per epoch"]) == ("99.8", "64", "12")
    measured = read_run(root / "paper").evaluations
    on_faces = {
        s.evaluation.face_set.protocol: s.evaluation for s in measured if s.evaluation.face_set.kaggle
    }
    f1 = on_faces["paper"].whole.figures["f1"]
    assert paper["F1 (paper)"].startswith(f"{100 * f1.value:.1f} [")
    assert paper["F1 (leak-free)"] == leak_free["F1 (paper)"] == "-"  # measured, but on pictures fitted on
    assert leak_free["F1 (leak-free)"] != "-"
    assert leak_free["protocol"] == "leak-free"
    assert paper["F1 of folds"] == "91.0 ± 1.4"
    assert paper["F1 (scenes)"] != "-"
    assert paper["reduced"] == "64 px instead of 224, 3 epochs instead of 20"
    assert [row["run"] for row in rows(ours)] == ["ours"]


def test_tables_go_to_terminal_and_markdown(root: Path, tmp_path: Path) -> None:
    output, file = tmp_path / "new" / "table.md", io.StringIO()
    compare(root, output=output, console=Console(width=250, file=file))
    for text in (file.getvalue(), output.read_text()):
        assert "The study's table" in text
        assert "Without weights yet: unfinished." in text
        assert "Not measured with their present weights: ours" in text
        assert "epochs: Field required" in text  # the run of another version is left out, and it says why
        assert "yunet" not in text
        assert "fold-1" not in text
    lines = output.read_text().splitlines()
    assert "| --- | ---: |" in lines[lines.index("## The study's table") + 3]


def test_what_is_reduced_is_said(root: Path) -> None:
    run = read_run(root / "paper")
    study = StudyRow(network="CNN", weights="random", reported_f1=99, input_size=64)
    assert run.recipe is not None
    assert reductions(run, run.recipe, study) == "ended after 3 epochs, not by patience"
    patient = run.recipe.model_copy(update={"patience": 2, "epochs": 50})
    assert reductions(run, patient, study) == ""
    sampled = ClassifierRecipe.model_construct(**dict(patient) | {"samples_per_epoch": 100})
    assert reductions(run, sampled, study) == "100 samples per epoch"


def test_no_runs_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no runs"):
        compare(tmp_path, output=None, console=Console(file=io.StringIO()))
    with pytest.raises(InputError, match=r"no run of a classifier"):
        read_run(tmp_path)
