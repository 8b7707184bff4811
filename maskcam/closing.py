"""Whatever opens something is a context manager."""

from __future__ import annotations

from types import TracebackType
from typing import Self


class Closing:
    """Has something to release: use it in a `with` block, or call `close()`."""

    def close(self) -> None:
        """Releases it; calling it twice is fine."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
