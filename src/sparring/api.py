"""The verbs, as Python functions; the command line calls these and nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from sparring import kinds
from sparring.base.errors import RequestError
from sparring.base.files import put_file
from sparring.base.outputs import must_be_free, replacing
from sparring.base.part import unknown_key
from sparring.base.paths import given_path
from sparring.base.rundir import RunDir
from sparring.doctor import Diagnosis
from sparring.doctor import diagnose as diagnose_run
from sparring.engine import Plan, choose_plan, ranks
from sparring.engine.machine import forget_peak, peak_since
from sparring.gan.game import SIDES
from sparring.gan.games import with_latents
from sparring.gan.insight.exploring import WHOLE
from sparring.kinds.kind import Way
from sparring.kinds.zoo import recipes as recipes
from sparring.pages.console import Talk
from sparring.recipe import kind_left_open, override, to_yaml, validated
from sparring.recipe.arguments import checked
from sparring.recipe.recorded import read_recipe_of
from sparring.recipe.request import Place, Places, fields_of, place_of, places_of, told_apart
from sparring.runs import enlarging, processes, rehearsal, reporting, session
from sparring.runs.evaluating import evaluated
from sparring.runs.run import Run, loaded_run, own_options
from sparring.runs.serving import serve
from sparring.runs.timing import asked_now

if TYPE_CHECKING:
    from pandas import DataFrame
else:
    DataFrame = Any  # pandas is not imported for its name


@checked
def train(
    recipe: Place | None = None,
    *overrides: str,
    data: Places | DataFrame | None = None,
    out: Place | None = None,
    for_: str | None = None,
    seed: int | None = None,
    device: str = "auto",
    devices: int | None = None,
    from_: Place | None = None,
    generator: nn.Module | None = None,
    discriminator: nn.Module | None = None,
    quiet: bool = False,
) -> Run:
    """Trains, or goes on with the run that `out` holds; then scores it and writes its report.

    `recipe` is a name of the zoo or a YAML file; without, one is chosen for the data (scikit-learn's digits by
    default); `data` is a path, a name, two paths (a picture and one of the style that it is to get, or two folders of
    images), or a pandas DataFrame. `overrides` are `key=value`, `for_` the run's total as `10m`, `5000steps` or
    `200kimg`, `from_` a run whose weights to start from. `generator` and `discriminator` take modules of the user's own
    (they are copied): latents [n, latent] to samples [n, ...] in [-1, 1], and samples to logits [n].

    `devices` is how many processes train together, each on a device of its own and with an equal part of each batch:
    1 by default, in a resumed run what it had. More than one start anew from the script that calls this, whose own
    calls belong under `if __name__ == "__main__":`; torchrun's processes join by themselves (docs/many-machines.md).
    Raises RequestError where the request or the data is wrong, TrainingError where training cannot go on.
    """
    follows = ranks.launched().rank > 0
    talk = Talk(quiet=quiet or follows)
    data = None if data is None else places_of(data)
    asked = asked_now(for_)
    if devices is not None and devices < 1:
        raise RequestError(f"devices: {devices} is no number of processes; take 1 or more")
    given = {"generator": generator, "discriminator": discriminator}
    own = {side: net for side, net in given.items() if net is not None}
    if follows:
        return Run(processes.follow(device, own), own=own)
    target = None if out is None else RunDir(out)
    recipe, overrides = told_apart(recipe, overrides)
    if target is not None and target.exists and recipe is None and data is None:  # the run's own, but for these words
        changed = [*overrides, *([] if seed is None else [f"seed={seed}"])]
        told = override(read_recipe_of(target).model_dump(mode="json"), changed) if changed else None
        resumed = partial(session.resume, target, told, asked, device, own)
        return processes.started(resumed, target, read_recipe_of(target), devices, device, own, talk)
    fields = fields_of(recipe, overrides, data, seed, device, talk)
    target = target or RunDir(Path("runs") / f"{str(fields['name']).replace('/', '-')}-{fields.get('seed', 0)}")
    if target.exists:
        resumed = partial(session.resume, target, fields, asked, device, own)
        return processes.started(resumed, target, read_recipe_of(target), devices, device, own, talk)
    wanted = validated(fields)
    begun = partial(session.begin, target, wanted, asked, device, from_, own)
    return processes.started(begun, target, wanted, devices, device, own, talk)


@checked
def sample(
    run: Place | Run,
    count: int = 64,
    to: Place | None = None,
    seed: int = 0,
    label: str | int | None = None,
    device: str = "auto",
    step: int | str | None = None,
    where: str | Sequence[str] = (),
    balance: str | None = None,
    overwrite: bool = False,
    **options: Any,
) -> Any:
    """New samples: as an array (a table's rows: a pandas DataFrame), or written to `to` (a folder of .png, .npz, one
    .png grid; points: .npz, .csv; rows: .csv, .tsv, .parquet), giving the number of files. Of a table, `where` are
    conditions that every row meets (`income='>50K'`, `age>60`), and the choices of the column `balance` come equally
    often. `step` is a checkpoint's, or `best` for the one of the best score while training; the newest by default.
    What `to` holds already is replaced only with `overwrite`. `options` are those of a kind of data."""
    loaded = loaded_run(run, step)
    target = None if to is None else given_path(to, "to")
    must_be_free([target], overwrite)  # before samples are drawn
    place = choose_plan(device, "fp32", images=False).device
    kind = loaded.kind
    more = own_options(kind, sample, options)
    made = loaded.draw(count, seed, label, place, where=where, balance=balance, more=more)
    for note in made.notes:
        Talk().say(note)
    if target is None:
        return kind.given(made, seed)
    with replacing(target, overwrite):
        return kind.write(target, made, seed)


@checked
def translate(
    run: Place | Run,
    source: Place,
    to: Place,
    mask: Place | None = None,
    direction: str | None = None,
    seed: int = 0,
    tile: int | None = None,
    device: str = "auto",
    step: int | str | None = None,
    quiet: bool = True,
    overwrite: bool = False,
    **options: Any,
) -> list[Path]:
    """Turns a picture into another, or all of a folder, by a run of images to images; gives the paths written.

    A picture of any size comes back in its own size, depth and, where the run's inputs and outputs are alike, channels,
    with its metadata (docs/translating.md). A run that fills holes takes them from `mask` (white is filled), a picture
    or a folder of ones with the same names, or from where the picture is transparent; outside of holes each pixel keeps
    its number. `direction` is a2b or b2a, of runs of the game `cycle`; `seed` is of what the generator draws by dropout
    that is always on; `tile` is the edge of the squares that large pictures are cut into, by default as memory allows.
    Pictures that are there already are replaced only with `overwrite`. Raises RequestError where the request or a file
    is wrong; in a folder the good files are done first."""
    loaded = loaded_run(run, step)
    place = choose_plan(device, "fp32", images=True).device
    kind, where = loaded.kind, None if mask is None else given_path(mask, "mask")
    way = Way(where, direction, tile, seed, own_options(kind, translate, options), overwrite)
    say = Talk(quiet=quiet).say
    return kind.translate(loaded.trained(place), given_path(source), given_path(to, "to"), way, say)


@checked
def evaluate(
    run: Place | Run,
    data: Place | DataFrame | None = None,
    metrics: str | Sequence[str] | None = None,
    extractor: str | None = None,
    device: str = "auto",
    quiet: bool = True,
    step: int | str | None = None,
    require: str | Sequence[str] = (),
) -> dict[str, Any]:
    """Scores a run's newest checkpoint, or that of a `step` (or `best`), on its own held-out data (adding to
    `scores.jsonl`) or on other data.

    Gives `{"run", "step", "scores": {name: {"value", "interval", "n", "better", "protocol"}}}`; with `require`
    (`coverage>=.8`, or several) also `"requirements": [{"requirement", "metric", "relation", "bound", "value",
    "interval", "n", "met", "certain"}]`: a requirement is met by the value, and certain where the whole interval lies
    on that side of the bound.
    """
    loaded = loaded_run(run, step)
    names = [name.strip() for name in metrics.split(",")] if isinstance(metrics, str) else metrics
    place, talk = torch.device(choose_plan(device, "fp32", images=False).device), Talk(quiet=quiet)
    other, wanted = None if data is None else place_of(data), [require] if isinstance(require, str) else list(require)
    return evaluated(loaded, other, names, extractor, wanted, place, talk.say)


@checked
def augment(
    recipe: Place | None = None,
    *overrides: str,
    data: Place | DataFrame,
    target: str | None = None,
    to: Place | None = None,
    out: Place | None = None,
    rows: int | None = None,
    seeds: int = 5,
    mixes: Sequence[float] = (0.5, 1.0, 2.0),
    models: Sequence[str] | None = None,
    for_: str | None = None,
    device: str = "auto",
    quiet: bool = False,
    overwrite: bool = False,
) -> Any:
    """Whether synthetic samples help models that predict a table's column `target`, or the labels of images, and by how
    much: on `seeds` splits of the real samples a GAN is trained on the training part, and models on real samples, on
    these with synthetic ones (`mixes`: so many for each real one), on synthetic ones alone, with classes weighted and,
    of tables, with SMOTE; all are scored on the same held-out real samples.

    `models` are some of boosted, linear and dense for tables, of network and features (of a pretrained network, where
    one is at hand) for images. `rows` trains with so few real samples, the case in which more are wanted most. `to`
    gets the real samples with synthetic ones, of a GAN trained on all, at the mix that did best: a table's file, a
    folder of images or a .npz; a file that is there already is replaced only with `overwrite`. `overrides` are those
    of `train`, and `for_` the length of each GAN's training; for images it is chosen, if not given, so that an answer
    takes minutes. `out` is where they are kept (runs/augment-<name>): asked again, it goes on. Raises RequestError
    where the request or the data is wrong.
    """
    written = None if to is None else given_path(to, "to")
    must_be_free([written], overwrite)
    talk = Talk(quiet=quiet)
    return enlarging.asked(
        recipe, overrides, data, target, written, out, rows, seeds, mixes, models, for_, device, talk, train, plan
    )


@checked
def diagnose(run: Place | Run) -> dict[str, Any]:
    """What ails a run, by the numbers that its directory holds: finished, still training, or crashed. Writes nothing.

    Gives `{"run", "verdict": "healthy", "sick" or "too-early", "findings": [{"symptom", "kind", "since_step",
    "confidence", "evidence", "curves", "remedy"}], "step", "steps"}`; where it is too early also the `reason` and what
    trains the `rest`. Raises RequestError where there is no run.
    """
    return diagnosis(run).to_json()


def diagnosis(run: Place | Run) -> Diagnosis:
    """The same with the history that it was found in."""
    where = run.dir if isinstance(run, Run) else RunDir(run).must_exist()
    return diagnose_run(where, read_recipe_of(where))


@checked
def report(run: Place | Run) -> Path:
    """Writes the run's report.html, one file that opens offline. Where the run's data are no longer at hand, without
    the pictures of real images."""
    return reporting.reported(loaded_run(run), Talk().say)


@checked
def explore(
    run: Place | Run,
    to: Place | None = None,
    directions: int | None = None,
    device: str = "auto",
    quiet: bool = True,
) -> dict[str, Any]:
    """What a run's generator learned, on a page: latent directions in closed form (SeFa) and by principal components
    (GANSpace), interpolation, nearest training images, and attribution of the discriminator. `directions` of each kind
    are 6 by default, or as many as a latent has values.

    The page is the run's explore.html, or `to`. Gives `{"run", "step", "page", "layer", "sefa", "ganspace",
    "attributions", "neighbours", "neighbours_by", "notes"}`. Where the run's data are no longer at hand, without
    neighbours and attribution. Raises RequestError for what is wrong with the request.
    """
    loaded = loaded_run(run)
    size = with_latents(loaded.recipe.game, "explore").latent.size
    wanted = min(WHOLE.directions, size) if directions is None else directions
    if not 1 <= wanted <= size:
        raise RequestError(f"directions: {wanted}; this run's latents have {size} values, so take 1 to {size}")
    target = loaded.dir.explored if to is None else reporting.page_at(to, "to")
    place = choose_plan(device, "fp32", images=False).device
    found = reporting.explored(loaded, target, WHOLE._replace(directions=wanted), place, Talk(quiet=quiet).say)
    return {"run": str(loaded.path), "step": loaded.step, "page": str(target), **found}


@checked
def demo(
    run: Place | Run,
    port: int | None = None,
    host: str = "127.0.0.1",
    step: int | str | None = None,
    device: str = "auto",
    browser: bool = True,
    quiet: bool = False,
) -> None:
    """A page on this machine to try a run by hand, until Ctrl-C: samples, interpolation and directions of a run from
    noise, new rows of a table, and pictures translated or filled in by a run that makes images of images.

    `port` is the first free one from 7860 by default; `browser` opens the page, where there is a screen. Nothing comes
    from other machines, and with the default `host` nobody but this machine reaches it. Takes the extra `demo`. Raises
    RequestError for what is wrong with the request.
    """
    loaded = loaded_run(run, step)
    place = choose_plan(device, "fp32", images=False).device
    serve(loaded, place, host, port, Talk(quiet=quiet).say, browser=browser)


@checked
def compare(*runs: Place | Run, out: Place = "comparison.html") -> Path:
    """Writes two or more runs side by side on one page."""
    if len(runs) < 2:
        raise RequestError(f"compare: {len(runs)} run; name two or more")
    loaded = [loaded_run(run) for run in runs]
    target = reporting.page_at(out, "out")
    put_file(target, reporting.comparison(loaded, Talk().say), "out")
    return target


@checked
def study(
    recipe: Place | None = None,
    *overrides: str,
    vary: Mapping[str, Sequence[Any]] | str | Sequence[str] = (),
    seeds: int | None = None,
    for_: str | None = None,
    out: Place | None = None,
    data: Place | DataFrame | None = None,
    device: str = "auto",
    storage: str | None = None,
    jobs: int | None = None,
    metric: str | None = None,
    points: int | None = None,
    screen: bool | None = None,
    quiet: bool = False,
) -> dict[str, Any]:
    """Many runs that answer one question: which of several settings is better, by how much, and how sure that is.

    With `vary` (`{key: values}`, or words `key=a,b,c`) the arms are all combinations of the values on a recipe;
    without, `recipe` is a study, ready made or a YAML file. Every arm runs on `seeds` seeds, the same for all.
    `storage` is an Optuna address, to share the study among machines; `jobs` how many processes run beside each other,
    by default as many as are fastest. Goes on with the study that `out` holds, if it is this one.

    Gives what `results.json` in `out` says; of a study in several cells `{"cells": {name: ...}}`, each in a folder of
    its own. Raises RequestError where the request, the data or the storage is wrong.
    """
    place = None if data is None else place_of(data)
    from sparring.studies.asked import asked  # with Optuna behind it, which the other verbs do without

    words = [vary] if isinstance(vary, str) else vary
    talk = Talk(quiet=quiet)
    return asked(recipe, overrides, words, seeds, for_, out, place, device, storage, jobs, metric, points, screen, talk)


@checked
def show(
    recipe: Place | None = None,
    *overrides: str,
    data: Places | DataFrame | None = None,
    device: str = "auto",
    quiet: bool = True,
) -> str:
    """The fully resolved recipe as YAML, the one that `train` takes when it is asked alike; nothing runs. Where it
    leaves the data open, their places are `PATH`."""
    fields = fields_of(recipe, overrides, data, None, device, Talk(quiet=quiet))
    name = kind_left_open(fields)
    source = None if name is None else kinds.source_named(name)
    if name is not None and source is not None:
        given = fields["data"].get(name) if isinstance(fields.get("data"), dict) else None
        fields["data"] = {name: {**(given or {}), **dict.fromkeys(source.places, "PATH")}}
    return to_yaml(validated(fields))


@checked
def plan(
    recipe: Place | None = None,
    *overrides: str,
    data: Places | DataFrame | None = None,
    device: str = "auto",
    seconds: float = 4.0,
) -> dict[str, Any]:
    """Predicted step time and time to finish, from a probe of so many seconds, and memory, from a rehearsal of a few
    steps that is scored and reported. All that they leave behind is, in the cache, the feature network of these data
    and the execution plan."""
    wanted = validated(fields_of(recipe, overrides, data, None, device, Talk(quiet=True)))
    found = session.predicted(wanted, device, seconds)
    how = Plan(**found["plan"])
    forget_peak(how.device, thorough=True)  # of ways that were tried: the cache has the answer, and a run tries none
    rehearsal.play(wanted, how)
    return found | {"memory_mb": peak_since(how.device) / 2**20}


@checked
def load(run: Place, step: int | str | None = None, **own: nn.Module) -> Run:
    """A run for use in Python: `.sample(64)`, `.generator`, `.discriminator`, `.scores`, `.log`; of its newest
    checkpoint, or of that of a `step`, or `best`.

    A run of the user's own modules needs them given again, as `generator=` and `discriminator=`."""
    for name in own:
        if name not in SIDES:
            raise RequestError(unknown_key(name, SIDES))
    return Run(run, step, own)
