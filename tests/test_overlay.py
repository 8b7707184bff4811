import time
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from numpy.typing import NDArray

from maskcam.lettering import Pen, text_colour, text_pixels
from maskcam.overlay import LOOKS, clock_text, draw
from maskcam.types import Image, MaskStatus, Polygon
from tests.factories import make_frame, make_image, make_result, make_track

BOX = (500, 300, 620, 440)
GREY = np.full((720, 1280, 3), 128, np.uint8)


def flat(size_wh: tuple[int, int], level: int = 128) -> Image:
    return np.full((size_wh[1], size_wh[0], 3), level, np.uint8)


def changed(image: Image, before: Image) -> NDArray[np.bool_]:
    return (image != before).any(axis=2)


def outline(image: Image, box: tuple[int, int, int, int] = BOX) -> NDArray[np.int64]:
    """The pixels under the four sides of a box, one row per pixel."""
    x1, y1, x2, y2 = box
    sides = [image[y1, x1:x2], image[y2, x1:x2], image[y1:y2, x1], image[y1:y2, x2]]
    return np.concatenate(sides).astype(np.int64)


def draw_one(status: MaskStatus, *, image: Image = GREY) -> Image:
    return draw(make_result(make_frame(image=image), (make_track(BOX, status),)))


@pytest.mark.parametrize("status", MaskStatus)
def test_draws_on_a_copy(status: MaskStatus) -> None:
    frame = make_frame((640, 480))
    before = frame.image.copy()
    frame.image.flags.writeable = False
    picture = draw(make_result(frame, (make_track(status=status),)), fps=20)
    assert (picture.shape, picture.dtype, picture.flags.writeable) == (before.shape, np.uint8, True)
    assert (frame.image == before).all()
    assert changed(picture, before).any()


@pytest.mark.parametrize("status", MaskStatus)
def test_outline_is_where_the_box_is_and_in_its_colour(status: MaskStatus) -> None:
    picture = draw_one(status)
    colour = np.array(LOOKS[status].colour)
    x1, y1, x2, y2 = BOX
    for corner in [(x1, y1), (x2, y1), (x1, y2), (x2, y2)]:
        assert (picture[corner[1], corner[0]] == colour).all()
    assert (outline(picture) == colour).all(axis=1).sum() > 40
    inside = picture[y1 + 8 : y2 - 7, x1 + 8 : x2 - 7]
    assert (inside == 128).all(), "the face is covered"
    others = {LOOKS[s].colour for s in MaskStatus} - {LOOKS[status].colour}
    drawn = {tuple(int(c) for c in pixel) for pixel in outline(picture)}
    assert not drawn & others


def test_status_can_be_told_without_any_colour() -> None:
    drawn = {}
    for status in MaskStatus:
        picture = draw_one(status)
        drawn[status] = tuple((outline(picture) == LOOKS[status].colour).all(axis=1).tolist())
    assert len(set(drawn.values())) == 4, "two statuses have the same line"
    share = {status: float(np.mean(line)) for status, line in drawn.items()}
    assert share[MaskStatus.NO_MASK] == 1
    assert 0.35 < share[MaskStatus.MASK] < 0.6
    assert 0.35 < share[MaskStatus.INCORRECT] < 0.75
    assert len({LOOKS[s].words for s in MaskStatus}) == len({LOOKS[s].letter for s in MaskStatus}) == 4


def luminance(bgr: tuple[int, int, int]) -> float:
    linear = [(c / 255 / 12.92) if c <= 10 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in bgr]
    return 0.0722 * linear[0] + 0.7152 * linear[1] + 0.2126 * linear[2]


@pytest.mark.parametrize("status", MaskStatus)
def test_text_on_plates_meets_wcag(status: MaskStatus) -> None:
    plate, text = LOOKS[status].colour, text_colour(LOOKS[status].colour)
    light, dark = sorted([luminance(plate), luminance(text)], reverse=True)
    assert (light + 0.05) / (dark + 0.05) >= 4.5


def test_plates_have_black_or_white_text() -> None:
    assert text_colour((255, 255, 255)) == text_colour((66, 228, 240)) == (0, 0, 0)
    assert text_colour((0, 0, 0)) == text_colour((120, 20, 20)) == (255, 255, 255)


@pytest.mark.parametrize(
    "box",
    [(5, 60, 60, 120), (580, 60, 635, 120), (300, 17, 360, 90), (300, 400, 360, 478), (5, 420, 60, 479)],
)
def test_labels_stay_whole_at_the_edges(box: tuple[float, float, float, float]) -> None:
    words = "#1 Mask worn wrong 97%"
    image = flat((640, 480))
    picture = draw(make_result(make_frame(image=image), (make_track(box, MaskStatus.INCORRECT),)))
    pen = Pen(picture, text_pixels((640, 480)))
    drawn = changed(picture, image)
    drawn[: pen.line_height] = False  # the bar
    whole_rows = (drawn.sum(axis=1) >= pen.plate_width(words)).sum()
    assert whole_rows == pen.line_height
    face = picture[int(box[1]) + 6 : int(box[3]) - 5, int(box[0]) + 6 : int(box[2]) - 5]
    assert (face == 128).all(), "the face is covered though there is room beside it"


def test_labels_of_neighbours_do_not_cover_each_other() -> None:
    image = flat((640, 480))
    tracks = tuple(
        make_track((200 + 40 * i, 200, 236 + 40 * i, 245), MaskStatus.MASK, track_id=i + 1) for i in range(4)
    )
    together = draw(make_result(make_frame(image=image), tracks))
    colour = np.array(LOOKS[MaskStatus.MASK].colour)
    for track in tracks:  # every face can still be seen
        x1, y1, x2, y2 = (int(v) for v in track.box_xyxy)
        assert (together[y1 + 6 : y2 - 5, x1 + 6 : x2 - 5] == 128).all()
    plate_pixels = (together == colour).all(axis=2).sum()
    alone = [(draw(make_result(make_frame(image=image), (t,))) == colour).all(axis=2).sum() for t in tracks]
    # counts in the bar aside, labels that overlapped would have fewer pixels between them than alone
    assert plate_pixels > 0.6 * sum(alone)


SIZES = [(1, 1), (2, 3), (1, 500), (500, 1), (16, 16), (64, 48), (90, 90), (160, 120), (320, 240), (240, 320)]


@pytest.mark.parametrize(
    ("size_wh", "people"), [*product(SIZES, [0, 1, 5]), ((3840, 2160), 5), ((7680, 4320), 5)]
)
def test_any_size(size_wh: tuple[int, int], people: int) -> None:
    width, height = size_wh
    statuses = list(MaskStatus)
    tracks = tuple(
        make_track(
            (width * i / 6, height * 0.4, width * (i + 0.9) / 6, height * 0.7),
            statuses[i % 4],
            track_id=10**i,
        )
        for i in range(people)
    )
    image = flat(size_wh)
    picture = draw(make_result(make_frame(image=image, camera="Küche " * 9), tracks), fps=1234.5)
    assert picture.shape == image.shape
    assert changed(picture, image).any() == (people > 0 or (height >= 90 and width >= 90))
    if people == 0:
        assert not changed(picture, image)[height // 6 + 1 :].any(), "the bar covers the picture"


@pytest.mark.parametrize(
    "box",
    [
        (-1e9, -1e9, 1e9, 1e9),
        (-50, -50, 20, 20),
        (310, 230, 400, 300),
        (100, 100, 100, 100),
        (50, 50, 40, 40),
    ],
)
def test_any_box(box: tuple[float, float, float, float]) -> None:
    for status in MaskStatus:
        draw(make_result(make_frame(), (make_track(box, status),)))


def test_a_box_outside_draws_nothing() -> None:
    image = flat((320, 240))
    picture = draw(make_result(make_frame(image=image), (make_track((400, 50, 450, 90)),)))
    assert not changed(picture, image)[40:].any()


def bar(camera: str = "door", *, width: int = 640, people: int = 0, **options: float | str | None) -> Image:
    frame = make_frame(image=flat((width, 480)), camera=camera, pts_seconds=3725.9)
    tracks = tuple(make_track((50, 200, 100, 260), track_id=i) for i in range(people))
    return draw(make_result(frame, tracks), **options)[:16]  # type: ignore[arg-type]


def test_bar_shows_camera_time_counts_and_rate() -> None:
    plain = bar()
    for other in [bar("gate"), bar(clock="12:00"), bar(fps=20), bar(people=1)]:
        assert changed(other, plain).any()
    assert changed(bar(people=1), bar(people=2)).any()
    assert changed(bar(fps=20), bar(fps=25)).any()
    assert not changed(bar(clock="1:02:05"), plain).any()


def test_a_long_name_leaves_the_rest_alone() -> None:
    short, long = bar("x", fps=20, people=1), bar("Eingang Küche " * 20, fps=20, people=1)
    # the right third holds counts and rate, the same for both
    assert not changed(short, long)[:, 430:].any()
    assert changed(short, long)[:, :300].any()


@pytest.mark.parametrize("name", ["Küche", "入口", "Вход", "مدخل", "출입구"])
def test_names_of_many_scripts_are_not_question_marks(name: str) -> None:
    assert changed(bar(name), bar("?" * len(name))).sum() > 20


def test_line_breaks_in_a_name_do_not_break_the_bar() -> None:
    assert not changed(bar("a\n b"), bar("a b")).any()


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0:00:00"), (59.99, "0:00:59"), (3725.9, "1:02:05"), (360000, "100:00:00"), (-65, "-0:01:05")],
)
def test_clock(seconds: float, text: str) -> None:
    assert clock_text(seconds) == text


def test_shortened_text_fits_and_keeps_as_much_as_it_can() -> None:
    pen = Pen(flat((10, 10)), 20)
    text = "Eingang Küche"
    assert pen.shorten(text, 1000) == text
    assert pen.shorten(text, 0) == pen.shorten("", 0) == ""
    for room in range(20, pen.plate_width(text)):
        short = pen.shorten(text, room)
        assert pen.plate_width(short) <= room
        assert not short or (short[-1] == "…" and text.startswith(short[:-1]))


def test_the_picture_depends_on_nothing_but_the_result() -> None:
    result = make_result(make_frame((640, 480)), (make_track(),))
    first = draw(result, fps=10)
    draw(make_result(make_frame((1280, 720)), (make_track(BOX),)), fps=3)
    assert (draw(result, fps=10) == first).all()


ZONE: Polygon = ((0.25, 0.5), (0.75, 0.5), (0.75, 1), (0.25, 1))


@pytest.mark.parametrize("level", [0, 60, 128, 200, 255])
@pytest.mark.parametrize("size_wh", [(320, 240), (1280, 720), (3840, 2160)])
def test_the_border_of_a_zone_shows_on_any_background(size_wh: tuple[int, int], level: int) -> None:
    width, height = size_wh
    image = flat(size_wh, level)
    frame = make_frame(image=image)
    picture = draw(replace(make_result(frame), zones=(ZONE,)))
    plain = draw(make_result(frame))
    side = picture[round(0.5 * (height - 1)), width // 4 + 8 : 3 * width // 4 - 8].astype(int)
    contrast = np.abs(side - level).max(axis=1)
    assert (contrast > 60).mean() > 0.3
    assert changed(picture, plain).mean() < 0.012, "it is in the way"
    assert not changed(picture, plain)[height // 2 + 9 : -9, width // 4 + 9 : 3 * width // 4 - 9].any()


@pytest.mark.parametrize("size_wh", SIZES)
def test_zones_of_any_size(size_wh: tuple[int, int]) -> None:
    whole: Polygon = ((0, 0), (1, 0), (1, 1), (0, 1))
    draw(replace(make_result(make_frame(image=flat(size_wh))), zones=(ZONE, whole)))


@pytest.mark.parametrize("status", MaskStatus)
def test_who_needs_no_mask_has_no_status(status: MaskStatus) -> None:
    frame = make_frame(image=GREY)
    muted = draw(make_result(frame, (replace(make_track(BOX, status), is_required=False),)))
    nobody = draw(make_result(frame))
    x1, y1, x2, y2 = BOX
    drawn = changed(muted, nobody)
    assert drawn[y1, x1]
    assert drawn[y2, x2]
    assert drawn.sum() < 0.25 * changed(draw_one(status), nobody).sum(), "too much is drawn"
    drawn[y1 - 5 : y2 + 6, x1 - 5 : x2 + 6] = False
    assert not drawn.any(), "there is a label, or the bar counts it"


def test_labels_keep_off_the_faces_of_those_who_need_no_mask() -> None:
    above = replace(make_track((500, 240, 620, 295), track_id=2), is_required=False)
    picture = draw(make_result(make_frame(image=GREY), (make_track(BOX), above)))
    assert (picture[250:286, 510:611] == 128).all()


def test_off_duty_the_bar_says_so() -> None:
    for size_wh in [(1280, 720), (320, 240), (160, 120)]:
        result = make_result(make_frame(image=flat(size_wh)))
        assert changed(draw(result), draw(replace(result, off_duty=True))).any()
    wide = make_result(make_frame(image=flat((1280, 720))))
    assert not changed(draw(wide), draw(replace(wide, off_duty=True)))[26:].any()


def test_is_quick() -> None:
    tracks = tuple(make_track((100 + 300 * i, 200, 220 + 300 * i, 340), track_id=i) for i in range(3))
    result = replace(make_result(make_frame(image=make_image((1280, 720))), tracks), zones=(ZONE,))
    seconds = []
    for _ in range(20):
        start = time.perf_counter()
        draw(result, fps=25)
        seconds.append(time.perf_counter() - start)
    # 1 ms on a free core; the rest is room for slow and busy machines
    assert min(seconds) < 0.010
