"""Cameras attached to this machine."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import cv2

from maskcam.errors import SourceBusyError, SourceError, SourceNotFoundError, StreamLostError
from maskcam.pixels import ArrayPixels
from maskcam.sources.base import Source, SourceInfo
from maskcam.sources.pixels import to_bgr
from maskcam.types import Frame, Image


class WebcamSource(Source):
    """Reads a webcam through OpenCV; live.

    A read may block for long when the camera hangs, and nothing in OpenCV stops it: read it in
    `maskcam.live`'s thread.

    Args:
        device: index, or path such as `/dev/video0`.
        name: shown to the user and given to every frame; `webcam 0` or the path when None.
        size_wh: width and height to ask for; the camera takes the nearest that it has. Its own choice when
            None.
        fps: frames per second to ask for, likewise.

    Raises:
        SourceNotFoundError: there is no such camera.
        SourceBusyError: it is there, but gives no picture.
        SourceError: this user may not open it.
    """

    def __init__(
        self,
        device: int | str,
        *,
        name: str | None = None,
        size_wh: tuple[int, int] | None = None,
        fps: float | None = None,
    ) -> None:
        name = name or (f"webcam {device}" if isinstance(device, int) else device)
        if sys.platform == "linux":
            _check_device(Path(f"/dev/video{device}" if isinstance(device, int) else device), name)
            backend = cv2.CAP_V4L2
        else:
            backend = cv2.CAP_ANY
        self._capture = cv2.VideoCapture(device, backend)
        self._is_closed = False
        self._is_reading = False
        self._next_index = 0
        self._set_up(size_wh, fps)
        first = self._read()
        if first is None:
            was_opened = self._capture.isOpened()
            self.close()
            if not was_opened and sys.platform != "linux":  # there, no file tells whether the camera exists
                raise SourceNotFoundError(
                    f"{name} cannot be opened: check that it is plugged in and not in use."
                )
            raise SourceBusyError(
                f"{name} gives no picture: close the program that uses it, or check that it is a camera."
            )
        self._first: Image | None = first
        self._started_seconds = time.monotonic()
        actual_fps = self._capture.get(cv2.CAP_PROP_FPS)
        self.info = SourceInfo(
            name=name,
            size_wh=(first.shape[1], first.shape[0]),
            fps=actual_fps if actual_fps > 0 else None,
            is_live=True,
        )

    def frames(self) -> Iterator[Frame]:
        """As in `Source`; goes on where an earlier call stopped."""
        while True:
            if self._is_closed:
                raise ValueError(f"{self.info.name} is closed: open it anew to read it")
            image, self._first = self._first if self._first is not None else self._read(), None
            if image is None:
                raise StreamLostError(f"{self.info.name} stopped giving pictures: check its cable.")
            now_seconds = time.monotonic()
            index = self._next_index
            self._next_index += 1
            yield Frame(
                ArrayPixels(image),
                index=index,
                pts_seconds=now_seconds - self._started_seconds,
                captured_seconds=now_seconds,
                camera=self.info.name,
            )

    def close(self) -> None:
        """As in `Source`; while another thread reads, it is that thread's `close()` that releases the camera."""
        self._is_closed = True
        if not self._is_reading:
            self._capture.release()

    def _set_up(self, size_wh: tuple[int, int] | None, fps: float | None) -> None:
        # USB 2 carries 1280x720 at 30 fps only when compressed; to be set before the size
        self._capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG"))
        if size_wh is not None:
            self._capture.set(cv2.CAP_PROP_FRAME_WIDTH, size_wh[0])
            self._capture.set(cv2.CAP_PROP_FRAME_HEIGHT, size_wh[1])
        if fps is not None:
            self._capture.set(cv2.CAP_PROP_FPS, fps)
        self._capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)  # a queue of old frames is pure delay

    def _read(self) -> Image | None:
        self._is_reading = True
        try:
            is_read, image = self._capture.read()
        finally:
            self._is_reading = False
        return to_bgr(image) if is_read else None


def _check_device(path: Path, name: str) -> None:
    if not path.exists():
        found = ", ".join(sorted(str(other) for other in Path("/dev").glob("video*")))
        there_is = f"there is {found}" if found else "this machine has none"
        raise SourceNotFoundError(f"{name} ({path}) does not exist, {there_is}: plug it in or name another.")
    try:
        with path.open("rb"):
            pass
    except PermissionError as error:
        raise SourceError(
            f"{name} ({path}) may not be opened by this user: join the group that owns it, often 'video'."
        ) from error
    except OSError:
        return  # busy or no camera: OpenCV is about to find out
