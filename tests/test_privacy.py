from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from maskcam.config import load_config
from maskcam.errors import ConfigError
from maskcam.privacy import Blur, FaceHider, hide_faces
from maskcam.types import EncodedPicture, Image, MaskStatus, Track
from tests.factories import make_frame, make_track

RNG = np.random.default_rng(5)
NOISE: Image = RNG.integers(0, 256, (240, 320, 3), np.uint8)
NOBODY = np.zeros((0, 4), np.float32)


def boxes(*given: tuple[float, float, float, float]) -> NDArray[np.float32]:
    return np.array(given, np.float32).reshape(-1, 4)


def hidden_at(before: Image, after: Image, x: int, y: int) -> bool:
    """Whether the fine noise around a point is gone."""
    spot = np.s_[y - 3 : y + 4, x - 3 : x + 4]
    return float(after[spot].std()) < 0.5 * float(before[spot].std())


@pytest.mark.parametrize(
    ("box", "point"),
    [
        ((100, 80, 160, 150), (130, 115)),
        ((-40, -30, 30, 40), (8, 8)),
        ((290, 200, 380, 300), (314, 234)),
        ((-500, -500, 900, 900), (160, 120)),
        ((50, 50, 51, 180), (50, 115)),
    ],
)
def test_a_face_is_gone_wherever_it_lies(
    box: tuple[float, float, float, float], point: tuple[int, int]
) -> None:
    before = NOISE.copy()
    after = hide_faces(before, boxes(box))
    assert (before == NOISE).all(), "the image itself is not changed"
    x1, y1, x2, y2 = box
    grown = (x1 - 0.2 * (x2 - x1), y1 - 0.2 * (y2 - y1), x2 + 0.2 * (x2 - x1), y2 + 0.2 * (y2 - y1))
    changed = np.argwhere((after != before).any(axis=2))
    assert (changed >= [grown[1] - 1, grown[0] - 1]).all()
    assert (changed <= [grown[3] + 1, grown[2] + 1]).all()
    if x2 - x1 > 10:
        assert hidden_at(before, after, *point)


def test_what_is_left_of_a_face_are_a_few_values() -> None:
    """Two faces with the same mean in every block give the same picture: it holds no more than these."""
    fine = (np.indices((240, 320)).sum(axis=0) % 2 * 255).astype(np.uint8)
    one, other = (np.repeat(image[..., None], 3, axis=2) for image in (fine, 255 - fine))
    face = boxes((100, 80, 180, 160))
    spot = np.s_[70:170, 90:190]
    difference = hide_faces(one, face)[spot].astype(int) - hide_faces(other, face)[spot]
    assert np.abs(difference).max() <= 2


@pytest.mark.parametrize("box", [(400, 10, 500, 90), (-90, 10, -40, 60), (10, 10, 10, 10), (60, 60, 40, 40)])
def test_boxes_without_a_part_in_the_picture_do_no_harm(box: tuple[float, float, float, float]) -> None:
    assert hide_faces(NOISE, boxes(box)).shape == NOISE.shape


A, B = (40.0, 80.0, 100.0, 150.0), (200.0, 80.0, 260.0, 150.0)


def seen(
    hider: FaceHider, seconds: float, *tracks: Track, found: NDArray[np.float32] = NOBODY
) -> tuple[bool, bool]:
    """Whether A and B are recognisable in the next frame."""
    frame = make_frame(image=NOISE, pts_seconds=seconds)
    image = hider.hide(frame, found_xyxy=found, tracks=tracks).image
    return not hidden_at(NOISE, image, 70, 115), not hidden_at(NOISE, image, 230, 115)


@pytest.mark.parametrize(
    ("blur", "status", "expected"),
    [
        ("none", MaskStatus.MASK, True),
        ("all", MaskStatus.NO_MASK, False),
        ("compliant", MaskStatus.NO_MASK, True),
        ("compliant", MaskStatus.INCORRECT, True),
        ("compliant", MaskStatus.MASK, False),
        ("compliant", MaskStatus.UNSURE, False),
    ],
)
def test_whose_faces_are_hidden(blur: Blur, status: MaskStatus, expected: bool) -> None:
    masked = make_track(B, MaskStatus.MASK, track_id=2)
    is_a, is_b = seen(FaceHider(blur), 0.0, make_track(A, status), masked)
    assert (is_a, is_b) == (expected, blur == "none")


def test_who_need_not_wear_a_mask_breaks_no_rule() -> None:
    free = replace(make_track(A, MaskStatus.NO_MASK), is_required=False)
    assert seen(FaceHider("compliant"), 0.0, free) == (False, True)


def test_faces_that_are_nobody_yet_are_hidden() -> None:
    assert seen(FaceHider("compliant"), 0.0, make_track(A), found=boxes(A, B)) == (True, False)


def test_a_face_that_is_missed_for_a_moment_stays_hidden() -> None:
    hider = FaceHider("all")
    assert seen(hider, 0.0, make_track(A)) == (False, True)
    assert seen(hider, 0.2) == (False, True)
    assert seen(hider, 0.5) == (False, True)
    assert seen(hider, 0.6) == (True, True)


def test_with_few_frames_a_second_it_stays_hidden_in_the_next_one() -> None:
    hider = FaceHider("all")
    seen(hider, 0.0, make_track(A))
    assert seen(hider, 2.0) == (False, True)
    assert seen(hider, 4.0) == (True, True)


def test_nothing_lingers_where_somebody_has_left_for_elsewhere() -> None:
    hider = FaceHider("all")
    seen(hider, 0.0, make_track(A))
    assert seen(hider, 0.1, make_track(B)) == (True, False)
    hider = FaceHider("all")
    seen(hider, 0.0, found=boxes(A))
    assert seen(hider, 0.1) == (False, True), "also one that was nobody yet"


def test_pictures_have_nothing_to_do_with_each_other() -> None:
    hider = FaceHider("all", linger_seconds=0.0)
    seen(hider, 0.0, make_track(A))
    assert seen(hider, 0.04) == (True, True)


def test_settings() -> None:
    assert load_config(None).keeps_video
    config = load_config(None, {"privacy.statistics_only": True, "store.url": "events.db"})
    assert {config.keeps_video, config.keeps_snapshots, config.keeps_pictures} == {False}
    config = load_config(None, {"privacy.snapshots": False})
    assert config.keeps_video
    assert not config.keeps_snapshots


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"recording.video": True}, "recording.video asks"),
        ({"privacy.snapshots": True}, "privacy.snapshots asks"),
        ({"store.pictures": True}, "store.pictures asks"),
        ({"webhook": [{"url": "http://user:hunter2@host/", "picture": "face"}]}, "webhook.picture asks"),
        ({"privacy.blur": "some"}, "privacy.blur: Input should be 'all', 'compliant' or 'none', got 'some'"),
    ],
)
def test_contradictions_are_one_sentence(settings: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(None, {"privacy.statistics_only": True} | settings)
    assert words in str(caught.value)
    assert "hunter2" not in str(caught.value)
    assert not str(caught.value).startswith(":")


def test_what_a_camera_encoded_goes_where_faces_are_to_be_hidden() -> None:
    frame = replace(make_frame(), encoded=(EncodedPicture(b"everybody's face", 0.0, is_key=True),))
    assert FaceHider("none").hide(frame, found_xyxy=NOBODY, tracks=()) is frame
    blurs: tuple[Blur, ...] = ("all", "compliant")
    for blur in blurs:
        hider = FaceHider(blur)
        for found in (NOBODY, boxes(A)):
            assert hider.hide(frame, found_xyxy=found, tracks=()).encoded is None
