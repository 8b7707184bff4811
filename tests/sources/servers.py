"""Real servers on the loopback interface."""

from __future__ import annotations

import base64
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import cv2

from tests.sources.media import corner_picture

BASIC = "Basic " + base64.b64encode(b"admin:hunter2").decode()


class _Handler(SimpleHTTPRequestHandler):
    """Files; `/locked/...` asks for a password, `/mjpeg/N` sends N pictures, `/torn/...` hangs up early,
    `/stalled` falls silent after 10 pictures, `/trickle/...` sends half a file at once and the rest over 2 s.
    """

    def do_GET(self) -> None:
        if self.path.startswith("/locked/"):
            if self.headers.get("Authorization") != BASIC:
                self.send_response(401)
                self.send_header("WWW-Authenticate", 'Basic realm="camera"')
                self.end_headers()
                return
            self.path = self.path.removeprefix("/locked")
        if self.path.startswith("/mjpeg/"):
            with suppress(ConnectionError):  # the test has seen enough
                self._send_mjpeg(int(self.path.removeprefix("/mjpeg/")))
        elif self.path == "/stalled":
            self._send_mjpeg(10)
            self.rfile.read(1)  # nothing comes: this waits until the other side has hung up
        elif self.path.startswith("/trickle/"):
            self._trickle(Path(self.directory) / self.path.removeprefix("/trickle/"))
        elif self.path.startswith("/torn/"):
            data = (Path(self.directory) / self.path.removeprefix("/torn/")).read_bytes()
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data[: len(data) * 6 // 10])
        elif self.path == "/broken":
            self.send_error(500)
        else:
            super().do_GET()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the base class's name
        """Nothing: it would fill the output of the tests."""

    def _trickle(self, path: Path) -> None:
        data = path.read_bytes()
        self.send_response(200)
        self.end_headers()
        with suppress(ConnectionError):
            self.wfile.write(data[: len(data) // 2])
            for part in range(50):
                start, end = (len(data) * (50 + number) // 100 for number in (part, part + 1))
                self.wfile.write(data[start:end])
                time.sleep(0.04)

    def _send_mjpeg(self, picture_count: int) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        self.end_headers()
        for index in range(picture_count):
            jpeg = cv2.imencode(".jpg", corner_picture(bar=index * 3))[1].tobytes()
            head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
            self.wfile.write(head.encode() + jpeg + b"\r\n")
            time.sleep(0.01)  # a camera of 100 pictures a second


@contextmanager
def http_server(folder: Path) -> Iterator[str]:
    """`host:port` of a server of that folder."""

    def handler(*args: Any) -> _Handler:
        return _Handler(*args, directory=str(folder))

    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def mute_server() -> Iterator[str]:
    """`host:port` of a server that accepts and then says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


def closed_port() -> str:
    """`host:port` where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"127.0.0.1:{server.getsockname()[1]}"


@contextmanager
def rtsp_server(status: str) -> Iterator[str]:
    """`host:port` of an RTSP server that answers everything with one status line, such as `404 Not Found`."""

    def answer(connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as lines:
            for line in lines:
                if line.lower().startswith(b"cseq:"):
                    connection.sendall(f"RTSP/1.0 {status}\r\n{line.decode().strip()}\r\n\r\n".encode())

    def serve() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:  # the test is over
                return
            with connection:
                try:
                    answer(connection)
                except ConnectionError:
                    continue

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"127.0.0.1:{server.getsockname()[1]}"
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join()
