"""Cameras on loopback that tests and benchmarks start, command and stop; each is a process of its own.

So neither their threads nor their descriptors are among those of the test, and what they cost is not measured as ours.
"""

from __future__ import annotations

import functools
import json
import os
import select
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import pytest

from maskcam.types import Image
from tests.cameras.clips import Codec, clip_pictures, encoded_clip
from tests.cameras.wire import Behaviour

WHOLE_CLIP_SECONDS = 18.0

_HERE = Path(__file__).parent
_ANSWER_SECONDS = 20.0
_SYSTEM_PYTHON = Path("/usr/bin/python3")
"""GStreamer's bindings for Python come as Debian packages for Debian's own Python."""
_PACKAGES = "python3-gi gir1.2-gst-rtsp-server-1.0 gstreamer1.0-plugins-base gstreamer1.0-plugins-good"
_PROBE = """
import gi
gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import Gst, GstRtspServer
Gst.init(None)
assert all(Gst.ElementFactory.find(name) for name in ("appsrc", "rtph264pay", "rtph265pay"))
"""


class Camera:
    """A camera that serves the demo clip for ever, on one port for as long as it lives.

    Args:
        fps: pictures per second.
        size_wh: of the pictures; multiples of 4, since halves are served too and video wants even numbers.
        clip_seconds: how much of the clip; then it begins anew.
        credentials: `user:password` that clients must give; `url` holds them. None lets everybody in.
    """

    codec: Codec
    key_frame_seconds = 1.0

    def __init__(
        self,
        *,
        fps: float = 15.0,
        size_wh: tuple[int, int] = (1280, 720),
        clip_seconds: float = WHOLE_CLIP_SECONDS,
        credentials: str | None = None,
    ) -> None:
        self.fps = fps
        self.size_wh = size_wh
        self.clip_seconds = clip_seconds
        self._credentials = credentials
        self._process: subprocess.Popen[str] | None = None
        self._port = 0

    def __enter__(self) -> Self:
        command = [*self._command(), "--clip", str(self._clip(1)), "--small-clip", str(self._clip(2))]
        command += ["--fps", str(self.fps), "--other-credentials", "somebody:else"]
        if self._credentials is not None:
            command += ["--credentials", self._credentials]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            self._port = self._answer()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    @property
    def url(self) -> str:
        """The address, with the credentials that the camera always asks for."""
        user = f"{self._credentials}@" if self._credentials else ""
        return f"{self._scheme}://{user}127.0.0.1:{self._port}/camera"

    def behave(self, behaviour: Behaviour) -> None:
        """Behaves like that from now on; returns when it does."""
        assert self._process is not None, "the camera is not on: use it in a with block"
        _pipe(self._process.stdin).write(json.dumps(behaviour.value) + "\n")
        _pipe(self._process.stdin).flush()
        assert self._answer() == behaviour.value

    def pictures(self, *, small: bool = False) -> tuple[Image, ...]:
        """What clients see when nothing goes wrong, or see with `Behaviour.RESIZE`."""
        return clip_pictures(self.codec, self._clip(2 if small else 1))

    def cpu_seconds(self) -> float:
        """Processor time that the camera has used so far."""
        assert self._process is not None, "the camera is not on: use it in a with block"
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    _scheme: str

    def _command(self) -> list[str]:
        raise NotImplementedError

    def _clip(self, divisor: int) -> Path:
        width, height = self.size_wh
        size_wh = (width // divisor, height // divisor)
        return encoded_clip(self.codec, size_wh, self.fps, self.key_frame_seconds, self.clip_seconds)

    def _answer(self) -> Any:
        assert self._process is not None
        answers = _pipe(self._process.stdout)
        is_ready, _, _ = select.select([answers], [], [], _ANSWER_SECONDS)
        line = answers.readline() if is_ready else ""
        if not line:
            raise RuntimeError(f"{type(self).__name__} does not answer; its own words are on standard error")
        return json.loads(line)

    def _stop(self) -> None:
        if self._process is None:
            return
        process, self._process = self._process, None
        _pipe(process.stdin).close()  # which ends the program
        try:
            process.wait(5.0)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        _pipe(process.stdout).close()


class RtspCamera(Camera):
    """An RTSP camera, GStreamer's server under the system's Python; over TCP only, passwords by digest.

    A test that uses one is skipped where GStreamer is missing, or fails where the environment has CI=true.

    Args:
        fps: pictures per second.
        size_wh: of the pictures; multiples of 4, since halves are served too and video wants even numbers.
        clip_seconds: how much of the clip; then it begins anew.
        codec: `"h264"` or `"h265"`.
        key_frame_seconds: from one key frame to the next.
        credentials: `user:password` that clients must give; `url` holds them. None lets everybody in.
    """

    _scheme = "rtsp"

    def __init__(
        self,
        *,
        fps: float = 15.0,
        size_wh: tuple[int, int] = (1280, 720),
        codec: Codec = "h264",
        key_frame_seconds: float = 1.0,
        clip_seconds: float = WHOLE_CLIP_SECONDS,
        credentials: str | None = None,
    ) -> None:
        super().__init__(fps=fps, size_wh=size_wh, clip_seconds=clip_seconds, credentials=credentials)
        self.codec = codec
        self.key_frame_seconds = key_frame_seconds

    def _command(self) -> list[str]:
        if not _has_gstreamer():
            reason = f"needs GStreamer's RTSP server: apt-get install {_PACKAGES}"
            if os.environ.get("CI") == "true":
                pytest.fail(reason)
            pytest.skip(reason)
        return [str(_SYSTEM_PYTHON), str(_HERE / "rtsp_server.py"), "--codec", self.codec]


class MjpegCamera(Camera):
    """An HTTP camera that sends one JPEG after another; passwords by Basic. It has no time stamps to jump."""

    _scheme = "http"
    codec = "mjpeg"

    def behave(self, behaviour: Behaviour) -> None:
        if behaviour is Behaviour.JUMP:
            raise ValueError("MJPEG has no time stamps: only an RtspCamera can make them jump")
        super().behave(behaviour)

    def _command(self) -> list[str]:
        return [sys.executable, str(_HERE / "mjpeg_server.py")]


@functools.cache
def _has_gstreamer() -> bool:
    if not _SYSTEM_PYTHON.exists():
        return False
    probe = subprocess.run([_SYSTEM_PYTHON, "-c", _PROBE], capture_output=True, check=False)
    return probe.returncode == 0


def _pipe(pipe: IO[str] | None) -> IO[str]:
    assert pipe is not None
    return pipe
