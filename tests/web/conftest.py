from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.web.stage import Stage, make_stage


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with make_stage(tmp_path) as made:
        yield made
