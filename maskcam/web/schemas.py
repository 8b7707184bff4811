"""What the API takes and answers. Times of day are ISO 8601 with their zone; durations are seconds."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any, Literal
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field

from maskcam.camera_changes import Changes
from maskcam.config_file import shown_source
from maskcam.config_sections import CameraConfig
from maskcam.feeds import FeedState
from maskcam.store.records import StoredViolation
from maskcam.store.sites import SILENT_SECONDS
from maskcam.store.sites import Site as StoredSite
from maskcam.store.statistics import Compliance
from maskcam.types import FrameResult, Polygon
from maskcam.watching import CameraStatus
from maskcam.web.accounts import ApiToken, User
from maskcam.web.roles import Role

Share = Annotated[float, Field(ge=0, le=1)]
Name = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[\w.@ -]+$")]
"""Of a user or token."""
CameraName = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[^/\\\x00-\x1f\x7f]+$")]
"""Of a new camera: without a slash, since it is part of addresses. Names made from a source may hold some."""
AnyCamera = Annotated[str, Field(min_length=1, max_length=500, pattern=r"^[^\x00-\x1f\x7f]+$")]
SiteName = Annotated[str, Field(max_length=64, pattern=r"^[^\x00-\x1f\x7f]*$")]
"""Of a site whose cameras are meant; empty: of any."""


class Strict(BaseModel):
    """Whose unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Problem(BaseModel):
    """Why a request was refused."""

    error: str = Field(description="one sentence for people")


class Transition(BaseModel):
    """One stretch of a violation with a steady status."""

    status: str
    started_at: datetime
    ended_at: datetime | None
    started_seconds: float
    ended_seconds: float | None


class Event(BaseModel):
    """A violation."""

    id: int
    key: str = Field(description="names it in alerts and in the stream, too: run/camera/number")
    camera: str
    track_id: int
    status: Literal["no_mask", "incorrect", "mask", "unsure"]
    started_at: datetime
    ended_at: datetime | None = Field(description="null while it goes on")
    duration_seconds: float | None
    box_xyxy: tuple[float, float, float, float] = Field(description="of the best view, pixels")
    transitions: list[Transition]
    is_protected: bool
    is_false_alarm: bool
    updated_at: datetime
    snapshot_url: str | None = Field(description="JPEG with the overlay; null where no picture is kept")
    face_url: str | None = Field(description="JPEG of the face")
    clip_url: str | None = Field(description="MP4; null where no clip is kept, and until it is complete")
    clip_seconds: float | None
    clip_lead_seconds: float | None = Field(description="how far into the clip the violation starts")

    @classmethod
    def of(cls, stored: StoredViolation) -> Event:
        """As the store has it."""
        address = f"/api/v1/events/{stored.id}"
        clip = stored.clip
        has_pictures = stored.pictures is not None
        ended = stored.ended_seconds
        return cls(
            id=stored.id,
            key=stored.key,
            camera=stored.camera,
            track_id=stored.track_id,
            status=stored.status.value,
            started_at=stored.started_at,
            ended_at=stored.ended_at,
            duration_seconds=None if ended is None else ended - stored.started_seconds,
            box_xyxy=stored.box_xyxy,
            transitions=[
                Transition(
                    status=stretch.status.value,
                    started_at=stretch.started_at,
                    ended_at=stretch.ended_at,
                    started_seconds=stretch.started_seconds,
                    ended_seconds=stretch.ended_seconds,
                )
                for stretch in stored.transitions
            ],
            is_protected=stored.is_protected,
            is_false_alarm=stored.is_false_alarm,
            updated_at=stored.updated_at,
            snapshot_url=f"{address}/snapshot" if has_pictures else None,
            face_url=f"{address}/face" if has_pictures else None,
            clip_url=None if clip is None else f"{address}/clip",
            clip_seconds=None if clip is None else clip.seconds,
            clip_lead_seconds=None if clip is None else clip.lead_seconds,
        )


class EventPage(BaseModel):
    """Some events, newest first."""

    events: list[Event]
    next_cursor: str | None = Field(description="for the page after this one; null on the last")


class EventPatch(Strict):
    """What people make of an event; what is left out stays."""

    is_protected: bool | None = None
    is_false_alarm: bool | None = None


class Camera(BaseModel):
    """A camera, how it is set up and how it is doing."""

    name: str
    source: str = Field(description="passwords are masked, for admins too")
    transport: Literal["tcp", "udp"]
    timeout_seconds: float
    analysis_fps: float | None
    minimum_face: float
    zones: list[Polygon]
    hours: list[str]
    detector: dict[str, Any] | None = Field(description="what differs from the other cameras'")
    state: str = Field(description="connecting, live, stalled, reconnecting, failed or ended")
    is_live: bool = Field(description="false for recordings, and until it has been opened")
    fault: str | None
    reason: str | None = Field(description="why it gives no picture, one sentence")
    off_duty: bool
    fps: float = Field(description="frames judged per second, lately")
    captured_fps: float
    latency_seconds: float = Field(description="from the capture of the last frame to its result")
    frames: int = Field(description="judged so far")
    captured: int
    dropped: int
    passed_over: int
    corrupt: int
    reconnects: int
    faces: dict[str, int] = Field(description="in the last frame, where masks are required, by status")
    people: int = Field(description="seen so far")
    violations: int = Field(description="started so far")
    picture_url: str

    @classmethod
    def of(cls, config: CameraConfig, status: CameraStatus | None) -> Camera:
        """Of its settings, and how it is doing where that is known."""
        assert config.name is not None
        status = status or CameraStatus(config.name)
        health = status.health
        own = config.detector
        return cls(
            name=config.name,
            source=shown_source(config.source),
            transport=config.transport,
            timeout_seconds=config.timeout_seconds,
            analysis_fps=config.analysis_fps,
            minimum_face=config.minimum_face,
            zones=list(config.zones),
            hours=list(config.hours),
            detector=own and own.model_dump(mode="json", include=own.model_fields_set),
            is_live=health.is_live,
            fault=None if health.fault is None else health.fault.value,
            captured=health.captured,
            passed_over=health.passed_over,
            corrupt=health.losses.corrupt,
            people=len(status.people),
            violations=status.violations,
            picture_url=f"/api/v1/cameras/{quote(config.name, safe='')}/picture",
            **CameraNumbers.of(status).model_dump(exclude={"name"}),
        )


class CameraNumbers(BaseModel):
    """What changes from second to second: an event `numbers` of the stream has one per camera."""

    name: str
    state: str
    reason: str | None
    off_duty: bool
    fps: float
    captured_fps: float
    latency_seconds: float
    frames: int
    dropped: int
    reconnects: int
    faces: dict[str, int]

    @classmethod
    def of(cls, status: CameraStatus) -> CameraNumbers:
        """At this moment."""
        health = status.health
        is_live = health.state is FeedState.LIVE
        return cls(
            name=status.name,
            state=health.state.value,
            reason=health.reason,
            off_duty=status.off_duty,
            fps=round(status.fps, 2),
            captured_fps=round(health.captured_fps, 2) if is_live else 0.0,
            latency_seconds=round(status.latency_seconds, 4),
            frames=status.frames,
            dropped=health.dropped,
            reconnects=health.reconnects,
            faces=dict(status.statuses),
        )


class Face(BaseModel):
    """One face in the last picture of a camera."""

    track_id: int
    box_xyxy: tuple[float, float, float, float]
    score: float = Field(description="of the detector")
    side: float = Field(description="the shorter one, pixels")
    status: Literal["no_mask", "incorrect", "mask", "unsure"]
    is_required: bool = Field(description="is in a zone, at an hour, in which masks are required")


class Faces(BaseModel):
    """The faces in the last picture of a camera, to try thresholds on."""

    size_wh: tuple[int, int] = Field(description="of the picture, pixels")
    faces: list[Face] = Field(
        description="those that are followed: what is dropped already is not among them"
    )

    @classmethod
    def of(cls, result: FrameResult) -> Faces:
        """Of a result."""
        faces = []
        for track in result.tracks:
            x1, y1, x2, y2 = track.box_xyxy.tolist()
            faces.append(
                Face(
                    track_id=track.track_id,
                    box_xyxy=(x1, y1, x2, y2),
                    score=round(track.score, 3),
                    side=round(min(x2 - x1, y2 - y1), 1),
                    status=track.status.value,
                    is_required=track.is_required,
                )
            )
        return cls(size_wh=result.frame.size_wh, faces=faces)


class CameraPatch(Strict):
    """Settings of a camera to change; null takes one away, so that what holds for all cameras does."""

    name: CameraName | None = Field(None, description="another name; events keep the one before")
    source: str | None = Field(
        None,
        min_length=1,
        max_length=2000,
        description="webcam's number, /dev/video0, rtsp:// or http(s)://; as it was shown, it stays as it is",
    )
    transport: Literal["tcp", "udp"] | None = None
    timeout_seconds: Annotated[float, Field(gt=0, le=60)] | None = None
    analysis_fps: Annotated[float, Field(gt=0, le=1000)] | None = None
    minimum_face: Annotated[float, Field(ge=0, le=10_000)] | None = None
    face_score: Annotated[float, Field(ge=0, le=1)] | None = Field(
        None, description="of the detector, below which a face is dropped"
    )
    zones: Annotated[list[list[tuple[Share, Share]]], Field(max_length=50)] | None = None
    hours: Annotated[list[Annotated[str, Field(max_length=100)]], Field(max_length=50)] | None = None


class NewCamera(CameraPatch):
    """A camera to add."""

    name: CameraName
    source: str = Field(min_length=1, max_length=2000)


class CameraProbe(Strict):
    """A camera to test that need not be among the cameras."""

    source: str = Field(min_length=1, max_length=2000)
    transport: Literal["tcp", "udp"] = "tcp"
    seconds: float = Field(5.0, ge=1, le=20)


class ChangesMade(BaseModel):
    """What a change of the configuration meant, in names of cameras."""

    added: list[str]
    removed: list[str]
    reconnected: list[str]
    adjusted: list[str] = Field(description="changed without a reconnect")
    unchanged: list[str]
    restarts: bool = Field(description="everything started anew, as something has changed that concerns all")
    later: bool = Field(description="settings of [serve] have changed: they count from the next start on")

    @classmethod
    def of(cls, changes: Changes) -> ChangesMade:
        """Of what the service has done."""
        return cls(
            added=list(changes.added),
            removed=list(changes.removed),
            reconnected=list(changes.reconnected),
            adjusted=list(changes.adjusted),
            unchanged=list(changes.unchanged),
            restarts=changes.restarts,
            later=changes.later,
        )


class ComplianceFigures(BaseModel):
    """People-minutes of some place and time: somebody seen in three minutes counts three times."""

    people: int
    masked: int
    bare: int
    incorrect: int
    unsure: int
    judged: int
    rate: float | None = Field(
        description="part of the judged ones who wore their masks right; null where none were"
    )
    interval: tuple[float, float] | None = Field(description="of the rate, with 95% confidence")

    @classmethod
    def values(cls, found: Compliance) -> Mapping[str, object]:
        """The fields of a sum."""
        return {
            "people": found.people,
            "masked": found.masked,
            "bare": found.bare,
            "incorrect": found.incorrect,
            "unsure": found.unsure,
            "judged": found.judged,
            "rate": found.rate,
            "interval": found.interval,
        }


class Group(ComplianceFigures):
    """The same of one camera, one span of time, or both."""

    camera: str | None = None
    start: datetime | None = Field(None, description="of the hour or day, by the server's zone")


class Statistics(BaseModel):
    """Compliance and violations of some time."""

    since: datetime
    until: datetime
    per: Literal["hour", "day"]
    total: Group
    cameras: list[Group]
    spans: list[Group] = Field(description="per hour or day")
    camera_spans: list[Group] = Field(description="per camera and hour or day")
    violations: int
    violations_by_camera: dict[str, int]
    violations_by_status: dict[str, int]
    false_alarms: int


class SiteCamera(BaseModel):
    """A camera of a site."""

    name: str = Field(description="as everywhere in this store: the site's, a slash, and its own")
    is_live: bool = Field(description="gave pictures when its site last reported, which is not long ago")
    seen_at: datetime | None = Field(description="when its last picture came, as far as is known")


class Site(BaseModel):
    """An instance elsewhere that forwards to this store."""

    name: str
    heard_at: datetime = Field(description="when it last reported; it does so every ten seconds")
    is_silent: bool = Field(description="it has not reported for a minute")
    waiting: int = Field(description="records that it was yet to forward")
    version: str = Field(description="of maskcam there")
    cameras: list[SiteCamera]
    violations_today: int = Field(description="started since midnight, by the server's zone")
    compliance: ComplianceFigures = Field(description="of the last 24 hours")

    @classmethod
    def of(cls, site: StoredSite) -> Site:
        """As the store has it."""
        fresh = site.heard_at - timedelta(seconds=SILENT_SECONDS)
        return cls(
            name=site.name,
            heard_at=site.heard_at,
            is_silent=site.is_silent,
            waiting=site.waiting,
            version=site.version,
            cameras=[
                SiteCamera(
                    name=camera.name,
                    is_live=not site.is_silent and camera.seen_at is not None and camera.seen_at >= fresh,
                    seen_at=camera.seen_at,
                )
                for camera in site.cameras
            ],
            violations_today=site.violations,
            compliance=ComplianceFigures.model_validate(ComplianceFigures.values(site.compliance)),
        )


class WhatIfCount(BaseModel):
    """Violations that some settings would have made."""

    violations: int
    per_day: float = Field(description="mean over `days_covered`")


class WhatIfDay(BaseModel):
    """One day."""

    day: date
    violations: int


class WhatIf(BaseModel):
    """Violations with other settings."""

    since: datetime
    until: datetime
    threshold: float
    dwell_seconds: float
    tracks: int = Field(description="with scores, that broke the rule or may have")
    days_covered: float = Field(description="since the first of them, at least 1")
    wanted: WhatIfCount
    present: WhatIfCount = Field(description="likewise, with the settings that hold now")
    present_dwell_seconds: float
    logged: int = Field(description="violations in the log, whatever settings they were made with")
    days: list[WhatIfDay] = Field(description="of `wanted`, by the server's zone")
    how: str = Field(description="how it was computed, for people")


class ViolationSettings(Strict):
    """When something is a violation, at all cameras; what is left out stays."""

    dwell_seconds: Annotated[float, Field(ge=0, le=3600)] | None = None
    comply_seconds: Annotated[float, Field(ge=0, le=3600)] | None = None
    lost_seconds: Annotated[float, Field(gt=0, le=3600)] | None = None
    cooldown_seconds: Annotated[float, Field(ge=0, le=86_400)] | None = None


class NewToken(Strict):
    """A token to make."""

    name: Name
    role: Role
    days: float | None = Field(None, gt=0, le=3650, description="null: until it is revoked")


class Token(BaseModel):
    """An API token, without its secret."""

    id: int
    name: str
    role: Role
    created_at: datetime
    expires_at: datetime | None

    @classmethod
    def of(cls, token: ApiToken) -> Token:
        """As the accounts have it."""
        return cls(**_token_values(token))


class TokenWithSecret(Token):
    """A new token."""

    token: str = Field(description="the secret: it is shown only now")

    @classmethod
    def made(cls, token: ApiToken, secret: str) -> TokenWithSecret:
        """With its secret."""
        return cls(token=secret, **_token_values(token))


class Account(BaseModel):
    """Somebody who may log in."""

    name: str
    role: Role

    @classmethod
    def of(cls, user: User) -> Account:
        """As the accounts have it."""
        return cls(name=user.name, role=user.role)


class Password(Strict):
    """A user's password and role."""

    role: Role
    password: str = Field(min_length=1, max_length=1000, json_schema_extra={"writeOnly": True})


def _token_values(token: ApiToken) -> dict[str, object]:
    expires = token.expires_seconds
    return {
        "id": token.id,
        "name": token.name,
        "role": token.role,
        "created_at": datetime.fromtimestamp(token.created_seconds, UTC),
        "expires_at": None if expires is None else datetime.fromtimestamp(expires, UTC),
    }
