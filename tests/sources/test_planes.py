from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from av.video.reformatter import ColorRange, Colorspace

from maskcam.pixels import ArrayPixels
from maskcam.sources.planes import PlanarPixels
from tests.factories import make_image


def picture(
    size_wh: tuple[int, int] = (320, 240),
    *,
    pixel_format: str = "yuv420p",
    colorspace: int = Colorspace.ITU601,
    color_range: int = ColorRange.MPEG,
) -> av.VideoFrame:
    made = av.VideoFrame.from_ndarray(make_image(size_wh), format="bgr24")
    return made.reformat(format=pixel_format, dst_colorspace=colorspace, dst_color_range=color_range)


@pytest.mark.parametrize("size_wh", [(320, 240), (334, 242)])  # rows with padding after them, too
def test_whole_is_what_the_library_makes_of_it(size_wh: tuple[int, int]) -> None:
    one = picture(size_wh)
    pixels = PlanarPixels(one)
    assert pixels.size_wh == size_wh
    assert (pixels.whole() == one.to_ndarray(format="bgr24")).all()
    assert pixels.whole() is pixels.whole()


@pytest.mark.parametrize("edges", [(10, 20, 90, 100), (11, 21, 78, 93), (0, 0, 3, 5), (250, 200, 320, 240)])
@pytest.mark.parametrize(
    ("pixel_format", "colorspace", "color_range"),
    [
        ("yuv420p", Colorspace.ITU601, ColorRange.MPEG),
        ("yuv420p", Colorspace.ITU709, ColorRange.MPEG),
        ("yuvj420p", Colorspace.ITU601, ColorRange.JPEG),
    ],
)
def test_a_region_is_that_part_of_the_whole(
    edges: tuple[int, int, int, int], pixel_format: str, colorspace: int, color_range: int
) -> None:
    one = picture(pixel_format=pixel_format, colorspace=colorspace, color_range=color_range)
    left, top, right, bottom = edges
    part = PlanarPixels(one).region(*edges)
    whole = PlanarPixels(one).whole()[top:bottom, left:right]
    # swscale rounds otherwise at the ends of rows that are no multiple of its vectors
    assert np.abs(part.astype(int) - whole).max() <= 1


def test_regions_of_odd_pictures_and_empty_ones() -> None:
    odd = PlanarPixels(picture((321, 241)))
    assert odd.region(300, 220, 321, 241).shape == (21, 21, 3)
    assert odd.region(5, 5, 5, 9).shape == (4, 0, 3)


@pytest.mark.parametrize("is_known", [False, True])
def test_a_copy_is_ones_own(is_known: bool) -> None:
    pixels = PlanarPixels(picture())
    expected = PlanarPixels(picture()).whole()
    if is_known:
        pixels.whole()
    copied = pixels.copy()
    assert (copied == expected).all()
    copied[:] = 0
    assert (pixels.whole() == expected).all()


def test_after_the_whole_is_there_a_region_is_a_view_of_it() -> None:
    pixels = PlanarPixels(picture())
    assert np.shares_memory(pixels.whole(), pixels.region(10, 10, 30, 30))


@pytest.mark.parametrize("size_wh", [(160, 120), (100, 75), (320, 240), (480, 360)])
def test_scaled_is_what_scaling_the_whole_would_give(size_wh: tuple[int, int]) -> None:
    pixels = PlanarPixels(picture())
    scaled = pixels.scaled(size_wh)
    assert scaled.shape == (size_wh[1], size_wh[0], 3)
    # brightness agrees; colour is sampled for two by two pixels, and scaled before or after it is spread over them
    apart = scaled.mean(axis=2) - ArrayPixels(pixels.whole()).scaled(size_wh).mean(axis=2)
    assert np.abs(apart).mean() < 2.5


def test_pixels_outlive_their_container(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        for shade in (40, 120, 200):
            image = np.full((240, 320, 3), shade, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="bgr24")))
        container.mux(stream.encode(None))
    with av.open(str(path)) as container:
        kept = [PlanarPixels(frame) for frame in container.decode(video=0)]
    for pixels, shade in zip(kept, (40, 120, 200), strict=True):
        assert abs(cv2.mean(pixels.region(100, 100, 120, 120))[0] - shade) < 8
