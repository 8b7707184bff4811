"""Logging in, and what stands between us and other pages, other machines, and the curious."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from maskcam.config_serve import ServeConfig
from maskcam.web.app import MOST_BODY_BYTES
from maskcam.web.roles import Role
from tests.web.stage import ORIGIN, PASSWORD, Stage, make_stage


def cookie_of(stage: Stage) -> str:
    return stage.client.cookies.get("maskcam-session-8000") or ""


def test_a_browser_logs_in_and_out(stage: Stage) -> None:
    assert stage.client.get("/", headers={"Accept": "text/html"}).headers["location"] == "/login"
    answer = stage.log_in()
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    flags = answer.headers["set-cookie"].lower()
    assert "httponly" in flags
    assert "samesite=strict" in flags
    assert "secure" not in flags
    page = stage.client.get("/")
    assert page.status_code == 200
    csrf = re.search(r'name="csrf" content="([^"]+)"', page.text)
    assert csrf
    before = cookie_of(stage)
    out = stage.client.post("/logout", data={"csrf": csrf[1]}, headers={"Origin": ORIGIN})
    assert out.status_code == 303
    stage.client.cookies.set("maskcam-session-8000", before)
    assert stage.client.get("/api/v1/me").status_code == 401, (
        "the session itself has ended, not only its cookie"
    )


def test_over_https_the_cookie_is_for_https_only(stage: Stage) -> None:
    answer = stage.client.post(
        "https://localhost:8000/login",
        data={"user": "admin", "password": PASSWORD},
        headers={"Origin": "https://localhost:8000"},
    )
    assert "secure" in answer.headers["set-cookie"].lower()


def test_a_wrong_password_and_an_unknown_user_look_alike(stage: Stage) -> None:
    wrong, unknown = stage.log_in(password="wrong wrong"), stage.log_in(user="nobody")
    assert wrong.status_code == unknown.status_code == 401
    assert wrong.text == unknown.text
    assert "set-cookie" not in wrong.headers


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "http://localhost:3000"},
        {"Origin": "null"},
        {"Origin": ORIGIN, "Sec-Fetch-Site": "cross-site"},
        {"Origin": ORIGIN, "Sec-Fetch-Site": "same-site"},
        {},
    ],
)
def test_other_pages_change_nothing(stage: Stage, headers: dict[str, str]) -> None:
    refused = stage.client.post("/login", data={"user": "admin", "password": PASSWORD}, headers=headers)
    assert refused.status_code == 403
    stage.log_in()
    for method, path in (
        ("PATCH", "/api/v1/events/1"),
        ("DELETE", "/api/v1/events/1"),
        ("POST", "/api/v1/reload"),
    ):
        answer = stage.client.request(method, path, headers=headers, json={"is_protected": True})
        assert answer.status_code == 403, answer.text
    stored = stage.store.get(1)
    assert stored is not None
    assert not stored.is_protected


@pytest.mark.parametrize("headers", [{"Origin": ORIGIN}, {"Sec-Fetch-Site": "same-origin"}])
def test_our_own_page_may(stage: Stage, headers: dict[str, str]) -> None:
    stage.log_in()
    answer = stage.client.patch("/api/v1/events/1", headers=headers, json={"is_protected": True})
    assert answer.status_code == 200
    assert answer.json()["is_protected"]


def test_a_form_without_the_token_of_the_session_is_refused(stage: Stage) -> None:
    stage.log_in()
    for csrf in ("", "guess", "ü"):
        answer = stage.client.post("/logout", data={"csrf": csrf}, headers={"Origin": ORIGIN})
        assert answer.status_code in (403, 422)
    assert stage.client.get("/api/v1/me").status_code == 200


def test_brute_force_is_slowed_down_per_user(stage: Stage) -> None:
    answers = [stage.log_in(password=f"guess number {i}") for i in range(7)]
    assert [answer.status_code for answer in answers] == 5 * [401] + 2 * [429]
    assert 20 <= int(answers[-1].headers["retry-after"]) <= 30
    assert stage.log_in().status_code == 429, "not even the right one, or guessing would go on"


def test_brute_force_is_slowed_down_per_address(stage: Stage) -> None:
    codes = [stage.log_in(user=f"user{i}", password="guess guess").status_code for i in range(12)]
    assert codes == 10 * [401] + 2 * [429]


def test_a_forged_forwarded_address_is_not_believed(stage: Stage) -> None:
    codes = [
        stage.log_in(user=f"user{i}", **{"X-Forwarded-For": f"10.1.1.{i}"}).status_code for i in range(12)
    ]
    assert codes[-1] == 429


def test_whoever_gets_a_new_password_is_logged_out(stage: Stage) -> None:
    stage.context.accounts.set_password("guard", PASSWORD, role=Role.VIEWER)
    stage.log_in(user="guard")
    assert stage.client.get("/api/v1/me").json() == {"name": "guard", "role": "viewer"}
    stage.ask("PUT", "/api/v1/users/guard", json={"role": "operator", "password": "another password"})
    assert stage.client.get("/api/v1/me").status_code == 401


def test_the_last_admin_stays(stage: Stage) -> None:
    assert stage.ask("DELETE", "/api/v1/users/admin").status_code == 409
    stage.ask("PUT", "/api/v1/users/boss", json={"role": "admin", "password": PASSWORD})
    assert stage.ask("DELETE", "/api/v1/users/admin").status_code == 204
    assert stage.log_in().status_code == 401


def test_tokens_come_and_go(stage: Stage) -> None:
    made = stage.ask("POST", "/api/v1/tokens", json={"name": "scraper", "role": "viewer"}).json()
    headers = {"Authorization": f"Bearer {made['token']}"}
    assert stage.client.get("/metrics", headers=headers).status_code == 200
    listed = stage.ask("GET", "/api/v1/tokens").text
    assert "scraper" in listed
    assert made["token"] not in listed
    assert made["token"].encode() not in stage.context.serve.accounts_path().read_bytes()
    assert stage.ask("DELETE", f"/api/v1/tokens/{made['id']}").status_code == 204
    assert stage.client.get("/metrics", headers=headers).status_code == 401


def test_a_token_needs_no_origin(stage: Stage) -> None:
    assert (
        stage.ask("PATCH", "/api/v1/events/1", Role.OPERATOR, json={"is_false_alarm": True}).status_code
        == 200
    )


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8000",
        "127.0.0.1.evil.example",
        "10.0.0.1:8000",
        "",
        "localhost.",
        "[::2]",
    ],
)
def test_names_that_are_not_ours_are_refused(stage: Stage, host: str) -> None:
    for path in ("/healthz", "/login", "/api/v1/events", "/static/maskcam.css"):
        assert stage.ask("GET", path, headers={"Host": host}).status_code == 421


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1", "127.0.0.1:8000", "[::1]:8000"])
def test_our_own_names_are_answered(stage: Stage, host: str) -> None:
    assert stage.ask("GET", "/healthz", headers={"Host": host}).status_code == 200


def test_a_proxy_may_call_us_by_a_name_that_was_set(tmp_path: Path) -> None:
    serve = ServeConfig(hosts=("cam.example",), accounts=tmp_path / "accounts.sqlite")
    with make_stage(tmp_path, serve=serve) as stage:
        assert stage.ask("GET", "/healthz", headers={"Host": "cam.example"}).status_code == 200
        assert stage.ask("GET", "/healthz", headers={"Host": "cam.evil"}).status_code == 421


def test_every_answer_carries_the_headers(stage: Stage) -> None:
    stage.log_in()
    for path in (
        "/",
        "/login",
        "/api/v1/events",
        "/nowhere",
        "/static/maskcam.css",
        "/api/v1/events/2/snapshot",
    ):
        headers = stage.client.get(path).headers
        policy = headers["content-security-policy"]
        assert "script-src 'self';" in policy
        assert "style-src 'self';" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
        assert "cache-control" in headers
    assert "server" not in headers


def test_pages_keep_to_the_policy(stage: Stage) -> None:
    stage.log_in()
    for path in ("/", "/api/docs"):
        text = stage.client.get(path).text
        assert not re.search(r"<style|style=|<script(?![^>]*src=)|\son\w+=|javascript:|src=\"(?!/)", text), (
            path
        )


def test_bodies_are_bounded(stage: Stage) -> None:
    body = b"x" * (MOST_BODY_BYTES + 1)

    def in_pieces() -> Iterator[bytes]:  # without a length that could be looked at
        for start in range(0, len(body), 10_000):
            yield body[start : start + 10_000]

    for content in (body, in_pieces()):
        answer = stage.ask(
            "POST", "/api/v1/tokens", content=content, headers={"Content-Type": "application/json"}
        )
        assert answer.status_code == 413
    form = stage.client.post(
        "/login",
        content=b"user=a&password=" + body,
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )
    assert form.status_code == 413


def test_what_was_sent_is_not_sent_back(stage: Stage) -> None:
    answer = stage.ask(
        "PUT", "/api/v1/users/x", json={"role": "emperor", "password": "hunter2hunter2", "hunter2": 1}
    )
    assert answer.status_code == 422
    answer2 = stage.ask(
        "POST", "/api/v1/cameras", json={"name": "x", "source": 7, "zones": "rtsp://a:hunter2@b"}
    )
    assert answer2.status_code == 422
    assert "hunter2" not in answer.json()["error"].replace("body.hunter2", "") + answer2.text


class TestLink:
    """Without any password, on this machine only."""

    @pytest.fixture
    def stage(self, tmp_path: Path) -> Iterator[Stage]:
        with make_stage(tmp_path, key="the-key") as made:
            yield made

    def test_the_link_logs_in(self, stage: Stage) -> None:
        answer = stage.client.get("/login?key=the-key")
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        assert stage.client.get("/api/v1/me").json() == {"name": "link", "role": "admin"}

    def test_nothing_else_does(self, stage: Stage) -> None:
        assert "printed in its terminal" in stage.client.get("/login?key=guess").text
        assert stage.client.get("/login?key=").status_code == 200
        assert stage.log_in().status_code == 401
        assert stage.client.get("/api/v1/me").status_code == 401

    def test_the_key_is_a_token_too(self, stage: Stage) -> None:
        assert stage.client.get("/api/v1/me", headers={"Authorization": "Bearer the-key"}).status_code == 200

    def test_its_sessions_end_with_the_run(self, stage: Stage, tmp_path: Path) -> None:
        stage.client.get("/login?key=the-key")
        cookie = cookie_of(stage)
        assert stage.context.accounts.session(cookie) is not None
        from maskcam.web.accounts import Accounts

        assert Accounts(tmp_path / "accounts.sqlite").session(cookie) is None
