"""The sections of the configuration, their defaults and their limits."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from maskcam.backends import Backend, Computing, Precision, uses_torch
from maskcam.classifiers.base import Classifier
from maskcam.detectors.base import Detector
from maskcam.devices import choose_device
from maskcam.economy import EconomyOptions
from maskcam.engines.opening import open_engine
from maskcam.errors import ConfigError
from maskcam.networks import CLASSIFIERS, DETECTORS
from maskcam.privacy import Blur
from maskcam.remote.address import parse_address
from maskcam.schedule import Schedule
from maskcam.sinks.base import Sink
from maskcam.sources.base import HardwareDecode
from maskcam.sources.urls import fill_in
from maskcam.store.records import Retention
from maskcam.trackers.base import Tracker
from maskcam.types import Polygon
from maskcam.violations import ViolationOptions
from maskcam.voting import VotingOptions
from maskcam.weights import DEFAULT_CLASSIFIER, DEFAULT_DETECTOR, read_card, shipped_weights
from maskcam.zones import Zones

if TYPE_CHECKING:  # SQLAlchemy and PyAV take a while to load, and not every run needs them
    from maskcam.sinks.clip_recorder import ClipOptions
    from maskcam.store.store import EventStore

_FAR = 1.6  # of the size, for the small faces of thorough detection; chosen on scenes/val


class Section(BaseModel):
    """Whose unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class DetectorConfig(Section):
    """Which face detector, and how."""

    kind: Literal["yunet", "mediapipe"] = "yunet"
    weights: Path | None = Field(
        None,
        description="yunet: .safetensors, or a file of `maskcam export`; mediapipe: .tflite; None: the default one",
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

    def build(self, *, device: str, backend: Backend = "auto", precision: Precision = "auto") -> Detector:
        """Makes the detector.

        Args:
            device: see `maskcam.devices.choose_device`.
            backend: see `maskcam.backends.choose_backend`; ignored by mediapipe.
            precision: of the openvino backend.

        Raises:
            MaskcamError: the weights, the device or the backend cannot be used.
        """
        if self.kind == "mediapipe":
            from maskcam.detectors.mediapipe import MediaPipeDetector

            return MediaPipeDetector.from_model(self.weights, minimum_score=self.minimum_score)

        def yunet(size: int, minimum_score: float) -> Detector:
            return self._yunet(
                size, minimum_score, Computing(device=device, backend=backend, precision=precision)
            )

        if not self.thorough:
            return yunet(self.size, self.minimum_score)
        from maskcam.detectors.thorough import Look, ThoroughDetector

        # a score is the mean of the looks: one of them may lie well below it
        weak = self.minimum_score / 3
        near, far = yunet(self.size, weak), yunet(round(_FAR * self.size), weak)
        return ThoroughDetector(
            [Look(near), Look(near, mirrored=True), Look(far)], minimum_score=self.minimum_score
        )

    def _yunet(self, size: int, minimum_score: float, computing: Computing) -> Detector:
        weights = self.weights or shipped_weights(DEFAULT_DETECTOR)
        if uses_torch(weights, computing):
            from maskcam.detectors.yunet import YuNetDetector

            return YuNetDetector.from_weights(
                weights, size=size, minimum_score=minimum_score, device=choose_device(computing["device"])
            )
        from maskcam.detectors.engine import EngineDetector

        _, engine = open_engine(weights, architectures=DETECTORS, computing=computing)
        return EngineDetector(engine, size=size, minimum_score=minimum_score)


class ClassifierConfig(Section):
    """Which mask classifier."""

    weights: Path | None = Field(
        None,
        description=".safetensors with its card beside it, or a file of `maskcam export`; None: the shipped one",
    )
    thorough: bool = Field(
        False, description="judge every face and its mirror image, a little closer: surer, in twice the time"
    )
    remote: str | None = Field(
        None,
        repr=False,
        description="grpc://host:9100 of a `maskcam serve-model` that judges instead, grpcs:// with TLS; this machine"
        " judges while it does not answer",
    )
    remote_deadline_seconds: float = Field(
        0.25, gt=0, le=10, description="a step waits no longer for the model server"
    )
    remote_encoding: Literal["raw", "jpeg"] = Field(
        "raw",
        description="how faces travel; jpeg: a sixth of the bytes, probabilities different by up to 0.01",
    )

    remote_certificates: Path | None = Field(
        None, description="file of the certificates to trust with grpcs; None: those that come with gRPC"
    )

    @field_validator("remote")
    @classmethod
    def _address(cls, url: str | None) -> str | None:
        if url is not None and "${" not in url:
            try:
                parse_address(url)
            except ConfigError as error:
                raise ValueError(str(error)) from None
        return url

    @property
    def weights_path(self) -> Path:
        """Of the weights that this machine judges with."""
        return self.weights or shipped_weights(DEFAULT_CLASSIFIER)

    def build(self, *, device: str, backend: Backend = "auto", precision: Precision = "auto") -> Classifier:
        """Makes the classifier; see `DetectorConfig.build`."""
        local = self._build_local(Computing(device=device, backend=backend, precision=precision))
        if self.remote is None:
            return local
        from maskcam.config_remote import build_remote

        try:
            return build_remote(
                self.remote,
                deadline_seconds=self.remote_deadline_seconds,
                encoding=self.remote_encoding,
                certificates=self.remote_certificates,
                local=local,
                card=read_card(self.weights_path),
                thorough=self.thorough,
                environ=os.environ,
            )
        except BaseException:
            local.close()
            raise

    def _build_local(self, computing: Computing) -> Classifier:
        weights = self.weights_path
        if uses_torch(weights, computing):
            from maskcam.classifiers.torch import TorchClassifier

            return TorchClassifier.from_weights(
                weights, device=choose_device(computing["device"]), twice=self.thorough
            )
        from maskcam.classifiers.engine import EngineClassifier

        card, engine = open_engine(weights, architectures=CLASSIFIERS, computing=computing)
        return EngineClassifier(engine, card, twice=self.thorough)


class TrackerConfig(Section):
    """How faces are followed."""

    minimum_score: float = Field(0.6, ge=0, le=1, description="score that a face needs to start a track")
    confirm_frames: int = Field(3, ge=1, description="frames in a row before a face counts as a person")
    lost_seconds: float = Field(1.5, gt=0, description="time without the face after which a track ends")

    @staticmethod
    def load() -> None:
        """Imports what trackers need; that takes half a second, in which other things can be done."""
        import maskcam.trackers.bytetrack  # noqa: F401

    def build(self) -> Tracker:
        """Makes one tracker, for one camera."""
        from maskcam.trackers.bytetrack import ByteTrack

        return ByteTrack(
            minimum_score=self.minimum_score,
            confirm_frames=self.confirm_frames,
            lost_seconds=self.lost_seconds,
        )


class EconomyConfig(Section):
    """See `maskcam.economy.EconomyOptions`."""

    still_seconds: float = Field(
        EconomyOptions.still_seconds,
        ge=0,
        description="while nothing moves, look for faces only so often; 0: in every frame",
    )
    moving_seconds: float = Field(
        EconomyOptions.moving_seconds,
        ge=0,
        description="while the same faces move on, look for them only so often, and follow them in between; 0: in every"
        " frame",
    )
    certain_seconds: float = Field(
        EconomyOptions.certain_seconds,
        ge=0,
        description="judge a face of which one is certain only so often, unless it changes; 0: in every frame",
    )

    def build(self) -> EconomyOptions:
        """The options."""
        return EconomyOptions(**self.model_dump())


class VotingConfig(Section):
    """See `maskcam.voting.VotingOptions`."""

    memory_seconds: float = Field(VotingOptions.memory_seconds, gt=0)
    minimum_share: float = Field(VotingOptions.minimum_share, ge=0, le=1)
    switch_share: float = Field(VotingOptions.switch_share, ge=0.5, le=1)

    def build(self) -> VotingOptions:
        """The options."""
        return VotingOptions(**self.model_dump())


class ViolationConfig(Section):
    """See `maskcam.violations.ViolationOptions`."""

    dwell_seconds: float = Field(ViolationOptions.dwell_seconds, ge=0)
    comply_seconds: float = Field(ViolationOptions.comply_seconds, ge=0)
    lost_seconds: float = Field(ViolationOptions.lost_seconds, gt=0)
    cooldown_seconds: float = Field(ViolationOptions.cooldown_seconds, ge=0)

    def build(self) -> ViolationOptions:
        """The options."""
        return ViolationOptions(**self.model_dump())


class CameraOptions(Section):
    """How a camera is watched; in `[cameras]` for all of them, in a `[[camera]]` for that one."""

    transport: Literal["tcp", "udp"] = Field(
        "tcp", description="RTSP: tcp arrives whole, udp is for cameras that offer nothing else"
    )
    timeout_seconds: float = Field(
        5.0, gt=0, le=60, description="how long to wait for an answer, or for the next packet of a stream"
    )
    hardware_decode: HardwareDecode = Field(
        "auto",
        description="whether an NVIDIA card decodes: none; cuda; auto: recordings where there is one, no cameras",
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


class RecordingConfig(Section):
    """How annotated video is written."""

    video: bool = Field(
        True, description="whether to write any; events and snapshots are written all the same"
    )
    crf: int = Field(23, ge=0, le=51, description="quality of x264: lower is better and larger")
    preset: Literal["ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow"] = "veryfast"


class PrivacyConfig(Section):
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


class ClipsConfig(Section):
    """Clips of violations: in the event store, or where there is none, in the output folder of `maskcam watch`."""

    enabled: bool = Field(
        True, description="whether there are any; never without snapshots, which `privacy.snapshots` is about"
    )
    pre_seconds: float = Field(3.0, ge=0, le=60, description="before the violation, at least")
    post_seconds: float = Field(3.0, ge=0, le=60, description="after its end")
    longest_seconds: float = Field(
        60.0, gt=0, le=600, description="of a violation; a clip ends then, even if the violation goes on"
    )
    camera_megabytes: int = Field(
        64, ge=1, description="of memory for each camera; where a clip needs more, it ends earlier"
    )
    reserve_megabytes: int = Field(
        1000,
        ge=0,
        description="no clips are saved while less is free on their disk: they go before pictures do",
    )

    def options(self, *, delay_seconds: float) -> ClipOptions:
        """What belongs to a clip.

        Args:
            delay_seconds: how long after its start a violation is reported.
        """
        from maskcam.sinks.clip_recorder import ClipOptions

        return ClipOptions(
            pre_seconds=self.pre_seconds,
            post_seconds=self.post_seconds,
            longest_seconds=self.longest_seconds,
            delay_seconds=delay_seconds,
            camera_bytes=self.camera_megabytes * 2**20,
        )


class StoreConfig(Section):
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
        10.0,
        ge=0,
        description="of pictures and clips; beyond, the oldest violations lose their clips, then pictures; 0: no limit",
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

    def build(
        self,
        *,
        run_id: str,
        environ: Mapping[str, str],
        clips: ClipOptions | None = None,
        clips_reserve_bytes: int = 0,
        is_patient: bool = False,
        is_repeatable: bool = False,
    ) -> Sink:
        """Makes the sink of one run.

        Args:
            run_id: a UUID in hex.
            environ: see `open`.
            clips: what belongs to them; None saves none.
            clips_reserve_bytes: see `StoreSink`.
            is_patient: likewise.
            is_repeatable: whether the run may have been begun before, and is done all over again.

        Raises:
            MaskcamError: see `open`, or a folder cannot be written in.
        """
        from maskcam.sinks.store import StoreSink

        store = self.open(environ=environ)
        try:
            if is_repeatable:
                store.repeat_run(run_id)
            return StoreSink(
                store,
                run_id=run_id,
                pictures=self.pictures,
                retention=self.retention(),
                reserve_bytes=self.reserve_megabytes * 10**6,
                clips=clips,
                clips_reserve_bytes=clips_reserve_bytes,
                is_patient=is_patient,
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
