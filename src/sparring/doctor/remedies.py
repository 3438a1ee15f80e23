"""What to do about a finding: overrides of the run's own recipe, to be made together."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping

from sparring import kinds
from sparring.doctor.facts import is_bounded, slope_terms
from sparring.doctor.findings import Finding
from sparring.gan.game import SIDES, Side
from sparring.gan.games import FromNoise
from sparring.gan.optimisers import Adam
from sparring.gan.schedules import Linear, highest, lowest
from sparring.gan.surgery import Dropout, Freeze
from sparring.gan.terms import R1, R2
from sparring.recipe import PlayerOptions, Recipe, override, validated

BATCH = 64
"""Samples of a batch that tell a direction."""
LEAD = 2.0
"""The discriminator's learning rate over the generator's: it is to be the quicker one (two time scales, Heusel et al.
2017, https://arxiv.org/abs/1706.08500)."""
USUAL: Mapping[Side, float] = {"discriminator": 1e-3 * LEAD, "generator": 1e-3}
"""Learning rates at which Adam moves both players of a small game calmly."""
APART = 4.0
"""How many times more or less than `LEAD` is no balance."""
DROP: dict[Side, float] = {"discriminator": 0.2, "generator": 0.0}
"""Rates of dropout that are rarely too high: a generator seldom gains by any."""
SLOPE = 0.3
"""A weight of R1 that holds a discriminator of small samples."""

Rates = Mapping[Side, float]
"""Learning rates of both players."""


def remedies(finding: Finding, recipe: Recipe) -> tuple[str, ...]:
    """Overrides, `key=value`, or words where no override of this recipe helps."""
    found = _REMEDIES[finding.symptom](recipe) if finding.symptom in _REMEDIES else ()
    told = tuple(word for word in dict.fromkeys(found) if not _as_it_is(word, recipe))
    return told or _WORDS.get(finding.symptom, finding.remedy)


def overrides_of(remedy: Iterable[str]) -> list[str]:
    """Those of a remedy's words that are overrides."""
    return [word for word in remedy if "=" in word and " " not in word.split("=")[0]]


def calm(recipe: Recipe) -> list[str]:
    """Everything known to calm a game: what is tried where the remedy of the finding did not suffice."""
    return list(_CALMING(recipe))


def _as_it_is(word: str, recipe: Recipe) -> bool:
    """Whether the recipe says so already."""
    return validated(override(recipe.model_dump(mode="json"), [word])) == recipe


def _objective(recipe: Recipe) -> list[str]:
    """Away from a loss that saturates."""
    return ["objective=non_saturating"] if recipe.objective.recipe_name() == "minimax" else []


def _bounded(recipe: Recipe) -> list[str]:
    """Away from a critic without a bound, which a penalty of a usual weight did not hold."""
    if recipe.objective.recipe_name() != "wasserstein" or is_bounded(recipe):
        return []
    others = [name for name, term in slope_terms(recipe).items() if not isinstance(term, R1)]
    terms = [f"discriminator.terms.{name}=null" for name in others] + [f"discriminator.terms.r1.weight={SLOPE:g}"]
    return ["objective=non_saturating", *terms]


def _rate_words(side: Side, options: PlayerOptions, rate: float) -> list[str]:
    """A learning rate's new highest value; a line keeps its shape."""
    was, key = options.optimiser.lr, f"{side}.optimiser.{options.optimiser.recipe_name()}.lr"
    if not isinstance(was, Linear):
        return [f"{key}={rate:g}"]
    factor = rate / max(was.start, was.end, 1e-12)
    return [f"{key}.linear.start={was.start * factor:g}", f"{key}.linear.end={was.end * factor:g}"]


def _rates(recipe: Recipe) -> list[str]:
    """Learning rates within reach of each other."""
    return _moved(recipe, _brought_together(_highest_rates(recipe)))


def _capped(recipe: Recipe) -> list[str]:
    """The same, and not beyond what is usual."""
    return _moved(recipe, _lowered(_brought_together(_highest_rates(recipe)), USUAL))


def _calmer(recipe: Recipe) -> list[str]:
    """Both rates a fifth where they are no higher than usual, else as usual; other optimisers' than Adam's a fifth."""
    rates = _highest_rates(recipe)
    others = _of_unknown_rates(recipe)
    if others:
        return [
            word
            for side in others
            if rates[side] > 0
            for word in _rate_words(side, getattr(recipe, side), rates[side] / 5)
        ]
    target = _brought_together(rates)
    if any(rates[side] > 1.5 * USUAL[side] for side in SIDES):
        return _moved(recipe, _lowered(target, USUAL))
    return _moved(recipe, {side: rate / 5 for side, rate in target.items()})


def _of_unknown_rates(recipe: Recipe) -> list[Side]:
    """The players of whose optimisers it is not known what rate is usual: all but Adam."""
    return [side for side in SIDES if not isinstance(getattr(recipe, side).optimiser, Adam)]


def _highest_rates(recipe: Recipe) -> Rates:
    return {side: highest(getattr(recipe, side).optimiser.lr) for side in SIDES}


def _brought_together(rates: Rates) -> Rates:
    """Where one of the two is off, the one that is further from what is usual goes there; where that is no balance
    either, to where the other one has it, but never beyond what is usual: then the other one follows."""
    if _balanced(rates):
        return rates
    off = max(SIDES, key=lambda side: abs(math.log(max(rates[side], 1e-12) / USUAL[side])))
    other = SIDES[1 - SIDES.index(off)]
    share = LEAD if off == "discriminator" else 1 / LEAD
    target = {other: rates[other], off: USUAL[off]}
    if not _balanced(target):
        target[off] = min(rates[other] * share, USUAL[off])
    if not _balanced(target):
        target[other] = target[off] / share
    return target


def _balanced(rates: Rates) -> bool:
    return LEAD / APART <= rates["discriminator"] / max(rates["generator"], 1e-12) <= LEAD * APART


def _lowered(rates: Rates, most: Rates) -> Rates:
    return {side: min(rate, most[side]) for side, rate in rates.items()}


def _moved(recipe: Recipe, target: Rates) -> list[str]:
    """Words for the rates that are to be others; none where it is not known of both what is usual."""
    if _of_unknown_rates(recipe):
        return []
    rates = _highest_rates(recipe)
    return [
        word
        for side in SIDES
        if abs(target[side] - rates[side]) > 1e-12
        for word in _rate_words(side, getattr(recipe, side), target[side])
    ]


def _moving(recipe: Recipe) -> list[str]:
    """A generator that never stands still, and a discriminator that sees what it makes."""
    if round(lowest(recipe.generator.moves)) >= 1:
        return []
    game = recipe.game
    unseen = isinstance(game, FromNoise) and highest(game.noise_images) > 0
    return ["generator.moves=1", *(["game.from_noise.noise_images=0"] if unseen else [])]


def _without_momentum(recipe: Recipe) -> list[str]:
    """No average of gradients that point elsewhere by now."""
    found = []
    for side in SIDES:
        optimiser = getattr(recipe, side).optimiser
        if isinstance(optimiser, Adam) and optimiser.betas[0] > 0.5:
            found.append(f"{side}.optimiser.{optimiser.recipe_name()}.betas=[0,{optimiser.betas[1]:g}]")
    return found


def _penalty(recipe: Recipe) -> list[str]:
    """A penalty on slopes of a weight that holds, where nothing holds them or one holds too hard."""
    slopes = slope_terms(recipe)
    if not slopes and is_bounded(recipe):
        return []
    if not slopes:
        name, weight = ("gradient_penalty", 1.0) if recipe.objective.recipe_name() == "wasserstein" else ("r1", SLOPE)
        return [f"discriminator.terms.{name}.weight={weight:g}"]
    found = []
    for name, term in slopes.items():
        meant, weight = SLOPE if isinstance(term, R1 | R2) else 1.0, highest(term.weight)
        if weight > 10 * meant or weight < meant / 30:
            found.append(f"discriminator.terms.{name}.weight={meant:g}")
    return found


def _heavier(recipe: Recipe) -> list[str]:
    """Ten times the penalty on slopes."""
    weights = {name: highest(term.weight) for name, term in slope_terms(recipe).items()}
    heavier = [
        f"discriminator.terms.{name}.weight={max(weight, min(10 * weight, 10)):g}"
        for name, weight in weights.items()
        if weight
    ]
    return heavier or ["discriminator.terms.r1.weight=1"]


def _less_dropout(recipe: Recipe) -> list[str]:
    """Dropout at a rate that leaves the networks something to say; what is always on may be the generator's noise."""
    return [
        f"{side}.surgery.{name}.rate={DROP[side]:g}"
        for side in SIDES
        for name, one in getattr(recipe, side).surgery.items()
        if isinstance(one, Dropout) and one.when == "training" and highest(one.rate) > 0.6
    ]


def _whole_batches(recipe: Recipe) -> list[str]:
    return [f"batch={BATCH}"] if recipe.batch < 16 else []


def _thawed(recipe: Recipe) -> list[str]:
    """No frozen weights."""
    return [
        f"{side}.surgery.{name}=null"
        for side in SIDES
        for name, one in getattr(recipe, side).surgery.items()
        if isinstance(one, Freeze)
    ]


def _against_overfitting(recipe: Recipe) -> list[str]:
    """Augmentation, a heavier penalty, dropout."""
    found: list[str] = []
    if not recipe.augment:
        found += kinds.of(recipe.game, recipe.data).against_overfitting
    found += _heavier(recipe)
    if not any(isinstance(one, Dropout) for one in recipe.discriminator.surgery.values()):
        found.append("discriminator.surgery.dropout.rate=0.3")
    return found


Remedy = Callable[[Recipe], Iterable[str]]


def _all(*parts: Remedy) -> Remedy:
    return lambda recipe: [word for part in parts for word in part(recipe)]


def _held(recipe: Recipe) -> list[str]:
    return _bounded(recipe) or _penalty(recipe)


_CALMING = _all(_objective, _capped, _moving, _without_momentum, _held, _less_dropout, _whole_batches, _thawed)
_FOR_ALL = _all(_objective, _rates, _moving, _without_momentum, _penalty, _less_dropout, _whole_batches, _thawed)
_LOWER = _all(_objective, _calmer, _without_momentum, _penalty)
_REMEDIES: dict[str, Remedy] = {
    "diverged": _LOWER,
    "explosion": _LOWER,
    "vanishing_gradient": _all(_objective, _rates, _moving, _without_momentum, _penalty, _whole_batches),
    "bounded_logits": lambda recipe: ["objective=least_squares"],  # which takes outputs in [0, 1] as they are
    "discriminator_too_weak": _all(_rates, _less_dropout, _penalty, _whole_batches),
    "discriminator_overfitting": _against_overfitting,
    "mode_collapse": _all(_objective, _rates, _without_momentum, _penalty, _less_dropout, _thawed),
    "mode_dropping": _all(_objective, _rates, _without_momentum, _penalty, _less_dropout),
    "oscillation": _LOWER,
    "penalty_not_working": _all(_objective, _penalty),
    "penalty_dominates": _penalty,
    "memorisation": _against_overfitting,
    "dead_activations": _all(_calmer, _without_momentum, _penalty),
    "frozen_weights": _thawed,
    "evaluation_fault": _less_dropout,
    "noisy_gradient": _whole_batches,
    "poor_samples": _FOR_ALL,
    "poor_scores": _FOR_ALL,
}
_WORDS: dict[str, tuple[str, ...]] = {
    "data_fault": ("look at the data: their range, and whether they vary",),
    "bounded_logits": ("return the discriminator's last layer without a sigmoid",),
    "discriminator_overfitting": ("more training data",),
    "memorisation": ("more training data",),
    "evaluation_fault": ("hold more samples out: data's held_out, or more in the official test part",),
    "slowing_down": ("look at what else this machine does",),
    "poor_samples": ("a wider network, or a longer run",),
    "poor_scores": ("a wider network, or a longer run",),
}
