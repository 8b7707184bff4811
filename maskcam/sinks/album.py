"""Pictures of violations on their way to the media folder of a store, as long as there is room."""

from __future__ import annotations

import errno
import itertools
import logging
import os
import time
from collections.abc import Callable

import cv2

from maskcam.sinks.files import reason, safe_name
from maskcam.store.media import MediaFolder
from maskcam.store.records import Pictures, ViolationRecord
from maskcam.types import Image

_log = logging.getLogger(__name__)

_PAUSE_SECONDS = 30.0
_KNOWN = 5_000  # violations whose pictures may still be replaced; beyond, old ones are left to the next sweep


class Album:
    """Saves pictures, and stops for a while when they cannot be saved.

    Args:
        media: of the store.
        reserve_bytes: nothing is saved while less is free.
        quality: of the JPEGs, 1 to 100.
        clock: seconds that never step back.
    """

    def __init__(
        self,
        media: MediaFolder,
        *,
        reserve_bytes: int,
        quality: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._media = media
        self._reserve_bytes = reserve_bytes
        self._quality = quality
        self._clock = clock
        self._serials = itertools.count(1)
        self._latest: dict[str, Pictures] = {}
        self._superseded: list[Pictures] = []
        self._paused_until = 0.0
        self._fault: str | None = None

    @property
    def is_paused(self) -> bool:
        """Whether there is no use in giving it pictures."""
        return self._clock() < self._paused_until

    def save(self, record: ViolationRecord, *, frame: Image, face: Image) -> Pictures | None:
        """Saves the best view of a violation.

        Returns:
            Its files, or None where they cannot be saved at present.
        """
        if self.is_paused:
            return None
        try:
            pictures = self._save(record, frame, face)
        except (OSError, cv2.error) as error:
            if self._fault is None:
                _log.warning(
                    "pictures cannot be saved in %s (%s); violations are logged without until they can",
                    self._media.folder,
                    reason(error),
                )
            self._fault = reason(error)
            self._paused_until = self._clock() + _PAUSE_SECONDS
            return None
        if self._fault is not None:
            _log.warning("pictures can be saved in %s again", self._media.folder)
            self._fault = None
        self._remember(record.key, pictures)
        return pictures

    def tidy(self) -> None:
        """Removes the files that better views have replaced; the rows that mean those are committed."""
        self._media.remove(self._superseded)
        self._superseded.clear()

    def _save(self, record: ViolationRecord, frame: Image, face: Image) -> Pictures:
        if self._media.free_bytes() < self._reserve_bytes:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return self._media.save(
            frame=self._encode(frame),
            face=self._encode(face),
            stem=f"{safe_name(record.camera)}_{record.number:05d}",
            run_id=record.run_id,
            serial=next(self._serials),
            day=record.started_at,
        )

    def _encode(self, image: Image) -> bytes:
        return cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, self._quality])[1].tobytes()

    def _remember(self, key: str, pictures: Pictures) -> None:
        before = self._latest.pop(key, None)
        if before is not None:
            self._superseded.append(before)
        self._latest[key] = pictures
        if len(self._latest) > _KNOWN:
            del self._latest[next(iter(self._latest))]
