"""Shows annotated video in windows, one per camera."""

from __future__ import annotations

import ctypes
import functools
import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path

import cv2

from maskcam.errors import OutputError
from maskcam.sinks.base import Sink
from maskcam.sinks.files import safe_name, write_jpeg
from maskcam.types import FrameResult, Image

_log = logging.getLogger(__name__)

_LARGEST_WH = (1280, 800)  # of a new window: fits on a laptop; larger frames are shown smaller
_PAUSED_POLL_MILLISECONDS = 30


class WindowSink(Sink):
    """Shows every frame. Keys: q or Esc quits, p pauses and goes on, s saves what is shown.

    Closing the last window quits as well; a camera whose window was closed is not shown again. Windows belong
    to the main thread.

    Args:
        pictures: folder for what s saves, made when needed.
        say: told in one sentence where a picture was saved, or why not; None writes it to the log.
        holds_when_paused: `write` waits while paused, which stops a recording where it is. For cameras pass
            False: the windows stand still, and the watching goes on.

    Raises:
        OutputError: there is no display to show a window on.
    """

    def __init__(
        self,
        *,
        pictures: Path = Path(),
        say: Callable[[str], None] | None = None,
        holds_when_paused: bool = True,
    ) -> None:
        check_display()
        self._pictures = pictures
        self._say = say or _log.info
        self._holds_when_paused = holds_when_paused
        self._shown: dict[str, tuple[FrameResult, Image]] = {}
        self._closed: set[str] = set()
        self._quit_requested = False
        self._paused = False

    @property
    def quit_requested(self) -> bool:
        """The user has pressed q or Esc, or closed the last window: stop writing and close the sink."""
        return self._quit_requested

    @property
    def paused(self) -> bool:
        """The user has pressed p and not yet again."""
        return self._paused

    def wants_picture(self, result: FrameResult) -> bool:
        """While its camera's window moves."""
        return not (self._quit_requested or self._paused or _title(result) in self._closed)

    def write(self, result: FrameResult, picture: Image | None) -> None:
        """Shows one frame and obeys the keys; returns at once unless paused."""
        if picture is not None and self.wants_picture(result):
            self._show(_title(result), result, picture)
        self._obey(cv2.waitKey(1))
        while self._paused and self._holds_when_paused and not self._quit_requested:
            self._obey(cv2.waitKey(_PAUSED_POLL_MILLISECONDS))

    def close(self) -> None:
        """Closes the windows."""
        for title in filter(_is_visible, self._shown):
            cv2.destroyWindow(title)
        if self._shown:
            cv2.waitKey(1)  # the windows go when the toolkit next gets to work
        self._shown.clear()

    def _show(self, title: str, result: FrameResult, picture: Image) -> None:
        if title not in self._shown:
            cv2.namedWindow(title, cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO | cv2.WINDOW_GUI_NORMAL)
            cv2.resizeWindow(title, *_window_size(picture))
        cv2.imshow(title, picture)
        self._shown[title] = result, picture

    def _obey(self, key: int) -> None:
        for title in [t for t in self._shown if not _is_visible(t)]:
            del self._shown[title]
            self._closed.add(title)
            self._quit_requested = self._quit_requested or not self._shown
        match chr(key & 0xFF).lower() if key >= 0 else "":
            case "q" | "\x1b":
                self._quit_requested = True
            case "p":
                self._paused = not self._paused
            case "s":
                for result, picture in self._shown.values():
                    self._save(result, picture)

    def _save(self, result: FrameResult, picture: Image) -> None:
        seconds = result.frame.pts_seconds
        path = self._pictures / f"{safe_name(result.frame.camera)}-{result.frame.index:06d}.jpg"
        try:
            write_jpeg(picture, path, quality=95)
            self._say(f"Saved the picture at {seconds:.1f} s as {path}")
        except OutputError as error:  # no reason to stop watching
            self._say(str(error))


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


def _is_visible(title: str) -> bool:
    try:
        return cv2.getWindowProperty(title, cv2.WND_PROP_VISIBLE) >= 1
    except cv2.error:  # with Qt, when the last window was closed
        return False


def _title(result: FrameResult) -> str:
    return f"maskcam - {result.frame.camera}"


def _window_size(picture: Image) -> tuple[int, int]:
    height, width = picture.shape[:2]
    scale = min(1.0, _LARGEST_WH[0] / width, _LARGEST_WH[1] / height)
    return max(1, round(width * scale)), max(1, round(height * scale))
