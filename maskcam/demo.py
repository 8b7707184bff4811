"""A configuration that shows everything without a camera: the sample clip, again and again, and folders of its own."""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path

from maskcam.errors import InputError


def demo_clip() -> Path:
    """The sample clip: inside the installed package, or of a checkout.

    Raises:
        InputError: it is in neither.
    """
    package = Path(str(resources.files("maskcam")))
    for path in (package / "_samples" / "demo.mp4", package.parent / "samples" / "demo.mp4"):
        if path.is_file():
            return path
    raise InputError("the sample clip is not installed: name cameras in a file with -c maskcam.toml")


def write_demo(folder: Path) -> Path:
    """Writes the configuration of the demonstration.

    Args:
        folder: takes everything that it keeps.

    Returns:
        The file.
    """
    text = f"""# made by `maskcam serve --demo`; gone when it ends

[store]
url = {_text(folder / "events.db")}

[outbox]
path = {_text(folder / "outbox.sqlite")}

[serve]
accounts = {_text(folder / "accounts.sqlite")}

[[camera]]
name = "reception"
source = {_text(demo_clip())}
analysis_fps = 10   # enough for people who walk, and leaves the machine some rest
"""
    file = folder / "maskcam.toml"
    file.write_text(text, encoding="utf-8")
    return file


def _text(path: Path) -> str:
    """A path as a TOML string, which has the same escapes as one of JSON."""
    return json.dumps(str(path))
