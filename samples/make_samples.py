"""Makes the demo video, the stills and their ground truth: `python -m samples.make_samples`.

The pictures come from two installed packages, scikit-image and matplotlib (`pip install "maskcam[samples]"`);
nothing is downloaded. The same versions of the libraries give the same files.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from samples.masks import FFP2, SURGICAL, MaskStyle, draw_mask
from samples.portraits import Portrait
from samples.scene import (
    HEIGHT,
    WIDTH,
    Colours,
    Pose,
    draw_background,
    draw_counter,
    face_box_xyxy,
    photograph,
    place,
)
from samples.story import FPS, FRAMES, SECONDS, Person, people

Image = NDArray[np.uint8]

_FOLDER = Path(__file__).parent
_GROUP_SECONDS = 6.52  # when A is bare, B masked and C wears hers under the nose
_BOX_EVERY = 5  # frames between two boxes of the ground truth
_STILL_XYXY = (340, 10, 940, 610)  # the part of the frame that a still of one person shows
_CATEGORIES = ({"id": 1, "name": "mask"}, {"id": 2, "name": "no_mask"}, {"id": 3, "name": "incorrect"})
_CATEGORY_IDS = {category["name"]: category["id"] for category in _CATEGORIES}


@dataclass(frozen=True, slots=True)
class Still:
    """One picture of one person: `person` as in the story, `position` as in `draw_mask`, None for bare."""

    file: str
    person: str
    style: MaskStyle
    position: float | None
    status: str
    tilt_degrees: float


STILLS = (
    Still("astronaut_bare.jpg", "A", SURGICAL, None, "no_mask", 0.0),
    Still("astronaut_mask.jpg", "A", SURGICAL, 0.0, "mask", 2.5),
    Still("astronaut_under_nose.jpg", "A", SURGICAL, 1.0, "incorrect", -2.0),
    Still("hopper_bare.jpg", "B", FFP2, None, "no_mask", 0.0),
    Still("hopper_mask.jpg", "B", FFP2, 0.0, "mask", -1.5),
    Still("hopper_chin.jpg", "B", SURGICAL, 2.0, "incorrect", 1.0),
)
GROUP_FILE = "group.jpg"


def main() -> None:
    cast = people()
    stills = _FOLDER / "stills"
    stills.mkdir(exist_ok=True)
    write_stills(cast, stills)
    _write_json(_FOLDER / "demo.json", ground_truth(cast))
    write_video(film(cast), _FOLDER / "demo.mp4")


def film(cast: Sequence[Person], indices: Iterable[int] = range(FRAMES)) -> Iterator[Image]:
    """Yields the video's frames, each (720, 1280, 3) uint8 BGR."""
    background = draw_background()
    dressed: dict[str, tuple[float, Portrait]] = {}  # a mask that has not moved is not drawn again
    for index in indices:
        room = background.copy()
        for person in cast:
            position = person.mask_position(index / FPS)
            if person.name not in dressed or dressed[person.name][0] != position:
                dressed[person.name] = position, dress(person.portrait, person.style, position)
            place(room, dressed[person.name][1], person.pose(index / FPS))
        draw_counter(room)
        yield photograph(room, seed=index)


def dress(portrait: Portrait, style: MaskStyle, position: float) -> Portrait:
    """Returns the portrait with a mask on."""
    image, alpha = draw_mask(
        portrait.image, portrait.alpha, face=portrait.face, style=style, position=position
    )
    return replace(portrait, image=image, alpha=alpha)


def write_video(frames: Iterator[Image], path: Path) -> None:
    """Encodes frames as H.264 that plays in any browser."""
    options = {"crf": "22", "preset": "slow", "tune": "film"}
    with av.open(str(path), "w", options={"movflags": "+faststart"}) as container:
        stream = container.add_stream("libx264", rate=Fraction(FPS), options=options)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.codec_context.gop_size = 2 * FPS
        for index, image in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(image, format="bgr24")
            frame.pts, frame.time_base = index, Fraction(1, FPS)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def ground_truth(cast: Sequence[Person]) -> dict[str, Any]:
    """Returns what is true of the video: who is there when, how each mask is worn, where the faces are."""
    told = [_truth_of(person) for person in sorted(cast, key=lambda person: person.name)]
    video = {
        "file": "demo.mp4",
        "width": WIDTH,
        "height": HEIGHT,
        "fps": FPS,
        "frames": FRAMES,
        "seconds": SECONDS,
    }
    violations = [
        {
            "person": person["name"],
            "status": interval["status"],
            "started_seconds": interval["start_seconds"],
            "ended_seconds": interval["end_seconds"],
        }
        for person in told
        for interval in person["statuses"]
        if interval["status"] != "mask"
    ]
    return {"video": video, "expected_violations": violations, "people": told}


def _truth_of(person: Person) -> dict[str, Any]:
    boxes = {index: person.face_box_xyxy(index / FPS) for index in range(FRAMES)}
    seen = [index for index, box in boxes.items() if box is not None]
    enter, leave = seen[0] / FPS, (seen[-1] + 1) / FPS
    statuses = [
        {"start_seconds": max(start, enter), "end_seconds": min(end, leave), "status": status}
        for start, end, status in person.statuses
    ]
    return {
        "name": person.name,
        "looks": person.looks,
        "enter_seconds": enter,
        "leave_seconds": leave,
        "statuses": statuses,
        "boxes": [
            {"frame": index, "box_xyxy": [round(value, 1) for value in box]}
            for index in seen
            if index % _BOX_EVERY == 0 and (box := boxes[index]) is not None
        ],
    }


def write_stills(cast: Sequence[Person], folder: Path) -> None:
    """Writes the stills and, beside their folder, `stills.json` in COCO's format."""
    by_name = {person.name: person for person in cast}
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for image_id, still in enumerate(STILLS, start=1):
        picture, box = _draw_still(by_name[still.person], still, seed=1000 + image_id)
        images.append(_save_still(folder / still.file, picture, image_id))
        annotations.append(_annotation(len(annotations) + 1, image_id, box, still.status))
    group = len(STILLS) + 1
    index = round(_GROUP_SECONDS * FPS)
    picture = next(film(cast, [index]))
    images.append(_save_still(folder / GROUP_FILE, picture, group))
    for person in by_name.values():
        group_box = person.face_box_xyxy(_GROUP_SECONDS)
        status = next(name for start, end, name in person.statuses if start <= _GROUP_SECONDS < end)
        assert group_box is not None
        annotations.append(_annotation(len(annotations) + 1, group, group_box, status))
    truth = {"images": images, "annotations": annotations, "categories": list(_CATEGORIES)}
    _write_json(folder.with_suffix(".json"), truth)


def _draw_still(
    person: Person, still: Still, *, seed: int
) -> tuple[Image, tuple[float, float, float, float]]:
    pose = Pose(face_xy=(640.0, 300.0), scale=1.0, tilt_degrees=still.tilt_degrees)
    portrait = person.portrait
    if still.position is not None:
        portrait = dress(portrait, still.style, still.position)
    room: Colours = draw_background()
    place(room, portrait, pose)
    draw_counter(room)
    box = face_box_xyxy(portrait, pose)
    assert box is not None
    left, top, right, bottom = _STILL_XYXY
    picture = photograph(room, seed=seed)[top:bottom, left:right]
    return picture, (box[0] - left, box[1] - top, box[2] - left, box[3] - top)


def _save_still(path: Path, picture: Image, image_id: int) -> dict[str, Any]:
    """Writes a JPEG and returns its COCO entry."""
    if not cv2.imwrite(str(path), picture, [cv2.IMWRITE_JPEG_QUALITY, 90]):
        raise OSError(f"cannot write {path}")
    name = f"{path.parent.name}/{path.name}"
    return {"id": image_id, "file_name": name, "width": picture.shape[1], "height": picture.shape[0]}


def _annotation(
    number: int, image_id: int, box_xyxy: tuple[float, float, float, float], status: str
) -> dict[str, Any]:
    left, top, right, bottom = (round(value, 1) for value in box_xyxy)
    width, height = round(right - left, 1), round(bottom - top, 1)
    return {
        "id": number,
        "image_id": image_id,
        "category_id": _CATEGORY_IDS[status],
        "bbox": [left, top, width, height],
        "area": round(width * height, 1),
        "iscrowd": 0,
    }


def _write_json(path: Path, content: dict[str, Any]) -> None:
    """Writes indented JSON in which the innermost lists and objects take one line each."""
    text = json.dumps(content, indent=1)
    for innermost in (r"\[[^\[\]{}]*\]", r"\{[^{}]*\}"):
        text = re.sub(innermost, lambda match: re.sub(r"\s+", " ", match[0]), text)
    path.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
