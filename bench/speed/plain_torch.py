"""A plain PyTorch script, as tutorials write it: float32, PyTorch's own dropout and Adam, two networks, two optimisers.

    python plain_torch.py dcgan --update alternating --device cpu [--flops]

`mlp` and `dcgan` are written out; the others are Sparring's modules with PyTorch's own spectral norm, so that they are
the same to the last layer. Columns of the table are drawn by PyTorch's Gumbel-softmax, one after the other.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, ClassVar

import networks
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm
from worker import answer, images, serve

if TYPE_CHECKING:
    from sparring.kinds.tables.data.layout import Layout

Nets = tuple[nn.Module, nn.Module]


def mlp() -> Nets:
    generator = nn.Sequential(
        nn.Linear(100, 256), nn.ReLU(), nn.Dropout(0.5),
        nn.Linear(256, 256), nn.ReLU(), nn.Dropout(0.5),
        nn.Linear(256, 784), nn.Tanh(), nn.Unflatten(1, (1, 28, 28)),
    )  # fmt: skip
    discriminator = nn.Sequential(
        nn.Flatten(), nn.Linear(784, 256), nn.LeakyReLU(0.3), nn.Dropout(0.5),
        nn.Linear(256, 256), nn.LeakyReLU(0.3), nn.Dropout(0.5), nn.Linear(256, 1),
    )  # fmt: skip
    return generator, discriminator


def dcgan() -> Nets:
    generator = nn.Sequential(
        nn.Linear(100, 256 * 49, bias=False), nn.Unflatten(1, (256, 7, 7)), nn.BatchNorm2d(256), nn.LeakyReLU(0.3),
        nn.ConvTranspose2d(256, 128, 5, 1, 2, bias=False), nn.BatchNorm2d(128), nn.LeakyReLU(0.3),
        nn.ConvTranspose2d(128, 64, 5, 2, 2, 1, bias=False), nn.BatchNorm2d(64), nn.LeakyReLU(0.3),
        nn.ConvTranspose2d(64, 1, 5, 2, 2, 1, bias=False), nn.Tanh(),
    )  # fmt: skip
    discriminator = nn.Sequential(
        nn.Conv2d(1, 64, 5, 2, 2), nn.LeakyReLU(0.3), nn.Dropout(0.3),
        nn.Conv2d(64, 128, 5, 2, 2), nn.LeakyReLU(0.3), nn.Dropout(0.3),
        nn.Flatten(), nn.Linear(128 * 49, 1),
    )  # fmt: skip
    return generator, discriminator


class Logits(nn.Module):
    """A discriminator of Sparring's, without the features beside its logits."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.net(x).logits
        return logits


def zoo(network: str, shape: tuple[int, ...]) -> Nets:
    from sparring.recipe import validated

    recipe = validated(networks.recipe(network, None, "alternating", "fp32") | {"data": "digits"})
    generator = recipe.generator.net.generator(networks.LATENT[network], shape)
    discriminator = recipe.discriminator.net.discriminator(shape)
    if recipe.discriminator.surgery:
        for layer in list(discriminator.modules()):
            if isinstance(layer, (nn.Conv2d, nn.Linear)):
                spectral_norm(layer)
    return generator, Logits(discriminator)


class Columns(nn.Module):
    """A generator of rows whose columns are scalars bounded by tanh, and one-of-several blocks after each other."""

    def __init__(self, net: nn.Module, layout: Layout) -> None:
        super().__init__()
        self.net = net
        self.widths = [layout.scalars, *(group.width for group in layout.groups for _ in range(group.blocks))]

    def forward(self, latents: Tensor) -> Tensor:
        scalars, *blocks = self.net(latents).split(self.widths, 1)
        return torch.cat([scalars.tanh(), *(F.gumbel_softmax(block, tau=0.2) for block in blocks)], 1)


def objective(network: str, real: Tensor | None, fake: Tensor) -> Tensor:
    """The generator's loss without `real`, else the discriminator's."""
    match network:
        case "resnet-32":
            return -fake.mean() if real is None else F.relu(1 - real).mean() + F.relu(1 + fake).mean()
        case _:
            ones, zeros = torch.ones_like(fake), torch.zeros_like(fake)
            loss = F.binary_cross_entropy_with_logits
            return loss(fake, ones) if real is None else loss(real, ones) + loss(fake, zeros)


class Script:
    """One training, a step a call."""

    def __init__(self, network: str, batch: int, device: str) -> None:
        self.network, self.batch, self.device = network, batch, device
        if network == "table":
            from table_rows import table

            rows = table()
            generator, discriminator = zoo(network, rows.codec.shape)
            nets = Columns(generator, rows.codec.layout), discriminator
            self.samples = rows.codec.encode(rows.samples)
        else:
            shape = networks.SHAPES[network]
            nets = {"mlp": mlp, "dcgan": dcgan}[network]() if network in ("mlp", "dcgan") else zoo(network, shape)
            self.samples = torch.from_numpy(images(shape)).float() / 127.5 - 1
        self.generator, self.discriminator = (net.to(device) for net in nets)
        betas = tuple(networks.RECIPES[network]["generator"]["optimiser"]["adam"]["betas"])
        self.g_optimiser = torch.optim.Adam(self.generator.parameters(), 2e-4, betas)
        self.d_optimiser = torch.optim.Adam(self.discriminator.parameters(), 2e-4, betas)

    def reals(self) -> Tensor:
        return self.samples[torch.randint(0, len(self.samples), (self.batch,))].to(self.device)

    def fakes(self) -> Tensor:
        made: Tensor = self.generator(torch.randn(self.batch, networks.LATENT[self.network], device=self.device))
        return made

    def discriminator_loss(self, real: Tensor, fake: Tensor) -> Tensor:
        if self.network not in networks.SLOPES:
            return objective(self.network, self.discriminator(real).flatten(), self.discriminator(fake).flatten())
        real, fake = real.requires_grad_(), fake.detach().requires_grad_()
        on_real, on_fake = self.discriminator(real).flatten(), self.discriminator(fake).flatten()
        loss = F.softplus(on_fake - on_real).mean()
        for logits, sample in ((on_real, real), (on_fake, fake)):
            (slope,) = torch.autograd.grad(logits.sum(), sample, create_graph=True)
            loss = loss + slope.square().flatten(1).sum(1).mean() * networks.SLOPES[self.network] / 2
        return loss

    def generator_loss(self, fake: Tensor) -> Tensor:
        if self.network not in networks.SLOPES:
            return objective(self.network, None, self.discriminator(fake).flatten())
        with torch.no_grad():
            on_real = self.discriminator(self.reals()).flatten()
        return F.softplus(on_real - self.discriminator(fake).flatten()).mean()

    def alternating(self) -> None:
        """Each player moves on fakes of its own."""
        self.d_optimiser.zero_grad()
        loss = self.discriminator_loss(self.reals(), self.fakes().detach())
        loss.backward()
        self.d_optimiser.step()
        self.g_optimiser.zero_grad()
        loss = self.generator_loss(self.fakes())
        loss.backward()
        self.g_optimiser.step()
        loss.item()

    def simultaneous(self) -> None:
        """Both players move on one pass of fakes, as Keras's tutorials have it."""
        fake = self.fakes()
        self.g_optimiser.zero_grad()
        self.generator_loss(fake).backward()
        self.d_optimiser.zero_grad()  # of what the generator's loss left there
        loss = self.discriminator_loss(self.reals(), fake.detach())
        loss.backward()
        self.g_optimiser.step()
        self.d_optimiser.step()
        loss.item()


class Untracked:
    """In place of what tells PyTorch's counter which module an operation belongs to."""

    parents: ClassVar[set[str]] = {"Global"}

    def __enter__(self) -> None: ...

    def __exit__(self, *error: object) -> None: ...


def flops(script: Script, update: str) -> int:
    from torch.utils.flop_counter import FlopCounterMode

    counter = FlopCounterMode(display=False)
    counter.mod_tracker = Untracked()  # its own hooks refuse penalties' inner gradients
    with counter:
        getattr(script, update)()
    return int(counter.get_total_flops())


def matrix_rate(device: str, precision: str) -> float:
    """Floating-point operations a second of a large matrix product: the limit."""
    import time

    size = 2048 if device == "cpu" else 8192
    kind = torch.bfloat16 if precision == "bf16" else torch.float32
    a, b = (torch.randn(size, size, device=device, dtype=kind) for _ in range(2))
    times = []
    for _ in range(12):
        began = time.perf_counter()
        a @ b
        if device == "cuda":
            torch.cuda.synchronize()
        times.append(time.perf_counter() - began)
    return 2 * size**3 / sorted(times[2:])[5]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("network")
    options.add_argument("--update", default="alternating")
    options.add_argument("--device", default="cpu")
    options.add_argument("--batch", type=int)
    options.add_argument(
        "--flops", action="store_true", help="count a step's operations and measure the limit, no more"
    )
    said = options.parse_args()
    script = Script(said.network, said.batch or networks.BATCH[said.network], said.device)
    if said.flops:
        counts = {update: flops(script, update) for update in ("alternating", "simultaneous")}
        rates = {precision: matrix_rate(said.device, precision) for precision in ("fp32", "bf16")}
        answer({"flops": counts, "rates": rates, "batch": script.batch})
        return
    settle = torch.cuda.synchronize if said.device == "cuda" else lambda: None
    serve(getattr(script, said.update), settle, {"precision": "fp32"})


if __name__ == "__main__":
    main()
