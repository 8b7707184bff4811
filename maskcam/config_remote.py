"""A classifier on another machine, made from its settings."""

from __future__ import annotations

import os
import ssl
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Literal

from maskcam.classifiers.base import Classifier
from maskcam.errors import ConfigError, MissingLibraryError
from maskcam.remote.address import parse_address
from maskcam.sources.urls import fill_in
from maskcam.weights import ModelCard

TOKEN_VARIABLE = "MASKCAM_MODEL_TOKEN"
"""Where both sides look for the token, so that it need not stand in a file."""


def build_remote(
    url: str,
    *,
    deadline_seconds: float,
    encoding: Literal["raw", "jpeg"],
    certificates: Path | None,
    local: Classifier,
    card: ModelCard,
    thorough: bool,
    environ: Mapping[str, str],
) -> Classifier:
    """Makes a classifier that a model server stands behind, whether or not that is there at present.

    Args:
        url: of the server; may hold `${NAME}`.
        deadline_seconds: after which faces are judged on this machine.
        encoding: raw or jpeg.
        certificates: file of those to trust; None: those that come with gRPC.
        local: that judges then; closed with the classifier.
        card: of it.
        thorough: whether it judges every crop twice.
        environ: the environment.

    Raises:
        ConfigError: that is no address, or the certificates cannot be read or would not be asked for.
        InputError: an environment variable in it is not set.
        MissingLibraryError: gRPC is not installed.
    """
    address = parse_address(fill_in(url, environ))
    if address.token is None:
        address = replace(address, token=environ.get(TOKEN_VARIABLE) or None)
    if certificates is not None and not address.is_encrypted:
        raise ConfigError(
            "classifier.remote_certificates is set, but nothing would be encrypted: write grpcs:// in classifier.remote"
        )
    os.environ.setdefault(
        "GRPC_VERBOSITY", "NONE"
    )  # it would write into the table of `watch`; read when it is loaded
    try:
        from maskcam.classifiers.remote import RemoteClassifier
        from maskcam.remote.client import ModelClient
    except ModuleNotFoundError as error:
        raise MissingLibraryError(
            f"a classifier on another machine needs a Python package that is not installed ({error}):"
            " run `pip install 'maskcam[remote]'`"
        ) from error
    client = ModelClient(
        address,
        deadline_seconds=deadline_seconds,
        encoding=encoding,
        certificates=None if certificates is None else read_certificates(certificates),
    )
    return RemoteClassifier(client, local, card, thorough=thorough)


def read_certificates(file: Path) -> bytes:
    """The PEM in a file.

    Raises:
        ConfigError: it cannot be read, or holds no certificate.
    """
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(file)
        return file.read_bytes()
    except OSError as error:
        raise ConfigError(
            f"classifier.remote_certificates: cannot read certificates in {file}: {error.strerror or error}"
        ) from error
