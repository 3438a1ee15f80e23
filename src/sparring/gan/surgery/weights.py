"""Surgery on weights: spectral normalisation, freezing, clipping."""

from __future__ import annotations

import functools
from typing import Any

import torch
from pydantic import Field
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

from sparring.base.draws import Key
from sparring.base.errors import RequestError
from sparring.gan.surgery.base import Surgery
from sparring.gan.surgery.places import Example, Patterns, found_places, matches, matching, no_match, shown, weighted


class SpectralNorm(Surgery):
    """Divides each weight by its largest singular value, by power iteration (Miyato et al. 2018,
    https://arxiv.org/abs/1802.05957)."""

    where: Patterns = "*"
    """Patterns of layer names; by default every layer with a weight."""
    iterations: int = Field(1, ge=1)
    """Power iterations at each training pass."""

    def operate(self, net: nn.Module, example: Example, key: Key, name: str) -> nn.Module:
        for place, layer in found_places(matching(weighted(net), self.where), "spectral_norm", no_match(self.where)):
            if not bool(layer.weight.any()):
                raise RequestError(
                    f"{name}.where: layer '{place}' starts at zero, which no norm can be divided out of; "
                    "name the others by where"
                )
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(key.at(name, place).seed)
                spectral_norm(layer, n_power_iterations=self.iterations)
        return net


class Freeze(Surgery):
    """Keeps weights as they are (the discriminator's early layers when fine-tuning: Mo et al. 2020,
    https://arxiv.org/abs/2002.10964)."""

    where: Patterns
    """Patterns of parameter names."""

    def operate(self, net: nn.Module, example: Example, key: Key, name: str) -> nn.Module:
        parameters = list(net.named_parameters())
        found = [(n, p) for n, p in parameters if matches(n, self.where)]
        for _, parameter in found_places(found, "freeze", f"no parameter is named {shown(self.where)}"):
            parameter.requires_grad_(False)
        if not any(parameter.requires_grad for _, parameter in parameters):
            raise RequestError(f"freeze.where: {shown(self.where)} freezes every weight of the network")
        return net


class ClipWeights(Surgery):
    """Holds each weight within bounds, as the first Wasserstein critic (Arjovsky et al. 2017,
    https://arxiv.org/abs/1701.07875); a gradient penalty does the same job better."""

    limit: float = Field(0.01, gt=0)
    """Weights are clipped to [-limit, limit] before each pass."""
    where: Patterns = "*"
    """Patterns of layer names; by default every layer with a weight."""

    def operate(self, net: nn.Module, example: Example, key: Key, name: str) -> nn.Module:
        for _, layer in found_places(matching(weighted(net), self.where), "clip_weights", no_match(self.where)):
            layer.register_forward_pre_hook(functools.partial(_clip, self.limit))
        return net


def _clip(limit: float, layer: nn.Module, inputs: Any) -> None:
    with torch.no_grad():
        for name, parameter in layer.named_parameters(recurse=False):
            if name == "weight":
                # Through .data: autograd saved this weight in an earlier pass of the same step, clipped already
                parameter.data.clamp_(-limit, limit)
