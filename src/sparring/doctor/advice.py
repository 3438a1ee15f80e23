"""What is said before a training starts: known mistakes with dropout, normalisation, penalties and losses, each in one
line that says what to do. What could not train is refused."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from statistics import median
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.dropout import _DropoutNd
from torch.nn.utils.parametrizations import _SpectralNorm

from sparring.base.draws import Key
from sparring.base.errors import RequestError
from sparring.data import Batch, probe_batch
from sparring.engine import ranks
from sparring.gan.game import SIDES, Side, Turn
from sparring.gan.games.noise import as_verdict
from sparring.gan.match import Match
from sparring.gan.players import frozen
from sparring.gan.sampling import make, measuring
from sparring.gan.schedules import Adaptive, Now, highest
from sparring.gan.surgery import Drop, Dropout, called_layers, random_layers, rewind, without_masks
from sparring.gan.surgery.places import WEIGHTED
from sparring.gan.terms.base import Term
from sparring.nets import Own
from sparring.recipe import Recipe

HIGH_RATE = 0.6
"""A rate above it is more often a probability to keep than meant."""
LARGE_EPS = 1e-2
"""Of a batch norm: beyond it, eps is no guard against division by zero but part of the variance."""
WIDER = 1.1
"""How much wider an input of a batch norm may be in training than in eval mode before it is told."""
BOUNDED = ("hinge", "wasserstein")
"""Objectives that take no sigmoid, and whose logits must not be bounded either."""


def advice(recipe: Recipe, match: Match) -> list[str]:
    """All that there is to say of a match that was built to be tried, not to be trained.

    Raises RequestError where what the recipe and the user's networks ask for cannot train as it is meant.
    """
    found = [*of_recipe(recipe, len(match.heldout))]
    for side, net in match.nets().items():
        found += [f"{side}: {line}" for line in of_layers(net)]
    found += [f"discriminator: {line}" for line in of_slopes(match.discriminator)]
    with ranks.alone():
        found += of_statistics(match)
        if isinstance(recipe.discriminator.net, Own):
            found += of_output(recipe, match)
            found += of_the_generators_move(recipe, match)
    return found


def of_recipe(recipe: Recipe, heldout: int) -> Iterator[str]:
    """What the recipe says that is rarely meant, with so many samples held out."""
    for side in SIDES:
        options = getattr(recipe, side)
        for name, surgery in options.surgery.items():
            if not isinstance(surgery, Dropout) or isinstance(surgery.rate, Adaptive):
                continue  # a controller's bound is where it may go at need
            rate = highest(surgery.rate)
            if rate > HIGH_RATE:
                yield f"{side}.surgery.{name}.rate: {_too_high(rate, 'rate')}"
        for name, term in options.terms.items():
            if isinstance(term, Term) and highest(term.weight) == 0:
                yield f"{side}.terms.{name}: has weight 0 and does nothing; give it a weight, or leave it out"
    for path, adaptive in recipe.controllers().items():
        if heldout == 0 or adaptive.signal == "sign":
            better = "set data's held_out=0.1" if heldout == 0 else "say signal=heldout"
            yield (
                f"{path}: follows the sign of training samples' logits, the weaker signal: it does not tell "
                f"overfitting from a discriminator that is merely ahead; {better}"
            )


def _too_high(rate: float, name: str) -> str:
    return (
        f"{rate:g} is the probability to drop, which keeps {1 - rate:.2g} of the values; take 0.1 to 0.5, "
        f"and if it was meant as a probability to keep, {name}={1 - rate:.2g}"
    )


def of_layers(net: nn.Module) -> Iterator[str]:
    """Layers with numbers that are rarely meant; those of a user's own networks, for the recipe's have none."""
    for name, module in net.named_modules():
        if isinstance(module, _BatchNorm) and module.eps > LARGE_EPS:
            told = f"batch norm '{name}' has eps={module.eps:g}, which is added to the variance"
            made = f"{type(module).__name__}({module.num_features}, momentum={1 - module.eps:.2g})"
            meant = f" (if momentum was meant, Keras's {module.eps:g} is {made})" if module.eps < 1 else ""
            yield f"{told}; leave it at 1e-5{meant}"
        if isinstance(module, _DropoutNd) and module.p > HIGH_RATE:
            yield f"{type(module).__name__} '{name}': p={_too_high(module.p, 'p')}"


def of_slopes(net: nn.Module) -> Iterator[str]:
    """Spectral normalisation bounds the slope of each layer by 1; what a mask keeps is scaled up behind it."""
    if not any(isinstance(module, _SpectralNorm) for module in net.modules()):
        return
    rates = [highest(layer.schedule) for layer in random_layers(net)]
    rates += [module.p for module in net.modules() if isinstance(module, _DropoutNd)]
    kinds = {layer.kind for layer in random_layers(net)}
    rates = [rate for rate in rates if 0 < rate < 1]
    if not rates:
        return
    bound = lipschitz_factor(rates)
    grown = "has no bound at all" if "gaussian" in kinds else f"grows up to {bound:.3g} times"
    layers = f"{len(rates)} dropout layer{'s' if len(rates) > 1 else ''}"
    yield (
        f"spectral norm bounds the slope, and behind {layers} with inverted scaling the bound {grown} "
        "((1 - rate)^-layers); take fewer places (surgery.dropout.where), a lower rate, or a gradient penalty instead"
    )


def lipschitz_factor(rates: list[float]) -> float:
    """What inverted scaling multiplies the Lipschitz bound of layers in a row by: each mask's largest factor is
    1 / (1 - rate)."""
    factor = 1.0
    for rate in rates:
        factor /= 1 - rate
    return factor


def of_statistics(match: Match) -> Iterator[str]:
    """Batch norms behind dropout: their running statistics, of training, do not fit eval mode, where nothing drops."""
    for side in SIDES:
        averaged = side == "generator" and match.average is not None
        if averaged or side in match.refit:
            continue
        wider = widened(match, side)
        if not wider:
            continue
        norm, (place, ratio) = max(wider.items(), key=lambda item: item[1][1])
        more = f" (and {len(wider) - 1} more)" if len(wider) > 1 else ""
        yield (
            f"{side}: dropout '{place}' stands before batch norm '{norm}'{more}, whose input varies {ratio:.2f} times "
            f"as much in training as in eval mode; say {side}.refit_batch_norms=true, put dropout behind the last "
            f"batch norm ({side}.surgery.dropout.where), or take another norm"
        )


def widened(match: Match, side: Side) -> dict[str, tuple[str, float]]:
    """For each batch norm that stands behind dropout in the order of execution: the last dropout before it, and the
    ratio of its input's variance with dropout, at its highest rate, to that without, as the median over channels; of
    those above 1.1. All measured on a copy, with first weights and one batch."""
    net = copy.deepcopy(match.nets()[side]).train()
    kinds = (Drop, _DropoutNd, _BatchNorm)
    watched: dict[nn.Module, str] = {module: name for name, module in net.named_modules() if isinstance(module, kinds)}
    if len({isinstance(module, _BatchNorm) for module in watched}) < 2:
        return {}
    for layer in random_layers(net):
        layer.set_rate(Now(0, 0, 1))
        if not isinstance(layer.schedule, tuple):
            layer.put(highest(layer.schedule))
        layer.idle = layer.always or highest(layer.schedule) <= 0  # what is always on is so in eval mode too
    run, called = _runs(match, side, net), list[tuple[str, Tensor | None]]()

    def note(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        seen = inputs[0].transpose(0, 1).flatten(1).float().var(1) if isinstance(module, _BatchNorm) else None
        called.append((watched[module], seen))

    for module in watched:
        module.register_forward_pre_hook(note)
    with torch.no_grad():
        with without_masks(net):
            run()
        plain = dict(called)
        called.clear()
        run()
    found: dict[str, tuple[str, float]] = {}
    place = ""
    for name, variance in called:
        bare = plain.get(name)
        if variance is None:
            place = name
        elif place and bare is not None:
            ratio = median((variance / bare.clamp(min=1e-12)).tolist())
            found |= {name: (place, ratio)} if ratio > WIDER else {}
    return found


def _runs(match: Match, side: Side, net: nn.Module) -> Callable[[], Any]:
    """A run of one player's network, in training mode, on samples as it sees them."""
    key, count = Key(match.seed, "advice"), match.chunk
    rows = torch.arange(count, device=match.engine.device)
    if side == "generator":
        return lambda: make(match.game, net, key, rows, match.asked(key, rows))
    batch = probe_batch(match.batches.rows, count, key)
    rewind(random_layers(net), key, batch.rows)
    return lambda: match.game.show(net, batch.samples, batch)


def of_output(recipe: Recipe, match: Match) -> list[str]:
    """A user's discriminator that squashes its output, where the objective takes logits. Raises RequestError where the
    objective applies the sigmoid itself."""
    layer = squashes(match)
    if layer is None:
        return []
    told = f"{type(match.discriminator).__name__} ends in a sigmoid{layer}"
    name = recipe.objective.recipe_name()
    if recipe.objective.applies_sigmoid:
        raise RequestError(
            f"discriminator: {told}, and the objective {name} applies it to logits itself; return what stands before it"
        )
    if name in BOUNDED:
        return [
            f"discriminator: {told}, and the objective {name} wants outputs without bounds; return what stands before"
        ]
    return []


def squashes(match: Match) -> str | None:
    """Whether the discriminator's outputs stay within [0, 1] whatever its last weighted layer gives, tried with large
    values of both signs in its place: None, or the sigmoid's name in quotes, empty where it is a function."""
    net = copy.deepcopy(match.discriminator)
    batch = probe_batch(match.batches.rows, 8, Key(match.seed, "advice"))

    def judge(one: nn.Module) -> Any:
        return match.game.show(one, batch.samples, batch)

    order = called_layers(net, judge)
    weighted = [layer for _, layer in order if isinstance(layer, WEIGHTED[:3])]
    if not weighted:
        return None
    outputs = []
    for sign in (1.0, -1.0):
        handle = weighted[-1].register_forward_hook(
            lambda layer, inputs, out, sign=sign: torch.full_like(out, sign * 1e3)
        )
        with measuring(net):
            outputs.append(as_verdict(judge(net), batch.size).logits.float())
        handle.remove()
    high, low = outputs
    inside = all(bool(((out >= 0) & (out <= 1)).all()) for out in outputs)
    if not inside or bool((high - low < 0.9).any()):  # the same for both: no sigmoid, but a layer that does not matter
        return None
    name, layer = order[-1]
    return f" '{name}'" if isinstance(layer, nn.Sigmoid) else ""


def of_the_generators_move(recipe: Recipe, match: Match) -> list[str]:
    """A user's discriminator that a move of the generator changes; PyTorch's batch norms and spectral norms are held
    still there (`sparring.gan.players.frozen`). Raises RequestError where it is its weights."""
    if recipe.update == "simultaneous":
        return []  # one pass serves both moves
    net, name = match.discriminator, type(match.discriminator).__name__
    now, batch = match.now(0), probe_batch(match.batches.rows, match.chunk, Key(match.seed, "advice"))
    for player in match.players.values():
        player.prepare(now)
    with torch.no_grad():
        _played(match, batch, "discriminator", now)  # what settles with the first pass has settled
        before = {n: tensor.clone() for n, tensor in _tensors(net).items()}
        with frozen(net):
            _played(match, batch, "generator", now)
    after = _tensors(net)
    changed = [n for n in after if n not in before or not torch.equal(after[n], before[n])]
    weights = [n for n in changed if n in dict(net.named_parameters())]
    if weights:
        raise RequestError(
            f"discriminator: {name} changes its weight '{weights[0]}' when the generator moves; change it only where "
            "weights ask for gradients (requires_grad), which then they do not"
        )
    told = f"discriminator: {name} changes its buffer '{{}}' when the generator moves too, which shows it fakes alone; "
    return [
        told.format(n) + "change it only where weights ask for gradients (requires_grad), which then they do not"
        for n in changed[:1]
    ]


def _played(match: Match, batch: Batch, side: Side, now: Now) -> None:
    turn = Turn(match.duel, batch, now, side, Key(match.seed, "advice", side))
    turn.begin()
    match.players[side].adversarial(turn)


def _tensors(net: nn.Module) -> Mapping[str, Tensor]:
    """Weights and buffers, but for what dropout layers draw by."""
    drops = {id(tensor) for layer in random_layers(net) for tensor in layer.buffers()}
    named = [*net.named_parameters(), *net.named_buffers()]
    return {name: tensor for name, tensor in named if id(tensor) not in drops}
