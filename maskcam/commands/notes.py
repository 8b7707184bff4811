"""What the user should know of a source, told once."""

from __future__ import annotations

from collections.abc import Callable

from maskcam.sources.base import Source


class Notes:
    """Tells each sentence once, however many sources it is true of.

    Args:
        tell: shows one.
    """

    def __init__(self, tell: Callable[[str], object]) -> None:
        self._tell = tell
        self._told: set[str] = set()

    def of(self, source: Source) -> Source:
        """Tells what is to be known of an open source, and returns it."""
        note = source.info.note
        if note is not None and note not in self._told:
            self._told.add(note)
            self._tell(note)
        return source

    def opening(self, opener: Callable[[], Source]) -> Callable[[], Source]:
        """The same opener, which tells what is to be known of what it opens."""
        return lambda: self.of(opener())
