"""A recording that stands in for a camera: it plays at its own speed, again and again."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace

from maskcam.sources.base import Source, SourceInfo
from maskcam.types import EncodedPicture, Frame

_USUAL_FPS = 25.0


class LoopingSource(Source):
    """Gives the frames of a recording as a camera would: live, without end, each at its time.

    Args:
        open_recording: opens it; called once for every round.
        name: given to every frame.

    Raises:
        InputError, SourceError: see `maskcam.sources.open_source`.
    """

    def __init__(self, open_recording: Callable[[], Source], *, name: str) -> None:
        self._open = open_recording
        self._source = open_recording()
        info = self._source.info
        self._period_seconds = 1 / (info.fps or _USUAL_FPS)
        self.info = SourceInfo(name=name, size_wh=info.size_wh, fps=info.fps, is_live=True)
        self._is_closed = False

    def frames(self) -> Iterator[Frame]:
        """Yields for ever; time and numbers go on from round to round."""
        start_seconds = time.monotonic()
        round_seconds, index, seconds = 0.0, 0, 0.0
        while not self._is_closed:
            with self._source as source:
                for frame in source:
                    seconds = round_seconds + frame.pts_seconds
                    time.sleep(max(0.0, start_seconds + seconds - time.monotonic()))
                    yield replace(
                        frame,
                        index=index,
                        pts_seconds=seconds,
                        captured_seconds=time.monotonic(),
                        camera=self.info.name,
                        encoded=_later(frame.encoded, round_seconds),
                    )
                    index += 1
            round_seconds = seconds + self._period_seconds
            self._source = self._open()

    def close(self) -> None:
        """Closes the recording."""
        self._is_closed = True
        self._source.close()


def _later(pictures: tuple[EncodedPicture, ...] | None, seconds: float) -> tuple[EncodedPicture, ...] | None:
    if pictures is None:
        return None
    return tuple(replace(picture, pts_seconds=picture.pts_seconds + seconds) for picture in pictures)
