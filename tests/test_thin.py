"""Thin convolutions: the same as PyTorch's own, with the same gradients, of any order."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sparring.layout import channels_last
from sparring.nets.blocks import Conv, Transposed
from sparring.nets.thin import gathered, is_thin, spread

KERNELS = [(2, 0), (3, 1), (4, 1), (5, 2), (6, 2), (7, 3)]
"""Edges with their paddings, as the layers take them."""


def drawn(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def same_with_gradients(ours: Callable[..., Tensor], theirs: Callable[..., Tensor], *inputs: Tensor) -> None:
    """Outputs, gradients, and gradients of a gradient's length."""
    found = []
    for act in (ours, theirs):
        leaves = [x.clone(memory_format=torch.preserve_format).requires_grad_() for x in inputs]
        made = act(*leaves)
        first = torch.autograd.grad(made.square().sum() + made.sum(), leaves, create_graph=True)
        length = torch.stack([gradient.square().sum() for gradient in first]).sum()
        found.append([made, *first, *torch.autograd.grad(length, leaves)])
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(("kernel", "padding"), KERNELS)
@pytest.mark.parametrize("size", [(8, 8), (9, 11), (10, 7)])
def test_a_convolution_of_few_channels(kernel: int, padding: int, size: tuple[int, int]) -> None:
    x, weight, bias = drawn(2, 3, *size), drawn(6, 3, kernel, kernel, seed=1), drawn(6, seed=2)
    same_with_gradients(
        lambda x, w, b: gathered(x, w, b, padding), lambda x, w, b: F.conv2d(x, w, b, 2, padding), x, weight, bias
    )


@pytest.mark.parametrize(("kernel", "padding"), KERNELS)
@pytest.mark.parametrize("last", [False, True])
def test_a_transposed_convolution_to_few_channels(kernel: int, padding: int, last: bool) -> None:
    layer = Transposed(6, 3, kernel, 2).double()
    assert layer.padding == (padding, padding)
    x = channels_last(drawn(2, 6, 5, 4)) if last else drawn(2, 6, 5, 4)
    assert is_thin(layer, x)
    same_with_gradients(
        lambda x, w, b: spread(x, w, b, padding, (10, 8)),
        lambda x, w, b: F.conv_transpose2d(x, w, b, 2, padding, layer.output_padding),
        x,
        layer.weight.detach(),
        drawn(3, seed=3),
    )


@pytest.mark.parametrize("make", [lambda: Conv(3, 32, 5, 2), lambda: Transposed(32, 3, 4, 2)])
@pytest.mark.parametrize("last", [False, True])
def test_the_layers_take_it_and_keep_the_layout(make: Callable[[], nn.Module], last: bool) -> None:
    layer = make()
    assert isinstance(layer, (Conv, Transposed))
    x = drawn(4, layer.in_channels, 12, 12, dtype=torch.float32)
    if last:
        layer, x = layer.to(memory_format=torch.channels_last), channels_last(x)  # type: ignore[call-overload]
    x.requires_grad_()
    made = layer(x)
    assert "Gather" in str(made.grad_fn) or "Spread" in str(made.grad_fn.next_functions[0][0])
    plain = (nn.Conv2d if isinstance(layer, Conv) else nn.ConvTranspose2d).forward(layer, x)
    torch.testing.assert_close(made, plain, rtol=1e-4, atol=1e-5)
    assert made.stride() == plain.stride()


def test_under_autocast_it_is_in_bf16_with_gradients_in_float32() -> None:
    layer, x = Conv(1, 32, 5, 2), drawn(4, 1, 12, 12, dtype=torch.float32).requires_grad_()
    with torch.autocast("cpu", torch.bfloat16):
        made = layer(x)
        plain = nn.Conv2d.forward(layer, x)
    assert made.dtype == torch.bfloat16
    assert torch.equal(made, plain)
    ours = torch.autograd.grad(made.float().square().sum(), [x, *layer.parameters()])
    theirs = torch.autograd.grad(plain.float().square().sum(), [x, *layer.parameters()])
    for one, other in zip(ours, theirs, strict=True):
        assert one.dtype == torch.float32
        torch.testing.assert_close(one, other, rtol=0.02, atol=0.02 * float(other.abs().max()))


@pytest.mark.parametrize(
    "layer",
    [Conv(16, 32, 5, 2), Conv(3, 32, 5, 1), Conv(4, 32, 3, 2, groups=2), Conv(3, 32, 1, 2), Transposed(32, 16, 4, 2)],
)
def test_others_stay_as_they_are(layer: Conv | Transposed) -> None:
    x = torch.zeros(2, layer.in_channels, 8, 8)
    assert not is_thin(layer, x)
    assert "Gather" not in str(layer(x).grad_fn)


def test_an_exported_layer_is_plain() -> None:
    program = torch.export.export(Conv(3, 32, 5, 2), (torch.zeros(1, 3, 8, 8),))
    assert [node.target for node in program.graph.nodes if node.op == "call_function"] == [
        torch.ops.aten.conv2d.default
    ]
