"""Convolutions as networks here compute them: the same as PyTorch's own, with the same gradients, of any order."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import _SpectralNorm, spectral_norm
from torch.utils._python_dispatch import TorchDispatchMode

from sparring.base.draws import Key
from sparring.engine.layout import channels_last
from sparring.gan.game import Duel
from sparring.gan.objectives import NonSaturating
from sparring.gan.terms import R1, R2, GradientPenalty
from sparring.gan.terms.penalties import slopes
from sparring.nets import convolving, sloped
from sparring.nets.blocks import Conv, Halve, Transposed
from sparring.nets.convolving import Geometry, gathered, halved, spread
from tests.gan.test_loop import Setting

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


@pytest.mark.parametrize(("kernel", "padding"), [(1, 0), *KERNELS])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("size", [(8, 8), (9, 11), (10, 7)])
def test_a_convolution(kernel: int, padding: int, stride: int, size: tuple[int, int]) -> None:
    """Of few channels, so that by steps of 2 its gradient by them is folded."""
    geometry = Geometry((stride, stride), (padding, padding))
    x, weight, bias = drawn(2, 3, *size), drawn(6, 3, kernel, kernel, seed=1), drawn(6, seed=2)
    same_with_gradients(
        lambda x, w, b: gathered(x, w, b, geometry), lambda x, w, b: F.conv2d(x, w, b, stride, padding), x, weight, bias
    )


@pytest.mark.parametrize("groups", [1, 3])
def test_a_convolution_of_many_channels_or_of_groups(groups: int) -> None:
    geometry = Geometry((2, 2), (1, 1), groups)
    x, weight, bias = drawn(2, 12, 9, 8), drawn(6, 12 // groups, 3, 3, seed=1), drawn(6, seed=2)
    same_with_gradients(
        lambda x, w, b: gathered(x, w, b, geometry),
        lambda x, w, b: F.conv2d(x, w, b, 2, 1, groups=groups),
        channels_last(x),
        channels_last(weight),
        bias,
    )


@pytest.mark.parametrize(("kernel", "padding"), KERNELS)
@pytest.mark.parametrize("last", [False, True])
def test_a_transposed_convolution_to_few_channels(kernel: int, padding: int, last: bool) -> None:
    layer = Transposed(6, 3, kernel, 2).double()
    assert layer.padding == (padding, padding)
    same_with_gradients(
        lambda x, w: spread(x, w, padding, (10, 8)),
        lambda x, w: F.conv_transpose2d(x, w, None, 2, padding, layer.output_padding),
        channels_last(drawn(2, 6, 5, 4)) if last else drawn(2, 6, 5, 4),
        layer.weight.detach(),
    )


@pytest.mark.parametrize("shape", [(1, 3, 2, 2), (1, 3, 1, 1)])
def test_images_of_a_few_pixels(shape: tuple[int, ...]) -> None:
    geometry = Geometry((2, 2), (1, 1))
    same_with_gradients(
        lambda x, w: gathered(x, w, None, geometry),
        lambda x, w: F.conv2d(x, w, None, 2, 1),
        drawn(*shape),
        drawn(6, 3, 3, 3, seed=1),
    )


@pytest.mark.parametrize("size", [(8, 8), (9, 7)])
def test_means_of_four_places(size: tuple[int, int]) -> None:
    same_with_gradients(halved, lambda x: F.avg_pool2d(x, 2), drawn(2, 3, *size))


def test_the_slope_of_means_keeps_the_layout() -> None:
    layouts: list[bool] = []

    class Listening(TorchDispatchMode):
        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            found = func(*args, **(kwargs or {}))
            if isinstance(found, Tensor) and found.ndim == 4 and func is not torch.ops.aten.expand.default:
                layouts.append(found.is_contiguous(memory_format=torch.channels_last))
            return found

    def kept(act: Callable[[Tensor], Tensor]) -> bool:
        layouts.clear()
        x = channels_last(drawn(2, 6, 8, 8)).requires_grad_()
        with Listening(), sloped():
            (slope,) = torch.autograd.grad(act(x * x).square().sum(), x, create_graph=True)
            torch.autograd.grad(slope.square().sum(), x)
        return all(layouts)

    assert kept(Halve())
    assert not kept(nn.AvgPool2d(2))


def plain(layer: nn.Module, x: Tensor) -> Tensor:
    """PyTorch's own layer, with these weights."""
    assert isinstance(layer, (Conv, Transposed))
    if isinstance(layer, Conv):
        return F.conv2d(x, layer.weight, layer.bias, layer.stride, layer.padding, groups=layer.groups)  # type: ignore[arg-type]
    return F.conv_transpose2d(x, layer.weight, layer.bias, layer.stride, layer.padding, layer.output_padding)  # type: ignore[arg-type]


@pytest.mark.parametrize("make", [lambda: Conv(3, 32, 5, 2), lambda: Conv(8, 32, 3), lambda: Transposed(32, 3, 4, 2)])
@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("slope", [False, True])
def test_layers_are_pytorchs_and_keep_the_layout(make: Callable[[], nn.Module], last: bool, slope: bool) -> None:
    layer = make()
    assert isinstance(layer, (Conv, Transposed))
    x = drawn(4, layer.in_channels, 12, 12, dtype=torch.float32)
    if last:
        layer, x = layer.to(memory_format=torch.channels_last), channels_last(x)  # type: ignore[call-overload]
    x.requires_grad_()
    with sloped(slope):
        made = layer(x)
    assert ("Joined" in str(made.grad_fn)) == (isinstance(layer, Conv) and (slope or layer.stride == (2, 2)))
    wanted = plain(layer, x)
    torch.testing.assert_close(made, wanted, rtol=1e-4, atol=1e-5)
    assert made.stride() == wanted.stride()


def test_under_autocast_it_is_in_bf16_with_gradients_in_float32() -> None:
    layer, x = Conv(1, 32, 3), drawn(4, 1, 12, 12, dtype=torch.float32).requires_grad_()
    with torch.autocast("cpu", torch.bfloat16), sloped():
        made = layer(x)
        wanted = plain(layer, x)
    assert made.dtype == torch.bfloat16
    assert torch.equal(made, wanted)
    ours = torch.autograd.grad(made.float().square().sum(), [x, *layer.parameters()])
    theirs = torch.autograd.grad(wanted.float().square().sum(), [x, *layer.parameters()])
    for one, other in zip(ours, theirs, strict=True):
        assert one.dtype == torch.float32
        torch.testing.assert_close(one, other, rtol=0.02, atol=0.02 * float(other.abs().max()))


@pytest.mark.parametrize("term", [R1(), R2(), GradientPenalty()])
@pytest.mark.parametrize("update", ["alternating", "simultaneous"])
def test_penalties_make_their_passes_so(term: Any, update: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found: dict[str, list[bool]] = {"real": [], "fake": [], "penalised": []}
    judge = Duel.judge

    def noted(duel: Duel, sample: Tensor, batch: Any, now: Any, key: Any) -> Any:
        verdict = judge(duel, sample, batch, now, key)
        kind = next(kind for kind in found if key.word in {Key(1).at(*path, "augment", kind).word for path in paths})
        found[kind].append(convolving._sloped.get())
        return verdict

    paths = [("both", 0), ("discriminator", 0, 0), ("generator", 0, 0)]
    monkeypatch.setattr(Duel, "judge", noted)
    Setting(NonSaturating(), terms={"term": term}, update=update).steps(1)
    wanted = {"R1": "real", "R2": "fake", "GradientPenalty": "penalised"}[type(term).__name__]
    assert {kind for kind, seen in found.items() if any(seen)} == {wanted}


@pytest.mark.parametrize("layer", [Transposed(16, 16, 4, 2), Transposed(16, 3, 3, 1), nn.Conv2d(3, 8, 3, 2)])
def test_others_stay_as_they_are(layer: nn.Module) -> None:
    x = torch.zeros(2, int(layer.in_channels), 8, 8, requires_grad=True)  # type: ignore[arg-type]
    assert "ConvolutionBackward" in str(layer(x).grad_fn)


@pytest.mark.parametrize("make", [lambda: Conv(3, 8, 3, 2), Halve])
def test_compiled_layers_are_one_graph(make: Callable[[], nn.Module]) -> None:
    layer, x = make(), drawn(2, 3, 8, 8, dtype=torch.float32).requires_grad_()
    with sloped():
        compiled = torch.compile(layer, fullgraph=True, backend="eager")(x)
    torch.testing.assert_close(compiled, layer(x), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("make", [lambda: Conv(3, 8, 3, 2), lambda: Transposed(3, 2, 4, 2), Halve])
def test_functional_gradients_go_through(make: Callable[[], nn.Module]) -> None:
    layer, x = make(), drawn(2, 3, 8, 8, dtype=torch.float32)
    slope = torch.func.grad(lambda x: layer(x).square().sum())(x)
    (wanted,) = torch.autograd.grad(layer(x.requires_grad_()).square().sum(), x)
    torch.testing.assert_close(slope, wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("make", [lambda: Conv(3, 8, 3, 2), lambda: Conv(3, 8, 3), lambda: Transposed(8, 3, 4, 2)])
def test_spectral_norms_take_one_step_a_pass(make: Callable[[], nn.Module], monkeypatch: pytest.MonkeyPatch) -> None:
    steps = []
    inner = _SpectralNorm._power_method
    monkeypatch.setattr(_SpectralNorm, "_power_method", lambda *given: steps.append(1) or inner(*given))  # type: ignore[func-returns-value]
    layer = spectral_norm(make())
    x = drawn(2, int(layer.in_channels), 8, 8, dtype=torch.float32).requires_grad_()  # type: ignore[arg-type]
    steps.clear()
    with sloped():
        layer(x)
    assert len(steps) == 1


def test_only_gradients_that_are_asked_for_are_computed() -> None:
    """Those by weights are not where a slope is taken, nor those by maps where weights are asked for."""
    wanted: list[list[bool]] = []

    class Listening(TorchDispatchMode):
        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            if func is torch.ops.aten.convolution_backward.default:
                wanted.append(list(args[-1]))
            return func(*args, **(kwargs or {}))

    net = nn.Sequential(Conv(4, 16, 3), Conv(16, 16, 3))
    x = drawn(2, 4, 8, 8, dtype=torch.float32).requires_grad_()
    with sloped(), Listening():
        slope = slopes(net(x).flatten(1).sum(1), x)
    assert wanted == [[True, False, False]] * 2
    slope.square().sum().backward()  # type: ignore[no-untyped-call]
    assert all(weight.grad is not None for layer in net for weight in [layer.weight])
    wanted.clear()
    with sloped(), Listening():
        torch.autograd.grad(net(x).square().sum(), list(net.parameters()))
    assert wanted == [[False, True, True], [True, False, False], [False, True, True]]


def test_halving_keeps_no_maps_beyond_a_backward_pass() -> None:
    x = drawn(2, 3, 8, 8).requires_grad_()
    inner = x * x
    maps = weakref.ref(inner)
    with sloped():
        loss = Halve()(inner).square().sum()
    del inner
    loss.backward()  # type: ignore[no-untyped-call]
    assert maps() is None


def test_what_needs_no_slope_of_its_input_is_plain() -> None:
    assert "ConvolutionBackward" in str(Conv(3, 8, 3, 2)(torch.zeros(2, 3, 8, 8)).grad_fn)


def test_one_image_without_a_batch() -> None:
    for layer in (Conv(3, 8, 3, 2), Transposed(3, 2, 4, 2)):
        assert layer(torch.zeros(3, 8, 8, requires_grad=True)).ndim == 3


@pytest.mark.parametrize("make", [lambda: Conv(3, 32, 5, 2), lambda: Transposed(32, 3, 4, 2)])
def test_an_exported_layer_is_plain(make: Callable[[], Conv | Transposed]) -> None:
    layer = make()
    program = torch.export.export(layer, (torch.zeros(1, layer.in_channels, 8, 8),))
    called = [node.target for node in program.graph.nodes if node.op == "call_function"]
    assert called == [
        torch.ops.aten.conv2d.default if isinstance(layer, Conv) else torch.ops.aten.conv_transpose2d.input
    ]


def test_the_slope_of_a_slope_takes_no_convolution_by_maps() -> None:
    """PyTorch's own takes some with kernels as large as the maps."""
    kernels: list[int] = []

    class Listening(TorchDispatchMode):
        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            if func is torch.ops.aten.convolution.default:
                kernels.append(args[1].shape[2])
            return func(*args, **(kwargs or {}))

    def widest(layer: Callable[[Tensor], Tensor], weight: Tensor) -> int:
        kernels.clear()
        x = drawn(2, 16, 12, 12, dtype=torch.float32).requires_grad_()
        with Listening():
            (slope,) = torch.autograd.grad(layer(x).square().sum(), x, create_graph=True)
            torch.autograd.grad(slope.square().sum(), weight)
        return max(kernels)

    layer = Conv(16, 16, 3)
    with sloped():
        assert widest(layer, layer.weight) == 3
    assert widest(layer, layer.weight) > 3


def test_maps_are_freed_by_a_backward_pass() -> None:
    net = Conv(3, 8, 3)
    x = drawn(2, 3, 8, 8, dtype=torch.float32).requires_grad_()
    inner = x * x
    maps = weakref.ref(inner)
    with sloped():
        loss = net(inner).square().sum()
    del inner
    loss.backward()  # type: ignore[no-untyped-call]
    assert maps() is None
