"""What is trained, what stands beside it, and the scores of all on the same held-out images."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import references
import torch
from alone import reconstruction_alone
from distinct import without_copies
from sides import two_folders
from torch import Tensor

import sparring
from sparring.base.draws import Key
from sparring.data import DataSet, Rows, ValueCodec
from sparring.gan.sampling import make
from sparring.kinds.kind import Made
from sparring.kinds.translation.games.images import FromImages
from sparring.kinds.translation.games.inpaint import Inpaint
from sparring.kinds.translation.games.masks import Drawn
from sparring.kinds.translation.metrics import psnr, ssim
from sparring.kinds.translation.remaking import remade
from sparring.metrics.pictures.patches import patch_distance, patches, texture
from sparring.recipe import Scoring
from sparring.runs.run import Run
from sparring.runs.scoring import choose_extractor, judged_by, score

Result = dict[str, Any]
CPU = torch.device("cpu")
QUARTER = Drawn(strokes=0, least=0.25, most=0.25)
"""Boxes of a quarter of the area."""


class Images(NamedTuple):
    """What a system made, and what is known of it; float32 in [0, 1], [n, channels, height, width]."""

    made: Tensor
    truth: Tensor | None
    holes: Tensor | None = None


def results_of(task: str, data: Path, out: Path, seeds: int, budget: str, overrides: Sequence[str]) -> Iterator[Result]:
    """Scores by system and seed; those in `out` are taken from there."""
    for seed in range(seeds):
        folder = out / f"{task}-{seed}"
        folder.mkdir(parents=True, exist_ok=True)
        systems = TASKS[task](data, folder, seed, budget, tuple(overrides))
        for system, compute in systems.items():
            file = folder / f"{system}.json"
            if not file.exists():
                begun = time.process_time()
                scores = compute()
                scores["cpu_s"] = time.process_time() - begun
                file.write_text(json.dumps(scores))
            yield {"task": task, "seed": seed, "system": system, **json.loads(file.read_text())}


Compute = Callable[[], dict[str, float]]


def maps(data: Path, folder: Path, seed: int, budget: str, overrides: tuple[str, ...]) -> dict[str, Compute]:
    """Photos into maps, from pairs."""

    def run() -> Run:
        return _trained("translate/paired", data, folder, seed, budget, overrides)

    def gan() -> dict[str, float]:
        one = run()
        return _compared(_own_images(one, one.recipe.data.load()))

    def alone() -> dict[str, float]:
        one = run()
        source = one.recipe.data.load()
        net = reconstruction_alone(one.recipe, source, one.seconds)
        game = one.recipe.game
        assert isinstance(game, FromImages)
        rows = Rows(source, source.heldout, CPU, heldout=True)
        found = remade(game, net, rows, Key("scored"))
        return _compared(_unit(source, found.made, found.truth))

    def nearest() -> dict[str, float]:
        source = run().recipe.data.load()
        return _compared(_unit(source, references.nearest_pair(source), source.stored(source.heldout)))

    return {"sparring": gan, "reconstruction alone": alone, "nearest pair": nearest}


def unpaired(
    data: Path,
    folder: Path,
    seed: int,
    budget: str,
    overrides: tuple[str, ...],
    recipe: str = "translate/unpaired",
) -> dict[str, Compute]:
    """Photos into maps, of which none belongs to one of the photos."""
    place = two_folders(data, folder.parent / "sides")

    def run() -> Run:
        return _trained(recipe, place, folder, seed, budget, overrides)

    def scored(images: Callable[[Run, DataSet], Tensor]) -> Compute:
        def compute() -> dict[str, float]:
            one = run()
            source = one.recipe.data.load()
            extractor = choose_extractor(one.kind, one.recipe.score.extractor, source, CPU, print)
            scoring = Scoring()
            made = images(one, source)[: len(judged_by(source, scoring))]
            names = ("kid", "patch_kid", "fid")
            found = score(one.kind, Made(made, source.codec), source, scoring, extractor, names, {})
            return {name: float(entry["value"]) for name, entry in found.items()}

        return compute

    def own(one: Run, source: DataSet) -> Tensor:
        game = one.recipe.game
        assert isinstance(game, FromImages)
        rows = Rows(source, source.heldout, CPU, heldout=True)
        return remade(game, one.generator, rows, Key("scored"), _count(source)).made

    def same(one: Run, source: DataSet) -> Tensor:
        return _inputs(source)

    def matched(one: Run, source: DataSet) -> Tensor:
        return references.with_colours(_inputs(source), source.stored(source.train))

    return {"sparring": scored(own), "identity": scored(same), "histogram matching": scored(matched)}


def holes(recipe: str, words: tuple[str, ...]) -> Callable[..., dict[str, Compute]]:
    """Boxes of a quarter of the area, filled, in images of which none occurs twice."""

    def task(data: Path, folder: Path, seed: int, budget: str, overrides: tuple[str, ...]) -> dict[str, Compute]:
        place = without_copies(data, folder.parent / f"{data.stem}-distinct")

        def run() -> Run:
            return _trained(recipe, place, folder, seed, budget, (*words, *overrides))

        def filled(fill: Callable[[Run, Tensor, Tensor], Tensor]) -> Compute:
            def compute() -> dict[str, float]:
                one = run()
                source = one.recipe.data.load()
                truth = source.codec.to_unit(source.stored(source.heldout))  # type: ignore[union-attr]
                where = QUARTER.draw(Key("scored holes"), torch.arange(len(truth)), tuple(truth.shape[2:]))
                made = torch.where(where.bool(), fill(one, truth, where), truth)
                return _compared(Images((made * 255).round() / 255, truth, where.bool()))

            return compute

        return {
            "sparring": filled(_filled),
            "biharmonic": filled(lambda one, truth, where: references.biharmonic(truth, where)),
            "telea": filled(lambda one, truth, where: references.telea(truth, where)),
            "mean": filled(lambda one, truth, where: references.mean(truth, where)),
        }

    return task


def _filled(run: Run, truth: Tensor, where: Tensor) -> Tensor:
    game, codec = run.recipe.game, run.codec
    assert isinstance(game, Inpaint)
    assert isinstance(codec, ValueCodec)
    seen = truth if codec.range == "unit" else truth * 2 - 1
    with torch.no_grad():
        rows = torch.arange(len(truth))
        made = [
            make(game, run.generator, Key("scored"), some, game.emptied(seen[some], where[some]))
            for some in rows.split(64)
        ]
    return codec.in_unit(torch.cat(made))


TASKS: dict[str, Callable[[Path, Path, int, str, tuple[str, ...]], dict[str, Compute]]] = {
    "maps": maps,
    "unpaired": unpaired,
    "cycle": partial(unpaired, recipe="translate/cycle"),
    "mri": holes("inpaint/medical", ("data.images.mirror=true",)),
    "faces": holes("inpaint/photos", ("game.inpaint.symmetry=true",)),
}


def _trained(recipe: str, data: Path, folder: Path, seed: int, budget: str, overrides: tuple[str, ...]) -> Run:
    """The run of a seed; a finished one is loaded. Raises SystemExit where it was stopped."""
    run = sparring.train(recipe, *overrides, data=data, out=folder / "run", for_=budget, seed=seed)
    if not run.finished:
        raise SystemExit(f"{folder / 'run'}: stopped at step {run.step:,}; the same command goes on")
    return run


def _own_images(run: Run, source: DataSet) -> Images:
    game = run.recipe.game
    assert isinstance(game, FromImages)
    found = remade(game, run.generator, Rows(source, source.heldout, CPU, heldout=True), Key("scored"))
    return _unit(source, found.made, found.truth)


def _unit(source: DataSet, made: Tensor, truth: Tensor | None) -> Images:
    codec = source.codec
    assert isinstance(codec, ValueCodec)
    return Images(codec.to_unit(made), None if truth is None else codec.to_unit(truth))


def _compared(images: Images) -> dict[str, float]:
    """Scores against what should have come out; in the holes, where there are holes."""
    assert images.truth is not None
    apart = patch_distance(_textures(images.truth), _textures(images.made), paired=True)
    return {
        "psnr": float(psnr(images.made, images.truth, images.holes).mean()),
        "ssim": float(ssim(images.made, images.truth, images.holes).mean()),
        "patch_kid": apart.value,
    }


def _textures(images: Tensor) -> Tensor:
    """As `patch_kid` takes them, [n, patches, width]."""
    cut = patches(images)
    return texture(cut.flatten(0, 1)).unflatten(0, cut.shape[:2])


def _count(source: DataSet) -> int:
    assert source.inputs is not None
    return len(source.heldout)


def _inputs(source: DataSet) -> Tensor:
    """As many held-out inputs as there are held-out samples."""
    assert source.inputs is not None
    held = source.inputs.heldout
    return source.inputs.stored(held[torch.arange(_count(source)) % len(held)])
