"""The command line: verbs to calls of `sparring.api`, and nothing else."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any, Optional

import typer

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
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]


@app.command()
def train(
    words: Overrides = None,
    data: DataOption = None,
    out: OutOption = None,
    for_: Annotated[Optional[str], typer.Option("--for", help="The run's total: 10m, 5000steps or 200kimg.")] = None,
    seed: Annotated[Optional[int], typer.Option(help="Of everything that is drawn.", min=0)] = None,
    device: DeviceOption = "auto",
    devices: Annotated[
        Optional[int],
        typer.Option(help="Processes that train together, each with a device of its own: 1, or what a run had."),
    ] = None,
    from_: Annotated[
        Optional[Path], typer.Option("--from", help="A run whose weights to start from.", metavar="RUN")
    ] = None,
) -> None:
    """Train; into an existing run directory: go on with it. Then score and report."""
    from sparring import api

    api.train(*(words or ()), data=data, out=out, for_=for_, seed=seed, device=device, devices=devices, from_=from_)


@app.command()
def sample(
    run: Path,
    to: Annotated[
        Path,
        typer.Option(
            help="A new folder of .png, or a path ending in .npz, .png (a grid), .csv or, for rows, .parquet."
        ),
    ],
    count: Annotated[int, typer.Option(help="How many.")] = 64,
    seed: Annotated[int, typer.Option(help="Equal seeds give equal samples.")] = 0,
    label: Annotated[Optional[str], typer.Option(help="Only of this label.")] = None,
    where: Annotated[
        Optional[list[str]],
        typer.Option(help="Of a table: what every row meets, as age>60 or sex=Female; may be said again."),
    ] = None,
    balance: Annotated[
        Optional[str], typer.Option(help="Of a table: a column whose classes come equally often.", metavar="COLUMN")
    ] = None,
    step: StepOption = None,
    device: DeviceOption = "auto",
) -> None:
    """Draw new samples from a run."""
    from sparring import api

    files = api.sample(run, count, to, seed, label, device, step, where or (), balance)
    typer.echo(f"{to}: {count} samples in {files} file{'s' if files != 1 else ''}", err=True)


@app.command()
def translate(
    run: Path,
    source: Annotated[Path, typer.Argument(metavar="INPUT", help="A picture, or a folder of them.")],
    to: Annotated[Path, typer.Option(help="The picture to write, or a folder.")],
    mask: Annotated[
        Optional[Path], typer.Option(help="Of a run that fills: a picture, white where to fill, or a folder of them.")
    ] = None,
    direction: Annotated[Optional[str], typer.Option(help="a2b or b2a, of runs that go both ways.")] = None,
    seed: Annotated[int, typer.Option(help="Of what dropout that is always on draws.")] = 0,
    tile: Annotated[
        Optional[int], typer.Option(help="Edge of the squares that large pictures are cut into, in pixels.")
    ] = None,
    step: StepOption = None,
    device: DeviceOption = "auto",
) -> None:
    """Turn pictures into others, or fill their holes."""
    from sparring import api

    files = api.translate(run, source, to, mask, direction, seed, tile, device, step, quiet=False)
    typer.echo(f"{to}: {len(files)} picture{'s' if len(files) != 1 else ''}", err=True)


@app.command()
def evaluate(
    run: Path,
    data: DataOption = None,
    metrics: Annotated[Optional[str], typer.Option(help="For example fid,kid,coverage or robustness.")] = None,
    extractor: Annotated[Optional[str], typer.Option(help="inception, classifier, selfsup or pixels.")] = None,
    step: StepOption = None,
    as_json: JsonOption = False,
    device: DeviceOption = "auto",
) -> None:
    """Score a run against held-out data."""
    from sparring import api
    from sparring.console import scores_table

    found = api.evaluate(run, data, metrics, extractor, device, quiet=as_json, step=step)
    if as_json:
        _print_json(found)
    else:
        _print_table(scores_table(found["scores"], f"scores of {run} at step {found['step']:,}"))


@app.command()
def diagnose(run: Path, as_json: JsonOption = False) -> None:
    """Say what ails a run, finished or not: since when, how sure, by which numbers, and what to try."""
    from sparring import api
    from sparring.doctor import page

    found = api.diagnosis(run)
    if not as_json:
        typer.echo(page(found))
        return
    for remark in found.remarks:
        typer.echo(remark, err=True)
    _print_json(found.to_json())


@app.command()
def report(run: Path) -> None:
    """Write a run's report.html."""
    from sparring import api

    typer.echo(api.report(run))


@app.command()
def explore(
    run: Path,
    to: Annotated[
        Optional[Path], typer.Option(help="The page to write; explore.html in the run's directory by default.")
    ] = None,
    directions: Annotated[Optional[int], typer.Option(help="Latent directions of each kind; 6 by default.")] = None,
    as_json: JsonOption = False,
    device: DeviceOption = "auto",
) -> None:
    """Show what a generator learned: directions, interpolation, neighbours, attribution."""
    from sparring import api

    found = api.explore(run, to, directions, device, quiet=as_json)
    if as_json:
        _print_json(found)
    else:
        typer.echo(found["page"])


@app.command()
def demo(
    run: Path,
    port: Annotated[Optional[int], typer.Option(help="The first free one from 7860 by default.")] = None,
    host: Annotated[str, typer.Option(help="Who can reach it: 127.0.0.1, this machine alone.")] = "127.0.0.1",
    step: StepOption = None,
    device: DeviceOption = "auto",
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open the page.")] = True,
) -> None:
    """Try a run by hand, on a page of this machine: samples and directions, new rows, pictures translated or filled."""
    from sparring import api

    api.demo(run, port, host, step, device, browser)


@app.command()
def compare(
    runs: list[Path],
    out: Annotated[Path, typer.Option(help="The page to write.")] = Path("comparison.html"),
) -> None:
    """Put two or more runs on one page."""
    from sparring import api

    typer.echo(api.compare(*runs, out=out))


@app.command()
def augment(
    words: Overrides = None,
    data: DataOption = None,
    target: Annotated[
        Optional[str], typer.Option(help="The column that models are to predict.", metavar="COLUMN")
    ] = None,
    to: Annotated[
        Optional[Path], typer.Option(help="A table's file to write: the real rows, and synthetic ones below.")
    ] = None,
    rows: Annotated[Optional[int], typer.Option(help="Train with so few real rows only.", min=10)] = None,
    seeds: Annotated[int, typer.Option(help="Splits of the rows, each with a GAN of its own.")] = 5,
    mixes: Annotated[str, typer.Option(help="Synthetic rows for each real one.", metavar="A,B,...")] = "0.5,1,2",
    models: Annotated[str, typer.Option(help="Which models.", metavar="A,B,...")] = "boosted,linear,dense",
    for_: Annotated[Optional[str], typer.Option("--for", help="Each GAN's training: 2m or 5000steps.")] = None,
    out: Annotated[
        Optional[Path], typer.Option(help="Where GANs are kept; runs/augment-<name> by default.", metavar="DIR")
    ] = None,
    as_json: JsonOption = False,
    device: DeviceOption = "auto",
) -> None:
    """Say whether synthetic rows help models that predict a column, by how much, and make them. Again: go on."""
    from sparring import api
    from sparring.errors import RequestError

    if data is None or target is None:
        raise RequestError(f"{'data' if data is None else 'target'}: say which; --data people.csv --target COLUMN")
    try:
        shares = [float(mix) for mix in mixes.split(",")]
    except ValueError:
        raise RequestError(f"mixes: '{mixes}' is no list of numbers; write 0.5,1,2") from None
    names = [model.strip() for model in models.split(",")]
    found = api.augment(
        *(words or ()),
        data=data,
        target=target,
        to=to,
        out=out,
        rows=rows,
        seeds=seeds,
        mixes=shares,
        models=names,
        for_=for_,
        device=device,
        quiet=as_json,
    )
    if as_json:
        _print_json(found.to_json())


@app.command()
def study(
    words: Annotated[
        Optional[list[str]],
        typer.Argument(
            help="With --vary a recipe, else a study: a ready-made one or a YAML file. Then key=value for all arms.",
            metavar="[RECIPE|STUDY] [KEY=VALUE ...]",
        ),
    ] = None,
    vary: Annotated[
        Optional[list[str]],
        typer.Option(
            help="What is compared, as discriminator.surgery.dropout.rate=0,0.25,0.5; again for combinations.",
            metavar="KEY=A,B,...",
        ),
    ] = None,
    seeds: Annotated[Optional[int], typer.Option(help="Seeds of each arm; 8 by default.")] = None,
    for_: Annotated[Optional[str], typer.Option("--for", help="Each run's length: 300kimg, 5000steps or 2m.")] = None,
    out: Annotated[
        Optional[Path], typer.Option(help="The study's directory; studies/<name> by default.", metavar="DIR")
    ] = None,
    data: DataOption = None,
    device: DeviceOption = "auto",
    storage: Annotated[
        Optional[str],
        typer.Option(help="An Optuna address, to share the study; SQLite in DIR by default.", metavar="URL"),
    ] = None,
    jobs: Annotated[str, typer.Option(help="Processes beside each other: a number, or auto.")] = "auto",
    metric: Annotated[Optional[str], typer.Option(help="What arms are judged by; the data's first by default.")] = None,
    points: Annotated[Optional[int], typer.Option(help="How often each run is scored; 6 by default.", min=2)] = None,
    screen: Annotated[
        Optional[bool],
        typer.Option(
            help="Stop the worse half early, twice, then confirm on fresh seeds; with over 4 arms by default."
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Compare settings over many runs, with statistics that hold. Again: go on with it."""
    from sparring import api
    from sparring.errors import RequestError

    if jobs != "auto" and not jobs.isdigit():
        raise RequestError(f"jobs: '{jobs}' is no number of processes; write a number, or auto")
    found = api.study(
        *(words or ()),
        vary=vary or (),
        seeds=seeds,
        for_=for_,
        out=out,
        data=data,
        device=device,
        storage=storage,
        jobs=None if jobs == "auto" else int(jobs),
        metric=metric,
        points=points,
        screen=screen,
    )
    if as_json:
        _print_json(found)


@app.command()
def plan(
    words: Overrides = None, data: DataOption = None, device: DeviceOption = "auto", as_json: JsonOption = False
) -> None:
    """Predict step time, memory and time to finish from a short probe."""
    from sparring import api
    from sparring.tuning import Trial

    found = api.plan(*(words or ()), data=data, device=device)
    if as_json:
        _print_json(found)
        return
    typer.echo(f"recipe   {found['recipe']}, on {found['plan']['device']} in {found['plan']['precision']}")
    typer.echo(f"step     {found['step_ms']:.3g} ms, {found['images_per_s']:,.0f} {found['unit']}/s")
    for trial in found["tried"]["trials"]:
        typer.echo(f"tried    {Trial(**trial).line()}")
    typer.echo(f"memory   {found['memory_mb']:,.0f} MB")
    typer.echo(f"finish   {found['steps']:,} steps in {_time(found['seconds'])}")
    for line in found["advice"]:
        typer.echo(f"advice   {line}")


@app.command()
def recipes(name: Annotated[Optional[str], typer.Argument(help="Print this one.")] = None) -> None:
    """List the recipes, or print one."""
    from sparring import recipes  # without the api's other verbs, which take PyTorch

    found = recipes(name)
    if name is not None:
        typer.echo(found[name].rstrip())
        return
    width = max(map(len, found))
    for one, about in found.items():
        typer.echo(f"{one:<{width}}  {about}")


@app.command()
def show(words: Overrides = None, data: DataOption = None) -> None:
    """Print the fully resolved recipe; nothing runs."""
    from sparring import api

    named = words and "=" not in words[0]
    typer.echo(api.show(*([] if named else ["digits"]), *(words or ()), data=data).rstrip())


def main() -> None:
    """Runs the command line; errors that are explained end in one line and their exit status."""
    from sparring.errors import SparringError

    if len(sys.argv) == 1:
        sys.argv.append("--help")
    try:
        status = app(standalone_mode=False)
    except SparringError as error:
        _fail(str(error), error.exit_status)
    except KeyboardInterrupt as stop:
        if stop.args:
            typer.echo(f"sparring: {stop}", err=True)
        sys.exit(130)
    except Exception as error:
        told = getattr(error, "format_message", None)  # click's own, for words that are no verb or option
        if told is None:
            raise
        _fail(told(), 2)
    else:
        sys.exit(status if isinstance(status, int) else 0)


def _fail(message: str, status: int) -> None:
    typer.echo("sparring: " + " ".join(message.split()), err=True)
    sys.exit(status)


def _print_json(found: dict[str, Any]) -> None:
    typer.echo(json.dumps(found, allow_nan=False))


def _print_table(table: Any) -> None:
    from rich.console import Console

    Console().print(table)


def _time(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
