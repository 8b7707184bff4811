"""The order in which everything happens to a frame.

    Frame → detector → tracker → crops → classifier → voting → violations → faces hidden → FrameResult

No thread and no clock: what decides over time reads `Frame.pts_seconds`, and whoever has a clock on the wall says
which cameras are off duty.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from maskcam.classifiers.base import Classifier
from maskcam.closing import Closing
from maskcam.crops import cut_crops
from maskcam.detectors.base import Detector
from maskcam.privacy import FaceHider
from maskcam.timing import StageTimer
from maskcam.trackers.base import Tracker
from maskcam.types import Faces, Frame, FrameResult, Track, Verdict, Violation
from maskcam.violations import ViolationLog, ViolationOptions
from maskcam.voting import Vote, VotingOptions
from maskcam.zones import EVERYWHERE, Zones


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraRules:
    """What is different at one camera.

    Attributes:
        detector: its own; cameras that share one share its batches. None is the one that all others share.
        zones: where masks are required.
        minimum_face: shorter side in pixels below which a face is overlooked: too small to be judged.
    """

    detector: Detector | None = None
    zones: Zones = EVERYWHERE
    minimum_face: float = 0.0


_USUAL = CameraRules()


@dataclass(slots=True)
class _Person:
    """What is remembered of one track."""

    vote: Vote
    is_in_zone: bool | None = None


@dataclass(slots=True)
class _Camera:
    """What is remembered of one camera between steps."""

    tracker: Tracker
    log: ViolationLog
    hider: FaceHider
    people: dict[int, _Person] = field(default_factory=dict)


class Pipeline(Closing):
    """Turns frames into results, for any number of cameras.

    Args:
        detector: shared by all cameras that have no other; closed with the pipeline.
        classifier: shared by all cameras; likewise.
        new_tracker: makes one tracker per camera.
        voting: how verdicts become a status.
        violations: when a status becomes a violation.
        rules: what is different, per camera's name; their detectors are closed with the pipeline, too.
        new_hider: makes what hides faces, one per camera. No result holds a frame in which they are to be seen, so
            that nothing that gets results can show, save or send them.
    """

    def __init__(
        self,
        *,
        detector: Detector,
        classifier: Classifier,
        new_tracker: Callable[[], Tracker],
        voting: VotingOptions,
        violations: ViolationOptions,
        rules: Mapping[str, CameraRules] = MappingProxyType({}),
        new_hider: Callable[[], FaceHider] = FaceHider,
    ) -> None:
        self.detector = detector
        self.classifier = classifier
        self._new_tracker = new_tracker
        self._voting = voting
        self._violations = violations
        self._rules = rules
        self._new_hider = new_hider
        own = [rule.detector for rule in rules.values() if rule.detector is not None]
        self._detectors = tuple(dict.fromkeys([detector, *own]))
        self._cameras: dict[str, _Camera] = {}

    def step(self, frames: Sequence[Frame], *, off_duty: Collection[str] = ()) -> list[FrameResult]:
        """Takes the next frame of one or more cameras.

        Args:
            frames: at most one per camera; all that share a detector go through it together, and all go through
                the classifier together.
            off_duty: names of cameras at which no masks are required at present.

        Returns:
            One result per frame, in order.

        Raises:
            ValueError: two frames are of the same camera.
        """
        if len({frame.camera for frame in frames}) < len(frames):
            raise ValueError("step() takes at most one frame per camera, got several of one")
        timer = StageTimer()
        with timer.stage("detect"):
            found = self._detect(frames)
        with timer.stage("track"):
            tracked = [
                self._track(frame, self._large_enough(frame, faces))
                for frame, faces in zip(frames, found, strict=True)
            ]
        with timer.stage("crop"):
            crops = [
                cut_crops(frame.pixels, faces.boxes_xyxy, self.classifier.crop)
                for frame, (faces, _) in zip(frames, tracked, strict=True)
            ]
        with timer.stage("classify"):
            verdicts = iter(self.classifier.classify(np.concatenate(crops)) if crops else [])
        with timer.stage("vote"):
            judged = [
                self._vote(
                    frame,
                    faces,
                    identities,
                    [next(verdicts) for _ in identities],
                    off_duty=frame.camera in off_duty,
                )
                for frame, (faces, identities) in zip(frames, tracked, strict=True)
            ]
            changes = [
                self._cameras[frame.camera].log.update(frame, tracks)
                for frame, tracks in zip(frames, judged, strict=True)
            ]
        with timer.stage("blur"):
            safe = [
                self._cameras[frame.camera].hider.hide(frame, found_xyxy=faces.boxes_xyxy, tracks=tracks)
                for frame, faces, tracks in zip(frames, found, judged, strict=True)
            ]
        return [
            FrameResult(
                frame=frame,
                tracks=tracks,
                violations=violations,
                stage_seconds=timer.seconds,
                zones=self._rules_of(frame).zones.polygons,
                off_duty=frame.camera in off_duty,
            )
            for frame, tracks, violations in zip(safe, judged, changes, strict=True)
        ]

    def finish(self, camera: str) -> tuple[Violation, ...]:
        """Forgets a camera whose source has ended, and ends its violations."""
        known = self._cameras.pop(camera, None)
        return known.log.finish() if known else ()

    def part(self, camera: str) -> tuple[Violation, ...]:
        """Ends the violations of a camera that is taken away, or is to be seen through another source.

        Its people are forgotten; the numbers of its violations go on should it return, as each must stay unique.
        """
        known = self._cameras.get(camera)
        if known is None:
            return ()
        ended = known.log.finish()
        self._cameras[camera] = _Camera(self._new_tracker(), known.log, self._new_hider())
        return ended

    def set_rules(self, camera: str, rules: CameraRules) -> None:
        """Changes what is different at a camera, from the next step on; a new detector is closed with the pipeline."""
        self._rules = {**self._rules, camera: rules}
        if rules.detector is not None:
            self._detectors = tuple(dict.fromkeys([*self._detectors, rules.detector]))

    def interrupt(self, camera: str) -> tuple[Violation, ...]:
        """Ends the violations at a camera that gives no pictures for the time being.

        Its numbers go on, and so does the violation of somebody who is there within the cool-down.
        """
        known = self._cameras.get(camera)
        return known.log.interrupt() if known else ()

    def _rules_of(self, frame: Frame) -> CameraRules:
        return self._rules.get(frame.camera, _USUAL)

    def _detect(self, frames: Sequence[Frame]) -> list[Faces]:
        """The faces in each frame, each detector being asked at most once."""
        found: dict[str, Faces] = {}
        for detector in self._detectors:
            mine = [
                frame for frame in frames if (self._rules_of(frame).detector or self.detector) is detector
            ]
            if mine:
                answers = detector.detect([frame.pixels for frame in mine])
                found.update((frame.camera, faces) for frame, faces in zip(mine, answers, strict=True))
        return [found[frame.camera] for frame in frames]

    def _large_enough(self, frame: Frame, faces: Faces) -> Faces:
        return faces.select(_shorter_sides(faces.boxes_xyxy) >= self._rules_of(frame).minimum_face)

    def _track(self, frame: Frame, faces: Faces) -> tuple[Faces, list[int]]:
        """The faces that have an identity, and their identities."""
        if frame.camera not in self._cameras:
            self._cameras[frame.camera] = _Camera(
                self._new_tracker(), ViolationLog(frame.camera, self._violations), self._new_hider()
            )
        identities = self._cameras[frame.camera].tracker.update(faces, pts_seconds=frame.pts_seconds)
        known = identities > 0
        return faces.select(known), identities[known].tolist()

    def _vote(
        self, frame: Frame, faces: Faces, identities: list[int], verdicts: list[Verdict], *, off_duty: bool
    ) -> tuple[Track, ...]:
        people = self._cameras[frame.camera].people
        zones = self._rules_of(frame).zones
        now = frame.pts_seconds
        tracks = []
        for track_id, box, landmarks, side, score, verdict in zip(
            identities,
            faces.boxes_xyxy,
            [None] * len(faces) if faces.landmarks is None else faces.landmarks,
            _shorter_sides(faces.boxes_xyxy).tolist(),
            faces.scores.tolist(),
            verdicts,
            strict=True,
        ):
            new = _Person(Vote(self._voting, first_seconds=now, last_seconds=now))
            person = people.setdefault(track_id, new)
            vote = person.vote
            vote.add(verdict, side=side, pts_seconds=now)
            person.is_in_zone = zones.contain(box, size_wh=frame.size_wh, before=person.is_in_zone)
            tracks.append(
                Track(
                    track_id=track_id,
                    box_xyxy=box,
                    score=score,
                    status=vote.status,
                    confidence=vote.confidence,
                    first_seconds=vote.first_seconds,
                    last_seconds=now,
                    verdict=verdict,
                    is_required=person.is_in_zone and not off_duty,
                    landmarks=landmarks,
                )
            )
        for track_id, person in list(people.items()):
            if not 0 <= now - person.vote.last_seconds <= _FORGET_SECONDS:
                del people[track_id]
        return tuple(tracks)

    def close(self) -> None:
        """Closes every detector and the classifier."""
        for detector in self._detectors:
            detector.close()
        self.classifier.close()


_FORGET_SECONDS = 60.0
"""A track not seen for so long has no memory left: longer than any tracker keeps it."""


def _shorter_sides(boxes_xyxy: NDArray[np.float32]) -> NDArray[np.float32]:
    """Pixels, (n,), of boxes (n, 4)."""
    sides: NDArray[np.float32] = (boxes_xyxy[:, 2:] - boxes_xyxy[:, :2]).min(axis=1)
    return sides
