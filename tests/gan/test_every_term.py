"""What every term keeps to."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from sparring import kinds
from sparring.base.draws import Key
from sparring.gan.game import Turn
from sparring.gan.terms import TERMS, Term
from sparring.nets import Verdict
from tests.gan.test_terms import dropped_net
from tests.plain import turn_of

ALL = kinds.parts(Term)
X = torch.randn(8, 4, generator=torch.Generator().manual_seed(3))


@pytest.fixture(params=sorted(ALL))
def term(request: pytest.FixtureRequest) -> Term:
    return ALL[request.param]()  # type: ignore[return-value]


class Surprised(nn.Module):
    """A discriminator with something like an auxiliary network beside it, and with hidden maps."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: Tensor) -> Verdict:
        verdict: Verdict = self.net(x)
        assert verdict.features is not None
        return verdict._replace(surprise=verdict.features.square().mean(1), maps=(verdict.features,))


def net_of(rate: float) -> nn.Module:
    return Surprised(dropped_net(rate))


def test_names_are_known_to_recipes(term: Term) -> None:
    assert set(TERMS) <= set(ALL.values())
    assert ALL[type(term).recipe_name()] is type(term)


def a_turn(term: Term, watched: frozenset[str], seed: int = 0) -> tuple[Turn, nn.Module]:
    """A turn of the player whose term it is, and this one's network: terms of likeness are the generator's."""
    net = net_of(0.5)
    if term.likeness is None:
        turn = turn_of(X, net, watched=watched, seed=seed)
    else:
        maker = nn.Linear(4, 4)
        with torch.no_grad():
            maker.weight.copy_(torch.arange(16.0).reshape(4, 4).sin())
        turn = turn_of(X, net, maker, mover="generator", watched=watched, seed=seed)
    turn.begin()
    return turn, turn.net


def value_and_gradients(term: Term, seed: int = 0) -> tuple[Tensor, list[Tensor]]:
    turn, net = a_turn(term, term.watches, seed)
    value = term(turn)
    gradients = torch.autograd.grad(value, list(net.parameters()), allow_unused=True, materialize_grads=True)
    return value.detach(), list(gradients)


def test_a_term_is_a_finite_scalar_that_moves_weights(term: Term) -> None:
    value, gradients = value_and_gradients(term)
    assert value.shape == ()
    assert torch.isfinite(value)
    assert float(value) >= 0
    assert any(bool(gradient.any()) for gradient in gradients)
    assert all(torch.isfinite(gradient).all() for gradient in gradients)


def test_a_term_is_a_function_of_the_turn(term: Term) -> None:
    first, second = value_and_gradients(term), value_and_gradients(term)
    assert torch.equal(first[0], second[0])
    assert all(torch.equal(a, b) for a, b in zip(first[1], second[1], strict=True))


def test_the_weight_multiplies(term: Term) -> None:
    assert float(type(term)(weight=0.25).weight) == 0.25  # type: ignore[arg-type]
    assert term.every == 1


def test_watched_samples_are_those_that_are_needed(term: Term) -> None:
    """Without them the term cannot be computed; with no others it can."""
    assert term.watches <= {"real", "fake"}
    turn, _ = a_turn(term, frozenset())
    if term.watches:
        with pytest.raises(RuntimeError, match="require grad|grad_fn"):
            term(turn)
    else:
        term(turn)


def test_the_batch_is_not_changed(term: Term) -> None:
    before = X.clone()
    value_and_gradients(term)
    assert torch.equal(X, before)
    assert not X.requires_grad


def test_keys_are_used(term: Term, monkeypatch: pytest.MonkeyPatch) -> None:
    """A term that draws draws from the turn's key, never from PyTorch's global generator."""

    def forbidden(*_: object, **__: object) -> Tensor:
        raise AssertionError("drew from the global generator")

    for name in ("rand", "randn", "rand_like", "randn_like", "bernoulli", "randint"):
        monkeypatch.setattr(torch, name, forbidden)
    value_and_gradients(term, seed=5)
    assert Key(5).word
