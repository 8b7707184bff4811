"""Every route, and who may use it. A new route fails here until it has a row."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.routing import APIRoute, iter_route_contexts

from maskcam.web.roles import Role
from tests.web.stage import SECRETS, Stage, make_stage

EVERYBODY = None
ROUTES: dict[tuple[str, str], Role | None] = {
    ("GET", "/healthz"): EVERYBODY,
    ("GET", "/readyz"): EVERYBODY,
    ("GET", "/login"): EVERYBODY,
    ("POST", "/login"): EVERYBODY,
    ("GET", "/metrics"): Role.VIEWER,
    ("GET", "/"): Role.VIEWER,
    ("GET", "/violations"): Role.VIEWER,
    ("GET", "/violations/{event_id}"): Role.VIEWER,
    ("POST", "/logout"): Role.VIEWER,
    ("GET", "/api/docs"): Role.VIEWER,
    ("GET", "/api/openapi.json"): Role.VIEWER,
    ("GET", "/api/v1/me"): Role.VIEWER,
    ("GET", "/api/v1/events"): Role.VIEWER,
    ("GET", "/api/v1/events/{event_id}"): Role.VIEWER,
    ("GET", "/api/v1/events/{event_id}/snapshot"): Role.VIEWER,
    ("GET", "/api/v1/events/{event_id}/face"): Role.VIEWER,
    ("GET", "/api/v1/events/{event_id}/clip"): Role.VIEWER,
    ("PATCH", "/api/v1/events/{event_id}"): Role.OPERATOR,
    ("DELETE", "/api/v1/events/{event_id}"): Role.ADMIN,
    ("GET", "/api/v1/cameras"): Role.VIEWER,
    ("POST", "/api/v1/cameras"): Role.ADMIN,
    ("POST", "/api/v1/cameras/probe"): Role.ADMIN,
    ("GET", "/api/v1/cameras/{name:path}"): Role.VIEWER,
    ("GET", "/api/v1/cameras/{name:path}/picture"): Role.VIEWER,
    ("GET", "/api/v1/cameras/{name:path}/live.mjpeg"): Role.VIEWER,
    ("GET", "/api/v1/live"): Role.VIEWER,
    ("POST", "/api/v1/cameras/{name:path}/offer"): Role.VIEWER,
    ("POST", "/api/v1/cameras/{name:path}/probe"): Role.OPERATOR,
    ("PUT", "/api/v1/cameras/{name:path}"): Role.ADMIN,
    ("DELETE", "/api/v1/cameras/{name:path}"): Role.ADMIN,
    ("GET", "/api/v1/statistics"): Role.VIEWER,
    ("GET", "/api/v1/whatif"): Role.VIEWER,
    ("GET", "/statistics"): Role.VIEWER,
    ("GET", "/statistics.csv"): Role.VIEWER,
    ("GET", "/system"): Role.VIEWER,
    ("GET", "/sites"): Role.VIEWER,
    ("GET", "/api/v1/sites"): Role.VIEWER,
    ("DELETE", "/api/v1/sessions/{name}"): Role.ADMIN,
    ("GET", "/cameras"): Role.ADMIN,
    ("GET", "/cameras/edit"): Role.ADMIN,
    ("GET", "/api/v1/cameras/{name:path}/faces"): Role.VIEWER,
    ("PUT", "/api/v1/settings/violations"): Role.ADMIN,
    ("GET", "/api/v1/settings"): Role.VIEWER,
    ("POST", "/api/v1/reload"): Role.ADMIN,
    ("GET", "/api/v1/stream"): Role.VIEWER,
    ("GET", "/api/v1/tokens"): Role.ADMIN,
    ("POST", "/api/v1/tokens"): Role.ADMIN,
    ("DELETE", "/api/v1/tokens/{token_id}"): Role.ADMIN,
    ("GET", "/api/v1/users"): Role.ADMIN,
    ("PUT", "/api/v1/users/{name}"): Role.ADMIN,
    ("DELETE", "/api/v1/users/{name}"): Role.ADMIN,
}
ENDLESS = {"/api/v1/stream", "/api/v1/live", "/api/v1/cameras/{name:path}/live.mjpeg"}
"""Never asked by those who may: it would not end."""


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder: Path = tmp_path_factory.mktemp("stage")
    with make_stage(folder) as made:
        yield made


def found(stage: Stage) -> set[tuple[str, str]]:
    return {
        (method, context.path)
        for context in iter_route_contexts(stage.app.routes)
        if isinstance(context.original_route, APIRoute)
        for method in context.methods or ()
    }


def test_the_table_is_complete(stage: Stage) -> None:
    assert found(stage) == set(ROUTES)


@pytest.mark.parametrize(("method", "path"), ROUTES)
@pytest.mark.parametrize("role", [None, *Role])
def test_only_who_may_gets_in(stage: Stage, method: str, path: str, role: Role | None) -> None:
    needed = ROUTES[method, path]
    may = needed is EVERYBODY or (role is not None and role.covers(needed))
    if may and path in ENDLESS:
        return
    # numbers and names that are not there: whoever gets past the door is told so, and nothing changes
    address = path.replace("{name:path}", "nowhere").replace("{name}", "nobody")
    address = address.replace("{event_id}", "999").replace("{token_id}", "999")
    answer = stage.ask(method, address, role, json={} if method in ("POST", "PUT", "PATCH") else None)
    if may:
        assert answer.status_code not in (401, 403) or path in ("/login", "/logout"), answer.text
    else:
        assert answer.status_code == (401 if role is None else 403), answer.text


@pytest.mark.parametrize("path", [path for method, path in ROUTES if method == "GET" and path not in ENDLESS])
def test_no_answer_holds_a_secret(stage: Stage, path: str) -> None:
    address = path.replace("{name:path}", "door").replace("{event_id}", "2")
    address = address.replace("/cameras/edit", "/cameras/edit?name=door")
    answer = stage.ask("GET", address)
    assert answer.status_code in (200, 303, 404), answer.text
    text = answer.content.decode(errors="replace") + str(answer.headers)
    assert not any(secret in text for secret in (*SECRETS, *stage.tokens.values()))


def test_a_bad_token_is_no_token(stage: Stage) -> None:
    answers: list[Any] = [
        stage.client.get("/api/v1/events", headers={"Authorization": value})
        for value in (
            "Bearer mc_wrong",
            "Bearer ",
            "Basic YWRtaW46",
            f"Basic {stage.tokens[Role.ADMIN]}",
            "x",
        )
    ]
    assert [answer.status_code for answer in answers] == [401] * 5
    assert "error" in answers[0].json()


def test_static_files_need_no_login_and_lead_nowhere_else(stage: Stage) -> None:
    assert stage.client.get("/static/maskcam.css").status_code == 200
    for path in ("/static/../app.py", "/static/%2e%2e/app.py", "/static/..%2fapp.py", "/static//etc/passwd"):
        assert stage.client.get(path).status_code == 404
