"""From a recipe and data to a match that can be played."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from functools import partial
from math import prod
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.utils.parametrize import is_parametrized

from sparring import kinds
from sparring.base.draws import Key
from sparring.base.errors import RequestError
from sparring.base.part import Part, mapped, walk
from sparring.data import DataSet, Formats, Rows
from sparring.engine import Engine, Plan, ranks
from sparring.engine.budget import Counted, check_memory
from sparring.gan.augment import Ada
from sparring.gan.game import SIDES, Duel, Game, Side
from sparring.gan.games import as_verdict
from sparring.gan.match import Match
from sparring.gan.optimisers import Adam, Average, make_recordable
from sparring.gan.players import Player
from sparring.gan.recording import Graphs
from sparring.gan.schedules import MOVING, Adaptive
from sparring.gan.surgery import Masks, operate, random_layers
from sparring.gan.terms import Consistency
from sparring.nets import Own, Shape, initialise
from sparring.nets.batchnorm import sync_batch_norms
from sparring.recipe.recipe import PlayerOptions, Recipe

OwnNets = Mapping[str, nn.Module]
"""Networks of the user's, by side."""


def fitted(recipe: Recipe, data: DataSet, own: OwnNets) -> Recipe:
    """The recipe with what depends on the data resolved. Raises RequestError where the two do not go together."""
    changes: dict[str, Any] = {"game": recipe.game.fitted(recipe.batch, data)}
    for side in SIDES:
        if side in own:
            options: PlayerOptions = getattr(recipe, side)
            changes[side] = options.model_copy(update={"net": Own(module=type(own[side]).__qualname__)})
    _check_range(recipe, data)
    for name, augmentation in recipe.augment.items():
        augmentation.check(data, name)
    fit: Recipe = mapped(recipe.model_copy(update=changes), partial(_to_data, samples=len(data.train)))
    return fit


def _to_data(part: Part, samples: int) -> Part:
    return part.fitted(samples) if isinstance(part, Adaptive) else part


def _check_range(recipe: Recipe, data: DataSet) -> None:
    """The generator's output must cover the range of the data."""
    made = getattr(recipe.generator.net, "output", "linear")
    wrong = {("sigmoid", "signed"): ("[0, 1]", "[-1, 1]", "unit"), ("tanh", "unit"): ("[-1, 1]", "[0, 1]", "signed")}
    clash = wrong.get((made, data.codec.range))
    if clash:
        name = f"generator.net.{recipe.generator.net.recipe_name()}.output"
        bounded = "sigmoid" if made == "tanh" else "tanh"
        other = f"say {bounded} or linear"
        advice = f"set its range={clash[2]}" if "range" in recipe.data.option_names() else other
        raise RequestError(f"{name}: {made} makes values in {clash[0]}, the data's are in {clash[1]}; {advice}")


def build_nets(recipe: Recipe, data: DataSet, own: OwnNets) -> dict[Side, nn.Module]:
    """Both networks with their first weights, after surgery, on the CPU in training mode."""
    return {side: operated_net(recipe, side, data.formats, own) for side in ("generator", "discriminator")}


def operated_net(recipe: Recipe, side: Side, formats: Formats, own: OwnNets) -> nn.Module:
    """One network with its first weights (a user's own keeps those it has), after surgery, in training mode.

    Raises RequestError where it does not fit the data or its surgery.
    """
    game, key = recipe.game, Key(recipe.seed, "weights", side)
    options: PlayerOptions = getattr(recipe, side)
    if side in own:
        net = copy.deepcopy(own[side])
    else:
        build = game.build_generator if side == "generator" else game.build_discriminator
        with Counted(f"{side}.net"):
            made = build(options.net, formats)
        net = initialise(made, key)
    net.train()
    inputs = game.example(side, formats)
    _try(net, side, inputs, formats.samples.shape)
    net = operate(net, options.surgery, lambda n: _example(n, inputs), key.at("surgery"))
    _try_rates(net, inputs)
    return net


def build(recipe: Recipe, data: DataSet, engine: Engine, own: OwnNets | None = None) -> Match:
    """Everything that one training consists of. `recipe` is `fitted` to the data."""
    recipe = recipe.model_copy(deep=True)  # controllers keep their values in their own copy
    nets = build_nets(recipe, data, own or {})
    _check_memory(recipe, data, nets)
    _check_terms(recipe, nets)
    recipe.game.check_parts(recipe.batch // ranks.count(), recipe.microbatch, ranks.count())
    device = engine.device
    if engine.plan.deterministic and device.type == "cuda" and any(isinstance(a, Ada) for a in recipe.augment.values()):
        raise RequestError("deterministic: augment.ada has no such form on a GPU; take augment.diff_augment")
    players: dict[str, Player] = {}
    called: dict[str, nn.Module] = {}
    for side in SIDES:
        options: PlayerOptions = getattr(recipe, side)
        net = engine.place(nets[side])
        called[side] = engine.called(net)
        optimiser = options.optimiser.build([p for p in net.parameters() if p.requires_grad])
        engine.join(optimiser)
        players[side] = Player(
            side,
            net,
            optimiser,
            recipe.objective,
            rate=options.optimiser.lr,
            terms=options.terms,
            moves=options.moves,
            microbatch=recipe.microbatch,
        )
    rows = Rows(data, data.train, device)
    match = Match(
        engine=engine,
        data=data,
        game=recipe.game,
        duel=Duel(recipe.game, called["generator"], called["discriminator"], recipe.augment, joined=engine.plan.joined),
        generator=nets["generator"],
        discriminator=nets["discriminator"],
        players=players,
        batches=recipe.game.batches(rows, recipe.batch, Key(recipe.seed, 0, "data")),
        heldout=Rows(data, data.heldout, device, heldout=True),
        average=Average(recipe.ema, nets["generator"]) if recipe.ema else None,
        controllers=recipe.controllers(),
        seed=recipe.seed,
        course=recipe.course(),
        batch=recipe.batch,
        chunk=recipe.microbatch or recipe.batch,
        refit=frozenset(side for side in SIDES if getattr(recipe, side).refit_batch_norms),
        update=recipe.update,
    )
    if engine.plan.graphs and rows.read_on_device:
        record(match, Graphs())
    elif not engine.plan.compiled:
        match.duel.make_masks(Masks())
    _check_controllers(recipe, match)
    if ranks.count() > 1:  # after the average took its copy, whose statistics the first process fits by itself
        _share_batch_norms(nets)
    return match


def _check_memory(recipe: Recipe, data: DataSet, nets: Mapping[Side, nn.Module]) -> None:
    """Raises RequestError where not even weights, or one batch of samples, fit the machine."""
    for side, net in nets.items():
        weights = sum(p.numel() * p.element_size() for p in net.parameters())
        copies = 4 + (side == "generator" and recipe.ema is not None)  # slopes and two moments of Adam, the average
        check_memory(weights * copies, f"{side}.net, to train its {weights / 4:,.4g} weights")
    at_once = recipe.microbatch or recipe.batch // ranks.count()
    check_memory(at_once * prod(data.codec.shape) * 4 * 3.0, f"batch={recipe.batch}")


def _share_batch_norms(nets: Mapping[Side, nn.Module]) -> None:
    """Has batch norms see the samples of all processes."""
    for side in SIDES:
        others = sync_batch_norms(nets[side])
        if others:
            raise RequestError(
                f"{side}: batch norm '{others[0]}' is of a class of its own, which knows no other processes; "
                "take torch.nn.BatchNorm2d, or devices=1"
            )


def can_join(recipe: Recipe, data: DataSet, own: OwnNets) -> bool:
    """Whether the discriminator may see reals and fakes in one pass and say the same: nothing in it couples the samples
    of a batch, and no layer changes with each pass. Of a user's own network that is not known."""
    if "discriminator" in own:
        return False
    net = operated_net(recipe, "discriminator", data.formats, own)
    return not any(isinstance(layer, _BatchNorm) or is_parametrized(layer) for layer in net.modules())


def record(match: Match, graphs: Graphs) -> None:
    """Has a match make its moves by recordings; before its first."""
    match.graphs = graphs
    match.duel.make_masks(None)
    for player in match.players.values():
        make_recordable(player.optimiser, match.engine.device)
        for layer in player.random:
            layer.recorded = True


def can_be_compiled(recipe: Recipe, own: OwnNets) -> bool:
    """Whether compiled networks say the same: the user's own may do anything in a pass, and where a slope is taken by
    samples that were made or changed before the discriminator sees them, a call does not show it."""
    terms = recipe.discriminator.terms.values()
    shared = recipe.update == "simultaneous" and any("fake" in term.watches for term in terms)
    changed = bool(recipe.augment) and any(term.takes_slopes for term in terms)
    return not own and not shared and not changed and not recipe.game.remembers


def can_be_recorded(recipe: Recipe, own: OwnNets) -> bool:
    """Whether a replayed move is the same as one that Python makes: nothing that Python reads, but for what is handed
    to it, may change from move to move."""
    moving = [path.split(".") for path, part in walk(recipe) if isinstance(part, MOVING)]
    handed_on = all(path[0] in SIDES and path[1] in ("optimiser", "surgery", "moves") for path in moving)
    adams = all(isinstance(getattr(recipe, side).optimiser, Adam) for side in SIDES)
    game = recipe.game
    return handed_on and adams and not own and game.recordable and not game.remembers and ranks.count() == 1


def as_far_as_possible(plan: Plan, recipe: Recipe, own: OwnNets) -> Plan:
    """The plan without what this recipe cannot have, which may be another than the plan was made for: an arm of a
    study, or changed by a treatment."""
    return plan._replace(
        compiled=plan.compiled and can_be_compiled(recipe, own),
        graphs=plan.graphs and plan.device == "cuda" and can_be_recorded(recipe, own),
    )


def _example(net: nn.Module, inputs: Sequence[Tensor]) -> Any:
    device = next((p.device for p in net.parameters()), torch.device("cpu"))
    return net(*(part.to(device) for part in inputs))


def _try(net: nn.Module, side: Side, inputs: Sequence[Tensor], shape: Shape) -> None:
    """A network must make what the data asks for; a user's own module may fail in any way."""
    probe = copy.deepcopy(net).eval()
    name = type(net).__name__
    try:
        with torch.no_grad():
            made = _example(probe, inputs)
    except RequestError:
        raise
    except Exception as error:
        shapes = " and ".join(str(list(part.shape)) for part in inputs)
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise RequestError(f"{side}: {name} fails on inputs {shapes}: {reason}") from None
    if side == "discriminator":
        as_verdict(made, 2)
    elif not isinstance(made, Tensor) or list(made.shape) != [2, *shape]:
        told = list(made.shape) if isinstance(made, Tensor) else type(made).__name__
        raise RequestError(f"generator: {name} makes {told}; the data asks for {[2, *shape]}")


def _try_rates(net: nn.Module, inputs: Sequence[Tensor]) -> None:
    """Lists of dropout rates must fit their layers: found out by one pass with dropout on, on a copy."""
    if any(isinstance(layer.schedule, tuple) for layer in random_layers(net)):
        probe = copy.deepcopy(net).eval()
        for layer in random_layers(probe):
            layer.train()
        with torch.no_grad():
            _example(probe, inputs)


def _check_terms(recipe: Recipe, nets: Mapping[Side, nn.Module]) -> None:
    for side in SIDES:
        for name, term in getattr(recipe, side).terms.items():
            if term.likeness is not None and term.likeness not in recipe.game.offers:
                able = " or ".join(name for name, game in kinds.parts(Game).items() if term.likeness in game.offers)
                raise RequestError(
                    f"{side}.terms.{name}: is for the game {able}, and this one is {recipe.game.recipe_name()}"
                )
            if term.of_batches and recipe.microbatch is not None and recipe.microbatch < recipe.batch // ranks.count():
                raise RequestError(
                    f"{side}.terms.{name}: is of whole batches, and microbatch={recipe.microbatch} parts them; "
                    "leave one of the two out, or take a smaller batch"
                )
    for name, term in recipe.discriminator.terms.items():
        if isinstance(term, Consistency) and not (random_layers(nets["discriminator"]) or _own_dropout(nets)):
            raise RequestError(
                f"discriminator.terms.{name}: needs a discriminator that draws; "
                "add discriminator.surgery.dropout.rate=0.3"
            )


def _own_dropout(nets: Mapping[Side, nn.Module]) -> bool:
    kinds = nn.modules.dropout._DropoutNd
    return any(isinstance(module, kinds) and module.p > 0 for module in nets["discriminator"].modules())


def _check_controllers(recipe: Recipe, match: Match) -> None:
    for path, adaptive in match.controllers.items():
        blind = len(match.heldout) == 0 or adaptive.signal == "sign"
        if adaptive.signal == "heldout" and len(match.heldout) == 0:
            raise RequestError(f"{path}.signal: heldout, and nothing is held out; set data's held_out=0.1")
        if blind and not recipe.objective.zero_is_undecided:
            raise RequestError(
                f"{path}: needs held-out data with the objective {recipe.objective.recipe_name()}, "
                "whose logits have no zero of their own; set data's held_out=0.1"
            )
