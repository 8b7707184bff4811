"""Tells a web server: one signed JSON document by POST for every change of a violation."""

from __future__ import annotations

import logging
import math
import re
import time
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from maskcam import __version__
from maskcam.errors import ConfigError, DeliveryError, MissingLibraryError
from maskcam.outbox.base import Message, Receiver
from maskcam.sinks.alerts import AlertOptions, AlertSink
from maskcam.sinks.signature import sign

if TYPE_CHECKING:
    import httpx2

_CONNECT_SECONDS = 5.0
_MOST_PATIENCE_SECONDS = 3600.0
"""No receiver can ask for a longer pause."""
_WORTH_ANOTHER_TRY = (408, 425, 429)


class WebhookReceiver(Receiver):
    """Posts messages to a web server; an answer from 200 to 299 means that it has taken one.

    Args:
        url: where; user and password in it are sent as basic authentication.
        name: for people; None: the host, since the rest of such an address is often secret.
        secret: signs each request; None: no signature.
        timeout_seconds: how long the server may be silent.

    Raises:
        ConfigError: the address is no web address.
        MissingLibraryError: httpx2 is not installed.
    """

    def __init__(
        self, url: str, *, name: str | None = None, secret: str | None = None, timeout_seconds: float = 10.0
    ) -> None:
        host = web_host(url)
        super().__init__(f"the webhook {name or host}")
        try:
            import httpx2
        except ModuleNotFoundError as error:
            raise MissingLibraryError(
                f"webhooks need a Python package that is not installed ({error}): run `pip install 'maskcam[alerts]'`"
            ) from error
        logging.getLogger("httpx2").addFilter(_hide_address)  # it logs whole addresses, tokens included
        self._secret = secret
        self._timeout_seconds = timeout_seconds
        try:
            self._url = httpx2.URL(url)
        except httpx2.InvalidURL as error:
            raise ConfigError(f"the address of the webhook at {host} cannot be read: check it") from error
        self._client = httpx2.Client(
            timeout=httpx2.Timeout(timeout_seconds, connect=min(_CONNECT_SECONDS, timeout_seconds)),
            follow_redirects=False,  # neither the signature nor the picture is for whoever that leads to
            headers={"User-Agent": f"maskcam/{__version__}", "Content-Type": "application/json"},
        )

    def deliver(self, message: Message) -> None:
        """Posts it."""
        import httpx2

        try:
            # the answer's body is of no interest, and might never end
            with self._client.stream(
                "POST", self._url, content=message.body, headers=self._headers(message)
            ) as response:
                self._judge(response)
        except httpx2.TimeoutException as error:
            raise DeliveryError(f"no answer for {self._timeout_seconds:g} s") from error
        except httpx2.ConnectError as error:
            raise DeliveryError(f"no connection: {_system_reason(error)}") from error
        except (httpx2.HTTPError, OSError) as error:
            raise DeliveryError(f"the connection broke off ({type(error).__name__})") from error

    def close(self) -> None:
        self._client.close()

    def _headers(self, message: Message) -> dict[str, str]:
        # a camera's name may hold anything, a header may not
        headers = {"Idempotency-Key": quote(message.identity, safe="/")}
        if self._secret is not None:
            timestamp = str(int(time.time()))
            headers["X-Maskcam-Timestamp"] = timestamp
            headers["X-Maskcam-Signature"] = sign(self._secret, timestamp=timestamp, body=message.body)
        return headers

    @staticmethod
    def _judge(response: httpx2.Response) -> None:
        status = response.status_code
        if 200 <= status < 300:
            return
        if 300 <= status < 400:
            raise DeliveryError(
                f"it answers {status}, a redirect, which is not followed: name the new address"
            )
        is_final = 400 <= status < 500 and status not in _WORTH_ANOTHER_TRY
        raise DeliveryError(
            f"it answers {status}",
            is_final=is_final,
            retry_seconds=0.0 if is_final else _retry_seconds(response.headers.get("Retry-After")),
        )


class WebhookSink(AlertSink):
    """Posts every change of a violation to a web server.

    Args:
        receiver: the server.
        name: of the webhook, the same in every run and different for each: names its messages in the outbox.
        options: see `AlertOptions`.

    Raises:
        OutputError: the outbox cannot be used at all.
    """

    def __init__(self, receiver: WebhookReceiver, *, name: str, options: AlertOptions) -> None:
        super().__init__(receiver, identity=f"webhook {name}", options=options)


def web_host(url: str) -> str:
    """Host and port of a web address, without anything that might be secret.

    Raises:
        ConfigError: it is no address of a web server; the message does not show it.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host = None
    if host is None or parts.scheme not in ("http", "https"):
        raise ConfigError(
            "the address of a webhook begins with https:// or http:// and a host: this one does not"
        )
    return host if port is None else f"{host}:{port}"


def _retry_seconds(text: str | None) -> float:
    """What `Retry-After` asks for, as seconds or as a date; 0 where it says nothing that makes sense."""
    if not text:
        return 0.0
    try:
        seconds = float(text)
    except ValueError:
        try:
            date = parsedate_to_datetime(text)
        except ValueError:
            return 0.0
        seconds = (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp() - time.time()
    return min(max(seconds, 0.0), _MOST_PATIENCE_SECONDS) if math.isfinite(seconds) else 0.0


def _system_reason(error: Exception) -> str:
    """The system's words alone; libraries may add addresses to them."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.strerror:
            return re.sub(r"^\[.*?\]\s*", "", cause.strerror).lower()
        cause = cause.__cause__ or cause.__context__
    return "the server cannot be reached"


def _hide_address(record: logging.LogRecord) -> bool:
    if isinstance(record.args, tuple):
        record.args = tuple("***" if type(value).__name__ == "URL" else value for value in record.args)
    return True
