"""Surgery acts where it says, does what it says, and says so where it cannot."""

from __future__ import annotations

import copy

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sparring.base.draws import Key
from sparring.base.errors import RequestError
from sparring.base.part import parse
from sparring.gan.schedules import Linear, Now
from sparring.gan.surgery import (
    ClipWeights,
    Drop,
    Dropout,
    Freeze,
    Norm,
    SpectralNorm,
    called_layers,
    joined_passes,
    operate,
    random_layers,
    rewind,
)
from sparring.nets import Dcgan, Dense, R3gan, Resnet, initialise

NOW = Now(50, 500, 100)
ROWS = torch.arange(256)


def dense(norm: str = "none", widths: tuple[int, ...] = (12, 10)) -> nn.Module:
    return initialise(Dense(widths=widths, norm=norm).discriminator((6,)), Key(0)).train()


def cut(net: nn.Module, *operations: object, shape: tuple[int, ...] = (6,), **named: object) -> nn.Module:
    surgery = {type(o).__name__.lower(): o for o in operations} | named
    net = operate(net, surgery, lambda n: n(torch.zeros(2, *shape)), Key(1))  # type: ignore[arg-type]
    for layer in random_layers(net):
        layer.set_rate(NOW)
    return net


def drop(rate: float, kind: str = "value", **more: object) -> Drop:
    layer = Drop(rate, kind, **more).train()  # type: ignore[arg-type]
    layer.set_rate(NOW)
    layer.rewind(Key(3), ROWS)
    return layer


@pytest.mark.parametrize("kind", ["value", "channel", "block", "gaussian"])
@pytest.mark.parametrize("rate", [0.1, 0.3, 0.5, 0.9])
def test_the_mean_is_kept_everywhere(kind: str, rate: float) -> None:
    """Inverted scaling: at every position, over samples and calls, the mean output is the input."""
    layer = drop(rate, kind)
    x = torch.full((256, 3, 7, 8), 2.0)
    total = torch.stack([layer(x) for _ in range(60)]).double()
    variance = 4 * rate / (1 - rate)
    draws = 60 * 256
    assert float((total.mean((0, 1)) - 2).abs().max()) < 5.5 * (variance / draws) ** 0.5
    assert float(total.var()) == pytest.approx(variance, rel=0.08)


@pytest.mark.parametrize("kind", ["value", "channel", "block"])
@pytest.mark.parametrize("rate", [0.25, 0.3, 0.77])
def test_what_is_kept_is_scaled_and_the_rest_zero(kind: str, rate: float) -> None:
    out = drop(rate, kind)(torch.ones(256, 16, 9, 9))
    kept = out[out != 0]
    torch.testing.assert_close(kept, torch.full_like(kept, 1 / (1 - rate)), rtol=5e-5, atol=0)
    dropped = float((out == 0).double().mean())
    units = 256 * 16 * {"value": 81, "channel": 1, "block": 9}[kind]
    assert abs(dropped - rate) < 5 * (rate * (1 - rate) / units) ** 0.5


def test_channels_fall_whole_and_blocks_in_squares() -> None:
    channels = drop(0.5, "channel")(torch.ones(64, 8, 5, 5)) == 0
    assert torch.equal(channels.flatten(2).any(2), channels.flatten(2).all(2))
    blocks = (drop(0.5, "block", block=4)(torch.ones(8, 3, 32, 32)) == 0).float()
    # within a block of 4 neighbours agree three times of four; single values agree half the time
    agree = float((blocks[..., 1:] == blocks[..., :-1]).float().mean())
    assert agree == pytest.approx(0.75 + 0.25 * 0.5, abs=0.02)


def test_blocks_drop_borders_as_often_as_the_middle() -> None:
    layer = drop(0.4, "block")
    dropped = torch.stack([(layer(torch.ones(256, 4, 7, 7)) == 0).double().mean((0, 1)) for _ in range(40)]).mean(0)
    assert float((dropped - 0.4).abs().max()) < 0.02


def test_a_rate_of_zero_and_eval_mode_change_nothing() -> None:
    x = torch.randn(256, 5)
    assert drop(0.0)(x) is x
    assert drop(0.5).eval()(x) is x
    assert not torch.equal(drop(0.5, always=True).eval()(x), x)


@pytest.mark.parametrize("kind", ["value", "channel", "block", "gaussian"])
def test_inverted_scaling_keeps_the_mean_in_training_and_changes_nothing_in_eval(kind: str) -> None:
    """Of a layer behind it: the mean over masks is what the layer gives in eval mode, where nothing is scaled back."""
    layer, weights = drop(0.35, kind), torch.randn(4, 3, 6, 6, generator=torch.Generator().manual_seed(1)).double()
    x = torch.randn(1, 3, 6, 6, generator=torch.Generator().manual_seed(2)).double().expand(256, -1, -1, -1)
    outputs = torch.cat([torch.einsum("bchw,kchw->bk", layer(x), weights) for _ in range(80)])
    layer.eval()
    assert layer(x) is x
    wanted = torch.einsum("bchw,kchw->bk", layer(x), weights)[0]
    error = outputs.std(0) / len(outputs) ** 0.5
    assert bool(((outputs.mean(0) - wanted).abs() < 4.5 * error).all())
    assert float(error.max()) < 0.1  # else the test could not tell


def test_channels_of_a_sequence_fall_for_the_whole_of_it() -> None:
    """One mask a sequence, [batch, units, length]: a unit falls at all places or at none (Gal and Ghahramani 2016)."""
    dropped = drop(0.5, "channel")(torch.ones(256, 8, 20)) == 0
    assert torch.equal(dropped.any(2), dropped.all(2))
    assert 0.4 < float(dropped.double().mean()) < 0.6


def test_masks_are_functions_of_key_call_and_row() -> None:
    layer, x = drop(0.5), torch.ones(256, 40)
    first, second = layer(x), layer(x)
    assert not torch.equal(first, second)
    layer.rewind(Key(3), ROWS)
    assert torch.equal(layer(x), first)
    layer.rewind(Key(3), ROWS[100:150])
    assert torch.equal(layer(x[100:150]), first[100:150])
    layer.rewind(Key(4), ROWS)
    assert not torch.equal(layer(x), first)


@pytest.mark.parametrize("rate", [0.003, 0.01, 0.1234, 0.997])
def test_the_rate_is_not_rounded_to_the_bits_of_a_draw(rate: float) -> None:
    layer = drop(rate)
    dropped = float(torch.stack([(layer(torch.ones(256, 5000)) == 0).double().mean() for _ in range(20)]).mean())
    draws = 20 * 256 * 5000
    assert abs(dropped - rate) < 5 * (rate * (1 - rate) / draws) ** 0.5 + 2.0**-17


def test_neighbouring_values_rows_calls_and_layers_are_dropped_independently() -> None:
    layer, other = drop(0.5), Drop(0.5, "value", site="elsewhere").train()
    other.set_rate(NOW)
    other.rewind(Key(3), ROWS)
    first, second, third = ((one(torch.ones(256, 4096)) == 0).double() - 0.5 for one in (layer, layer, other))
    pairs = [(first[:, lag:], first[:, :-lag]) for lag in (1, 2, 4, 7, 8, 16, 64)]
    pairs += [(first[1:], first[:-1]), (first, second), (first, third)]
    for one, another in pairs:
        assert abs(float((one * another).mean()) * 4) < 5 / one.numel() ** 0.5


@pytest.mark.parametrize(
    ("rate", "correlation"),
    [(0.5, 0), (255 / 256, 0), (0.25, 0), (0.1, 4.06e-5), (0.03, 1.14e-4), (0.998, 1.91e-3), (0.999, 2.90e-3)],
)
def test_values_of_a_sample_hang_together_by_what_is_said(rate: float, correlation: float) -> None:
    """They share a threshold (docs/dropout.md): it shows in how much the number of those that fall varies."""
    values = 1000
    layer = drop(rate)
    fallen = torch.cat([(layer(torch.ones(256, values)) == 0).sum(1) for _ in range(40)]).double()
    wanted = 1 + (values - 1) * correlation
    found = float(fallen.var()) / (values * rate * (1 - rate))
    assert found == pytest.approx(wanted, rel=0.08)


def test_at_an_extreme_rate_most_samples_lose_everything() -> None:
    layer = drop(0.999)
    kept = torch.cat([layer(torch.ones(256, 1000)).any(1) for _ in range(40)])
    assert float(kept.double().mean()) == pytest.approx(0.258 * (1 - (255 / 256) ** 1000), abs=0.015)
    assert pytest.approx(0.632, abs=0.001) == 1 - 0.999**1000  # of independent values


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32, torch.float64])
def test_every_type_of_number_is_dropped_alike(dtype: torch.dtype) -> None:
    out = drop(0.3)(torch.ones(256, 33, dtype=dtype))
    assert out.dtype == dtype
    assert torch.equal(out == 0, drop(0.3)(torch.ones(256, 33)) == 0)


@pytest.mark.parametrize("kind", ["value", "channel", "block", "gaussian"])
def test_joined_passes_draw_what_each_would_have_drawn(kind: str) -> None:
    x = torch.ones(256, 6, 5, 5)
    apart = drop(0.4, kind)
    wanted = torch.cat([apart(x), apart(x)])
    joined = drop(0.4, kind)
    with joined_passes([joined], 2):
        assert torch.equal(joined(torch.cat([x, x])), wanted)
    assert torch.equal(joined.state, apart.state)


def test_without_a_run_masks_come_from_the_global_generator() -> None:
    layer = Drop(0.5, "value").train()
    layer.set_rate(NOW)
    x = torch.ones(8, 100)
    torch.manual_seed(5)
    first, second = layer(x), layer(x)
    torch.manual_seed(5)
    assert torch.equal(layer(x), first)
    assert not torch.equal(first, second)


def test_dropout_agrees_with_pytorchs_in_distribution_and_gradient() -> None:
    """Same mask, same output and gradient as multiplying by hand."""
    x = torch.randn(256, 30, requires_grad=True)
    out = drop(0.5)(x)
    mask = (out != 0).float() * 2
    torch.testing.assert_close(out, x * mask)
    (gradient,) = torch.autograd.grad(out.sum(), x)
    torch.testing.assert_close(gradient, mask)
    reference = F.dropout(torch.ones(256, 30), 0.5)
    assert {0.0, 2.0} == set(reference.unique().tolist()) == set(mask.unique().tolist())


def test_the_rate_follows_its_schedule() -> None:
    layer = Drop(Linear(start=0.0, end=0.8), "value").train()
    for step, wanted in ((0, 0.0), (50, 0.4), (100, 0.8)):
        layer.set_rate(Now(step, 0, 100))
        layer.rewind(Key(step), ROWS)
        assert float((layer(torch.ones(256, 200)) == 0).double().mean()) == pytest.approx(wanted, abs=0.02)


def test_a_list_gives_each_unit_its_rate() -> None:
    net = cut(dense(widths=(4, 3)), Dropout(rate=(0.0, 0.25, 0.5, 0.75), where="hidden.1"))
    (layer,) = random_layers(net)
    layer.rewind(Key(1), torch.arange(20_000))
    dropped = (layer(torch.ones(20_000, 4)) == 0).double().mean(0)
    torch.testing.assert_close(dropped, torch.tensor([0.0, 0.25, 0.5, 0.75]).double(), atol=0.02, rtol=0)
    with pytest.raises(RequestError, match="list of 3 rates for a layer of 4 units"):
        cut(dense(widths=(4, 3)), Dropout(rate=(0.1, 0.2, 0.3), where="hidden.1"))(torch.zeros(2, 6))


def test_dropout_stands_after_each_hidden_activation_never_on_the_last_layer() -> None:
    for net, shape, wanted in (
        (dense(), (6,), ["hidden.1", "hidden.3"]),
        (Dcgan(widths=(8, 16)).discriminator((1, 16, 16)), (1, 16, 16), ["convolutions.1", "convolutions.4"]),
    ):
        net = cut(net, Dropout(rate=0.5), shape=shape)
        assert [name.rpartition(".")[0] for name, m in net.named_modules() if isinstance(m, Drop)] == wanted
    generator = Dense(widths=(8,)).generator(5, (3, 2, 2))
    generator = operate(generator, {"dropout": Dropout()}, lambda n: n(torch.zeros(2, 5)), Key(0))
    assert [n for n, m in generator.named_modules() if isinstance(m, Drop)] == ["hidden.1.dropout"]


@pytest.mark.parametrize("options", [Resnet(width=8), R3gan(width=16, most=32), Dcgan(widths=(8, 8))])
def test_dropout_finds_its_places_in_every_convolutional_network(options: Resnet) -> None:
    discriminator = options.discriminator((3, 16, 16))
    net = cut(discriminator, Dropout(rate=0.5), shape=(3, 16, 16))
    assert len(random_layers(net)) >= 2
    for parameter in net.parameters():  # r3gan's blocks start as the identity, where dropout changes nothing
        nn.init.normal_(parameter, 0, 0.2)
    x = torch.randn(4, 3, 16, 16)
    rewind(random_layers(net), Key(0), torch.arange(4))
    assert not torch.equal(net(x).logits, net(x).logits)
    net.eval()
    assert torch.equal(net(x).logits, net(x).logits)


def test_patterns_choose_places_and_several_dropouts_stand_side_by_side() -> None:
    net = cut(
        dense(widths=(12, 10, 8)),
        early=Dropout(rate=0.1, where="hidden.1"),
        late=Dropout(rate=0.6, where=("hidden.3", "hidden.5")),
    )
    rates = {n: float(m.rate) for n, m in net.named_modules() if isinstance(m, Drop)}
    assert rates == pytest.approx({"hidden.1.early": 0.1, "hidden.3.late": 0.6, "hidden.5.late": 0.6})


def test_a_pattern_may_name_a_layer_that_is_no_activation() -> None:
    net = cut(dense(), Dropout(rate=0.5, where="hidden.0"))
    assert [n for n, m in net.named_modules() if isinstance(m, Drop)] == ["hidden.0.dropout"]


def test_parameters_keep_their_names() -> None:
    plain = dense()
    names = list(plain.state_dict())
    assert list(cut(copy.deepcopy(plain), Dropout(rate=0.5)).state_dict()) == names


class Functional(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(6, 5), nn.Linear(5, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(F.relu(self.first(x)))


def test_surgery_without_a_place_is_an_error() -> None:
    with pytest.raises(RequestError, match="called as a function"):
        cut(Functional(), Dropout())
    with pytest.raises(RequestError, match=r"no hidden layer is named 'hiden.1'; did you mean 'hidden.1'"):
        cut(dense(), Dropout(where="hiden.1"))
    with pytest.raises(RequestError, match="spectral_norm: finds no place"):
        cut(dense(), SpectralNorm(where="conv*"))
    with pytest.raises(RequestError, match="freeze: finds no place"):
        cut(dense(), Freeze(where="nothing*"))
    with pytest.raises(RequestError, match="no normalisation to take away"):
        cut(dense(), Norm(kind="none"))
    with pytest.raises(RequestError, match="freezes every weight"):
        cut(dense(), Freeze(where="*"))


class Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.turns = nn.GRU(3, 5, batch_first=True)
        self.last = nn.Linear(5, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.turns(x.reshape(-1, 2, 3))[0][:, -1])


def test_a_layer_that_gives_more_than_a_tensor_is_no_place() -> None:
    with pytest.raises(RequestError, match=r"dropout.where: layer 'turns' gives no tensor alone; name a layer behind"):
        cut(Recurrent(), Dropout(where="turns"))


def test_execution_order_counts_not_the_order_of_definition() -> None:
    class Backwards(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.last = nn.Linear(5, 1)
            self.act = nn.ReLU()
            self.first = nn.Linear(6, 5)

        def forward(self, x: Tensor) -> Tensor:
            return self.last(self.act(self.first(x)))

    net = Backwards()
    assert [name for name, _ in called_layers(net, lambda n: n(torch.zeros(1, 6)))] == ["first", "act", "last"]
    assert [n for n, m in cut(net, Dropout()).named_modules() if isinstance(m, Drop)] == ["act.dropout"]


def test_spectral_norm_brings_singular_values_to_one_and_is_reproducible() -> None:
    nets = [cut(dense(), SpectralNorm()) for _ in range(2)]
    x = torch.randn(16, 6)
    for net in nets:
        for _ in range(50):
            net(x)
    assert torch.equal(nets[0](x).logits, nets[1](x).logits)
    weights = [m.weight for m in nets[0].modules() if isinstance(m, nn.Linear)]
    for weight in weights:
        assert float(torch.linalg.matrix_norm(weight.detach(), 2)) == pytest.approx(1.0, abs=2e-2)


def test_freeze_holds_what_it_names() -> None:
    net = cut(dense(), Freeze(where=("hidden.0.*",)))
    assert {n for n, p in net.named_parameters() if not p.requires_grad} == {"hidden.0.weight", "hidden.0.bias"}


def test_norms_are_put_in_replaced_and_taken_away() -> None:
    put_in = cut(dense(), Norm(kind="batch"))
    assert sum(isinstance(m, nn.BatchNorm1d) for m in put_in.modules()) == 2
    out = put_in.hidden[0](torch.randn(64, 6) * 5 + 3)  # type: ignore[index,operator]
    torch.testing.assert_close(out.mean(0), torch.zeros(12), atol=1e-5, rtol=0)
    replaced = cut(dense("batch"), Norm(kind="layer"))
    kinds = [type(m) for m in replaced.modules()]
    assert nn.BatchNorm1d not in kinds
    assert kinds.count(nn.GroupNorm) == 2
    assert nn.BatchNorm1d not in [type(m) for m in cut(dense("batch"), Norm(kind="none")).modules()]
    with pytest.raises(RequestError, match="feature maps"):
        cut(dense(), Norm(kind="instance"))


def test_weights_are_clipped_before_each_pass_also_twice_in_one_step() -> None:
    net = cut(dense(), ClipWeights(limit=0.05))
    first, second = net(torch.randn(8, 6)).logits, net(torch.randn(8, 6)).logits
    (first.sum() + second.sum()).backward()
    for name, parameter in net.named_parameters():
        if name.endswith("weight"):
            assert float(parameter.detach().abs().max()) <= 0.05 + 1e-9
    with torch.no_grad():
        next(net.parameters()).add_(1.0)
    net(torch.randn(8, 6))
    assert float(next(net.parameters()).detach().max()) <= 0.05 + 1e-9


def test_example_runs_leave_no_trace() -> None:
    net = dense("batch")
    before = copy.deepcopy(net.state_dict())
    called_layers(net, lambda n: n(torch.randn(4, 6)))
    assert net.training
    for name, tensor in net.state_dict().items():
        assert torch.equal(tensor, before[name])


@pytest.mark.parametrize("rate", [1, 1.0, -0.1, 1.5, {"linear": {"start": 0, "end": 1}}, [0.1, 1.0]])
def test_rates_outside_zero_to_one_are_refused(rate: object) -> None:
    with pytest.raises(RequestError, match="not in"):
        parse(lambda: Dropout.model_validate({"rate": rate}))


def test_unit_is_another_word_for_kind() -> None:
    assert Dropout.model_validate({"rate": 0.25, "unit": "channel"}).kind == "channel"
    assert Dropout.model_validate({"kind": "block"}).kind == "block"


def test_operated_networks_can_be_copied() -> None:
    net = cut(dense(), Dropout(rate=0.5), ClipWeights(), SpectralNorm())
    twin = copy.deepcopy(net)
    own = {id(layer) for layer in random_layers(net)}
    assert own.isdisjoint(id(layer) for layer in random_layers(twin))
    for one in (net, twin):
        rewind(random_layers(one), Key(8), torch.arange(4))
    x = torch.randn(4, 6)
    assert torch.equal(net(x).logits, twin(x).logits)


@pytest.mark.parametrize("first", ["spectral_norm", "dropout"])
def test_dropout_finds_its_places_beside_spectral_norm(first: str) -> None:
    """Whichever comes first: weights that were reparametrised are still the layer's own."""
    operations = {"spectral_norm": SpectralNorm(), "dropout": Dropout(rate=0.5)}
    order = [first, *(name for name in operations if name != first)]
    net = cut(dense(), **{name: operations[name] for name in order})
    plain = cut(dense(), Dropout(rate=0.5))
    places = [name.rsplit(".", 1)[0] for name, layer in net.named_modules() if isinstance(layer, Drop)]
    assert places == [name.rsplit(".", 1)[0] for name, layer in plain.named_modules() if isinstance(layer, Drop)]
    assert len(places) == 2
