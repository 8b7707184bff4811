"""`maskcam serve`: cameras, event store, alerts, dashboard and API in one long-running process."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from maskcam.commands.options import Device, RemoteClassifier, Store, remote_address

if TYPE_CHECKING:
    from contextlib import ExitStack

    from maskcam.config_file import ConfigFile
    from maskcam.config_serve import ServeConfig
    from maskcam.web.accounts import Accounts

_DEFAULT_FILE = Path("maskcam.toml")


def serve(
    config_file: Annotated[
        Path | None,
        typer.Option(
            "-c",
            "--config",
            help="TOML file with cameras and settings. Default: maskcam.toml, if there is one.",
        ),
    ] = None,
    host: Annotated[
        str | None,
        typer.Option(
            help="Address to listen on; any but this machine's own needs a password. Default: 127.0.0.1."
        ),
    ] = None,
    port: Annotated[int | None, typer.Option(help="Port; 0 takes any that is free. Default: 8000.")] = None,
    demo: Annotated[
        bool, typer.Option("--demo", help="Without camera and file: the sample clip, again and again.")
    ] = False,
    set_password: Annotated[
        bool,
        typer.Option(
            "--set-password", help="Ask for a password, or read it from standard input; store it, and end."
        ),
    ] = False,
    user: Annotated[str, typer.Option(help="Whose password to set.")] = "admin",
    role: Annotated[
        str, typer.Option(help="What that user may do: viewer, operator or admin.", show_default=True)
    ] = "admin",
    store: Store = None,
    device: Device = None,
    classifier: RemoteClassifier = None,
) -> None:
    """Watch cameras as a service, with a dashboard in the browser and an API."""
    import logging
    from contextlib import ExitStack

    check_libraries()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    for talkative in ("aioice", "aiortc", "alembic", "uvicorn"):
        logging.getLogger(talkative).setLevel(logging.WARNING)
    overrides = {
        "serve.host": host,
        "serve.port": port,
        "store.url": store,
        "device": device,
        "classifier.remote": remote_address(classifier),
    }
    with ExitStack() as stack:
        settings = open_settings(config_file, overrides, demo=demo, stack=stack)
        if set_password:
            store_password(settings.load().serve, user, role)
        else:
            run_service(settings, demo=demo, stack=stack)


def check_libraries() -> None:
    """Makes sure that the libraries of the web side are there.

    Raises:
        MissingLibraryError: they are not.
    """
    from maskcam.errors import MissingLibraryError

    try:
        import argon2  # noqa: F401
        import fastapi  # noqa: F401
        import jinja2  # noqa: F401
        import prometheus_client  # noqa: F401
        import python_multipart  # noqa: F401
        import tomlkit  # noqa: F401
        import uvicorn  # noqa: F401
    except ModuleNotFoundError as error:
        raise MissingLibraryError(
            f"`maskcam serve` needs a Python package that is not installed ({error}):"
            " run `pip install 'maskcam[serve]'`"
        ) from error


def open_settings(
    config_file: Path | None, overrides: dict[str, Any], *, demo: bool, stack: ExitStack
) -> ConfigFile:
    """The configuration file, which need not be there unless it was named.

    Raises:
        InputError: it was named and is not there, or beside --demo.
    """
    from tempfile import TemporaryDirectory

    from platformdirs import user_data_path

    from maskcam.config_file import ConfigFile
    from maskcam.demo import write_demo
    from maskcam.errors import ConfigError, InputError

    if demo:
        if config_file is not None:
            raise InputError("--demo has settings of its own: leave out -c, or --demo")
        folder = stack.enter_context(TemporaryDirectory(prefix="maskcam-demo-", ignore_cleanup_errors=True))
        return ConfigFile(write_demo(Path(folder)), overrides)
    if config_file is not None and not config_file.exists():
        raise ConfigError(
            f"there is no configuration {config_file}: check its name, or leave out -c to begin anew"
        )
    fallback = user_data_path("maskcam", appauthor=False) / "events.db"
    return ConfigFile(config_file or _DEFAULT_FILE, overrides, fallback_store=fallback)


def store_password(settings: ServeConfig, user: str, role: str) -> None:
    """Asks for a password twice, or reads one line from a pipe, and stores its hash."""
    from maskcam.errors import InputError
    from maskcam.web.accounts import Accounts
    from maskcam.web.roles import Role

    if role not in list(Role):
        raise InputError(f"--role takes {', '.join(Role)}; got {role!r}")
    if sys.stdin.isatty():
        password = typer.prompt(f"Password of {user}", hide_input=True, confirmation_prompt=True)
    else:
        password = sys.stdin.readline().rstrip("\r\n")
    path = settings.accounts_path()
    Accounts(path).set_password(user, password, role=Role(role))
    print(f"Password of {user} ({role}) stored in {path}")


def run_service(settings: ConfigFile, *, demo: bool, stack: ExitStack) -> None:
    """Runs cameras and web until somebody stops it."""
    import secrets

    from maskcam.commands.workshop import RealWorkshop
    from maskcam.service import Service
    from maskcam.web.accounts import Accounts
    from maskcam.web.app import create_app
    from maskcam.web.context import Context
    from maskcam.web.live.hub import LiveHub
    from maskcam.web.server import listen, run

    config = settings.load()
    accounts = Accounts(config.serve.accounts_path(), admin_hash=config.serve.password_hash)
    check_password(config.serve, accounts)
    listener = stack.enter_context(listen(config.serve))
    port = listener.getsockname()[1]
    live = LiveHub()
    service = Service(config, RealWorkshop(loops=demo), taps=[live])
    stack.callback(service.close)
    service.start()
    key = None if accounts.has_password() else secrets.token_urlsafe(24)
    context = Context(service, settings, accounts, serve=config.serve, port=port, key=key)
    stack.callback(context.close)
    run(
        create_app(context, live),
        listener,
        serve=config.serve,
        reload=lambda: settings.reload(service),
        started=lambda: announce(config.serve, port, key),
    )


def check_password(settings: ServeConfig, accounts: Accounts) -> None:
    """Makes sure that nobody else can come in without one.

    Raises:
        ConfigError: other machines could, and no password is set.
    """
    from maskcam.errors import ConfigError

    if not settings.is_local and not accounts.has_password():
        raise ConfigError(
            f"on {settings.host} other machines could see the cameras, and no password is set: run"
            " `maskcam serve --set-password` first, or listen on 127.0.0.1"
        )


def announce(settings: ServeConfig, port: int, key: str | None) -> None:
    """Prints where the dashboard is."""
    host = settings.host.strip("[]")
    host = f"[{host}]" if ":" in host else host
    if key is None:
        print(f"maskcam serves http://{host}:{port}/", flush=True)
        return
    print(f"maskcam serves http://{host}:{port}/login?key={key}", flush=True)
    print(
        "Until it ends, whoever has this link may do everything; `--set-password` asks for one instead.",
        flush=True,
    )
