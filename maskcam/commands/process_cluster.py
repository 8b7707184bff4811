"""`maskcam process --cluster`: the same over many processes or machines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, TaskID

    from maskcam.config import Config
    from maskcam.recorder import Report


def process_on_cluster(
    inputs: Sequence[str], output: str, *, address: str, config: Config, console: Console, progress: Progress
) -> list[Report]:
    """Has recordings worked on by a Ray cluster, and writes the summary.

    Args:
        inputs: files, folders or globs that every node has, or addresses for fsspec.
        output: a folder that every node has, or such an address.
        address: see `RayCluster`.
        config: as for a run on this machine.
        console: for what the user should know.
        progress: shown; gets a bar for each recording.

    Returns:
        A report for every input.

    Raises:
        MaskcamError: there is nothing to do, no cluster, or nothing can be written.
    """
    from rich.markup import escape

    from maskcam.batch import write_summary
    from maskcam.cluster.driver import Driver
    from maskcam.cluster.outputs import Folder
    from maskcam.cluster.plans import Work, absolute_paths, check_weights, list_recordings, worth_cutting
    from maskcam.cluster.ray import RayCluster
    from maskcam.errors import InputError

    config = absolute_paths(config)
    check_weights(config)
    recordings, reports = list_recordings(inputs)
    if not recordings:
        raise InputError("; ".join(str(report.error) for report in reports))
    folder = Folder(output)
    folder.make()
    bars: dict[str, TaskID] = {}

    def show(name: str, done: int, total: int | None) -> None:
        if name not in bars:
            bars[name] = progress.add_task(name, total=total, fps="")
        progress.update(bars[name], completed=done, total=total)

    def say(text: str) -> None:
        console.print(escape(text))

    with RayCluster(address, gpus=int(config.device.startswith("cuda"))) as cluster:
        console.print(f"[dim]cluster: {escape(address)}, {cluster.workers} workers[/]")
        videos = sum(not recording.pictures for recording in recordings)
        cut_from_seconds = worth_cutting(videos, workers=cluster.workers)
        driver = Driver(cluster, Work(config, folder, cut_from_seconds), show=show, say=say)
        finished = driver.run(recordings)
        for report, recording in zip(finished, recordings, strict=True):
            if not report.error:
                show(recording.name, report.frames, report.frames)  # the estimate may have been off
    if driver.finished_before or driver.seen_before:
        say(
            f"Of an earlier run there were {driver.finished_before} finished recordings, and {driver.seen_before} parts"
            f" of others; {driver.seen} parts were looked at now."
        )
    reports += finished
    with folder.workshop() as workshop:
        summary = workshop / "summary.json"
        write_summary(reports, summary)
        folder.publish([summary], workshop)
    return reports
