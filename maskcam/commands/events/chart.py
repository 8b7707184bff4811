"""The compliance rate over time as a picture."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from maskcam.errors import InputError, MissingLibraryError, OutputError
from maskcam.sinks.files import make_folder, reason
from maskcam.store.statistics import Compliance

_LABELS = 12  # more would overlap


def write_chart(path: Path, rows: Mapping[str, Compliance], *, unit: str) -> None:
    """Writes a PNG: the rate with its 95% interval, above how many people-minutes it rests on.

    Raises:
        InputError: the file is no `.png`, or there is nothing to draw.
        MissingLibraryError: matplotlib is not installed.
        OutputError: it cannot be written.
    """
    judged = {name: row for name, row in rows.items() if row.rate is not None and row.interval is not None}
    if path.suffix.lower() != ".png":
        raise InputError(f"a chart is a .png file, got {path}")
    if not judged:
        raise InputError("there is nothing to draw: nobody was judged in this time")
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingLibraryError(
            'a chart needs the library matplotlib: pip install "maskcam[charts]"'
        ) from error
    rates = [100 * (row.rate or 0.0) for row in judged.values()]
    ends = [row.interval or (0.0, 0.0) for row in judged.values()]
    errors = [
        [max(rate - 100 * low, 0.0) for rate, (low, _) in zip(rates, ends, strict=True)],
        [max(100 * high - rate, 0.0) for rate, (_, high) in zip(rates, ends, strict=True)],
    ]
    places = list(range(len(judged)))
    figure = Figure(figsize=(10, 5), layout="constrained")
    FigureCanvasAgg(figure)
    above, below = figure.subplots(2, sharex=True, height_ratios=(3, 1))
    above.errorbar(places, rates, yerr=errors, fmt="o-", capsize=3, color="#1b7f4b", markersize=4)
    above.set(ylim=(-3, 103), ylabel="masked, % of those judged", title=f"Masks worn right, by the {unit}")
    below.bar(places, [row.judged for row in judged.values()], color="#8899aa")
    below.set(ylabel="people-minutes")
    step = -(-len(judged) // _LABELS)
    below.set_xticks(places[::step], list(judged)[::step], rotation=30, ha="right")
    for axes in (above, below):
        axes.grid(axis="y", alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
    make_folder(path.parent)
    try:
        figure.savefig(path, dpi=120)
    except OSError as error:
        raise OutputError(f"cannot write {path}: {reason(error)}") from error
