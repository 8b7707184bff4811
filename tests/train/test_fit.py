"""Training on a handful of made faces: it learns, resumes after a kill as if nothing had happened, and ships."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from maskcam.classifiers.torch import TorchClassifier
from maskcam.errors import ConfigError, InputError, MaskcamError
from maskcam.types import Image, MaskStatus
from maskcam.weights import read_card
from train import fit as fit_module
from train.fit import fit, train_and_ship
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
validation = "{tmp_path}/scenes.json"
test_scenes = "{tmp_path}/scenes.json"
test_folder = "{tmp_path}/faces"
input_size = 32
samples_per_epoch = 48
batch_size = 12
epochs = 3
bfloat16 = false
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


def test_resuming_after_a_kill_gives_the_same_weights(
    recipe_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = read_recipe(recipe_file, ClassifierRecipe)
    unbroken = fit(recipe, run=tmp_path / "unbroken").state_dict()

    reports = iter(["", KeyboardInterrupt()])

    def killed_after_two_epochs(*_: object) -> str:
        report = next(reports)
        if isinstance(report, BaseException):
            raise report
        return report

    with monkeypatch.context() as patch:
        patch.setattr(fit_module, "report", killed_after_two_epochs)
        with pytest.raises(KeyboardInterrupt):
            fit(recipe, run=tmp_path / "broken")
    resumed = fit(recipe, run=tmp_path / "broken").state_dict()
    for name, tensor in unbroken.items():
        assert torch.equal(tensor, resumed[name]), name


def test_shipped_weights_run_and_their_card_says_how_good_they_are(recipe_file: Path, tmp_path: Path) -> None:
    output = tmp_path / "weights" / "tiny.safetensors"
    train_and_ship(recipe_file, run=tmp_path / "run", output=output)
    card = read_card(output)
    assert set(card.metrics) == {
        "scenes/val, labelled boxes", "scenes/test, labelled boxes", "faces/Test, whole pictures",
    }  # fmt: skip
    assert card.metrics["faces/Test, whole pictures"]["faces"] == 24
    with TorchClassifier.from_weights(output, device=torch.device("cpu")) as classifier:
        assert len(classifier.classify(np.zeros((2, 32, 32, 3), np.uint8))) == 2
    write_readme(output.parent)
    assert card.sha256 in (output.parent / "README.md").read_text()


def test_it_learns(recipe_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    changes = {"epochs": 8, "samples_per_epoch": 144, "learning_rate": 4e-3, "average_decay": 0.9}
    recipe = read_recipe(recipe_file, ClassifierRecipe).model_copy(update=changes)
    fit(recipe, run=tmp_path / "run")
    losses = [float(line.split()[3]) for line in capsys.readouterr().out.splitlines()]
    # the colours that tell the classes apart are jittered too: no more than a good start is to be had
    assert losses[-1] < 0.85 * losses[0]


def test_a_checkpoint_of_another_recipe_is_refused(recipe_file: Path, tmp_path: Path) -> None:
    recipe = read_recipe(recipe_file, ClassifierRecipe).model_copy(update={"epochs": 1})
    fit(recipe, run=tmp_path / "run")
    with pytest.raises(ConfigError, match="another recipe"):
        fit(recipe.model_copy(update={"seed": 1}), run=tmp_path / "run")


def test_a_loss_that_is_not_finite_stops_the_run(recipe_file: Path, tmp_path: Path) -> None:
    recipe = read_recipe(recipe_file, ClassifierRecipe).model_copy(update={"learning_rate": 1e30})
    with pytest.raises(MaskcamError, match="lower learning_rate"):
        fit(recipe, run=tmp_path / "run")


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


def test_recipes_in_the_repository_are_valid() -> None:
    recipes = Path(fit_module.__file__).parent / "recipes"
    assert read_recipe(recipes / "mobilenet_v2.toml", ClassifierRecipe).classes[0] is MaskStatus.MASK
    assert read_recipe(recipes / "yunet_n.toml", DetectorRecipe).input_size == 512


def test_unlabelled_faces_are_kept_apart(recipe_file: Path) -> None:
    (scene,) = read_scenes(recipe_file.with_name("scenes.json"))
    assert len(scene.boxes_xyxy) == 9
    assert scene.ignored_xyxy.tolist() == [[0, 0, 9, 9]]
    with pytest.raises(InputError, match="not a COCO"):
        read_scenes(recipe_file)
