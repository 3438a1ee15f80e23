"""Images of one kind into such as another kind, without pairs."""

from __future__ import annotations

from typing import ClassVar

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from sparring.base.draws import Key, uniform
from sparring.base.errors import RequestError
from sparring.data import Batch, DataSet, Formats
from sparring.engine import ranks
from sparring.gan.game import Alike, Likeness, Turn
from sparring.gan.games import as_verdict, refuse_own
from sparring.kinds.translation.games.images import FromImages
from sparring.nets import Net, Own, Shape, Verdict
from sparring.nets.blocks import Linear


class _TwoKinds(FromImages):
    """Inputs and samples that are not paired."""

    truth: ClassVar[bool] = False
    scores: ClassVar[tuple[str, ...]] = ("kid", "patch_kid", "fid", "precision", "recall", "coverage")

    def check(self, data: DataSet) -> None:
        super().check(data)
        if data.inputs is None:
            raise RequestError(
                f"game: {self.recipe_name()} needs images of two kinds, and {data.name} are of one; "
                "say data.sides.path=DIR"
            )
        if len(data.heldout) and not len(data.inputs.heldout):
            raise RequestError(
                f"data: {data.name} has {len(data.inputs.samples)} images to start from, too few to hold some out; "
                "take 4 or more, or hold none out of either side (held_out=0)"
            )

    def asked(self, batch: Batch) -> Tensor:
        assert batch.inputs is not None  # `check` has seen to it
        return batch.inputs


class Unpaired(_TwoKinds):
    """One generator, one way: what keeps an image what it is, is that each patch of the output can be told from others
    by the input's patch at the same place (CUT: Park et al. 2020, https://arxiv.org/abs/2007.15651)."""

    offers: ClassVar[frozenset[Likeness]] = frozenset({"identity", "patches"})

    patches: int = Field(64, ge=2)
    """Places of an image, the same at all depths, whose features the term `contrastive` compares."""
    embedding: int = Field(128, ge=2)
    """Values that a patch's features are brought to, by a small network for each depth of the generator's encoder."""

    def build_generator(self, net: Net, formats: Formats) -> nn.Module:
        inner = super().build_generator(net, formats)
        asked, made = self.asked_shape(formats), formats.samples.shape
        if asked != made:
            raise RequestError(
                f"game: unpaired compares images of one shape, and the two kinds are {_size(asked)} and {_size(made)}"
            )
        with torch.no_grad():
            depths = [stage.shape[1] for stage in inner(torch.zeros(1, *asked), stages=True)]
        return Embedding(inner, depths, self.embedding, self.patches)

    def drawing(self, generator: nn.Module, *, back: bool = False) -> nn.Module:
        return generator.net if isinstance(generator, Embedding) else generator

    def likenesses(self, turn: Turn, kind: Likeness) -> list[Alike]:
        if kind == "identity":
            return [Alike(self._identity(turn), turn.batch.samples)]
        if kind != "patches":
            return []
        # Maps hold no more places than four images: one that is padded to its next size has twice its edges at most
        most = torch.arange(4 * turn.batch.shape[1] * turn.batch.shape[2], device=turn.batch.rows.device)
        draws, generator = uniform(turn.key.at("patches"), most), turn.duel.generator

        def alike(image: Tensor, made: Tensor) -> list[Alike]:
            kept, found = generator(image, draws=draws), generator(made, draws=draws)
            return [Alike(one, other.detach()) for one, other in zip(found, kept, strict=True)]

        pairs = alike(self.asked(turn.batch), self.made(turn))
        return pairs + alike(turn.batch.samples, self._identity(turn))

    def _identity(self, turn: Turn) -> Tensor:
        return turn.once("identity", lambda: turn.duel.generator(turn.batch.samples))


class Embedding(nn.Module):
    """A generator whose encoder's features of single places can be had as points on a sphere."""

    def __init__(self, net: nn.Module, depths: list[int], width: int, places: int) -> None:
        super().__init__()
        self.net = net
        self.places = places
        self.heads = nn.ModuleList(
            nn.Sequential(Linear(depth, width), nn.ReLU(), Linear(width, width)) for depth in depths
        )

    def forward(self, images: Tensor, draws: Tensor | None = None) -> Tensor | tuple[Tensor, ...]:
        """Images [n, channels, height, width] to samples; with `draws`, a number for each place of the largest maps,
        to each depth's features at the places of the lowest: [n, places, width], of length 1."""
        if draws is None:
            made: Tensor = self.net(images)
            return made
        found = []
        for head, stage in zip(self.heads, self.net(images, stages=True), strict=True):
            flat = stage.flatten(2).transpose(1, 2)
            picked = flat[:, draws[: flat.shape[1]].argsort()[: self.places]]
            found.append(F.normalize(head(picked.contiguous()).float(), dim=-1))
        return tuple(found)


class Cycle(_TwoKinds):
    """Two generators and two discriminators, both ways: an image that was turned into the other kind and back is to be
    what it was (CycleGAN: Zhu et al. 2017, https://arxiv.org/abs/1703.10593)."""

    offers: ClassVar[frozenset[Likeness]] = frozenset({"cycle", "identity"})
    both_ways: ClassVar[bool] = True

    history: int = Field(50, ge=0)
    """Fakes of earlier steps among which half of those that the discriminators see are chosen (Shrivastava et al. 2017,
    https://arxiv.org/abs/1612.07828); 0 for none. Takes `update: alternating`."""

    @property
    def remembers(self) -> bool:
        return self.history > 0

    def check_update(self, update: str) -> None:
        if update == "simultaneous" and self.history > 0:
            raise ValueError(
                "game.cycle.history: the generators would not learn from earlier fakes; say update=alternating, or 0"
            )

    def check_parts(self, share: int, microbatch: int | None, processes: int) -> None:
        """Fakes of parts would enter the history in another order than one process gives them, which is that of the
        rows."""
        if self.history and processes > 1 and microbatch is not None and microbatch < share:
            raise RequestError(
                f"microbatch: {microbatch} parts the {share} samples of each of {processes} processes, and "
                f"game.cycle.history={self.history} takes them whole; say game.cycle.history=0, or no microbatch"
            )

    def build_generator(self, net: Net, formats: Formats) -> nn.Module:
        if isinstance(net, Own):
            raise refuse_own("generator")
        back = Formats(formats.inputs or formats.samples, 0, formats.samples)
        return BothWays(super().build_generator(net, formats), super().build_generator(net, back))

    def drawing(self, generator: nn.Module, *, back: bool = False) -> nn.Module:
        if not isinstance(generator, BothWays):
            return generator
        return generator.back if back else generator.there

    def build_discriminator(self, net: Net, formats: Formats) -> nn.Module:
        if isinstance(net, Own):
            raise refuse_own("discriminator")
        asked, made = self.asked_shape(formats), super().shown_shape(formats)
        shape = self.shown_shape(formats)
        return BothKinds(net.discriminator(asked), net.discriminator(made), shape, made[0], self.history)

    def shown_shape(self, formats: Formats) -> Shape:
        asked, made = self.asked_shape(formats), super().shown_shape(formats)
        return (asked[0] + made[0], *made[1:])

    def real(self, turn: Turn) -> Tensor:
        return torch.cat((self.asked(turn.batch), turn.batch.samples), 1)

    def fake(self, turn: Turn) -> Tensor:
        fakes = torch.cat((self._back(turn), self.made(turn)), 1)
        if turn.mover == "generator" or not self.history:
            return fakes
        key, rows = turn.key.at("history"), turn.batch.rows
        exchanged: Tensor = turn.duel.discriminator(fakes, swaps=uniform(key, rows, (2,)))
        return exchanged

    def _back(self, turn: Turn) -> Tensor:
        """Inputs made of samples."""
        return turn.once("back", lambda: turn.duel.generator(turn.batch.samples, back=True))

    def seen(self, generator: nn.Module, batch: Batch, key: Key) -> tuple[Tensor, Tensor]:
        asked, samples = self.asked(batch), batch.samples
        fakes = self.drawn(generator, samples, back=True), self.drawn(generator, asked)
        return torch.cat((asked, samples), 1), torch.cat(fakes, 1)

    def likenesses(self, turn: Turn, kind: Likeness) -> list[Alike]:
        asked, samples, generator = self.asked(turn.batch), turn.batch.samples, turn.duel.generator
        if kind == "cycle":
            returned = generator(self.made(turn), back=True), generator(self._back(turn))
        elif kind == "identity":
            if asked.shape != samples.shape:
                raise RequestError(
                    f"generator.terms.identity: compares images of one shape, and the two kinds are "
                    f"{_size(asked.shape[1:])} and {_size(samples.shape[1:])}; leave it out"
                )
            returned = generator(asked, back=True), generator(samples)
        else:
            return []
        return [Alike(returned[0], asked), Alike(returned[1], samples)]


class BothWays(nn.Module):
    """A generator there, and one back."""

    def __init__(self, there: nn.Module, back: nn.Module) -> None:
        super().__init__()
        self.there, self.back = there, back

    def forward(self, images: Tensor, back: bool = False) -> Tensor:
        """Inputs [n, ...] to samples, or samples `back` to inputs."""
        made: Tensor = self.back(images) if back else self.there(images)
        return made


class BothKinds(nn.Module):
    """A discriminator for inputs, and one for samples; and fakes of both that they have seen."""

    past: Tensor
    filled: Tensor

    def __init__(self, inputs: nn.Module, samples: nn.Module, shape: Shape, made: int, history: int) -> None:
        """For images of both kinds side by side of a shape, of which the last channels are the samples'."""
        super().__init__()
        self.inputs, self.samples = inputs, samples
        self.features = int(samples.features)  # type: ignore[arg-type]
        self.channels, self.made = shape[0], made
        self.register_buffer("past", torch.zeros(history, *shape))
        self.register_buffer("filled", torch.zeros((), dtype=torch.int64))

    def forward(self, images: Tensor, swaps: Tensor | None = None) -> Verdict | Tensor:
        """The verdict on inputs and samples as channels of one image, or on samples alone; with `swaps` [n, 2], drawn
        in [0, 1), no verdict, but the images with some exchanged for earlier ones."""
        if swaps is not None:
            return self._exchanged(images.float(), swaps)
        if images.shape[1] < self.channels:
            return as_verdict(self.samples(images), len(images))
        first = as_verdict(self.inputs(images[:, : -self.made]), len(images))
        second = as_verdict(self.samples(images[:, -self.made :]), len(images))
        logits = (verdict.logits.reshape(len(images), -1) for verdict in (first, second))
        return Verdict(torch.cat(tuple(logits), 1), second.features)

    @torch.no_grad()
    def _exchanged(self, fakes: Tensor, swaps: Tensor) -> Tensor:
        """The fakes, about half of them exchanged for earlier ones, whose place they take."""
        every, drawn, given, size = _of_all(fakes), _of_all(swaps), [], len(self.past)
        for fake, draw in zip(every, drawn, strict=True):  # each changes what the next one finds
            full = self.filled >= size
            at = torch.where(full, (draw[1] * size).long(), self.filled.clamp_max(size - 1))
            old, taken = self.past[at], full & (draw[0] < 0.5)
            given.append(torch.where(taken, old, fake))
            self.past[at] = torch.where(~full | taken, fake, old)
            self.filled += (~full).long()
        return torch.stack(given)[ranks.rank() * len(fakes) :][: len(fakes)]


def _of_all(part: Tensor) -> Tensor:
    """The rows of all processes, so that all keep the same history."""
    if ranks.count() == 1:
        return part
    joined = torch.zeros(ranks.count(), *part.shape, device=part.device)
    joined[ranks.rank()] = part
    ranks.add_up([joined])
    return joined.flatten(0, 1)


def _size(shape: Shape) -> str:
    return " x ".join(map(str, shape))
