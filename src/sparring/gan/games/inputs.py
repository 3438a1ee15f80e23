"""Games whose generator starts from samples."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

from sparring.base.draws import Key
from sparring.data import Batch, Formats, Rows, drawn_batch
from sparring.gan.game import Game, Side, Turn
from sparring.gan.games.noise import as_verdict, refuse_own
from sparring.nets import Net, Own, Shape, Verdict, translator_of


class FromInputs(Game):
    """The generator makes each sample from another; what it draws besides, it draws by dropout that is always on."""

    translates: ClassVar[bool] = True
    truth: ClassVar[bool] = True

    def asked(self, batch: Batch) -> Tensor:
        """What each row's sample is to be made from, [batch, ...]."""
        raise NotImplementedError

    def asked_of(self, rows: Rows, counts: Tensor | None, key: Key, numbers: Tensor) -> Tensor:
        return self.asked(drawn_batch(rows, key, numbers))

    def asked_shape(self, formats: Formats) -> Shape:
        """Of one of them."""
        return (formats.samples if formats.inputs is None else formats.inputs).shape

    def shown_shape(self, formats: Formats) -> Shape:
        """What the discriminator sees of one sample."""
        return formats.samples.shape

    def build_generator(self, net: Net, formats: Formats) -> nn.Module:
        if isinstance(net, Own):
            raise refuse_own("generator")
        return translator_of(net, self.asked_shape(formats), formats.samples.shape)

    def build_discriminator(self, net: Net, formats: Formats) -> nn.Module:
        if isinstance(net, Own):
            raise refuse_own("discriminator")
        return net.discriminator(self.shown_shape(formats))

    def example(self, side: Side, formats: Formats) -> tuple[Tensor, ...]:
        shape = self.asked_shape(formats) if side == "generator" else self.shown_shape(formats)
        return (torch.zeros(2, *shape),)

    def made(self, turn: Turn) -> Tensor:
        """What the generator makes in this turn."""
        generator, key = turn.duel.generator, turn.key.at("latents")
        return turn.once("made", lambda: self.make(generator, key, turn.batch.rows, self.asked(turn.batch)))

    def fake(self, turn: Turn) -> Tensor:
        return self.made(turn)

    def show(self, discriminator: nn.Module, sample: Tensor, batch: Batch) -> Verdict:
        """The verdict on samples, as they are or as `shown`."""
        alone = sample.shape[1] == batch.shape[0]
        return as_verdict(discriminator(self.shown(sample, batch) if alone else sample), len(sample))

    def exercise(self, generator: nn.Module, rows: Rows, counts: Tensor | None, key: Key, numbers: Tensor) -> Tensor:
        return self.seen(generator, drawn_batch(rows, key, numbers), key)[1]

    def seen(self, generator: nn.Module, batch: Batch, key: Key) -> tuple[Tensor, Tensor]:
        made = self.make(generator, key, batch.rows, self.asked(batch))
        return self.shown(batch.samples, batch), self.shown(made, batch)
