"""A clip that goes round and round, as fast as it is read or at its own speed."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import replace

from maskcam.errors import InputError
from maskcam.sources import is_camera, mask_password, open_source
from maskcam.sources.base import Source, SourceInfo
from maskcam.types import Frame

_USUAL_FPS = 25.0
_MOST_TIMES = 20_000  # as many as a meter keeps: over hours they would fill the memory that is measured


def open_clip(spec: str) -> Source:
    """Opens a recorded video.

    Raises:
        InputError: it is a camera, or pictures.
        SourceError: it cannot be opened.
    """
    if is_camera(spec):
        raise InputError(
            f"{mask_password(spec)} is a camera: name a recorded video; `maskcam doctor` measures cameras."
        )
    clip = open_source(spec)
    if clip.info.is_still:
        clip.close()
        raise InputError(f"{clip.info.name} stands for pictures: name a recorded video.")
    return clip


class LoopedSource(Source):
    """Plays a clip as one camera whose time goes on: a warm-up, and then one round or for so long.

    A round begins where the warm-up ended and goes over the end of the clip, so that it holds each frame once.

    Args:
        clip: a recorded video, opened anew for each round.
        name: of the camera.
        warm_up_frames: played before anything counts.
        seconds: stops so long after the warm-up.
        once: stops after one round, too.
        paced: plays at the clip's own speed, as a live camera does: frames that nobody takes are lost.

    Attributes:
        decode_seconds: what each of the first 20,000 frames took to get, in order.

    Raises:
        InputError: it is a camera, or pictures.
        SourceError: it cannot be opened.
    """

    def __init__(
        self,
        clip: str,
        *,
        name: str,
        warm_up_frames: int,
        seconds: float,
        once: bool,
        paced: bool = False,
    ) -> None:
        with open_clip(clip) as source:
            self._fps = source.info.fps or _USUAL_FPS
        self._clip = clip
        self._warm_up_frames = warm_up_frames
        self._seconds = seconds
        self._once = once
        self._paced = paced
        self._is_closed = False
        self._round_frames = math.inf
        self.decode_seconds: list[float] = []
        self.info = SourceInfo(name=name, fps=self._fps, is_live=paced)

    def frames(self) -> Iterator[Frame]:
        """As in `Source`."""
        start_seconds = warm_seconds = time.monotonic()
        for index, frame in enumerate(self._rounds()):
            if self._paced:
                time.sleep(max(0.0, start_seconds + frame.pts_seconds - time.monotonic()))
                frame = replace(frame, captured_seconds=time.monotonic())
            counted = index - self._warm_up_frames
            if counted <= 0:
                warm_seconds = time.monotonic()
            is_late = time.monotonic() - warm_seconds >= self._seconds
            if self._is_closed or is_late or (self._once and counted >= self._round_frames):
                return
            yield replace(frame, index=index, camera=self.info.name)

    def close(self) -> None:
        """As in `Source`."""
        self._is_closed = True

    def _rounds(self) -> Iterator[Frame]:
        """The frames of one round after another, each timed; their own times go on."""
        shift_seconds = 0.0
        while True:
            count = 0
            with open_clip(self._clip) as source:
                frames = iter(source)
                while True:
                    start = time.perf_counter()
                    frame = next(frames, None)
                    if frame is None:
                        break
                    if len(self.decode_seconds) < _MOST_TIMES:
                        self.decode_seconds.append(time.perf_counter() - start)
                    frame = replace(frame, pts_seconds=shift_seconds + frame.pts_seconds)
                    yield frame
                    last_seconds = frame.pts_seconds
                    count += 1
            if count == 0:
                return
            self._round_frames = count
            shift_seconds = last_seconds + 1 / self._fps
