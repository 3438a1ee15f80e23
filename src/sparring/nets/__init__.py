"""Networks. Each is a part with two methods:

`generator(latent, shape)` gives a module from latents [batch, latent] to samples [batch, *shape], and
`discriminator(shape)` one from samples to a `Verdict`, with an attribute `features`, the width of the verdict's
features.
"""

from __future__ import annotations

from typing import Annotated

from sparring.nets.blocks import Shape, Verdict, initialise
from sparring.nets.dcgan import Dcgan
from sparring.nets.dense import Dense
from sparring.nets.r3gan import R3gan
from sparring.nets.resnet import Resnet
from sparring.nets.tabular import Tabular
from sparring.part import OneOf, Part


class Own(Part):
    """A network of the user's, given as a module to `sparring.train` in Python; it cannot be rebuilt from the recipe
    alone."""

    module: str = ""
    """The class's name, for the reader."""


Net = Annotated[Dense | Dcgan | Resnet | R3gan | Tabular | Own, OneOf()]

__all__ = ["Dcgan", "Dense", "Net", "Own", "R3gan", "Resnet", "Shape", "Tabular", "Verdict", "initialise"]
