"""Training on a handful of made faces: it learns, resumes after a kill as if nothing had happened, and ships."""

import itertools
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from lightning.fabric import Fabric
from safetensors.torch import load_file

from maskcam.classifiers.torch import TorchClassifier
from maskcam.detectors.fixed import FixedDetector
from maskcam.errors import ConfigError, InputError, MaskcamError
from maskcam.networks import CLASSIFIERS, build_network
from maskcam.types import Faces, Image, MaskStatus
from maskcam.weights import read_card
from tests.cards import ship_random_classifier
from train import fit as fit_module
from train.batches import Draw
from train.faces import pictures
from train.fit import ClassifierTask, average_and_ship, cross_validate, fit, in_fold, train_and_ship
from train.hardware import launch
from train.patches import Patch
from train.recipe import ClassifierRecipe, DetectorRecipe, read_recipe
from train.scenes import read_scenes
from train.ship import write_readme

COLOURS = {"mask": (200, 80, 30), "no_mask": (60, 90, 200), "incorrect": (40, 200, 60)}


def face(status: str, seed: int) -> Image:
    noise = np.random.default_rng(seed).integers(-30, 30, (80, 80, 3))
    return (np.array(COLOURS[status]) + noise).clip(0, 255).astype(np.uint8)


@pytest.fixture
def recipe_file(tmp_path: Path) -> Path:
    """A recipe on 24 pictures in folders and one scene with nine faces."""
    for status in COLOURS:
        (tmp_path / "faces" / status).mkdir(parents=True)
        for i in range(8):
            cv2.imwrite(str(tmp_path / "faces" / status / f"{i}.png"), face(status, i))
    scene = np.full((300, 300, 3), 128, np.uint8)
    annotations = []
    for row, status in enumerate(COLOURS):
        for column in range(3):
            x, y = 100 * column + 5, 100 * row + 5
            scene[y : y + 80, x : x + 80] = face(status, 50 + column)
            annotations.append(
                {
                    "id": len(annotations),
                    "image_id": 1,
                    "category_id": row + 1,
                    "bbox": [x, y, 80, 80],
                    "iscrowd": 0,
                }
            )
    annotations.append({"id": 99, "image_id": 1, "category_id": 1, "bbox": [0, 0, 9, 9], "iscrowd": 1})
    cv2.imwrite(str(tmp_path / "scene.png"), scene)
    coco = {"images": [{"id": 1, "file_name": "scene.png"}], "annotations": annotations}
    (tmp_path / "scenes.json").write_text(json.dumps(coco))
    file = tmp_path / "tiny.toml"
    file.write_text(
        f"""
architecture = "mobilenet_v2"
classes = ["mask", "no_mask", "incorrect"]
input_size = 32
samples_per_epoch = 48
batch_size = 12
epochs = 3
precision = "32-true"
validation = {{ scenes = "{tmp_path}/scenes.json", minimum_side = 16 }}
[tests]
scene = {{ scenes = "{tmp_path}/scenes.json", minimum_side = 16 }}
folder = {{ folder = "{tmp_path}/faces", classes = {{ mask = "mask", no_mask = "no_mask", incorrect = "incorrect" }} }}
[[data]]
folder = "{tmp_path}/faces"
classes = {{ mask = "mask", no_mask = "no_mask", incorrect = "incorrect" }}
share = {{ mask = 0.2, no_mask = 0.2, incorrect = 0.2 }}
[[data]]
scenes = "{tmp_path}/scenes.json"
share = {{ mask = 0.15, no_mask = 0.15, incorrect = 0.1 }}
"""
    )
    return file


def fabric() -> Fabric:
    return launch("cpu", devices=1, precision="32-true")


class KilledError(Exception):
    """Stands for a kill."""


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"schedule": "plateau", "patience": 2, "optimizer": "adam", "average_decay": 0.0, "frozen_epochs": 1},
    ],
    ids=["one-cycle", "two-stage"],
)
def test_resuming_after_a_kill_gives_the_same_weights(
    recipe_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: dict[str, object]
) -> None:
    recipe = read_recipe(recipe_file, ClassifierRecipe).model_copy(update=changes)
    unbroken = fit(recipe, run=tmp_path / "unbroken", fabric=fabric()).state_dict()

    draw = Draw.epoch

    def killed_in_the_third_epoch(self: Draw, seed: str) -> list[Patch]:
        if seed.endswith("/2"):
            raise KilledError
        return draw(self, seed)

    with monkeypatch.context() as patch:
        patch.setattr(Draw, "epoch", killed_in_the_third_epoch)
        with pytest.raises(KilledError):
            fit(recipe, run=tmp_path / "broken", fabric=fabric())
    resumed = fit(recipe, run=tmp_path / "broken", fabric=fabric()).state_dict()
    for name, tensor in unbroken.items():
        assert torch.equal(tensor, resumed[name]), name
    for run in ("unbroken", "broken"):
        lines = (tmp_path / run / "history.jsonl").read_text().splitlines()
        assert [json.loads(line)["epoch"] for line in lines] == [1, 2, 3]


def test_shipped_weights_run_and_their_card_says_how_good_they_are(recipe_file: Path, tmp_path: Path) -> None:
    output = tmp_path / "weights" / "tiny.safetensors"
    recipe = read_recipe(recipe_file, ClassifierRecipe)
    train_and_ship(
        recipe, run=tmp_path / "run", output=output, fabric=fabric(), command="python -m train fit x"
    )
    card = read_card(output)
    assert len(card.metrics) == 3
    assert card.metrics["folder"]["faces"] == 24
    with TorchClassifier.from_weights(output, device=torch.device("cpu")) as classifier:
        assert len(classifier.classify(np.zeros((2, 32, 32, 3), np.uint8))) == 2
    write_readme(output.parent)
    assert card.sha256 in (output.parent / "README.md").read_text()


def test_with_a_detector_found_faces_are_fitted_on_and_measured_too(
    recipe_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    boxes = np.array([[100 * column + 2, 5, 100 * column + 86, 89] for column in range(2)], np.float32)
    seen = FixedDetector([Faces(boxes, np.array([0.9, 0.8], np.float32))])
    monkeypatch.setattr(fit_module, "face_detector", lambda *_, **__: seen)
    recipe = read_recipe(recipe_file, ClassifierRecipe, changes=["detector=faces.safetensors", "epochs=1"])
    draw = Draw(recipe, detector=seen)
    assert sorted(len(group) for group in draw.groups) == [3, 3, 5, 8, 8, 8]  # two of the masks are found
    card = train_and_ship(
        recipe, run=tmp_path / "run", output=tmp_path / "tiny.safetensors", fabric=fabric(), command="c"
    )
    assert card is not None
    name = f"{tmp_path.name}/scenes"
    assert {test: figures["faces"] for test, figures in card.metrics.items()} == {
        f"{name}, validation": 9, f"{name}, found faces": 2, "scene": 9, "folder": 24
    }  # fmt: skip


def test_an_average_lies_between_and_says_what_it_is_of(recipe_file: Path, tmp_path: Path) -> None:
    recipe = read_recipe(recipe_file, ClassifierRecipe)
    files = [ship_random_classifier(tmp_path / f"{name}.safetensors", seed=i) for i, name in enumerate("ab")]
    card = average_and_ship(files, recipe, output=tmp_path / "mean.safetensors", command="c")
    a, b, mean = (load_file(tmp_path / f"{name}.safetensors") for name in ("a", "b", "mean"))
    for name, tensor in mean.items():
        torch.testing.assert_close(tensor.float(), (a[name].float() + b[name]) / 2, rtol=1e-3, atol=1e-3)
    assert card.protocol.count("random weights") == 2
    with pytest.raises(ConfigError, match="at least two"):
        average_and_ship(files[:1], recipe, output=tmp_path / "mean.safetensors", command="c")


def test_a_frozen_body_stays_and_the_head_learns(recipe_file: Path, tmp_path: Path) -> None:
    recipe = read_recipe(recipe_file, ClassifierRecipe, changes=["frozen_epochs=3", "average_decay=0"])
    torch.manual_seed(recipe.seed)
    before = build_network("mobilenet_v2", classes=3, input_size=32).state_dict()
    after = fit(recipe, run=tmp_path / "run", fabric=fabric()).state_dict()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed == {"classifier.1.weight", "classifier.1.bias"}


def test_patience_ends_a_run_and_keeps_its_best_weights(
    recipe_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    losses = iter([0.5, 0.3, 0.4, 0.4, 0.4])
    kept: list[dict[str, torch.Tensor]] = []

    def validate(_: ClassifierTask, network: torch.nn.Module) -> dict[str, float]:
        kept.append({name: tensor.clone() for name, tensor in network.state_dict().items()})
        return {"loss": next(losses)}

    monkeypatch.setattr(ClassifierTask, "validate", validate)
    recipe = read_recipe(recipe_file, ClassifierRecipe, changes=["epochs=9", "patience=2"])
    network = fit(recipe, run=tmp_path / "run", fabric=fabric())
    assert len(kept) == 4
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, kept[1][name]), name


def test_cross_validation_holds_every_picture_out_once(recipe_file: Path, tmp_path: Path) -> None:
    recipe = read_recipe(recipe_file, ClassifierRecipe, changes=["folds=3", "epochs=1"])
    folder = pictures(recipe.data[0])
    held_out = [[p.path for p in folder if in_fold(recipe, fold)(p)] for fold in range(3)]
    assert sorted(itertools.chain(*held_out)) == sorted(p.path for p in folder)
    scores = cross_validate(
        recipe.model_copy(update={"data": recipe.data[:1], "batch_size": 4}),
        run=tmp_path / "run",
        fabric=fabric(),
    )
    folds = json.loads((tmp_path / "run" / "folds.json").read_text())["folds"]
    assert len(folds) == 3
    mean = sum(fold["validation_accuracy"] for fold in folds) / 3
    assert scores["validation_accuracy_mean"] == pytest.approx(mean)


def test_it_learns(recipe_file: Path, tmp_path: Path) -> None:
    changes = {"epochs": 8, "samples_per_epoch": 144, "learning_rate": 4e-3, "average_decay": 0.9}
    recipe = read_recipe(recipe_file, ClassifierRecipe).model_copy(update=changes)
    fit(recipe, run=tmp_path / "run", fabric=fabric())
    rows = [json.loads(line) for line in (tmp_path / "run" / "history.jsonl").read_text().splitlines()]
    # the colours that tell the classes apart are jittered too: no more than a good start is to be had
    assert rows[-1]["train_loss"] < 0.85 * rows[0]["train_loss"]


def test_a_checkpoint_of_another_recipe_is_refused(recipe_file: Path, tmp_path: Path) -> None:
    recipe = read_recipe(recipe_file, ClassifierRecipe, changes=["epochs=1"])
    fit(recipe, run=tmp_path / "run", fabric=fabric())
    with pytest.raises(ConfigError, match="another recipe"):
        fit(recipe.model_copy(update={"seed": 1}), run=tmp_path / "run", fabric=fabric())


def test_a_loss_that_is_not_finite_stops_the_run(recipe_file: Path, tmp_path: Path) -> None:
    recipe = read_recipe(recipe_file, ClassifierRecipe, changes=["learning_rate=1e30"])
    with pytest.raises(MaskcamError, match="lower learning_rate"):
        fit(recipe, run=tmp_path / "run", fabric=fabric())


def test_validation_with_a_status_that_the_network_lacks_is_refused(
    recipe_file: Path, tmp_path: Path
) -> None:
    recipe = read_recipe(recipe_file, ClassifierRecipe, changes=['classes=["mask", "no_mask"]'])
    with pytest.raises(ConfigError, match="labelled incorrect"):
        fit(recipe, run=tmp_path / "run", fabric=fabric())


def test_too_few_data_for_a_batch_are_refused(recipe_file: Path, tmp_path: Path) -> None:
    recipe = read_recipe(recipe_file, ClassifierRecipe, changes=["batch_size=100"])
    with pytest.raises(ConfigError, match="lower batch_size"):
        fit(recipe, run=tmp_path / "run", fabric=fabric())


@pytest.mark.parametrize(
    ("change", "words"),
    [("epochs = 3", "epochs"), ("batch_size = 12", "surprise"), ("[[data]]", "not TOML")],
)
def test_a_wrong_recipe_is_one_sentence(recipe_file: Path, change: str, words: str) -> None:
    replacement = {"epochs = 3": "epochs = 0", "batch_size = 12": "surprise = 1", "[[data]]": "[[data"}[
        change
    ]
    recipe_file.write_text(recipe_file.read_text().replace(change, replacement))
    with pytest.raises(ConfigError, match=words):
        read_recipe(recipe_file, ClassifierRecipe)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ('data=[{folder="f", classes={f="mask"}, covered_share={incorrect=1}}]', "covered_share takes"),
        ('data=[{folder="f", classes={f="mask"}, covered_share={mask=1}}]', "landmark_weights is needed"),
        ("epochs", "NAME=VALUE"),
        ("epochs=none", "epochs"),
        ("samples_per_epoch=", "go together"),
        ("validation={}", "one of `scenes`"),
    ],
)
def test_a_wrong_change_is_one_sentence(recipe_file: Path, change: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        read_recipe(recipe_file, ClassifierRecipe, changes=[change])


RECIPES = Path(fit_module.__file__).parent / "recipes"


def test_recipes_in_the_repository_are_valid() -> None:
    assert read_recipe(RECIPES / "mobilenet_v2.toml", ClassifierRecipe).classes[0] is MaskStatus.MASK
    for name in ("yunet_n", "yunet_l"):
        assert read_recipe(RECIPES / f"{name}.toml", DetectorRecipe).architecture == name


def test_every_cell_of_the_study_has_a_recipe() -> None:
    recipes = [read_recipe(file, ClassifierRecipe) for file in sorted((RECIPES / "study").glob("*.toml"))]
    assert len(recipes) == 11
    assert {recipe.architecture for recipe in recipes} == set(CLASSIFIERS)
    for recipe in recipes:
        assert recipe.study is not None
        assert (recipe.init == "imagenet") == (recipe.study.weights == "ImageNet")
        assert recipe.input_size == recipe.study.input_size
        assert recipe.validation.protocol == recipe.data[0].protocol == "paper"
    leak_free = read_recipe(RECIPES / "study" / "mnasnet.toml", ClassifierRecipe, protocol="leak_free")
    sets = [leak_free.data[0], leak_free.validation, leak_free.tests["faces, test"]]
    assert {faces.protocol for faces in sets} == {"leak_free"}


def test_unlabelled_faces_are_kept_apart(recipe_file: Path) -> None:
    (scene,) = read_scenes(recipe_file.with_name("scenes.json"))
    assert len(scene.boxes_xyxy) == 9
    assert scene.ignored_xyxy.tolist() == [[0, 0, 9, 9]]
    with pytest.raises(InputError, match="not a COCO"):
        read_scenes(recipe_file)
