"""Keeping passwords out of everything that is shown or stored."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import quote

from maskcam.errors import InputError

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


_VARIABLE = re.compile(r"\$\{(\w+)\}")


def fill_in(spec: str, environ: Mapping[str, str]) -> str:
    """Replaces each `${NAME}` by that environment variable, so that passwords need not stand in files.

    Args:
        spec: an address such as `rtsp://${CAMERA_USER}:${CAMERA_PASSWORD}@host/path`, or anything else.
        environ: the environment.

    Returns:
        The address; whatever an address could not hold as it is, such as `@`, is percent-encoded.

    Raises:
        InputError: a variable is not set.
    """

    def value(match: re.Match[str]) -> str:
        name = match[1]
        if name not in environ:
            raise InputError(
                f"{mask_password(spec)} needs the environment variable {name}, which is not set."
            )
        return quote(environ[name], safe="") if "://" in spec else environ[name]

    return _VARIABLE.sub(value, spec)
