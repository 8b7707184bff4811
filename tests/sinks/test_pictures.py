from pathlib import Path

import pytest

from maskcam.sinks.pictures import PictureSink
from tests.factories import make_frame, make_image, make_result


def test_named_after_the_frame_and_never_twice(tmp_path: Path) -> None:
    cameras = [
        "a.png",
        "sub/a.jpeg",
        "A.jpg",
        "cam.front",
        "Küche 入口.webp",
        "../..",
        "x" * 300 + ".jpg",
        "q?<:>.png",
    ]
    with PictureSink(tmp_path) as sink:
        for camera in cameras:
            result = make_result(make_frame(camera=camera))
            assert sink.wants_picture(result)
            sink.write(result, make_image())
    names = [path.name for path in sink.paths]
    assert names[:6] == ["a.jpg", "a-2.jpg", "A-3.jpg", "cam.front.jpg", "Küche 入口.jpg", "picture.jpg"]
    assert names[6] == "x" * 150 + ".jpg"
    assert names[7] == "q.jpg"
    assert sorted(tmp_path.iterdir()) == sorted(sink.paths)


def test_a_missing_picture_is_misuse(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="picture"), PictureSink(tmp_path) as sink:
        sink.write(make_result(), None)
