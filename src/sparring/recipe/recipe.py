"""The recipe: every option of a run, typed, documented once, validated."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Annotated, Any, Literal

import yaml
from pydantic import Field, field_validator

from sparring import kinds
from sparring.base.errors import RequestError, nearest
from sparring.base.part import Named, OneOf, Part, parse, walk
from sparring.base.words import put
from sparring.data import Source
from sparring.engine import Precision, Tracker
from sparring.gan.augment import Augmentation
from sparring.gan.games import FromNoise, Game
from sparring.gan.loop import UpdateName
from sparring.gan.objectives import Objective
from sparring.gan.optimisers import Adam, Ema, Optimiser
from sparring.gan.schedules import Adaptive, Course, Schedule
from sparring.gan.surgery import Surgery
from sparring.gan.terms import Term
from sparring.nets import Net
from sparring.recipe.clocked import Clocked

NetChoice = Annotated[Net, OneOf(among=partial(kinds.parts, Net))]
GameChoice = Annotated[Game, OneOf(among=partial(kinds.parts, Game))]
SourceChoice = Annotated[Source, OneOf(among=partial(kinds.parts, Source))]
Terms = Annotated[dict[str, Annotated[Term, OneOf(among=partial(kinds.parts, Term))]], Named()]
Operations = Annotated[dict[str, Annotated[Surgery, OneOf(among=partial(kinds.parts, Surgery))]], Named()]
Augments = Annotated[dict[str, Annotated[Augmentation, OneOf(among=partial(kinds.parts, Augmentation))]], Named()]


class PlayerOptions(Part):
    """One of the two networks and how it learns."""

    net: NetChoice
    """The network."""
    optimiser: Optimiser = Adam()
    """How its weights are moved."""
    surgery: Operations = {}
    """What is done to the network after it is built, by name, in this order."""
    terms: Terms = {}
    """Summands of its loss beside the objective, by name."""
    refit_batch_norms: bool = False
    """Estimate the statistics of its batch norms anew, without dropout, whenever it is used in eval mode: sampled from,
    measured, saved. Running ones are of training with dropout, which before a batch norm widens them. An averaged
    generator's are estimated anew in any case."""
    moves: Schedule = 1.0
    """Moves in each step; a schedule that begins with 0 lets the other player train alone first."""


class Scoring(Part):
    """How a run is scored."""

    metrics: tuple[str, ...] | None = None
    """Which scores; by default those that fit the data."""
    extractor: str = "auto"
    """Which features they are computed from: `auto` takes a classifier trained on the labels, where there are some,
    else a network trained without."""
    count: int = Field(10_000, ge=10)
    """Samples to score, at most; never more than are held out, and of each kind the same number."""
    every: int | None = Field(None, ge=1)
    """Steps between scores while training; the best checkpoint by the first score is kept. By default only at the
    end."""
    patience: int | None = Field(None, ge=1)
    """So many scores in a row without a better first one end the training; the best checkpoint is kept. Takes
    `every`."""
    seed: int = 0
    """Of the scored samples and of the intervals."""

    @field_validator("extractor")
    @classmethod
    def _known(cls, name: str) -> str:
        known = kinds.extractors()
        if name not in known:
            raise ValueError(f"unknown extractor '{name}'; {nearest(name, known)}")
        return name

    def ended(self, notes: Mapping[str, Any], step: int, steps: int) -> bool:
        """Whether a run of so many steps was ended at this step by its patience (`notes` are its match's), and neither
        was made longer nor more patient since."""
        end = notes.get("ended")
        if end is None or self.patience is None:
            return False
        return bool(end["step"] == step and steps <= end["steps"] and self.patience <= end["patience"])


class Recipe(Part):
    """A run, in full."""

    name: str = "own"
    """What the recipe is called."""
    about: str = ""
    """What it is for, in a sentence or two."""
    data: SourceChoice
    """What to learn from."""
    game: GameChoice = FromNoise()
    """What the two players play."""
    objective: Objective
    """The adversarial loss."""
    generator: PlayerOptions
    """Makes samples."""
    discriminator: PlayerOptions
    """Tells them from real ones."""
    augment: Augments = {}
    """What is done to every sample before the discriminator sees it, by name, in this order."""
    ema: Ema | None = Ema()
    """The moving average of the generator, which samples; none for the generator as it is."""
    update: UpdateName = "alternating"
    """Who moves when: the players in turn, each on fakes of its own, or both at once on one pass of fakes
    (`simultaneous`), which takes less time a step."""
    batch: int = Field(64, ge=2)
    """Samples in a batch."""
    microbatch: int | None = Field(None, ge=1)
    """Samples at once, where a whole batch does not fit the memory; gradients are added up. Batch norms, spectral norms
    and what a network of your own draws still see parts."""
    steps: int = Field(10_000, ge=1)
    """Steps of the whole run."""
    recipe_steps: int | None = Field(None, ge=1)
    """Steps that the recipe has of itself, where an override or `--for` took others. The doctor goes by these: a run
    that stops far short of them has only begun."""
    budget: str | None = None
    """What `--for` said, where it was a time: `steps` is how many of them it came to."""
    clocked: Clocked | None = None
    """What the clock decided under that budget, step by step."""
    precision: Precision = "fp32"
    """`bf16` multiplies matrices with 8 bits of mantissa, which is not the same mathematics; `auto` does so where the
    hardware is made for it."""
    plan: Literal["auto", "plain"] = "auto"
    """How the run is computed: `auto` tries a few equivalent ways on the first batches, if the run is long enough to
    gain by it, and takes the fastest; `plain` tries nothing."""
    deterministic: bool = False
    """On a GPU, take only algorithms that give the same bits each time."""
    seed: int = Field(0, ge=0)
    """Of everything that is drawn."""
    log_every: int = Field(50, ge=1)
    """Steps between lines of the log."""
    sample_every: int | None = Field(None, ge=1)
    """Steps between pictures of samples; by default a tenth of the run."""
    save_every: int | None = Field(None, ge=1)
    """Steps between checkpoints; by default a minute."""
    keep: int = Field(3, ge=1)
    """Checkpoints to keep, beside the best."""
    score: Scoring = Scoring()
    """How the run is scored."""
    doctor: Literal["off", "advise", "treat"] = "advise"
    """What is done about illnesses of the training: nothing is looked for, findings are told, or what is found for
    certain is treated too: back to the last healthy checkpoint, and on with the remedy."""
    tracker: Tracker = "none"
    """Where numbers are sent as well: tensorboard, wandb or mlflow (extra `trackers`)."""

    def model_post_init(self, context: Any) -> None:
        if self.score.patience is not None and self.score.every is None:
            raise ValueError(
                f"score.patience: {self.score.patience}, and nothing is scored while training; say score.every"
            )
        if self.score.patience is not None and self.score.metrics == ():
            raise ValueError(f"score.patience: {self.score.patience}, and score.metrics is empty; name a score")
        if self.microbatch is not None and self.microbatch > self.batch:
            raise ValueError(f"microbatch: {self.microbatch} is more than batch, {self.batch}")
        for side in ("generator", "discriminator"):
            for name, term in getattr(self, side).terms.items():
                if side not in term.sides:
                    raise ValueError(f"{side}.terms.{name}: belongs to the {next(iter(term.sides))}")
            if self.update == "simultaneous" and getattr(self, side).moves != 1:
                raise ValueError(f"{side}.moves: with update=simultaneous each player moves once a step; say 1")
        self.game.check_update(self.update)
        if self.clocked is not None and self.clocked.steps != self.steps:
            raise ValueError(
                f"steps: {self.steps}, and by `clocked` the run came to {self.clocked.steps}; say clocked=null too"
            )

    def course(self) -> Course:
        """How long a run is, and how that changed on its way."""
        return Course({0: self.steps} if self.clocked is None else self.clocked.lengths)

    @property
    def whole(self) -> int:
        """The steps after which it can be told what became of a run: its own, or its recipe's where these are more."""
        return max(self.steps, self.recipe_steps or 0)

    def period(self) -> int:
        """Steps after which the same terms act again."""
        every = [t.every for s in (self.generator, self.discriminator) for t in s.terms.values()]
        return math.lcm(1, *every)

    def controllers(self) -> dict[str, Adaptive]:
        """The values that controllers move, by their dotted keys."""
        return {path: part for path, part in walk(self) if isinstance(part, Adaptive)}


def kind_left_open(fields: dict[str, Any]) -> str | None:
    """The source of data of which a recipe says at most how to read it, and not where it is; None where it says."""
    data = fields.get("data")
    if data is None:
        return kinds.last_source().recipe_name()
    name, options = next(iter(data.items())) if isinstance(data, dict) and len(data) == 1 else (data, None)
    source = kinds.source_named(name) if isinstance(name, str) else None
    if source is None or not source.places:
        return None
    return name if options is None or (isinstance(options, dict) and source.places[0] not in options) else None


def validated(fields: dict[str, Any]) -> Recipe:
    """The recipe of these fields. Raises RequestError, in one line, for what is wrong first."""
    if kind_left_open(fields) is not None:
        raise RequestError(f"data: the recipe {fields.get('name', '')} leaves it open; give it by --data PATH or NAME")
    return parse(lambda: Recipe.model_validate(fields))


def override(fields: dict[str, Any], overrides: Iterable[str]) -> dict[str, Any]:
    """Puts `key=value` overrides into a recipe's fields, in place; the keys are checked against what there is."""
    return put(fields, overrides, Recipe)


def to_yaml(recipe: Recipe) -> str:
    """A recipe as YAML, fully resolved: every option with its value, and what the clock decided, if it did."""
    fields = recipe.model_dump(mode="json", exclude={"clocked"})
    if recipe.clocked is not None:
        fields["clocked"] = recipe.clocked.model_dump()
    if recipe.recipe_steps is None:
        del fields["recipe_steps"]  # its steps are its own
    return yaml.dump(fields, sort_keys=False, default_flow_style=None, allow_unicode=True, width=110)
