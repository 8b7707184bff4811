"""Pictures of violations on their way to the media folder of a store, as long as there is room."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace

import cv2

from maskcam.sinks.faces import cut_face
from maskcam.sinks.files import safe_name
from maskcam.sinks.room import Room
from maskcam.store.media import MediaFolder
from maskcam.store.records import Pictures, ViolationRecord
from maskcam.types import Image, Violation

_KNOWN = 5_000  # violations whose pictures may still be replaced; beyond, old ones are left to the next sweep


class Album:
    """Saves pictures, and stops for a while when they cannot be saved.

    Args:
        media: of the store.
        reserve_bytes: nothing is saved while less is free.
        margin: part of the face's width and height kept around it on every side.
        quality: of the JPEGs, 1 to 100.
    """

    def __init__(self, media: MediaFolder, *, reserve_bytes: int, margin: float, quality: int) -> None:
        self._media = media
        self._room = Room(media.folder, what="pictures", reserve_bytes=reserve_bytes)
        self._margin = margin
        self._quality = quality
        self._serials = itertools.count(1)
        self._latest: dict[str, Pictures] = {}
        self._superseded: list[Pictures] = []

    @property
    def is_paused(self) -> bool:
        """Whether there is no use in giving it pictures."""
        return self._room.is_paused

    def save(
        self,
        records: Sequence[ViolationRecord],
        violations: Sequence[Violation],
        *,
        image: Image,
        picture: Image,
        is_lasting: bool,
    ) -> list[ViolationRecord]:
        """Saves pictures of the violations that a frame shows best.

        Args:
            records: of these violations.
            violations: of the frame.
            image: the frame, not drawn upon.
            picture: with the overlay drawn.
            is_lasting: waits until the files would outlast a power cut.

        Returns:
            The records, with their files as far as those could be saved.
        """
        drawn: bytes | None = None
        done = []
        for record, violation in zip(records, violations, strict=True):
            done.append(record)
            if self.is_paused or not violation.is_best_view:
                continue
            try:
                self._room.check()
                drawn = drawn or self._encode(picture)  # everybody in this frame gets the same one
                pictures = self._media.save(
                    frame=drawn,
                    face=self._encode(cut_face(image, violation.box_xyxy, margin=self._margin)),
                    stem=f"{safe_name(record.camera)}_{record.number:05d}",
                    run_id=record.run_id,
                    serial=next(self._serials),
                    day=record.started_at,
                    is_lasting=is_lasting,
                )
            except (OSError, cv2.error) as error:
                self._room.fail(error)
            else:
                self._room.succeed()
                self._remember(record.key, pictures)
                done[-1] = replace(record, pictures=pictures)
        return done

    def tidy(self) -> None:
        """Removes the files that better views have replaced; the rows that mean those are committed."""
        self._media.remove(self._superseded)
        self._superseded.clear()

    def _encode(self, image: Image) -> bytes:
        return cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, self._quality])[1].tobytes()

    def _remember(self, key: str, pictures: Pictures) -> None:
        before = self._latest.pop(key, None)
        if before is not None:
            self._superseded.append(before)
        self._latest[key] = pictures
        if len(self._latest) > _KNOWN:
            del self._latest[next(iter(self._latest))]
