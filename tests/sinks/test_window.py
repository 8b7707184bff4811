import ctypes
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from maskcam.errors import OutputError
from maskcam.sinks.window import WindowSink, check_display
from tests.factories import make_frame, make_image, make_result
from tests.sinks.windows import FakeWindows
from tests.tools import require_tool

DOOR = "maskcam - door"


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> FakeWindows:
    return FakeWindows(monkeypatch)


def write(sink: WindowSink, *, camera: str = "door", index: int = 0) -> None:
    result = make_result(make_frame(camera=camera, index=index))
    sink.write(result, make_image(seed=index) if sink.wants_picture(result) else None)


def test_one_window_per_camera(windows: FakeWindows) -> None:
    with WindowSink() as sink:
        for index in range(2):
            write(sink, index=index)
            write(sink, camera="Küche", index=index)
        assert not sink.quit_requested
    assert {title: len(shown) for title, shown in windows.shown.items()} == {DOOR: 2, "maskcam - Küche": 2}
    assert sorted(windows.destroyed) == sorted(windows.shown)


def test_large_frames_get_a_window_that_fits_the_screen(windows: FakeWindows) -> None:
    with WindowSink() as sink:
        sink.write(make_result(), make_image((3840, 2160)))
    assert windows.sizes == {DOOR: (1280, 720)}


@pytest.mark.parametrize("key", ["q", "Q", "\x1b"])
def test_quits(windows: FakeWindows, key: str) -> None:
    windows.keys.append(key)
    with WindowSink() as sink:
        write(sink)
        assert sink.quit_requested
        assert not sink.wants_picture(make_result())


def test_closing_the_last_window_quits(windows: FakeWindows) -> None:
    with WindowSink() as sink:
        write(sink)
        write(sink, camera="gate")
        windows.closed_by_user.add(DOOR)
        write(sink, camera="gate")
        assert not sink.quit_requested
        write(sink)
        assert len(windows.shown[DOOR]) == 1, "shown again though it was closed"
        windows.closed_by_user.add("maskcam - gate")
        write(sink, camera="gate")
        assert sink.quit_requested
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
    with WindowSink(holds_when_paused=False) as sink:
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


def test_a_picture_that_cannot_be_saved_stops_nothing(windows: FakeWindows, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    said: list[str] = []
    windows.keys.append("s")
    with WindowSink(pictures=tmp_path / "file", say=said.append) as sink:
        write(sink)
    assert "cannot write the picture" in said[0]


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
from tests.factories import make_image, make_result
with WindowSink(pictures=Path(sys.argv[1]), say=print) as sink:
    for _ in range(2000):
        sink.write(make_result(), make_image())
        if sink.quit_requested:
            sys.exit("quit")
"""


@pytest.fixture
def display(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A virtual screen."""
    xvfb = require_tool("Xvfb")
    command = [xvfb, "-displayfd", "1", "-screen", "0", "640x480x24", "-nolisten", "tcp", "-noreset"]
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
    command = [sys.executable, "-c", SHOW, str(tmp_path)]
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
