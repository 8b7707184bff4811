"""Pictures that go along with messages."""

from __future__ import annotations

import base64
from typing import Any, Literal

import cv2

from maskcam.sinks.faces import cut_face
from maskcam.types import Image, Violation

PictureKind = Literal["none", "face", "frame"]
"""No picture, the face with some space around it, or the whole frame with the overlay."""

_MARGIN = 0.4
_QUALITY = 85
_LONGEST_SIDE = 1280


def cut_picture(kind: PictureKind, violation: Violation, image: Image, drawn: Image | None) -> Image | None:
    """The picture to send with a violation; None where there is none to send.

    Args:
        kind: of picture.
        violation: only its best views are sent.
        image: the frame as it came.
        drawn: the frame with the overlay.

    Returns:
        A copy of the face, or `drawn` itself, which nobody changes.
    """
    if kind == "none" or not violation.is_best_view:
        return None
    if kind == "frame":
        return drawn
    return cut_face(image, violation.box_xyxy, margin=_MARGIN).copy()


def encode_picture(image: Image, *, kind: PictureKind) -> dict[str, Any]:
    """A picture as JSON can hold it: a JPEG of at most 1280 pixels at its longer side, in base64."""
    scale = _LONGEST_SIDE / max(image.shape[:2])
    if scale < 1:
        image = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
    data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])[1].tobytes()
    return {
        "kind": kind,
        "media_type": "image/jpeg",
        "size_wh": [image.shape[1], image.shape[0]],
        "base64": base64.b64encode(data).decode("ascii"),
    }
