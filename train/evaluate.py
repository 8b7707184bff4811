"""`python -m train evaluate`: measures a classifier on labelled faces and keeps the result beside it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from rich.console import Console

from maskcam.classifiers.base import Classifier
from maskcam.classifiers.torch import TorchClassifier
from maskcam.detectors.base import Detector
from maskcam.devices import choose_device
from maskcam.errors import InputError
from maskcam.types import MaskStatus
from maskcam.weights import DEFAULT_DETECTOR, ModelCard, read_card, shipped_weights
from train.evaluation import (
    Evaluation,
    FacesOf,
    Stored,
    confusion,
    parts,
    scale_agreement,
    worst_mistakes,
    write_evaluation,
)
from train.faces import FaceSet, Picture, Protocol, pictures
from train.found import face_detector
from train.judging import found_crops, judge, statuses_by_scale
from train.labelled import LabelledCrops, labelled_crops
from train.recipe import ClassifierRecipe
from train.runs import EVALUATION_FOLDER, find_weights, is_run, read_run_recipe
from train.tables import print_evaluation

MINIMUM_SIDE = 16
"""Smaller faces of scenes are left out, pixels: people cannot tell their status either."""

_CLASS_FOLDERS = {
    "WithMask": MaskStatus.MASK,
    "WithoutMask": MaskStatus.NO_MASK,
    "mask": MaskStatus.MASK,
    "no_mask": MaskStatus.NO_MASK,
    "incorrect": MaskStatus.INCORRECT,
}
_PROTOCOLS: tuple[Protocol, ...] = ("paper", "leak_free")


@dataclass(frozen=True, slots=True)
class Target:
    """What is evaluated.

    Attributes:
        weights: the `.safetensors`.
        output: folder for the results.
        recipe: of the run that made the weights, where there is one.
    """

    weights: Path
    output: Path
    recipe: ClassifierRecipe | None


def evaluate(
    weights_or_run: Path,
    *,
    on: Sequence[str],
    data: Path,
    output: Path | None,
    detector_weights: Path | None,
    device: str,
    scales: bool,
    console: Console,
) -> None:
    """Measures weights on test sets, prints the figures and writes them.

    Args:
        weights_or_run: a `.safetensors` file or the folder of a run.
        on: test sets as `NAME=SPEC`, see `parse_set`; none: those of the run's recipe, or else the standard ones.
        data: folder of the standard test sets.
        output: folder; the results go to `evaluation/` in it. None: the run's.
        detector_weights: find the faces of scenes; None: the shipped ones.
        device: name, see `maskcam.devices`.
        scales: also judge every face of scenes in boxes drawn tighter and looser, which takes seven times as long.
        console: for the tables.

    Raises:
        MaskcamError: weights, run or data are missing or not what they should be.
    """
    target = find_target(weights_or_run, output)
    sets = dict(parse_set(text) for text in on) or (target.recipe.tests if target.recipe else {})
    sets = sets or standard_sets(data)
    card = read_card(target.weights)
    detector_weights = detector_weights or shipped_weights(DEFAULT_DETECTOR)
    chosen = choose_device(device)
    with (
        TorchClassifier.from_weights(target.weights, device=chosen) as classifier,
        face_detector(detector_weights, device=str(chosen)) as detector,
    ):
        bench = _Bench(card, classifier, detector, read_card(detector_weights).name, target.recipe)
        for name, face_set in sets.items():
            for stored in bench.measure(name, face_set, scales=scales):
                file = write_evaluation(target.output / EVALUATION_FOLDER, stored)
                print_evaluation(console, stored.evaluation)
                console.print(f"Written to {file}\n", soft_wrap=True)


def find_target(weights_or_run: Path, output: Path | None) -> Target:
    """Resolves what the user named.

    Raises:
        InputError: a run has no weights yet, or weights that belong to no run come without a folder for the results.
    """
    if weights_or_run.is_dir():
        weights = find_weights(weights_or_run)
        if weights is None:
            raise InputError(
                f"{weights_or_run} holds no .safetensors yet: finish `python -m train fit` first"
            )
        run = weights_or_run
    else:
        weights, run = weights_or_run, weights_or_run.parent
    recipe = read_run_recipe(run) if is_run(run) else None
    if recipe is None and output is None:
        raise InputError(f"{weights_or_run} belongs to no run: say with -o DIR where the results are to go")
    return Target(weights, output or run, recipe)


def parse_set(text: str) -> tuple[str, FaceSet]:
    """Reads a test set as given on the command line.

    Args:
        text: `NAME=SPEC`; SPEC is a COCO file (`scenes/val.json`), a folder with a sub-folder per class (`mask`,
            `no_mask`, `incorrect`, `WithMask`, `WithoutMask`), or the folder of the study's data, whose test part is
            taken by the official folders, or with `:leak_free` behind it by source photographs.

    Raises:
        InputError: it is none of these.
    """
    name, equals, spec = text.partition("=")
    head, _, tail = spec.rpartition(":")
    where, protocol = (Path(head), tail) if tail in _PROTOCOLS else (Path(spec), "paper")
    if not (name and equals and spec):
        raise InputError(
            f"a test set is given as NAME=SPEC, like scenes=../data/scenes/test.json, got {text!r}"
        )
    if where.is_file():
        return name, FaceSet(scenes=where)
    if (where / "Test").is_dir():
        return name, FaceSet(kaggle=where, split="test", protocol=protocol)
    classes = {folder: status for folder, status in _CLASS_FOLDERS.items() if (where / folder).is_dir()}
    if not classes:
        raise InputError(
            f"test set {name}: {where} is no COCO file and no folder with a sub-folder per class "
            f"({', '.join(_CLASS_FOLDERS)})"
        )
    return name, FaceSet(folder=where, classes=classes)


def standard_sets(data: Path) -> dict[str, FaceSet]:
    """What weights are measured on that say nothing themselves."""
    return {
        "scenes/test": FaceSet(scenes=data / "scenes" / "test.json"),
        "faces test, paper": FaceSet(kaggle=data / "faces", split="test"),
        "faces test, leak-free": FaceSet(kaggle=data / "faces", split="test", protocol="leak_free"),
    }


def caution(recipe: ClassifierRecipe | None, face_set: FaceSet) -> str | None:
    """Why figures on the study's data flatter: one protocol's test pictures are among the other's for training."""
    if recipe is None or face_set.kaggle is None:
        return None
    for fitted in recipe.data:
        crossed = fitted.kaggle is not None and fitted.protocol != face_set.protocol
        by_folder = fitted.folder is not None and fitted.folder.parent == face_set.kaggle
        if crossed or (by_folder and face_set.protocol == "leak_free"):
            return f"some of these pictures were fitted on: the run trained on {fitted.name}"
    return None


@dataclass(frozen=True, slots=True)
class _Bench:
    """Everything that stays the same from test set to test set."""

    card: ModelCard
    classifier: Classifier
    detector: Detector
    detector_name: str
    recipe: ClassifierRecipe | None

    def measure(self, name: str, face_set: FaceSet, *, scales: bool) -> Iterator[Stored]:
        """Yields the evaluation of labelled faces and, for scenes, that of the faces found in them."""
        of_scenes = face_set.scenes is not None
        minimum = max(face_set.minimum_side, MINIMUM_SIDE)
        face_set = face_set.model_copy(update={"minimum_side": minimum})
        chosen = pictures(face_set)
        crops = labelled_crops(chosen, self.classifier.crop)
        if not len(crops):
            raise InputError(f"test set {name} has no labelled face of at least {minimum:g} pixels")
        yield self._stored(
            name, face_set, "labelled boxes" if of_scenes else "whole pictures", chosen, crops, scales
        )
        if of_scenes:
            found = found_crops(chosen, self.detector, self.classifier.crop)
            yield self._stored(name, face_set, "found faces", chosen, found, scales=False)

    def _stored(
        self,
        name: str,
        face_set: FaceSet,
        faces_of: FacesOf,
        chosen: Sequence[Picture],
        crops: LabelledCrops,
        scales: bool,
    ) -> Stored:
        classes = tuple(MaskStatus(status) for status in self.card.classes)
        judged = judge(self.classifier, crops, classes)
        agreement = None
        if scales and face_set.scenes is not None:
            agreement = scale_agreement(statuses_by_scale(self.classifier, chosen, classes))
        evaluation = Evaluation(
            name=f"{_plain(name)}, {faces_of}",
            faces_of=faces_of,
            face_set=face_set,
            weights=self.card.name,
            sha256=self.card.sha256,
            architecture=self.card.architecture,
            input_size=self.card.input_size,
            parameters=self.card.parameters,
            detector=self.detector_name if faces_of == "found faces" else None,
            caution=caution(self.recipe, face_set),
            classes=classes,
            labelled=sum(len(picture.statuses) for picture in chosen),
            pictures=len(chosen),
            left_out=len(judged) - len(judged.answerable()),
            confusion=confusion(judged),
            scale_agreement=agreement,
            **parts(judged),
        )
        return Stored(evaluation, judged, worst_mistakes(judged, crops))


def _plain(name: str) -> str:
    """Recipes may call a test set `scenes/test, labelled boxes`, as the card is to show it."""
    for ending in get_args(FacesOf):
        name = name.removesuffix(f", {ending}")
    return name
