import stat
import time
from pathlib import Path

import pytest
from argon2 import PasswordHasher

from maskcam.errors import InputError, OutputError
from maskcam.web import accounts as module
from maskcam.web.accounts import Accounts
from maskcam.web.roles import Principal, Role

PASSWORD = "correct horse battery"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "accounts.sqlite"


def test_only_the_owner_reads_the_file_and_it_holds_no_secret(path: Path) -> None:
    accounts = Accounts(path)
    accounts.set_password("guard", PASSWORD, role=Role.VIEWER)
    _, token = accounts.create_token("scraper", Role.VIEWER)
    session = accounts.begin_session("guard", Role.VIEWER, hours=1)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    data = path.read_bytes()
    assert b"$argon2id$" in data
    assert not any(secret.encode() in data for secret in (PASSWORD, token, session))


def test_a_password_is_checked(path: Path) -> None:
    accounts = Accounts(path)
    assert not accounts.has_password()
    accounts.set_password("guard", PASSWORD, role=Role.OPERATOR)
    assert accounts.has_password()
    assert accounts.check("guard", PASSWORD) is Role.OPERATOR
    for user, password in (
        ("guard", PASSWORD + "!"),
        ("guard", ""),
        ("nobody", PASSWORD),
        ("guard' --", PASSWORD),
    ):
        assert accounts.check(user, password) is None


def test_the_password_of_the_configuration_counts_until_another_is_set(path: Path) -> None:
    accounts = Accounts(path, admin_hash=PasswordHasher().hash(PASSWORD))
    assert accounts.has_password()
    assert [user.name for user in accounts.users()] == ["admin"]
    assert accounts.check("admin", PASSWORD) is Role.ADMIN
    accounts.set_password("admin", "something else", role=Role.ADMIN)
    assert accounts.check("admin", PASSWORD) is None
    assert len(accounts.users()) == 1


@pytest.mark.parametrize(
    ("name", "password", "words"),
    [
        ("guard", "short", "10 to 1000"),
        ("guard", "x" * 1001, "10 to 1000"),
        ("a/b", PASSWORD, "letters"),
        ("", PASSWORD, "letters"),
    ],
)
def test_what_is_no_password_or_name(path: Path, name: str, password: str, words: str) -> None:
    with pytest.raises(InputError, match=words) as caught:
        Accounts(path).set_password(name, password, role=Role.VIEWER)
    assert password not in str(caught.value) or not password


def test_sessions_end_in_time(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    accounts = Accounts(path)
    secret = accounts.begin_session("guard", Role.VIEWER, hours=1)
    found = accounts.session(secret)
    assert isinstance(found, Principal)
    assert (found.name, found.role) == ("guard", Role.VIEWER)
    assert found.csrf
    later = time.time() + 3601
    monkeypatch.setattr(module.time, "time", lambda: later)
    assert accounts.session(secret) is None


def test_sessions_outlive_the_program(path: Path) -> None:
    secret = Accounts(path).begin_session("guard", Role.VIEWER, hours=1)
    assert Accounts(path).session(secret) is not None


def test_sessions_of_one_user_are_bounded(path: Path) -> None:
    accounts = Accounts(path)
    other = accounts.begin_session("other", Role.VIEWER, hours=1)
    secrets = [accounts.begin_session("guard", Role.VIEWER, hours=1) for _ in range(25)]
    assert sum(accounts.session(secret) is not None for secret in secrets) == 20
    assert accounts.session(secrets[-1]) is not None
    assert accounts.session(other) is not None


def test_tokens_expire(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    accounts = Accounts(path)
    _, short = accounts.create_token("a", Role.VIEWER, days=1)
    _, endless = accounts.create_token("b", Role.ADMIN)
    later = time.time() + 86401
    monkeypatch.setattr(module.time, "time", lambda: later)
    assert accounts.token(short) is None
    assert accounts.token(endless) == Principal("b", Role.ADMIN)


def test_a_file_that_cannot_be_used_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match=r"name another file as \[serve\] accounts"):
        Accounts(tmp_path / "file" / "accounts.sqlite")
    (tmp_path / "broken").write_bytes(b"no database at all, and long enough to look at" * 20)
    with pytest.raises(OutputError, match="cannot be used"):
        Accounts(tmp_path / "broken")


def test_roles_cover_those_below_them() -> None:
    assert [[a.covers(b) for b in Role] for a in Role] == [
        [True, False, False],
        [True, True, False],
        [True, True, True],
    ]
