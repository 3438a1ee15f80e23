"""Networks. Each is a part with methods for what it can be:

`generator(latent, shape)` gives a module from latents [batch, latent] to samples [batch, *shape];
`discriminator(shape)` one from samples to a `Verdict`, with an attribute `features`, the width of its features;
`translator(inputs, outputs)`, of networks from images to images, a `Translator`, from images [batch, *inputs] to images
[batch, *outputs]. What a network cannot be it refuses, in one line.
"""

from __future__ import annotations

from sparring.base.errors import RequestError
from sparring.nets.blocks import Net, Shape, Verdict, initialise
from sparring.nets.convolving import sloped
from sparring.nets.dcgan import Dcgan
from sparring.nets.dense import Dense
from sparring.nets.encoder_decoder import EncoderDecoder
from sparring.nets.fastgan import Fastgan
from sparring.nets.patch import Patch
from sparring.nets.r3gan import R3gan
from sparring.nets.resnet import Resnet
from sparring.nets.translators import Translating, Translator
from sparring.nets.unet import Unet


class Own(Net):
    """A network of the user's, given as a module to `sparring.train` in Python; it cannot be rebuilt from the recipe
    alone."""

    module: str = ""
    """The class's name, for the reader."""


NETS: tuple[type[Net], ...] = (Dense, Dcgan, Resnet, R3gan, Fastgan, Unet, EncoderDecoder, Patch, Own)
"""The networks that a recipe can choose, beside those that kinds of data bring."""


def translator_of(net: Net, inputs: Shape, outputs: Shape) -> Translator:
    """The network as one from images [batch, *inputs] to images [batch, *outputs]. Raises RequestError for a network
    that cannot be one, naming those that can."""
    if isinstance(net, Translating):
        return net.translator(inputs, outputs)
    able = [part.recipe_name() for part in NETS if issubclass(part, Translating)]
    raise RequestError(
        f"generator.net.{net.recipe_name()}: makes no images of images, and this game translates them; "
        f"take {' or '.join(able)}"
    )


__all__ = [
    "NETS",
    "Dcgan",
    "Dense",
    "EncoderDecoder",
    "Fastgan",
    "Net",
    "Own",
    "Patch",
    "R3gan",
    "Resnet",
    "Shape",
    "Translator",
    "Unet",
    "Verdict",
    "initialise",
    "sloped",
    "translator_of",
]
