"""Pictures and data that tests share."""

from pathlib import Path

import numpy as np
import pytest

from maskcam.types import Image

SHARED = Path(__file__).resolve().parents[2] / "shared"


def shared_file(name: str) -> Path:
    """Path of a file or folder beside the repository, in `../shared`; skips the test where it is absent."""
    path = SHARED / name
    if not path.exists():
        pytest.skip(f"needs {path}, which does not come with the repository")
    return path


def portrait() -> Image:
    """(512, 512, 3) uint8 BGR: scikit-image's astronaut, her face from about (180, 70) to (262, 184)."""
    import skimage.data

    return np.ascontiguousarray(skimage.data.astronaut()[..., ::-1])  # type: ignore[no-untyped-call]
