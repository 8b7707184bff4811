"""How well a classifier judges labelled faces.

All figures come from `measure`, which takes a weight per face, so that one computation over all resamples gives
confidence intervals, too. Two rules make networks with two and with three classes comparable:

- Faces labelled `incorrect` count in none of a binary network's figures.
- "Mask or not" is judged on faces labelled `mask` or `no_mask`; a three-class network that says `incorrect` of one has
  said that it is no mask.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from maskcam.classifiers.torch import normalise
from maskcam.types import Image, MaskStatus
from train.judged import STATUSES, Judged
from train.labelled import LabelledCrops

Floats = NDArray[np.float64]

CALIBRATION_BINS = 15

_MASK, _NO_MASK, _INCORRECT = range(3)  # indices into STATUSES
_DECISIONS = (
    "mask_against_no_mask",
    "mask_or_not",
    "precision",
    "recall",
    "f1",
    "false_incorrect",
    "incorrect_recall",
)


def crop_logits(
    network: nn.Module, images: Image, *, mean: Sequence[float], std: Sequence[float], batch_size: int = 64
) -> Tensor:
    """(n, S, S, 3) uint8 BGR crops to (n, classes) float32 logits on the CPU, computed where the network is."""
    network.eval()
    device = next(network.parameters()).device
    mean_, std_ = (torch.tensor(values, device=device).view(1, 3, 1, 1) for values in (mean, std))
    with torch.inference_mode():
        parts = [torch.from_numpy(images[i : i + batch_size]) for i in range(0, len(images), batch_size)]
        logits = [network(normalise(part.to(device), mean_, std_, reverse=True)) for part in parts]
        return torch.cat(logits).float().cpu()


def accuracy(
    predicted: NDArray[np.int64], crops: LabelledCrops, classes: Sequence[MaskStatus]
) -> dict[str, float]:
    """The figures that count; see `measure`.

    Args:
        predicted: (n,) index into `classes`.
        crops: the labels.
        classes: of the network.

    Returns:
        `mask_against_no_mask`, `mask_or_not`, `precision`, `recall`, `f1`, `false_incorrect` and `incorrect_recall`,
        those that are defined.
    """
    certain = np.eye(len(classes), dtype=np.float32)[predicted]
    found = measure(Judged.of(certain, crops, classes).answerable())
    return {name: float(found[name][0]) for name in _DECISIONS if name in found}


def figures(
    probabilities: Tensor, crops: LabelledCrops, classes: Sequence[MaskStatus]
) -> dict[str, float | int | dict[str, float]]:
    """What a model card reports.

    Args:
        probabilities: (n, classes).
        crops: the labels.
        classes: of the network.

    Returns:
        Number of `faces` judged, `accuracy`, what `accuracy()` returns, `calibration_error`, and
        `accuracy_by_side_px`, the accuracy per size band.
    """
    judged = Judged.of(probabilities.numpy(), crops, classes).answerable()
    measured = {name: float(values[0]) for name, values in measure(judged).items()}
    names = ("accuracy", *_DECISIONS, "calibration_error")
    right = judged.said == judged.true
    return {
        "faces": len(judged),
        **{name: measured[name] for name in names if name in measured},
        "accuracy_by_side_px": {name: float(right[band].mean()) for name, band in judged.bands().items()},
    }


def calibration_error(
    confidence: NDArray[np.float32], right: NDArray[np.bool_], *, bins: int = CALIBRATION_BINS
) -> float:
    """Expected calibration error (Guo et al., "On Calibration of Modern Neural Networks", 2017), in [0, 1]."""
    return float(_calibration_errors(confidence, right, np.ones((1, len(right))), bins=bins)[0])


def measure(judged: Judged, weights: Floats | None = None) -> dict[str, Floats]:
    """Every figure, for one weighting of the faces or many.

    Args:
        judged: faces that the network has a class for, see `Judged.answerable`.
        weights: (r, n) how often each face counts; once, where None.

    Returns:
        (r,) values in [0, 1] by name; nan for a weighting that leaves a figure undefined, and no entry where that is
        so of all:

        - `accuracy`: exact status.
        - `mask_against_no_mask`: accuracy on faces labelled one of the two of which one of the two is said, as
          `score_coco.py` has it.
        - `mask_or_not`: accuracy of mask against no mask; `precision`, `recall`, `f1` of `mask` in the same decision,
          `roc_auc` and `average_precision` of its probability.
        - `violation_precision`, `..._recall`, `..._f1`: finding faces labelled `no_mask` or `incorrect` by saying
          either of them.
        - `false_incorrect`: worn masks called incorrect; `incorrect_recall`: masks worn wrong that are called so;
          both only of networks with that class.
        - `precision/CLASS`, `recall/CLASS`, `f1/CLASS`: exact status, for each class that is labelled; `.../macro`:
          their means.
        - `calibration_error`: of the confidence in the exact status.
    """
    weights = np.ones((1, len(judged))) if weights is None else weights
    true, said = judged.true, judged.said
    counts = (weights @ np.eye(9)[3 * true + said]).reshape(-1, 3, 3)  # resample, true, said
    found = {"accuracy": _ratio(counts.trace(axis1=1, axis2=2), counts.sum((1, 2)))}

    plain = counts[:, :_INCORRECT]
    hits, falses = plain[:, _MASK, _MASK], plain[:, _NO_MASK, _MASK]
    masks, bare = plain[:, _MASK].sum(1), plain[:, _NO_MASK].sum(1)
    decided = plain[:, :, :_INCORRECT]
    found["mask_against_no_mask"] = _ratio(decided.trace(axis1=1, axis2=2), decided.sum((1, 2)))
    found["mask_or_not"] = _ratio(hits + bare - falses, masks + bare)
    found |= _precision_recall("{}", hits, said=hits + falses, true=masks)
    two = true != _INCORRECT
    found |= _ranking(judged.mask_probability[two], true[two] == _MASK, weights[:, two])

    violations = counts[:, _NO_MASK:]
    caught = violations[:, :, _NO_MASK:].sum((1, 2))
    found |= _precision_recall(
        "violation_{}", caught, said=counts[:, :, _NO_MASK:].sum((1, 2)), true=violations.sum((1, 2))
    )
    if MaskStatus.INCORRECT in judged.classes:
        found["false_incorrect"] = _ratio(counts[:, _MASK, _INCORRECT], masks)
        found["incorrect_recall"] = _ratio(counts[:, _INCORRECT, _INCORRECT], counts[:, _INCORRECT].sum(1))

    labelled = [number for number in range(3) if (true == number).any()]
    for number in labelled:
        found |= _precision_recall(
            f"{{}}/{STATUSES[number].value}",
            counts[:, number, number],
            said=counts[:, :, number].sum(1),
            true=counts[:, number].sum(1),
        )
    for name in ("precision", "recall", "f1"):
        parts = [found[f"{name}/{STATUSES[number].value}"] for number in labelled]
        found[f"{name}/macro"] = np.mean(parts, axis=0) if parts else np.full(len(weights), np.nan)
    found["calibration_error"] = _calibration_errors(judged.confidence, said == true, weights)
    return {name: values for name, values in found.items() if not np.isnan(values).all()}


def _ratio(part: Floats, whole: Floats) -> Floats:
    """Their ratio, nan where the whole is nothing."""
    undefined = np.full(len(whole), np.nan)
    return np.asarray(np.divide(part, whole, out=undefined, where=whole > 0), np.float64)


def _precision_recall(naming: str, hits: Floats, *, said: Floats, true: Floats) -> dict[str, Floats]:
    """Precision is 0, not undefined, where a class is never said though there are faces of it."""
    none_said = (said == 0) & (true > 0)
    return {
        naming.format("precision"): np.where(none_said, 0.0, _ratio(hits, said)),
        naming.format("recall"): _ratio(hits, true),
        naming.format("f1"): np.where(true > 0, _ratio(2 * hits, said + true), np.nan),
    }


def _ranking(scores: NDArray[np.float32], positive: NDArray[np.bool_], weights: Floats) -> dict[str, Floats]:
    """Area under the ROC curve, ties counting half, and average precision, as scikit-learn defines them."""
    if not positive.any() or positive.all():
        return {}
    order = np.argsort(-scores, kind="stable")
    firsts = np.flatnonzero(np.diff(scores[order], prepend=np.inf))  # equal scores are one step of the curves
    weights, positive = weights[:, order], positive[order]
    hits = np.add.reduceat(weights * positive, firsts, axis=1)
    falses = np.add.reduceat(weights * ~positive, firsts, axis=1)
    hits_so_far, falses_so_far = hits.cumsum(1), falses.cumsum(1)
    positives, negatives = hits_so_far[:, -1], falses_so_far[:, -1]
    area = (falses * (hits_so_far - hits / 2)).sum(1)
    reached = hits_so_far + falses_so_far
    precision = np.divide(hits_so_far, reached, out=np.zeros_like(reached), where=reached > 0)
    return {
        "roc_auc": _ratio(area, positives * negatives),
        "average_precision": _ratio((hits * precision).sum(1), positives),
    }


def _calibration_errors(
    confidence: NDArray[np.float32],
    right: NDArray[np.bool_],
    weights: Floats,
    *,
    bins: int = CALIBRATION_BINS,
) -> Floats:
    """(r,) gaps between confidence and share of right answers, averaged over bins of confidence."""
    which = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = np.zeros((len(right), bins))
    gaps[np.arange(len(right)), which] = confidence - right
    return _ratio(np.abs(weights @ gaps).sum(1), weights.sum(1))
