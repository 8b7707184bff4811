"""`python -m train report`: curves, figures and plots of runs on one page."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path

from matplotlib.figure import Figure

from maskcam.errors import InputError, MaskcamError
from train import plots
from train.distribution import Distribution, of_face_set, of_judged
from train.evaluation import Evaluation, Stored
from train.grid import EMPTY, Grid
from train.page import Page, Plot, Section, write_page
from train.runs import Run, read_run, start_of
from train.tables import COLUMNS, by_class, by_part, percent, remarks

_ALSO = {
    "precision": "precision",
    "recall": "recall",
    "roc_auc": "ROC AUC",
    "average_precision": "average precision",
}


def write_report(folders: Sequence[Path], output: Path) -> Path:
    """Writes the report of runs.

    Args:
        folders: of the runs.
        output: `.html` or `.md`, see `train.page`.

    Returns:
        The path written.

    Raises:
        InputError: a folder is no run, two have the same name, or the ending is another.
        OutputError: it cannot be written.
    """
    runs = [read_run(folder) for folder in folders]
    names = [run.name for run in runs]
    if len(set(names)) < len(names):
        raise InputError(f"runs are told apart by the names of their folders, got {', '.join(names)}")
    write_page(Page(f"Training report: {', '.join(names)}", tuple(sections(runs))), output)
    return output


def sections(runs: Sequence[Run]) -> list[Section]:
    """The whole report."""
    found = [overview(runs), *training(runs), data(runs)]
    test_sets = dict.fromkeys(stored.evaluation.name for run in runs for stored in run.evaluations)
    for name in test_sets:
        found += on_test_set(
            name, {run.name: s for run in runs for s in run.evaluations if s.evaluation.name == name}
        )
    return found


def overview(runs: Sequence[Run]) -> Section:
    """What each run is, and what is missing of it."""
    texts = []
    for run in runs:
        if run.outdated:
            texts.append(
                f"{run.name}: the figures on {'; '.join(run.outdated)} were of earlier weights and are left out: "
                f"run `python -m train evaluate {run.folder}` again."
            )
        elif not run.evaluations:
            texts.append(
                f"{run.name} has not been evaluated, so its figures and plots on test sets are missing: "
                f"run `python -m train evaluate {run.folder}` first."
            )
    grids = [Grid.of("", [_facts(run) for run in runs])]
    folds = [
        {
            "run": run.name,
            "fold": str(i),
            **{name.replace("_", " "): f"{value:.4f}" for name, value in fold.items()},
        }
        for run in runs
        for i, fold in enumerate(run.folds, start=1)
    ]
    if folds:
        grids.append(Grid.of("Cross-validation", folds))
    return Section("Runs", 2, tuple(texts), tuple(grids))


def training(runs: Sequence[Run]) -> list[Section]:
    """Curves over the epochs."""
    histories = {run.name: run.history for run in runs if run.history}
    untold = [run.name for run in runs if not run.history]
    texts = [f"No history of training in: {', '.join(untold)}."] if untold else []
    if not histories:
        return [Section("Training", 2, tuple(texts))]
    random = [run.name for run in runs if run.recipe is not None and run.recipe.init == "random"]
    loss = Plot.of(
        plots.loss_curves(histories, random=random),
        "Training loss per epoch; runs from random weights are dashed, pretrained ones are solid.",
    )
    return [
        Section("Training", 2, tuple(texts), plots=(loss,)),
        *(
            Section(
                name, 3, plots=(Plot.of(plots.run_curves(history), f"{name}: accuracy and loss per epoch."),)
            )
            for name, history in histories.items()
        ),
    ]


def data(runs: Sequence[Run]) -> Section:
    """Sizes and classes of the data: those of the recipes, or of the test sets where there is no recipe."""
    found: dict[str, Distribution] = {}
    texts = []
    for run in runs:
        recipe = run.recipe
        face_sets = [*recipe.data, recipe.validation, *recipe.tests.values()] if recipe is not None else []
        for face_set in face_sets:
            if face_set.name in found:
                continue
            try:
                found[face_set.name] = of_face_set(face_set)
            except (MaskcamError, OSError) as error:
                texts.append(f"Sizes and classes of {face_set.name} are missing: {error}.")
        for stored in run.evaluations if recipe is None else ():
            if stored.evaluation.faces_of != "found faces":
                found[stored.evaluation.face_set.name] = of_judged(stored.judged)
    if not found:
        return Section("Data", 2, (*dict.fromkeys(texts), "There are no data to show."))
    figure = plots.data_distribution(
        {name: distribution.sides_px for name, distribution in found.items()},
        {name: distribution.counts for name, distribution in found.items()},
    )
    plot = Plot.of(
        figure, "Sizes of the faces in their pictures, and how many faces there are of each class."
    )
    return Section("Data", 2, tuple(dict.fromkeys(texts)), plots=(plot,))


def on_test_set(name: str, stored: dict[str, Stored]) -> list[Section]:
    """All figures and plots on one test set, by run."""
    said: dict[str, list[str]] = defaultdict(list)
    for run, s in stored.items():
        for sentence in remarks(s.evaluation):
            said[sentence].append(run)
    texts = [
        sentence if len(runs) == len(stored) else f"{', '.join(runs)}: {sentence}"
        for sentence, runs in said.items()
    ]
    stored = {run: s for run, s in stored.items() if s.evaluation.whole.faces}
    if not stored:
        return [Section(f"On {name}", 2, tuple(texts))]
    evaluations = {run: s.evaluation for run, s in stored.items()}
    judged = {run: s.judged.answerable() for run, s in stored.items()}
    details = [
        grid for evaluation in evaluations.values() for grid in (by_part(evaluation), by_class(evaluation))
    ]
    labels = {run: evaluation.confusion for run, evaluation in evaluations.items()}
    bands = {
        run: {band: part.figures["accuracy"] for band, part in evaluation.by_side_px.items()}
        for run, evaluation in evaluations.items()
    }
    return [
        Section(
            f"On {name}", 2, tuple(texts), (*(details if len(stored) == 1 else ()), *_figures(evaluations))
        ),
        _plotted(
            "Confusion",
            lambda: plots.confusion_matrices(labels),
            "Counts, and the part of each labelled status.",
        ),
        _plotted(
            "ROC, precision and recall",
            lambda: plots.ranking_curves(judged),
            "Of the probability of mask, on faces labelled mask or no_mask.",
        ),
        _plotted(
            "Reliability",
            lambda: plots.reliability(judged),
            f"Share of right answers at each confidence that {plots.FEWEST} faces or more have, larger dots for more "
            "faces; below, how often each comes up.",
        ),
        _plotted(
            "Face sizes",
            lambda: plots.accuracy_by_band(bands),
            "Accuracy of the exact status by face size, with 95% intervals.",
        ),
        *(_worst(run, s, alone=len(stored) == 1) for run, s in stored.items()),
    ]


def _facts(run: Run) -> dict[str, str]:
    recipe, card = run.recipe, run.card
    measured: Evaluation | None = run.evaluations[0].evaluation if run.evaluations else None
    facts = card or measured
    return {
        "run": run.name,
        "network": facts.architecture if facts else recipe.architecture if recipe else EMPTY,
        "weights": start_of(recipe) if recipe else EMPTY,
        "input px": str(facts.input_size) if facts else str(recipe.input_size) if recipe else EMPTY,
        "epochs": str(len(run.history)) if run.history else EMPTY,
        "params M": f"{facts.parameters / 1e6:.2f}" if facts else EMPTY,
        "classes": ", ".join(card.classes) if card else EMPTY,
        "trained on": card.training_data if card else EMPTY,
    }


def _figures(evaluations: dict[str, Evaluation]) -> list[Grid]:
    """By run; a run alone has the main figures in its own tables."""
    main = {"Percent, with 95% intervals from resampling pictures": COLUMNS} if len(evaluations) > 1 else {}
    return [
        Grid.of(
            title,
            [
                {
                    "run": run,
                    "faces": str(evaluation.whole.faces),
                    **{
                        heading: percent(evaluation.whole.figures.get(name))
                        for name, heading in names.items()
                    },
                }
                for run, evaluation in evaluations.items()
            ],
        )
        for title, names in (main | {"Mask or not": _ALSO}).items()
    ]


def _plotted(title: str, draw: Callable[[], Figure], caption: str) -> Section:
    return Section(title, 3, plots=(Plot.of(draw(), caption),))


def _worst(run: str, stored: Stored, *, alone: bool) -> Section:
    title = "Worst mistakes" if alone else f"Worst mistakes of {run}"
    if not len(stored.mistakes.crops):
        return Section(title, 3, ("There are none.",))
    caption = f"The {len(stored.mistakes.crops)} most confident mistakes, as the network saw the faces."
    return Section(title, 3, plots=(Plot.of_photographs(plots.contact_sheet(stored.mistakes), caption),))
