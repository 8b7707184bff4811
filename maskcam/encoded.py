"""Encoded pictures of one camera, kept for later: never too many, and none without those that it builds upon."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable

from maskcam.types import EncodedPicture


class EncodedRing:
    """Keeps whole groups of pictures, each from a key picture on; the oldest groups go first.

    Args:
        seconds: at least so much is kept, by the clock of the pictures, as long as there is room for it.
        most_bytes: of data; beyond, the oldest groups go, and in the end a single one that is too large.
    """

    def __init__(self, *, seconds: float = math.inf, most_bytes: int) -> None:
        self._seconds = seconds
        self._most_bytes = most_bytes
        self._groups: deque[list[EncodedPicture]] = deque()
        self._awaits_key = True
        self.size_bytes = 0
        """Of all that is kept."""
        self.newest_seconds = -math.inf
        """Of the picture that is shown last, kept or not."""

    @property
    def is_full(self) -> bool:
        """Whether there is more of it than is allowed."""
        return self.size_bytes > self._most_bytes

    def add(self, pictures: Iterable[EncodedPicture]) -> None:
        """Takes the next ones; those before the first key picture are of no use."""
        for picture in pictures:
            self.newest_seconds = max(picture.pts_seconds, self.newest_seconds)
            if picture.is_key:
                self._groups.append([])
                self._awaits_key = False
            if not self._awaits_key:
                self._groups[-1].append(picture)
                self.size_bytes += len(picture.data)

    def cut(self) -> None:
        """Some are missing here: what follows is of no use up to the next key picture."""
        self._awaits_key = True

    def trim(self, *, keep_from: float = math.inf) -> None:
        """Lets go of what is old; what is shown from `keep_from` on is kept, however old it is."""
        needed = min(self.newest_seconds - self._seconds, keep_from)
        while len(self._groups) > 1 and self._groups[1][0].pts_seconds <= needed:
            self._drop()

    def make_room(self) -> None:
        """Lets go of what is too much."""
        while self.is_full:
            if len(self._groups) == 1:
                self.cut()
            self._drop()

    def since(self, seconds: float) -> tuple[EncodedPicture, ...]:
        """What is kept from the last key picture on that is shown at that time or before; all where there is none."""
        pictures: list[EncodedPicture] = []
        for group in self._groups:
            if group[0].pts_seconds <= seconds:
                pictures.clear()
            pictures += group
        return tuple(pictures)

    def clear(self) -> None:
        """Forgets everything."""
        self._groups.clear()
        self.size_bytes = 0
        self.newest_seconds = -math.inf
        self.cut()

    def _drop(self) -> None:
        self.size_bytes -= sum(len(picture.data) for picture in self._groups.popleft())


class EncodedQueue:
    """Keeps everything until it is taken.

    Args:
        most_bytes: of data; where more gathers, all of it goes, and what follows up to the next key picture.
    """

    def __init__(self, *, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._pictures: list[EncodedPicture] = []
        self._size_bytes = 0
        self._awaits_key = False

    def add(self, pictures: Iterable[EncodedPicture]) -> None:
        """Takes the next ones."""
        for picture in pictures:
            if self._awaits_key and not picture.is_key:
                continue
            self._awaits_key = False
            self._pictures.append(picture)
            self._size_bytes += len(picture.data)
        if self._size_bytes > self._most_bytes:
            self.take()
            self._awaits_key = True

    def take(self) -> tuple[EncodedPicture, ...]:
        """Hands over what there is."""
        taken = tuple(self._pictures)
        self._pictures.clear()
        self._size_bytes = 0
        return taken
