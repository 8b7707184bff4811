from pathlib import Path

import cv2
import numpy as np
import pytest

from maskcam.errors import OutputError
from maskcam.sinks.snapshots import SnapshotSink
from maskcam.types import Image, ViolationPhase
from tests.factories import make_frame, make_image, make_result, make_violation


def read(path: Path) -> Image:
    image = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    return image.astype(np.uint8)


def same(a: Image, b: Image) -> bool:
    """Equal but for what JPEG loses on a soft picture."""
    return a.shape == b.shape and float(np.abs(a.astype(float) - b).mean()) < 4


def test_annotated_frame_and_clean_face(tmp_path: Path) -> None:
    frame = make_frame()
    picture = np.zeros_like(frame.image)
    with SnapshotSink(tmp_path, margin=0.5) as sink:
        sink.write(make_result(frame, (), (make_violation(box_xyxy=(100, 80, 160, 150)),)), picture)
    assert same(read(tmp_path / "door_00001.jpg"), picture)
    # 60 x 70 pixels with half of each on every side, from the frame and not from the picture
    assert same(read(tmp_path / "faces" / "door_00001.jpg"), frame.image[45:185, 70:190])


def test_best_view_replaces_and_the_rest_does_not(tmp_path: Path) -> None:
    with SnapshotSink(tmp_path) as sink:
        for index, (phase, best) in enumerate(
            [
                (ViolationPhase.STARTED, True),
                (ViolationPhase.UPDATED, True),
                (ViolationPhase.UPDATED, False),
                (ViolationPhase.ENDED, False),
            ]
        ):
            result = make_result(make_frame(index=index), (), (make_violation(phase, is_best_view=best),))
            assert sink.wants_picture(result) == best
            sink.write(result, make_image(seed=10 * index) if best else None)
    assert same(read(tmp_path / "door_00001.jpg"), make_image(seed=10))
    assert not same(make_image(seed=0), make_image(seed=10)), "the pictures must differ for this test"
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["door_00001.jpg", "door_00001.jpg", "faces"]


@pytest.mark.parametrize(
    "box", [(-50, -50, -10, -10), (1e6, 1e6, 2e6, 2e6), (5, 5, 5, 5), (-9, -9, 999, 999)]
)
def test_any_box_gives_a_face_picture(tmp_path: Path, box: tuple[float, float, float, float]) -> None:
    with SnapshotSink(tmp_path) as sink:
        sink.write(make_result(violations=(make_violation(box_xyxy=box),)), make_image())
    assert read(tmp_path / "faces" / "door_00001.jpg").size


def test_folder_that_vanished_is_made_again_or_named(tmp_path: Path) -> None:
    folder = tmp_path / "snapshots"
    sink = SnapshotSink(folder)
    (folder / "faces").rmdir()
    folder.rmdir()
    result = make_result(violations=(make_violation(),))
    sink.write(result, make_image())
    assert (folder / "door_00001.jpg").is_file()
    (folder / "door_00001.jpg").unlink()
    (folder / "door_00001.jpg").mkdir()
    with pytest.raises(OutputError, match=r"door_00001\.jpg"):
        sink.write(result, make_image())
    assert not list(folder.glob(".*"))


def test_a_missing_picture_is_misuse(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="picture"), SnapshotSink(tmp_path) as sink:
        sink.write(make_result(violations=(make_violation(),)), None)
