import shutil
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest

from maskcam.errors import OutputError
from maskcam.sinks.fragments import keep_whole_fragments, whole_boxes
from maskcam.sinks.video import VideoSink
from tests.factories import make_frame, make_result
from tests.sinks.browser import play

RECORD = """
import sys, itertools
from pathlib import Path
from maskcam.sinks.video import VideoSink
from tests.factories import make_frame, make_result
fps = float(sys.argv[2])
with VideoSink(Path(sys.argv[1]), crash_safe=True) as sink:
    for index in itertools.count():
        frame = make_frame(index=index, pts_seconds=index / fps)
        sink.write(make_result(frame), frame.image)
        print(index, flush=True)
"""


def record_until_killed(path: Path, *, fps: float, seconds: float) -> float:
    """Records in a process of its own that dies by SIGKILL; returns the time of the last frame it was given."""
    command = [sys.executable, "-c", RECORD, str(path), str(fps)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as recorder:
        assert recorder.stdout is not None
        for line in recorder.stdout:
            if int(line) >= seconds * fps:
                break
        recorder.kill()
        written = [int(line), *map(int, recorder.stdout.read().split())]
    return written[-1] / fps


def shown_at(path: Path) -> list[float]:
    """Times of all frames, for a file whose last one may be half there."""
    times = []
    with av.open(str(path)) as container:
        for packet in container.demux(video=0):
            try:
                times += [float(frame.pts * frame.time_base) for frame in packet.decode()]
            except av.InvalidDataError:
                break
    return times


def write_noise(path: Path, frames: int) -> None:
    """Pictures of about 15 kB each at 15 frames per second."""
    noise = np.random.default_rng(0)
    with VideoSink(path, crash_safe=True) as sink:
        for index in range(frames):
            image = noise.integers(0, 60, (240, 320, 3), np.uint8)
            frame = make_frame(image=image, index=index, pts_seconds=index / 15)
            sink.write(make_result(frame), frame.image)


@pytest.mark.parametrize("fps", [2, 15])
def test_a_killed_recording_can_be_played_almost_to_its_end(tmp_path: Path, fps: float) -> None:
    last_seconds = record_until_killed(tmp_path / "ward.mp4", fps=fps, seconds=8)
    assert [path.name for path in tmp_path.iterdir()] == ["ward.partial.mp4"]
    times = shown_at(tmp_path / "ward.partial.mp4")
    assert times == pytest.approx([index / fps for index in range(len(times))], abs=1 / 90_000)
    assert times[-1] >= last_seconds - 3


@pytest.mark.parametrize("killed", [True, False])
def test_a_browser_plays_it(tmp_path: Path, killed: bool) -> None:
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("needs the program chromium: apt-get install chromium")
    if killed:
        record_until_killed(tmp_path / "a.mp4", fps=15, seconds=6)
    else:
        write_noise(tmp_path / "a.mp4", 90)
    (video,) = tmp_path.iterdir()
    times = shown_at(video)
    frames, seconds = play(chromium, video, profile=tmp_path / "profile")
    assert frames == len(times)
    assert seconds >= times[-1]


def test_a_closed_recording_is_one_ordinary_file(tmp_path: Path) -> None:
    path = tmp_path / "ward.mp4"
    write_noise(path, 60)
    assert list(tmp_path.iterdir()) == [path]
    assert len(shown_at(path)) == 60
    with path.open("rb") as file:
        assert [kind for kind, _ in whole_boxes(file)] == [b"ftyp", b"free", b"mdat", b"moov"]
    with av.open(str(path)) as container:
        assert container.duration / av.time_base == pytest.approx(4, abs=0.01)


def test_what_a_crash_left_is_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "ward.partial.mp4").write_bytes(b"of Monday")
    (tmp_path / "ward.partial-2.mp4").write_bytes(b"of Tuesday")
    write_noise(tmp_path / "ward.mp4", 3)
    assert (tmp_path / "ward.partial.mp4").read_bytes() == b"of Monday"
    assert (tmp_path / "ward.partial-2.mp4").read_bytes() == b"of Tuesday"
    assert len(shown_at(tmp_path / "ward.mp4")) == 3
    assert len(list(tmp_path.iterdir())) == 3


def test_nothing_is_there_before_the_first_frame(tmp_path: Path) -> None:
    with VideoSink(tmp_path / "ward.mp4", crash_safe=True):
        assert not list(tmp_path.iterdir())
    assert not list(tmp_path.iterdir())


# ---- disks that fill up

FULL = """
import resource, signal, sys
from pathlib import Path
from maskcam.errors import OutputError
from tests.sinks.test_crash_safety import write_noise
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), int(sys.argv[2])))
try:
    write_noise(Path(sys.argv[1]), 120)
except OutputError as error:
    sys.exit(str(error))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="has no limit for the size of a file")
@pytest.mark.parametrize("limit_bytes", [100, 500_000])
def test_a_full_disk_keeps_what_fits(tmp_path: Path, limit_bytes: int) -> None:
    command = [sys.executable, "-c", FULL, str(tmp_path / "ward.mp4"), str(limit_bytes)]
    complaint = subprocess.run(command, capture_output=True, text=True, check=False).stderr.strip()
    assert complaint.startswith(f"cannot write the video {tmp_path / 'ward.mp4'}: file too large"), complaint
    if limit_bytes == 100:
        assert not list(tmp_path.iterdir()), "nothing fits, but something is left"
    else:
        (partial,) = tmp_path.iterdir()
        assert complaint.endswith(f"; what was recorded until then is in {partial}")
        with av.open(str(partial)) as container:  # without an error at its end
            assert len(list(container.decode(video=0))) >= 15


def test_a_target_that_turned_into_a_folder_keeps_the_recording(tmp_path: Path) -> None:
    sink = VideoSink(tmp_path / "ward.mp4", crash_safe=True)
    sink.write(make_result(), make_frame().image)
    (tmp_path / "ward.mp4").mkdir()
    with pytest.raises(OutputError, match=r"what was recorded until then is in .*ward\.partial\.mp4"):
        sink.close()
    assert len(shown_at(tmp_path / "ward.partial.mp4")) == 1


@pytest.mark.parametrize("cut_bytes", [1, 7, 2000])
def test_broken_ends_are_cut_off(tmp_path: Path, cut_bytes: int) -> None:
    path = tmp_path / "a.mp4"
    record_until_killed(path, fps=15, seconds=4)
    partial = tmp_path / "a.partial.mp4"
    assert keep_whole_fragments(partial)
    before = partial.read_bytes()
    partial.write_bytes(before[:-cut_bytes])
    assert keep_whole_fragments(partial)
    after = partial.read_bytes()
    assert len(after) < len(before) - cut_bytes
    assert before.startswith(after)
    with av.open(str(partial)) as container:
        assert list(container.decode(video=0))


@pytest.mark.parametrize("content", [b"", b"abc", bytes(100), b"\0\0\0\x10ftypisom\0\0\0\0"])
def test_nothing_is_kept_of_what_has_no_picture(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(content)
    assert not keep_whole_fragments(path)
    assert not path.exists()
