"""What rules are told of a run beside its numbers, from its recipe."""

from __future__ import annotations

from sparring.doctor.history import Facts
from sparring.recipe import Recipe
from sparring.surgery import ClipWeights, SpectralNorm
from sparring.terms.base import Weighted


def facts_of(recipe: Recipe, *, finished: bool = False) -> Facts:
    """The facts of a recipe's runs."""
    terms = recipe.discriminator.terms.items()
    surgery = recipe.discriminator.surgery.values()
    return Facts(
        steps=recipe.steps,
        batch=recipe.batch,
        zero_is_undecided=recipe.objective.zero_is_undecided,
        differences_alone=recipe.objective.differences_alone,
        penalties=tuple(name for name, term in terms if isinstance(term, Weighted) and term.takes_slopes),
        bounded=any(isinstance(one, SpectralNorm | ClipWeights) for one in surgery),
        needs_bound=recipe.objective.recipe_name() == "wasserstein",
        finished=finished,
    )
