"""Keeping passwords out of everything that is shown or stored."""

from __future__ import annotations

import re

# Greedy up to the last "@" of the text: a password may hold "@", "/" or "?" unescaped, as people type them.
# Hiding too much of an odd address is better than showing half a password.
_USERINFO = re.compile(r"(?<=://)\S*@")
# "pas" also covers loginpas=, "sig" signature=; XMEye cameras have user=admin_password=... within the path.
_SECRET_VALUE = re.compile(
    r"([^/?&;#=\s]*(?:pas|pwd|token|key|auth|secret|sig|cred|session)[^/?&;#=\s]*=)[^&;#\s]*", re.IGNORECASE
)


def mask_password(url: str) -> str:
    """Replaces the credentials in a URL by `***`.

    Args:
        url: any address, with or without credentials; a plain path comes back unchanged.

    Returns:
        The address with the whole user part, and the values of query fields such as `password=`, `token=`,
        `key=` and `auth=`, replaced. The result is for people to read, not for connecting.
    """
    if "://" not in url:
        return url
    return _SECRET_VALUE.sub(r"\1***", _USERINFO.sub("***@", url))
