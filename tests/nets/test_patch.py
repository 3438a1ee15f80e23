"""The patch discriminator: places, scales, maps, and what it sees."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from sparring.base.draws import Key
from sparring.base.errors import RequestError
from sparring.base.part import parse
from sparring.gan.schedules import Now
from sparring.gan.surgery import Dropout, SpectralNorm, operate, random_layers
from sparring.nets import Patch, Verdict, initialise
from sparring.nets.patch import PatchDiscriminator


def made(options: Patch, shape: tuple[int, ...]) -> PatchDiscriminator:
    net = initialise(options.discriminator(shape), Key(0))
    assert isinstance(net, PatchDiscriminator)
    return net


@pytest.mark.parametrize("shape", [(3, 32, 32), (1, 17, 40), (4, 8, 8), (2, 4, 5), (1, 64, 33)], ids=str)
@pytest.mark.parametrize("norm", ["batch", "instance", "none"])
def test_a_logit_for_each_place(shape: tuple[int, ...], norm: str) -> None:
    options = Patch.model_validate({"width": 4, "norm": norm})
    net = made(options, shape)
    verdict = net(torch.randn(2, *shape))
    assert verdict.maps is not None
    height, width = verdict.maps[-1].shape[2:]
    assert verdict.logits.shape == (2, (height - 1) * (width - 1))
    assert verdict.features.shape == (2, net.features)
    torch.testing.assert_close(verdict.features, verdict.maps[-1].mean((2, 3)))
    verdict.logits.sum().backward()
    assert all(parameter.grad is not None for parameter in net.parameters())


def test_the_discriminator_of_pix2pix() -> None:
    """At 256 pixels: 4 x 4 windows, 64-128-256 with strides of 2, 512 and 1 without, 30 x 30 places of 70 x 70
    pixels."""
    net = made(Patch(), (6, 256, 256)).eval()
    layers = [m for m in net.modules() if isinstance(m, nn.Conv2d)]
    assert [(m.out_channels, m.kernel_size[0], m.stride[0]) for m in layers] == [
        (64, 4, 2),
        (128, 4, 2),
        (256, 4, 2),
        (512, 4, 1),
        (1, 4, 1),
    ]
    images = torch.randn(1, 6, 256, 256, requires_grad=True)
    logits = net(images).logits
    assert logits.shape == (1, 900)
    (slope,) = torch.autograd.grad(logits[0, 15 * 30 + 15], images)
    rows = slope[0].abs().sum((0, 2)).nonzero()[:, 0]
    assert int(rows[-1] - rows[0]) + 1 == 70


def test_each_scale_judges_the_image_averaged_down() -> None:
    net = made(Patch(width=4, scales=3, norm="none"), (3, 33, 48))
    images = torch.randn(2, 3, 33, 48)
    verdict = net(images)
    wanted, maps, seen = [], [], images
    for scale in net.scales:
        told, hidden = scale(seen)
        wanted.append(told.flatten(1))
        maps += hidden
        seen = F.avg_pool2d(seen, 3, 2, 1, count_include_pad=False)
    assert torch.equal(verdict.logits, torch.cat(wanted, 1))
    assert verdict.maps is not None
    assert all(torch.equal(a, b) for a, b in zip(verdict.maps, maps, strict=True))
    assert verdict.features.shape == (2, net.features)


def test_a_flat_image_is_flat_at_every_scale() -> None:
    net = made(Patch(width=4, scales=3), (1, 33, 20))
    image = torch.full((1, 1, 33, 20), 0.7)
    torch.testing.assert_close(net.shrink(net.shrink(image)), torch.full((1, 1, 9, 5), 0.7))


def test_it_takes_images_of_other_sizes() -> None:
    net = made(Patch(width=4), (3, 64, 64))
    assert [net(torch.randn(1, 3, *size)).logits.shape[1] for size in ((64, 64), (96, 33), (128, 80))] == [36, 20, 112]


def test_parts_of_a_verdict_have_their_rows_of_the_maps() -> None:
    verdict = made(Patch(width=4, scales=2), (3, 32, 32)).eval()(torch.randn(6, 3, 32, 32))
    part = verdict.part(slice(2, 5))
    assert part.maps is not None
    assert verdict.maps is not None
    assert all(torch.equal(some, whole[2:5]) for some, whole in zip(part.maps, verdict.maps, strict=True))
    assert torch.equal(part.logits, verdict.logits[2:5])
    assert Verdict(torch.zeros(4)).part(slice(0, 2)).maps is None


def test_surgery_finds_its_places() -> None:
    shape = (3, 32, 32)
    surgery = {"dropout": Dropout(rate=0.3), "spectral_norm": SpectralNorm()}
    net = operate(made(Patch(width=4, norm="none"), shape), surgery, lambda n: n(torch.zeros(2, *shape)), Key(0))
    assert len(random_layers(net)) == 4
    for layer in random_layers(net):
        layer.set_rate(Now(0, 0, 1))
    images = torch.randn(2, *shape)
    assert not torch.equal(net(images).logits, net(images).logits)
    weights = [m.weight.detach().flatten(1) for m in net.modules() if isinstance(m, nn.Conv2d)]
    assert len(weights) == 5
    for weight in weights:
        assert float(torch.linalg.matrix_norm(weight, 2)) == pytest.approx(1, abs=0.3)


@pytest.mark.parametrize(
    ("build", "told"),
    [
        (lambda: Patch(scales=3).discriminator((3, 12, 40)), "scales: 3 take images of 12 x 40 under 4 .* at most 2"),
        (lambda: Patch().discriminator((1, 3, 8)), "1 take images of 3 x 8 under 4 pixels; use net=dense"),
        (lambda: Patch().discriminator((7,)), "judges images, and the data are points of 7 values; use net=dense"),
        (lambda: Patch().generator(4, (1, 8, 8)), "generator.net.patch: judges images and makes none"),
    ],
)
def test_what_cannot_be_built_is_said_in_one_line(build, told: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(RequestError, match=told) as caught:
        parse(build)
    assert "\n" not in str(caught.value)


def test_each_scale_counts_alike() -> None:
    net = made(Patch(width=4, scales=3), (3, 64, 64)).eval()
    images = torch.randn(2, 3, 64, 64)
    seen, means = images, []
    for scale in net.scales:
        told, _ = scale(seen)
        means.append(told.mean((1, 2, 3)))
        seen = net.shrink(seen)
    logits = net(images).logits
    assert logits.shape == (2, 3 * 36)
    torch.testing.assert_close(logits.mean(1), torch.stack(means).mean(0))
