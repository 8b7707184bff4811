"""Signatures of webhooks. Receivers may copy this file: it needs nothing but Python."""

from __future__ import annotations

import hashlib
import hmac
import time


def sign(secret: str, *, timestamp: str, body: bytes) -> str:
    """What stands in the header `X-Maskcam-Signature`.

    Args:
        secret: known to both sides, nobody else.
        timestamp: of the header `X-Maskcam-Timestamp`: seconds since 1970, as text.
        body: of the request, byte by byte as it was sent.

    Returns:
        `sha256=` and the HMAC-SHA256 of timestamp, a full stop and body, in hexadecimal.
    """
    digest = hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256)
    return f"sha256={digest.hexdigest()}"


def verify(
    secret: str,
    *,
    timestamp: str,
    body: bytes,
    signature: str,
    tolerance_seconds: float = 300,
    now_seconds: float | None = None,
) -> bool:
    """Whether a request comes from somebody who knows the secret, and was sent just now.

    Args:
        secret: as the sender has it.
        timestamp: the header `X-Maskcam-Timestamp`, as received.
        body: as received, before any decoding.
        signature: the header `X-Maskcam-Signature`, as received.
        tolerance_seconds: how much older or newer it may be: a request that somebody recorded is good for so long, and
            the two clocks may differ by so much.
        now_seconds: None is now.
    """
    expected = sign(secret, timestamp=timestamp, body=body)
    if not hmac.compare_digest(expected.encode(), signature.encode()):
        return False
    now_seconds = time.time() if now_seconds is None else now_seconds
    return abs(now_seconds - int(timestamp)) <= tolerance_seconds
