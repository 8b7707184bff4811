from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from maskcam.errors import SourceError, SourceNotFoundError
from maskcam.sources.images import ImagesSource, read_image
from tests.sources.media import corner_picture, cut, red_corner, with_exif_orientation, write_picture


@pytest.mark.parametrize("ending", [".png", ".bmp", ".tiff", ".ppm", ".jpg", ".webp", ".avif"])
def test_formats(tmp_path: Path, ending: str) -> None:
    image = read_image(write_picture(tmp_path / f"p{ending}", corner_picture()))
    assert (
        np.abs(image.astype(int) - corner_picture()).mean() < 8
    )  # JPEG, WebP and AVIF lose a little of the noise
    assert image.flags.c_contiguous


@pytest.mark.parametrize("ending", [".png", ".jpg", ".tiff"])
def test_grey(tmp_path: Path, ending: str) -> None:
    grey = np.full((8, 9), 77, np.uint8)
    assert (read_image(write_picture(tmp_path / f"p{ending}", grey)) == np.full((8, 9, 3), 77)).all()


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("ending", [".png", ".tiff"])
def test_sixteen_bits(tmp_path: Path, ending: str, channels: int) -> None:
    deep = np.full((8, 9, channels), 0xFF00, np.uint16)
    deep[..., 0] = 0x8000
    if channels == 4:
        deep[..., 3] = 0xFFFF
    image = read_image(write_picture(tmp_path / f"p{ending}", deep))
    assert image[0, 0].tolist() == pytest.approx([128] * 3 if channels == 1 else [128, 255, 255], abs=1)


@pytest.mark.parametrize("ending", [".png", ".webp"])
def test_transparent_parts_are_white(tmp_path: Path, ending: str) -> None:
    bgra = np.zeros((8, 8, 4), np.uint8)
    bgra[:4] = (0, 0, 255, 255)
    path = write_picture(tmp_path / f"p{ending}", bgra, params=(cv2.IMWRITE_WEBP_QUALITY, 101))
    image = read_image(path)
    assert image[0, 0].tolist() == [0, 0, 255]
    assert image[7, 7].tolist() == [255, 255, 255]


def test_palette(tmp_path: Path) -> None:
    from PIL import Image as PillowImage  # comes with torchvision; OpenCV writes no palettes

    PillowImage.fromarray(corner_picture()[:, :, ::-1]).quantize(8).save(tmp_path / "p.png")
    image = read_image(tmp_path / "p.png")
    assert red_corner(image) == "top left"
    assert image.shape == (64, 96, 3)


@pytest.mark.parametrize(
    ("orientation", "corner"),
    list(enumerate(2 * ["top left", "top right", "bottom right", "bottom left"], start=1)),
)
def test_exif_orientation(tmp_path: Path, orientation: int, corner: str) -> None:
    path = write_picture(tmp_path / "p.jpg", corner_picture())
    path.write_bytes(with_exif_orientation(path.read_bytes(), orientation))
    image = read_image(path)
    assert red_corner(image) == corner
    assert image.shape == ((64, 96, 3) if orientation <= 4 else (96, 64, 3))


def test_smallest_picture(tmp_path: Path) -> None:
    assert read_image(write_picture(tmp_path / "p.png", np.zeros((1, 1, 3), np.uint8))).shape == (1, 1, 3)


@pytest.mark.parametrize("ending", [".jpg", ".png", ".webp", ".bmp"])
@pytest.mark.parametrize("share", [0.0, 0.02, 0.6])
def test_damaged_pictures_are_refused(tmp_path: Path, ending: str, share: float) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    path = cut(write_picture(tmp_path / f"whole{ending}", noise), tmp_path / f"p{ending}", share=share)
    with pytest.raises(SourceError, match=rf"^p\{ending} is (empty|damaged|not a picture)[^\n]+\.$"):
        read_image(path)


def test_the_thumbnail_of_a_cut_jpeg_does_not_count_as_its_end(tmp_path: Path) -> None:
    path = write_picture(tmp_path / "p.jpg", corner_picture())
    data = path.read_bytes()
    path.write_bytes(data[:2] + b"\xff\xe1\x00\x06\xff\xda\xff\xd9" + data[2:-40])
    with pytest.raises(SourceError, match="breaks off"):
        read_image(path)


def test_one_bad_picture_does_not_stop_the_others(tmp_path: Path) -> None:
    paths = [write_picture(tmp_path / f"{name}.png", corner_picture()) for name in "abcd"]
    paths[1].write_bytes(b"junk")
    paths[2].unlink()
    told: list[str] = []
    cameras: list[tuple[str, int]] = []
    with ImagesSource(paths, on_error=lambda error: told.append(str(error))) as source:
        with pytest.raises(
            SourceError, match=r"^2 of 4 pictures in .+ could not be read, the first: b\.png is"
        ):
            cameras.extend((frame.camera, frame.index) for frame in source)
        assert cameras == [("a.png", 0), ("d.png", 3)]
        assert told == [str(error) for error in source.failed]
        assert [type(error) for error in source.failed] == [SourceError, SourceNotFoundError]


def test_pictures_of_the_same_name_keep_their_folder(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        write_picture(tmp_path / folder / "p.png", corner_picture())
    with ImagesSource(sorted(tmp_path.glob("*/p.png"))) as source:
        assert [frame.camera for frame in source] == ["one/p.png", "two/p.png"]


def test_info(tmp_path: Path) -> None:
    path = write_picture(tmp_path / "p.png", corner_picture())
    with ImagesSource([path]) as one, ImagesSource([path, path]) as two:
        assert (one.info.name, one.info.frame_count, one.info.is_still) == ("p.png", 1, True)
        assert (two.info.name, two.info.frame_count) == (tmp_path.name, 2)


def test_nothing_to_read(tmp_path: Path) -> None:
    with pytest.raises(SourceNotFoundError):
        ImagesSource([])
    with pytest.raises(SourceNotFoundError, match=r"none\.png"):
        ImagesSource([tmp_path / "none.png"])
