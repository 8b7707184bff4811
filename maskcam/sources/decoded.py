"""What video files and network streams have in common as sources."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import replace

import av
from av.container import InputContainer

from maskcam.errors import SourceError
from maskcam.sources.base import Source, SourceInfo
from maskcam.sources.decoding import VideoDecoder
from maskcam.sources.live_decoding import LiveDecoder
from maskcam.types import Frame


class DecodedSource(Source):
    """A source whose frames come from a decoder; decodes the first one at once, to fail early.

    Args:
        container: open for reading; belongs to this source from now on.
        decoder: makes frames of it.
        info: `size_wh` is taken from the first frame.

    Raises:
        SourceError: there is no picture in it.
    """

    def __init__(
        self, container: InputContainer, decoder: VideoDecoder | LiveDecoder, info: SourceInfo
    ) -> None:
        self._container = container
        self._decoder = decoder
        self._decoded = decoder.frames()
        self._is_closed = False
        self.info = info
        self._first: Frame | None = self._next()
        if self._first is None:
            raise SourceError(f"{info.name} holds no picture that can be decoded: it is damaged or empty.")
        self.info = replace(info, size_wh=self._first.size_wh)

    def frames(self) -> Iterator[Frame]:
        """As in `Source`; goes on where an earlier call stopped."""
        while True:
            if self._is_closed:
                raise ValueError(f"{self.info.name} is closed: open it anew to read it")
            frame, self._first = self._first or self._next(), None
            if frame is None:
                self._decoder.check_complete()
                return
            yield frame

    def close(self) -> None:
        """As in `Source`; while another thread reads, it is that thread's `close()` that releases the container."""
        self._is_closed = True
        try:
            self._decoded.close()
        except ValueError:  # the generator is running: closing the container under FFmpeg's feet crashes
            return
        self._container.close()

    def _next(self) -> Frame | None:
        failure: SourceError
        try:
            return next(self._decoded, None)
        except av.FFmpegError as error:
            failure = self._read_error(error)
        # outside of `except`, so that FFmpeg's text, which may hold a password, is not chained to it
        raise failure

    @abstractmethod
    def _read_error(self, error: av.FFmpegError) -> SourceError:
        """What to tell the user when reading fails."""
