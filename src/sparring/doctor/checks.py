"""What the training data look like to the networks, before the first step."""

from __future__ import annotations

import torch
from torch import Tensor

from sparring.base.draws import Key
from sparring.doctor.subject import OfMatch
from sparring.gan.match import Match

LOOKED_AT = 2000
"""Training samples that are looked at, at most."""


def seen_in(match: Match, *, sparse: bool) -> dict[str, float]:
    """Numbers of the training data, by names that begin with `data_`."""
    seen = OfMatch(match).reals(False, LOOKED_AT, Key(match.seed, "doctor", "data"))
    found = {"data_training": float(len(match.batches.rows)), "data_heldout": float(len(match.heldout))}
    if seen is None or sparse:  # rare choices hardly vary, and samples may be alike
        return found
    codec = match.data.codec
    bounds = (0.0, 1.0) if codec.range == "unit" else (-1.0, 1.0)
    return found | of_samples(seen.samples, bounds, codec.maps)


def of_samples(samples: Tensor, bounds: tuple[float, float], image: bool) -> dict[str, float]:
    """`least`, `most`: the range of the values, where 0 and 1 are the ends of what networks are made for; `constant`:
    share of places whose value never varies; `twins`: share of samples that are exactly another's equal; `scatter`:
    standard deviation of the values, over that range."""
    flat = samples.detach().float().flatten(1)
    low, high = bounds
    found = {
        "data_least": float((flat.amin() - low) / (high - low)),
        "data_most": float((flat.amax() - low) / (high - low)),
        "data_scatter": float((flat - flat.mean(0)).square().mean().sqrt() / (high - low)),
        "data_constant": float((flat.amax(0) == flat.amin(0)).float().mean()),
        "data_twins": 1 - len(torch.unique(flat, dim=0)) / len(flat),
    }
    # Points know no bounds; their scale is the user's
    return found if image else {name: found[name] for name in ("data_scatter", "data_constant", "data_twins")}
