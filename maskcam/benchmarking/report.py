"""What `maskcam bench --json` writes: `BenchReport.model_json_schema()` is the schema."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Machine(_Part):
    """The machine, without anything that tells whose it is."""

    processor: str = Field(description="model, as the system names it")
    cores: float = Field(description="that this process may use; not whole where a container has a quota")
    memory_mib: int | None = Field(description="of the machine; None where the system does not say")
    gpus: tuple[str, ...] = Field(description="models of the NVIDIA cards, used or not")
    system: str
    python: str
    libraries: dict[str, str] = Field(description="versions of those installed that have to do with speed")


class Spread(_Part):
    """Milliseconds."""

    mean: float
    p50: float
    p99: float


class Memory(_Part):
    """Resident memory of this process, MiB."""

    steady: float | None = Field(
        description="median of the later half of the frames; None where it cannot be read"
    )
    peak: float | None = Field(description="highest seen after any frame, warm-up included; likewise")


class Run(_Part):
    """One measurement."""

    input: str
    size_wh: tuple[int, int]
    cameras: int = Field(description="that play the input at the same time")
    paced: bool = Field(
        description="whether they play it at its own speed and drop what comes too late, as live cameras do"
    )
    video: bool = Field(description="whether annotated H.264 was written")
    frames: int = Field(description="analysed and counted, of all cameras; those of the warm-up are not")
    dropped: int = Field(description="by paced cameras, warm-up included")
    seconds: float = Field(description="that these frames took")
    fps: float = Field(description="frames per second, of all cameras together")
    cpu_seconds: float = Field(description="of processor time, all threads of this process")
    fps_per_core: float = Field(description="frames per second of processor time")
    faces: float = Field(description="people per frame, on average")
    latency_ms: Spread = Field(
        description="from when a frame reached us until all was done with it, writing included"
    )
    stages_ms: dict[str, Spread] = Field(
        description="per frame: decode, detect, track, crop, classify, vote, blur, draw, encode. A step's time is "
        "shared equally by its frames. Stages may run at the same time, so they may add up to more than a frame took"
    )
    memory_mib: Memory
    interrupted: bool = Field(description="stopped by the user: only what came before is in it")


class BenchReport(_Part):
    """All of one `maskcam bench`."""

    version: int = Field(1, description="of this schema")
    maskcam: str
    machine: Machine
    detector: str = Field(description="and where it computes")
    classifier: str = Field(description="likewise")
    detection_size: int = Field(description="longest side at which faces are looked for, pixels")
    warm_up_frames: int = Field(description="per camera, at the start of every run, not counted")
    peak_memory_mib: float | None = Field(
        description="of this process since it started, model loading included; None where it cannot be read"
    )
    runs: tuple[Run, ...]
    interrupted: bool
