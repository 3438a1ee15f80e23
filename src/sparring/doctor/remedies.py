"""What to do about a finding: overrides of the run's own recipe, to be made together."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from sparring import zoo
from sparring.data import Table
from sparring.data.options import Grid, Ring
from sparring.doctor.facts import is_bounded, slope_terms
from sparring.doctor.findings import Finding
from sparring.game import SIDES, Side
from sparring.optimisers import Adam
from sparring.recipe import PlayerOptions, Recipe, validated
from sparring.schedules import Linear, highest
from sparring.surgery import Dropout, Freeze
from sparring.terms import R1, R2

BATCH = 64
"""Samples of a batch that tell a direction."""
RATE = 1e-3
"""A learning rate at which Adam moves both players of a small game calmly."""
APART = 2.5
"""Ratio of the players' learning rates that is no balance."""
DROP = 0.25
"""A rate that is rarely too high."""
SLOPE = 0.3
"""A weight of R1 that holds a discriminator of small samples."""


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
    return validated(zoo.override(recipe.model_dump(mode="json"), [word])) == recipe


def _objective(recipe: Recipe) -> list[str]:
    """Away from a loss that saturates, and from a critic without a bound."""
    return ["objective=non_saturating"] if recipe.objective.recipe_name() in ("minimax", "wasserstein") else []


def _rate_words(side: Side, options: PlayerOptions, rate: float) -> list[str]:
    """A learning rate's new highest value; a line keeps its shape."""
    was, key = options.optimiser.lr, f"{side}.optimiser.{options.optimiser.recipe_name()}.lr"
    if not isinstance(was, Linear):
        return [f"{key}={rate:g}"]
    factor = rate / max(was.start, was.end, 1e-12)
    return [f"{key}.linear.start={was.start * factor:g}", f"{key}.linear.end={was.end * factor:g}"]


def _rates(recipe: Recipe, cap: float | None = None) -> list[str]:
    """Learning rates within reach of each other, and not beyond `cap`."""
    rates = {side: highest(getattr(recipe, side).optimiser.lr) for side in SIDES}
    if not all(isinstance(getattr(recipe, side).optimiser, Adam) for side in SIDES):
        return []
    low, high = min(rates.values()), max(rates.values())
    target = dict(rates)
    if high > APART * low:  # one of the two is off; which, tells the distance from a common rate
        off_high, off_low = high / RATE, RATE / max(low, 1e-12)
        meant = low if off_high >= off_low else high
        target = dict.fromkeys(rates, meant)
    if cap is not None:
        target = {side: min(rate, cap) for side, rate in target.items()}
    return [
        word
        for side in SIDES
        if abs(target[side] - rates[side]) > 1e-12
        for word in _rate_words(side, getattr(recipe, side), target[side])
    ]


def _calmer(recipe: Recipe) -> list[str]:
    """Both rates a fifth where they are no higher than usual, else as usual; what is usual is known of Adam alone."""
    rates = [highest(getattr(recipe, side).optimiser.lr) for side in SIDES]
    others = [side for side in SIDES if not isinstance(getattr(recipe, side).optimiser, Adam)]
    if others:
        return [
            word
            for side, rate in zip(SIDES, rates, strict=True)
            if side in others and rate > 0
            for word in _rate_words(side, getattr(recipe, side), rate / 5)
        ]
    return _rates(recipe, cap=RATE if max(rates) > 1.5 * RATE else max(rates) / 5)


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
    slopes, bounded = slope_terms(recipe), is_bounded(recipe)
    usual = f"discriminator.terms.r1.weight={SLOPE:g}"
    if recipe.objective.recipe_name() == "wasserstein" and not bounded:  # whose place another loss takes
        others = [name for name, term in slopes.items() if not isinstance(term, R1)]
        return [f"discriminator.terms.{name}=null" for name in others] + [usual]
    if not slopes:
        return [] if bounded else [usual]
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
    """Dropout at a rate that leaves the networks something to say."""
    return [
        f"{side}.surgery.{name}.rate={DROP:g}"
        for side in SIDES
        for name, one in getattr(recipe, side).surgery.items()
        if isinstance(one, Dropout) and highest(one.rate) > 0.6
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
    found = []
    if not recipe.augment and not isinstance(recipe.data, Ring | Grid | Table):
        found.append("augment.diff_augment.cutout=0.5")
    found += _heavier(recipe)
    if not any(isinstance(one, Dropout) for one in recipe.discriminator.surgery.values()):
        found.append("discriminator.surgery.dropout.rate=0.3")
    return found


Remedy = Callable[[Recipe], Iterable[str]]


def _all(*parts: Remedy) -> Remedy:
    return lambda recipe: [word for part in parts for word in part(recipe)]


def _capped(recipe: Recipe) -> list[str]:
    return _rates(recipe, cap=RATE)


_CALMING = _all(_objective, _capped, _without_momentum, _penalty, _less_dropout, _whole_batches, _thawed)
_LOWER = _all(_objective, _calmer, _without_momentum, _penalty)
_REMEDIES: dict[str, Remedy] = {
    "diverged": _LOWER,
    "explosion": _LOWER,
    "vanishing_gradient": _all(_objective, _rates, _without_momentum, _penalty, _whole_batches),
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
    "poor_samples": _all(_objective, _rates, _without_momentum, _penalty, _less_dropout, _whole_batches, _thawed),
}
_WORDS: dict[str, tuple[str, ...]] = {
    "data_fault": ("look at the data: their range, and whether they vary",),
    "bounded_logits": ("return the discriminator's last layer without a sigmoid",),
    "discriminator_overfitting": ("more training data",),
    "memorisation": ("more training data",),
    "evaluation_fault": ("hold more samples out: data's held_out",),
    "slowing_down": ("look at what else this machine does",),
    "poor_samples": ("a wider network, or a longer run",),
}
