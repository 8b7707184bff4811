import numpy as np
import pytest
import torch
from av.video.reformatter import ColorRange, Colorspace

from maskcam.gpu.upload import Uploader
from maskcam.pixels import ArrayPixels, Pixels
from maskcam.sources.planes import PlanarPixels
from tests.factories import make_image
from tests.sources.test_planes import picture

CPU = torch.device("cpu")


def as_image(bgr: torch.Tensor) -> np.ndarray:
    return bgr.permute(1, 2, 0).numpy()


@pytest.mark.parametrize("size_wh", [(320, 240), (334, 242), (321, 241)])  # padded rows, and odd sides
@pytest.mark.parametrize(
    "colorspace", [Colorspace.ITU601, Colorspace.ITU709, 2, 9]
)  # 2: not told, 9: BT.2020
@pytest.mark.parametrize("color_range", [ColorRange.MPEG, ColorRange.JPEG])
def test_planes_become_what_swscale_makes_of_them(
    size_wh: tuple[int, int], colorspace: int, color_range: int
) -> None:
    one = picture(size_wh, color_range=color_range)
    one.colorspace = colorspace  # only the label: what the same numbers mean
    pixels = PlanarPixels(one)
    (batch,) = Uploader(CPU).upload([pixels])
    assert batch.is_planar
    difference = np.abs(as_image(batch.bgr[0]) - pixels.whole())
    is_odd = any(side % 2 for side in size_wh)  # swscale interpolates chroma then
    assert difference.max() <= (16 if is_odd else 3)  # swscale rounds in between
    assert difference.mean() <= 2


def test_the_full_range_format_needs_no_label() -> None:
    pixels = PlanarPixels(picture(pixel_format="yuvj420p", color_range=ColorRange.UNSPECIFIED))
    (batch,) = Uploader(CPU).upload([pixels])
    assert np.abs(as_image(batch.bgr[0]) - pixels.whole()).max() <= 3


def test_pictures_that_are_bgr_stay_as_they_are() -> None:
    image = make_image((50, 40))
    (batch,) = Uploader(CPU).upload([ArrayPixels(image)])
    np.testing.assert_array_equal(as_image(batch.bgr[0]), image)
    assert batch.bgr.is_contiguous()
    assert batch.size_wh == (50, 40)


@pytest.mark.parametrize("kind", ["mirrored", "read-only", "cut out"])
def test_arrays_of_any_layout(kind: str) -> None:
    image = make_image((64, 48))
    if kind == "mirrored":
        image = image[:, ::-1]
    elif kind == "cut out":
        image = image[4:40, 5:50]
    else:
        image.flags.writeable = False
    (batch,) = Uploader(CPU).upload([ArrayPixels(image)])
    np.testing.assert_array_equal(as_image(batch.bgr[0]), image)


def test_pictures_of_one_size_and_coding_share_a_batch() -> None:
    pictures: list[Pixels] = [
        ArrayPixels(make_image((64, 48), seed=0)),
        PlanarPixels(picture((64, 48))),
        ArrayPixels(make_image((48, 64), seed=1)),
        ArrayPixels(make_image((64, 48), seed=2)),
        PlanarPixels(picture((64, 48), colorspace=Colorspace.ITU709)),
    ]
    uploader = Uploader(CPU)
    for _ in range(2):  # the memory between is used again
        batches = uploader.upload(pictures)
        assert [batch.members for batch in batches] == [(0, 3), (1,), (2,), (4,)]
        for batch in batches:
            for member, bgr in zip(batch.members, batch.bgr, strict=True):
                assert np.abs(as_image(bgr) - pictures[member].whole()).max() <= 3
