"""What all networks from images to images share: their options, images of any size, and how far they see."""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Tensor, nn

from sparring.base.errors import RequestError
from sparring.nets.blocks import Activation, LeakyRelu, Net, NormName, OutputName, Shape, UpName, output, pyramid
from sparring.nets.convolutions import Convolution, Plain, Style
from sparring.nets.reach import Span, sees_all


class Translating(Net):
    """Options of networks from images to images."""

    patch: int = Field(1, ge=1)
    """Edge of the squares of pixels that are folded into channels at the image's side."""
    conv: Convolution = Plain()
    """What the hidden convolutions are: plain, gated, or Fourier, by which each place sees the whole image."""
    norm: NormName = "batch"
    """Normalisation after each hidden convolution."""
    activation: Activation = LeakyRelu()
    """After each hidden convolution, but the second of a residual block."""
    up: UpName = "transposed"
    """How maps are enlarged: by transposed convolutions, by repeating (nearest) or interpolating (bilinear) before a
    convolution, or by folding channels into pixels after one (shuffle)."""
    output: OutputName = "tanh"
    """What bounds the images made."""
    std: float | None = Field(None, gt=0)
    """Standard deviation of the first weights, 0.02 in pix2pix; none keeps the variance through each layer (He et al.
    2015, https://arxiv.org/abs/1502.01852)."""

    def translator(self, inputs: Shape, outputs: Shape) -> Translator:
        """Images [batch, *inputs] to images [batch, *outputs] of the same height and width; once built, of any."""
        raise NotImplementedError

    def generator(self, latent: int, shape: Shape) -> nn.Module:
        """Refused: there is no image to start from."""
        raise RequestError(
            f"generator.net.{self.recipe_name()}: makes images of images, and this game gives latents; "
            "take a network that starts from latents, as resnet, or a game that translates images"
        )

    def discriminator(self, shape: Shape) -> nn.Module:
        """Refused: it makes images, not logits."""
        raise RequestError(
            f"discriminator.net.{self.recipe_name()}: makes images of images and judges none; take patch, or resnet"
        )

    def style(self) -> Style:
        return Style(self.conv, self.norm, self.activation, self.up, self.std)

    def halvings(self, levels: int | None, inputs: Shape, outputs: Shape) -> int:
        """How often such images are halved. Raises RequestError for what is no image, too small or of two sizes."""
        name = self.recipe_name()
        for shape in (inputs, outputs):
            if len(shape) != 3:
                raise RequestError(f"net.{name}: translates images, and the data are points of {shape[0]} values")
        if inputs[1:] != outputs[1:]:
            sizes = " and ".join(f"{height} x {width}" for height, width in (inputs[1:], outputs[1:]))
            raise RequestError(f"net.{name}: its images in and out are of one size, and these are of {sizes}")
        return pyramid(outputs, levels, self.patch, name, instead="enlarge them by data.images.size").levels


class Translator(nn.Module):
    """[batch, channels, height, width] to as many images of the same height and width, whatever they are.

    Images are reflected at their lower and right edges up to the next multiple of `step`, and what was added is cut
    away in the end. The layers lie in `encoder`, `middle`, `decoder` and `last`.
    """

    encoder: nn.ModuleList
    middle: nn.Sequential
    decoder: nn.ModuleList
    last: nn.Module

    def __init__(self, options: Translating, levels: int) -> None:
        super().__init__()
        self.step = options.patch * 2**levels
        """Edges are padded to multiples of it. Images cut at multiples of it are translated as in the whole one,
        further than `reach` from the cut."""
        self.fold = nn.PixelUnshuffle(options.patch) if options.patch > 1 else nn.Identity()
        self.output = output(options.output)
        self.unfold = nn.PixelShuffle(options.patch) if options.patch > 1 else nn.Identity()

    def forward(self, images: Tensor, stages: bool = False) -> Tensor | tuple[Tensor, ...]:
        """The images; with `stages` instead the maps behind each stage of the encoder, from shallow to deep, and behind
        the middle: what is made on the way, [batch, channels, h, w] each, with what was added at the edges."""
        height, width = images.shape[2:]
        maps = self.fold(mirrored(mirrored(images, 2, self.step), 3, self.step))
        seen = []
        for stage in self.encoder:
            maps = stage(maps)
            seen.append(maps)
        maps = self.middle(maps)
        if stages:
            return (*seen, maps)
        made: Tensor = self.unfold(self.output(self.last(self.decode(maps, seen))))
        return made[:, :, :height, :width]

    def decode(self, maps: Tensor, seen: list[Tensor]) -> Tensor:
        """What the last layer takes, from the deepest maps and those of the encoder's stages."""
        raise NotImplementedError

    def seen_from(self, span: Span) -> Span:
        """The places of the input, along one axis, that the places `span` of the output can depend on."""
        raise NotImplementedError

    @property
    def reach(self) -> int | None:
        """How many pixels away, along an axis, a pixel of the input can matter for one of the output, in eval mode;
        None where all of them can."""
        if sees_all(self):
            return None
        spans = [(place, self.seen_from((place, place))) for place in range(self.step)]
        return max(max(place - low, high - place) for place, (low, high) in spans)


def mirrored(images: Tensor, axis: int, step: int) -> Tensor:
    """Images with their end along an axis reflected (where too short, its last row repeated), up to a multiple of
    `step`. By flips, whose gradients add up in one order on every device; those of PyTorch's padding do not."""
    size = images.shape[axis]
    missing = -size % step
    if not missing:
        return images
    if missing < size:
        more = images.narrow(axis, size - 1 - missing, missing).flip(axis)
    else:
        more = images.narrow(axis, size - 1, 1).repeat_interleave(missing, axis)
    return torch.cat((images, more), axis)
