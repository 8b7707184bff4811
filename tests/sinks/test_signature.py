import hashlib
import hmac

from maskcam.sinks.signature import sign, verify


def test_it_is_the_hmac_of_time_and_body() -> None:
    expected = hmac.new(b"key", b"1700000000.{}", hashlib.sha256).hexdigest()
    assert sign("key", timestamp="1700000000", body=b"{}") == f"sha256={expected}"


def test_only_the_right_secret_time_and_body_pass() -> None:
    good = {"timestamp": "1700000000", "body": b'{"a":1}'}
    signature = sign("schlüssel", **good)  # type: ignore[arg-type]

    def check(secret: str = "schlüssel", now: float = 1700000000.0, **changes: object) -> bool:
        return verify(secret, **good | {"signature": signature} | changes, now_seconds=now)  # type: ignore[arg-type]

    assert check()
    assert not check(secret="other")
    assert not check(body=b'{"a":2}')
    assert not check(timestamp="1700000001")
    assert not check(signature="")
    assert not check(signature="sha256=é")
    assert not check(timestamp="no number")
    assert check(now=1700000299.0)
    assert not check(now=1700000301.0), "recorded and sent once more"
    assert not check(now=1699999699.0)
