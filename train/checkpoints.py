"""Checkpoints: what is needed to go on after a kill, with the recipe inside."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any, Protocol

import torch
from pydantic import BaseModel

from maskcam.errors import ConfigError


class Stateful(Protocol):
    """Has a state to save: networks, optimizers, schedules, averages."""

    def state_dict(self) -> dict[str, Any]: ...

    def load_state_dict(self, state: dict[str, Any], /) -> object: ...


def save_checkpoint(path: Path, recipe: BaseModel, *, epoch: int, **parts: Stateful) -> None:
    """Writes a checkpoint in one go: a kill leaves the old one or the new one, never half of one.

    Args:
        path: of the checkpoint.
        recipe: kept inside, so that it cannot be resumed with another.
        epoch: number of epochs finished.
        parts: whatever has a state.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    state = {
        "recipe": recipe.model_dump(mode="json"),
        "epoch": epoch,
        "random": (random.getstate(), torch.get_rng_state()),
        **{name: part.state_dict() for name, part in parts.items()},
    }
    temporary = path.with_suffix(".partial")
    torch.save(state, temporary)
    temporary.replace(path)


def load_checkpoint(path: Path, recipe: BaseModel, **parts: Stateful) -> int:
    """Restores the parts from a checkpoint, where there is one.

    Returns:
        The number of epochs finished; 0 without a checkpoint.

    Raises:
        ConfigError: the checkpoint is from another recipe.
    """
    if not path.is_file():
        return 0
    # our own file, holding the random state beside tensors: more than weights_only reads
    state = torch.load(path, map_location="cpu", weights_only=False)
    if state["recipe"] != recipe.model_dump(mode="json"):
        raise ConfigError(f"{path} was made with another recipe; use another --run folder or delete it")
    for name, part in parts.items():
        part.load_state_dict(state[name])
    python_state, torch_state = state["random"]
    random.setstate(python_state)
    torch.set_rng_state(torch_state)
    return int(state["epoch"])
