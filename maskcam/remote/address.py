"""Where a model server is: `grpc://host:9100`, `grpc://TOKEN@host:9100`, or `grpcs://` in place of `grpc://`."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from maskcam.errors import ConfigError

DEFAULT_PORT = 9100


@dataclass(frozen=True, slots=True)
class ServerAddress:
    """Of a model server.

    Attributes:
        host: name or number; an IPv6 one without brackets.
        port: of it.
        token: that the server asks for; None sends none.
        is_encrypted: TLS, with the server's certificate checked.
    """

    host: str
    port: int
    token: str | None = field(default=None, repr=False)
    is_encrypted: bool = False

    @property
    def target(self) -> str:
        """`host:port`, as gRPC and people read it."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_address(url: str) -> ServerAddress:
    """Reads an address.

    Args:
        url: `grpc://[TOKEN@]HOST[:PORT]`, or `grpcs://` with TLS.

    Raises:
        ConfigError: it is none; the text of the error holds nothing of it, since a token may be in it.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port, parts = None, None, urlsplit("")
    if (
        parts.scheme not in ("grpc", "grpcs")
        or not host
        or parts.path.strip("/")
        or parts.query
        or parts.fragment
    ):
        raise ConfigError(
            "the address of a model server is grpc://HOST:PORT, or grpc://TOKEN@HOST:PORT where it asks for a token,"
            " and grpcs:// in place of grpc:// where it has a certificate"
        )
    token = parts.password or parts.username
    return ServerAddress(
        host,
        DEFAULT_PORT if port is None else port,
        unquote(token) if token else None,
        is_encrypted=parts.scheme == "grpcs",
    )
