"""Writes the figures of `benchmarks/results/*.json` into the tables of the README.

python benchmarks/accuracy.py --json benchmarks/results/accuracy.json
python benchmarks/detectors.py --json benchmarks/results/detectors.json
python -m benchmarks.backends --json benchmarks/results/backends.json
python benchmarks/process_speed.py --json benchmarks/results/process_speed.json
python -m benchmarks.covers ... --json benchmarks/results/covers.json
python -m benchmarks.live_cameras --json benchmarks/results/live_cameras.json
python -m benchmarks.soak --cameras 4 --minutes 30 --json benchmarks/results/soak.json
python -m benchmarks.economy samples/demo.mp4 ../shared/data/clips/* --json benchmarks/results/economy.json
python -m benchmarks.fast --json benchmarks/results/fast.json
python -m benchmarks.int8 --json benchmarks/results/int8.json
python -m benchmarks.remote --json benchmarks/results/remote.json
python benchmarks/readme.py
"""

from __future__ import annotations

import json
import re
import textwrap
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"


def main() -> None:
    readme = ROOT / "README.md"
    readme.write_text(with_figures(readme.read_text()))


def with_figures(text: str) -> str:
    """The README's text with its tables made anew."""
    text = replace_table(text, "accuracy", accuracy_table(_read("accuracy")))
    text = replace_table(text, "detectors", detector_table(_read("detectors")))
    text = replace_table(text, "backends", backends_table(_read("backends")))
    text = replace_table(text, "int8", int8_lines(_read("int8")))
    text = replace_table(text, "covers", covers_table(_read("covers")))
    text = replace_table(text, "live", live_table(_read("live_cameras")))
    text = replace_table(text, "soak", soak_table(_read("soak")))
    text = replace_table(text, "economy", economy_table(_read("economy")))
    text = replace_table(text, "fast", fast_table(_read("fast")))
    text = replace_table(text, "remote", remote_table(_read("remote")))
    return replace_table(text, "speed", speed_table(_read("process_speed")))


def accuracy_table(figures: dict[str, Any]) -> str:
    detected = figures["scenes/test, detected"]
    once = figures["scenes/test, detected with one look"]
    found = figures["scenes/test, status of found faces"]
    boxes = figures["scenes/test, labelled boxes"]
    rows = [
        ("faces of any status, AP50", detected["AP50 any face"], None),
        ("the same with one look (`--fast`, and on video)", once["AP50 any face"], None),
        ("three statuses, mAP50", detected["mAP50"], None),
        ("the same with one look", once["mAP50"], None),
        ("masked or bare", found["mask_against_no_mask"], boxes["mask_against_no_mask"]),
        ("masked or bare, worn wrong counting as bare", found["mask_or_not"], boxes["mask_or_not"]),
        ("worn wrong, recall", found["incorrect_recall"], boxes["incorrect_recall"]),
        ("worn right but called wrong", found["false_incorrect"], boxes["false_incorrect"]),
    ]
    lines = [
        f"| scenes/test | {found['faces']} faces found | {boxes['faces']} labelled boxes from 16 px |",
        "|---|---|---|",
        *(f"| {name} | {a:.3f} | {'' if b is None else f'{b:.3f}'} |" for name, a, b in rows),
    ]
    sizes = [(name, value) for name, value in found.items() if name.startswith(("accuracy, ", "recall, "))]
    by_size = ["", "| scenes/test, by the shorter side of the face | |", "|---|---|"]
    by_size += [f"| {name} | {value:.3f} |" for name, value in sizes]
    faces = figures["faces/Test"]
    study = ["", f"`faces/Test`: accuracy {faces['accuracy']:.4f} on {faces['pictures']} pictures."]
    return "\n".join(lines + by_size + study)


def detector_table(figures: dict[str, Any]) -> str:
    """What each choice of a detector finds and costs."""
    ((_, choices),) = figures.items()
    columns = (
        "face detector",
        "ms, 1280x720",
        "AP50",
        "under 16 px",
        "16-24 px",
        "masked faces of 20-40 px found",
    )
    lines = [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
    for name, row in choices.items():
        sizes = row["AP50_by_side_px"]
        values = (row["AP50"], sizes["0-16"], sizes["16-24"], row["recall_masked_20_40_px"])
        lines.append(
            f"| {name} | {row['ms per frame']:.0f} | " + " | ".join(f"{v:.3f}" for v in values) + " |"
        )
    return "\n".join(lines)


def backends_table(figures: dict[str, Any]) -> str:
    """What each backend costs, and what it finds."""
    found = figures["scenes/test"]
    names = list(figures["milliseconds"])
    rows = [
        (f"milliseconds: {job}", [f"{figures['milliseconds'][name][job]:.1f}" for name in names])
        for job in figures["milliseconds"][names[0]]
    ]
    rows += [(figure, [f"{found[name][figure]:.4f}" for name in names]) for figure in found[names[0]]]
    threads = figures["threads"]
    lines = [
        f"| {figures['machine']}, {threads} thread{'s' * (threads > 1)} | {' | '.join(names)} |",
        "|---" * (1 + len(names)) + "|",
    ]
    return "\n".join(lines + [f"| {name} | {' | '.join(values)} |" for name, values in rows])


def int8_lines(figures: dict[str, Any]) -> str:
    """Why there is no int8, in figures."""
    kinds = ("int8 and bfloat16", "bfloat16", "int8 and float32", "float32")
    jobs = {kind: figures["milliseconds"][kind] for kind in kinds}
    costs = {kind: f"{job['1 crop']:.2f} and {job['16 crops']:.1f}" for kind, job in jobs.items()}
    found = figures["scenes/val"]
    moved = {
        figure: 100 * (found["int8 and bfloat16"][figure] - found["bfloat16"][figure])
        for figure in ("accuracy", "incorrect_recall")
    }
    return textwrap.fill(
        f"int8 is left out (`python -m benchmarks.int8`, classifier, {figures['machine']}): 1 and 16 crops take "
        f"{costs[kinds[0]]} ms where bfloat16 takes {costs[kinds[1]]}, and {costs[kinds[2]]} with the rest in "
        f"float32, which alone takes {costs[kinds[3]]}. Accuracy on scenes/val moves by "
        f"{moved['accuracy']:+.2f} points, recall of masks worn wrong by {moved['incorrect_recall']:+.1f}.",
        width=120,
    )


def covers_table(figures: dict[str, Any]) -> str:
    lines = [f"| drawn before | {' | '.join(figures)} |", "|---" * (1 + len(figures)) + "|"]
    first, *_ = figures.values()
    for row in first:
        status, _, kind = row.partition(", ")
        who = {"no_mask": "bare face", "mask": "masked face"}[status]
        name = f"{who}: {kind.replace(' before it', '')}"
        lines.append(f"| {name} | " + " | ".join(f"{rows[row]:.2f}" for rows in figures.values()) + " |")
    return "\n".join(lines)


def live_table(figures: dict[str, Any]) -> str:
    ours, theirs = figures["maskcam"], figures["one camera at a time"]
    behind = theirs["seconds behind in the end"]
    end = f"{behind:.0f} s after {theirs['after seconds']:.0f} s, and growing" if behind > 0.5 else "keeps up"
    return "\n".join(
        [
            f"| {figures['machine']}; {figures['cameras']} cameras | maskcam | one camera at a time |",
            "|---|---|---|",
            f"| frames analysed per second, of all cameras | {ours['analysed fps']:.1f} "
            f"| {theirs['analysed fps']:.1f} |",
            f"| age of a frame when it is judged, median | {ours['latency p50 ms']} ms | |",
            f"| 99th percentile, or in the end | {ours['latency p99 ms']} ms | {end} |",
        ]
    )


def soak_table(figures: dict[str, Any]) -> str:
    faults = ", ".join(f"{count} {name}" for name, count in sorted(figures["faults"].items()))
    seconds = figures["slowest_recovery_seconds"]
    recovery = "over 30 s" if seconds >= 30 else f"{seconds:.1f} s"  # the benchmark waits no longer
    rows = [
        (f"faults in {figures['minutes']:g} minutes", faults),
        ("slowest recovery after the camera's return", recovery),
        ("frames analysed per second, of all cameras", f"{figures['analysed_fps']:.1f}"),
        ("age of a frame when it is judged: median", f"{figures['latency_p50_ms']} ms"),
        ("99th percentile", f"{figures['latency_p99_ms']} ms"),
        ("99th percentile beyond one period of analysis", f"{figures['latency_beyond_period_p99_ms']} ms"),
        ("memory after warm-up and at the end", "{} and {} MiB".format(*figures["resident_mib"])),
        ("file descriptors, likewise", "{} and {}".format(*figures["descriptors"])),
        ("threads, likewise", "{} and {}".format(*figures["threads"])),
        ("errors", f"{figures['errors_logged']}"),
    ]
    lines = [f"| {figures['cameras']} cameras | |", "|---|---|"]
    return "\n".join(lines + [f"| {name} | {value} |" for name, value in rows])


def economy_table(figures: dict[str, Any]) -> str:
    def log(rows: list[dict[str, Any]]) -> str:
        times = sorted(f"{row['started_seconds']:.2f} to {row['ended_seconds']:.2f}" for row in rows)
        return ", ".join(times) or "none"

    return "\n".join(
        [
            "| clip | frames looked at | faces judged | status as if all were | violations, s | with everything, s |",
            "|---|---|---|---|---|---|",
            *(
                f"| {clip['clip']} | {clip['looked_at']} of {clip['frames']} | {clip['judged']} of {clip['faces']}"
                f" | {clip['same_status']} of {clip['compared']} | {log(clip['violations'])}"
                f" | {log(clip['violations_of_every_frame'])} |"
                for clip in figures["clips"]
            ),
        ]
    )


def speed_table(figures: dict[str, Any]) -> str:
    stages = {name[3:]: value for name, value in figures.items() if name.startswith("ms ")}
    return "\n".join(
        [
            f"| {figures['machine']} | |",
            "|---|---|",
            f"| frames per second, end to end | {figures['process fps']:.1f} |",
            f"| as part of decoding and encoding alone | {figures['process / (decode + encode)']:.2f} |",
            *(f"| milliseconds per frame: {name} | {value:.1f} |" for name, value in stages.items()),
        ]
    )


def fast_table(figures: dict[str, Any]) -> str:
    """Frames per second of each program, the least and the most of its rounds behind them."""
    machine, sizes = figures["machine"], list(figures["fps"])
    names = {
        "decode": "decoding alone (PyAV)",
        "decode to BGR": "decoding to BGR",
        "encode": "encoding alone (x264 as `process` sets it)",
        "decode + encode": "decoding and encoding alone",
        "decode to BGR + encode": "the same by way of BGR, to draw on",
        "tutorial, yunet": "tutorial's program, OpenCV's YuNet",
        "tutorial, yunet, with writer": "the same with `cv2.VideoWriter`",
        "tutorial, mediapipe": "tutorial's program, MediaPipe",
        "tutorial, mediapipe, with writer": "the same with `cv2.VideoWriter`",
        "maskcam, analysis": "**`process --no-video`**",
        "maskcam, process": "**`process`**, annotated H.264 out",
    }
    ratios = {
        "analysis / tutorial": "`process --no-video` / faster tutorial's program",
        "process / tutorial with writer": "`process` / faster tutorial's program with writer",
        "process / (decode to BGR + encode)": "`process` / decoding to BGR and encoding alone",
        "process / (decode + encode)": "`process` / decoding and encoding alone",
    }

    def speed(size: str, name: str) -> str:
        found = figures["fps"][size].get(name)
        return "" if found is None else "{median:.0f} ({least:.0f}-{most:.0f})".format(**found)

    lines = [
        f"| {machine['processor']}, {machine['cores']:g} cores; frames per second | {' | '.join(sizes)} |",
        "|---" * (1 + len(sizes)) + "|",
        *(f"| {text} | {' | '.join(speed(size, name) for size in sizes)} |" for name, text in names.items()),
        *(
            f"| {text} | {' | '.join(str(figures['ratios'][size].get(name, '')) for size in sizes)} |"
            for name, text in ratios.items()
        ),
    ]
    start, memory = figures["start-up seconds"], figures["memory"]
    words = [
        f"`maskcam --help` takes {start['maskcam --help']:.2f} s, `maskcam process` of one frame from start to end",
        f"{start['process, one frame']:.2f} s. `process` holds {memory['process, peak']} MiB at most, without video",
        f"{memory['analysis, peak']}; over {memory['its frames']} frames it grew by",
        f"{memory['its growth per 1000 frames']:.2f} MiB in a thousand.",
    ]
    if figures["note"]:
        words.append(f"({figures['note'].capitalize()}.)")
    return "\n".join([*lines, "", *textwrap.wrap(" ".join(words), 120)])


def remote_table(figures: dict[str, Any]) -> str:
    """Faces judged per second and latencies of a model server beside those without one, and what a kill costs."""
    machine, rows = figures["machine"], figures["throughput"]
    clients = sorted({row["clients"] for row in rows})

    def cell(way: str, count: int) -> str:
        (row,) = [row for row in rows if (row["way"], row["clients"]) == (way, count)]
        batches = f"; {row['batch, mean']:g}, {row['batch, largest']}" if "batch, mean" in row else ""
        return f"{row['faces per second']:.0f}; {row['p50 ms']:.0f}, {row['p99 ms']:.0f}{batches}"

    names = {"in-process": "without a server", "raw": "server, raw", "jpeg": "server, JPEG"}
    cores = f"{machine['processor']}, {machine['cores']:g} cores for all"
    lines = [
        f"| {cores} | {' | '.join(f'{count} client' + 's' * (count > 1) for count in clients)} |",
        "|---" * (1 + len(clients)) + "|",
        *(f"| {name} | {' | '.join(cell(way, n) for n in clients)} |" for way, name in names.items()),
    ]
    killed = figures["killed and restarted"]
    words = (
        f"Faces per second; ms per step of {figures['faces per step']} faces, median and 99th percentile; faces per"
        f" batch, mean and largest. {killed['cameras']} cameras at {killed['fps']} fps, the server killed and started"
        f" again: of {killed['frames']} frames it judged {killed['judged by the server']}, the cameras' machines"
        f" {killed['judged by the camera']}, and {killed['without status']} had no status."
    )
    return "\n".join([*lines, "", *textwrap.wrap(words, 120)])


def _read(name: str) -> dict[str, Any]:
    figures: dict[str, Any] = json.loads((RESULTS / f"{name}.json").read_text())
    return figures


def replace_table(text: str, name: str, table: str) -> str:
    """The text with a table between its two marks made anew."""
    pattern = rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)"
    return re.sub(pattern, lambda m: f"{m[1]}{table}\n{m[2]}", text, flags=re.DOTALL)


if __name__ == "__main__":
    main()
