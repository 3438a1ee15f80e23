"""Networks. Each is a part with methods for what it can be:

`generator(latent, shape)` gives a module from latents [batch, latent] to samples [batch, *shape];
`discriminator(shape)` one from samples to a `Verdict`, with an attribute `features`, the width of its features;
`translator(inputs, outputs)`, of networks from images to images, a `Translator`, from images [batch, *inputs] to images
[batch, *outputs]. What a network cannot be it refuses, in one line.
"""

from __future__ import annotations

from typing import Annotated

from sparring.errors import RequestError
from sparring.nets.blocks import Shape, Verdict, initialise
from sparring.nets.convolving import sloped
from sparring.nets.dcgan import Dcgan
from sparring.nets.dense import Dense
from sparring.nets.encoder_decoder import EncoderDecoder
from sparring.nets.patch import Patch
from sparring.nets.r3gan import R3gan
from sparring.nets.resnet import Resnet
from sparring.nets.tabular import Tabular
from sparring.nets.translators import Translating, Translator
from sparring.nets.unet import Unet
from sparring.part import OneOf, Part, parts_of


class Own(Part):
    """A network of the user's, given as a module to `sparring.train` in Python; it cannot be rebuilt from the recipe
    alone."""

    module: str = ""
    """The class's name, for the reader."""


Net = Annotated[Dense | Dcgan | Resnet | R3gan | Tabular | Unet | EncoderDecoder | Patch | Own, OneOf()]


def translator_of(net: Part, inputs: Shape, outputs: Shape) -> Translator:
    """The network as one from images [batch, *inputs] to images [batch, *outputs]. Raises RequestError for a network
    that cannot be one, naming those that can."""
    if isinstance(net, Translating):
        return net.translator(inputs, outputs)
    able = [name for name, part in parts_of(Net).items() if issubclass(part, Translating)]
    raise RequestError(
        f"generator.net.{net.recipe_name()}: makes no images of images, and this game translates them; "
        f"take {' or '.join(able)}"
    )


__all__ = [
    "Dcgan",
    "Dense",
    "EncoderDecoder",
    "Net",
    "Own",
    "Patch",
    "R3gan",
    "Resnet",
    "Shape",
    "Tabular",
    "Translator",
    "Unet",
    "Verdict",
    "initialise",
    "sloped",
    "translator_of",
]
