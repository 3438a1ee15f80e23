"""Verbs that answer a question before, or over many runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from sparring.cli.app import (
    DataOption,
    DeviceOption,
    JsonOption,
    Overrides,
    OverwriteOption,
    app,
    print_json,
)


@app.command()
def augment(
    words: Overrides = None,
    data: DataOption = None,
    target: Annotated[
        Optional[str], typer.Option(help="Of a table: the column that models are to predict.", metavar="COLUMN")
    ] = None,
    to: Annotated[
        Optional[Path],
        typer.Option(help="Gets real and synthetic samples: a table's file, a folder of images, .npz."),
    ] = None,
    rows: Annotated[Optional[int], typer.Option(help="Train with so few real rows, or images, only.", min=10)] = None,
    seeds: Annotated[int, typer.Option(help="Splits of the real samples, each with a GAN of its own.")] = 5,
    mixes: Annotated[str, typer.Option(help="Synthetic samples for each real one.", metavar="A,B,...")] = "0.5,1,2",
    models: Annotated[
        Optional[str],
        typer.Option(help="Of boosted, linear, dense; for images of network, features.", metavar="A,B,..."),
    ] = None,
    for_: Annotated[Optional[str], typer.Option("--for", help="Each GAN's training: 2m or 5000steps.")] = None,
    out: Annotated[
        Optional[Path], typer.Option(help="Where GANs are kept; runs/augment-<name> by default.", metavar="DIR")
    ] = None,
    overwrite: OverwriteOption = False,
    as_json: JsonOption = False,
    device: DeviceOption = "auto",
) -> None:
    """Say whether synthetic samples help models that predict a column, or images' labels. Again: go on."""
    from sparring import api
    from sparring.base.errors import RequestError
    from sparring.base.numbers import real

    if data is None:
        raise RequestError("data: say which; --data people.csv --target COLUMN, or --data photos/")
    shares = [share for mix in mixes.split(",") if (share := real(mix.strip())) is not None]
    if len(shares) != len(mixes.split(",")):
        raise RequestError(f"mixes: '{mixes}' is no list of numbers; write 0.5,1,2")
    names = None if models is None else [model.strip() for model in models.split(",")]
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
        overwrite=overwrite,
    )
    if as_json:
        print_json(found.to_json())


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
    from sparring.base.errors import RequestError
    from sparring.base.numbers import whole

    if jobs != "auto" and whole(jobs) is None:
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
        print_json(found)


@app.command()
def plan(
    words: Overrides = None, data: DataOption = None, device: DeviceOption = "auto", as_json: JsonOption = False
) -> None:
    """Predict step time, memory and time to finish from a short probe."""
    from sparring import api
    from sparring.pages.wording import about
    from sparring.runs.tuning import Trial

    found = api.plan(*(words or ()), data=data, device=device)
    if as_json:
        print_json(found)
        return
    typer.echo(f"recipe   {found['recipe']}, on {found['plan']['device']} in {found['plan']['precision']}")
    typer.echo(f"step     {found['step_ms']:.3g} ms, {found['images_per_s']:,.0f} {found['unit']}/s")
    for trial in found["tried"]["trials"]:
        typer.echo(f"tried    {Trial(**trial).line()}")
    typer.echo(f"memory   {found['memory_mb']:,.0f} MB")
    typer.echo(f"finish   {found['steps']:,} steps in {about(found['seconds'])}")
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
def show(words: Overrides = None, data: DataOption = None, device: DeviceOption = "auto") -> None:
    """Print the fully resolved recipe, as train takes it; nothing runs."""
    from sparring import api

    typer.echo(api.show(*(words or ()), data=data, device=device, quiet=False).rstrip())
