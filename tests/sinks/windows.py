"""OpenCV's windows, played by a stand-in: for tests on machines without a display."""

from collections import deque
from collections.abc import Callable

import cv2
import pytest

from maskcam.types import Image


class FakeWindows:
    """Takes the place of OpenCV's window functions.

    Attributes:
        shown: the pictures shown, per title.
        keys: pressed one after another, one per `waitKey`.
        closed_by_user: titles of windows whose X was clicked.
        destroyed: titles of windows that the program closed.
        sizes: width and height of the windows as the program last set them, per title.
        waits: how often a key was asked for.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.shown: dict[str, list[Image]] = {}
        self.keys: deque[str] = deque()
        self.closed_by_user: set[str] = set()
        self.destroyed: list[str] = []
        self.sizes: dict[str, tuple[int, int]] = {}
        self._on_mouse: dict[str, Callable[..., None]] = {}
        self.waits = 0
        monkeypatch.setattr("maskcam.sinks.window.check_display", lambda: None)
        for name, function in {
            "namedWindow": lambda title, flags: self.shown.setdefault(title, []),  # noqa: ARG005
            "resizeWindow": lambda title, width, height: self.sizes.update({title: (width, height)}),
            "imshow": lambda title, picture: self.shown[title].append(picture.copy()),
            "waitKey": self._wait_key,
            "getWindowProperty": lambda title, _: 0.0 if title in self.closed_by_user else 1.0,
            "setMouseCallback": self._on_mouse.__setitem__,
            "destroyWindow": self.destroyed.append,
        }.items():
            monkeypatch.setattr(cv2, name, function)

    def click(self, title: str, x: int, y: int) -> None:
        """Presses the left button at this pixel of the picture."""
        self._on_mouse[title](cv2.EVENT_LBUTTONDOWN, x, y, 0, None)

    def _wait_key(self, milliseconds: int) -> int:
        assert milliseconds > 0, "0 would wait for ever"
        self.waits += 1
        return ord(self.keys.popleft()) if self.keys else -1
