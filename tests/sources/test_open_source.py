from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from maskcam.errors import InputError, SourceError, SourceNotFoundError
from maskcam.sources import Source, distinct, open_source, source_name
from maskcam.sources.file import VideoFileSource
from maskcam.sources.images import ImagesSource
from maskcam.sources.stream import StreamSource
from maskcam.sources.synthetic import SyntheticSource
from tests.sources.media import corner_picture, write_picture, write_video
from tests.sources.servers import closed_port, http_server


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("p10.png", "p2.png"):
        write_picture(tmp_path / name, corner_picture())
    write_video(tmp_path / "v.mp4", frame_count=3)
    write_video(tmp_path / "odd.mkv", frame_count=3).rename(tmp_path / "odd.dat")
    return tmp_path


@pytest.mark.parametrize(
    ("spec", "kind", "name", "frame_count"),
    [
        ("v.mp4", VideoFileSource, "v.mp4", 3),
        ("odd.dat", VideoFileSource, "odd.dat", 3),
        ("v.*", VideoFileSource, "v.*", 3),
        ("p2.png", ImagesSource, "p2.png", 1),
        ("*.png", ImagesSource, "*.png", 2),
    ],
)
def test_paths(folder: Path, spec: str, kind: type[Source], name: str, frame_count: int) -> None:
    with open_source(str(folder / spec)) as source:
        assert type(source) is kind
        assert source.info.name == name
        assert len(list(source)) == frame_count


def test_a_folder_of_pictures_comes_in_natural_order(folder: Path) -> None:
    (folder / "v.mp4").unlink()
    with open_source(str(folder)) as source:
        assert source.info.name == folder.name
        assert [frame.camera for frame in source] == ["p2.png", "p10.png"]


def test_a_folder_of_pictures_and_videos_is_not_one_source(folder: Path) -> None:
    with pytest.raises(InputError, match=r"stands for 1 video\(s\) and 2 picture\(s\)"):
        open_source(str(folder))


def test_addresses(folder: Path) -> None:
    with http_server(folder) as address, open_source(f"HTTP://{address}/v.mp4", timeout_seconds=3) as source:
        assert type(source) is StreamSource
    with open_source("synthetic:8x8@5*2", name="door") as source:
        assert type(source) is SyntheticSource
        assert source.info.name == "door"


@pytest.mark.parametrize("scheme", ["rtsp", "rtsps", "http", "https"])
def test_stream_schemes_reach_the_network(scheme: str) -> None:
    with pytest.raises(SourceError, match=r"refuses the connection|cannot be reached"):
        open_source(f"{scheme}://{closed_port()}/x", timeout_seconds=1)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has device files")
@pytest.mark.parametrize("spec", [97, "97", "/dev/video97"])
def test_webcams(spec: str | int) -> None:
    with pytest.raises(SourceNotFoundError, match=r"/dev/video97\) does not exist"):
        open_source(spec)


@pytest.mark.parametrize("spec", ["gopher://admin:hunter2@cam/x", "synthetic:many"])
def test_unknown_specs_say_what_is_allowed(spec: str) -> None:
    with pytest.raises(InputError, match=r": (give a file|write synthetic)") as caught:
        open_source(spec)
    assert "hunter2" not in str(caught.value)


def test_missing_file() -> None:
    with pytest.raises(
        SourceNotFoundError, match=r"^There is no file or folder none\.mp4: check the name\.$"
    ):
        open_source("none.mp4")


def test_names() -> None:
    assert source_name(0) == source_name("00") == "webcam 0"
    assert source_name("/dev/video3") == "/dev/video3"
    assert source_name("rtsp://a:b@cam/1") == "rtsp://***@cam/1"
    assert source_name("clips/ward.mp4") == "ward.mp4"
    assert distinct(["v.mp4", "v.mp4", "ward/3", "v.mp4"]) == ["v.mp4", "v.mp4 (2)", "ward/3", "v.mp4 (3)"]


def test_importing_loads_neither_pyav_nor_opencv() -> None:
    code = "import sys, maskcam.sources, maskcam.live; print({'av', 'cv2', 'torch'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
