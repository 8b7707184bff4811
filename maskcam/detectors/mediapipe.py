"""MediaPipe's face detector (BlazeFace): for one or two people close to a webcam.

Fast, but blind to small faces: on photographs its recall is 0.87 to 0.95 above 80 pixels and 0 below 40.
"""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import os
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
import platformdirs

from maskcam.detectors.base import Detector
from maskcam.detectors.tidy import tidy_faces
from maskcam.errors import MissingLibraryError, OutputError, WeightsError
from maskcam.pixels import Pixels, as_pixels
from maskcam.types import Faces, Image

# BlazeFace short range, the file that the mediapipe 0.10 wheels carried (1.x carries none). Address and
# checksum are those of `com_google_mediapipe_face_detection_short_range_tflite` in MediaPipe's own
# third_party/external_files.bzl; the generation number names this version of the file and no other.
MODEL_URL = (
    "https://storage.googleapis.com/mediapipe-assets/face_detection_short_range.tflite"
    "?generation=1677044301978921"
)
MODEL_SHA256 = "bbff11cebd1eb27a1e004cae0b0e63ec8c551cbf34a4451148b4908b8db3eca8"
_FETCH_TIMEOUT_SECONDS = 30


class MediaPipeDetector(Detector):
    """Finds faces with MediaPipe Tasks on the CPU, one image after another.

    Gives no landmarks: MediaPipe's six are the eyes, the nose, the centre of the mouth and the ears, and two
    corners of the mouth cannot be made from one centre.

    Args:
        model: a `.tflite` face detection model, short range or full range; full range finds smaller faces and
            takes longer.
        minimum_score: faces below it are dropped, in [0, 1].

    Raises:
        WeightsError: the model is missing or is not a face detection model.
        MissingLibraryError: MediaPipe or a system library it needs is not installed.
    """

    device = "cpu, MediaPipe"

    def __init__(self, *, model: Path, minimum_score: float) -> None:
        if not 0 <= minimum_score <= 1:
            raise ValueError(f"minimum_score must lie in [0, 1], got {minimum_score}")
        if not model.is_file():
            raise WeightsError(
                f"no MediaPipe model at {model}: pass the path of a .tflite face detection model"
            )
        load_mediapipe()
        import mediapipe
        from mediapipe.tasks.python import BaseOptions, vision

        self._mediapipe = mediapipe
        self._closed = False
        options = vision.FaceDetectorOptions(
            base_options=BaseOptions(model_asset_path=str(model)), min_detection_confidence=minimum_score
        )
        with _quiet_stderr():
            try:
                self._detector = vision.FaceDetector.create_from_options(options)
            except (ValueError, RuntimeError, OSError) as error:
                raise WeightsError(
                    f"MediaPipe cannot use {model} as a face detection model ({error}): "
                    "pass BlazeFace short range or full range as .tflite"
                ) from error
            # the first image makes it log once more, so let that be this one
            self._find(np.zeros((1, 1, 3), np.uint8))

    @classmethod
    def from_model(cls, model: Path | None, *, minimum_score: float) -> MediaPipeDetector:
        """Loads a model, by default the official short-range one.

        Args:
            model: a `.tflite` file; None takes `official_model()`, which may need the network once.
            minimum_score: see the class.

        Raises:
            WeightsError: also when the official model cannot be fetched.
        """
        return cls(model=official_model() if model is None else model, minimum_score=minimum_score)

    def detect(self, images: Sequence[Image | Pixels]) -> list[Faces]:
        """Finds the faces in a batch of images, one after another; see `Detector.detect`."""
        if self._closed:  # MediaPipe itself would find nobody, without a word
            raise ValueError("this detector is closed: make a new one")
        pictures = [as_pixels(image) for image in images]
        return [self._find(picture.whole()) for picture in pictures]

    def close(self) -> None:
        """Releases MediaPipe's graph and thread."""
        if not self._closed:
            self._closed = True
            with _quiet_stderr():
                self._detector.close()

    def _find(self, image: Image) -> Faces:
        # MediaPipe reads the memory behind an array as if it were contiguous RGB, and says nothing when it is
        # not: cvtColor always gives a new contiguous array
        rgb = cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
        picture = self._mediapipe.Image(image_format=self._mediapipe.ImageFormat.SRGB, data=rgb)
        detections = self._detector.detect(picture).detections
        corners = [
            (box.origin_x, box.origin_y, box.origin_x + box.width, box.origin_y + box.height)
            for box in (detection.bounding_box for detection in detections)
        ]
        scores = [detection.categories[0].score for detection in detections]
        return tidy_faces(
            np.array(corners, np.float32).reshape(-1, 4),
            np.array(scores, np.float32),
            size_wh=(image.shape[1], image.shape[0]),
        )


def load_mediapipe() -> None:
    """Loads MediaPipe and its native library.

    Raises:
        MissingLibraryError: MediaPipe is not installed, or a system library that it links is missing.
    """
    try:
        from mediapipe.tasks.python.core import mediapipe_c_bindings

        mediapipe_c_bindings.load_raw_library()
    except ModuleNotFoundError as error:
        raise MissingLibraryError(
            f"the mediapipe detector needs a Python package that is not installed ({error}): "
            "run `pip install mediapipe`, or use the yunet detector"
        ) from error
    except (ImportError, OSError) as error:
        raise MissingLibraryError(
            f"MediaPipe cannot load its system libraries ({error}): on Debian or Ubuntu run "
            "`apt install libegl1 libgles2 libgl1`, or use the yunet detector, which does not need them"
        ) from error


def official_model(cache: Path | None = None) -> Path:
    """The official short-range model, fetched the first time it is needed.

    Args:
        cache: folder to keep it in; None takes the user's cache folder for maskcam.

    Returns:
        Path of a file whose checksum is right.

    Raises:
        WeightsError: it cannot be fetched, or what came is not the pinned file.
        OutputError: the cache folder cannot be written.
    """
    folder = cache or platformdirs.user_cache_path("maskcam")
    path = folder / "face_detection_short_range.tflite"
    if path.is_file() and _sha256(path.read_bytes()) == MODEL_SHA256:
        return path
    try:
        with urllib.request.urlopen(MODEL_URL, timeout=_FETCH_TIMEOUT_SECONDS) as response:
            data: bytes = response.read()
    except (OSError, http.client.HTTPException) as error:
        raise WeightsError(
            f"MediaPipe's face model is not in {folder} and cannot be fetched from {MODEL_URL} ({error}): "
            "connect to the network once, or pass the path of a .tflite model"
        ) from error
    if _sha256(data) != MODEL_SHA256:
        raise WeightsError(
            f"{MODEL_URL} sent a file with SHA-256 {_sha256(data)[:12]}... instead of "
            f"{MODEL_SHA256[:12]}..., which was not kept: try again on another network, "
            "or pass the path of a .tflite model"
        )
    _write_atomically(path, data)
    return path


def _write_atomically(path: Path, data: bytes) -> None:
    """Writes beside `path` and moves into place, so that nobody ever sees half a file."""
    partial = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            partial.write_bytes(data)
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(f"cannot keep MediaPipe's face model in {path.parent}: {error}") from error


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@contextlib.contextmanager
def _quiet_stderr() -> Iterator[None]:
    """Sends the process's standard error nowhere for a moment.

    MediaPipe's native code logs dozens of lines straight to file descriptor 2 when a detector is made and
    closed, and heeds none of the known environment variables. What matters comes as a Python exception as
    well. What other threads write there in that moment (some 50 ms) is lost.
    """
    try:
        kept = os.dup(2)
    except OSError:  # no standard error at all: a service, or a window without a console
        yield
        return
    try:
        with Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
