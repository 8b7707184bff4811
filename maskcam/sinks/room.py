"""Whether there is room for files that are nice to have, so that there is always some for the log."""

from __future__ import annotations

import errno
import logging
import os
import shutil
import time
from pathlib import Path

from maskcam.sinks.files import reason

_log = logging.getLogger(__name__)

_PAUSE_SECONDS = 30.0


class Room:
    """Room for files of one kind: after a fault, none are saved for a while; one warning then, and one when it is over.

    Args:
        folder: for the files.
        what: they are called, for warnings.
        reserve_bytes: none are saved while less is free.
    """

    def __init__(self, folder: Path, *, what: str, reserve_bytes: int) -> None:
        self._folder = folder
        self._what = what
        self._reserve_bytes = reserve_bytes
        self._paused_until = 0.0
        self._is_faulty = False

    @property
    def is_paused(self) -> bool:
        """Whether there is no use in trying."""
        return time.monotonic() < self._paused_until

    def check(self) -> None:
        """To be called before a file is written.

        Raises:
            OSError: there is no room, or the folder is gone.
        """
        if shutil.disk_usage(self._folder).free < self._reserve_bytes:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def fail(self, error: Exception) -> None:
        """Takes note that a file could not be written."""
        if not self._is_faulty:
            _log.warning(
                "%s cannot be saved in %s (%s); violations are logged without until they can",
                self._what,
                self._folder,
                reason(error),
            )
        self._is_faulty = True
        self._paused_until = time.monotonic() + _PAUSE_SECONDS

    def succeed(self) -> None:
        """Takes note that one was written."""
        if self._is_faulty:
            _log.warning("%s can be saved in %s again", self._what, self._folder)
            self._is_faulty = False
