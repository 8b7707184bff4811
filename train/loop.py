"""The training loop: one for everything that is trained here."""

from __future__ import annotations

import json
import math
import random
import time
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

import torch
from lightning.fabric import Fabric
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from torch import Tensor, nn
from torch.optim.lr_scheduler import LRScheduler, OneCycleLR, ReduceLROnPlateau

from maskcam.errors import ConfigError, MaskcamError
from train.average import WeightAverage
from train.checkpoints import Stateful, read_checkpoint, restore, save_checkpoint
from train.recipe import LoopSettings
from train.sharing import Share, share_batches

Batch = TypeVar("Batch")
Network = TypeVar("Network", bound=nn.Module)

_PLATEAU_FACTOR, _PLATEAU_PATIENCE = 0.1, 2


@dataclass(frozen=True, slots=True, eq=False)
class Sums:
    """Figures of a part of a batch, not yet divided: parts can be added, means of unequal parts cannot.

    Attributes:
        figures: scalars; `loss` is the one to descend, the others are recorded.
        count: what each is divided by once the parts of all processes are added, such as the number of samples.
    """

    figures: dict[str, Tensor]
    count: int


class Task(ABC, Generic[Network, Batch]):
    """What is trained, on what, and how good it is."""

    @abstractmethod
    def steps(self) -> int:
        """Batches per epoch."""

    @abstractmethod
    def batches(self, epoch: int, share: Share) -> Iterator[Batch]:
        """Yields a process's part of the batches of an epoch, counted from 0.

        What is random in a sample follows from seed, epoch and place in the epoch, not from the process.
        """

    @abstractmethod
    def loss(self, network: Network, batch: Batch) -> Sums:
        """The loss, and whatever else is to be recorded, averaged over the epoch."""

    @abstractmethod
    def validate(self, network: Network) -> dict[str, float]:
        """Figures on the validation set; `loss` steers patience and the plateau schedule."""

    @abstractmethod
    def head(self, network: Network) -> list[nn.Parameter]:
        """The parameters that learn while the body is frozen."""


@dataclass(slots=True)
class Best:
    """The lowest validation loss so far, and the weights that gave it."""

    loss: float = math.inf
    epoch: int = 0
    weights: dict[str, Tensor] = field(default_factory=dict)

    def take(self, network: nn.Module, *, loss: float, epoch: int) -> None:
        """Keeps the weights where they are better than all before."""
        if loss < self.loss:
            self.loss, self.epoch = loss, epoch
            self.weights = {name: tensor.clone() for name, tensor in network.state_dict().items()}

    def state_dict(self) -> dict[str, Any]:
        """For a checkpoint."""
        return {"loss": self.loss, "epoch": self.epoch, "weights": self.weights}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """From a checkpoint."""
        self.loss, self.epoch, self.weights = state["loss"], state["epoch"], state["weights"]


def run_training(  # noqa: C901  # one visible loop beats seven helpers that each hold a part of it
    task: Task[Network, Batch], network: Network, settings: LoopSettings, *, run: Path, fabric: Fabric
) -> Network:
    """Trains a network, or goes on where an earlier call left off.

    Random states are set from seed and epoch, so a run that was killed and resumed ends with the weights of an
    unbroken one. Several processes share each batch and compute what one would, but for the order of sums in float32.

    Args:
        task: data and loss.
        network: with its initial weights; trained in place.
        settings: of the recipe; a checkpoint made with others is refused.
        run: folder for `checkpoint.pt`, `recipe.json` and `history.jsonl`, a line per epoch.
        fabric: device, precision and processes.

    Returns:
        The average of the weights, or those of the best epoch where the recipe has patience; in evaluation mode, on
        the CPU.

    Raises:
        MaskcamError: the loss is not finite.
        ConfigError: the folder holds a run of another recipe, the data do not fill a batch, or a batch has less
            samples than there are processes.
    """
    steps, share = task.steps(), Share(fabric.global_rank, fabric.world_size)
    if steps == 0:
        raise ConfigError(f"the data do not fill one batch of {settings.batch_size}: lower batch_size")
    if settings.batch_size < share.world:
        raise ConfigError(
            f"a batch of {settings.batch_size} samples cannot be shared by {share.world} processes: raise "
            "batch_size or start fewer"
        )
    share_batches(network, share, batch_size=settings.batch_size, device=fabric.device)
    network = network.to(memory_format=torch.channels_last)
    optimizer = make_optimizer(network, settings)
    schedule = make_schedule(optimizer, settings, steps=steps)
    model, fabric_optimizer = fabric.setup(network, optimizer)
    average = WeightAverage(network, decay=settings.average_decay)
    best = Best()
    parts: dict[str, Stateful] = {
        "network": network,
        "optimizer": optimizer,
        "average": average,
        "best": best,
    }
    if schedule is not None:
        parts["schedule"] = schedule
    checkpoint = run / "checkpoint.pt"
    # the first process reads and writes: the others may be on machines that do not see the folder
    found = read_checkpoint(checkpoint, settings) if fabric.is_global_zero else None
    done = restore(fabric.broadcast(found), **parts)
    history = History(run / "history.jsonl", epochs=done) if fabric.is_global_zero else None
    body = freezable(task, network)
    for epoch in range(done, settings.epochs):
        if settings.patience is not None and epoch - best.epoch >= settings.patience and best.weights:
            break
        seed_epoch(settings.seed, epoch)
        network.train()
        freeze(network, body, frozen=epoch < settings.frozen_epochs)
        start, totals = time.monotonic(), defaultdict[str, float](float)
        batches = task.batches(epoch, share)
        for batch in progress(batches, steps, f"epoch {epoch + 1}/{settings.epochs}", fabric):
            sums = task.loss(model, batch)
            figures, count = over_processes(sums, fabric)
            check_finite(figures["loss"], optimizer, epoch)
            fabric_optimizer.zero_grad()
            # the gradients of all processes are averaged, but ought to be added
            fabric.backward(sums.figures["loss"] * (share.world / count))
            if settings.gradient_clip is not None:
                fabric.clip_gradients(model, fabric_optimizer, max_norm=settings.gradient_clip)
            fabric_optimizer.step()
            if isinstance(schedule, OneCycleLR):
                schedule.step()
            average.update(network)
            for name, value in figures.items():
                totals[name] += value
        row: dict[str, float] = {f"train_{name}": total / steps for name, total in totals.items()}
        row["learning_rate"] = optimizer.param_groups[0]["lr"]
        row["seconds"] = time.monotonic() - start
        if (epoch + 1) % settings.evaluate_every == 0 or epoch + 1 == settings.epochs:
            # one process judges all samples, and all act on its figures
            scores = fabric.broadcast(task.validate(average.network) if fabric.is_global_zero else {})
            row |= {f"validation_{name}": value for name, value in scores.items()}
            if settings.patience is not None:
                best.take(average.network, loss=scores["loss"], epoch=epoch + 1)
            if isinstance(schedule, ReduceLROnPlateau):
                schedule.step(scores["loss"])
        if history is not None:
            history.add({"epoch": epoch + 1, **row})
            save_checkpoint(checkpoint, settings, epoch=epoch + 1, **parts)
    if best.weights:
        average.network.load_state_dict(best.weights)
    return average.network.cpu().eval()


def make_optimizer(network: nn.Module, settings: LoopSettings) -> torch.optim.Optimizer:
    """The recipe's optimizer; only matrices and kernels decay: shrinking biases and batch-norm gains does harm."""
    parameters = list(network.parameters())
    groups = [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": settings.weight_decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]
    kind = torch.optim.AdamW if settings.optimizer == "adamw" else torch.optim.Adam
    return kind(groups, lr=settings.learning_rate)


def make_schedule(
    optimizer: torch.optim.Optimizer, settings: LoopSettings, *, steps: int
) -> LRScheduler | ReduceLROnPlateau | None:
    """The recipe's schedule of the learning rate; None leaves it constant."""
    if settings.schedule == "one_cycle":
        total = settings.epochs * steps
        return OneCycleLR(optimizer, settings.learning_rate, total_steps=total, pct_start=settings.warm_up)
    if settings.schedule == "plateau":
        return ReduceLROnPlateau(optimizer, factor=_PLATEAU_FACTOR, patience=_PLATEAU_PATIENCE)
    return None


def freezable(task: Task[Network, Batch], network: Network) -> list[nn.Parameter]:
    """The parameters below the head."""
    head = {id(parameter) for parameter in task.head(network)}
    return [parameter for parameter in network.parameters() if id(parameter) not in head]


def freeze(network: nn.Module, body: Sequence[nn.Parameter], *, frozen: bool) -> None:
    """Lets the body learn, or not; the statistics of its batch norms, which move without learning, stand still, too."""
    for parameter in body:
        parameter.requires_grad_(not frozen)
    for module in network.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm) and not module.weight.requires_grad:
            module.eval()


def over_processes(sums: Sums, fabric: Fabric) -> tuple[dict[str, float], float]:
    """Figures of a whole batch, the same in all processes, and what they were divided by."""
    parts = torch.stack([figure.detach().float() for figure in sums.figures.values()])
    counted = torch.cat([parts, parts.new_tensor([sums.count])])
    *totals, count = fabric.all_reduce(counted, reduce_op="sum").tolist()  # type: ignore[union-attr]
    count = max(1.0, count)  # a batch may hold nothing to learn from
    return {name: total / count for name, total in zip(sums.figures, totals, strict=True)}, count


def check_finite(loss: float, optimizer: torch.optim.Optimizer, epoch: int) -> None:
    """Raises a MaskcamError for a loss from which nothing can be learnt."""
    if not math.isfinite(loss):
        raise MaskcamError(
            f"loss became {loss} in epoch {epoch + 1}: lower learning_rate "
            f'(now {optimizer.param_groups[0]["lr"]:.2g}) or use precision = "32-true"'
        )


def seed_epoch(seed: int, epoch: int) -> None:
    """Sets Python's and PyTorch's global random states, to the same in all processes."""
    random.seed(f"{seed}/{epoch}")
    torch.manual_seed(random.getrandbits(63))


class History:
    """`history.jsonl`: a line of figures per epoch, also printed.

    Args:
        path: of the file.
        epochs: lines to keep of an earlier run; a kill can leave one more than its checkpoint knows of.
    """

    def __init__(self, path: Path, *, epochs: int) -> None:
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        kept = path.read_text().splitlines(keepends=True)[:epochs] if path.is_file() else []
        path.write_text("".join(kept))

    def add(self, row: dict[str, float]) -> None:
        """Appends an epoch."""
        with self._path.open("a") as file:
            file.write(json.dumps(row) + "\n")
        print("  ".join(f"{name} {value:.4g}" for name, value in row.items()), flush=True)


def progress(batches: Iterator[Batch], steps: int, title: str, fabric: Fabric) -> Iterator[Batch]:
    """Passes batches on, with a bar on a terminal."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed}/{task.total}"))
    shown = console.is_terminal and fabric.is_global_zero
    with Progress(*columns, TimeRemainingColumn(), console=console, transient=True, disable=not shown) as bar:
        yield from bar.track(batches, total=steps, description=title)
