"""The order in which everything happens to a frame.

    Frame → detector → tracker → crops → classifier → voting → violations → faces hidden → FrameResult

`step` is `look`, which finds faces, and then `judge`, which does all the rest: whoever has threads may look at the next
frame while the one before is judged. A detector that judges faces itself has done so by then: there are no crops of
those, and the classifier is not asked. No thread and no clock: what decides over time reads `Frame.pts_seconds`, and
whoever has a clock on the wall says which cameras are off duty.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from maskcam.classifiers.base import Classifier
from maskcam.closing import Closing
from maskcam.crops import cut_crops
from maskcam.detectors.base import Detector, JudgingDetector
from maskcam.economy import NOTHING_LEFT_OUT, EconomyOptions, Judgement, sketch_face
from maskcam.lookout import Lookout
from maskcam.privacy import FaceHider
from maskcam.timing import StageTimer
from maskcam.trackers.base import Tracker
from maskcam.types import Frame, FrameResult, Sighting, Track, Verdict, Violation
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


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """Frames and the faces in them, from `Pipeline.look` to `Pipeline.judge`.

    Attributes:
        frames: at most one per camera.
        sightings: what was found in each of them.
        is_new: whether it was looked for in this very frame; otherwise what was found last still holds, or was followed
            since.
        glances: each frame, see `maskcam.pixels.Pixels.glance`.
        seconds: that the look took.
    """

    frames: tuple[Frame, ...]
    sightings: tuple[Sighting, ...]
    is_new: tuple[bool, ...]
    glances: tuple[NDArray[np.uint8], ...]
    seconds: float


@dataclass(slots=True)
class _Person:
    """What is remembered of one track."""

    vote: Vote
    is_in_zone: bool | None = None
    judgement: Judgement | None = None


@dataclass(slots=True, eq=False)
class _Seen:
    """One face of the present frame that has an identity."""

    track_id: int
    person: _Person
    box_xyxy: NDArray[np.float32]
    landmarks: NDArray[np.float32] | None
    score: float
    sketch: NDArray[np.uint8]
    is_due: bool
    """To be judged."""
    verdict: Verdict | None
    """Of whoever found the face; None: the classifier is to be asked where one is due."""

    @property
    def side(self) -> float:
        return float((self.box_xyxy[2:] - self.box_xyxy[:2]).min())


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
        economy: which work is left out.
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
        economy: EconomyOptions = NOTHING_LEFT_OUT,
        new_hider: Callable[[], FaceHider] = FaceHider,
    ) -> None:
        self.detector = detector
        self.classifier = classifier
        self._new_tracker = new_tracker
        self._voting = voting
        self._violations = violations
        self._rules = rules
        self._economy = economy
        self._new_hider = new_hider
        own = [rule.detector for rule in rules.values() if rule.detector is not None]
        self._detectors = tuple(dict.fromkeys([detector, *own]))
        self._cameras: dict[str, _Camera] = {}
        self._lookouts: dict[str, Lookout] = {}
        """Only for `look`, which may run in another thread than all the rest."""

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
        return self.judge(self.look(frames), off_duty=off_duty)

    def look(self, frames: Sequence[Frame]) -> Look:
        """Finds the faces in the next frame of one or more cameras; the order of calls is that of time.

        Args:
            frames: see `step`.

        Raises:
            ValueError: two frames are of the same camera.
        """
        if len({frame.camera for frame in frames}) < len(frames):
            raise ValueError("step() takes at most one frame per camera, got several of one")
        timer = StageTimer()
        with timer.stage("detect"):
            glances = tuple(frame.pixels.glance() for frame in frames)
            sightings, is_new = self._find(frames, glances)
        return Look(tuple(frames), sightings, is_new, glances, timer.seconds["detect"])

    def judge(self, look: Look, *, off_duty: Collection[str] = ()) -> list[FrameResult]:
        """Follows and judges the faces that were found; each look is to be judged once, in order.

        Args:
            look: at the next frames.
            off_duty: see `step`.
        """
        frames = look.frames
        timer = StageTimer()
        timer.add("detect", look.seconds)
        with timer.stage("track"):
            seen = [
                self._follow(frame, self._large_enough(frame, sighting), glance, is_new=is_new)
                for frame, sighting, is_new, glance in zip(
                    frames, look.sightings, look.is_new, look.glances, strict=True
                )
            ]
        with timer.stage("crop"):
            crops = [
                cut_crops(frame.pixels, boxes, self.classifier.crop)
                for frame, people in zip(frames, seen, strict=True)
                for boxes in [_boxes([one for one in people if one.is_due and one.verdict is None])]
            ]
        with timer.stage("classify"):
            verdicts = iter(self.classifier.classify(np.concatenate(crops)) if crops else [])
        with timer.stage("vote"):
            judged = [
                tuple(self._vote(frame, one, verdicts, off_duty=frame.camera in off_duty) for one in people)
                for frame, people in zip(frames, seen, strict=True)
            ]
            changes = [
                self._cameras[frame.camera].log.update(frame, tracks)
                for frame, tracks in zip(frames, judged, strict=True)
            ]
            for frame in frames:
                self._forget(frame)
        with timer.stage("blur"):
            safe = [
                self._cameras[frame.camera].hider.hide(
                    frame, found_xyxy=sighting.faces.boxes_xyxy, tracks=tracks
                )
                for frame, sighting, tracks in zip(frames, look.sightings, judged, strict=True)
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
        self._lookouts.pop(camera, None)
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

    def _find(
        self, frames: Sequence[Frame], glances: Sequence[NDArray[np.uint8]]
    ) -> tuple[tuple[Sighting, ...], tuple[bool, ...]]:
        """The faces in each frame, those found last where they can be followed; and whether they are new."""
        lookouts = [self._lookouts.setdefault(frame.camera, Lookout(self._economy)) for frame in frames]
        known = [
            lookout.carry(glance, size_wh=frame.size_wh, pts_seconds=frame.pts_seconds)
            for lookout, frame, glance in zip(lookouts, frames, glances, strict=True)
        ]
        found = self._detect([frame for frame, held in zip(frames, known, strict=True) if held is None])
        for lookout, frame, glance in zip(lookouts, frames, glances, strict=True):
            if frame.camera in found:
                lookout.note(glance, found[frame.camera], pts_seconds=frame.pts_seconds)
        sightings = tuple(
            found[frame.camera] if held is None else held for frame, held in zip(frames, known, strict=True)
        )
        return sightings, tuple(held is None for held in known)

    def _detect(self, frames: Sequence[Frame]) -> dict[str, Sighting]:
        """The faces in each frame by its camera, each detector being asked at most once."""
        found: dict[str, Sighting] = {}
        for detector in self._detectors:
            mine = [
                frame for frame in frames if (self._rules_of(frame).detector or self.detector) is detector
            ]
            if mine:
                pixels = [frame.pixels for frame in mine]
                if isinstance(detector, JudgingDetector):
                    answers = detector.detect_and_judge(pixels)
                else:
                    answers = [Sighting(faces) for faces in detector.detect(pixels)]
                found.update((frame.camera, answer) for frame, answer in zip(mine, answers, strict=True))
        return found

    def _large_enough(self, frame: Frame, sighting: Sighting) -> Sighting:
        minimum = self._rules_of(frame).minimum_face
        if minimum <= 0:
            return sighting
        boxes = sighting.faces.boxes_xyxy
        return sighting.select((boxes[:, 2:] - boxes[:, :2]).min(axis=1) >= minimum)

    def _follow(
        self, frame: Frame, sighting: Sighting, glance: NDArray[np.uint8], *, is_new: bool
    ) -> list[_Seen]:
        """The faces that have an identity."""
        faces = sighting.faces
        if frame.camera not in self._cameras:
            self._cameras[frame.camera] = _Camera(
                self._new_tracker(), ViolationLog(frame.camera, self._violations), self._new_hider()
            )
        camera, now = self._cameras[frame.camera], frame.pts_seconds
        seen = []
        for i, track_id in enumerate(camera.tracker.update(faces, pts_seconds=now).tolist()):
            if track_id <= 0:
                continue
            person = camera.people.setdefault(track_id, _Person(Vote(self._voting, now, now)))
            box = faces.boxes_xyxy[i]
            sketch = sketch_face(glance, box, size_wh=frame.size_wh)
            verdict = None if sighting.verdicts is None else sighting.verdicts[i]
            # a verdict given with the face is new where the face is: nothing has moved since it was made otherwise
            is_due = is_new if verdict is not None else not self._holds(person, sketch, pts_seconds=now)
            landmarks = None if faces.landmarks is None else faces.landmarks[i]
            score = float(faces.scores[i])
            seen.append(_Seen(track_id, person, box, landmarks, score, sketch, is_due, verdict))
        return seen

    def _holds(self, person: _Person, sketch: NDArray[np.uint8], *, pts_seconds: float) -> bool:
        """Whether what somebody was judged to be last need not be judged again."""
        return person.judgement is not None and person.judgement.holds(
            sketch,
            pts_seconds=pts_seconds,
            status=person.vote.status,
            share=person.vote.confidence,
            options=self._economy,
        )

    def _vote(self, frame: Frame, seen: _Seen, verdicts: Iterator[Verdict], *, off_duty: bool) -> Track:
        person, now = seen.person, frame.pts_seconds
        vote, before = person.vote, person.judgement
        if seen.is_due or before is None:
            count = 1 if before is None else before.count + 1
            verdict = next(verdicts) if seen.verdict is None else seen.verdict
            person.judgement = before = Judgement(verdict, now, seen.sketch, count)
        # a judgement that holds votes on, so that the vote is as steady as if it had been made anew
        vote.add(before.verdict, side=seen.side, pts_seconds=now)
        zones = self._rules_of(frame).zones
        person.is_in_zone = zones.contain(seen.box_xyxy, size_wh=frame.size_wh, before=person.is_in_zone)
        return Track(
            track_id=seen.track_id,
            box_xyxy=seen.box_xyxy,
            score=seen.score,
            status=vote.status,
            confidence=vote.confidence,
            first_seconds=vote.first_seconds,
            last_seconds=now,
            verdict=before.verdict,
            is_judged=seen.is_due,
            is_required=person.is_in_zone and not off_duty,
            landmarks=seen.landmarks,
        )

    def _forget(self, frame: Frame) -> None:
        """Those not seen for long."""
        people, now = self._cameras[frame.camera].people, frame.pts_seconds
        for track_id, person in list(people.items()):
            if not 0 <= now - person.vote.last_seconds <= _FORGET_SECONDS:
                del people[track_id]

    def close(self) -> None:
        """Closes every detector and the classifier."""
        for detector in self._detectors:
            detector.close()
        self.classifier.close()


_FORGET_SECONDS = 60.0
"""A track not seen for so long has no memory left: longer than any tracker keeps it."""


def _boxes(people: Sequence[_Seen]) -> NDArray[np.float32]:
    """(n, 4) float32."""
    return np.array([one.box_xyxy for one in people], np.float32).reshape(-1, 4)
