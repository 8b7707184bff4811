"""A real web server on the loopback interface that takes webhooks, or misbehaves as told."""

from __future__ import annotations

import json
import threading
from collections import deque
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self


@dataclass(frozen=True)
class Request:
    """What arrived."""

    path: str
    headers: dict[str, str]
    body: bytes
    answer: int | str

    @property
    def content(self) -> Any:
        return json.loads(self.body)


@dataclass
class _Script:
    answers: deque[int | str] = field(default_factory=deque)
    always: int | str = 204
    headers: dict[str, str] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)


class _Handler(BaseHTTPRequestHandler):
    script: _Script

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        script = self.script
        answer = script.answers.popleft() if script.answers else script.always
        script.requests.append(Request(self.path, dict(self.headers), body, answer))
        if answer == "hang":
            script.released.wait(60)
        if isinstance(answer, str):
            self.close_connection = True
            return
        self.send_response(answer)
        for name, value in script.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


class HookServer:
    """Answers with what stands in `answers`, one each, and then with `always`.

    An answer is a status, "hang" or "hang up".
    """

    def __init__(self, port: int = 0) -> None:
        self._port = port
        self._script = _Script()
        self._server: ThreadingHTTPServer | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}/hook"

    @property
    def answers(self) -> deque[int | str]:
        return self._script.answers

    @property
    def requests(self) -> list[Request]:
        return self._script.requests

    @property
    def taken(self) -> list[Request]:
        """The requests that were answered with success."""
        return [r for r in list(self.requests) if isinstance(r.answer, int) and r.answer < 300]

    def always(self, answer: int | str, **headers: str) -> None:
        """Answers so from now on; underscores in names of headers stand for dashes."""
        self._script.always = answer
        self._script.headers = {name.replace("_", "-"): value for name, value in headers.items()}

    def release(self) -> None:
        """Lets all that hang go on."""
        self._script.released.set()

    def start(self) -> None:
        handler = type("Handler", (_Handler,), {"script": self._script})
        self._server = ThreadingHTTPServer(("127.0.0.1", self._port), handler)
        self._server.daemon_threads = True
        self._port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.release()
        self.stop()
