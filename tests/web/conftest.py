import json
import re
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.tools import require_tool
from tests.web.stage import Stage, make_stage


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with make_stage(tmp_path) as made:
        yield made


@dataclass(frozen=True)
class Demo:
    """A running `maskcam serve --demo`."""

    url: str
    key: str

    @property
    def link(self) -> str:
        return f"{self.url}/login?key={self.key}"

    def ask(self, method: str, path: str, **body: Any) -> Any:
        """A request of an admin to the API."""
        request = urllib.request.Request(
            f"{self.url}/api/v1{path}",
            method=method,
            headers={"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"},
            data=json.dumps(body).encode() if body else None,
        )
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.loads(answer.read() or "null")


@pytest.fixture(scope="module")
def demo() -> Iterator[Demo]:
    """One for all tests of a file: it takes seconds to start."""
    require_tool("chromium")
    command = [sys.executable, "-m", "maskcam", "serve", "--demo", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout is not None
            found = re.search(r"(http://[^/]+)/login\?key=(\S+)", process.stdout.readline())
            assert found is not None, "maskcam serve --demo printed no link"
            yield Demo(found[1], found[2])
        finally:
            process.terminate()
            process.communicate(timeout=30)
