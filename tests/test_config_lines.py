import pytest

from maskcam.config_lines import line_of

TEXT = """# a comment = 1
device = "cpu"

[detector]        # [not.a.header]
size = 320
"weights" = "x"

[[camera]]
name = "door"
zones = [
  [[0.1, 0.1], [0.9, 0.1], [0.5, 0.9]],
]

[[camera]]
name = "hall"
detector.size = 960
[camera.detector2]
x = 1
"""


@pytest.mark.parametrize(
    ("place", "line"),
    [
        (("device",), 2),
        (("detector",), 4),
        (("detector", "size"), 5),
        (("detector", "weights"), 6),
        (("camera", 0, "name"), 9),
        (("camera", 0, "zones", 0, 2), 10),
        (("camera", 1), 14),
        (("camera", 1, "name"), 15),
        (("camera", 1, "detector", "size"), 16),
        (("camera", 1, "detector2", "x"), 18),
        (("camera", 1, "source"), 14),
        (("nowhere",), None),
        ((), None),
    ],
)
def test_the_line_of_a_setting(place: tuple[str | int, ...], line: int | None) -> None:
    assert line_of(TEXT, place) == line
