"""Several processes that share each batch end where one alone does.

Compared in 64 bits. In 32 bits one process already differs from itself in 64 bits: by 1 % of the gradient of
MobileNetV2 at 32 px, whose batch norms then see 15 values; two processes differ from one as much.
"""

import itertools
import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import cv2
import numpy as np
import pytest
import torch
from lightning.fabric import Fabric
from safetensors.torch import save_file

from maskcam.errors import ConfigError
from maskcam.networks.yunet import YuNet
from tests.cli import ROOT
from tests.train.in_processes import train_all, validating_in_32_bits
from tests.train.made import face
from train.batches import Draw
from train.fit import fit
from train.hardware import launch
from train.patches import Patch
from train.recipe import ClassifierRecipe, read_recipe
from train.sharing import Share

TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]

TOLERANCE = 1e-5
"""Of figures, and of weights as part of the largest of a tensor.

Logits go to the loss in 32 bits, and Adam makes more of the difference at every step; what is computed otherwise, such
as batch norms on half of the batch, shows at 1e-2.
"""

CLASSIFIER = """
architecture = "{architecture}"
classes = ["mask", "no_mask"]
input_size = 32
batch_size = 15  # of 16 pictures: a step per epoch, and halves that differ
epochs = 4
frozen_epochs = {frozen}
precision = "32-true"
data = [{{ folder = "{folder}/faces", classes = {{ mask = "mask", no_mask = "no_mask" }} }}]
validation = {{ folder = "{folder}/faces", classes = {{ mask = "mask", no_mask = "no_mask" }} }}
"""

DETECTOR = """
train = "{folder}/scenes.json"
validation = "{folder}/scenes.json"
initial_weights = "{folder}/start.safetensors"
input_size = 64
evaluation_size = 96
batch_size = 3
epochs = 2
precision = "32-true"
"""


def write_data(folder: Path) -> None:
    for status in ("mask", "no_mask"):
        (folder / "faces" / status).mkdir(parents=True)
        for i in range(8):
            cv2.imwrite(str(folder / "faces" / status / f"{i}.png"), face(status, i))
    images, annotations = [], []
    for number in range(
        3
    ):  # with one, two and three faces: the processes have unequal shares of what is learnt
        picture = np.full((96, 96, 3), 128, np.uint8)
        for i in range(number + 1):
            x, y = 5 + 30 * i, 10 + 20 * number
            picture[y : y + 28, x : x + 28] = cv2.resize(face("mask", i), (28, 28))
            box = {"id": len(annotations), "image_id": number, "category_id": 1, "bbox": [x, y, 28, 28]}
            annotations.append(box | {"iscrowd": 0})
        cv2.imwrite(str(folder / f"{number}.png"), picture)
        images.append({"id": number, "file_name": f"{number}.png"})
    (folder / "scenes.json").write_text(json.dumps({"images": images, "annotations": annotations}))
    torch.manual_seed(0)
    save_file(YuNet().state_dict(), folder / "start.safetensors")


def history(run: Path) -> list[dict[str, float]]:
    rows = [json.loads(line) for line in (run / "history.jsonl").read_text().splitlines()]
    return [{name: value for name, value in row.items() if name != "seconds"} for row in rows]


def weights(run: Path) -> dict[str, torch.Tensor]:
    checkpoint = torch.load(run / "checkpoint.pt", weights_only=True)
    return {
        **checkpoint["network"],
        **{f"average.{n}": t for n, t in checkpoint["average"]["network"].items()},
    }


def test_two_processes_end_where_one_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_data(tmp_path)
    recipes = {"whole": ("mobilenet_v2", 1), "head": ("efficientnet_b0", 4), "resumed": ("mobilenet_v2", 1)}
    for name, (architecture, frozen) in recipes.items():
        text = CLASSIFIER.format(folder=tmp_path, architecture=architecture, frozen=frozen)
        (tmp_path / f"{name}.toml").write_text(text)
    (tmp_path / "detector.toml").write_text(DETECTOR.format(folder=tmp_path))
    train_all(tmp_path)

    draw = Draw.epoch

    def killed_in_the_third_epoch(self: Draw, seed: str) -> list[Patch]:
        if seed.endswith("/2"):
            raise KeyboardInterrupt
        return draw(self, seed)

    recipe = read_recipe(tmp_path / "resumed.toml", ClassifierRecipe)
    fabric = launch("cpu", devices=1, precision="64-true")
    with monkeypatch.context() as patch, validating_in_32_bits():
        patch.setattr(Draw, "epoch", killed_in_the_third_epoch)
        with pytest.raises(KeyboardInterrupt):
            fit(recipe, run=tmp_path / "resumed-2", fabric=fabric)  # begun by one process, ended by two

    done = subprocess.run(
        [*TORCHRUN, "-m", "tests.train.in_processes", str(tmp_path)],
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode != 0
    assert done.stderr.count("Error: process") == 1, done.stderr
    assert "Error: process 2 of 2: the second one fails" in done.stderr

    for name in (*recipes, "detector"):
        alone, shared = (tmp_path / f"{name}-{processes}" for processes in (1, 2))
        for expected, found in zip(history(alone), history(shared), strict=True):
            assert found == pytest.approx(expected, rel=TOLERANCE, abs=TOLERANCE), name
        for tensor, other in zip(weights(alone).items(), weights(shared).items(), strict=True):
            assert tensor[0] == other[0]
            scale = max(1e-3, tensor[1].abs().max().item())
            assert (other[1] - tensor[1]).abs().max().item() <= TOLERANCE * scale, (name, tensor[0])


def test_every_sample_of_a_batch_has_one_process() -> None:
    parts = [list(Share(rank, 3).batches(23, batch_size=10)) for rank in range(3)]
    for number, batch in enumerate(zip(*parts, strict=True)):
        assert sorted(itertools.chain(*batch)) == list(range(10 * number, 10 * number + 10))
    assert [len(part[0]) for part in parts] == [4, 3, 3]


def test_a_batch_smaller_than_the_processes_is_refused(tmp_path: Path) -> None:
    write_data(tmp_path)
    file = tmp_path / "small.toml"
    file.write_text(CLASSIFIER.format(folder=tmp_path, architecture="cnn2", frozen=0))
    fabric = cast("Fabric", SimpleNamespace(global_rank=0, world_size=16))
    with pytest.raises(ConfigError, match="15 samples cannot be shared by 16 processes"):
        fit(read_recipe(file, ClassifierRecipe), run=tmp_path / "run", fabric=fabric)


def test_torchrun_says_how_many_processes_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"TORCHELASTIC_RUN_ID": "x", "LOCAL_WORLD_SIZE": "2", "WORLD_SIZE": "2"}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError, match="torchrun started 2 processes here: leave out --devices 4"):
        launch("cpu", devices=4, precision="32-true")
