import ctypes
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from maskcam.errors import OutputError
from maskcam.sinks.window import WindowSink, check_display
from maskcam.types import Image
from tests.factories import make_frame, make_image, make_result
from tests.sinks.windows import FakeWindows
from tests.tools import require_tool

DOOR = "maskcam - door"
MOSAIC = "maskcam"


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> FakeWindows:
    return FakeWindows(monkeypatch)


@pytest.fixture
def windows_at_once(windows: FakeWindows, monkeypatch: pytest.MonkeyPatch) -> FakeWindows:
    """A mosaic that is shown anew with every write."""
    monkeypatch.setattr("maskcam.sinks.window._PERIOD_SECONDS", 0)
    return windows


def write(sink: WindowSink, *, camera: str = "door", index: int = 0, level: int | None = None) -> None:
    result = make_result(make_frame(camera=camera, index=index))
    picture = make_image(seed=index) if level is None else np.full((240, 320, 3), level, np.uint8)
    sink.write(result, picture if sink.wants_picture(result) else None)


def test_one_camera_is_shown_as_it_is(windows: FakeWindows) -> None:
    with WindowSink(cameras=["door"]) as sink:
        for index in range(3):
            write(sink, index=index)
        assert not sink.quit_requested
    assert list(windows.shown) == [DOOR]
    for index, picture in enumerate(windows.shown[DOOR]):
        assert np.array_equal(picture, make_image(seed=index))
    assert windows.destroyed == [DOOR]


def test_one_window_for_all_cameras(windows_at_once: FakeWindows) -> None:
    with WindowSink(cameras=["door", "gate"]) as sink:
        write(sink, camera="gate", level=200)
        write(sink, level=100)
    assert list(windows_at_once.shown) == [MOSAIC]
    before, after = windows_at_once.shown[MOSAIC]
    width = after.shape[1]
    assert before[20, width // 4].max() < 50, "no room for the camera that is yet to come"
    assert [int(after[20, x].max()) for x in (width // 4, 3 * width // 4)] == [100, 200]
    assert windows_at_once.sizes == {MOSAIC: (width, after.shape[0])}


def test_a_mosaic_is_not_shown_for_every_frame_of_every_camera(
    windows: FakeWindows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("maskcam.sinks.window._PERIOD_SECONDS", 3600)
    with WindowSink(cameras=["door", "gate"]) as sink:
        for index in range(5):
            write(sink, index=index)
            write(sink, camera="gate", index=index)
        assert len(windows.shown[MOSAIC]) == 1
        monkeypatch.setattr("maskcam.sinks.window._PERIOD_SECONDS", 0)
        sink.refresh()
        sink.refresh()
        assert len(windows.shown[MOSAIC]) == 2, "shown again without need, or not at all"


def test_the_window_lives_without_a_frame(windows_at_once: FakeWindows) -> None:
    windows_at_once.keys.append("q")
    with WindowSink(cameras=["door"]) as sink:
        sink.refresh()
        assert sink.quit_requested
    assert windows_at_once.shown[DOOR][0].max() > 200, "nothing says that it is connecting"


def test_a_camera_without_pictures_is_dimmed_and_says_why(windows_at_once: FakeWindows) -> None:
    with WindowSink(cameras=["door"]) as sink:
        write(sink, level=200)
        sink.note("door", "reconnecting: no data for 5 s")
        sink.refresh()
        sink.note("door", None)
        sink.refresh()
    bright, dimmed, again = windows_at_once.shown[DOOR]
    assert dimmed[5, 5].max() < 100
    assert dimmed[110:130, 60:260].max() > 200, "no text"
    assert np.array_equal(bright, again)


def test_a_number_or_a_click_shows_one_camera_alone_and_again_all(windows_at_once: FakeWindows) -> None:
    with WindowSink(cameras=["door", "gate"]) as sink:
        write(sink, level=100)
        write(sink, camera="gate", level=200)
        everything = windows_at_once.shown[MOSAIC][-1]
        size_wh = windows_at_once.sizes[MOSAIC]

        def shown() -> Image:
            sink.refresh()  # a key shows with the next call
            sink.refresh()
            return windows_at_once.shown[MOSAIC][-1]

        for key, level in [("2", 200), ("1", 100), ("1", None), ("9", None), ("2", 200), ("0", None)]:
            windows_at_once.keys.append(key)
            assert np.array_equal(shown(), everything if level is None else np.full((240, 320, 3), level))
        windows_at_once.click(MOSAIC, size_wh[0] - 5, 5)
        assert np.array_equal(shown(), np.full((240, 320, 3), 200))
        windows_at_once.click(MOSAIC, 5, 5)
        assert np.array_equal(shown(), everything)
    assert windows_at_once.sizes[MOSAIC] == size_wh, "the window jumps"


def test_large_frames_get_a_window_that_fits_the_screen(windows: FakeWindows) -> None:
    with WindowSink(cameras=["door"]) as sink:
        sink.write(make_result(), make_image((3840, 2160)))
    assert windows.sizes == {DOOR: (1280, 720)}


@pytest.mark.parametrize("key", ["q", "Q", "\x1b"])
def test_quits(windows: FakeWindows, key: str) -> None:
    windows.keys.append(key)
    with WindowSink() as sink:
        write(sink)
        assert sink.quit_requested
        assert not sink.wants_picture(make_result())


def test_closing_the_window_quits(windows: FakeWindows) -> None:
    with WindowSink(cameras=["door"]) as sink:
        write(sink)
        windows.closed_by_user.add(DOOR)
        write(sink)
        assert sink.quit_requested
        write(sink)
        assert len(windows.shown[DOOR]) == 2, "shown again though it was closed"
    assert not windows.destroyed


def test_a_recording_waits_while_paused(windows: FakeWindows) -> None:
    windows.keys.extend("pxxp")
    with WindowSink() as sink:
        write(sink)
        assert not sink.paused
    assert windows.waits >= 4


def test_quits_while_paused(windows: FakeWindows) -> None:
    windows.keys.extend("pxq")
    with WindowSink() as sink:
        write(sink)
        assert sink.quit_requested


def test_cameras_go_on_behind_a_still_picture(windows: FakeWindows) -> None:
    windows.keys.extend("pxxp")
    with WindowSink(cameras=["door"], holds_when_paused=False) as sink:
        for index in range(5):
            write(sink, index=index)
            assert sink.paused == (index < 3)
    assert len(windows.shown[DOOR]) == 2


def test_saves_what_is_shown_and_says_where(windows: FakeWindows, tmp_path: Path) -> None:
    said: list[str] = []
    windows.keys.extend("xps")
    with WindowSink(pictures=tmp_path / "new", say=said.append, holds_when_paused=False) as sink:
        for index in range(3):
            write(sink, index=index)
    (picture,) = (tmp_path / "new").iterdir()
    assert picture.name == "door-000001.jpg"
    assert str(picture) in said[0]


def test_saves_nothing_where_only_statistics_are_kept(windows: FakeWindows) -> None:
    said: list[str] = []
    windows.keys.append("s")
    with WindowSink(pictures=None, say=said.append) as sink:
        write(sink)
    assert said == ["No picture was saved: only statistics are to be kept"]


def test_a_picture_that_cannot_be_saved_stops_nothing(windows: FakeWindows, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    said: list[str] = []
    windows.keys.append("s")
    with WindowSink(pictures=tmp_path / "file", say=said.append) as sink:
        write(sink)
    assert "cannot write the picture" in said[0]


def test_closed_while_it_is_being_opened(windows: FakeWindows, monkeypatch: pytest.MonkeyPatch) -> None:
    def vanish(title: str, width: int, height: int) -> None:  # noqa: ARG001
        windows.closed_by_user.add(title)
        raise cv2.error("NULL guiReceiver (please create a window)")

    monkeypatch.setattr(cv2, "resizeWindow", vanish)
    with WindowSink(cameras=["door"]) as sink:
        write(sink)
        assert sink.quit_requested
    assert windows.shown == {DOOR: []}


def test_saves_every_camera_or_the_one_that_is_alone(windows_at_once: FakeWindows, tmp_path: Path) -> None:
    windows_at_once.keys.extend("x2s")
    with WindowSink(cameras=["door", "gate", "roof"], pictures=tmp_path) as sink:
        write(sink)
        write(sink, camera="gate", index=3)
        sink.refresh()
        assert [path.name for path in tmp_path.iterdir()] == ["gate-000003.jpg"]
        windows_at_once.keys.extend("2s")
        sink.refresh()
        sink.refresh()
    saved = [cv2.imread(str(path)) for path in tmp_path.iterdir()]
    assert [image.shape for image in saved if image is not None] == [(240, 320, 3)] * 2, "not in full size"


# ---- real displays; in a process of its own, which is what a toolkit without a display takes down


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere there is always a display")
@pytest.mark.parametrize("display", ["", ":987", "no such:1"])
def test_no_display_is_one_sentence(monkeypatch: pytest.MonkeyPatch, display: str) -> None:
    monkeypatch.setenv("DISPLAY", display)
    with pytest.raises(OutputError, match=r"display.*--headless"):
        check_display()


SHOW = """
import sys
from pathlib import Path
from maskcam.sinks.window import WindowSink
from tests.factories import make_frame, make_image, make_result
with WindowSink(cameras=sys.argv[2:], pictures=Path(sys.argv[1]), say=print) as sink:
    for _ in range(2000):
        for camera in sys.argv[2:]:
            sink.write(make_result(make_frame(camera=camera)), make_image())
        if sink.quit_requested:
            sys.exit("quit")
"""


@pytest.fixture
def display(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A virtual screen."""
    xvfb = require_tool("Xvfb")
    command = [xvfb, "-displayfd", "1", "-screen", "0", "1280x800x24", "-nolisten", "tcp", "-noreset"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        assert server.stdout is not None
        name = f":{server.stdout.readline().strip()}"
        monkeypatch.setenv("DISPLAY", name)
        yield name
        server.terminate()


def find_window(xdotool: str, title: str, shown: subprocess.Popen[str]) -> str:
    while shown.poll() is None:
        search = [xdotool, "search", "--name", title]
        found = subprocess.run(search, capture_output=True, text=True, check=False)
        if found.stdout.strip():
            return found.stdout.split()[-1]
        time.sleep(0.1)
    raise AssertionError(f"no window called {title}: {shown.communicate()}")


def click_x(display: str, window: int) -> None:
    """Sends what a window manager sends when the X is clicked (ICCCM, WM_DELETE_WINDOW)."""
    x11 = ctypes.CDLL("libX11.so.6")
    x11.XOpenDisplay.restype = ctypes.c_void_p
    x11.XInternAtom.restype = ctypes.c_ulong
    server = ctypes.c_void_p(x11.XOpenDisplay(display.encode()))
    protocols, delete = (x11.XInternAtom(server, name, 0) for name in (b"WM_PROTOCOLS", b"WM_DELETE_WINDOW"))
    # XClientMessageEvent: type 33, serial, send_event, display, window, message_type, format, data
    event = (ctypes.c_long * 24)(33, 0, 0, 0, window, protocols, 32, delete, 0)
    x11.XSendEvent(server, ctypes.c_ulong(window), 0, ctypes.c_long(0), event)
    x11.XCloseDisplay(server)


@pytest.mark.parametrize("way", ["q", "Escape", "x"])
def test_a_real_window(display: str, tmp_path: Path, way: str) -> None:
    xdotool = require_tool("xdotool")
    command = [sys.executable, "-c", SHOW, str(tmp_path), "door"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as shown:
        window = find_window(xdotool, DOOR, shown)
        if way == "x":
            click_x(display, int(window))
        else:
            for key in ["s", "p", "p", way]:
                subprocess.run([xdotool, "key", "--window", window, key], check=True, capture_output=True)
                time.sleep(0.2)
        said, complaints = shown.communicate(timeout=20)
    assert complaints.splitlines()[-1:] == ["quit"], (shown.returncode, said, complaints)
    assert shown.returncode == 1
    if way != "x":
        assert (tmp_path / "door-000000.jpg").is_file()
        assert "door-000000.jpg" in said


def test_a_real_click_shows_one_camera_alone(display: str, tmp_path: Path) -> None:  # noqa: ARG001
    xdotool = require_tool("xdotool")
    command = [sys.executable, "-c", SHOW, str(tmp_path), "door", "gate"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as shown:
        window = find_window(xdotool, MOSAIC, shown)
        for action in [["mousemove", "--window", window, "900", "200"], ["click", "1"]]:
            subprocess.run([xdotool, *action], check=True, capture_output=True)
            time.sleep(0.3)
        for key in ["s", "q"]:
            subprocess.run([xdotool, "key", "--window", window, key], check=True, capture_output=True)
            time.sleep(0.3)
        said, complaints = shown.communicate(timeout=20)
    assert complaints.splitlines()[-1:] == ["quit"], (shown.returncode, said, complaints)
    assert [path.name for path in tmp_path.iterdir()] == ["gate-000000.jpg"]
