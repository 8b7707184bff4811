"""`python -m train compare`: the study's table for all runs found, its figures beside ours."""

from __future__ import annotations

import statistics
from pathlib import Path

from rich.console import Console

from maskcam.errors import InputError, OutputError
from train.bootstrap import Interval
from train.evaluation import Evaluation, FacesOf
from train.faces import Protocol
from train.grid import EMPTY, Grid
from train.recipe import ClassifierRecipe, StudyRow
from train.runs import Run, find_runs, read_run, start_of
from train.tables import percent

_STUDY_ORDER = ("cnn1", "cnn2", "efficientnet_b0", "resnet18", "mobilenet_v2", "mnasnet", "xception")

NOTES = (
    "All figures are percent, with 95% intervals from resampling pictures. F1, precision and recall are those of "
    "`mask`; a network that says `incorrect` has said that it is no mask.",
    "Paper: the study's folders, in which most masked test pictures have an altered copy among those for training. "
    "Leak-free: split anew by source photographs. A run is shown under the protocol that it was fitted by; accuracy, "
    "precision and recall are of that test set.",
    "Scenes: faces of at least 16 px in photographs of people, `scenes/test`. Networks of the study have never seen "
    "such pictures, and faces labelled `incorrect` are left out for them.",
)


def compare(root: Path, *, output: Path | None, console: Console) -> None:
    """Prints the tables of all runs below a folder, and writes them as Markdown where asked to.

    Raises:
        InputError: there are no runs.
        OutputError: the Markdown cannot be written.
    """
    folders = find_runs(root)
    if not folders:
        raise InputError(f"no runs of classifiers in {root}: make one with `python -m train fit RECIPE`")
    runs, problems = [], []
    for folder in folders:
        try:
            runs.append(read_run(folder))
        except InputError as error:
            problems.append(f"Left out: {error}")
    grids = tables(runs)
    notes = [*NOTES, *missing(runs), *problems]
    for grid in grids:
        console.print(grid.rich())
    for note in notes:
        console.print(note, markup=False)
    if output is not None:
        shown = [f"## {grid.title}\n\n{grid.markdown()}" for grid in grids]
        text = "\n\n".join(["# Runs compared", *shown, *notes]) + "\n"
        try:
            output.parent.mkdir(parents=True, exist_ok=True)
            output.write_text(text)
        except OSError as error:
            raise OutputError(f"cannot write {output}: {error.strerror}") from error


def tables(runs: list[Run]) -> list[Grid]:
    """The study's table, then our own runs."""
    ours = [run for run in runs if run.recipe is not None and run.recipe.study is None]
    study = [
        (run, run.recipe, run.recipe.study)
        for run in runs
        if run.recipe is not None and run.recipe.study is not None
    ]
    study.sort(key=lambda entry: _order(entry[1], entry[2]))
    grids = [
        Grid.of("The study's table", [study_row(*entry) for entry in study]),
        Grid.of("Our own runs", [own_row(run) for run in ours]),
    ]
    return [grid for grid in grids if grid.rows]


def study_row(run: Run, recipe: ClassifierRecipe, study: StudyRow) -> dict[str, str]:
    """A run that repeats a row of the study."""
    protocol = protocol_of(recipe)
    paper, leak_free = (on_study(run, which) for which in ("paper", "leak_free"))
    own = paper if protocol == "paper" else leak_free
    scenes = on_scenes(run, "labelled boxes")
    return {
        "network": study.network,
        "weights": study.weights,
        "input px": str(recipe.input_size),
        "epochs": _epochs(run),
        "protocol": protocol.replace("_", "-"),
        "reported F1": f"{study.reported_f1:.1f}",
        "F1 (paper)": _figure(paper, "f1"),
        "F1 (leak-free)": _figure(leak_free, "f1"),
        "accuracy": _figure(own, "accuracy"),
        "precision": _figure(own, "precision"),
        "recall": _figure(own, "recall"),
        "F1 (scenes)": _figure(scenes, "f1"),
        "mask or not (scenes)": _figure(scenes, "mask_or_not"),
        "F1 of folds": _folds(run),
        "params M": _parameters(run),
        "s per epoch": _seconds(run),
        "reduced": reductions(run, recipe, study),
    }


def own_row(run: Run) -> dict[str, str]:
    """A run of a recipe of ours."""
    recipe = run.recipe
    assert recipe is not None
    boxes, found = on_scenes(run, "labelled boxes"), on_scenes(run, "found faces")
    agreement = boxes.scale_agreement if boxes is not None else None
    return {
        "run": run.name,
        "network": recipe.architecture,
        "weights": start_of(recipe),
        "input px": str(recipe.input_size),
        "epochs": _epochs(run),
        "F1 (paper)": _figure(on_study(run, "paper"), "f1"),
        "F1 (leak-free)": _figure(on_study(run, "leak_free"), "f1"),
        "mask or not (scenes)": _figure(boxes, "mask_or_not"),
        "mask against no_mask (found faces)": _figure(found, "mask_against_no_mask"),
        "incorrect recall (found faces)": _figure(found, "incorrect_recall"),
        "false incorrect (found faces)": _figure(found, "false_incorrect"),
        "calibration error (found faces)": _figure(found, "calibration_error"),
        "keeps status at 0.8 to 1.4": percent(agreement.cases if agreement else None),
        "params M": _parameters(run),
        "s per epoch": _seconds(run),
    }


def protocol_of(recipe: ClassifierRecipe) -> Protocol:
    """The split of the study's data that a recipe fits on."""
    return next((data.protocol for data in recipe.data if data.kaggle is not None), "paper")


def on_study(run: Run, protocol: Protocol) -> Evaluation | None:
    """The run's evaluation on the study's test pictures, unless it was fitted on some of them by another split."""
    for stored in run.evaluations:
        evaluation = stored.evaluation
        faces = evaluation.face_set
        if faces.kaggle and (faces.split, faces.protocol) == ("test", protocol) and not evaluation.caution:
            return evaluation
    return None


def on_scenes(run: Run, faces_of: FacesOf) -> Evaluation | None:
    """The run's evaluation on the test scenes."""
    for stored in run.evaluations:
        evaluation = stored.evaluation
        scenes = evaluation.face_set.scenes
        if scenes is not None and scenes.stem == "test" and evaluation.faces_of == faces_of:
            return evaluation
    return None


def reductions(run: Run, recipe: ClassifierRecipe, study: StudyRow) -> str:
    """In what a run does less than the study did; empty where in nothing."""
    found = []
    if recipe.input_size < study.input_size:
        found.append(f"{recipe.input_size} px instead of {study.input_size}")
    if study.epochs is not None and recipe.epochs < study.epochs:
        found.append(f"{recipe.epochs} epochs instead of {study.epochs}")
    if study.epochs is None and (recipe.patience is None or len(run.history) >= recipe.epochs):
        found.append(f"ended after {recipe.epochs} epochs, not by patience")
    if recipe.samples_per_epoch is not None:
        found.append(f"{recipe.samples_per_epoch} samples per epoch")
    return ", ".join(found)


def missing(runs: list[Run]) -> list[str]:
    """Sentences on what is not there yet."""
    unfinished = [run.name for run in runs if run.card is None]
    unmeasured = [run.name for run in runs if run.card is not None and not run.evaluations]
    sentences = []
    if unfinished:
        sentences.append(f"Without weights yet: {', '.join(unfinished)}.")
    if unmeasured:
        sentences.append(
            f"Not measured with their present weights: {', '.join(unmeasured)}; run `python -m train evaluate`."
        )
    return sentences


def _order(recipe: ClassifierRecipe, study: StudyRow) -> tuple[int, bool, bool]:
    places = {name: i for i, name in enumerate(_STUDY_ORDER)}
    place = places.get(recipe.architecture, len(places))
    return place, study.weights == "ImageNet", protocol_of(recipe) == "leak_free"


def _figure(evaluation: Evaluation | None, name: str) -> str:
    figures: dict[str, Interval] = evaluation.whole.figures if evaluation else {}
    return percent(figures.get(name))


def _epochs(run: Run) -> str:
    return str(len(run.history)) if run.card is not None else f"{len(run.history)} so far"


def _folds(run: Run) -> str:
    values = [100 * fold["validation_f1"] for fold in run.folds if "validation_f1" in fold]
    return f"{statistics.mean(values):.1f} ± {statistics.stdev(values):.1f}" if len(values) > 1 else EMPTY


def _parameters(run: Run) -> str:
    return f"{run.card.parameters / 1e6:.2f}" if run.card is not None else EMPTY


def _seconds(run: Run) -> str:
    return f"{statistics.median(row['seconds'] for row in run.history):.0f}" if run.history else EMPTY
