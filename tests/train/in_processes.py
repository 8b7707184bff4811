"""Runs all recipes of a folder in as many processes as torchrun started, or in this one; then one of several fails.

torchrun --nproc-per-node 2 -m tests.train.in_processes FOLDER
"""

import copy
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from unittest.mock import patch

from torch import nn

from maskcam.errors import InputError
from train.detector import DetectorTask, train_detector
from train.ending import ended_together
from train.fit import ClassifierTask, fit
from train.hardware import launch
from train.recipe import ClassifierRecipe, DetectorRecipe, read_recipe


@contextmanager
def validating_in_32_bits() -> Iterator[None]:
    """What judges a network gives it pictures in 32 bits, though it was trained in 64."""
    with ExitStack() as stack:
        for task in (ClassifierTask, DetectorTask):
            validate = task.validate

            def judge(self: object, network: nn.Module, validate=validate) -> dict[str, float]:  # noqa: ANN001
                return validate(self, copy.deepcopy(network).float())

            stack.enter_context(patch.object(task, "validate", judge))
        yield


def train_all(folder: Path) -> None:
    """The run of NAME.toml goes to NAME-P, of P processes."""
    fabric = launch("cpu", devices=1, precision="64-true", threads=1, freezes=True)
    with validating_in_32_bits(), ended_together(fabric):
        for file in sorted(folder.glob("*.toml")):
            run = folder / f"{file.stem}-{fabric.world_size}"
            if file.stem == "detector":
                train_detector(read_recipe(file, DetectorRecipe), run=run, fabric=fabric)
            else:
                fit(read_recipe(file, ClassifierRecipe), run=run, fabric=fabric)
        if fabric.global_rank == 1:
            raise InputError("the second one fails")
        fabric.barrier()


if __name__ == "__main__":
    train_all(Path(sys.argv[1]))
