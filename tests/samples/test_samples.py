from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

SAMPLES = Path(__file__).parents[2] / "samples"
VIDEO_BYTES = 2_500_000
STILL_BYTES = 150_000


@pytest.fixture(scope="module")
def truth() -> dict:
    return json.loads((SAMPLES / "demo.json").read_text(encoding="utf-8"))


def test_video_is_what_its_ground_truth_says(truth: dict) -> None:
    video = truth["video"]
    path = SAMPLES / video["file"]
    assert path.stat().st_size < VIDEO_BYTES
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert stream.codec_context.name == "h264"
        assert (stream.width, stream.height) == (video["width"], video["height"])
        assert stream.average_rate == video["fps"]
        stream.thread_type = "AUTO"
        times = [frame.time for frame in container.decode(stream)]
    assert len(times) == video["frames"]
    assert times == pytest.approx([index / video["fps"] for index in range(video["frames"])], abs=1e-3)
    assert video["seconds"] == video["frames"] / video["fps"]


def test_story_is_the_one_promised(truth: dict) -> None:
    statuses = {person["name"]: [part["status"] for part in person["statuses"]] for person in truth["people"]}
    assert statuses == {"A": ["no_mask", "mask"], "B": ["mask"], "C": ["incorrect", "mask"]}
    expected = [(part["person"], part["status"]) for part in truth["expected_violations"]]
    assert expected == [("A", "no_mask"), ("C", "incorrect")]
    together = set.intersection(*({box["frame"] for box in person["boxes"]} for person in truth["people"]))
    assert len(together) * 5 / truth["video"]["fps"] > 10


def test_faces_are_large_enough_and_never_hide_each_other(truth: dict) -> None:
    video = truth["video"]
    by_frame: dict[int, list[list[float]]] = {}
    for person in truth["people"]:
        for box in person["boxes"]:
            left, top, right, bottom = box["box_xyxy"]
            assert 0 <= left < right <= video["width"]
            assert 0 <= top < bottom <= video["height"]
            assert 90 <= bottom - top <= 200
            by_frame.setdefault(box["frame"], []).append(box["box_xyxy"])
    for boxes in by_frame.values():
        boxes.sort()
        assert all(before[2] < after[0] for before, after in pairwise(boxes))


def test_stills_match_their_annotations() -> None:
    coco = json.loads((SAMPLES / "stills.json").read_text(encoding="utf-8"))
    files = {SAMPLES / image["file_name"] for image in coco["images"]}
    assert files == set((SAMPLES / "stills").iterdir())
    names = {category["id"]: category["name"] for category in coco["categories"]}
    assert names == {1: "mask", 2: "no_mask", 3: "incorrect"}
    sizes_wh = {}
    for image in coco["images"]:
        path = SAMPLES / image["file_name"]
        pixels = cv2.imread(str(path))
        assert pixels.shape[1::-1] == (image["width"], image["height"])
        assert path.stat().st_size < STILL_BYTES
        sizes_wh[image["id"]] = pixels.shape[1::-1]
    assert {annotation["image_id"] for annotation in coco["annotations"]} == set(sizes_wh)
    for annotation in coco["annotations"]:
        left, top, width, height = annotation["bbox"]
        assert annotation["category_id"] in names
        assert 0 <= left < left + width <= sizes_wh[annotation["image_id"]][0]
        assert 0 <= top < top + height <= sizes_wh[annotation["image_id"]][1]


@pytest.mark.parametrize("who", ["astronaut", "hopper"])
def test_mask_changes_only_the_lower_face(who: str) -> None:
    pytest.importorskip("skimage", reason="the portraits come with maskcam[samples]")
    pytest.importorskip("matplotlib", reason="the portraits come with maskcam[samples]")
    from samples import portraits
    from samples.masks import SURGICAL, draw_mask

    portrait = getattr(portraits, who)()
    untouched = portrait.image.copy()
    left, top, right, bottom = portrait.face.box_xyxy
    height, width = bottom - top, right - left
    hems = []
    for position in (0.0, 1.0, 2.0):
        image, alpha = draw_mask(
            portrait.image, portrait.alpha, face=portrait.face, style=SURGICAL, position=position
        )
        changed = np.abs(image.astype(int) - portrait.image).max(axis=2) > 8
        rows, columns = np.nonzero(changed)
        assert rows.min() > top + 0.30 * height  # not the eyes' upper half: ear loops may pass beside them
        assert rows.max() < bottom + 0.30 * height
        assert columns.min() > left - 0.15 * width
        assert columns.max() < right + 0.15 * width
        middle = changed[:, round((left + right) / 2)]
        hems.append(np.flatnonzero(middle).min())
        assert (alpha >= portrait.alpha).all()
    assert hems == sorted(hems)
    assert hems[0] < top + 0.50 * height < top + 0.60 * height < hems[1]  # over the nose; under it
    assert np.array_equal(portrait.image, untouched)
    bare, _ = draw_mask(portrait.image, portrait.alpha, face=portrait.face, style=SURGICAL, position=3.0)
    assert np.array_equal(bare, untouched)


def test_third_person_differs_from_the_first() -> None:
    pytest.importorskip("skimage", reason="the portraits come with maskcam[samples]")
    pytest.importorskip("matplotlib", reason="the portraits come with maskcam[samples]")
    from samples import portraits

    first = portraits.astronaut()
    third = portraits.third_person(first)
    assert np.array_equal(third.alpha, first.alpha[:, ::-1])
    assert np.abs(third.image.astype(int) - first.image[:, ::-1]).mean() > 10
