"""Nothing that is thrown at the API makes it fail: schemathesis makes requests from the OpenAPI schema."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings

from maskcam.errors import SourceError
from maskcam.web.api import cameras
from maskcam.web.roles import Role
from tests.web.stage import Stage, make_stage

EXAMPLES = 20
"""Per route: all of them together take about half a minute."""
ENDLESS = ("/stream", "/live", "/live.mjpeg")


def find_operations() -> list[Any]:
    """All that can be asked for, of an application that is thrown away."""
    with TemporaryDirectory() as folder, make_stage(Path(folder)) as made:
        schema = schemathesis.openapi.from_dict(made.app.openapi())
    operations = [found.ok() for found in schema.get_all_operations()]
    return [operation for operation in operations if not operation.path.endswith(ENDLESS)]


OPERATIONS = find_operations()


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with pytest.MonkeyPatch.context() as patch, make_stage(tmp_path_factory.mktemp("stage")) as made:
        patch.setattr(cameras, "probe", refuse)
        yield made


def refuse(_spec: str, **_: object) -> None:
    raise SourceError("no network in this test")


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.label)
def test_every_answer_is_one_that_was_promised(operation: Any, stage: Stage) -> None:
    headers = {"Authorization": f"Bearer {stage.tokens[Role.ADMIN]}"}

    @given(case=operation.as_strategy())
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def throw(case: Any) -> None:
        asked = case.as_transport_kwargs(base_url="http://localhost", headers=headers)
        del asked["cookies"]  # none of the routes has any
        response = stage.client.request(**asked)
        # the gateway is the camera, and there is no network here
        assert response.status_code < 500 or response.status_code in (502, 503), response.text
        assert str(response.status_code) in operation.responses.status_codes, response.text

    throw()


def test_all_routes_are_thrown_at() -> None:
    assert len(OPERATIONS) >= 27
