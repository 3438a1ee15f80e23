"""Augmentation: what is done to every sample, real or fake, before the discriminator sees it. All is differentiable,
twice, so that gradients reach the generator and penalties see through it.

Each augmentation maps [batch, channels, height, width] to the same shape; its draws are functions of the key and of
the samples' numbers, int64 [batch]. A sample can hold several images side by side, and masks after them: `groups` says
how many channels each image has, in their order; without it all channels are one image. Geometry acts on all channels
alike, colour on each image by itself, by the same amounts, and neither colour nor noise on masks.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor

from sparring.base.draws import Key, integers, normal, uniform
from sparring.base.errors import RequestError
from sparring.base.part import Part
from sparring.data import DataSet
from sparring.gan.schedules import Adaptive, Now, Schedule, value

Groups = tuple[int, ...]
"""How many channels each image has, of those side by side in a sample; channels after these are masks."""


class Augmentation(Part):
    """Changes samples at random, the same in distribution for reals and fakes."""

    def __call__(self, x: Tensor, now: Now, key: Key, rows: Tensor, groups: Groups | None = None) -> Tensor:
        raise NotImplementedError

    def check(self, data: DataSet, name: str) -> None:
        """Raises RequestError where it does not work on these data; `name` is its own in the recipe."""
        if not data.codec.maps:
            raise RequestError(f"augment.{name}: works on images, and {data.name} is {data.codec.noun}")


class DiffAugment(Augmentation):
    """Every sample is changed, always, for data-efficient training (Zhao et al. 2020,
    https://arxiv.org/abs/2006.10738)."""

    color: bool = True
    """Brightness, saturation and contrast."""
    translation: float = Field(0.125, ge=0, le=1)
    """Largest shift, as a fraction of the image's side; what comes in is zero."""
    cutout: float = Field(0.5, ge=0, le=1)
    """Side of the square that is set to zero, as a fraction of the image's side."""

    def __call__(self, x: Tensor, now: Now, key: Key, rows: Tensor, groups: Groups | None = None) -> Tensor:
        if self.color:
            amounts = uniform(key.at("color"), rows, (3, 1, 1, 1))
            x = _each(x, groups, lambda image: self._color(image, amounts))
        if self.translation:
            x = shift(x, *_offsets(x, self.translation, key.at("translation"), rows))
        if self.cutout:
            x = x * _window(x, self.cutout, key.at("cutout"), rows)
        return x

    @staticmethod
    def _color(x: Tensor, amounts: Tensor) -> Tensor:
        x = x + (amounts[:, 0] - 0.5)
        grey = x.mean(1, keepdim=True)
        x = (x - grey) * (amounts[:, 1] * 2) + grey
        mean = x.mean((1, 2, 3), keepdim=True)
        return (x - mean) * (amounts[:, 2] + 0.5) + mean


class Ada(Augmentation):
    """Each change is made with a probability that follows the discriminator's overfitting (Karras et al. 2020,
    https://arxiv.org/abs/2006.06676): flips, quarter turns, shifts, scaling and rotation, then brightness, contrast,
    hue, saturation."""

    probability: Schedule = Adaptive(most=0.8)
    """Probability of each change: a number, a schedule, or a controller."""
    blit: bool = True
    """Mirroring, quarter turns (of square images) and shifts by whole pixels."""
    geometry: bool = True
    """Scaling, rotation and shifts by parts of pixels."""
    color: bool = True
    """Brightness and contrast; with three channels also hue and saturation."""

    def __call__(self, x: Tensor, now: Now, key: Key, rows: Tensor, groups: Groups | None = None) -> Tensor:
        probability = value(self.probability, now)
        if probability <= 0:
            return x
        if self.blit:
            x = self._blit(x, probability, key.at("blit"), rows)
        if self.geometry:
            x = self._geometry(x, probability, key.at("geometry"), rows)
        if self.color:
            x = _each(x, groups, lambda image: self._color(image, probability, key.at("color"), rows))
        return x

    @staticmethod
    def _chosen(probability: float, key: Key, rows: Tensor) -> Tensor:
        return (uniform(key.at("chosen"), rows) < probability)[:, None, None, None]

    def _blit(self, x: Tensor, probability: float, key: Key, rows: Tensor) -> Tensor:
        flip = self._chosen(probability, key.at("flip"), rows) & (uniform(key.at("flip"), rows, (1, 1, 1)) < 0.5)
        x = torch.where(flip, x.flip(3), x)
        if x.shape[2] == x.shape[3]:
            turns = integers(key.at("turn"), rows, 4, (1, 1, 1))
            turns = torch.where(self._chosen(probability, key.at("turn"), rows), turns, 0)
            for quarter in (1, 2, 3):
                x = torch.where(turns == quarter, x.rot90(quarter, (2, 3)), x)
        down, right = _offsets(x, 0.125, key.at("shift"), rows)
        chosen = self._chosen(probability, key.at("shift"), rows)[:, 0, 0, 0]
        return shift(x, down * chosen, right * chosen)

    def _geometry(self, x: Tensor, probability: float, key: Key, rows: Tensor) -> Tensor:
        def chosen(name: str, drawn: Tensor, neutral: float) -> Tensor:
            use = self._chosen(probability, key.at(name), rows)[:, 0, 0, 0]
            return torch.where(use, drawn, neutral)

        scale = chosen("scale", _two_to(0.2 * normal(key.at("scale"), rows, ())), 1.0)
        stretch = chosen("stretch", _two_to(0.2 * normal(key.at("stretch"), rows, ())), 1.0)
        angle = chosen("turn", (uniform(key.at("turn"), rows) * 2 - 1) * math.pi, 0.0)
        move = normal(key.at("move"), rows, (2,)) * 0.125
        use = self._chosen(probability, key.at("move"), rows)[:, 0, 0]
        cos, sin = angle.cos(), angle.sin()
        ratio = x.shape[2] / x.shape[3]  # a rotation of pixels, in coordinates that run over [-1, 1] along each side
        matrix = torch.stack(
            (
                torch.stack((cos / (scale * stretch), -sin * ratio / (scale * stretch)), 1),
                torch.stack((sin / ratio * stretch / scale, cos * stretch / scale), 1),
            ),
            1,
        )
        affine = torch.cat((matrix, torch.where(use, move * 2, 0.0)[:, :, None]), 2)
        return warp(x, affine)

    def _color(self, x: Tensor, probability: float, key: Key, rows: Tensor) -> Tensor:
        def chosen(name: str, drawn: Tensor, neutral: float) -> Tensor:
            return torch.where(self._chosen(probability, key.at(name), rows), drawn, neutral)

        x = x + chosen("brightness", 0.2 * normal(key.at("brightness"), rows, (1, 1, 1)), 0.0)
        x = x * chosen("contrast", _two_to(0.5 * normal(key.at("contrast"), rows, (1, 1, 1))), 1.0)
        if x.shape[1] != 3:
            return x
        angle = chosen("hue", (uniform(key.at("hue"), rows, (1, 1, 1)) * 2 - 1) * math.pi, 0.0)[:, 0, 0]
        x = torch.einsum("bij,bjhw->bihw", _turn_of_colors(angle).to(x.dtype), x)
        grey = x.mean(1, keepdim=True)
        return grey + (x - grey) * chosen("saturation", _two_to(normal(key.at("saturation"), rows, (1, 1, 1))), 1.0)


class InstanceNoise(Augmentation):
    """Gaussian noise on every sample (Sonderby et al. 2016, https://arxiv.org/abs/1610.04490)."""

    sigma: Schedule = 0.1
    """Standard deviation, in the units of the data's range (width 2, or 1 for `range: unit`)."""

    def __call__(self, x: Tensor, now: Now, key: Key, rows: Tensor, groups: Groups | None = None) -> Tensor:
        sigma = value(self.sigma, now)
        if sigma <= 0:
            return x
        images = None if groups is None else (sum(groups),)  # each channel of any image draws its own
        return _each(x, images, lambda image: image + sigma * normal(key, rows, image.shape[1:]))


def _two_to(x: Tensor) -> Tensor:
    """2 to the power of x. `torch.exp2` rounds otherwise in short tensors than in long ones, and then a sample's
    augmentation hangs on how many are beside it."""
    return (x * math.log(2)).exp()


def _each(x: Tensor, groups: Groups | None, change: Callable[[Tensor], Tensor]) -> Tensor:
    """Changes each image of those side by side by itself; masks stay as they are."""
    if groups is None or groups == (x.shape[1],):
        return change(x)
    *images, masks = torch.split(x, [*groups, x.shape[1] - sum(groups)], 1)
    return torch.cat([*map(change, images), masks], 1)


def shift(x: Tensor, down: Tensor, right: Tensor) -> Tensor:
    """Moves each image by whole pixels, int64 [batch] each; what comes in is zero."""
    for axis, offset in ((2, down), (3, right)):
        size = x.shape[axis]
        source = torch.arange(size, device=x.device) - offset[:, None]
        inside = ((source >= 0) & (source < size)).to(x.dtype)
        shape = [len(x), 1, 1, 1]
        shape[axis] = size
        index = source.clamp(0, size - 1).reshape(shape).expand(x.shape)
        x = x.gather(axis, index) * inside.reshape(shape)
    return x


def warp(x: Tensor, affine: Tensor) -> Tensor:
    """Samples each image at the places an affine map [batch, 2, 3] gives, bilinear, mirrored at the borders."""
    grid = F.affine_grid(affine.to(x.dtype), list(x.shape), align_corners=False)
    return _GridSample.apply(x, grid)  # type: ignore[no-any-return, no-untyped-call]


class _GridSample(torch.autograd.Function):
    """Bilinear sampling with gradients of any order by the image (PyTorch's own stops at the first): it is linear in
    the image, so the backward pass is its transpose, and the backward of that the sampling itself."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, grid: Tensor) -> Tensor:
        ctx.save_for_backward(grid)
        ctx.like = x.shape
        return F.grid_sample(x, grid, mode="bilinear", padding_mode="reflection", align_corners=False)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        (grid,) = ctx.saved_tensors
        return _GridSampleTransposed.apply(gradients[0], grid, ctx.like), None  # type: ignore[no-untyped-call]


class _GridSampleTransposed(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, gradient: Tensor, grid: Tensor, like: torch.Size) -> Tensor:
        ctx.save_for_backward(grid)
        template = gradient.new_empty(like)
        bilinear, reflection = 0, 2  # as PyTorch numbers them
        back = torch.ops.aten.grid_sampler_2d_backward(
            gradient.contiguous(), template, grid, bilinear, reflection, False, (True, False)
        )
        return back[0]  # type: ignore[no-any-return]

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        (grid,) = ctx.saved_tensors
        return _GridSample.apply(gradients[0], grid), None, None  # type: ignore[no-untyped-call]


def _offsets(x: Tensor, fraction: float, key: Key, rows: Tensor) -> tuple[Tensor, Tensor]:
    """Shifts by up to a fraction of each side, both ways."""
    down, right = (int(side * fraction + 0.5) for side in x.shape[2:])
    return (
        integers(key.at("down"), rows, 2 * down + 1) - down,
        integers(key.at("right"), rows, 2 * right + 1) - right,
    )


def _window(x: Tensor, fraction: float, key: Key, rows: Tensor) -> Tensor:
    """1 outside and 0 inside a rectangle around a random centre, [batch, 1, height, width]."""
    inside = []
    for axis, name in ((2, "down"), (3, "right")):
        size = x.shape[axis]
        length = int(size * fraction + 0.5)
        first = integers(key.at(name), rows, size + (1 - length % 2)) - length // 2
        place = torch.arange(size, device=x.device)
        inside.append((place >= first[:, None]) & (place < first[:, None] + length))
    return 1 - (inside[0][:, None, :, None] & inside[1][:, None, None, :]).to(x.dtype)


def _turn_of_colors(angle: Tensor) -> Tensor:
    """Rotations [batch, 3, 3] about the grey axis, by Rodrigues' formula; angle [batch, 1]."""
    one = torch.eye(3, device=angle.device)
    cross = (one.roll(1, 0) - one.roll(-1, 0)) * 3.0**-0.5
    cos, sin = angle[:, :, None].cos(), angle[:, :, None].sin()
    turned: Tensor = cos * one + (1 - cos) / 3 + sin * cross
    return turned


AUGMENTATIONS: tuple[type[Augmentation], ...] = (DiffAugment, Ada, InstanceNoise)
"""The augmentations that a recipe can choose, beside those that kinds of data bring."""
