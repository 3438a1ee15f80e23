"""Networks of every shape they promise, and what each is known for."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from sparring import kinds
from sparring.base.draws import Key
from sparring.base.errors import RequestError
from sparring.base.part import parse
from sparring.kinds.tables.nets import Tabular
from sparring.nets import Dcgan, Dense, Fastgan, Net, Patch, R3gan, Resnet, initialise
from sparring.nets.labels import ConcatDiscriminator, LabelledGenerator, ProjectionDiscriminator

SMALL = {
    "dense": Dense(widths=(8,)),
    "dcgan": Dcgan(widths=(8, 8, 8, 8, 8)),
    "resnet": Resnet(width=8, most=16),
    "r3gan": R3gan(width=8, most=16, group=8, expansion=1),
    "fastgan": Fastgan(width=8, most=16, head="one"),
    "tabular": Tabular(widths=(8,)),
}
OTHERS = {"own", "unet", "encoder_decoder", "patch"}
"""What makes no samples of latents: tried in test_translators.py and test_patch.py."""
SHAPES = [(1, 28, 28), (3, 32, 32), (1, 8, 8), (3, 30, 22), (4, 64, 48), (2, 12, 40), (6, 17, 19)]


def test_every_network_is_tried_here() -> None:
    assert set(SMALL) | OTHERS == set(kinds.parts(Net))


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name", SMALL)
def test_shapes_square_and_not_with_any_channels(name: str, shape: tuple[int, ...]) -> None:
    options = SMALL[name]
    made = initialise(options.generator(5, shape), Key(0))(torch.randn(3, 5))
    assert made.shape == (3, *shape)
    discriminator = initialise(options.discriminator(shape), Key(0))
    verdict = discriminator(made)
    assert verdict.logits.shape == (3,)
    assert verdict.features is not None
    assert verdict.features.shape == (3, discriminator.features)
    verdict.logits.sum().backward()
    for name_, parameter in discriminator.named_parameters():
        assert parameter.grad is not None, name_


@pytest.mark.parametrize("patch", [1, 2])
@pytest.mark.parametrize("up", ["transposed", "nearest", "bilinear", "shuffle"])
@pytest.mark.parametrize("kernel", [3, 4, 5])
def test_dcgan_of_every_kind_of_up_sampling(up: str, kernel: int, patch: int) -> None:
    if kernel == 4 and up != "transposed":
        with pytest.raises(RequestError, match="even"):
            parse(lambda: Dcgan(widths=(8, 8), kernel=kernel, up=up))
        return
    options = Dcgan(widths=(8, 8, 4), kernel=kernel, up=up, patch=patch)
    assert options.generator(5, (3, 24, 16))(torch.randn(2, 5)).shape == (2, 3, 24, 16)


def test_fastgan_gates_large_maps_by_small_ones() -> None:
    net = initialise(Fastgan(width=4, most=8).generator(5, (3, 64, 64)), Key(0)).eval()
    assert list(net.gates) == ["3"]  # type: ignore[arg-type]  # 4 pixels gate 64
    latents = torch.randn(2, 5)
    before = net(latents)
    gate = net.get_submodule("gates.3")
    with torch.no_grad():
        gate.outer.weight.zero_()
        gate.outer.bias.fill_(-100.0)  # shut: nothing of the large maps passes
        net.last.bias.fill_(0.3)  # type: ignore[union-attr, operator]
    torch.testing.assert_close(net(latents), torch.full((2, 3, 64, 64), 0.3).tanh())
    assert float(before.detach().std()) > 0
    assert not list(Fastgan(width=4, most=8, gates=False).generator(5, (3, 64, 64)).gates)  # type: ignore[arg-type]
    assert list(Fastgan(width=4, most=8).generator(5, (3, 128, 128)).gates) == ["3", "4"]  # type: ignore[arg-type]


def test_fastgan_judges_each_place_or_the_whole() -> None:
    images = torch.randn(2, 3, 64, 48)
    places = Fastgan(width=4, most=8).discriminator((3, 64, 48))(images)
    assert places.logits.shape == (2, 8 * 6)
    assert Fastgan(width=4, most=8, head="one").discriminator((3, 64, 48))(images).logits.shape == (2,)


@pytest.mark.parametrize("edge", [28, 32, 48, 64, 128])
def test_resnet_and_r3gan_from_28_to_128_pixels(edge: int) -> None:
    for options in (Resnet(width=4, most=8), R3gan(width=8, most=8, group=8)):
        shape = (3, edge, edge)
        made = options.generator(4, shape)(torch.randn(2, 4))
        assert made.shape == (2, *shape)
        assert options.discriminator(shape)(made).logits.shape == (2,)


@pytest.mark.parametrize("norm", ["none", "batch", "instance", "layer", "group"])
def test_norms_and_activations_by_field(norm: str) -> None:
    for activation in ("relu", "prelu", "silu", "tanh", {"leaky_relu": {"slope": 0.3}}):
        options = Dcgan.model_validate({"widths": [8, 8], "norm": norm, "activation": activation})
        assert options.generator(4, (1, 8, 8))(torch.randn(4, 4)).shape == (4, 1, 8, 8)
    slopes = [m.negative_slope for m in options.discriminator((1, 8, 8)).modules() if isinstance(m, nn.LeakyReLU)]
    assert slopes == [0.3, 0.3]


@pytest.mark.parametrize(("output", "low", "high"), [("tanh", -1, 1), ("sigmoid", 0, 1)])
def test_outputs_are_bounded(output: str, low: float, high: float) -> None:
    net = Dense.model_validate({"widths": [8], "output": output}).generator(4, (2, 3, 3))
    made = net(torch.randn(50, 4) * 100).detach()
    assert low <= float(made.min()) < float(made.max()) <= high


def test_widths_are_those_of_the_recipe() -> None:
    generator = Dense(widths=(128, 128, 64, 32)).generator(100, (1, 28, 28))
    sizes = [(m.in_features, m.out_features) for m in generator.modules() if isinstance(m, nn.Linear)]
    assert sizes == [(100, 128), (128, 128), (128, 64), (64, 32), (32, 784)]


def test_the_tutorial_network() -> None:
    """Transposed convolutions 256-128-64-1 from 7 x 7, discriminator 64-128 of 5 x 5: shapes as in the tutorial."""
    generator = Dcgan(widths=(256, 128, 64)).generator(100, (1, 28, 28))
    layers = [m for m in generator.modules() if isinstance(m, nn.ConvTranspose2d)]
    assert [(m.in_channels, m.out_channels, m.stride[0], m.kernel_size[0]) for m in layers] == [
        (256, 128, 1, 5),
        (128, 64, 2, 5),
        (64, 1, 2, 5),
    ]
    discriminator = Dcgan(widths=(64, 128), norm="none").discriminator((1, 28, 28))
    convolutions = [m for m in discriminator.modules() if isinstance(m, nn.Conv2d)]
    assert [(m.out_channels, m.stride[0]) for m in convolutions] == [(64, 2), (128, 2)]
    assert discriminator.features == 128 * 49


def test_r3gan_blocks_start_as_the_identity_and_keep_the_variance() -> None:
    net = initialise(R3gan(width=32, most=64, blocks=2).discriminator((3, 32, 32)), Key(3))
    block = next(m for m in net.modules() if type(m).__name__ == "Bottleneck")
    x = torch.randn(2, 32, 8, 8)
    assert torch.equal(block(x), x)
    gain = math.sqrt(2 / 1.04) * (2 * 4) ** -0.25
    std = float(block.widen.weight.detach().std())
    assert std == pytest.approx(gain / math.sqrt(32), rel=0.1)
    assert block.mix.groups == 64 // 16


def test_first_weights_are_functions_of_seed_and_layer_name() -> None:
    first, second = (initialise(Resnet(width=8).generator(4, (1, 16, 16)), Key(7)) for _ in range(2))
    assert all(
        torch.equal(a, b) for a, b in zip(first.state_dict().values(), second.state_dict().values(), strict=True)
    )
    other = initialise(Resnet(width=8).generator(4, (1, 16, 16)), Key(8))
    assert not torch.equal(first.first.weight, other.first.weight)
    # a layer of the same name and shape draws the same weights in another network
    tall = initialise(Dense(widths=(8, 8)).discriminator((6,)), Key(7))
    taller = initialise(Dense(widths=(8, 8, 8)).discriminator((6,)), Key(7))
    assert torch.equal(tall.hidden[0].weight, taller.hidden[0].weight)


def test_initialising_leaves_the_global_generator_alone() -> None:
    torch.manual_seed(1)
    before = torch.get_rng_state()
    initialise(Dcgan(widths=(8, 8)).generator(4, (1, 8, 8)), Key(0))
    net = Dcgan(widths=(8, 8)).generator(4, (1, 8, 8))
    torch.set_rng_state(before)
    initialise(net, Key(0))
    assert torch.equal(torch.get_rng_state(), before)


def test_labels_change_what_is_made_and_how_it_is_judged() -> None:
    options = SMALL["dense"]
    generator = LabelledGenerator(options.generator(4 + 3, (1, 4, 4)), 5, 3)
    z = torch.randn(2, 4)
    assert not torch.equal(generator(z, torch.tensor([0, 1])), generator(z, torch.tensor([2, 3])))
    x = torch.randn(2, 1, 8, 8)
    concat = ConcatDiscriminator(Dcgan(widths=(8, 8)).discriminator((1 + 3, 8, 8)), 5, 3)
    assert not torch.equal(concat(x, torch.tensor([0, 1])).logits, concat(x, torch.tensor([2, 3])).logits)
    inner = options.discriminator((1, 8, 8))
    projection = initialise(ProjectionDiscriminator(inner, 5, inner.features), Key(0))
    one, other = torch.tensor([0, 1]), torch.tensor([2, 3])
    torch.testing.assert_close(projection(x, one).logits, projection(x, other).logits, atol=0.1, rtol=0)
    nn.init.normal_(projection.embed.weight)
    plain = inner(x)
    wanted = plain.logits + (projection.embed(one) * plain.features).sum(1) / inner.features**0.5
    torch.testing.assert_close(projection(x, one).logits, wanted)


def test_a_label_counts_at_each_place_of_a_patch_discriminator() -> None:
    inner = initialise(Patch(width=4, norm="none").discriminator((1, 16, 16)), Key(0))
    projection = initialise(ProjectionDiscriminator(inner, 5, inner.features), Key(0))
    nn.init.normal_(projection.embed.weight)
    x, labels = torch.randn(3, 1, 16, 16), torch.tensor([0, 1, 4])
    plain, told = inner(x), projection(x, labels)
    added = (projection.embed(labels) * plain.features).sum(1) / inner.features**0.5
    torch.testing.assert_close(told.logits, plain.logits + added[:, None])
    assert told.maps is not None
    assert len(told.maps) == len(plain.maps)


@pytest.mark.parametrize(
    ("build", "told"),
    [
        (lambda: Resnet().generator(4, (2,)), "makes images, and the data are points"),
        (lambda: Resnet().discriminator((1, 3, 8)), "smallest image it makes is 4 x 4, the data's are 3 x 8"),
        (lambda: Resnet(levels=4).generator(4, (1, 16, 16)), "at most 2"),
        (lambda: Dcgan(widths=(8,)).generator(4, (1, 64, 64)), "cannot resample 4 times"),
        (lambda: Dcgan(widths=(8, 8), strides=(2, 3)), "are not 2 times 1 or 2"),
        (lambda: R3gan(width=24, group=32), "32 does not divide 48 channels"),
        (lambda: Dense(widths=(8,), norm="instance").generator(4, (2,)), "instance needs feature maps"),
    ],
)
def test_what_cannot_be_built_is_said_in_one_line(build, told: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(RequestError, match=told) as caught:
        parse(build)
    assert "\n" not in str(caught.value)
