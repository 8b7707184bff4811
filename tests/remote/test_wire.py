"""Pictures to bytes and back."""

import numpy as np
import pytest

from maskcam.remote.model_pb2 import Pictures
from maskcam.remote.wire import WireError, pack, unpack
from tests.remote.servers import face_like_crops


def test_raw_pictures_come_back_as_they_were() -> None:
    crops = face_like_crops(3)
    for view in (crops, crops[:, ::-1], crops[..., ::-1]):
        np.testing.assert_array_equal(np.stack(unpack(pack(view, "raw"))), view)


def test_jpeg_takes_fewer_bytes_and_changes_little() -> None:
    crops = face_like_crops(3)
    message = pack(crops, "jpeg")
    assert message.ByteSize() < crops.nbytes / 5
    found = np.stack(unpack(message)).astype(int)
    assert found.shape == crops.shape
    assert np.abs(found - crops).mean() < 2, "quality 95 keeps a smooth picture to within noise"


def test_pictures_that_are_not_square() -> None:
    frame = np.zeros((9, 16, 3), np.uint8)
    frame[2, 5] = (1, 2, 3)
    np.testing.assert_array_equal(unpack(pack([frame], "raw"))[0], frame)


@pytest.mark.parametrize("encoding", ["raw", "jpeg"])
def test_no_pictures(encoding: str) -> None:
    assert unpack(pack(face_like_crops(1)[:0], encoding)) == []  # type: ignore[arg-type]


def test_what_says_nothing_holds_no_pictures() -> None:
    assert unpack(Pictures()) == []


@pytest.mark.parametrize(
    "message",
    [
        Pictures(raw=Pictures.Raw(height=2, width=2, pixels=b"12 bytes + 1.")),
        Pictures(raw=Pictures.Raw(height=0, width=2, pixels=b"something")),
        Pictures(raw=Pictures.Raw(height=2, width=2)),
        Pictures(jpegs=Pictures.Jpegs(files=[b"no JPEG"])),
        Pictures(jpegs=Pictures.Jpegs(files=[b""])),
    ],
)
def test_nonsense_is_refused(message: Pictures) -> None:
    with pytest.raises(WireError, match="bytes"):
        unpack(message)
