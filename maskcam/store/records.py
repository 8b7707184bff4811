"""What goes into the event store and what comes out of it. All times of day are aware of their zone."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from maskcam.store.observations import HourHeat, TrackScores
from maskcam.types import MaskStatus


@dataclass(frozen=True, slots=True)
class Pictures:
    """The two pictures of a violation, as paths below the media folder, with `/` between their parts.

    Attributes:
        frame: the annotated frame.
        face: the face alone, not drawn upon.
        size_bytes: of both together.
    """

    frame: str
    face: str
    size_bytes: int

    @property
    def names(self) -> tuple[str, ...]:
        """Of all files."""
        return self.frame, self.face


@dataclass(frozen=True, slots=True)
class ClipFile:
    """The clip of a violation, an MP4.

    Attributes:
        name: as a path below the media folder, with `/` between its parts.
        size_bytes: of the file.
        seconds: its length.
        lead_seconds: how far into it the violation starts.
    """

    name: str
    size_bytes: int
    seconds: float
    lead_seconds: float

    @property
    def names(self) -> tuple[str, ...]:
        """Of all files."""
        return (self.name,)


MediaFile = Pictures | ClipFile
"""What a violation may have in the media folder."""


@dataclass(frozen=True, slots=True)
class StoredTransition:
    """One stretch of a violation with a steady status.

    Attributes:
        status: how the mask was worn.
        started_at: time of day.
        ended_at: time of day; None while it goes on.
        started_seconds: the same by the source's own clock.
        ended_seconds: likewise.
    """

    status: MaskStatus
    started_at: datetime
    ended_at: datetime | None
    started_seconds: float
    ended_seconds: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ViolationRecord:
    """A violation as it stands, on its way into the store: run, camera and number say which one it is.

    Attributes:
        run_id: of the run of maskcam that saw it, a UUID in hex.
        camera: name of it.
        number: `Violation.violation_id`.
        revision: rises with every report of a run; an older one never replaces a newer one.
        track_id: the person's track.
        status: the latest one that breaks the rule.
        started_at: time of day.
        ended_at: time of day; None while it goes on.
        started_seconds: the same by the source's own clock.
        ended_seconds: likewise.
        box_xyxy: of the best view, pixels.
        transitions: statuses in order.
        pictures: of the best view; None keeps those that the store has.
    """

    run_id: str
    camera: str
    number: int
    revision: int
    track_id: int
    status: MaskStatus
    started_at: datetime
    ended_at: datetime | None
    started_seconds: float
    ended_seconds: float | None
    box_xyxy: tuple[float, float, float, float]
    transitions: tuple[StoredTransition, ...] = ()
    pictures: Pictures | None = None

    @property
    def key(self) -> str:
        """Names this violation outside its process; alerts use the same."""
        return f"{self.run_id}/{self.camera}/{self.number}"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredViolation(ViolationRecord):
    """A violation as the store has it.

    Attributes:
        id: its number in the store.
        clip: None where there is none, or not yet: it is complete some seconds after the violation.
        is_protected: retention spares it.
        is_false_alarm: a person looked and said that it was none.
        updated_at: when the store was last told of it.
    """

    id: int
    clip: ClipFile | None = None
    is_protected: bool
    is_false_alarm: bool
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Position:
    """A place in the order of violations, whether or not the one that was there still is.

    Attributes:
        started_at: when it started.
        id: its number in the store.
    """

    started_at: datetime
    id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MinuteCounts:
    """How many people one camera saw in one minute, each by the last status in that minute.

    Only people for whom masks were required count.

    Attributes:
        run_id: of the run, or of the stretch of it between two jumps of the clock.
        camera: name of it.
        minute: at which it began.
        people: all of them; the others sum up to it.
        masked: mask worn right.
        bare: no mask.
        incorrect: mask worn wrong.
        unsure: could not be told.
    """

    run_id: str
    camera: str
    minute: datetime
    people: int
    masked: int
    bare: int
    incorrect: int
    unsure: int

    @property
    def judged(self) -> int:
        """Those of whom it could be told."""
        return self.masked + self.bare + self.incorrect


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipRecord:
    """A clip on its way into the store, where its violation is already.

    Attributes:
        run_id: of the violation's run.
        camera: its camera.
        number: its `Violation.violation_id`.
        clip: the file, which is there.
    """

    run_id: str
    camera: str
    number: int
    clip: ClipFile

    @property
    def key(self) -> str:
        """Like that of its violation, which has none that ends so."""
        return f"{self.run_id}/{self.camera}/{self.number}/clip"


Row = ViolationRecord | MinuteCounts | ClipRecord | TrackScores | HourHeat
"""Whatever can be recorded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ViolationQuery:
    """Which violations; whatever is left out does not matter.

    Attributes:
        since: started at this time or later.
        until: started before this time.
        cameras: at one of these; none: at any.
        statuses: with one of these as the latest; none: with any.
        is_protected: protected ones only, or others only.
        is_false_alarm: likewise.
        is_open: those that still go on only, or others only.
    """

    since: datetime | None = None
    until: datetime | None = None
    cameras: tuple[str, ...] = ()
    statuses: tuple[MaskStatus, ...] = ()
    is_protected: bool | None = None
    is_false_alarm: bool | None = None
    is_open: bool | None = None


ALL = ViolationQuery()
"""Every violation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """How long things are kept; protected violations stay whatever it says.

    Attributes:
        keep_days: older violations go with their pictures and clips, and the scores of tracks; 0 keeps them for ever.
        keep_bytes: when all pictures and clips together take more, the oldest violations lose their clips, and where
            no clip is left to lose, their pictures; they stay in the log. 0 is no limit.
        keep_counts_days: counts per minute, and of faces per place, which hold nothing about anybody; 0 keeps them for
            ever.
    """

    keep_days: float = 0.0
    keep_bytes: int = 0
    keep_counts_days: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruned:
    """What retention took away.

    Attributes:
        violations: that are gone altogether.
        stripped: that lost their clips or their pictures.
        size_bytes: of files removed.
        counts: minutes forgotten.
    """

    violations: int = 0
    stripped: int = 0
    size_bytes: int = 0
    counts: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """What a store holds.

    Attributes:
        violations: how many.
        protected: of these.
        false_alarms: of these.
        pictures_bytes: on disk.
        clips_bytes: likewise.
        by_status: violations per latest status.
        by_camera: violations per camera.
        first_at: when the first one started; None in an empty store.
        last_at: when the last one started.
    """

    violations: int
    protected: int
    false_alarms: int
    pictures_bytes: int
    clips_bytes: int = 0
    by_status: dict[MaskStatus, int] = field(default_factory=dict)
    by_camera: dict[str, int] = field(default_factory=dict)
    first_at: datetime | None = None
    last_at: datetime | None = None
