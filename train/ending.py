"""The end of a training of several processes: one that fails ends all, and one sentence says why."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

import torch
import typer
from lightning.fabric import Fabric
from lightning.fabric.strategies.launchers.subprocess_script import _SubprocessScriptLauncher

from maskcam.errors import MaskcamError


@contextmanager
def ended_together(fabric: Fabric) -> Iterator[None]:
    """Ends all processes of a training where the body fails in one; what it does there is the last.

    Without this the others would wait, for up to half an hour, for one that is gone.

    Args:
        fabric: launched.
    """
    if fabric.world_size == 1:
        yield
        return
    try:
        yield
    except Exception as error:  # noqa: BLE001  # the outermost edge of this process
        if _is_first():  # what fails after it only fails because of it
            _say(error, fabric)
        _end_children(fabric)
        # past the clean-up, which waits for the others too
        os._exit(error.exit_code if isinstance(error, MaskcamError) else 1)
    torch.distributed.destroy_process_group()


def _say(error: Exception, fabric: Fabric) -> None:
    where = f"process {fabric.global_rank + 1} of {fabric.world_size}"
    if isinstance(error, MaskcamError):
        sentence = f"Error: {where}: {error}"
    else:
        traceback.print_exception(error)
        sentence = (
            f"Error: {where} failed with {type(error).__name__}, or lost another one that was killed: all are ended; "
            "the same command goes on from the last finished epoch"
        )
    typer.secho(sentence, err=True, fg="red")
    sys.stderr.flush()


def _is_first() -> bool:
    """Whether no other process has failed before, by the store through which they found each other."""
    try:
        store = torch.distributed.distributed_c10d._get_default_store()
        return bool(store.add("maskcam/failed", 1) == 1)
    except (RuntimeError, ValueError):  # the store went with the process that kept it
        return True


def _end_children(fabric: Fabric) -> None:
    """Ends the processes that this one started; torchrun ends its own."""
    launcher = fabric.strategy.launcher
    if isinstance(launcher, _SubprocessScriptLauncher):
        for process in launcher.procs:
            process.send_signal(signal.SIGTERM)
