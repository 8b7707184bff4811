"""What maskcam makes of a video, second by second: identities, statuses and the violation log.

python benchmarks/clips.py CLIP... [--every 0.5]
"""

from __future__ import annotations

import argparse
from pathlib import Path

from maskcam.config import Config
from maskcam.sources import open_source
from maskcam.types import Violation, ViolationPhase


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("clips", nargs="+", type=Path)
    parser.add_argument("--every", type=float, default=0.5, help="seconds between two lines")
    args = parser.parse_args()
    with Config().build_pipeline() as pipeline:
        for clip in args.clips:
            print(clip.name)
            identities: dict[int, int] = {}
            next_line = 0.0
            with open_source(str(clip)) as source:
                for frame in source:
                    (result,) = pipeline.step([frame])
                    for track in result.tracks:
                        identities[track.track_id] = identities.get(track.track_id, 0) + 1
                    for violation in result.violations:
                        if violation.phase is not ViolationPhase.UPDATED:
                            print_violation(violation)
                    if frame.pts_seconds >= next_line:
                        people = ", ".join(
                            f"#{t.track_id} {t.status.value} {t.confidence:.2f} (now {t.verdict.likeliest.value}"
                            f" {t.verdict.confidence:.2f}, {t.box_xyxy[2] - t.box_xyxy[0]:.0f} px)"
                            for t in result.tracks
                        )
                        print(f"  {frame.pts_seconds:6.2f} s  {people or '-'}")
                        next_line += args.every
            for violation in pipeline.finish(frame.camera):
                print_violation(violation)
            print("  frames per identity:", identities)


def print_violation(v: Violation) -> None:
    """One line of the log."""
    end = "" if v.ended_seconds is None else f" to {v.ended_seconds:.2f}"
    print(f"  *** {v.phase.value}: #{v.track_id} {v.status.value} from {v.started_seconds:.2f}{end} s")


if __name__ == "__main__":
    main()
