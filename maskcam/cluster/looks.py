"""What was found in the frames of a recording, saved, and recalled where the same frames come again."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from maskcam.errors import ClusterError
from maskcam.pipeline import Look
from maskcam.types import Faces, Frame, MaskStatus, Sighting, Verdict


@dataclass(frozen=True, slots=True, eq=False)
class SavedLook:
    """What was found in one frame, without the frame.

    Attributes:
        pts_seconds: of the frame.
        fingerprint: of the frame's glance, to know it again.
        sighting: see `Look`.
        is_new: likewise.
        seconds: likewise.
    """

    pts_seconds: float
    fingerprint: int
    sighting: Sighting
    is_new: bool
    seconds: float

    @classmethod
    def of(cls, look: Look) -> SavedLook:
        """Of a look at a single frame."""
        (frame,), (sighting,), (is_new,), (glance,) = look.frames, look.sightings, look.is_new, look.glances
        return cls(frame.pts_seconds, _fingerprint(glance), sighting, is_new, look.seconds)


def pack_looks(looks: Sequence[SavedLook]) -> bytes:
    """Looks as the bytes of a NumPy archive, which holds nothing but arrays: every number stays exactly what it is."""
    faces = [look.sighting.faces for look in looks]
    verdicts = [verdict for look in looks for verdict in look.sighting.verdicts or ()]
    landmarks = [face.landmarks for face in faces if face.landmarks is not None]
    file = io.BytesIO()
    np.savez_compressed(
        file,
        allow_pickle=False,
        pts_seconds=np.array([look.pts_seconds for look in looks], np.float64),
        fingerprints=np.array([look.fingerprint for look in looks], np.uint32),
        is_new=np.array([look.is_new for look in looks], np.bool_),
        seconds=np.array([look.seconds for look in looks], np.float64),
        counts=np.array([len(face) for face in faces], np.int64),
        boxes_xyxy=np.concatenate([np.zeros((0, 4), np.float32), *(face.boxes_xyxy for face in faces)]),
        scores=np.concatenate([np.zeros(0, np.float32), *(face.scores for face in faces)]),
        has_landmarks=np.array([face.landmarks is not None for face in faces], np.bool_),
        landmarks=np.concatenate([np.zeros((0, 5, 2), np.float32), *landmarks]),
        has_verdicts=np.array([look.sighting.verdicts is not None for look in looks], np.bool_),
        classes=np.array([status.value for status in verdicts[0].probabilities] if verdicts else [], np.str_),
        probabilities=np.array([list(verdict.probabilities.values()) for verdict in verdicts], np.float64),
        statuses=np.array([verdict.status.value for verdict in verdicts], np.str_),
        confidences=np.array([verdict.confidence for verdict in verdicts], np.float64),
    )
    return file.getvalue()


def unpack_looks(data: bytes) -> Iterator[SavedLook]:
    """The looks of `pack_looks`.

    Raises:
        ClusterError: the bytes are not whole, or something else.
    """
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as archive:
            saved = {name: archive[name] for name in archive.files}
        faces, verdicts = _Faces(saved), _verdicts(saved)
        columns = (
            "pts_seconds",
            "fingerprints",
            "is_new",
            "seconds",
            "counts",
            "has_landmarks",
            "has_verdicts",
        )
        rows = list(zip(*(saved[name].tolist() for name in columns), strict=True))
    except (KeyError, ValueError, OSError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise ClusterError(
            f"a part that was saved before cannot be read ({error}): remove the folder .parts from the output"
        ) from error
    for pts_seconds, fingerprint, is_new, seconds, count, has_landmarks, has_verdicts in rows:
        found = faces.take(count, has_landmarks=has_landmarks)
        judged = tuple(next(verdicts) for _ in range(count)) if has_verdicts else None
        yield SavedLook(pts_seconds, fingerprint, Sighting(found, judged), is_new, seconds)


class Recall:
    """Gives saved looks for the frames of a recording, in place of `Pipeline.look`.

    Args:
        looks: at every frame, in order.
    """

    def __init__(self, looks: Iterable[SavedLook]) -> None:
        self._looks = iter(looks)

    def look(self, frames: Sequence[Frame]) -> Look:
        """The look at the next frame.

        Args:
            frames: a single one.

        Raises:
            ClusterError: it is not the frame that was looked at.
        """
        (frame,) = frames
        glance = frame.pixels.glance()
        saved = next(self._looks, None)
        if (
            saved is None
            or saved.pts_seconds != frame.pts_seconds
            or saved.fingerprint != _fingerprint(glance)
        ):
            raise ClusterError(
                f"{frame.camera} at {frame.pts_seconds:.3f} s is decoded otherwise in parts than as a whole:"
                " process it without --cluster"
            )
        return Look((frame,), (saved.sighting,), (saved.is_new,), (glance,), saved.seconds)


class _Faces:
    """Takes the faces of one frame after another from arrays of all of them."""

    def __init__(self, saved: dict[str, NDArray[np.generic]]) -> None:
        self._boxes_xyxy = saved["boxes_xyxy"].astype(np.float32, copy=False)
        self._scores = saved["scores"].astype(np.float32, copy=False)
        self._landmarks = saved["landmarks"].astype(np.float32, copy=False)
        self._taken = 0
        self._taken_landmarks = 0

    def take(self, count: int, *, has_landmarks: bool) -> Faces:
        mine = slice(self._taken, self._taken + count)
        self._taken += count
        landmarks = None
        if has_landmarks:
            landmarks = self._landmarks[self._taken_landmarks : self._taken_landmarks + count]
            self._taken_landmarks += count
        return Faces(self._boxes_xyxy[mine], self._scores[mine], landmarks)


def _verdicts(saved: dict[str, NDArray[np.generic]]) -> Iterator[Verdict]:
    classes = [MaskStatus(name) for name in saved["classes"].tolist()]
    return iter(
        [
            Verdict(dict(zip(classes, probabilities, strict=True)), MaskStatus(status), confidence)
            for probabilities, status, confidence in zip(
                saved["probabilities"].tolist(),
                saved["statuses"].tolist(),
                saved["confidences"].tolist(),
                strict=True,
            )
        ]
    )


def _fingerprint(glance: NDArray[np.uint8]) -> int:
    return zlib.crc32(glance.tobytes())
