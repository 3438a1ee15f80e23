"""Networks from images to images: any size, how far they see, their stages, and their kinds of convolution."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sparring import kinds
from sparring.base.draws import Key
from sparring.base.errors import RequestError
from sparring.base.part import parse
from sparring.engine.layout import keep_channels_last
from sparring.gan.schedules import Now
from sparring.gan.surgery import Dropout, Norm, operate, random_layers
from sparring.nets import Dcgan, EncoderDecoder, Net, Patch, Translating, Translator, Unet, initialise, translator_of
from sparring.nets.blocks import LeakyRelu
from sparring.nets.convolutions import Fourier, FourierConv, Gated, Style
from sparring.nets.translators import mirrored

SMALL: dict[str, dict[str, Any]] = {
    "unet": {"width": 4, "most": 8, "levels": 3},
    "encoder_decoder": {"width": 4, "most": 8, "blocks": 2, "kernel": 3},
}
KINDS: list[Any] = ["plain", "gated", {"fourier": {"share": 0.5}}]
UPS = ["transposed", "nearest", "bilinear", "shuffle"]
TRAINED = (64, 64)


def made(name: str, inputs: int = 3, outputs: int = 3, **changes: Any) -> Translator:
    part = kinds.parts(Net)[name].model_validate(SMALL[name] | changes)
    net = initialise(translator_of(part, (inputs, *TRAINED), (outputs, *TRAINED)), Key(0))
    assert isinstance(net, Translator)
    return net


def test_every_translator_is_tried_here() -> None:
    assert set(SMALL) == {name for name, part in kinds.parts(Net).items() if issubclass(part, Translating)}


@pytest.mark.parametrize("patch", [1, 2])
@pytest.mark.parametrize("conv", KINDS, ids=str)
@pytest.mark.parametrize("name", SMALL)
def test_images_of_any_size(name: str, conv: Any, patch: int) -> None:
    net = made(name, 4, 2, conv=conv, patch=patch)
    for size in ((16, 16), (17, 31), (64, 9), (5, 3), (2, 40)):
        images = torch.randn(2, 4, *size, requires_grad=True)
        translated = net(images)
        assert translated.shape == (2, 2, *size)
        (slope,) = torch.autograd.grad(translated.square().sum(), images)
        assert bool(slope.ne(0).any(1).all()), "each pixel is seen"
    net(torch.randn(3, 4, 16, 16)).sum().backward()
    assert all(parameter.grad is not None for parameter in net.parameters())


@pytest.mark.parametrize("norm", ["none", "batch", "instance", "layer", "group"])
@pytest.mark.parametrize("up", UPS)
@pytest.mark.parametrize("name", SMALL)
def test_every_norm_and_way_up(name: str, up: str, norm: str) -> None:
    net = made(name, up=up, norm=norm, activation="relu", output="sigmoid")
    translated = net(torch.randn(2, 3, 24, 20))
    assert translated.shape == (2, 3, 24, 20)
    assert 0 <= float(translated.detach().min()) < float(translated.detach().max()) <= 1


def test_edges_are_reflected_or_repeated() -> None:
    row = torch.arange(5.0)[None, None, None]
    assert mirrored(row, 3, 4).flatten().tolist() == [0, 1, 2, 3, 4, 3, 2, 1]
    assert mirrored(row[..., :2], 3, 8).flatten().tolist() == [0, 1, 1, 1, 1, 1, 1, 1]
    assert mirrored(row, 3, 5) is row
    odd = torch.randn(2, 3, 7, 9)
    assert torch.equal(mirrored(mirrored(odd, 2, 8), 3, 8), F.pad(odd, (0, 7, 0, 1), mode="reflect"))


@pytest.mark.parametrize("patch", [1, 2])
@pytest.mark.parametrize("up", UPS)
@pytest.mark.parametrize(("name", "changes"), [("unet", {}), ("unet", {"levels": 1, "blocks": 0}), ("unet", {"outer": 3}), ("unet", {"outer": 4, "levels": 1}), ("encoder_decoder", {}), ("encoder_decoder", {"levels": 0}), ("encoder_decoder", {"levels": 1, "kernel": 7})])  # fmt: skip
def test_reach_is_how_far_a_pixel_matters(name: str, changes: dict[str, Any], up: str, patch: int) -> None:
    """In float64: as far as it says, and no pixel further."""
    net = made(name, 1, 1, up=up, patch=patch, activation="tanh", **changes).double().eval()
    reach, step = net.reach, net.step
    assert reach is not None
    edge = 2 * step * (-(-reach // step) + 1)
    images = torch.randn(1, 1, edge, edge, dtype=torch.float64, requires_grad=True)
    translated = net(images)
    found = 0
    for place in range(edge // 2, edge // 2 + step):
        (slope,) = torch.autograd.grad(translated[0, 0, place, place], images, retain_graph=True)
        for axis in (0, 1):
            seen = slope[0, 0].ne(0).any(axis).nonzero()[:, 0]
            found = max(found, place - int(seen[0]), int(seen[-1]) - place)
    assert found == reach


@pytest.mark.parametrize("conv", ["plain", "gated"])
@pytest.mark.parametrize("name", SMALL)
def test_a_pixel_beyond_reach_changes_nothing(name: str, conv: str) -> None:
    net = made(name, conv=conv).double().eval()
    assert net.reach is not None
    images = torch.randn(1, 3, 90, 101, dtype=torch.float64)
    other = images.clone()
    other[0, :, 77, 95] += 5
    changed = (net(images) != net(other)).any(1)[0].nonzero()
    assert len(changed) > 20
    assert int((changed - torch.tensor([77, 95])).abs().max()) <= net.reach


def test_tiles_at_steps_are_the_whole_beyond_reach() -> None:
    net = made("unet").double().eval()
    assert net.reach is not None
    images = torch.randn(1, 3, 120, 136, dtype=torch.float64)
    start, away = 5 * net.step, net.reach
    tile = net(images[..., start:, start:])
    torch.testing.assert_close(tile[..., away:, away:], net(images)[..., start + away :, start + away :])


@pytest.mark.parametrize("name", SMALL)
def test_reach_is_unbounded_where_a_layer_takes_the_whole_image_in(name: str) -> None:
    assert made(name, conv="fourier").reach is None
    for norm in ("instance", "layer", "group"):
        assert made(name, norm=norm).reach is None
    assert made(name, norm="none").reach == made(name, norm="batch").reach
    net = made(name)
    changed = operate(net, {"norm": Norm(kind="group")}, lambda n: n(torch.zeros(2, 3, 16, 16)), Key(0))
    assert changed.reach is None


def test_stages_from_shallow_to_deep() -> None:
    images = torch.randn(2, 3, 18, 16)
    unet, residual = made("unet"), made("encoder_decoder")
    stages = unet(images, stages=True)
    assert [tuple(maps.shape[1:]) for maps in stages] == [(4, 12, 8), (8, 6, 4), (8, 3, 2), (8, 3, 2)]
    stages = residual(images, True)
    assert [tuple(maps.shape[1:]) for maps in stages] == [(4, 20, 16), (8, 10, 8), (8, 5, 4), (8, 5, 4)]
    residual.eval()
    padded = mirrored(images, 2, 4)
    assert torch.equal(residual(images, stages=True)[0], residual.encoder[0](padded))


def test_the_layers_of_pix2pix() -> None:
    net = Unet(levels=3, blocks=0, most=512, std=0.02).translator((3, 32, 32), (1, 32, 32))
    down = [m for m in net.encoder.modules() if isinstance(m, nn.Conv2d)]
    assert [(m.in_channels, m.out_channels, m.kernel_size[0], m.stride[0]) for m in down] == [
        (3, 64, 4, 2),
        (64, 128, 4, 2),
        (128, 256, 4, 2),
    ]
    up = [m for m in net.modules() if isinstance(m, nn.ConvTranspose2d)]
    assert [(m.in_channels, m.out_channels) for m in up] == [(256, 128), (256, 64), (128, 1)]


def test_the_generator_of_cyclegan() -> None:
    options = EncoderDecoder(width=64, blocks=9, norm="instance", std=0.02)
    net = options.translator((3, 32, 32), (3, 32, 32))
    layers = [m for m in net.modules() if isinstance(m, (nn.Conv2d, nn.ConvTranspose2d))]
    assert [(m.out_channels, m.kernel_size[0], m.stride[0]) for m in layers] == [
        (64, 7, 1),
        (128, 3, 2),
        (256, 3, 2),
        *[(256, 3, 1)] * 18,
        (128, 4, 2),
        (64, 4, 2),
        (3, 7, 1),
    ]


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("conv", KINDS, ids=str)
def test_first_weights_are_functions_of_seed_and_name_and_keep_the_variance(name: str, conv: Any) -> None:
    first, again = (made(name, conv=conv, width=16, most=64) for _ in range(2))
    states = zip(first.state_dict().values(), again.state_dict().values(), strict=True)
    assert all(torch.equal(a, b) for a, b in states)
    bare = made(name, conv=conv, width=16, most=64, norm="none", activation="relu", output="linear")
    spread = float(bare(torch.randn(4, 3, 32, 32)).detach().std())
    assert 0.3 < spread < 3


def test_first_weights_by_a_standard_deviation() -> None:
    for name in SMALL:
        net = made(name, width=32, most=64, std=0.02)
        for module in net.modules():
            if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
                assert float(module.weight.detach().std()) == pytest.approx(0.02, rel=0.1)


def test_a_gated_block_is_its_formula() -> None:
    style = Style(Gated(), "batch", LeakyRelu(), "nearest", None)
    for block, resized in ((style.block(3, 5, 3, 2), False), (style.up_block(3, 5), True)):
        x = torch.randn(2, 3, 8, 6)
        y = F.interpolate(x, scale_factor=2) if resized else x
        conv = next(m for m in block.modules() if isinstance(m, nn.Conv2d))
        values = F.conv2d(y, conv.weight[:5], conv.bias[:5], conv.stride, 1)
        gates = F.conv2d(y, conv.weight[5:], conv.bias[5:], conv.stride, 1)
        normal = F.batch_norm(values, None, None, training=True)
        torch.testing.assert_close(block(x), F.leaky_relu(normal, 0.2) / (1 + (-gates).exp()))


@pytest.mark.parametrize("stride", [1, 2])
def test_a_fourier_convolution_is_its_formula(stride: int) -> None:
    """The four paths of Chi et al. 2020, without norms, the transform written out as complex matrices."""
    style = Style(Fourier(share=0.5), "none", LeakyRelu(), "nearest", None)
    conv = FourierConv(style, 6, 8, 3, stride, 0.5, 1.0).double()
    x = torch.randn(2, 6, 6, 10, dtype=torch.float64)
    local, wide = x[:, :3], x[:, 3:]
    bias = conv.local.bias
    to_local = F.conv2d(local, conv.local.weight[:, :3], bias, stride, 1) + F.conv2d(
        wide, conv.local.weight[:, 3:], None, stride, 1
    )
    to_wide = F.conv2d(local, conv.inward.weight, conv.inward.bias, stride, 1) + _spectral(conv, wide, stride)
    torch.testing.assert_close(conv(x), torch.cat((to_local, to_wide), 1))


def _spectral(conv: FourierConv, x: Tensor, stride: int) -> Tensor:
    spectral = conv.spectral
    if stride == 2:
        x = (x[..., ::2, ::2] + x[..., 1::2, ::2] + x[..., ::2, 1::2] + x[..., 1::2, 1::2]) / 4
    x = F.leaky_relu(F.conv2d(x, spectral.enter.conv.weight, spectral.enter.conv.bias), 0.2)
    rows, columns = (_fourier(size) for size in x.shape[2:])
    spectrum = (rows @ x.to(torch.complex128) @ columns.T)[..., : x.shape[3] // 2 + 1]
    mix = spectral.frequencies.mix.conv
    mixed = F.leaky_relu(F.conv2d(torch.cat((spectrum.real, spectrum.imag), 1), mix.weight, mix.bias), 0.2)
    back = torch.fft.irfft2(torch.complex(*mixed.chunk(2, 1)), s=x.shape[2:], norm="ortho")
    return F.conv2d(x + back, spectral.leave.weight, spectral.leave.bias)


def _fourier(size: int) -> Tensor:
    """The matrix of the discrete Fourier transform, unitary."""
    places = torch.arange(size, dtype=torch.float64)
    return torch.exp(-2j * torch.pi * places[:, None] * places / size) / size**0.5


def test_a_fourier_network_sees_the_whole_image() -> None:
    net = made("encoder_decoder", 1, 1, conv="fourier", levels=0, kernel=1).double().eval()
    images = torch.randn(1, 1, 32, 32, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(net(images)[0, 0, 3, 3], images)
    assert bool(slope.ne(0).all())


@pytest.mark.parametrize("conv", KINDS, ids=str)
@pytest.mark.parametrize("name", SMALL)
def test_bfloat16_and_channels_last_come_close(name: str, conv: Any) -> None:
    net = keep_channels_last(made(name, conv=conv, width=16, most=32)).eval()
    images = torch.rand(2, 3, 21, 16) * 2 - 1
    whole = net(images)
    with torch.autocast("cpu", torch.bfloat16):
        reduced = net(images)
    assert reduced.dtype == torch.bfloat16
    assert float((whole - reduced).detach().abs().mean()) < 0.05 * float(whole.detach().abs().mean())


def test_frequencies_are_mixed_in_float32() -> None:
    net, seen = made("unet", conv="fourier"), []
    for module in net.modules():
        if type(module).__name__ == "Frequencies":
            module.mix.conv.register_forward_hook(lambda _, inputs, output: seen.extend((inputs[0], output)))
    with torch.autocast("cpu", torch.bfloat16):
        net(torch.randn(2, 3, 16, 16)).float().sum().backward()
    assert {x.dtype for x in seen} == {torch.float32}
    assert len(seen) == 6  # two halvings and the middle


@pytest.mark.parametrize("conv", KINDS, ids=str)
@pytest.mark.parametrize("name", SMALL)
def test_dropout_in_the_decoder_alone(name: str, conv: Any) -> None:
    dropout = Dropout(rate=0.5, where="decoder.*", when="always")
    net = operate(made(name, conv=conv), {"dropout": dropout}, lambda n: n(torch.zeros(2, 3, 16, 16)), Key(0))
    places = [place for place, module in net.named_modules() if module in random_layers(net)]
    assert places == [f"decoder.{number}.act.dropout" for number in range(2)]
    for layer in random_layers(net):
        layer.set_rate(Now(0, 0, 1))
    net.eval()
    images = torch.randn(2, 3, 16, 16)
    assert not torch.equal(net(images), net(images))
    assert all(torch.equal(a, b) for a, b in zip(net(images, True), net(images, True), strict=True))


@pytest.mark.parametrize(
    ("build", "told"),
    [
        (lambda: translator_of(Dcgan(), (3, 8, 8), (3, 8, 8)), "generator.net.dcgan: makes no images .* take unet or encoder_decoder"),
        (lambda: translator_of(Patch(), (3, 8, 8), (3, 8, 8)), "generator.net.patch: makes no images of images"),
        (lambda: Unet().translator((7,), (3, 8, 8)), "net.unet: translates images, and the data are points of 7"),
        (lambda: Unet().translator((3, 8, 8), (3, 8, 9)), "of one size, and these are of 8 x 8 and 8 x 9"),
        (lambda: Unet().translator((3, 3, 8), (3, 3, 8)), "smallest image it makes is 4 x 4, .* enlarge them by data.images.size"),
        (lambda: EncoderDecoder(levels=3).translator((3, 16, 16), (3, 16, 16)), "net.encoder_decoder.levels: 3 .* at most 2"),
        (lambda: EncoderDecoder(kernel=4), "kernel: 4 is even; take 3 or 5"),
        (lambda: Unet().generator(8, (3, 8, 8)), "generator.net.unet: makes images of images, and this game gives latents"),
        (lambda: EncoderDecoder().discriminator((3, 8, 8)), "discriminator.net.encoder_decoder: .* take patch"),
    ],
)  # fmt: skip
def test_what_cannot_be_built_is_said_in_one_line(build, told: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(RequestError, match=told) as caught:
        parse(build)
    assert "\n" not in str(caught.value)
