"""An evaluation as tables in the terminal."""

from __future__ import annotations

from rich.console import Console

from train.bootstrap import Interval
from train.evaluation import Evaluation, Part
from train.grid import EMPTY, Grid

COLUMNS = {
    "accuracy": "accuracy",
    "mask_against_no_mask": "mask against no_mask",
    "mask_or_not": "mask or not",
    "f1": "F1",
    "violation_f1": "violation F1",
    "false_incorrect": "false incorrect",
    "incorrect_recall": "incorrect recall",
    "calibration_error": "calibration error",
}
"""The figures of `train.scores.measure` that fit on a line, and their headings."""


def print_evaluation(console: Console, evaluation: Evaluation) -> None:
    """Prints its tables, and the sentences without which they would mislead."""
    console.print(by_part(evaluation).rich())
    console.print(by_class(evaluation).rich())
    for sentence in remarks(evaluation):
        console.print(sentence, markup=False)


def by_part(evaluation: Evaluation) -> Grid:
    """The main figures in all, by size and by source."""
    shown = [name for name in COLUMNS if name in evaluation.whole.figures]
    parts: dict[str, Part] = {
        "all": evaluation.whole,
        **{f"{name} px": part for name, part in evaluation.by_side_px.items()},
        **(evaluation.by_source if len(evaluation.by_source) > 1 else {}),
    }
    rows = [
        {
            "": name,
            "faces": str(part.faces),
            **{COLUMNS[figure]: percent(part.figures.get(figure)) for figure in shown},
        }
        for name, part in parts.items()
    ]
    return Grid.of(headline(evaluation), rows)


def by_class(evaluation: Evaluation) -> Grid:
    """Precision and recall of each status, and the confusion matrix."""
    rows = []
    for name in [*evaluation.confusion, "macro"]:
        counts = evaluation.confusion.get(name, {})
        kinds = {
            kind: evaluation.whole.figures.get(f"{kind.lower()}/{name}")
            for kind in ("precision", "recall", "F1")
        }
        rows.append(
            {
                "labelled": name,
                **{kind: percent(interval) for kind, interval in kinds.items()},
                **{f"said {s.value}": str(counts.get(s.value, "")) for s in evaluation.classes},
            }
        )
    return Grid.of("Per class, exact status", rows)


def headline(evaluation: Evaluation) -> str:
    """What was judged, and how many."""
    judged = evaluation.whole.faces
    if evaluation.detector is None:
        return f"{evaluation.name}: {judged} faces in {evaluation.pictures} pictures, percent [95% interval]"
    found = judged + evaluation.left_out
    return (
        f"{evaluation.name}: {found} of {evaluation.labelled} faces found by {evaluation.detector}, "
        "percent [95% interval]"
    )


def remarks(evaluation: Evaluation) -> list[str]:
    """Sentences without which the figures would mislead."""
    sentences = [] if evaluation.whole.faces else ["There was no face to judge."]
    if evaluation.left_out:
        sentences.append(
            f"{evaluation.left_out} faces labelled incorrect are in no figure: the network has no such class."
        )
    elif len(evaluation.classes) == 3 and evaluation.whole.faces:
        sentences.append(
            "Mask or not and F1 are of faces labelled mask or no_mask, and incorrect said of one counts as no_mask; "
            "mask against no_mask leaves faces out of which incorrect is said."
        )
    if evaluation.caution:
        sentences.append(f"Caution: {evaluation.caution}.")
    agreement = evaluation.scale_agreement
    if agreement is not None:
        by_scale = ", ".join(f"{scale}: {100 * value:.1f}" for scale, value in agreement.by_scale.items())
        sentences.append(
            f"Boxes drawn 0.8 to 1.4 times as large: {percent(agreement.cases)} percent of the crops keep their "
            f"status, {percent(agreement.every_scale)} percent of the faces keep it at every scale ({by_scale})."
        )
    return sentences


def percent(interval: Interval | None) -> str:
    """`97.1 [95.6, 98.4]`, or a dash."""
    if interval is None:
        return EMPTY
    return f"{100 * interval.value:.1f} [{100 * interval.low:.1f}, {100 * interval.high:.1f}]"
