"""A rough try on Fashion-MNIST with known parts, as a plain script: what `image/small` is measured against.

Pixel-shuffle generator 128-64-32 with batch norm, discriminator 64-64-128-128-128 on pixel-unshuffled input,
relativistic objective, R1 of 1.0 every 4 steps, Adam 4e-4 with betas (0, 0.99), rate constant for half the time and
then linear to a twentieth, moving average, bf16, channels last, batch 64. It knows nothing of Sparring but the reader
of the data.

    python bench/rough_try.py --data fashion_mnist --seconds 600 --seed 0 --out fakes.npz
"""

from __future__ import annotations

import argparse
import copy
import time
from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

BATCH, LATENT, RATE = 64, 128, 4e-4


def generator() -> nn.Module:
    return nn.Sequential(
        nn.Linear(LATENT, 128 * 49), nn.Unflatten(1, (128, 7, 7)), nn.BatchNorm2d(128), nn.ReLU(),
        nn.Conv2d(128, 64 * 4, 3, 1, 1), nn.PixelShuffle(2), nn.BatchNorm2d(64), nn.ReLU(),
        nn.Conv2d(64, 32 * 4, 3, 1, 1), nn.PixelShuffle(2), nn.BatchNorm2d(32), nn.ReLU(),
        nn.Conv2d(32, 1, 3, 1, 1), nn.Tanh(),
    )  # fmt: skip


def discriminator() -> nn.Module:
    return nn.Sequential(
        nn.PixelUnshuffle(2),
        nn.Conv2d(4, 64, 3, 1, 1), nn.LeakyReLU(0.2), nn.Conv2d(64, 64, 3, 1, 1), nn.LeakyReLU(0.2),
        nn.Conv2d(64, 128, 3, 2, 1), nn.LeakyReLU(0.2), nn.Conv2d(128, 128, 3, 1, 1), nn.LeakyReLU(0.2),
        nn.Conv2d(128, 128, 3, 1, 1), nn.LeakyReLU(0.2), nn.Flatten(), nn.Linear(128 * 49, 1),
    )  # fmt: skip


def train(images: Tensor, seconds: float, seed: int) -> tuple[Callable[[int], Tensor], int]:
    """Trains on float images [n, 1, 28, 28] in [-1, 1]; gives a function that makes so many, and the images seen."""
    torch.manual_seed(seed)
    layout = torch.channels_last
    g, d = generator().to(memory_format=layout), discriminator().to(memory_format=layout)
    average = copy.deepcopy(g)
    moves_g = torch.optim.Adam(g.parameters(), RATE, betas=(0.0, 0.99))
    moves_d = torch.optim.Adam(d.parameters(), RATE, betas=(0.0, 0.99))
    began, step = time.perf_counter(), 0

    def reals() -> Tensor:
        return images[torch.randint(0, len(images), (BATCH,))].contiguous(memory_format=layout)

    while (done := (time.perf_counter() - began) / seconds) < 1:
        rate = RATE * (1 if done < 0.5 else 1 - (done - 0.5) * 2 * 0.95)
        for optimiser in (moves_g, moves_d):
            optimiser.param_groups[0]["lr"] = rate
        real, penalised = reals(), step % 4 == 0
        real.requires_grad_(penalised)
        with torch.autocast("cpu", torch.bfloat16):
            with torch.no_grad():
                fake = g(torch.randn(BATCH, LATENT))
            on_real, on_fake = d(real).float(), d(fake.float()).float()
            loss = F.softplus(on_fake - on_real).mean()
        if penalised:
            (slope,) = torch.autograd.grad(on_real.sum(), real, create_graph=True)
            loss = loss + 4 * 1.0 * slope.square().sum((1, 2, 3)).mean() / 2
        moves_d.zero_grad()
        loss.backward()
        moves_d.step()
        d.requires_grad_(False)
        with torch.autocast("cpu", torch.bfloat16):
            on_fake = d(g(torch.randn(BATCH, LATENT)).float()).float()
            with torch.no_grad():
                on_real = d(reals()).float()
            loss = F.softplus(on_real - on_fake).mean()
        moves_g.zero_grad()
        loss.backward()
        moves_g.step()
        d.requires_grad_(True)
        with torch.no_grad():
            keep = min(0.999, (1 + step) / (10 + step))
            for mine, live in zip(average.parameters(), g.parameters(), strict=True):
                mine.lerp_(live, 1 - keep)
        step += 1
    average.train()  # its running statistics are not the averaged weights'; those of a large batch are

    def make(count: int) -> Tensor:
        with torch.no_grad():
            return torch.cat([average(torch.randn(500, LATENT)) for _ in range(-(-count // 500))])[:count]

    return make, step * BATCH


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--data", default="fashion_mnist")
    options.add_argument("--seconds", type=float, default=600)
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--count", type=int, default=10_000)
    options.add_argument("--out", default="fakes.npz")
    said = options.parse_args()
    from sparring import kinds
    from sparring.base.part import read_choice
    from sparring.data import Source
    from sparring.recipe.request import options_of

    data = read_choice(options_of(said.data), kinds.parts(Source)).load()
    images = data.codec.encode(data.samples[data.train])
    make, seen = train(images, said.seconds, said.seed)
    fakes = data.codec.decode(make(said.count))
    np.savez(said.out, images=fakes.numpy(), images_seen=seen)
    print(f"{seen} images in {said.seconds:.0f} s: {seen / said.seconds:.0f} images/s")


if __name__ == "__main__":
    main()
