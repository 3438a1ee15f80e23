"""The application, the options that verbs share, and what they print."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Optional

import typer
from typer.core import TyperCommand

OWN = "options of the run's kind"


class Open(TyperCommand):
    """A verb that takes options of a kind of data beside its own, `--name value`: which, only the run can tell."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        known = {name: one for one in self.get_params(ctx) for name in (*one.opts, *one.secondary_opts)}
        rest: list[str] = []
        own: dict[str, str] = {}
        words = list(args)
        while words:
            word = words.pop(0)
            name, equals, value = word.partition("=")
            if word == "--":
                rest += [word, *words]
                break
            if not word.startswith("--") or name in known:
                rest.append(word)
                if word in known and not getattr(known[word], "is_flag", False):
                    rest += words[:1]
                    del words[:1]
            elif not equals and words and not words[0].startswith("--"):
                own[name] = words.pop(0)
            else:
                own[name] = value
        ctx.meta[OWN] = {name[2:].replace("-", "_"): value for name, value in own.items()}
        return super().parse_args(ctx, rest)


app = typer.Typer(
    name="sparring",
    help="Train, diagnose, compare and ship GANs on your own data.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

Overrides = Annotated[
    Optional[list[str]],
    typer.Argument(help="A recipe's name or file, then key=value overrides.", metavar="[RECIPE] [KEY=VALUE ...]"),
]
DataOption = Annotated[
    Optional[str],
    typer.Option(
        help="A folder, .zip, .npz, idx .gz, CIFAR .bin, a table (.csv, .tsv, .parquet, a database), or a name; "
        "two pictures or folders, one after the other, where one is to be made like the other.",
        metavar="PATH|NAME",
    ),
]
OutOption = Annotated[
    Optional[Path], typer.Option(help="The run's directory; runs/<recipe>-<seed> by default.", metavar="DIR")
]
StepOption = Annotated[
    Optional[str], typer.Option(help="A checkpoint's step, or best; the newest by default.", metavar="N|best")
]
DeviceOption = Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")]
OverwriteOption = Annotated[bool, typer.Option("--overwrite", help="Replace what is there already.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]


def own_options(ctx: typer.Context, run: Path, verb: Callable[..., Any]) -> dict[str, str]:
    """The options of the run's kind of data among the words. Raises RequestError for one that is none of its."""
    given: dict[str, str] = ctx.meta[OWN]
    if given:
        from sparring.runs.run import check_options, kind_of

        check_options(kind_of(run), verb, given)
    return given


def fail(message: str, status: int) -> None:
    typer.echo("sparring: " + " ".join(message.split()), err=True)
    sys.exit(status)


def print_json(found: dict[str, Any]) -> None:
    typer.echo(json.dumps(found, allow_nan=False))


def print_table(table: Any) -> None:
    from sparring.pages.console import console

    console().print(table)
