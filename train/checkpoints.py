"""Checkpoints: what is needed to go on after a kill, with the recipe inside."""

from __future__ import annotations

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
        path: of the checkpoint; `recipe.json` is written beside it.
        recipe: kept inside, so that it cannot be resumed with another.
        epoch: number of epochs finished.
        parts: whatever has a state.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    path.with_name("recipe.json").write_text(recipe.model_dump_json(indent=2) + "\n")
    state = {
        "recipe": recipe.model_dump(mode="json"),
        "epoch": epoch,
        **{name: part.state_dict() for name, part in parts.items()},
    }
    temporary = path.with_suffix(".partial")
    torch.save(state, temporary)
    temporary.replace(path)


def read_checkpoint(path: Path, recipe: BaseModel) -> dict[str, Any] | None:
    """Reads a checkpoint; None where there is none.

    Raises:
        ConfigError: the checkpoint is from another recipe.
    """
    if not path.is_file():
        return None
    state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    if state["recipe"] != recipe.model_dump(mode="json"):
        raise ConfigError(f"{path} was made with another recipe; use another --run folder or delete it")
    return state


def restore(state: dict[str, Any] | None, **parts: Stateful) -> int:
    """Restores the parts from what `read_checkpoint` gave.

    Returns:
        The number of epochs finished; 0 without a checkpoint.
    """
    if state is None:
        return 0
    for name, part in parts.items():
        part.load_state_dict(state[name])
    return int(state["epoch"])
