"""The command line: verbs to calls of `sparring.api`, and nothing else."""

from __future__ import annotations

import sys

import typer

from sparring.cli import using  # isort: skip
from sparring.cli import asking
from sparring.cli.app import app, fail
from sparring.cli.streams import patient

__all__ = ["app", "asking", "main", "using"]


def main() -> None:
    """Runs the command line; errors that are explained end in one line and their exit status."""
    from sparring.base import clock

    if len(sys.argv) == 1:
        sys.argv.append("--help")
    with clock.command(), patient() as (out, err):
        try:
            status = _answered()
        except SystemExit as ended:
            status = ended.code if isinstance(ended.code, int) else 0
        out.flush()
        if out.lost is not None:
            typer.echo(f"sparring: standard output cannot be written ({out.lost.strerror})", err=True)
            status = status or 2
        err.flush()
    sys.exit(status)


def _answered() -> int:
    """Runs the verb that the words name; gives its exit status."""
    from sparring.base.errors import SparringError
    from sparring.base.system import INTERRUPTED, heard_nothing, stopped_by

    heard_nothing()
    try:
        command = typer.main.get_command(app)
        with command.make_context("sparring", sys.argv[1:]) as context:
            command.invoke(context)
    except SparringError as error:
        fail(str(error), error.exit_status)
    except KeyboardInterrupt as stop:
        if stop.args:
            typer.echo(f"sparring: {stop}", err=True)
        return INTERRUPTED
    except OSError as error:  # of the machine: no room, no right, a file that went away
        where = "" if error.filename is None else f"{error.filename}: "
        fail(f"{where}{error.strerror or error}", 2)
    except Exception as error:
        if hasattr(error, "exit_code") and not hasattr(error, "format_message"):  # typer's own: --help was asked for
            return int(error.exit_code)
        if hasattr(error, "format_message"):  # typer's own, for words that are no verb or option
            fail(error.format_message(), 2)
        if not _out_of_memory(error):
            raise
        fail(f"out of memory: {str(error).splitlines()[0] if str(error) else 'the machine has no more'}", 2)
    number = stopped_by()  # a training that was stopped is saved and goes on; it is not done
    return 0 if number is None else 128 + number


def _out_of_memory(error: Exception) -> bool:
    if "torch" not in sys.modules:
        return isinstance(error, MemoryError)
    from sparring.engine.machine import out_of_memory

    return out_of_memory(error)
