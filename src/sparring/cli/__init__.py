"""The command line: verbs to calls of `sparring.api`, and nothing else."""

from __future__ import annotations

import sys

import typer

from sparring.cli import using  # isort: skip
from sparring.cli import asking
from sparring.cli.app import app, fail

__all__ = ["app", "asking", "main", "using"]


def main() -> None:
    """Runs the command line; errors that are explained end in one line and their exit status."""
    from sparring.base import clock
    from sparring.base.errors import SparringError

    clock.command_begins()
    if len(sys.argv) == 1:
        sys.argv.append("--help")
    try:
        status = app(standalone_mode=False)
    except SparringError as error:
        fail(str(error), error.exit_status)
    except KeyboardInterrupt as stop:
        if stop.args:
            typer.echo(f"sparring: {stop}", err=True)
        sys.exit(130)
    except Exception as error:
        told = getattr(error, "format_message", None)  # click's own, for words that are no verb or option
        if told is None:
            raise
        fail(told(), 2)
    else:
        sys.exit(status if isinstance(status, int) else 0)
