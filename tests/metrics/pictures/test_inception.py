from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sparring.base.errors import RequestError
from sparring.metrics.pictures.inception import FILE, SHA256_PREFIX, URL, Inception, load_inception
from sparring.metrics.pictures.inception_net import BlockA, BlockE, InceptionV3

# (inputs, outputs, kernel height, kernel width) of every convolution, from the paper's table and the names in the
# weights file; none has a bias, each has a batch norm of two parameters a channel.
STEM = [(3, 32, 3, 3), (32, 32, 3, 3), (32, 64, 3, 3), (64, 80, 1, 1), (80, 192, 3, 3)]


def block_a(i: int, pooled: int) -> list[tuple[int, int, int, int]]:
    return [
        (i, 64, 1, 1),
        (i, 48, 1, 1),
        (48, 64, 5, 5),
        (i, 64, 1, 1),
        (64, 96, 3, 3),
        (96, 96, 3, 3),
        (i, pooled, 1, 1),
    ]


def block_c(c: int) -> list[tuple[int, int, int, int]]:
    once = [(768, c, 1, 1), (c, c, 1, 7), (c, 192, 7, 1)]
    twice = [(768, c, 1, 1), (c, c, 7, 1), (c, c, 1, 7), (c, c, 7, 1), (c, 192, 1, 7)]
    return [(768, 192, 1, 1), *once, *twice, (768, 192, 1, 1)]


def block_e(i: int) -> list[tuple[int, int, int, int]]:
    once = [(i, 384, 1, 1), (384, 384, 1, 3), (384, 384, 3, 1)]
    twice = [(i, 448, 1, 1), (448, 384, 3, 3), (384, 384, 1, 3), (384, 384, 3, 1)]
    return [(i, 320, 1, 1), *once, *twice, (i, 192, 1, 1)]


BLOCK_B = [(288, 384, 3, 3), (288, 64, 1, 1), (64, 96, 3, 3), (96, 96, 3, 3)]
BLOCK_D = [(768, 192, 1, 1), (192, 320, 3, 3), (768, 192, 1, 1), (192, 192, 1, 7), (192, 192, 7, 1), (192, 192, 3, 3)]
CONVOLUTIONS = [
    *STEM,
    *block_a(192, 32),
    *block_a(256, 64),
    *block_a(288, 64),
    *BLOCK_B,
    *(shape for inner in (128, 160, 160, 192) for shape in block_c(inner)),
    *BLOCK_D,
    *block_e(1280),
    *block_e(2048),
]


@pytest.fixture(scope="module")
def net() -> InceptionV3:
    torch.manual_seed(0)
    return InceptionV3().eval()


def test_it_has_the_parameters_of_the_weights_file(net: InceptionV3) -> None:
    assert len(CONVOLUTIONS) == 94
    expected = sum(i * o * h * w + 2 * o for i, o, h, w in CONVOLUTIONS) + 2048 * 1008 + 1008
    assert sum(parameter.numel() for parameter in net.parameters()) == expected == 23_850_960
    # torchvision's inception_v3 has 27,161,264 with 1,000 classes; its auxiliary head makes up this many.
    auxiliary = 768 * 128 + 2 * 128 + 128 * 768 * 25 + 2 * 768 + 768 * 1000 + 1000
    assert expected == 27_161_264 - auxiliary + 8 * 2049
    found = [tuple(module.weight.shape) for module in net.modules() if isinstance(module, nn.Conv2d)]
    assert found == [(o, i, h, w) for i, o, h, w in CONVOLUTIONS]


def test_its_names_are_those_of_the_weights_file(net: InceptionV3) -> None:
    state = net.state_dict()
    assert len(state) == 94 * 6 + 2
    shapes = {
        "Conv2d_1a_3x3.conv.weight": (32, 3, 3, 3),
        "Conv2d_1a_3x3.bn.weight": (32,),
        "Conv2d_4a_3x3.bn.running_var": (192,),
        "Mixed_5b.branch1x1.bn.running_mean": (64,),
        "Mixed_5d.branch3x3dbl_3.conv.weight": (96, 96, 3, 3),
        "Mixed_6a.branch3x3.conv.weight": (384, 288, 3, 3),
        "Mixed_6c.branch7x7dbl_5.conv.weight": (192, 160, 1, 7),
        "Mixed_6e.branch7x7_3.conv.weight": (192, 192, 7, 1),
        "Mixed_7a.branch7x7x3_4.conv.weight": (192, 192, 3, 3),
        "Mixed_7b.branch3x3_2b.conv.weight": (384, 384, 3, 1),
        "Mixed_7c.branch3x3dbl_3a.conv.weight": (384, 384, 1, 3),
        "Mixed_7c.branch_pool.conv.weight": (192, 2048, 1, 1),
        "fc.weight": (1008, 2048),
        "fc.bias": (1008,),
    }
    assert {name: tuple(state[name].shape) for name in shapes} == shapes
    tops = dict.fromkeys(name.split(".")[0] for name in state)
    assert " ".join(tops) == (
        "Conv2d_1a_3x3 Conv2d_2a_3x3 Conv2d_2b_3x3 Conv2d_3b_1x1 Conv2d_4a_3x3 Mixed_5b Mixed_5c Mixed_5d "
        "Mixed_6a Mixed_6b Mixed_6c Mixed_6d Mixed_6e Mixed_7a Mixed_7b Mixed_7c fc"
    )


def test_maps_have_the_sizes_of_the_paper(net: InceptionV3) -> None:
    sizes: dict[str, tuple[int, ...]] = {}

    def noted(name: str) -> None:
        net.get_submodule(name).register_forward_hook(
            lambda module, inputs, output: sizes.update({name: tuple(output.shape[1:])})
        )

    for name, _ in net.named_children():
        noted(name)
    with torch.no_grad():
        pooled, logits = net(torch.rand(1, 3, 299, 299) * 2 - 1)
    wanted = {
        "Conv2d_1a_3x3": (32, 149, 149),
        "Conv2d_2b_3x3": (64, 147, 147),
        "Conv2d_4a_3x3": (192, 71, 71),
        "Mixed_5b": (256, 35, 35),
        "Mixed_5d": (288, 35, 35),
        "Mixed_6e": (768, 17, 17),
        "Mixed_7a": (1280, 8, 8),
        "Mixed_7c": (2048, 8, 8),
    }
    assert {name: sizes[name] for name in wanted} == wanted
    assert pooled.shape == (1, 2048)
    assert torch.allclose(logits, pooled @ net.fc.weight.T)


def through(block: nn.Module, x: Tensor, name: str) -> Tensor:
    """One convolution with its norm and ReLU, from the state dict alone."""
    state = block.state_dict()
    weight = state[f"{name}.conv.weight"]
    x = F.conv2d(x, weight, padding=(weight.shape[2] // 2, weight.shape[3] // 2))
    mean, variance, scale, shift = (
        state[f"{name}.bn.{part}"] for part in ("running_mean", "running_var", "weight", "bias")
    )
    return F.batch_norm(x, mean, variance, scale, shift, eps=0.001).relu()


def plain_average(x: Tensor) -> Tensor:
    """3 x 3 means of what lies inside the image."""
    ones = torch.ones(x.shape[1], 1, 3, 3)
    total = F.conv2d(x, ones, padding=1, groups=x.shape[1])
    return total / F.conv2d(torch.ones_like(x), ones, padding=1, groups=x.shape[1])


def test_average_pools_leave_the_padding_out() -> None:
    block, x = BlockA(16, 32).eval(), torch.rand(2, 16, 6, 6)
    with torch.no_grad():
        found = block(x)
        pooled = through(block, plain_average(x), "branch_pool")
        five = through(block, through(block, x, "branch5x5_1"), "branch5x5_2")
    assert torch.allclose(found[:, -32:], pooled, atol=1e-5)
    assert torch.allclose(found[:, 64:128], five, atol=1e-5)


@pytest.mark.parametrize("by_maximum", [False, True])
def test_the_last_block_pools_by_maximum(by_maximum: bool, net: InceptionV3) -> None:
    block, x = BlockE(8, by_maximum=by_maximum).eval(), torch.rand(2, 8, 5, 5)
    with torch.no_grad():
        found = block(x)
        pool = F.max_pool2d(F.pad(x, (1, 1, 1, 1)), 3, 1) if by_maximum else plain_average(x)
        once = through(block, x, "branch3x3_1")
        parts = [through(block, once, f"branch3x3_2{side}") for side in "ab"]
        assert torch.allclose(found[:, -192:], through(block, pool, "branch_pool"), atol=1e-5)
        assert torch.allclose(found[:, 320:1088], torch.cat(parts, 1), atol=1e-5)
    assert net.Mixed_7c.by_maximum
    assert not net.Mixed_7b.by_maximum


def test_images_are_enlarged_scaled_and_grey_is_repeated(net: InceptionV3) -> None:
    extractor = Inception(net, batch=2)
    grey = torch.rand(3, 1, 20, 24, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        enlarged = F.interpolate(grey.repeat(1, 3, 1, 1), size=(299, 299), mode="bilinear", align_corners=False)
        pooled, logits = net(enlarged * 2 - 1)
    found = extractor(grey)
    assert torch.allclose(found.values, pooled, atol=1e-5)
    assert found.probabilities is not None
    assert torch.allclose(found.probabilities, logits.softmax(1), atol=1e-5)


@pytest.mark.parametrize("shape", [(2, 4, 8, 8), (2, 2, 8, 8), (2, 7)])
def test_other_channels_are_refused(net: InceptionV3, shape: tuple[int, ...]) -> None:
    with pytest.raises(RequestError, match="1 or 3 channels"):
        Inception(net)(torch.rand(shape))


def test_weights_come_from_their_file(net: InceptionV3, tmp_path: Path) -> None:
    path = tmp_path / "net.pth"
    counters = {name for name in net.state_dict() if name.endswith("num_batches_tracked")}
    torch.save({name: values for name, values in net.state_dict().items() if name not in counters}, path)
    assert load_inception(path).hash == Inception(net).hash
    torch.save({"fc.bias": torch.zeros(3)}, path)
    for spoil in (lambda: None, lambda: path.write_bytes(b"no weights"), path.unlink):
        spoil()
        with pytest.raises(RequestError, match="does not hold the weights") as refused:
            load_inception(path)
        assert "\n" not in str(refused.value)


def test_the_published_file_is_pinned() -> None:
    assert f"{SHA256_PREFIX}.pth" in FILE
    assert URL.endswith(FILE)
