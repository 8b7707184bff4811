"""What leaving out work does: how much is left out, and what of the results changes.

python -m benchmarks.economy [CLIP...] [--json benchmarks/results/economy.json]

Every clip runs twice through the same pipeline, with every face looked for and judged in every frame, and with the
defaults. Statuses are compared face by face, violations by their start and end.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from maskcam.config import Config
from maskcam.config_sections import EconomyConfig
from maskcam.devices import share_cores
from maskcam.pixels import Image, Pixels
from maskcam.sources import open_source
from maskcam.types import Faces, Violation

EVERYTHING = EconomyConfig(still_seconds=0, moving_seconds=0, certain_seconds=0)


@dataclass
class Run:
    """What came of one clip."""

    frames: int = 0
    looked: int = 0
    faces: int = 0
    judged: int = 0
    statuses: list[dict[int, str]] = field(default_factory=list)
    violations: dict[int, Violation] = field(default_factory=dict)

    def violation_rows(self) -> list[dict[str, object]]:
        """The log."""
        return [
            {
                "track": v.track_id,
                "status": v.status.value,
                "started_seconds": round(v.started_seconds, 2),
                "ended_seconds": None if v.ended_seconds is None else round(v.ended_seconds, 2),
            }
            for v in self.violations.values()
        ]


def run(clip: Path, economy: EconomyConfig) -> Run:
    """Takes a clip through the pipeline."""
    done = Run()
    with Config(economy=economy).build_pipeline() as pipeline, open_source(str(clip)) as source:
        detect = pipeline.detector.detect

        def counted(images: Sequence[Image | Pixels]) -> list[Faces]:
            done.looked += len(images)
            return detect(images)

        pipeline.detector.detect = counted  # type: ignore[method-assign]
        for frame in source:
            (result,) = pipeline.step([frame])
            done.frames += 1
            done.faces += len(result.tracks)
            done.judged += sum(track.is_judged for track in result.tracks)
            done.statuses.append({track.track_id: track.status.value for track in result.tracks})
            done.violations.update((v.violation_id, v) for v in result.violations)
        done.violations.update((v.violation_id, v) for v in pipeline.finish(frame.camera))
    return done


def main() -> None:
    share_cores()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("clips", nargs="*", type=Path, default=[Path("samples/demo.mp4")])
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    rows = []
    for clip in args.clips:
        every, fewer = run(clip, EVERYTHING), run(clip, EconomyConfig())
        pairs = list(zip(every.statuses, fewer.statuses, strict=True))
        compared = sum(len(before.keys() | after.keys()) for before, after in pairs)
        same = sum(after.get(track) == status for before, after in pairs for track, status in before.items())
        rows.append(
            {
                "clip": clip.name,
                "frames": fewer.frames,
                "looked_at": fewer.looked,
                "faces": fewer.faces,
                "judged": fewer.judged,
                "same_status": same,
                "compared": compared,
                "violations": fewer.violation_rows(),
                "violations_of_every_frame": every.violation_rows(),
            }
        )
        print(json.dumps(rows[-1], indent=1))
    if args.json:
        args.json.write_text(json.dumps({"clips": rows}, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
