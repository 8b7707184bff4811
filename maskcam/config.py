"""All settings, their defaults and their limits: one TOML file, or flags of the command line.

Each default stands here or in the files of the sections, and nowhere else. `Config.model_json_schema()` is the schema.
"""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, Field, ValidationError, model_validator

from maskcam.backends import Backend, Computing, Precision
from maskcam.belts import Beside
from maskcam.config_alerts import MqttConfig, OutboxConfig, WebhookConfig, check_distinct
from maskcam.config_central import CentralConfig
from maskcam.config_gpu import build_video_detector
from maskcam.config_lines import line_of
from maskcam.config_sections import (
    CameraConfig,
    CameraOptions,
    ClassifierConfig,
    ClipsConfig,
    DetectorConfig,
    EconomyConfig,
    PrivacyConfig,
    RecordingConfig,
    Section,
    StoreConfig,
    TrackerConfig,
    ViolationConfig,
    VotingConfig,
)
from maskcam.config_serve import ServeConfig
from maskcam.detectors.base import Detector
from maskcam.errors import ConfigError
from maskcam.pipeline import CameraRules, Pipeline
from maskcam.privacy import FaceHider
from maskcam.sinks.base import Sink
from maskcam.sources import distinct, mask_password, source_name
from maskcam.violations import ViolationOptions
from maskcam.voting import VotingOptions
from maskcam.zones import Zones

if TYPE_CHECKING:  # PyAV takes a while to load
    from maskcam.sinks.clip_recorder import ClipOptions


class Config(Section):
    """Everything that can be set."""

    device: str = Field("auto", description="auto, cpu, cuda, cuda:N or mps")
    backend: Backend = Field(
        "auto",
        description="library that runs the networks; auto: torch on an accelerator, on the CPU the fastest installed",
    )
    precision: Precision = Field(
        "auto",
        description="arithmetic of the openvino backend; auto: bfloat16 where the CPU has it, else float32; on CUDA:"
        " float32, and auto is float16",
    )
    detector: DetectorConfig = DetectorConfig()
    classifier: ClassifierConfig = ClassifierConfig()
    tracker: TrackerConfig = TrackerConfig()
    economy: EconomyConfig = EconomyConfig()
    voting: VotingConfig = VotingConfig()
    violations: ViolationConfig = ViolationConfig()
    recording: RecordingConfig = RecordingConfig()
    privacy: PrivacyConfig = PrivacyConfig()
    store: StoreConfig = StoreConfig()
    clips: ClipsConfig = ClipsConfig()
    outbox: OutboxConfig = OutboxConfig()
    mqtt: MqttConfig | None = None
    webhook: tuple[WebhookConfig, ...] = ()
    central: CentralConfig | None = None
    serve: ServeConfig = ServeConfig()
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
            "clips.enabled": self.clips.enabled and "enabled" in self.clips.model_fields_set,
            "webhook.picture": any(webhook.picture != "none" for webhook in self.webhook),
        }
        for setting, is_wanted in wanted.items():
            if self.privacy.statistics_only and is_wanted:
                raise ValueError(
                    f"statistics_only keeps no pictures, but {setting} asks for some: remove one of them"
                )
            if not self.privacy.snapshots and is_wanted and setting in ("clips.enabled", "webhook.picture"):
                raise ValueError(
                    f"no snapshots are wanted, but {setting} asks for pictures of violations: remove one of them"
                )
        return self

    @property
    def computing(self) -> Computing:
        """Where and how networks compute."""
        return Computing(device=self.device, backend=self.backend, precision=self.precision)

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

    @property
    def keeps_clips(self) -> bool:
        """Whether clips of violations are saved."""
        return self.clips.enabled and self.keeps_snapshots

    def build_store(
        self, *, run_id: str, environ: Mapping[str, str], is_live: bool = True, is_repeatable: bool = False
    ) -> Sink:
        """Makes the sink of one run for the event store, which keeps no more pictures than everything else does.

        Args:
            run_id: a UUID in hex.
            environ: the environment, for `${NAME}`.
            is_live: cameras wait for nothing; recordings do, rather than lack anything in a clip.
            is_repeatable: see `StoreConfig.build`.

        Raises:
            MaskcamError: see `StoreConfig.build`.
        """
        pictures = self.store.pictures and self.keeps_snapshots
        return self.store.model_copy(update={"pictures": pictures}).build(
            run_id=run_id,
            environ=environ,
            clips=self.clip_options() if pictures and self.keeps_clips else None,
            clips_reserve_bytes=self.clips.reserve_megabytes * 10**6,
            is_patient=not is_live,
            is_repeatable=is_repeatable,
        )

    def build_clips(self, folder: Path) -> Sink:
        """Makes the sink that saves clips in a folder.

        Raises:
            OutputError: it cannot be made or written in.
        """
        from maskcam.sinks.clips import ClipSink

        return ClipSink(folder, self.clip_options(), reserve_bytes=self.clips.reserve_megabytes * 10**6)

    def clip_options(self) -> ClipOptions:
        """What belongs to a clip."""
        return self.clips.options(delay_seconds=self.violations.dwell_seconds)

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
        names = distinct([camera.name or source_name(camera.source) for camera in chosen])
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

    def build_rules(self, camera: CameraConfig, detectors: dict[DetectorConfig, Detector]) -> CameraRules:
        """What is special about a camera.

        Args:
            camera: of `named_cameras`.
            detectors: that there are already; the camera's own is made and added where it is not among them.

        Raises:
            MaskcamError: see `build_pipeline`.
        """
        wanted = self._detector_of(camera)
        if wanted not in detectors:
            detectors[wanted] = self._build_detector(wanted)
        return CameraRules(
            detector=detectors[wanted], zones=Zones(camera.zones), minimum_face=camera.minimum_face
        )

    def _build_detector(self, wanted: DetectorConfig) -> Detector:
        return build_video_detector(wanted, self.classifier, computing=self.computing)

    def build_pipeline(
        self,
        cameras: Sequence[CameraConfig] = (),
        *,
        detectors: dict[DetectorConfig, Detector] | None = None,
    ) -> Pipeline:
        """A pipeline for video.

        Args:
            cameras: of `named_cameras`, where something is special about them. Those with the same detector
                share it.
            detectors: that there are already; filled with those of the pipeline, for `build_rules`.

        Raises:
            ConfigError: the device is not there.
            WeightsError: weights are missing or damaged.
        """
        detectors = {} if detectors is None else detectors
        with Beside(self.tracker.load, name="loads the tracker"):
            if self.detector not in detectors:
                detectors[self.detector] = self._build_detector(self.detector)
            rules = {camera.name: self.build_rules(camera, detectors) for camera in cameras if camera.name}
            classifier = self.classifier.build(**self.computing)
        return Pipeline(
            detector=detectors[self.detector],
            classifier=classifier,
            new_tracker=self.tracker.build,
            voting=self.voting.build(),
            violations=self.violations.build(),
            rules=rules,
            economy=self.economy.build(),
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
    text = ""
    if path is not None:
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"cannot read configuration {path}: {error}") from error
    return parse_config(text, overrides, name=str(path))


def parse_config(text: str, overrides: Mapping[str, Any] | None = None, *, name: str) -> Config:
    """As `load_config`, of the text of a file.

    Args:
        text: TOML.
        overrides: see there.
        name: of the file, for errors.

    Raises:
        ConfigError: see there; it names the line, where the fault is in the text.
    """
    try:
        settings: dict[str, Any] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"configuration {name} is not TOML: {error}") from error
    for dotted, value in (overrides or {}).items():
        if value is not None:
            section, _, key = dotted.rpartition(".")
            (settings.setdefault(section, {}) if section else settings)[key] = value
    try:
        return Config.model_validate(settings)
    except ValidationError as error:
        raise ConfigError(_sentence(error, text, name)) from error


def _sentence(error: ValidationError, text: str, name: str) -> str:
    """The first fault, with its place in the text as far as it is there."""
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    value = first["input"]
    # what stands in these sections may be a password, also under a name with a slip in it
    is_secret = isinstance(value, str) and (
        first["loc"][:1] in (("mqtt",), ("webhook",), ("central",), ("serve",))
        or first["loc"] == ("classifier", "remote")
    )
    shown = mask_password(value) if isinstance(value, str) else value
    received = "" if is_secret or isinstance(value, dict) else f", got {shown!r}"
    line = line_of(text, first["loc"])
    place = "" if line is None else f"{name}, line {line}: "
    return f"{place}{where + ': ' * bool(where)}{first['msg'].removeprefix('Value error, ')}{received}"
