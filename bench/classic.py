"""What the mistakes do that copies of the classic recipes spread: each beside its correct recipe, measured.

    python bench/classic.py [--seeds 3] [--steps 4000] [--only NAME,...] [--json] [--data PATH|NAME] [--out FILE]

`Tutorial` is the training step as tutorials write it, done right: with it a recipe gets, bit for bit, the weights that
`sparring train` gives it (tests/test_classic.py). Each mistake below it is a class that gets one thing wrong and else
does as `Tutorial` does: so both versions start from the same weights and see the same images and latents in the same
order, and what differs is the mistake. The results, with the reasons, are in docs/classic.md.
"""

from __future__ import annotations

import argparse
import copy
import functools
import json
import math
import os
import statistics
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import torch
import torch.nn.functional as F
from scipy.stats import t as student
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from sparring import metrics, zoo
from sparring.build import build
from sparring.data import Batch, DataSet
from sparring.data.options import options_of
from sparring.draws import Key, permutation
from sparring.engine import Engine, Plan
from sparring.errors import RequestError
from sparring.game import Turn
from sparring.match import Match, measuring
from sparring.metrics import Features, Views
from sparring.recipe import Recipe, validated
from sparring.sampling import draw, grid
from sparring.scoring import choose_extractor
from sparring.surgery import random_layers

TEST_EVERY = 6
"""A test step after so many steps: MNIST holds six training images for each test image."""


class Tutorial:
    """The training step as tutorials write it, done right."""

    recipe: ClassVar[str] = ""
    """The recipe that is copied."""
    both: ClassVar[tuple[str, ...]] = ()
    """What both versions change in it, so that the mistake can be seen."""
    mistaken: ClassVar[tuple[str, ...]] = ()
    """What the mistaken copy alone changes in it."""
    trains: ClassVar[bool] = True
    """Whether the mistake touches the training; one that does not is measured on the correct version's weights."""
    telling: ClassVar[str] = ""
    """What `tell` measures, where scores do not show the mistake."""

    def __init__(self, match: Match, recipe: Recipe) -> None:
        self.match, self.options = match, recipe
        self.generator, self.discriminator = match.generator, match.discriminator
        self.g_optimiser = match.players["generator"].optimiser
        self.d_optimiser = match.players["discriminator"].optimiser
        self.objective = recipe.objective

    def train_discriminator(self, turn: Turn) -> None:
        real, fake = self.real(turn), self.fake(turn).detach()
        loss = self.objective.discriminator(self.judge(real), self.judge(fake)).mean()
        self.d_optimiser.zero_grad()
        loss.backward()
        self.d_optimiser.step()

    def train_generator(self, turn: Turn) -> None:
        loss = self.generator_loss(self.judge(self.fake(turn)))
        self.g_optimiser.zero_grad()
        loss.backward()
        self.g_optimiser.step()

    def real(self, turn: Turn) -> Tensor:
        return turn.batch.samples

    def fake(self, turn: Turn) -> Tensor:
        return turn.duel.game.fake(turn)  # generator(latents), with new latents each time

    def judge(self, samples: Tensor) -> Tensor:
        logits: Tensor = self.discriminator(samples).logits
        return logits

    def generator_loss(self, on_fake: Tensor) -> Tensor:
        return self.objective.generator(None, on_fake).mean()

    def after_step(self, number: int) -> None:
        """What comes after a step, besides."""

    def sampler(self) -> nn.Module:
        """The generator that makes the samples: averaged, in eval mode."""
        return copy.deepcopy(self.match.sampler())

    @staticmethod
    def tell(played: Tutorial) -> float:
        """A number, of either version once it was played, that shows the mistake where scores do not."""
        return math.nan

    @classmethod
    def data(cls, data: DataSet) -> DataSet:
        """The data as the mistaken copy takes them."""
        return data

    def train(self) -> None:
        """Plays all steps; what Sparring draws at a place is drawn here too."""
        match = self.match
        for number in range(match.step, match.steps):
            now, moved = match.now(number), 0
            for player in match.players.values():
                player.prepare(now)
            for side, train in (("discriminator", self.train_discriminator), ("generator", self.train_generator)):
                for move in range(moved := match.players[side].moves(now)):
                    turn = Turn(match.duel, next(match.batches), now, side, match.key.at(side, number, move))  # type: ignore[arg-type]
                    turn.begin()
                    train(turn)
            if match.average is not None and moved:
                match.average.update(number * match.batch, match.batch)
            match.step = number + 1
            self.after_step(number)


def should_be_real(logits: Tensor) -> Tensor:
    """Cross-entropy of logits with the target 1: -log sigmoid(x) = log(1 + exp(-x))."""
    return F.softplus(-logits).mean()


def should_be_fake(logits: Tensor) -> Tensor:
    """Cross-entropy of logits with the target 0: -log(1 - sigmoid(x)) = log(1 + exp(x))."""
    return F.softplus(logits).mean()


def cross_entropy(targets: Tensor, logits: Tensor) -> Tensor:
    """-t log sigmoid(x) - (1 - t) log(1 - sigmoid(x)) for targets in [0, 1]; it stretches shapes to fit, as NumPy."""
    return (F.softplus(logits) - targets * logits).mean()


# Dropout ------------------------------------------------------------------------------------------------------------


class RateAsKeep(Tutorial):
    """The drop rate is read as the probability to keep, so that 0.2 drops four values of five."""

    recipe = "classic/dropout-mlp"
    both = ("generator.surgery.dropout.rate=0.2", "discriminator.surgery.dropout.rate=0.2")
    # h = F.dropout(h, 1 - rate)
    mistaken = ("generator.surgery.dropout.rate=0.8", "discriminator.surgery.dropout.rate=0.8")


class RescaledWeights(Tutorial):
    """Weights are multiplied by 1 / (1 - p) at sampling, though inverted dropout did it while training."""

    recipe = "classic/dropout-mlp"
    trains = False

    @torch.no_grad()
    def sampler(self) -> nn.Module:
        net, p = super().sampler(), 0.5
        for layer in [m for m in net.modules() if isinstance(m, nn.Linear)][1:]:  # those that follow dropout
            layer.weight /= 1 - p
        return net


class OnAtSampling(Tutorial):
    """The generator samples in training mode: `eval()` was forgotten."""

    recipe = "classic/dropout-mlp"
    trains = False

    def sampler(self) -> nn.Module:
        return super().sampler().train()  # generator.eval() is missing


class OffAtSampling(Tutorial):
    """Dropout has become the generator's noise, and `eval()` takes it away."""

    recipe = "classic/dropout-dense"
    both = ("generator.surgery.dropout.when=always",)
    trains = False

    def sampler(self) -> nn.Module:
        net = super().sampler()
        for layer in random_layers(net):
            layer.always = False  # generator.eval()
        return net


class DropoutMissing(Tutorial):
    """The text lists dropout, the network has none."""

    recipe = "classic/dropout-mlp"
    mistaken = ("generator.surgery.dropout=null", "discriminator.surgery.dropout=null")


class TestStepTrains(Tutorial):
    """The test step is the training step on test images: it updates the weights."""

    recipe = "classic/dropout-dense"
    both = ("data.mnist.limit=1200",)  # so few that the discriminator overfits, and the test has something to find
    telling = "discriminator's loss on its 200 test images, less its loss on images nobody saw"

    def after_step(self, number: int) -> None:
        if number % TEST_EVERY == TEST_EVERY - 1:
            turn = self.test_turn(number // TEST_EVERY)  # test_step(images):
            self.train_discriminator(turn)
            self.train_generator(turn)

    def test_turn(self, number: int) -> Turn:
        """The next batch of the test images."""
        match, size = self.match, self.match.batch
        place = torch.arange(number * size, (number + 1) * size) % len(test_images(match.data))
        batch = Batch(match.heldout, place, torch.arange(size))
        turn = Turn(match.duel, batch, match.now(match.step), "discriminator", match.key.at("test", number))
        turn.begin()
        return turn

    @staticmethod
    def tell(played: Tutorial) -> float:
        data = played.match.data
        unseen = torch.ones(len(data.samples), dtype=torch.bool)
        unseen[data.train] = unseen[test_images(data)] = False
        return loss_on(played, test_images(data)) - loss_on(played, unseen.nonzero()[:10_000, 0])


def test_images(data: DataSet) -> Tensor:
    """The numbers of the held-out images that are the test set: one for six that are trained on."""
    return data.heldout[: max(1, len(data.train) // TEST_EVERY)]


def loss_on(played: Tutorial, numbers: Tensor) -> float:
    """The discriminator's loss on real images, measured as it should be: no gradient, no dropout, no step."""
    with measuring(played.discriminator):
        return float(should_be_real(played.judge(played.match.data.codec.encode(played.match.data.samples[numbers]))))


# What is shown to whom ----------------------------------------------------------------------------------------------


class NoiseAsData(Tutorial):
    """Noise stands where the data should: a placeholder that was never replaced."""

    recipe = "classic/two-phase"

    def real(self, turn: Turn) -> Tensor:
        return torch.rand_like(turn.batch.samples) * 2 - 1  # real_data = ...


class NoiseJoined(Tutorial):
    """The discriminator is fed the latents joined to the images."""

    recipe = "classic/tanh-leaky"

    def __init__(self, match: Match, recipe: Recipe) -> None:
        super().__init__(match, recipe)
        self.latent = recipe.game.latent
        first = next(m for m in self.discriminator.modules() if isinstance(m, nn.Linear))
        more = nn.Linear(self.latent.size, first.out_features).weight  # the images' weights stay as they were
        first.weight = nn.Parameter(torch.cat((first.weight.detach(), more.detach()), 1))
        self.d_optimiser = recipe.discriminator.optimiser.build(self.discriminator.parameters())
        match.players["discriminator"].optimiser = self.d_optimiser

    def train_discriminator(self, turn: Turn) -> None:
        z = self.latent.draw(turn.key.at("latents"), turn.batch.rows)
        real, fake = turn.batch.samples, self.generator(z).detach()
        loss = should_be_real(self.judge(joined(real, z))) + should_be_fake(self.judge(joined(fake, z)))
        self.d_optimiser.zero_grad()
        loss.backward()
        self.d_optimiser.step()

    def train_generator(self, turn: Turn) -> None:
        z = self.latent.draw(turn.key.at("latents"), turn.batch.rows)
        loss = should_be_real(self.judge(joined(self.generator(z), z)))
        self.g_optimiser.zero_grad()
        loss.backward()
        self.g_optimiser.step()


def joined(images: Tensor, z: Tensor) -> Tensor:
    return torch.cat((images.flatten(1), z), 1)


class LatentsOnce(Tutorial):
    """The latents are drawn once, above the loop."""

    recipe = "classic/leaky-mlp"

    def __init__(self, match: Match, recipe: Recipe) -> None:
        super().__init__(match, recipe)
        self.z = recipe.game.latent.draw(Key(match.seed, "once for all"), torch.arange(match.batch))

    def fake(self, turn: Turn) -> Tensor:
        made: Tensor = self.generator(self.z)
        return made


class UnitDataAgainstTanh(Tutorial):
    """The images are scaled to [0, 1], the generator ends in tanh."""

    recipe = "classic/tanh-leaky"

    @classmethod
    def data(cls, data: DataSet) -> DataSet:
        return replace(data, codec=data.codec._replace(range="unit"))  # images / 255, not images / 127.5 - 1


# Losses -------------------------------------------------------------------------------------------------------------


class WrongSign(Tutorial):
    """The generator's loss carries the minus of the discriminator's."""

    recipe = "classic/two-phase"

    def generator_loss(self, on_fake: Tensor) -> Tensor:
        return -F.logsigmoid(-on_fake).mean()  # -log(1 - D(G(z))); right is +log(1 - D(G(z)))


class ImagesAsTargets(Tutorial):
    """Cross-entropy between images and logits, where it belongs between labels, 1 and 0, and logits."""

    recipe = "classic/tanh-leaky"

    def train_discriminator(self, turn: Turn) -> None:
        real, fake = self.real(turn), self.fake(turn).detach()
        on_real, on_fake = self.judge(real), self.judge(fake)
        loss = cross_entropy(real.flatten(1), on_real[:, None]) + cross_entropy(fake.flatten(1), on_fake[:, None])
        self.d_optimiser.zero_grad()
        loss.backward()
        self.d_optimiser.step()

    def train_generator(self, turn: Turn) -> None:
        real, on_fake = self.real(turn), self.judge(self.fake(turn))
        loss = cross_entropy(real.flatten(1), on_fake[:, None])
        self.g_optimiser.zero_grad()
        loss.backward()
        self.g_optimiser.step()


class SigmoidTwice(Tutorial):
    """The discriminator ends in a sigmoid, and the loss, made for logits, takes another."""

    recipe = "classic/leaky-mlp"

    def judge(self, samples: Tensor) -> Tensor:
        return torch.sigmoid(super().judge(samples))


# Who is moved -------------------------------------------------------------------------------------------------------


class MovesTheJudge(Tutorial):
    """The generator's step goes through a call that updates the discriminator."""

    recipe = "classic/two-phase"

    def train_generator(self, turn: Turn) -> None:
        # discriminator.train_on_batch(generator.predict(z), ones)
        loss = should_be_real(self.judge(self.fake(turn)))
        self.d_optimiser.zero_grad()
        loss.backward()
        self.d_optimiser.step()


class OneOptimiser(Tutorial):
    """One optimiser of all weights minimises the sum of both players' losses."""

    recipe = "classic/tanh-leaky"

    def __init__(self, match: Match, recipe: Recipe) -> None:
        super().__init__(match, recipe)
        both = [*self.generator.parameters(), *self.discriminator.parameters()]
        self.optimiser = recipe.generator.optimiser.build(both)
        match.players["discriminator"].optimiser = self.optimiser

    def train_discriminator(self, turn: Turn) -> None:
        on_real, on_fake = self.judge(self.real(turn)), self.judge(self.fake(turn))
        d_loss = should_be_real(on_real) + should_be_fake(on_fake)
        g_loss = should_be_real(on_fake)
        self.optimiser.zero_grad()
        (d_loss + g_loss).backward()
        self.optimiser.step()

    def train_generator(self, turn: Turn) -> None:
        """Was moved with the discriminator."""


class NotDetached(Tutorial):
    """The discriminator's loss goes back through the generator too; its gradients are cleared before they do harm."""

    recipe = "classic/leaky-mlp"
    telling = "million floating-point operations of one step of the discriminator"

    def train_discriminator(self, turn: Turn) -> None:
        real, fake = self.real(turn), self.fake(turn)  # .detach() is missing
        loss = self.objective.discriminator(self.judge(real), self.judge(fake)).mean()
        self.d_optimiser.zero_grad()
        loss.backward()
        self.d_optimiser.step()

    @staticmethod
    def tell(played: Tutorial) -> float:
        match, state = played.match, copy.deepcopy(played.match.state())
        turn = Turn(match.duel, next(match.batches), match.now(match.step), "discriminator", match.key.at("counted"))
        with FlopCounterMode(display=False) as counter:
            played.train_discriminator(turn)
        match.restore(state)
        return counter.get_total_flops() / 1e6


class NotDetachedAndKept(NotDetached):
    """Not detached, and gradients are cleared after the step: the generator moves by its own and the discriminator's
    loss."""

    telling = ""

    def train_generator(self, turn: Turn) -> None:
        loss = self.generator_loss(self.judge(self.fake(turn)))
        loss.backward()  # adds to the gradients that the discriminator's loss left
        self.g_optimiser.step()
        self.g_optimiser.zero_grad()


MISTAKES: dict[str, type[Tutorial]] = {
    "test-step-trains": TestStepTrains,
    "rate-as-keep": RateAsKeep,
    "rescaled-weights": RescaledWeights,
    "on-at-sampling": OnAtSampling,
    "off-at-sampling": OffAtSampling,
    "dropout-missing": DropoutMissing,
    "noise-as-data": NoiseAsData,
    "wrong-sign": WrongSign,
    "moves-the-judge": MovesTheJudge,
    "latents-once": LatentsOnce,
    "sigmoid-twice": SigmoidTwice,
    "not-detached": NotDetached,
    "not-detached-and-kept": NotDetachedAndKept,
    "images-as-targets": ImagesAsTargets,
    "noise-joined": NoiseJoined,
    "one-optimiser": OneOptimiser,
    "unit-data-tanh": UnitDataAgainstTanh,
}


# Measuring ----------------------------------------------------------------------------------------------------------


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
    return validated(zoo.override(fields | {"steps": asked.steps, "seed": seed}, overrides))


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
        self.extractor = choose_extractor(
            recipe.score, data, torch.device("cpu"), lambda line: print(line, file=sys.stderr)
        )
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
        coverage = metrics.score(["coverage"], Views(heldout=self.heldout, fake=fake, key=self.key), self.extractor)
        fid = metrics.frechet_distance(self.heldout.values, fake.values)
        return {"fid": fid, "coverage": coverage["coverage"].value}

    def __call__(self, tutorial: Tutorial, picture: Path | None = None) -> dict[str, float]:
        """Scores of new samples of what was played."""
        match = tutorial.match
        key, device = Key("classic", match.seed), match.engine.device
        samples = draw(match.game, tutorial.sampler(), match.data.codec, self.count, key, None, device)
        if picture is not None:
            picture.parent.mkdir(parents=True, exist_ok=True)
            grid(samples[:64], match.data.codec).save(picture)
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


# Telling ------------------------------------------------------------------------------------------------------------


class Difference(NamedTuple):
    """A mean of paired differences, mistaken less correct, with its 95 % interval by Student's distribution."""

    mean: float
    low: float
    high: float

    @staticmethod
    def of(pairs: Sequence[dict[str, dict[str, float]]], name: str) -> Difference:
        each = [pair["mistaken"][name] - pair["correct"][name] for pair in pairs]
        mean = statistics.fmean(each)
        if len(each) < 2:
            return Difference(mean, -math.inf, math.inf)
        half = float(student.ppf(0.975, len(each) - 1)) * statistics.stdev(each) / math.sqrt(len(each))
        return Difference(mean, mean - half, mean + half)


RUINED = 0.5
"""A mistake that takes so much of the coverage ruins."""


def verdict(pairs: Sequence[dict[str, dict[str, float]]]) -> str:
    """What the scores say, in a few words."""
    fid, coverage = Difference.of(pairs, "fid"), Difference.of(pairs, "coverage")
    if fid == coverage == (0.0, 0.0, 0.0):
        return "changes nothing, to the last bit"
    worse = fid.low > 0 or coverage.high < 0
    better = fid.high < 0 or coverage.low > 0
    left = [pair["mistaken"]["coverage"] / max(pair["correct"]["coverage"], 1e-9) for pair in pairs]
    if worse and max(left) <= RUINED and not better:
        return "ruins"
    if worse and better:
        return "one score better, one worse"
    return "harms" if worse else "helps" if better else "cannot be told apart"


def results(runs: dict[str, dict[str, Any]], names: Sequence[str]) -> list[dict[str, Any]]:
    """A line for each mistake: means, differences, verdict."""
    lines = []
    for name in names:
        pairs, mistake = [runs[name][seed] for seed in sorted(runs[name], key=int)], MISTAKES[name]
        line: dict[str, Any] = {"mistake": name, "recipe": mistake.recipe, "with": list(mistake.both)}
        line["seeds"] = sorted(int(seed) for seed in runs[name])
        for score in ("fid", "coverage", *(["telling"] if mistake.telling else [])):
            mean, low, high = Difference.of(pairs, score)
            line[score] = {side: statistics.fmean(p[side][score] for p in pairs) for side in ("correct", "mistaken")}
            line[score] |= {"difference": mean, "interval": [low, high]}
        lines.append(line | {"verdict": verdict(pairs)} | ({"telling_of": mistake.telling} if mistake.telling else {}))
    return lines


def table(lines: Sequence[dict[str, Any]], protocol: dict[str, Any]) -> str:
    """The results, for people."""
    yard = protocol["training_data"]
    told = [
        f"{protocol['steps']:,} steps; {protocol['samples']:,} samples against as many held-out images of "
        f"{protocol['data']}; features: {protocol['extractor']} {protocol['hash']}",
        "differences: mistaken less correct version, same seed; 95 % intervals by Student's distribution",
        f"{'mistake':22} {'recipe':14} {'FID':>17} {'difference':>28}   {'coverage':>14} {'difference':>23}  verdict",
        f"{'(training images)':22} {'':14} {yard['fid']:>17.2f} {'':>28}   {yard['coverage']:>14.3f}",
    ]
    for line in lines:
        fid, cover = line["fid"], line["coverage"]
        told.append(
            f"{line['mistake']:22} {line['recipe'].split('/')[1]:14} {_two(fid, '7.1f')} {_apart(fid, '+8.1f'):>28}   "
            f"{_two(cover, '5.3f')} {_apart(cover, '+.3f'):>23}  {line['verdict']}"
        )
        if "telling" in line:
            tell = line["telling"]
            told.append(f"{'':22} {line['telling_of']}: {_two(tell, '.3f')}, difference {_apart(tell, '+.3f')}")
    return "\n".join(told)


def _two(score: dict[str, Any], style: str) -> str:
    return f"{score['correct']:{style}} > {score['mistaken']:{style}}"


def _apart(score: dict[str, Any], style: str) -> str:
    return f"{score['difference']:{style}} [{score['interval'][0]:{style}},{score['interval'][1]:{style}}]"


def kept(path: Path | None, protocol: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The runs that a file holds already. Raises RequestError where they are of another protocol."""
    if path is None or not path.exists():
        return {}
    found = json.loads(path.read_text())
    if found["protocol"] != protocol:
        raise RequestError(f"out: {path} holds runs of another protocol; name another file")
    runs: dict[str, dict[str, Any]] = found["runs"]
    return runs


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--seeds", type=int, default=3, help="how many, from 0 on")
    parser.add_argument("--steps", type=int, default=4000, help="of each run")
    parser.add_argument("--only", help=f"some of {', '.join(MISTAKES)}")
    parser.add_argument("--json", action="store_true", help="print the results as one JSON object")
    parser.add_argument("--data", help="other images: a path or a named data set")
    parser.add_argument("--count", type=int, default=10_000, help="samples to score, at most")
    parser.add_argument("--out", type=Path, help="a file to keep runs in; those it holds are not played again")
    parser.add_argument("--pictures", type=Path, help="a folder for 64 samples of each run")
    told = parser.parse_args(arguments)
    names = told.only.split(",") if told.only else list(MISTAKES)
    unknown = [name for name in names if name not in MISTAKES]
    if unknown:
        parser.error(f"--only: '{unknown[0]}' is none of {', '.join(MISTAKES)}")
    bench = Bench(Asked(told.steps, told.count, told.data, told.pictures))
    protocol = {"steps": told.steps, "torch": torch.__version__, **bench.judge.protocol}
    runs = kept(told.out, protocol)
    for seed in range(told.seeds):
        for name in names:
            if str(seed) in runs.setdefault(name, {}):
                continue
            runs[name][str(seed)] = pair = bench.pair(name, seed)
            print(f"{name}, seed {seed}: {json.dumps(pair)}", file=sys.stderr, flush=True)
            if told.out is not None:
                part = told.out.with_name(f".part-{told.out.name}")
                part.write_text(json.dumps({"protocol": protocol, "runs": runs}, indent=1))
                os.replace(part, told.out)
        bench.right.clear()
    lines = results(runs, names)
    print(json.dumps({"protocol": protocol, "results": lines}, indent=1) if told.json else table(lines, protocol))


if __name__ == "__main__":
    main()
