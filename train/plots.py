"""Plots of runs and of evaluations.

Colours are those of M. Okabe and K. Ito, told apart with any colour vision; line styles tell the rest. Figures are made
by matplotlib's objects: nothing is registered with pyplot, which would keep them in memory.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray
from sklearn.metrics import precision_recall_curve, roc_curve

from maskcam.types import MaskStatus
from train.bootstrap import Interval
from train.evaluation import Mistakes
from train.judged import STATUSES, Judged
from train.scores import CALIBRATION_BINS

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
STATUS_COLOURS = dict(
    zip((status.value for status in STATUSES), ("#0072B2", "#D55E00", "#E69F00"), strict=True)
)

FEWEST = 5
"""Bins of confidence with fewer faces are left out of the reliability diagram: they would be noise."""

_MARKERS = "osv"  # and other dashes tell runs apart once the colours are used up

_STYLE: dict[Any, Any] = {
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.25,
    "axes.axisbelow": True,
    "svg.hashsalt": "maskcam",  # the same figure is the same file
}

History = Sequence[Mapping[str, float]]


def render(figure: Figure, kind: Literal["svg", "webp"] = "svg") -> bytes:
    """A figure as the bytes of a file."""
    file = io.BytesIO()
    metadata = {"Date": None} if kind == "svg" else None
    with mpl.rc_context(_STYLE):
        figure.savefig(file, format=kind, metadata=metadata, dpi=110, bbox_inches="tight")
    return file.getvalue()


def loss_curves(histories: Mapping[str, History], *, random: Sequence[str]) -> Figure:
    """Training loss of several runs, by name; those in `random` started from random weights and are dashed."""
    figure, (axes,) = _axes(1, size_wh=(7.5, 4))
    for i, (name, history) in enumerate(histories.items()):
        style = "--" if name in random else "-"
        _line(
            axes,
            history,
            "train_loss",
            label=name,
            colour=_colour(i),
            style=style + _MARKERS[i // len(COLOURS) % 3],
        )
    axes.set(xlabel="epoch", ylabel="training loss")
    _whole_epochs(axes)
    _legend(axes)
    return figure


def run_curves(history: History) -> Figure:
    """Accuracy and loss per epoch, training and validation."""
    figure, panels = _axes(2, size_wh=(9, 3.4))
    for axes, what in zip(panels, ("accuracy", "loss"), strict=True):
        for part, colour, style in (("train", COLOURS[0], "-o"), ("validation", COLOURS[1], "--o")):
            _line(
                axes,
                history,
                f"{part}_{what}",
                label=part.replace("train", "training"),
                colour=colour,
                style=style,
            )
        axes.set(xlabel="epoch", ylabel=what)
        _whole_epochs(axes)
        if axes.lines:
            _legend(axes)
    return figure


def confusion_matrices(matrices: Mapping[str, Mapping[str, Mapping[str, int]]]) -> Figure:
    """One matrix per run: counts, shaded by the share of the row."""
    columns = min(len(matrices), 3)
    rows = -(-len(matrices) // columns)
    figure, panels = _axes(columns, rows=rows, size_wh=(3.6 * columns, 3.2 * rows))
    for axes, (name, matrix) in zip(panels, matrices.items(), strict=False):
        true, said = list(matrix), list(next(iter(matrix.values()), {}))
        counts = np.array([[matrix[t][s] for s in said] for t in true])
        shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
        axes.imshow(shares, cmap="Blues", vmin=0, vmax=1.6, aspect="auto")  # never so dark that text drowns
        for (row, column), count in np.ndenumerate(counts):
            text = f"{count}\n{100 * shares[row, column]:.1f}%"
            axes.text(column, row, text, ha="center", va="center", fontsize=9)
        axes.set_xticks(range(len(said)), said)
        axes.set_yticks(range(len(true)), true)
        axes.set(xlabel="said", ylabel="labelled")
        axes.set_title(name, fontsize=10)
        axes.grid(visible=False)
    for axes in panels[len(matrices) :]:
        axes.set_axis_off()
    return figure


def ranking_curves(judged: Mapping[str, Judged]) -> Figure:
    """ROC and precision against recall of `mask` on faces labelled mask or no_mask, by run."""
    figure, (roc, ranking) = _axes(2, size_wh=(9, 4))
    for i, (name, faces) in enumerate(judged.items()):
        two = faces.where(faces.true != STATUSES.index(MaskStatus.INCORRECT))
        positive = two.true == STATUSES.index(MaskStatus.MASK)
        if positive.all() or not positive.any():
            continue
        colour = _colour(i)
        falses, hits, _ = roc_curve(positive, two.mask_probability)
        roc.plot(falses, hits, _dashes(i), color=colour, label=name, linewidth=1.6)
        precision, recall, _ = precision_recall_curve(positive, two.mask_probability)
        ranking.plot(recall, precision, _dashes(i), color=colour, linewidth=1.6)
    roc.plot([0, 1], [0, 1], color="0.6", linestyle=":", linewidth=1)
    roc.set(xlabel="bare faces called mask", ylabel="masks called mask", title="ROC")
    ranking.set(
        xlabel="recall of mask", ylabel="precision of mask", title="Precision and recall", ylim=(None, 1.005)
    )
    _legend(roc, loc="lower right")
    return figure


def reliability(judged: Mapping[str, Judged]) -> Figure:
    """Share of right answers against confidence, and how often each confidence comes up, by run."""
    figure, (above, below) = _axes(1, rows=2, size_wh=(5.5, 5.5), heights=(3, 1))
    edges = np.linspace(0, 1, CALIBRATION_BINS + 1)
    lowest = 1.0
    for i, (name, faces) in enumerate(judged.items()):
        right, confidence = faces.said == faces.true, faces.confidence
        which = np.minimum((confidence * CALIBRATION_BINS).astype(int), CALIBRATION_BINS - 1)
        used = np.flatnonzero(np.bincount(which, minlength=CALIBRATION_BINS) >= FEWEST)
        x = [confidence[which == b].mean() for b in used]
        y = [right[which == b].mean() for b in used]
        sizes = [12 + 3 * np.sqrt((which == b).sum()) for b in used]
        colour = _colour(i)
        above.plot(x, y, _dashes(i), color=colour, linewidth=1, alpha=0.6, label=name)
        above.scatter(x, y, s=sizes, color=colour, zorder=3)
        below.hist(confidence, bins=edges.tolist(), histtype="step", color=colour, linewidth=1.4)
        lowest = min([lowest, *(float(value) for value in x)])
    above.plot([0, 1], [0, 1], color="0.5", linestyle=":", linewidth=1, label="honest")
    start = max(0.0, lowest - 0.05)
    above.set(ylabel="share that is right", xlim=(start, 1.01), ylim=(-0.02, 1.03))
    below.set(xlabel="confidence", ylabel="faces", yscale="log", xlim=(start, 1.01))
    _legend(above, loc="lower right")
    return figure


def accuracy_by_band(bands: Mapping[str, Mapping[str, Interval]]) -> Figure:
    """Accuracy of the exact status with its interval per size band, by run."""
    names = list(dict.fromkeys(band for run in bands.values() for band in run))
    figure, (axes,) = _axes(1, size_wh=(6.5, 3.4))
    width = min(0.15, 0.7 / max(len(bands), 1))
    for i, (name, run) in enumerate(bands.items()):
        offset = (i - (len(bands) - 1) / 2) * width
        x = [names.index(band) + offset for band in run]
        values = np.array([[100 * v.value, 100 * v.low, 100 * v.high] for v in run.values()])
        spread = np.maximum([values[:, 0] - values[:, 1], values[:, 2] - values[:, 0]], 0)
        axes.errorbar(
            x,
            values[:, 0],
            yerr=spread,
            fmt=_MARKERS[i // len(COLOURS) % 3],
            capsize=4,
            color=_colour(i),
            label=name,
        )
    axes.set_xticks(range(len(names)), names)
    axes.set(xlabel="shorter side of the face, px", ylabel="accuracy, percent", xlim=(-0.6, len(names) - 0.4))
    _legend(axes, loc="lower right")
    return figure


def data_distribution(
    sides_px: Mapping[str, NDArray[np.float32]], counts: Mapping[str, Mapping[str, int]]
) -> Figure:
    """Sizes of the faces of each data set, and how many there are of each class."""
    figure, (sizes, classes) = _axes(2, size_wh=(10, 1.6 + 0.45 * len(counts) + 1.6))
    largest = max((float(sides.max(initial=0)) for sides in sides_px.values()), default=0)
    edges = np.geomspace(8, max(largest * 1.05, 16), 40)
    for i, (name, sides) in enumerate(sides_px.items()):
        shares = np.full(len(sides), 100 / max(len(sides), 1))
        sizes.hist(
            sides, bins=edges.tolist(), weights=shares, histtype="step", linewidth=1.5,
            color=_colour(i), label=name,
        )  # fmt: skip
    sizes.set(xscale="log", xlabel="shorter side of the face, px", ylabel="faces, percent", title="Sizes")
    ticks = [tick for tick in (8, 16, 24, 48, 100, 200, 400, 800) if tick <= edges[-1]]
    sizes.set_xticks(ticks, [str(tick) for tick in ticks])
    sizes.minorticks_off()
    _legend(sizes)
    for row, of_set in enumerate(counts.values()):
        start = 0
        for status, count in of_set.items():
            classes.barh(row, count, left=start, color=STATUS_COLOURS[status], label=status)
            start += count
        text = ", ".join(f"{count:,}" for count in of_set.values())
        classes.text(start, row, f" {text}", va="center", fontsize=8)
    classes.set_yticks(range(len(counts)), list(counts))
    classes.invert_yaxis()
    classes.set(xlabel="faces", title="Classes")
    classes.set_xlim(0, 1.35 * max((sum(of_set.values()) for of_set in counts.values()), default=1))
    handles = dict(zip(*reversed(classes.get_legend_handles_labels()), strict=True))
    figure.legend(
        handles.values(), handles.keys(), loc="outside lower right", ncols=3, fontsize=9, frameon=False
    )
    return figure


def contact_sheet(mistakes: Mistakes) -> Figure:
    """The crops that were judged wrong, the most confident first, with labelled and said status."""
    columns = 8
    rows = max(1, -(-len(mistakes.crops) // columns))
    figure, panels = _axes(columns, rows=rows, size_wh=(1.45 * columns, 1.95 * rows))
    for axes in panels:
        axes.set_axis_off()
    for axes, crop, true, said, confidence in zip(
        panels, mistakes.crops, mistakes.true, mistakes.said, mistakes.confidence, strict=False
    ):
        axes.imshow(crop[..., ::-1])
        labels = f"is {STATUSES[true].value}\nsaid {STATUSES[said].value} {confidence:.2f}"
        axes.set_title(labels, fontsize=9, loc="left", pad=3)
    return figure


def _axes(
    columns: int, *, size_wh: tuple[float, float], rows: int = 1, heights: Sequence[float] | None = None
) -> tuple[Figure, list[Axes]]:
    """A figure of `size_wh` inches and its panels, row by row."""
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=size_wh, layout="constrained")
        panels = figure.subplots(rows, columns, squeeze=False, height_ratios=heights)
    return figure, list(panels.flat)


def _colour(run: int) -> str:
    return COLOURS[run % len(COLOURS)]


def _dashes(run: int) -> str:
    return ("-", "--", ":")[run // len(COLOURS) % 3]


def _line(axes: Axes, history: History, key: str, *, label: str, colour: str, style: str) -> None:
    points = [(row["epoch"], row[key]) for row in history if key in row]
    if points:
        x, y = zip(*points, strict=True)
        axes.plot(x, y, style, color=colour, label=label, linewidth=1.6, markersize=4)


def _legend(axes: Axes, *, loc: Literal["best", "lower right"] = "best") -> None:
    axes.legend(loc=loc, fontsize=9, frameon=False)


def _whole_epochs(axes: Axes) -> None:
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
