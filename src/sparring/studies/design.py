"""A study's design: its arms, seeds and budget, from the command line or a YAML file."""

from __future__ import annotations

import copy
import hashlib
import itertools
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from importlib.resources import files
from typing import Any, Literal, NamedTuple

from pydantic import Field

from sparring.base.errors import RequestError, nearest
from sparring.base.part import Part, parse
from sparring.base.paths import given_path
from sparring.base.words import read_yaml
from sparring.data.views import Views
from sparring.kinds import zoo
from sparring.recipe import Recipe, override, validated
from sparring.recipe.recorded import difference
from sparring.runs.planning import parse_budget
from sparring.studies.naming import as_word, short, shown

SEEDS = 8
POINTS = 6
SCREENED = 4
"""Arms, beyond which a study screens before it confirms."""
SCREEN_SEED = 9000
"""The first of the seeds that screening has for itself."""
LONGEST = 100
"""Letters of an arm's name in a folder's."""
OWN = {
    "seed": "say --seeds",
    "steps": "say --for",
    "budget": "say --for",
    "clocked": "say --for",
    "name": "arms are named by what they vary",
    "about": "arms are named by what they vary",
    "score": "all arms are scored alike; say --metric, or score.extractor for all",
    "keep": "it changes no result",
    "log_every": "it changes no result",
    "sample_every": "it changes no result",
    "save_every": "it changes no result",
    "tracker": "it changes no result",
}
"""Keys that are the study's own, and what to do instead."""


class StudyFile(Part):
    """A study as YAML says it."""

    model_config = {"populate_by_name": True}

    about: str = ""
    """What it asks, in a sentence or two."""
    recipe: str = "digits"
    """What every arm begins with: a recipe of the zoo, or a file's path."""
    data: str | None = None
    """What to learn from, as `--data` says it; by default the recipe's own."""
    base: tuple[str, ...] = ()
    """`key=value` for every arm."""
    vary: dict[str, tuple[Any, ...]] = {}
    """Keys of the recipe, each with its values; the arms are all their combinations."""
    arms: dict[str, tuple[str, ...]] = {}
    """Arms by name, each a list of `key=value`; with `vary`, every one with every combination."""
    cells: dict[str, tuple[Any, ...]] = {}
    """Keys with values as in `vary`, but each combination is a study of its own, whose arms are compared among
    themselves."""
    seeds: int = SEEDS
    """Seeds of each arm; arms with the same seed begin alike."""
    budget: str | None = Field(None, alias="for")
    """How long each run is: `300kimg`, `5000steps`, or a time, which is turned into images once."""
    equal: Literal["images", "time"] = "images"
    """What all arms get as much of: of `time`, each arm's own speed turns it into images, so that networks of different
    cost can be compared."""
    metric: str | None = None
    """What arms are judged by; by default the data's first."""
    points: int = Field(POINTS, ge=2, le=1000)
    """How often a run is scored, evenly over its images."""
    screen: bool | None = None
    """Whether to run all arms on a few seeds first and stop the worse half of them at a third of the budget, and again
    at two thirds; by default with more than four arms."""
    screen_seeds: int = Field(2, ge=1, le=1000)
    """How many seeds to screen on; none of them is among those that the answers are drawn from."""
    margin: float = Field(0.05, gt=0, lt=1)
    """Differences within this part of the first arm's score count as none."""


class Arm(NamedTuple):
    """One of the things compared."""

    name: str
    overrides: tuple[str, ...]
    """What it changes of the base, as `key=value`."""

    @property
    def slug(self) -> str:
        """The name as a folder's; of a very long one the beginning, and a hash of all."""
        told = re.sub(r"[^\w.=+,-]+", "_", self.name.replace(", ", ",")).strip("_.") or "arm"
        if len(told) <= LONGEST:
            return told
        return f"{told[:LONGEST]}-{hashlib.sha256(self.name.encode()).hexdigest()[:8]}"


class Design(NamedTuple):
    """A study in full, but for how long it is where that was said as a time."""

    name: str
    base: dict[str, Any]
    """Fields of the recipe that every arm begins with."""
    arms: tuple[Arm, ...]
    """The first is what the others are compared with."""
    seeds: int = SEEDS
    budget: str | None = None
    """As it was said."""
    images: int | None = None
    """What each run sees, of the first arm where arms get equal time; None until the budget was measured."""
    metric: str | None = None
    points: int = POINTS
    screened: int = 0
    """Seeds to screen on, none for no screening."""
    margin: float = 0.05
    equal: str = "images"
    lengths: tuple[int, ...] = ()
    """What a run of each arm sees, where they get equal time."""

    def recipe(self, arm: Arm, seed: int) -> Recipe:
        """The recipe of one run. Raises RequestError naming the override that is wrong."""
        fields = copy.deepcopy(self.base)
        for word in arm.overrides:
            try:
                fields = override(fields, [word])
                wanted = validated(fields | {"seed": seed, "budget": None, "clocked": None})
            except RequestError as error:
                raise RequestError(f"vary: {word}: {error}") from None
        if not arm.overrides:
            wanted = validated(fields | {"seed": seed, "budget": None, "clocked": None})
        if self.images is None:
            return wanted
        steps = max(1, round(self.images_of(arm) / wanted.batch))
        quiet = wanted.score.model_copy(update={"metrics": (), "every": None, "patience": None})
        changes = {"steps": steps, "sample_every": max(1, steps // self.points), "keep": 1, "score": quiet}
        return wanted.model_copy(update=changes)

    def images_of(self, arm: Arm) -> int:
        """What a run of an arm sees, once that was measured."""
        return self.lengths[self.arms.index(arm)] if self.lengths else self.images or 0

    def marks(self, recipe: Recipe) -> list[int]:
        """The steps after which a run is scored."""
        return [max(1, round(recipe.steps * point / self.points)) for point in range(1, self.points + 1)]

    def in_order(self, names: Sequence[str]) -> Design:
        """Itself with its arms as they are named here, each once."""
        places = sorted(range(len(self.arms)), key=lambda place: list(names).index(self.arms[place].name))
        lengths = tuple(self.lengths[place] for place in places) if self.lengths else ()
        return self._replace(arms=tuple(self.arms[place] for place in places), lengths=lengths)

    def arm(self, name: str) -> Arm:
        return next(arm for arm in self.arms if arm.name == name)

    @property
    def screen_seeds(self) -> range:
        return range(SCREEN_SEED, SCREEN_SEED + self.screened)

    def to_json(self) -> dict[str, Any]:
        """All that makes it this study."""
        return {
            "base": self.base,
            "arms": {arm.name: list(arm.overrides) for arm in self.arms},
            "seeds": self.seeds,
            "for": self.budget,
            "images": self.images,
            "metric": self.metric,
            "points": self.points,
            "screen_seeds": self.screened,
            "margin": self.margin,
        } | ({"equal": self.equal, "lengths": list(self.lengths)} if self.equal == "time" else {})

    def measured(self, images: float) -> Design:
        """Itself with a length. Raises RequestError where that is too short to be scored twice."""
        batch = self.recipe(self.arms[0], 0).batch
        longest = max(self.recipe(arm, 0).batch for arm in self.arms)
        steps = int(images // longest)
        if steps < 2:
            raise RequestError(
                f"for: {images:,.0f} images are {steps} step{'' if steps == 1 else 's'} of {longest}, and a study "
                f"scores each run at least twice; take {2 * longest}img or more"
            )
        return self._replace(images=max(1, round(images / batch)) * batch, points=min(self.points, steps))

    def timed(self, images: Sequence[float]) -> Design:
        """Itself with a length for each arm. Raises RequestError where one is too short to be scored twice."""
        each = [self._replace(arms=(arm,)).measured(seen) for arm, seen in zip(self.arms, images, strict=True)]
        lengths = tuple(one.images or 0 for one in each)
        return self._replace(images=lengths[0], lengths=lengths, points=min(one.points for one in each))


def differs(there: Mapping[str, Any], here: Mapping[str, Any]) -> str | None:
    """What tells two stored designs apart, as what the first is with or without; None where one goes on with the other,
    which may have more seeds."""
    for arm in there["arms"].keys() ^ here["arms"].keys():
        return f"with{'' if arm in there['arms'] else 'out'} the arm '{arm}'"
    one, other = ({key: value for key, value in design.items() if key != "seeds"} for design in (there, here))
    found = difference(one, other)
    if found is not None:
        key, was, now = found
        return f"with {key}={json.dumps(was)}, not {json.dumps(now)}"
    if here["seeds"] < there["seeds"]:
        return f"with seeds={there['seeds']}, not {here['seeds']}"
    return None


def parse_vary(texts: Iterable[str]) -> dict[str, tuple[Any, ...]]:
    """`key=a,b,c` words as keys with their values, each read as YAML."""
    found: dict[str, tuple[Any, ...]] = {}
    for text in texts:
        key, equals, values = text.partition("=")
        if not equals or not key or not values.strip():
            raise RequestError(f"vary: '{text}' is not key=a,b,c; as discriminator.surgery.dropout.rate=0,0.25,0.5")
        if key in found:
            raise RequestError(f"vary: {key} is given twice; list all its values once")
        found[key] = tuple(read_yaml(f"[{values}]", f"vary {key}"))
    return found


def listed(vary: Mapping[str, Any]) -> dict[str, tuple[Any, ...]]:
    """Keys with their values, from Python. Raises RequestError for values that are no list."""
    for key, values in vary.items():
        if isinstance(values, (str, Mapping)) or not isinstance(values, Iterable):
            raise RequestError(f"vary: {key}: {values!r} is no list of values; give two or more")
    return {key: tuple(values) for key, values in vary.items()}


def product(vary: Mapping[str, Sequence[Any]], named: Mapping[str, Sequence[str]] | None = None) -> tuple[Arm, ...]:
    """All combinations of named arms and of values. Raises RequestError where two are the same."""
    for key, values in vary.items():
        if not values:
            raise RequestError(f"vary: {key} has no values")
    words = short(list(vary))
    arms = []
    for name, own in (named or {"": ()}).items():
        for values in itertools.product(*vary.values()):
            pairs = list(zip(vary, values, strict=True))
            told = [name] if name else []
            told += [f"{words[key]}={shown(value)}" for key, value in pairs]
            arms.append(Arm(", ".join(told), (*own, *(f"{key}={as_word(value)}" for key, value in pairs))))
    for place, arm in enumerate(arms):
        for other in arms[:place]:
            if other.overrides == arm.overrides or other.slug == arm.slug:
                raise RequestError(f"vary: '{other.name}' and '{arm.name}' are the same arm")
    return tuple(arms)


def made(
    name: str,
    base: dict[str, Any],
    arms: tuple[Arm, ...],
    *,
    seeds: int = SEEDS,
    budget: str | None = None,
    metric: str | None = None,
    points: int = POINTS,
    screen: bool | None = None,
    screen_seeds: int = 2,
    margin: float = 0.05,
    equal: str = "images",
) -> Design:
    """A design, every arm of it looked at. Raises RequestError for what cannot be studied."""
    if len(arms) < 2:
        raise RequestError(
            "vary: one arm leaves nothing to compare; give two or more values, "
            "as --vary discriminator.surgery.dropout.rate=0,0.25,0.5"
        )
    if seeds < 2:
        raise RequestError(
            f"seeds: {seeds} shows no spread to judge differences by; take at least 2, and {SEEDS} where there is time"
        )
    if seeds > 1000:
        raise RequestError(f"seeds: {seeds} is more than 1000")
    for arm in arms:
        refuse_own(arm.overrides, "vary")
    timed = budget is not None and parse_budget(budget).timed
    if equal == "time" and not timed:
        raise RequestError(f"equal: time, and the length is {budget or 'not said'}; say a time, as --for 15m-cpu")
    screened = screen_seeds if (len(arms) > SCREENED if screen is None else screen) else 0
    if screened and points < 3:
        raise RequestError(f"points: {points}; screening stops arms at a third of the budget, so take 3 or more")
    design = Design(name, base, arms, seeds, budget, None, metric, points, screened, margin, equal)
    recipes = [design.recipe(arm, 0) for arm in arms]
    for place, recipe in enumerate(recipes):
        if recipe in recipes[:place]:
            same = arms[recipes.index(recipe)]
            raise RequestError(f"vary: '{same.name}' and '{arms[place].name}' are the same arm")
    _same_judges(recipes, arms)
    return design


def refuse_own(words: Iterable[str], where: str, allowed: Sequence[str] = ()) -> None:
    """Raises RequestError for keys that are the study's own to say, but for those allowed."""
    for word in words:
        key = word.partition("=")[0].split(".")[0]
        if key in OWN and key not in allowed:
            raise RequestError(f"{where}: {word}: {key} is the study's own; {OWN[key]}")


def _same_judges(recipes: Sequence[Recipe], arms: Sequence[Arm]) -> None:
    """Arms are scored on the same held-out samples: of the data, only how many are trained on may differ."""
    kept = [recipe.data.model_dump(mode="json", exclude={"limit", *Views._fields}) for recipe in recipes]
    kinds = [type(recipe.data) for recipe in recipes]
    for arm, kind, fields in zip(arms, kinds, kept, strict=True):
        if kind is not kinds[0] or fields != kept[0]:
            raise RequestError(
                f"vary: {arm.name} changes what arms are scored on; of the data, vary limit, mirror, zoom or turn "
                "alone, and make a study of each data set"
            )


def names() -> list[str]:
    """The studies that are ready made, sorted."""
    return sorted(entry.name.removesuffix(".yaml") for entry in _shelf().iterdir() if entry.name.endswith(".yaml"))


def read(name: str) -> StudyFile:
    """A ready-made study by its name, or a YAML file by its path."""
    path = given_path(name, "study")
    if path.suffix in (".yaml", ".yml"):
        try:
            content = path.read_text()
        except FileNotFoundError:
            raise RequestError(f"study: no such file: {path}") from None
        except (OSError, UnicodeDecodeError) as error:
            raise RequestError(f"{path}: cannot be read as text ({error})") from None
    elif name in names():
        content = (_shelf() / f"{name}.yaml").read_text()
    elif name in zoo.names():
        raise RequestError(
            f"study: {name} is a recipe; say what to vary, as --vary discriminator.surgery.dropout.rate=0,0.25,0.5"
        )
    else:
        raise RequestError(f"study: '{name}' is none; {nearest(name, [*names(), *zoo.names()])}")
    fields = read_yaml(content, name)
    if not isinstance(fields, dict):
        raise RequestError(f"{name}: not a study: a mapping of {', '.join(StudyFile.model_fields)}")
    if "generator" in fields and "discriminator" in fields:
        raise RequestError(f"study: {name} is a recipe; say what to vary, as --vary objective=hinge,relativistic")
    try:
        return parse(lambda: StudyFile.model_validate(fields))
    except RequestError as error:
        raise RequestError(f"{name}: {error}") from None


def cells(file: StudyFile) -> list[Arm]:
    """The studies that a file holds, each as what it changes of the base; one that changes nothing where it has no
    cells."""
    return list(product(file.cells)) if file.cells else [Arm("", ())]


def _shelf() -> Any:
    return files("sparring") / "studies"
