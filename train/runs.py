"""What a training run left in its folder: recipe, history, weights, folds, evaluations."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from maskcam.errors import InputError
from maskcam.weights import ModelCard, read_card
from train.evaluation import Stored, read_evaluation
from train.recipe import ClassifierRecipe

EVALUATION_FOLDER = "evaluation"


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """A classifier's run, or a folder that holds only evaluations of weights made elsewhere.

    Attributes:
        folder: where it is.
        recipe: None where it was not trained here.
        card: of its weights; None while it is still training.
        history: a row of figures per epoch.
        folds: validation figures of each fold of a cross-validation.
        evaluations: those of the present weights.
        outdated: names of evaluations that earlier weights were measured in; left out.
    """

    folder: Path
    recipe: ClassifierRecipe | None
    card: ModelCard | None
    history: tuple[dict[str, float], ...] = ()
    folds: tuple[dict[str, float], ...] = ()
    evaluations: tuple[Stored, ...] = ()
    outdated: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Name of the folder."""
        return self.folder.resolve().name


def is_run(folder: Path) -> bool:
    """Whether a folder looks like a classifier's run; a detector's recipe has no classes."""
    recipe = folder / "recipe.json"
    try:
        return "classes" in json.loads(recipe.read_bytes())
    except (OSError, ValueError):
        return False


def read_run(folder: Path) -> Run:
    """Reads a run.

    Raises:
        InputError: the folder is neither a classifier's run nor holds evaluations, or a file in it is damaged.
    """
    files = sorted((folder / EVALUATION_FOLDER).glob("*.json"))
    recipe = read_run_recipe(folder) if is_run(folder) else None
    if recipe is None and not files:
        raise InputError(
            f"{folder} is no run of a classifier: expected recipe.json from `python -m train fit`, "
            f"or {EVALUATION_FOLDER}/ from `python -m train evaluate`"
        )
    weights = find_weights(folder)
    card = read_card(weights) if weights is not None else None
    stored = [read_evaluation(file) for file in files]
    stored.sort(key=lambda s: (s.evaluation.face_set.name, s.evaluation.faces_of == "found faces"))
    fresh = [s for s in stored if card is None or s.evaluation.sha256 == card.sha256]
    folds = folder / "folds.json"
    try:
        return Run(
            folder=folder,
            recipe=recipe,
            card=card,
            history=tuple(_rows(folder / "history.jsonl")),
            folds=tuple(json.loads(folds.read_bytes())["folds"]) if folds.is_file() else (),
            evaluations=tuple(fresh),
            outdated=tuple(s.evaluation.name for s in stored if s not in fresh),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"history.jsonl or folds.json in {folder} is damaged: {error}") from error


def read_run_recipe(folder: Path) -> ClassifierRecipe:
    """The recipe that a classifier's run was made by.

    Raises:
        InputError: it was written by another version.
    """
    try:
        return ClassifierRecipe.model_validate_json((folder / "recipe.json").read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise InputError(
            f"{folder / 'recipe.json'} is not a classifier's recipe of this version: {where}: {first['msg']}"
        ) from error


def find_weights(folder: Path) -> Path | None:
    """The weights of a run; None while it has none.

    Raises:
        InputError: there are several.
    """
    found = sorted(folder.glob("*.safetensors"))
    if len(found) > 1:
        names = ", ".join(file.name for file in found)
        raise InputError(f"{folder} holds several weights files ({names}): name one of them")
    return found[0] if found else None


def _rows(history: Path) -> list[dict[str, float]]:
    if not history.is_file():
        return []
    return [json.loads(line) for line in history.read_text().splitlines() if line.strip()]


def start_of(recipe: ClassifierRecipe) -> str:
    """What a run's weights were at the start, in a word."""
    return recipe.init.stem if isinstance(recipe.init, Path) else recipe.init


def find_runs(root: Path) -> list[Path]:
    """Folders of all classifiers' runs below a folder, those of single folds left out."""
    folders = sorted(file.parent for file in root.rglob("recipe.json"))
    return [folder for folder in folders if is_run(folder) and not folder.name.startswith("fold-")]
