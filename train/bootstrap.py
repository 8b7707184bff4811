"""Confidence intervals by resampling whole pictures.

Faces of one picture share its light, its camera and often its crowd, so they are drawn or left out together (the
cluster bootstrap: C. Field and A. Welsh, "Bootstrapping clustered data", 2007; percentile intervals of B. Efron).
An interval without any width says no more than that there was no mistake to draw; that of the calibration error leans
upwards, as the error itself does on few faces.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from train.judged import Judged
from train.scores import Floats, measure

RESAMPLES = 1000
_LOW, _HIGH = 2.5, 97.5  # percentiles


class Interval(BaseModel):
    """A figure and the 95% interval around it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    value: float
    low: float
    high: float


def draws(pictures: NDArray[np.str_], *, resamples: int = RESAMPLES, seed: int = 0) -> Floats:
    """How often each face counts in each resample.

    Args:
        pictures: (n,) which picture each face is in.
        resamples: how many; the interval's ends jitter with about 1/sqrt of it.
        seed: the same one gives the same draws.

    Returns:
        (resamples, n), whole numbers.
    """
    names, owners = np.unique(pictures, return_inverse=True)
    if not len(names):
        return np.zeros((resamples, 0))
    generator = np.random.default_rng(seed)
    counts = generator.multinomial(len(names), np.full(len(names), 1 / len(names)), size=resamples)
    return counts[:, owners].astype(np.float64)


def intervals(judged: Judged, weights: Floats) -> dict[str, Interval]:
    """Every figure of `train.scores.measure` with its interval.

    Args:
        judged: n faces that the network has a class for.
        weights: (r, n), see `draws`.
    """
    values = measure(judged)
    resampled = measure(judged, weights)
    found = {}
    for name, (value,) in values.items():
        if name in resampled:
            low, high = np.nanpercentile(resampled[name], [_LOW, _HIGH])
            found[name] = Interval(value=float(value), low=float(low), high=float(high))
    return found


def mean_interval(values: Floats, weights: Floats) -> Interval:
    """Mean of (n,) values, n at least 1, with its interval; (r, n) weights as in `draws`."""
    totals = weights.sum(axis=1)
    resampled = (weights @ values)[totals > 0] / totals[totals > 0]
    low, high = np.percentile(resampled, [_LOW, _HIGH])
    return Interval(value=float(values.mean()), low=float(low), high=float(high))
