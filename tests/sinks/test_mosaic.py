import numpy as np
import pytest

from maskcam.sinks.mosaic import Grid, Mosaic, arrange
from maskcam.types import Image

HD, VGA, PORTRAIT = (1280, 720), (640, 480), (720, 1280)


def plain(size_wh: tuple[int, int], level: int) -> Image:
    return np.full((size_wh[1], size_wh[0], 3), level, np.uint8)


@pytest.mark.parametrize(
    ("sizes_wh", "columns", "rows"),
    [
        ([HD], 1, 1),
        ([HD] * 2, 1, 2),
        ([PORTRAIT] * 2, 2, 1),
        ([HD] * 3, 2, 2),
        ([HD] * 4, 2, 2),
        ([PORTRAIT] * 4, 4, 1),
        ([HD] * 6, 2, 3),
        ([HD] * 9, 3, 3),
        ([HD] * 16, 4, 4),
        ([(1, 1)], 1, 1),
    ],
)
def test_columns_and_rows_make_the_best_of_the_space(
    sizes_wh: list[tuple[int, int]], columns: int, rows: int
) -> None:
    grid = arrange(sizes_wh)
    assert (grid.columns, grid.rows) == (columns, rows)


@pytest.mark.parametrize("count", range(1, 40))
def test_a_grid_has_room_for_all_and_stays_within_its_own(count: int) -> None:
    sizes_wh = ([HD, VGA, PORTRAIT] * count)[:count]
    grid = arrange(sizes_wh, (1280, 800))
    assert grid.columns * grid.rows >= count
    assert grid.size_wh[0] <= 1280
    assert grid.size_wh[1] <= 800
    (x, y), (width, height) = grid.left_top(count - 1), grid.cell_wh
    assert x + width <= grid.size_wh[0]
    assert y + height <= grid.size_wh[1]


def test_a_room_that_is_too_small_is_no_error() -> None:
    assert arrange([HD] * 3, (2, 2)) == Grid(1, 3, (2, 1))


def test_pictures_keep_their_proportions_and_their_order() -> None:
    mosaic = Mosaic(["a", "b", "c"], largest_wh=(404, 404))
    for name, size_wh, level in [("c", (200, 200), 90), ("a", (400, 200), 150), ("b", (20, 40), 210)]:
        mosaic.put(name, plain(size_wh, level))
    canvas = mosaic.draw()
    assert canvas.shape == (404, 404, 3)
    assert mosaic.cameras == ["a", "b", "c"]
    across, down = canvas[100, :, 0], canvas[:, 100, 0]
    assert [int((across == level).sum()) for level in (150, 210)] == [200, 100]
    assert int((down[:200] == 150).sum()) == 100
    assert canvas[304, 100, 0] == 90
    assert not canvas[210:, 210:].any(), "a cell that nobody has"


def test_only_what_changed_is_drawn_again() -> None:
    mosaic = Mosaic(["a", "b"])
    for name in ("a", "b"):
        mosaic.put(name, plain(HD, 100))
    canvas = mosaic.draw()
    canvas[:] = 7
    mosaic.put("b", plain(HD, 200))
    again = mosaic.draw()
    assert again is canvas
    half = canvas.shape[0] // 2
    assert (canvas[: half - 4] == 7).all()
    assert canvas[half + 10, 300, 0] == 200


def test_a_note_greys_the_picture_until_it_is_taken_away() -> None:
    mosaic = Mosaic(["a", "b"])
    for name in ("a", "b"):
        mosaic.put(name, np.full((360, 640, 3), (200, 20, 20), np.uint8))
    before = mosaic.draw().copy()
    mosaic.note("a", "reconnecting: no data for 5 s")
    dimmed = mosaic.draw()[5, 5]
    assert dimmed.max() == dimmed.min() < 60
    mosaic.put("a", np.full((360, 640, 3), (200, 20, 20), np.uint8))
    assert (mosaic.draw()[5, 5] == dimmed).all(), "taken for live though the note is still there"
    mosaic.note("a", None)
    assert np.array_equal(mosaic.draw(), before)


def test_one_camera_in_full_size() -> None:
    mosaic = Mosaic(["a", "b"])
    picture = plain((1920, 1080), 120)
    mosaic.put("a", picture)
    assert mosaic.draw_one("a") is picture
    mosaic.note("a", "a very long reason " * 200)
    assert mosaic.draw_one("a").shape == picture.shape
    assert (picture == 120).all(), "drawn upon"
    assert mosaic.draw_one("b").max() > 200, "nothing says that it is connecting"


def test_which_camera_is_where() -> None:
    mosaic = Mosaic(["a", "b", "c"])
    width, height = mosaic.draw().shape[1::-1]
    corners = [(1, 1), (width - 1, 1), (1, height - 1), (width - 1, height - 1), (-1, 5), (width, 5)]
    assert [mosaic.camera_at(x, y) for x, y in corners] == ["a", "b", "c", None, None, None]


@pytest.mark.parametrize("size_wh", [(1, 1), (3, 2000), (2000, 3), (33, 17)])
def test_pictures_of_any_size_with_and_without_a_note(size_wh: tuple[int, int]) -> None:
    mosaic = Mosaic(largest_wh=(320, 200))
    mosaic.put("Küche 入口", plain(size_wh, 100))
    for _ in range(20):
        mosaic.put("b", plain(size_wh, 100))
        mosaic.note("b", "failed: asks for a password")
        mosaic.draw()
        mosaic.draw_one("b")
