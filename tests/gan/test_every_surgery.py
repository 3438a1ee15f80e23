"""What every surgery keeps to."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from sparring import kinds
from sparring.base.draws import Key
from sparring.base.errors import RequestError
from sparring.gan.schedules import Now
from sparring.gan.surgery import Surgery, operate, random_layers, rewind
from sparring.nets import Dcgan, Dense, Fastgan, R3gan, Resnet, initialise

FIELDS = {
    "dropout": {"rate": 0.5},
    "spectral_norm": {},
    "freeze": {"where": "*weight"},
    "norm": {"kind": "group"},
    "clip_weights": {"limit": 0.05},
}
NETS = {
    "dense": Dense(widths=(8, 8)),
    "dcgan": Dcgan(widths=(8, 8)),
    "resnet": Resnet(width=8, most=8),
    "r3gan": R3gan(width=16, most=16),
    "fastgan": Fastgan(width=8, most=8, head="one"),
}
SHAPE = (2, 8, 8)


def test_every_surgery_is_tried_here() -> None:
    assert set(FIELDS) == set(kinds.parts(Surgery))


@pytest.fixture(params=FIELDS)
def surgery(request: pytest.FixtureRequest) -> Surgery:
    return kinds.parts(Surgery)[request.param].model_validate(FIELDS[request.param])  # type: ignore[return-value]


def cut(net: nn.Module, surgery: Surgery, seed: int = 1) -> nn.Module:
    name = type(surgery).recipe_name()
    if name == "spectral_norm":  # r3gan's zero convolutions have no norm to divide by
        for module in net.modules():
            if isinstance(module, nn.Conv2d) and not bool(module.weight.any()):
                nn.init.normal_(module.weight)
    net = operate(net, {name: surgery}, lambda n: n(torch.zeros(2, *SHAPE)), Key(seed))
    for layer in random_layers(net):
        layer.set_rate(Now(0, 0, 1))
    return net


@pytest.mark.parametrize("name", NETS)
def test_it_acts_on_every_architecture(surgery: Surgery, name: str) -> None:
    plain = initialise(NETS[name].discriminator(SHAPE), Key(0)).train()
    with torch.no_grad():
        for parameter in plain.parameters():
            parameter.add_(0.3)  # away from weights that surgery would leave as they are
    operated = cut(copy.deepcopy(plain), surgery)
    x = torch.randn(4, *SHAPE)
    rewind(random_layers(operated), Key(0), torch.arange(4))
    logits = operated(x).logits
    assert logits.shape == (4,)
    logits.sum().backward()
    changed = not torch.equal(logits, plain(x).logits)
    frozen = any(not parameter.requires_grad for parameter in operated.parameters())
    assert changed or frozen


def test_it_is_reproducible(surgery: Surgery) -> None:
    nets = [cut(initialise(NETS["dcgan"].discriminator(SHAPE), Key(0)), surgery) for _ in range(2)]
    x = torch.randn(4, *SHAPE)
    for net in nets:
        rewind(random_layers(net), Key(0), torch.arange(4))
    assert torch.equal(nets[0](x).logits, nets[1](x).logits)


def test_it_leaves_the_global_generator_alone(surgery: Surgery) -> None:
    net = initialise(NETS["dense"].discriminator(SHAPE), Key(0))
    torch.manual_seed(0)
    before = torch.get_rng_state()
    cut(net, surgery)
    assert torch.equal(torch.get_rng_state(), before)


def test_it_keeps_the_mode(surgery: Surgery) -> None:
    net = initialise(NETS["dense"].discriminator(SHAPE), Key(0)).train()
    assert cut(net, surgery).training


def test_no_place_is_an_error(surgery: Surgery) -> None:
    class Nothing(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x.flatten(1).sum(1)

    with pytest.raises(RequestError, match="finds no place to act"):
        cut(Nothing(), surgery)
