"""All settings, their defaults and their limits: one TOML file, or flags of the command line.

Each default stands here and nowhere else. `Config.model_json_schema()` is the schema.
"""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from maskcam.classifiers.base import Classifier
from maskcam.config_alerts import MqttConfig, OutboxConfig, WebhookConfig, check_distinct
from maskcam.detectors.base import Detector
from maskcam.devices import choose_device
from maskcam.errors import ConfigError
from maskcam.pipeline import CameraRules, Pipeline
from maskcam.privacy import Blur, FaceHider
from maskcam.schedule import Schedule
from maskcam.sinks.base import Sink
from maskcam.sources import distinct_names, source_name
from maskcam.sources.urls import fill_in
from maskcam.store.records import Retention
from maskcam.trackers.base import Tracker
from maskcam.types import Polygon
from maskcam.violations import ViolationOptions
from maskcam.voting import VotingOptions
from maskcam.weights import DEFAULT_CLASSIFIER, DEFAULT_DETECTOR, shipped_weights
from maskcam.zones import Zones

if TYPE_CHECKING:  # SQLAlchemy takes a while to load, and most runs have no store
    from maskcam.store.store import EventStore

_FAR = 1.6  # of the size, for the small faces of thorough detection; chosen on scenes/val


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DetectorConfig(_Section):
    """Which face detector, and how."""

    kind: Literal["yunet", "mediapipe"] = "yunet"
    weights: Path | None = Field(
        None, description="yunet: .safetensors; mediapipe: .tflite; None: the default one"
    )
    size: int = Field(
        640, ge=64, le=4096, description="yunet: longest side that frames are resized to, pixels"
    )
    minimum_score: float = Field(
        0.3, ge=0, le=1, description="faces below it are dropped; low, since weak ones still prolong a track"
    )

    thorough: bool = Field(
        False,
        description="yunet: look at every picture three times, mirrored and at 1.6 times the size, too: "
        "more faces and better boxes in five times the time",
    )

    @model_validator(mode="after")
    def _looks(self) -> DetectorConfig:
        if self.thorough and self.kind != "yunet":
            raise ValueError("thorough detection needs the yunet detector")
        return self

    def build(self, *, device: str) -> Detector:
        """Makes the detector."""
        if self.kind == "mediapipe":
            from maskcam.detectors.mediapipe import MediaPipeDetector

            return MediaPipeDetector.from_model(self.weights, minimum_score=self.minimum_score)
        if not self.thorough:
            return self._yunet(self.size, device, minimum_score=self.minimum_score)
        from maskcam.detectors.thorough import Look, ThoroughDetector

        # a score is the mean of the looks: one of them may lie well below it
        weak = self.minimum_score / 3
        near = self._yunet(self.size, device, minimum_score=weak)
        far = self._yunet(round(_FAR * self.size), device, minimum_score=weak)
        return ThoroughDetector(
            [Look(near), Look(near, mirrored=True), Look(far)], minimum_score=self.minimum_score
        )

    def _yunet(self, size: int, device: str, *, minimum_score: float) -> Detector:
        from maskcam.detectors.yunet import YuNetDetector

        return YuNetDetector.from_weights(
            self.weights or shipped_weights(DEFAULT_DETECTOR),
            size=size,
            minimum_score=minimum_score,
            device=choose_device(device),
        )


class ClassifierConfig(_Section):
    """Which mask classifier."""

    weights: Path | None = Field(
        None, description=".safetensors with its card beside it; None: the shipped one"
    )
    thorough: bool = Field(
        False, description="judge every face and its mirror image, a little closer: surer, in twice the time"
    )

    def build(self, *, device: str) -> Classifier:
        """Makes the classifier."""
        from maskcam.classifiers.torch import TorchClassifier

        weights = self.weights or shipped_weights(DEFAULT_CLASSIFIER)
        return TorchClassifier.from_weights(weights, device=choose_device(device), twice=self.thorough)


class TrackerConfig(_Section):
    """How faces are followed."""

    minimum_score: float = Field(0.6, ge=0, le=1, description="score that a face needs to start a track")
    confirm_frames: int = Field(3, ge=1, description="frames in a row before a face counts as a person")
    lost_seconds: float = Field(1.5, gt=0, description="time without the face after which a track ends")

    def build(self) -> Tracker:
        """Makes one tracker, for one camera."""
        from maskcam.trackers.bytetrack import ByteTrack

        return ByteTrack(
            minimum_score=self.minimum_score,
            confirm_frames=self.confirm_frames,
            lost_seconds=self.lost_seconds,
        )


class VotingConfig(_Section):
    """See `maskcam.voting.VotingOptions`."""

    memory_seconds: float = Field(VotingOptions.memory_seconds, gt=0)
    minimum_share: float = Field(VotingOptions.minimum_share, ge=0, le=1)
    switch_share: float = Field(VotingOptions.switch_share, ge=0.5, le=1)

    def build(self) -> VotingOptions:
        """The options."""
        return VotingOptions(**self.model_dump())


class ViolationConfig(_Section):
    """See `maskcam.violations.ViolationOptions`."""

    dwell_seconds: float = Field(ViolationOptions.dwell_seconds, ge=0)
    comply_seconds: float = Field(ViolationOptions.comply_seconds, ge=0)
    lost_seconds: float = Field(ViolationOptions.lost_seconds, gt=0)
    cooldown_seconds: float = Field(ViolationOptions.cooldown_seconds, ge=0)

    def build(self) -> ViolationOptions:
        """The options."""
        return ViolationOptions(**self.model_dump())


class CameraOptions(_Section):
    """How a camera is watched; in `[cameras]` for all of them, in a `[[camera]]` for that one."""

    transport: Literal["tcp", "udp"] = Field(
        "tcp", description="RTSP: tcp arrives whole, udp is for cameras that offer nothing else"
    )
    timeout_seconds: float = Field(
        5.0, gt=0, le=60, description="how long to wait for an answer, or for the next packet of a stream"
    )
    analysis_fps: float | None = Field(
        None, gt=0, description="frames per second to analyse; None: as many as come and the machine can do"
    )
    minimum_face: float = Field(0.0, ge=0, description="shorter side of the faces that count, pixels")
    zones: tuple[Polygon, ...] = Field(
        (),
        description="where masks are required: polygons of x, y in [0, 1] of the picture; none: everywhere",
    )
    hours: tuple[str, ...] = Field(
        (), description='when masks are required, live: "Mon-Fri 06:00-22:00", "22:00-06:00"; none: always'
    )

    @field_validator("zones")
    @classmethod
    def _zones(cls, polygons: tuple[Polygon, ...]) -> tuple[Polygon, ...]:
        return Zones(polygons).polygons

    @field_validator("hours")
    @classmethod
    def _hours(cls, texts: tuple[str, ...]) -> tuple[str, ...]:
        Schedule.parse(texts)
        return texts


class CameraConfig(CameraOptions):
    """One camera."""

    source: str = Field(
        min_length=1, description="as for `maskcam watch`; ${NAME} stands for an environment variable"
    )
    name: str | None = Field(None, min_length=1, description="shown and logged; None: made from the source")
    detector: DetectorConfig | None = Field(None, description="what differs from the other cameras'")


class RecordingConfig(_Section):
    """How annotated video is written."""

    video: bool = Field(
        True, description="whether to write any; events and snapshots are written all the same"
    )
    crf: int = Field(23, ge=0, le=51, description="quality of x264: lower is better and larger")
    preset: Literal["ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow"] = "veryfast"


class PrivacyConfig(_Section):
    """What is kept of people's looks."""

    blur: Blur = Field(
        "none",
        description="faces made unrecognisable in everything shown, saved and sent: all; compliant: those of everybody "
        "who breaks no rule at the moment; none",
    )
    snapshots: bool = Field(
        True, description="whether pictures of violations are saved, in the folder and in the event store"
    )
    statistics_only: bool = Field(
        False,
        description="no picture is saved or sent at all, only what happened and how many people there were",
    )


class StoreConfig(_Section):
    """The event store: where violations and counts of people are kept, and for how long."""

    url: str | None = Field(
        None,
        min_length=1,
        description="an SQLite file, or postgresql://user:password@host/database; ${NAME} stands for an environment"
        " variable; None: nothing is kept",
    )
    media: Path | None = Field(
        None, description="folder of the pictures; None: NAME.media beside the file NAME.db"
    )
    pictures: bool = Field(True, description="whether pictures of violations are kept")
    keep_days: float = Field(30.0, ge=0, description="older violations are removed; 0: never")
    keep_gigabytes: float = Field(
        10.0, ge=0, description="of pictures; beyond, the oldest violations lose theirs; 0: no limit"
    )
    keep_counts_days: float = Field(
        730.0, ge=0, description="older counts of people per minute are removed; 0: never"
    )
    reserve_megabytes: int = Field(
        200, ge=0, description="no pictures are saved while less is free on their disk: room for the log"
    )

    def open(self, *, environ: Mapping[str, str], create: bool = True) -> EventStore:
        """Opens the store.

        Args:
            environ: the environment, for `${NAME}`.
            create: makes a store where there is none yet.

        Raises:
            ConfigError: none is set.
            InputError: that is no address of a store, or an environment variable is not set.
            StoreError: it cannot be opened.
            MissingLibraryError: PostgreSQL's client library is not installed.
        """
        from maskcam.store.store import EventStore

        if self.url is None:
            raise ConfigError("no event store is set: add --store FILE, or url under [store] in -c FILE")
        return EventStore.open(fill_in(self.url, environ), media=self.media, create=create)

    def build(self, *, run_id: str, environ: Mapping[str, str]) -> Sink:
        """Makes the sink of one run.

        Args:
            run_id: a UUID in hex.
            environ: see `open`.

        Raises:
            MaskcamError: see `open`, or a folder cannot be written in.
        """
        from maskcam.sinks.store import StoreSink

        store = self.open(environ=environ)
        try:
            return StoreSink(
                store,
                run_id=run_id,
                pictures=self.pictures,
                retention=self.retention(),
                reserve_bytes=self.reserve_megabytes * 10**6,
            )
        except BaseException:
            store.close()
            raise

    def retention(self) -> Retention:
        """How long things are kept."""
        return Retention(
            keep_days=self.keep_days,
            keep_bytes=round(self.keep_gigabytes * 10**9),
            keep_counts_days=self.keep_counts_days,
        )


class Config(_Section):
    """Everything that can be set."""

    device: str = Field("auto", description="auto, cpu, cuda, cuda:N or mps")
    detector: DetectorConfig = DetectorConfig()
    classifier: ClassifierConfig = ClassifierConfig()
    tracker: TrackerConfig = TrackerConfig()
    voting: VotingConfig = VotingConfig()
    violations: ViolationConfig = ViolationConfig()
    recording: RecordingConfig = RecordingConfig()
    privacy: PrivacyConfig = PrivacyConfig()
    store: StoreConfig = StoreConfig()
    outbox: OutboxConfig = OutboxConfig()
    mqtt: MqttConfig | None = None
    webhook: tuple[WebhookConfig, ...] = ()
    cameras: CameraOptions = CameraOptions()
    camera: tuple[CameraConfig, ...] = ()

    @model_validator(mode="after")
    def _distinct(self) -> Config:
        names = Counter(camera.name for camera in self.camera if camera.name is not None)
        twice = [name for name, count in names.items() if count > 1]
        if twice:
            raise ValueError(f"several cameras have the name {twice[0]!r}: give each its own")
        check_distinct(self.webhook)
        for camera in self.camera:
            self._detector_of(camera)
        return self

    @model_validator(mode="after")
    def _no_pictures(self) -> Config:
        wanted = {
            "recording.video": self.recording.video and "video" in self.recording.model_fields_set,
            "privacy.snapshots": self.privacy.snapshots and "snapshots" in self.privacy.model_fields_set,
            "store.pictures": self.store.pictures and "pictures" in self.store.model_fields_set,
            "webhook.picture": any(webhook.picture != "none" for webhook in self.webhook),
        }
        for setting, is_wanted in wanted.items():
            if self.privacy.statistics_only and is_wanted:
                raise ValueError(
                    f"statistics_only keeps no pictures, but {setting} asks for some: remove one of them"
                )
        return self

    @property
    def keeps_pictures(self) -> bool:
        """Whether any picture may be saved."""
        return not self.privacy.statistics_only

    @property
    def keeps_video(self) -> bool:
        """Whether annotated video is written where nothing else is said."""
        return self.recording.video and self.keeps_pictures

    @property
    def keeps_snapshots(self) -> bool:
        """Whether pictures of violations are saved."""
        return self.privacy.snapshots and self.keeps_pictures

    def build_store(self, *, run_id: str, environ: Mapping[str, str]) -> Sink:
        """Makes the sink of one run for the event store, which keeps no more pictures than everything else does.

        Args:
            run_id: a UUID in hex.
            environ: the environment, for `${NAME}`.

        Raises:
            MaskcamError: see `StoreConfig.build`.
        """
        pictures = self.store.pictures and self.keeps_snapshots
        return self.store.model_copy(update={"pictures": pictures}).build(run_id=run_id, environ=environ)

    def _detector_of(self, camera: CameraConfig) -> DetectorConfig:
        given = {} if camera.detector is None else _given(camera.detector)
        return DetectorConfig(**_given(self.detector) | given) if given else self.detector

    def named_cameras(self, sources: Sequence[str] = ()) -> tuple[CameraConfig, ...]:
        """The cameras to watch, each with a name and with what holds for all cameras filled in.

        Args:
            sources: as for `maskcam watch`, or names of cameras of the configuration; none: all of those.

        Raises:
            ConfigError: there is nothing to watch.
        """
        known = {camera.name: camera for camera in self.camera if camera.name is not None}
        chosen = [known.get(spec) or CameraConfig(source=spec) for spec in sources] or list(self.camera)
        if not chosen:
            raise ConfigError(
                "nothing to watch: name a webcam, an address or a file, or list cameras as [[camera]] in -c FILE"
            )
        names = distinct_names([camera.name or source_name(camera.source) for camera in chosen])
        common = _given(self.cameras)
        return tuple(
            CameraConfig(**common | _given(camera) | {"name": name})
            for name, camera in zip(names, chosen, strict=True)
        )

    def for_photographs(self) -> Config:
        """These settings with thorough detection and judgement, unless set otherwise: photographs are in no hurry."""
        sections: dict[str, DetectorConfig | ClassifierConfig] = {"classifier": self.classifier}
        if self.detector.kind == "yunet":
            sections["detector"] = self.detector
        changes = {
            name: section.model_copy(update={"thorough": True})
            for name, section in sections.items()
            if "thorough" not in section.model_fields_set
        }
        return self.model_copy(update=changes)

    def build_pipeline(self, cameras: Sequence[CameraConfig] = ()) -> Pipeline:
        """A pipeline for video.

        Args:
            cameras: of `named_cameras`, where something is special about them. Those with the same detector
                share it.

        Raises:
            ConfigError: the device is not there.
            WeightsError: weights are missing or damaged.
        """
        detectors = {self.detector: self.detector.build(device=self.device)}
        rules = {}
        for camera in cameras:
            assert camera.name is not None
            wanted = self._detector_of(camera)
            if wanted not in detectors:
                detectors[wanted] = wanted.build(device=self.device)
            rules[camera.name] = CameraRules(
                detector=detectors[wanted], zones=Zones(camera.zones), minimum_face=camera.minimum_face
            )
        return Pipeline(
            detector=detectors[self.detector],
            classifier=self.classifier.build(device=self.device),
            new_tracker=self.tracker.build,
            voting=self.voting.build(),
            violations=self.violations.build(),
            rules=rules,
            new_hider=lambda: FaceHider(self.privacy.blur),
        )

    def still_pipeline(self, video: Pipeline) -> Pipeline:
        """A pipeline for unrelated pictures, each face judged on its own and at once.

        Args:
            video: lends its detector and classifier, and has to be closed after this one's last use.
        """
        from maskcam.trackers.still import StillTracker

        return Pipeline(
            detector=video.detector,
            classifier=video.classifier,
            new_tracker=lambda: StillTracker(minimum_score=self.tracker.minimum_score),
            voting=VotingOptions(minimum_weight=0.0),
            violations=ViolationOptions(dwell_seconds=0.0),
            new_hider=lambda: FaceHider(self.privacy.blur, linger_seconds=0.0),
        )


def _given(section: BaseModel) -> dict[str, Any]:
    """What was set in a section, without the defaults; sections in it as they are."""
    return {name: getattr(section, name) for name in section.model_fields_set}


def load_config(path: Path | None, overrides: Mapping[str, Any] | None = None) -> Config:
    """Reads a TOML file and lays what was given on the command line over it.

    Args:
        path: of the file; None for the defaults.
        overrides: dotted names to values (`detector.size`); None means "not given".

    Raises:
        ConfigError: no such file, not TOML, or a setting is unknown or out of range.
    """
    settings: dict[str, Any] = {}
    if path is not None:
        try:
            settings = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"cannot read configuration {path}: {error}") from error
        except tomllib.TOMLDecodeError as error:
            raise ConfigError(f"configuration {path} is not TOML: {error}") from error
    for name, value in (overrides or {}).items():
        if value is not None:
            section, _, key = name.rpartition(".")
            (settings.setdefault(section, {}) if section else settings)[key] = value
    try:
        return Config.model_validate(settings)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        # what stands in these sections may be a password, also under a name with a slip in it
        is_secret = isinstance(first["input"], str) and first["loc"][:1] in (("mqtt",), ("webhook",))
        received = "" if is_secret or isinstance(first["input"], dict) else f", got {first['input']!r}"
        raise ConfigError(
            f"{where + ': ' * bool(where)}{first['msg'].removeprefix('Value error, ')}{received}"
        ) from error
