"""Plays mistakes beside their correct versions, and scores what came of both."""

from __future__ import annotations

import functools
import sys
from pathlib import Path
from typing import Any, NamedTuple

import torch
from dropout import RateAsKeep
from mistakes import MISTAKES
from torch import Tensor
from tutorial import Tutorial

from sparring import kinds, metrics
from sparring.base.draws import Key, permutation
from sparring.data import DataSet
from sparring.engine import Engine, Plan
from sparring.gan.sampling import draw
from sparring.kinds import zoo
from sparring.kinds.scores import score
from sparring.metrics import Features, Views
from sparring.pages.drawing import grid
from sparring.recipe import Recipe, override, validated
from sparring.recipe.build import build
from sparring.recipe.request import options_of
from sparring.runs.scoring import choose_extractor


class Asked(NamedTuple):
    """What the command line said."""

    steps: int = 4000
    count: int = 10_000
    """Samples to score."""
    data: str | None = None
    pictures: Path | None = None


def recipe_of(mistake: type[Tutorial], asked: Asked, seed: int, *, wrong: bool) -> Recipe:
    """The recipe of the correct version, or of the mistaken one."""
    fields = zoo.read_recipe(mistake.recipe)
    overrides = [*mistake.both, *(mistake.mistaken if wrong else ())]
    if asked.data is not None:
        fields["data"] = options_of(asked.data, fields["data"])
        (kind,) = fields["data"]
        overrides = [one.replace("data.mnist.", f"data.{kind}.") for one in overrides]
    return validated(override(fields | {"steps": asked.steps, "seed": seed}, overrides))


@functools.cache
def loaded(options: str, part: Any) -> DataSet:
    """The data of a recipe's `data`, read once."""
    data: DataSet = part.load()
    return data


def data_of(recipe: Recipe) -> DataSet:
    return loaded(recipe.data.model_dump_json(), recipe.data)


def begun(mistake: type[Tutorial], asked: Asked, seed: int, *, wrong: bool) -> Tutorial:
    """The match of a mistake (or of its correct version), about to begin."""
    recipe = recipe_of(mistake, asked, seed, wrong=wrong)
    data = data_of(recipe)
    torch.manual_seed(seed)
    threads = torch.get_num_threads()
    match = build(recipe, mistake.data(data) if wrong else data, Engine(Plan("cpu", "fp32", threads, True)))
    return mistake(match, recipe) if wrong else Tutorial(match, recipe)


def played(tutorial: Tutorial) -> Tutorial:
    """Plays all steps: a mistake by its own loop, the correct version by Sparring's."""
    if type(tutorial) is not Tutorial:
        tutorial.train()
        return tutorial
    match = tutorial.match
    for step in match.play():
        match.take(step)
        if match.step == match.steps:
            break
    return tutorial


class Judge:
    """FID and coverage of samples, against the same held-out images each time."""

    def __init__(self, recipe: Recipe, asked: Asked) -> None:
        data = data_of(recipe)
        self.key = Key("scores", 0)
        kind = kinds.of(recipe.game, recipe.data)
        self.extractor = choose_extractor(kind, recipe.score.extractor, data, torch.device("cpu"), say)
        self.count = min(asked.count, len(data.heldout))
        chosen = data.heldout[permutation(self.key.at("heldout"), len(data.heldout))[: self.count]]
        self.heldout = self.features(data, data.samples[chosen])
        train = data.train[permutation(self.key.at("train"), len(data.train))[: self.count]]
        self.yardstick = self.scores(self.features(data, data.samples[train]))
        self.protocol = {
            "data": data.name,
            "fingerprint": data.fingerprint[:12],
            "extractor": self.extractor.name,
            "hash": self.extractor.hash,
            "samples": self.count,
            "training_data": self.yardstick,
            "features": dict(self.extractor.details),
        }

    def features(self, data: DataSet, samples: Tensor) -> Features:
        parts = (data.codec.to_unit(part) for part in samples.split(500))
        return metrics.extract(self.extractor, parts, keep_samples=False)

    def scores(self, fake: Features) -> dict[str, float]:
        coverage = score(["coverage"], Views(heldout=self.heldout, fake=fake, key=self.key), self.extractor)
        fid = metrics.frechet_distance(self.heldout.values, fake.values)
        return {"fid": fid, "coverage": coverage["coverage"].value}

    def __call__(self, tutorial: Tutorial, picture: Path | None = None) -> dict[str, float]:
        """Scores of new samples of what was played."""
        match = tutorial.match
        key, device = Key("classic", match.seed), match.engine.device
        samples = draw(match.game, tutorial.sampler(), match.data.codec, self.count, key, None, device)
        if picture is not None:
            picture.parent.mkdir(parents=True, exist_ok=True)
            grid(match.data.codec.to_unit(samples[:64])).save(picture)
        return self.scores(self.features(match.data, samples))


class Bench:
    """Plays pairs; correct versions that several mistakes share are played once a seed."""

    def __init__(self, asked: Asked) -> None:
        self.asked = asked
        self.judge = Judge(recipe_of(RateAsKeep, asked, 0, wrong=False), asked)
        self.right: dict[tuple[Any, ...], tuple[Tutorial, dict[str, float]]] = {}

    def pair(self, name: str, seed: int) -> dict[str, dict[str, float]]:
        """The scores of a mistake and of its correct version with the same seed."""
        mistake = MISTAKES[name]
        right, scores = self._right(mistake, seed)
        wrong = begun(mistake, self.asked, seed, wrong=True) if mistake.trains else mistake(right.match, right.options)
        found = {"correct": dict(scores), "mistaken": self._scored(played(wrong) if mistake.trains else wrong, name)}
        if mistake.telling:
            # both by the same measure, but each by its own training step
            found["correct"]["telling"] = mistake.tell(right)
            found["mistaken"]["telling"] = mistake.tell(wrong)
        return found

    def _right(self, mistake: type[Tutorial], seed: int) -> tuple[Tutorial, dict[str, float]]:
        key = (mistake.recipe, mistake.both, seed)
        if key not in self.right:
            tutorial = played(begun(mistake, self.asked, seed, wrong=False))
            self.right[key] = tutorial, self._scored(tutorial, "correct " + " ".join((mistake.recipe, *mistake.both)))
        return self.right[key]

    def _scored(self, tutorial: Tutorial, name: str) -> dict[str, float]:
        folder, seed = self.asked.pictures, tutorial.match.seed
        return self.judge(tutorial, folder and folder / f"{name.replace('/', '-')}-{seed}.png")


def say(line: str) -> None:
    print(line, file=sys.stderr)
