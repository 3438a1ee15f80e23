"""Labels for any network: what a generator is told, and how a discriminator takes it into account."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from sparring.nets.blocks import Verdict


class LabelledGenerator(nn.Module):
    """A generator that sees an embedding of the label beside its latent; `net` takes latent + width values."""

    def __init__(self, net: nn.Module, classes: int, width: int) -> None:
        super().__init__()
        self.net = net
        self.embed = nn.Embedding(classes, width)

    def forward(self, latents: Tensor, labels: Tensor) -> Tensor:
        samples: Tensor = self.net(torch.cat((latents, self.embed(labels)), 1))
        return samples


class ConcatDiscriminator(nn.Module):
    """A discriminator that sees an embedding of the label as more channels of its input (Mirza and Osindero 2014,
    https://arxiv.org/abs/1411.1784); `net` takes channels + width channels."""

    def __init__(self, net: nn.Module, classes: int, width: int) -> None:
        super().__init__()
        self.net = net
        self.embed = nn.Embedding(classes, width)

    def forward(self, samples: Tensor, labels: Tensor) -> Verdict:
        code = self.embed(labels)
        code = code.reshape(*code.shape, *[1] * (samples.ndim - 2)).expand(-1, -1, *samples.shape[2:])
        verdict: Verdict = self.net(torch.cat((samples, code.to(samples.dtype)), 1))
        return verdict


class ProjectionDiscriminator(nn.Module):
    """Adds to the logits the inner product of the features and an embedding of the label (Miyato and Koyama 2018,
    https://arxiv.org/abs/1802.05637), over the root of the number of features; `net` gives features."""

    def __init__(self, net: nn.Module, classes: int, features: int) -> None:
        super().__init__()
        self.net = net
        self.embed = FaintEmbedding(classes, features)

    def forward(self, samples: Tensor, labels: Tensor) -> Verdict:
        verdict: Verdict = self.net(samples)
        if verdict.features is None:
            raise ValueError("a projection discriminator needs the network's features")
        matched = (self.embed(labels) * verdict.features).sum(1) / verdict.features.shape[1] ** 0.5
        if verdict.logits.ndim > 1:  # several logits a sample: on each
            matched = matched[:, None]
        return verdict._replace(logits=verdict.logits + matched)


class FaintEmbedding(nn.Embedding):
    """An embedding that starts near zero, so that the labels say little at first."""

    def reset_parameters(self) -> None:
        nn.init.normal_(self.weight, 0.0, 0.02)
