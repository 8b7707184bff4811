"""Decoding on a graphics card. Where there is none, the way to the CPU is tested, and that it is not silent."""

from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.reformatter import ColorRange, Colorspace

from maskcam.sources import hardware, open_source
from maskcam.sources.decoding import PictureReader
from maskcam.sources.file import VideoFileSource
from maskcam.sources.hardware import accelerator, note_of
from maskcam.sources.planes import PlanarPixels
from tests.cli import DEMO
from tests.sources.test_planes import picture

WORKS = hardware._fault() is None
needs_card = pytest.mark.skipif(not WORKS, reason="needs an NVIDIA card that decodes video")


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    """Nothing is remembered of another test's card."""
    hardware._fault.cache_clear()
    yield
    hardware._fault.cache_clear()


@pytest.mark.skipif(WORKS, reason="there is an NVIDIA card that decodes video")
@pytest.mark.parametrize("is_file", [True, False])
def test_asking_for_a_card_that_is_not_there_is_answered(is_file: bool) -> None:
    found, note = accelerator("cuda", is_file=is_file)
    assert found is None
    assert note is not None
    assert note.startswith("Video is decoded on the CPU: there is no CUDA device that can do it (")


def test_without_a_driver_nothing_is_tried(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(hardware, "_DRIVERS", (tmp_path / "nvidiactl",))
    monkeypatch.setattr(hardware, "_fault", lambda: pytest.fail("tried"))
    assert accelerator("auto", is_file=True) == (None, None)
    assert accelerator("none", is_file=True) == (None, None)


def test_a_driver_is_reason_to_try_for_recordings_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    driver = tmp_path / "nvidiactl"
    driver.touch()
    monkeypatch.setattr(hardware, "_DRIVERS", (driver,))
    monkeypatch.setattr(hardware, "_fault", lambda: "it is asleep")
    assert accelerator("auto", is_file=False) == (None, None)
    assert accelerator("none", is_file=True) == (None, None)
    found, note = accelerator("auto", is_file=True)
    assert found is None
    assert note == "Video is decoded on the CPU: there is no CUDA device that can do it (it is asleep)."


def test_pyav_without_cuda_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hardware, "hwdevices_available", lambda: ["vaapi"])
    _, note = accelerator("cuda", is_file=True)
    assert note is not None
    assert "PyAV was built without it" in note


def test_the_card_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def devices() -> list[str]:
        asked.append(1)
        return []

    monkeypatch.setattr(hardware, "hwdevices_available", devices)
    for _ in range(3):
        accelerator("cuda", is_file=False)
    assert len(asked) == 1


def test_a_kind_of_video_that_the_card_cannot_decode_is_said() -> None:
    with av.open(str(DEMO)) as container:
        next(container.decode(video=0))  # on the CPU
        assert note_of(container, name="demo.mp4") == (
            "demo.mp4 is decoded on the CPU: the CUDA device cannot decode this kind of h264."
        )


@pytest.mark.skipif(WORKS, reason="there is an NVIDIA card that decodes video")
def test_frames_come_all_the_same() -> None:
    with open_source(str(DEMO), hardware_decode="cuda") as source, VideoFileSource(DEMO) as plain:
        assert source.info.note is not None
        assert plain.info.note is None
        ours, theirs = next(iter(source)), next(iter(plain))
        np.testing.assert_array_equal(ours.image, theirs.image)


@pytest.mark.parametrize("colorspace", [Colorspace.ITU601, Colorspace.ITU709])
@pytest.mark.parametrize("color_range", [ColorRange.MPEG, ColorRange.JPEG])
def test_what_cards_hand_out_becomes_planes(colorspace: int, color_range: int) -> None:
    expected = picture(colorspace=colorspace, color_range=color_range)
    pixels = PictureReader().pixels(expected.reformat(format="nv12"))
    assert isinstance(pixels, PlanarPixels)
    planes, others = pixels.planes(), PlanarPixels(expected).planes()
    assert planes.coding == others.coding
    for one, other in zip((planes.luma, *planes.chroma), (others.luma, *others.chroma), strict=True):
        np.testing.assert_array_equal(one, other)


@needs_card
def test_a_card_decodes_the_same_pictures() -> None:
    with VideoFileSource(DEMO, hardware_decode="cuda") as source, VideoFileSource(DEMO) as plain:
        assert source.info.note is None
        for ours, theirs, _ in zip(source, plain, range(20), strict=False):
            assert ours.pts_seconds == theirs.pts_seconds
            np.testing.assert_array_equal(ours.image, theirs.image)  # H.264 says exactly what is decoded
