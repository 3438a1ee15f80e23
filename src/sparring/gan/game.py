"""A duel, and one turn of it.

The loop (`sparring.gan.loop`) makes a `Turn` for each move. The mover's objective and terms read from it what they
need, and what nobody reads is never computed.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import nullcontext
from functools import cached_property
from itertools import chain
from typing import ClassVar, Literal, NamedTuple

import torch
from torch import Tensor, nn

from sparring.base.draws import Key
from sparring.base.errors import RequestError
from sparring.base.part import Part
from sparring.data import Batch, Batches, DataSet, Formats, Rows, draw_labels
from sparring.engine import ranks
from sparring.gan.augment import Augmentation, Groups
from sparring.gan.schedules import Now
from sparring.gan.surgery import Masks, joined_passes, random_layers, rewind, without_masks
from sparring.nets import Net, Verdict, sloped

Side = Literal["discriminator", "generator"]
Likeness = Literal["target", "cycle", "identity", "patches"]
"""In which sense an image that was made is to be like another: it is the sample that belongs to its input; it came back
from the other side; it was on the right side before; each of its patches is of the input's patch at the same place."""
Losses = dict[str, Tensor]
SIDES: tuple[Side, Side] = ("discriminator", "generator")


class Alike(NamedTuple):
    """Two images that are to be alike."""

    made: Tensor
    """[batch, channels, height, width], with the gradient to the generator."""
    wanted: Tensor
    """The same shape."""
    share: Tensor | None = None
    """How much each place counts, [batch, 1, height, width]; everywhere alike where there is none."""


class Game(Part):
    """How one task makes a real and a fake sample from a batch, and shows a sample to the discriminator.

    It says how networks are built for it, how its batches are drawn, and what others must know of it."""

    kind: ClassVar[str | None] = None
    """The kind of data that it is made for, by name; None where the data say."""
    translates: ClassVar[bool] = False
    """Whether samples are made from samples, and not from noise."""
    truth: ClassVar[bool] = False
    """Whether it is known what should come out."""
    offers: ClassVar[frozenset[Likeness]] = frozenset()
    """Which likenesses terms can ask for."""
    refit_passes: ClassVar[int] = 16
    """Batches of fakes over which statistics of batch norms are estimated anew."""

    @property
    def labelled(self) -> bool:
        """Whether labels, or other conditions, go into the networks."""
        return False

    @property
    def remembers(self) -> bool:
        """Whether a move depends on samples of earlier ones."""
        return False

    @property
    def together(self) -> int:
        """How many rows of a batch the discriminator sees as one: parts of a batch are multiples of it."""
        return 1

    @property
    def recordable(self) -> bool:
        """Whether a recorded move can be replayed: nothing is read from files in it, say."""
        return True

    def fitted(self, batch: int, data: DataSet) -> Game:
        """The game with what depends on the data resolved. Raises RequestError where the two do not go together."""
        if batch > len(data.train):
            smaller = 2 ** (len(data.train).bit_length() - 1)
            raise RequestError(
                f"batch: {batch} is more than the {len(data.train)} training samples; try batch={smaller}"
            )
        return self

    def check_update(self, update: str) -> None:
        """Raises ValueError where the game cannot be played in this order of moves, `alternating` or `simultaneous`."""

    def check_parts(self, share: int, microbatch: int | None, processes: int) -> None:
        """Raises RequestError where batches cannot be parted so: each of the processes has a `share`, and takes a
        `microbatch` of it at once."""

    def build_generator(self, net: Net, formats: Formats) -> nn.Module:
        """The generator of samples of a format."""
        raise NotImplementedError

    def build_discriminator(self, net: Net, formats: Formats) -> nn.Module:
        """The discriminator of such samples."""
        raise NotImplementedError

    def example(self, side: Side, formats: Formats) -> tuple[Tensor, ...]:
        """Two rows of what a network of this side sees."""
        raise NotImplementedError

    def batches(self, rows: Rows, size: int, key: Key, *, position: int = 0) -> Batches:
        """The training data, one random order after the other."""
        return Batches(rows, size, key, position=position)

    def asked(self, batch: Batch) -> Tensor | None:
        """What the generator is asked for in each row: a label, or the sample to start from; None for nothing."""
        return batch.labels

    def asked_of(self, rows: Rows, counts: Tensor | None, key: Key, numbers: Tensor) -> Tensor | None:
        """The same for samples of no batch, int64 [n] numbers: labels as frequent as `counts` (int64 [classes]) say."""
        return None if not self.labelled or counts is None else draw_labels(counts, key, numbers)

    def make(self, generator: nn.Module, key: Key, rows: Tensor, asked: Tensor | None) -> Tensor:
        """Samples [n, ...] for numbered rows, functions of the key and these, as asked for."""
        raise NotImplementedError

    def exercise(self, generator: nn.Module, rows: Rows, counts: Tensor | None, key: Key, numbers: Tensor) -> Tensor:
        """Samples for these numbers by which all of the generator is put to use: its statistics are estimated so."""
        return self.make(generator, key.at("latents"), numbers, self.asked_of(rows, counts, key, numbers))

    def seen(self, generator: nn.Module, batch: Batch, key: Key) -> tuple[Tensor, Tensor]:
        """What the discriminator sees of a batch in training, real and fake; all of the generator takes part."""
        return batch.samples, self.make(generator, key.at("latents"), batch.rows, self.asked(batch))

    def likenesses(self, turn: Turn, kind: Likeness) -> list[Alike]:
        """What terms compare in that sense; nothing where the game does not offer it."""
        return []

    def real(self, turn: Turn) -> Tensor:
        """The batch's real samples."""
        return turn.batch.samples

    def fake(self, turn: Turn) -> Tensor:
        """As many fakes, with the gradient to the generator."""
        raise NotImplementedError

    def shown(self, sample: Tensor, batch: Batch) -> Tensor:
        """Samples of the batch's rows with what the discriminator sees beside them."""
        return sample

    def groups(self, sample: Tensor, batch: Batch) -> Groups:
        """How many channels each image has, of those side by side in samples that belong to the batch's rows, in their
        order; channels after these are masks."""
        return (sample.shape[1],)

    def show(self, discriminator: nn.Module, sample: Tensor, batch: Batch) -> Verdict:
        """The discriminator's verdict on samples that belong to the batch's rows."""
        raise NotImplementedError


class Duel:
    """Two networks, the game between them, and what is done to every sample before the discriminator sees it."""

    def __init__(
        self,
        game: Game,
        generator: nn.Module,
        discriminator: nn.Module,
        augment: Mapping[str, Augmentation] | None = None,
        *,
        joined: bool = False,
    ) -> None:
        self.game = game
        self.joined = joined
        """Whether the discriminator's own move shows it reals and fakes in one pass."""
        self.generator = generator
        self.discriminator = discriminator
        self.augment = dict(augment or {})
        self.random = {side: random_layers(self.net(side)) for side in SIDES}
        self._masks: Masks | None = None

    def net(self, side: Side) -> nn.Module:
        return self.generator if side == "generator" else self.discriminator

    def make_masks(self, masks: Masks | None) -> None:
        """Has small masks made together; by None each in its own call, as compiled and recorded passes need them."""
        self._masks = masks
        for layers in self.random.values():
            for layer in layers:
                layer.masks = masks

    def begin(self, kind: Hashable, key: Key, rows: Tensor) -> None:
        """Sets the random layers of both networks to a turn's draws for samples numbered `rows`; turns of one kind
        call them alike."""
        for side, layers in self.random.items():
            rewind(layers, key.at(side), rows)
        if self._masks is not None:
            self._masks.begin(kind, chain.from_iterable(self.random.values()))

    def judge(self, sample: Tensor, batch: Batch, now: Now, key: Key) -> Verdict:
        """Augments the samples and shows them."""
        return self.game.show(self.discriminator, self.augmented(sample, batch, now, key), batch)

    def augmented(self, sample: Tensor, batch: Batch, now: Now, key: Key) -> Tensor:
        """The samples as the discriminator sees them."""
        for name, augmentation in self.augment.items():
            sample = augmentation(sample, now, key.at(name), batch.rows, self.game.groups(sample, batch))
        return sample


def cuts(count: int, size: int, together: int = 1) -> list[slice]:
    """Cuts `count` rows into parts of at most `size`, each a multiple of `together` and all of about equal size: none
    of a single row if that can be had."""
    groups = count // together
    parts = math.ceil(groups / max(1, size // together))
    return [slice(groups * n // parts * together, groups * (n + 1) // parts * together) for n in range(parts)]


class Turn:
    """What the mover of this turn can see: each part is computed when first read, then kept."""

    def __init__(
        self,
        duel: Duel,
        batch: Batch,
        now: Now,
        mover: Side,
        key: Key,
        watched: frozenset[str] = frozenset(),
        *,
        shared: bool = False,
        whole: Turn | None = None,
        number: int = 0,
    ) -> None:
        self.duel = duel
        self.batch = batch
        self.now = now
        self.mover: Side = mover
        self.key = key
        self.watched = watched
        """The samples (`real`, `fake`) by which a term of this turn takes a gradient."""
        self.shared = shared
        """Whether the other player moves on it too, so that fakes keep the gradient to the generator."""
        self.whole = self if whole is None else whole
        """The turn that this is a part of, for what looks at all of a batch's reals."""
        self.number = number
        """Which part of it this is."""
        self._once: dict[str, Tensor] = {}

    def handed_on(self) -> Turn:
        """The turn as the generator sees it, with all that the discriminator's losses have computed."""
        turn = copy.copy(self)
        turn.mover = "generator"
        return turn

    def parts(self, size: int | None) -> Iterator[tuple[float, Turn]]:
        """The turn in parts of at most `size` rows, each with its share of the rows."""
        whole = self.batch.size
        if size is None or size >= whole:
            yield 1.0, self
            return
        for number, rows in enumerate(cuts(whole, size, self.duel.game.together)):
            batch = self.batch.part(rows)
            yield (
                batch.size / whole,
                type(self)(
                    *(self.duel, batch, self.now, self.mover, self.key, self.watched),
                    shared=self.shared,
                    whole=self,
                    number=number,
                ),
            )

    def begin(self) -> None:
        """Sets all that draws to this turn's draws."""
        self.duel.begin((self.mover, self.shared), self.key.at("masks"), self.batch.rows)
        self.seed()

    def seed(self) -> None:
        """Sets PyTorch's own generators: what networks of a user's own draw resumes too; of several processes, and of
        the parts of a batch, each draws others."""
        key = self.key.at("global", ranks.rank()) if ranks.rank() else self.key.at("global")
        seed = (key.at("part", self.number) if self.number else key).seed
        torch.default_generator.manual_seed(seed)  # torch.manual_seed takes longer than a small step
        if self.batch.rows.is_cuda:
            torch.cuda.manual_seed(seed)

    def once(self, name: str, compute: Callable[[], Tensor]) -> Tensor:
        """What a game computes for this turn when it is first asked for, then kept."""
        if name not in self._once:
            self._once[name] = compute()
        return self._once[name]

    @property
    def net(self) -> nn.Module:
        """The mover's network."""
        return self.duel.net(self.mover)

    @cached_property
    def real(self) -> Tensor:
        real = self.duel.game.real(self).detach()
        return real.requires_grad_("real" in self.watched)

    @cached_property
    def fake(self) -> Tensor:
        if self.mover == "generator" or self.shared:
            return self.duel.game.fake(self)
        with torch.no_grad():
            fake = self.duel.game.fake(self)
        return fake.detach().requires_grad_("fake" in self.watched)

    @cached_property
    def on_real(self) -> Verdict:
        if self._joins:
            return self._on_both[0]
        with torch.set_grad_enabled(self.mover == "discriminator" and torch.is_grad_enabled()):
            return self.judge(self.real, "real")

    @cached_property
    def on_fake(self) -> Verdict:
        return self._on_both[1] if self._joins else self.judge(self.fake, "fake")

    @property
    def _joins(self) -> bool:
        """A slope at one half of a joined pass would cost a walk through both."""
        return self.duel.joined and self.mover == "discriminator" and not self.watched

    @cached_property
    def _on_both(self) -> tuple[Verdict, Verdict]:
        sides = {"real": self.real, "fake": self.fake}
        seen = [
            self.duel.augmented(sample, self.batch, self.now, self.key.at("augment", name))
            for name, sample in sides.items()
        ]
        with joined_passes(self.duel.random["discriminator"], 2):
            both = self.duel.game.show(self.duel.discriminator, torch.cat(seen), self.batch.twice())
        half = len(both.logits) // 2  # of rows, or of packs of them
        first, second = (slice(None, half), slice(half, None))
        return both.part(first), both.part(second)

    def judge(self, sample: Tensor, name: str, *, masks: bool = True) -> Verdict:
        """The verdict on samples of the same rows; each call draws its own masks, or none and leaves those of other
        calls as they are; each name draws its own augmentations."""
        watched = sample.requires_grad and (sample.is_leaf or name in self.watched)
        with nullcontext() if masks else without_masks(self.duel.discriminator), sloped(watched):
            return self.duel.judge(sample, self.batch, self.now, self.key.at("augment", name))

    def seen(self) -> Losses:
        """The mean logits of whatever the turn computed."""
        found: Losses = {}
        for name, label in (("on_real", "logits_real"), ("on_fake", "logits_fake")):
            if name in self.__dict__:
                found[label] = self.__dict__[name].logits.detach().float().mean()
        return found
