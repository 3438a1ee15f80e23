"""Verbs that train a run, and use it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from sparring.cli.app import (
    DataOption,
    DeviceOption,
    JsonOption,
    Open,
    OutOption,
    Overrides,
    OverwriteOption,
    StepOption,
    app,
    own_options,
    print_json,
    print_table,
)

NOT_MET = 4
"""The exit status where a requirement of `evaluate` is not met."""


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


@app.command(cls=Open)
def sample(
    ctx: typer.Context,
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
    overwrite: OverwriteOption = False,
    step: StepOption = None,
    device: DeviceOption = "auto",
) -> None:
    """Draw new samples from a run."""
    from sparring import api

    files = api.sample(
        run, count, to, seed, label, device, step, where or (), balance, overwrite, **own_options(ctx, run, api.sample)
    )
    typer.echo(f"{to}: {count} samples in {files} file{'s' if files != 1 else ''}", err=True)


@app.command(cls=Open)
def translate(
    ctx: typer.Context,
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
    overwrite: OverwriteOption = False,
    scale: Annotated[
        Optional[float],
        typer.Option(help="How large the run sees a picture, as a factor; by default as those of its training."),
    ] = None,
    step: StepOption = None,
    device: DeviceOption = "auto",
) -> None:
    """Turn pictures into others, or fill their holes."""
    from sparring import api

    own: dict[str, object] = dict(own_options(ctx, run, api.translate))
    if scale is not None:
        own["scale"] = scale
    files = api.translate(
        run, source, to, mask, direction, seed, tile, device, step, quiet=False, overwrite=overwrite, **own
    )
    typer.echo(f"{to}: {len(files)} picture{'s' if len(files) != 1 else ''}", err=True)


@app.command()
def evaluate(
    run: Path,
    data: DataOption = None,
    metrics: Annotated[Optional[str], typer.Option(help="For example fid,kid,coverage or robustness.")] = None,
    extractor: Annotated[
        Optional[str], typer.Option(help="imagenet, inception, classifier, selfsup or pixels.")
    ] = None,
    step: StepOption = None,
    require: Annotated[
        Optional[list[str]],
        typer.Option(help="A bound, in quotes: 'coverage>=.8'; again for more. Status 4 where one is not met."),
    ] = None,
    as_json: JsonOption = False,
    device: DeviceOption = "auto",
) -> None:
    """Score a run against held-out data."""
    from sparring import api
    from sparring.pages.console import scores_table
    from sparring.runs.requirements import told

    found = api.evaluate(run, data, metrics, extractor, device, quiet=as_json, step=step, require=require or ())
    if as_json:
        print_json(found)
    else:
        print_table(scores_table(found["scores"], f"scores of {run} at step {found['step']:,}"))
    judged = found.get("requirements", [])
    for one in judged:
        typer.echo(told(one), err=as_json or not one["met"])
    if not all(one["met"] for one in judged):
        raise typer.Exit(NOT_MET)


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
    print_json(found.to_json())


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
        print_json(found)
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
