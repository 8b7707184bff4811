"""Shows annotated video in a window: one camera, or all of them side by side."""

from __future__ import annotations

import ctypes
import functools
import logging
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2

from maskcam.errors import OutputError
from maskcam.sinks.base import Sink
from maskcam.sinks.files import safe_name, write_jpeg
from maskcam.sinks.fitting import fitted_wh
from maskcam.sinks.mosaic import LARGEST_WH, Mosaic
from maskcam.types import Frame, FrameResult, Image

_log = logging.getLogger(__name__)

_PERIOD_SECONDS = (
    0.04  # of a mosaic: to show it anew for every frame of every camera would cost more than it gives
)
_POLL_MILLISECONDS = 1
_PAUSED_POLL_MILLISECONDS = 30


class WindowSink(Sink):
    """Shows the frames of all cameras in one window, a single camera's as they are and several as a mosaic.

    Keys: q or Esc quits, p pauses and goes on, s saves what is shown, each camera in full size; 1 to 9 show
    one camera alone, the same key or 0 all again, and so does a click. Closing the window quits as well. It
    belongs to the main thread, and comes up with the first call of `write` or `refresh`.

    Args:
        cameras: names of all cameras, in the order in which they are shown; others are added when they come.
        pictures: folder for what s saves, made when needed; None saves nothing.
        say: told in one sentence where a picture was saved, or why not; None writes it to the log.
        holds_when_paused: `write` and `refresh` wait while paused, which stops a recording where it is. For
            cameras pass False: the pictures stand still, and the watching goes on.

    Raises:
        OutputError: there is no display to show a window on.
    """

    def __init__(
        self,
        *,
        cameras: Sequence[str] = (),
        pictures: Path | None = Path(),
        say: Callable[[str], None] | None = None,
        holds_when_paused: bool = True,
    ) -> None:
        check_display()
        self._title = f"maskcam - {cameras[0]}" if len(cameras) == 1 else "maskcam"
        self._pictures = pictures
        self._say = say or _log.info
        self._holds_when_paused = holds_when_paused
        self._mosaic = Mosaic(cameras)
        self._shown: dict[str, tuple[Frame, Image]] = {}
        self._alone: str | None = None
        self._window_wh: tuple[int, int] | None = None
        self._stale = True
        self._refreshed_seconds = float("-inf")
        self._quit_requested = False
        self._paused = False

    @property
    def quit_requested(self) -> bool:
        """The user has pressed q or Esc, or closed the window: stop writing and close the sink."""
        return self._quit_requested

    @property
    def paused(self) -> bool:
        """The user has pressed p and not yet again."""
        return self._paused

    def wants_picture(self, result: FrameResult) -> bool:  # noqa: ARG002  # every camera is alike
        """While the window moves."""
        return not (self._quit_requested or self._paused)

    def write(self, result: FrameResult, picture: Image | None) -> None:
        """Shows one frame, of several cameras with the next `refresh` at the latest, and obeys the keys."""
        if picture is not None and self.wants_picture(result):
            camera = result.frame.camera
            self._mosaic.put(camera, picture)
            self._shown[camera] = result.frame, picture
            self._stale = True
        if len(self._mosaic.cameras) == 1:
            self._attend()  # every single frame
        else:
            self.refresh()

    def note(self, camera: str, text: str | None) -> None:
        """Says of a camera why it gives no pictures at present: its last one is dimmed, with the text over it.

        Args:
            camera: its name.
            text: such as "reconnecting: no data for 5 s"; None takes it away, a new picture alone does not.
        """
        self._mosaic.note(camera, text)
        self._stale = True

    def refresh(self) -> None:
        """Keeps the window alive and obeys the keys: to be called several times a second, frames or none."""
        if time.monotonic() - self._refreshed_seconds >= _PERIOD_SECONDS:
            self._attend()

    def close(self) -> None:
        """Closes the window."""
        if self._window_wh is not None:
            if self._is_visible():
                cv2.destroyWindow(self._title)
            cv2.waitKey(1)  # the window goes when the toolkit next gets to work
        self._window_wh = None
        self._shown.clear()

    def _attend(self) -> None:
        self._draw()
        self._obey(cv2.waitKey(_POLL_MILLISECONDS))
        while self._paused and self._holds_when_paused and not self._quit_requested:
            self._draw()
            self._obey(cv2.waitKey(_PAUSED_POLL_MILLISECONDS))
        self._refreshed_seconds = time.monotonic()

    def _draw(self) -> None:
        cameras = self._mosaic.cameras
        if not (self._stale and cameras) or self._quit_requested:
            return
        alone = cameras[0] if len(cameras) == 1 else self._alone
        picture = self._mosaic.draw() if alone is None else self._mosaic.draw_one(alone)
        try:
            self._show(picture)
        except cv2.error:
            if self._is_visible():
                raise
            self._quit_requested = True  # closed while it was being opened or resized
        self._stale = False

    def _show(self, picture: Image) -> None:
        size_wh = picture.shape[1], picture.shape[0]
        if self._window_wh is None:
            cv2.namedWindow(self._title, cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO | cv2.WINDOW_GUI_NORMAL)
            cv2.setMouseCallback(self._title, self._click)
        if self._window_wh != size_wh and self._alone is None:  # one picture out of many comes and goes
            cv2.resizeWindow(self._title, *_window_size(size_wh))
            self._window_wh = size_wh
        cv2.imshow(self._title, picture)

    def _obey(self, key: int) -> None:
        if self._window_wh is None:
            return
        if not self._is_visible():
            self._quit_requested = True
        match chr(key & 0xFF).lower() if key >= 0 else "":
            case "q" | "\x1b":
                self._quit_requested = True
            case "p":
                self._paused = not self._paused
            case "s":
                for frame, picture in [self._shown[c] for c in self._shown if self._alone in (None, c)]:
                    self._save(frame, picture)
            case digit if digit in "0123456789" and digit:
                chosen = self._mosaic.cameras[int(digit) - 1 : int(digit)]
                self._single_out(chosen[0] if chosen else None)

    def _click(self, event: int, x: int, y: int, flags: int, data: object) -> None:  # noqa: ARG002  # OpenCV's
        if event == cv2.EVENT_LBUTTONDOWN:
            self._single_out(self._mosaic.camera_at(x, y) if self._alone is None else None)

    def _single_out(self, camera: str | None) -> None:
        """Shows one camera alone; the same again, or None, shows all."""
        several = len(self._mosaic.cameras) > 1
        self._alone = camera if several and camera != self._alone else None
        self._stale = True

    def _save(self, frame: Frame, picture: Image) -> None:
        if self._pictures is None:
            self._say("No picture was saved: only statistics are to be kept")
            return
        path = self._pictures / f"{safe_name(frame.camera)}-{frame.index:06d}.jpg"
        try:
            write_jpeg(picture, path, quality=95)
            self._say(f"Saved the picture at {frame.pts_seconds:.1f} s as {path}")
        except OutputError as error:  # no reason to stop watching
            self._say(str(error))

    def _is_visible(self) -> bool:
        try:
            return cv2.getWindowProperty(self._title, cv2.WND_PROP_VISIBLE) >= 1
        except cv2.error:  # with Qt, when the last window was closed
            return False


def check_display() -> None:
    """Makes sure that a window can be shown.

    OpenCV's window toolkit ends the whole process when it cannot reach a display, so one has to look first.

    Raises:
        OutputError: there is no display, it does not answer, or this OpenCV has no windows.
    """
    if not sys.platform.startswith("linux"):
        return
    display = os.environ.get("DISPLAY")
    if not display:
        # OpenCV's wheels speak X11 only; under Wayland that needs XWayland, which sets DISPLAY
        raise OutputError("there is no display to show a window on (DISPLAY is not set): use --headless")
    if not _answers(display):
        raise OutputError(f"the display {display} does not answer or lets nobody in: use --headless")


@functools.cache
def _answers(display: str) -> bool:
    """Whether one can connect to this X display.

    The connection stays open as long as the process, hence the cache: a virtual display starts over when its
    last client leaves, and whoever comes meanwhile is turned away.
    """
    try:
        xcb = ctypes.CDLL("libxcb.so.1")
    except OSError:  # nothing to ask with; a desktop always has it
        return True
    xcb.xcb_connect.restype = ctypes.c_void_p
    connection = ctypes.c_void_p(xcb.xcb_connect(display.encode(), None))
    return not xcb.xcb_connection_has_error(connection)


def _window_size(size_wh: tuple[int, int]) -> tuple[int, int]:
    is_small = size_wh[0] <= LARGEST_WH[0] and size_wh[1] <= LARGEST_WH[1]
    return size_wh if is_small else fitted_wh(size_wh, LARGEST_WH)
