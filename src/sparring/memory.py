"""What to lower where memory runs out, found by trying."""

from __future__ import annotations

import gc

import torch

from sparring.build import OwnNets
from sparring.data import DataSet
from sparring.engine import Plan
from sparring.machine import out_of_memory
from sparring.planning import measure
from sparring.recipe import Recipe


def what_fits(recipe: Recipe, data: DataSet, plan: Plan, own: OwnNets) -> str:
    """Advice in words: the largest halving of the batch whose parts were seen to fit, as `microbatch`."""
    size = (recipe.microbatch or recipe.batch) // 2
    while size >= 1:
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        try:
            measure(recipe.model_copy(update={"microbatch": size}), data, plan, own, 0.0)
        except (RuntimeError, MemoryError, ValueError) as error:
            if isinstance(error, ValueError):  # batch normalisation of a single sample
                break
            if not out_of_memory(error):
                raise
            size //= 2
            continue
        return f"microbatch={size} was tried and fits"
    return "not even one sample at a time fits; take a smaller network or smaller images"
