"""The seam behind which files and cameras stand."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from maskcam.closing import Closing
from maskcam.types import Frame

HardwareDecode = Literal["auto", "none", "cuda"]
"""Whether an NVIDIA card decodes video: see `maskcam.sources.hardware.accelerator`."""


@dataclass(frozen=True, slots=True)
class SourceInfo:
    """What is known of a source before its first frame.

    Attributes:
        name: safe to print: passwords in URLs are masked.
        size_wh: width and height in pixels after rotation; None where frames differ or it isn't known.
        fps: nominal frames per second; None for pictures, and where the source does not say.
        frame_count: an estimate for progress bars; None when unknown or endless.
        duration_seconds: None when unknown or endless.
        is_live: True for cameras and streams: frames that nobody takes are lost, and only the newest counts.
        is_still: True where frames are unrelated pictures that must not be tracked from one to the next.
        note: what the user should know of how it is read, one sentence: that something takes another's place.
    """

    name: str
    size_wh: tuple[int, int] | None = None
    fps: float | None = None
    frame_count: int | None = None
    duration_seconds: float | None = None
    is_live: bool = False
    is_still: bool = False
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Losses:
    """Frames that a live source received and did not hand out, so far.

    Attributes:
        corrupt: damaged on their way, or impossible to decode.
        skipped: built upon a damaged one, came before the first key frame, or were too old to be worth decoding.
    """

    corrupt: int = 0
    skipped: int = 0

    def __add__(self, other: Losses) -> Losses:
        return Losses(self.corrupt + other.corrupt, self.skipped + other.skipped)


class Source(Closing, ABC):
    """Frames, one after another. Opened when made; use it as a context manager, or call `close()`."""

    info: SourceInfo

    @property
    def losses(self) -> Losses:
        """What was lost; may be read from any thread."""
        return Losses()

    @abstractmethod
    def frames(self) -> Iterator[Frame]:
        """Yields every frame in order of time.

        Raises:
            SourceError: the source cannot be read (any further). Frames before the fault have been yielded.
            StreamLostError: a live source stopped; the end of a file just ends the iteration.
        """

    @abstractmethod
    def close(self) -> None:
        """Releases the device, file or connection; calling it twice is fine."""

    def __iter__(self) -> Iterator[Frame]:
        return self.frames()
