"""`maskcam serve-model`: networks on one machine or cluster for cameras on many."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from maskcam.commands.options import (
    Backend,
    ConfigFile,
    DetectionSize,
    DetectorKind,
    DetectorWeights,
    Device,
    Precision,
    Thorough,
    Weights,
    make_config,
)

if TYPE_CHECKING:
    from maskcam.serving.options import ServingOptions


def serve_model(
    host: Annotated[
        str, typer.Option(help="Address to listen on; any but this machine's own needs a token.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 takes any that is free.")] = 9100,
    replicas: Annotated[int, typer.Option(min=1, help="Copies of the networks.")] = 1,
    gpus_per_replica: Annotated[
        float | None,
        typer.Option(
            min=0.0, help="May be a part of one. Default: 1 on CUDA, where the cluster has any; else 0."
        ),
    ] = None,
    max_batch: Annotated[int, typer.Option(min=1, max=256, help="Most faces judged at once.")] = 64,
    batch_wait_ms: Annotated[
        float, typer.Option(min=0.0, max=1000.0, help="How long a batch waits for other cameras' faces.")
    ] = 3.0,
    queue: Annotated[
        int, typer.Option(min=1, help="Requests that may wait; clients judge the others themselves.")
    ] = 256,
    cluster: Annotated[
        str,
        typer.Option(
            metavar="ADDRESS|local", help="Ray cluster to run on, such as ray-head:6379; local starts one."
        ),
    ] = "local",
    token_file: Annotated[
        Path | None,
        typer.Option(help="File with the token that clients must show. Default: MASKCAM_MODEL_TOKEN."),
    ] = None,
    allow_anyone: Annotated[
        bool, typer.Option("--allow-anyone", help="Listen on other addresses without a token.")
    ] = False,
    certificate: Annotated[
        Path | None,
        typer.Option(help="PEM file for TLS; clients then say grpcs://. Default: nothing is encrypted."),
    ] = None,
    key: Annotated[Path | None, typer.Option(help="PEM file with the certificate's key.")] = None,
    config_file: ConfigFile = None,
    device: Device = None,
    backend: Backend = None,
    precision: Precision = None,
    weights: Weights = None,
    detector: DetectorKind = None,
    detector_weights: DetectorWeights = None,
    size: DetectionSize = None,
    thorough: Thorough = None,
) -> None:
    """Judge faces for cameras on other machines, on Ray Serve: `--classifier remote=grpc://HOST:9100` there."""
    from maskcam.config_remote import TOKEN_VARIABLE
    from maskcam.config_serve import is_loopback
    from maskcam.errors import ConfigError
    from maskcam.serving.options import ServingOptions

    check_libraries()
    check_certificate(certificate, key)
    config = make_config(
        config_file,
        device=device,
        backend=backend,
        precision=precision,
        weights=weights,
        detector=detector,
        detector_weights=detector_weights,
        size=size,
        thorough=thorough,
    )
    # a server that asks another server would only add to the way
    local = config.classifier.model_copy(update={"remote": None})
    config = config.model_copy(update={"classifier": local})
    token = os.environ.get(TOKEN_VARIABLE) if token_file is None else read_token(token_file)
    if not token and not allow_anyone and not is_loopback(host):
        raise ConfigError(
            f"on {host} other machines could use the model server, and no token is set: give --token-file or set"
            f" {TOKEN_VARIABLE}, or say --allow-anyone"
        )
    options = ServingOptions(
        host=host,
        port=port,
        replicas=replicas,
        gpus_per_replica=gpus_per_replica,
        max_batch=max_batch,
        batch_wait_seconds=batch_wait_ms / 1000,
        queue=queue,
        cluster=cluster,
        token=token or None,
        certificate=certificate,
        key=key,
    )
    options.prepare(os.environ)
    from maskcam.serving.running import run

    run(config, options, started=lambda taken: announce(options, taken))


def check_libraries() -> None:
    """Makes sure that Ray Serve and gRPC are there, without the seconds that it takes to load them.

    Raises:
        MissingLibraryError: they are not.
    """
    from importlib.util import find_spec

    from maskcam.errors import MissingLibraryError

    missing = [name for name in ("ray", "grpc") if find_spec(name) is None]
    if missing:
        raise MissingLibraryError(
            f"`maskcam serve-model` needs a Python package that is not installed ({', '.join(missing)}):"
            " run `pip install 'maskcam[cluster]'`"
        )


def read_token(file: Path) -> str:
    """The token in a file.

    Raises:
        ConfigError: it cannot be read, or is empty.
    """
    from maskcam.errors import ConfigError

    try:
        token = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read the token in {file}: {error}") from error
    if not token:
        raise ConfigError(f"there is no token in {file}: write a long random word into it")
    return token


def check_certificate(certificate: Path | None, key: Path | None) -> None:
    """Makes sure that they can be used: gRPC would only say that it cannot listen.

    Raises:
        ConfigError: one lacks the other, cannot be read, or is not the other's.
    """
    import ssl

    from maskcam.errors import ConfigError

    if certificate is None and key is None:
        return
    if certificate is None or key is None:
        raise ConfigError("TLS needs both: give --certificate FILE and --key FILE")
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password="")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ConfigError(
            f"cannot use the certificate {certificate} with the key {key}: {reason}; both must be PEM, the key"
            " without a password"
        ) from error


def announce(options: ServingOptions, port: int) -> None:
    """Prints where it listens and whom it lets in."""
    host = f"[{options.host}]" if ":" in options.host else options.host
    copies = f"{options.replicas} replica{'s' * (options.replicas > 1)}"
    who = "everybody" if options.token is None else "whoever has the token"
    scheme, safety = ("grpcs", "") if options.is_encrypted else ("grpc", ", not encrypted")
    print(f"maskcam serves its networks at {scheme}://{host}:{port} to {who} ({copies}{safety})", flush=True)
