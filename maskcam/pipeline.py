"""The order in which everything happens to a frame.

    Frame → detector → tracker → crops → classifier → voting → violations → FrameResult

No thread and no clock: what decides over time reads `Frame.pts_seconds`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from maskcam.classifiers.base import Classifier
from maskcam.closing import Closing
from maskcam.crops import cut_crops
from maskcam.detectors.base import Detector
from maskcam.timing import StageTimer
from maskcam.trackers.base import Tracker
from maskcam.types import Faces, Frame, FrameResult, Track, Verdict, Violation
from maskcam.violations import ViolationLog, ViolationOptions
from maskcam.voting import Vote, VotingOptions


@dataclass(slots=True)
class _Camera:
    """What is remembered of one camera between steps."""

    tracker: Tracker
    log: ViolationLog
    votes: dict[int, Vote] = field(default_factory=dict)


class Pipeline(Closing):
    """Turns frames into results, for any number of cameras.

    Args:
        detector: shared by all cameras; closed with the pipeline.
        classifier: likewise.
        new_tracker: makes one tracker per camera.
        voting: how verdicts become a status.
        violations: when a status becomes a violation.
    """

    def __init__(
        self,
        *,
        detector: Detector,
        classifier: Classifier,
        new_tracker: Callable[[], Tracker],
        voting: VotingOptions,
        violations: ViolationOptions,
    ) -> None:
        self.detector = detector
        self.classifier = classifier
        self._new_tracker = new_tracker
        self._voting = voting
        self._violations = violations
        self._cameras: dict[str, _Camera] = {}

    def step(self, frames: Sequence[Frame]) -> list[FrameResult]:
        """Takes the next frame of one or more cameras.

        Args:
            frames: at most one per camera; all go through detector and classifier together.

        Returns:
            One result per frame, in order.

        Raises:
            ValueError: two frames are of the same camera.
        """
        if len({frame.camera for frame in frames}) < len(frames):
            raise ValueError("step() takes at most one frame per camera, got several of one")
        timer = StageTimer()
        with timer.stage("detect"):
            found = self.detector.detect([frame.image for frame in frames])
        with timer.stage("track"):
            tracked = [self._track(frame, faces) for frame, faces in zip(frames, found, strict=True)]
        with timer.stage("crop"):
            crops = [
                cut_crops(frame.image, faces.boxes_xyxy, self.classifier.crop)
                for frame, (faces, _) in zip(frames, tracked, strict=True)
            ]
        with timer.stage("classify"):
            verdicts = iter(self.classifier.classify(np.concatenate(crops)) if crops else [])
        with timer.stage("vote"):
            judged = [
                (frame, self._vote(frame, faces, identities, [next(verdicts) for _ in identities]))
                for frame, (faces, identities) in zip(frames, tracked, strict=True)
            ]
            changes = [self._cameras[frame.camera].log.update(frame, tracks) for frame, tracks in judged]
        return [
            FrameResult(frame=frame, tracks=tracks, violations=violations, stage_seconds=timer.seconds)
            for (frame, tracks), violations in zip(judged, changes, strict=True)
        ]

    def finish(self, camera: str) -> tuple[Violation, ...]:
        """Forgets a camera whose source has ended, and ends its violations."""
        known = self._cameras.pop(camera, None)
        return known.log.finish() if known else ()

    def _track(self, frame: Frame, faces: Faces) -> tuple[Faces, list[int]]:
        """The faces that have an identity, and their identities."""
        if frame.camera not in self._cameras:
            self._cameras[frame.camera] = _Camera(
                self._new_tracker(), ViolationLog(frame.camera, self._violations)
            )
        identities = self._cameras[frame.camera].tracker.update(faces, pts_seconds=frame.pts_seconds)
        known = identities > 0
        return Faces(faces.boxes_xyxy[known], faces.scores[known]), identities[known].tolist()

    def _vote(
        self, frame: Frame, faces: Faces, identities: list[int], verdicts: list[Verdict]
    ) -> tuple[Track, ...]:
        votes = self._cameras[frame.camera].votes
        now = frame.pts_seconds
        tracks = []
        for track_id, box, score, verdict in zip(
            identities, faces.boxes_xyxy, faces.scores, verdicts, strict=True
        ):
            vote = votes.setdefault(track_id, Vote(self._voting, first_seconds=now, last_seconds=now))
            vote.add(verdict, side=float((box[2:] - box[:2]).min()), pts_seconds=now)
            tracks.append(
                Track(
                    track_id=track_id,
                    box_xyxy=box,
                    score=float(score),
                    status=vote.status,
                    confidence=vote.confidence,
                    first_seconds=vote.first_seconds,
                    last_seconds=now,
                    verdict=verdict,
                )
            )
        for track_id in [
            t for t, vote in votes.items() if not 0 <= now - vote.last_seconds <= _FORGET_SECONDS
        ]:
            del votes[track_id]
        return tuple(tracks)

    def close(self) -> None:
        """Closes detector and classifier."""
        self.detector.close()
        self.classifier.close()


_FORGET_SECONDS = 60.0
"""A track not seen for so long has no memory left: longer than any tracker keeps it."""
