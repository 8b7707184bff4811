"""Settings of `maskcam serve`: where it listens, and whom it lets in."""

from __future__ import annotations

import ipaddress
from pathlib import Path

from pydantic import Field, field_validator

from maskcam.config_sections import Section


class ServeConfig(Section):
    """The web side of the service."""

    host: str = Field(
        "127.0.0.1",
        min_length=1,
        description="address to listen on; anything but this machine's own needs a password",
    )
    port: int = Field(8000, ge=0, le=65535, description="0: any that is free")
    hosts: tuple[str, ...] = Field(
        (),
        description="further names by which browsers may call it, such as that of a reverse proxy; while it listens on"
        " this machine only, all others are refused",
    )
    trusted_proxies: tuple[str, ...] = Field(
        (),
        description="addresses whose X-Forwarded-For and -Proto are believed; none: the headers are ignored",
    )
    password_hash: str | None = Field(
        None,
        repr=False,
        description="Argon2 hash of the password of the user admin; None: those that --set-password stored",
    )
    accounts: Path | None = Field(
        None,
        description="file with users, sessions and API tokens, all of them hashed; None: accounts.sqlite in the user's"
        " folder for such things",
    )
    session_hours: float = Field(12.0, gt=0, le=24 * 90, description="after which one has to log in again")

    @field_validator("password_hash")
    @classmethod
    def _hash(cls, text: str | None) -> str | None:
        if text is not None and not text.startswith("$argon2"):
            raise ValueError(
                "a password is given as its Argon2 hash, $argon2id$...: --set-password stores one"
            )
        return text

    @property
    def is_local(self) -> bool:
        """Whether only programs on this machine can reach it."""
        return is_loopback(self.host)

    def accounts_path(self) -> Path:
        """Where users, sessions and tokens are."""
        from platformdirs import user_state_path

        return self.accounts or user_state_path("maskcam", appauthor=False) / "accounts.sqlite"


def is_loopback(host: str) -> bool:
    """Whether only programs on this machine can reach what listens there."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
