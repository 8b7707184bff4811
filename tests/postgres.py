"""A PostgreSQL server of one's own: on a free loopback port, its data in a temporary folder."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from tests.tools import require_tool

PASSWORD = "s3cret@word"
_QUOTED = "s3cret%40word"


@dataclass
class Server:
    """A server that can be stopped and started; `url` names a new, empty database each time."""

    folder: Path
    programs: Path
    port: int
    process: subprocess.Popen[bytes] | None = field(default=None)

    def start(self) -> None:
        command = [
            str(self.programs / "postgres"),
            "-D", str(self.folder / "data"),
            "-p", str(self.port),
            "-h", "127.0.0.1",
            "-k", str(self.folder),
        ]  # fmt: skip
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(as_user(command), stdout=log, stderr=log)
        deadline = time.monotonic() + 60
        while True:
            try:
                self._execute("SELECT 1")
                return
            except psycopg.OperationalError:
                if time.monotonic() > deadline or self.process.poll() is not None:
                    raise
                time.sleep(0.1)

    def stop(self) -> None:
        if self.process is not None:
            # the server itself: runuser in front of it passes the signal on, but waits
            pid = int((self.folder / "data" / "postmaster.pid").read_text().splitlines()[0])
            os.kill(pid, signal.SIGINT)
            self.process.wait(60)
            self.process = None

    def new_url(self) -> str:
        name = f"maskcam_{uuid.uuid4().hex}"
        self._execute(f"CREATE DATABASE {name}")
        return f"postgresql://tester:{_QUOTED}@127.0.0.1:{self.port}/{name}"

    def _execute(self, statement: str) -> None:
        with psycopg.connect(
            host="127.0.0.1",
            port=self.port,
            user="tester",
            password=PASSWORD,
            dbname="postgres",
            autocommit=True,
            connect_timeout=5,
        ) as connection:
            connection.execute(statement.encode())


@contextlib.contextmanager
def running_server() -> Iterator[Server]:
    """Sets up a server and removes it in the end; see `require_tool` for when there is none."""
    initdb = find_program("initdb")
    folder = Path(tempfile.mkdtemp(prefix="maskcam-pg-", dir="/tmp"))
    try:
        (folder / "password").write_text(PASSWORD)
        if os.geteuid() == 0:
            for path in (folder, folder / "password"):
                shutil.chown(path, "postgres")
        command = [
            str(initdb),
            "-D", str(folder / "data"),
            "-U", "tester",
            f"--pwfile={folder / 'password'}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--no-sync",
        ]  # fmt: skip
        subprocess.run(as_user(command), check=True, capture_output=True, cwd="/")
        server = Server(folder, initdb.parent, _free_port())
        server.start()
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def as_user(command: list[str]) -> list[str]:
    """PostgreSQL refuses to run as root."""
    return ["runuser", "-u", "postgres", "--", *command] if os.geteuid() == 0 else command


def find_program(name: str) -> Path:
    """Debian keeps the server's programs out of the PATH."""
    for path in sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), reverse=True):
        return path
    return Path(require_tool(name, package="postgresql"))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
