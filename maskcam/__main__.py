"""The command line."""

from __future__ import annotations

import signal
import sys
from typing import Annotated

import typer

from maskcam import __version__
from maskcam.commands.bench import bench
from maskcam.commands.doctor import doctor
from maskcam.commands.events.app import events
from maskcam.commands.export import export
from maskcam.commands.models import models
from maskcam.commands.predict import predict
from maskcam.commands.process import process
from maskcam.commands.serve import serve
from maskcam.commands.serve_model import serve_model
from maskcam.commands.watch import watch
from maskcam.devices import share_cores
from maskcam.errors import MaskcamError

INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells count it: 128 and the signal's number."""

app = typer.Typer(
    help="Watches cameras for face masks: who wears one, who does not, who wears it wrong.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,  # errors are one sentence, tracebacks only with --debug
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (watch, serve, process, predict, models, doctor, bench, export):
    app.command()(command)
app.command("serve-model")(serve_model)
app.add_typer(events, name="events")


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"maskcam {__version__}")
        raise typer.Exit


@app.callback()
def options(
    # main() looks for --debug itself, so that it counts before the line is parsed
    debug: Annotated[bool, typer.Option("--debug", help="Show a traceback with an error.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Holds the options that come before a command."""


def main() -> None:
    """Runs the command line: an error is one sentence on standard error and an exit code."""
    debug = "--debug" in sys.argv
    share_cores()
    signal.signal(
        signal.SIGTERM, signal.default_int_handler
    )  # both end cleanly: files closed, summary printed
    try:
        app()
    except MaskcamError as error:
        if debug:
            raise
        typer.secho(f"Error: {error}", err=True, fg="red")
        raise SystemExit(error.exit_code) from None
    except KeyboardInterrupt:
        if debug:
            raise
        raise SystemExit(INTERRUPTED) from None


if __name__ == "__main__":
    main()
