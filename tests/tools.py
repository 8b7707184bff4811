"""Programs of the system that some tests need."""

import os
import shutil

import pytest


def require_tool(name: str, *, package: str | None = None) -> str:
    """Path of a program; without it the test is skipped, or fails where the environment has CI=true."""
    path = shutil.which(name)
    if path is not None:
        return path
    reason = f"needs the program {name}: apt-get install {package or name.lower()}"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)
