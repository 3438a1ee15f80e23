"""What rules are told of a run beside its numbers, from its recipe."""

from __future__ import annotations

from sparring import kinds
from sparring.doctor.history import Facts
from sparring.gan.optimisers import Adam
from sparring.gan.schedules import highest
from sparring.gan.surgery import ClipWeights, Dropout, SpectralNorm
from sparring.gan.terms.base import Term
from sparring.recipe import PlayerOptions, Recipe


def facts_of(recipe: Recipe, *, finished: bool = False, spent: bool = False) -> Facts:
    """The facts of a recipe's runs."""
    kind = kinds.of(recipe.game, recipe.data)
    return Facts(
        steps=recipe.whole,
        batch=recipe.batch,
        zero_is_undecided=recipe.objective.zero_is_undecided,
        differences_alone=recipe.objective.differences_alone,
        penalties=tuple(name for name, term in slope_terms(recipe).items() if highest(term.weight) > 0),
        bounded=is_bounded(recipe),
        needs_bound=recipe.objective.recipe_name() == "wasserstein",
        saturates=recipe.objective.recipe_name() == "minimax",
        takes_sigmoid=recipe.objective.applies_sigmoid,
        dropout=_dropout(recipe.discriminator),
        generator_dropout=_dropout(recipe.generator, off_at_sampling=True),
        momentum=max(_momentum(recipe.discriminator), _momentum(recipe.generator)),
        rates=(highest(recipe.discriminator.optimiser.lr), highest(recipe.generator.optimiser.lr)),
        rows=kind.sparse,
        signs=kind.signs,
        translates=recipe.game.translates,
        single=recipe.data.single,
        finished=finished,
        spent=spent,
    )


def slope_terms(recipe: Recipe) -> dict[str, Term]:
    """The discriminator's penalties on slopes, by name, those of weight 0 too."""
    terms = recipe.discriminator.terms.items()
    return {name: term for name, term in terms if isinstance(term, Term) and term.takes_slopes}


def is_bounded(recipe: Recipe) -> bool:
    """Whether surgery bounds the discriminator's slope."""
    return any(isinstance(one, SpectralNorm | ClipWeights) for one in recipe.discriminator.surgery.values())


def _dropout(options: PlayerOptions, *, off_at_sampling: bool = False) -> float:
    """The highest rate of a player's dropout, or of such as is on in training alone; 0 where it has none."""
    found = [one for one in options.surgery.values() if isinstance(one, Dropout)]
    return max((highest(one.rate) for one in found if one.when == "training" or not off_at_sampling), default=0.0)


def _momentum(options: PlayerOptions) -> float:
    """How much of the old average of gradients stays at each step."""
    optimiser = options.optimiser
    return optimiser.betas[0] if isinstance(optimiser, Adam) else optimiser.momentum
