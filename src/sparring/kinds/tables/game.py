"""Rows of a table: one column's choice may be asked for, several rows may be judged at once."""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from sparring.base.draws import Key
from sparring.base.errors import RequestError
from sparring.data import Batches, Codec, DataSet, Formats, Rows, SampledBatches
from sparring.gan.game import Side, Turn
from sparring.gan.games import Game, NoiseGame, as_verdict, refuse_own, takes_no_inputs
from sparring.kinds.tables.data.codec import TableCodec
from sparring.kinds.tables.data.vector import ConditionVector
from sparring.kinds.tables.nets import Foretelling, TableDiscriminator, TableGenerator
from sparring.nets import Net, Own, Verdict


class Table(NoiseGame):
    """The generator makes rows; of each column that is one of several, a draw from the Gumbel-softmax of its logits
    (Jang et al. 2017, https://arxiv.org/abs/1611.01144)."""

    kind: ClassVar[str | None] = "tables"

    condition: Literal["auto", "none", "rows", "sampling"] = "auto"
    """Whether the generator is asked for a choice of one column, which it then shows for certain: `rows` asks for each
    as often as training rows show it; `sampling` for rare ones more often, by the logarithm of their number, and draws
    training rows to match (training by sampling, Xu et al. 2019, https://arxiv.org/abs/1907.00503); `auto` takes `rows`
    where the table has a column of choices."""
    label_width: int = Field(64, ge=1)
    """Values of a condition's embedding, as input of both networks."""
    pack: int = Field(1, ge=1)
    """Rows that the discriminator sees at once (Lin et al. 2018, https://arxiv.org/abs/1712.04086); divides the
    batch."""
    temperature: float = Field(0.2, gt=0)
    """Of the Gumbel-softmax; low is near to one of several, and has steeper gradients."""
    hard: bool = False
    """Show the discriminator which of several was drawn as exactly 1, with the gradient of the softmax (straight
    through)."""
    auxiliary: bool = False
    """A network beside the discriminator that foretells the table's target from the other columns, for the terms
    `auxiliary` of both players."""
    noise_images: float = Field(0.0, ge=0, le=0)
    """For games of images alone."""

    @property
    def labelled(self) -> bool:
        return self.condition != "none"

    @property
    def together(self) -> int:
        return self.pack

    def check_parts(self, share: int, microbatch: int | None, processes: int) -> None:
        """Packs are of one process and one part, so these hold whole ones."""
        if share % self.pack:
            raise RequestError(
                f"game.table.pack: {self.pack} does not divide the {share} rows that each of {processes} processes has "
                f"of a batch; say batch={processes * (-(-share // self.pack) * self.pack)}"
            )
        if microbatch is not None and microbatch < self.pack:
            raise RequestError(
                f"microbatch: {microbatch} is less than the {self.pack} rows that the discriminator sees at once; "
                f"say microbatch={self.pack}, or a smaller game.table.pack"
            )

    def fitted(self, batch: int, data: DataSet) -> Game:
        """Rows may come twice in a batch, so it can be larger than the data."""
        if data.inputs is not None:
            raise takes_no_inputs(self, data)
        if batch % self.pack:
            raise RequestError(f"game.table.pack: {self.pack} does not divide batch, {batch}")
        if self.condition == "auto":
            return self.model_copy(update={"condition": "rows" if data.conditions is not None else "none"})
        if self.labelled and isinstance(data.codec, TableCodec) and data.conditions is None:
            raise RequestError(
                f"game.table.condition: {self.condition}, and {data.name} has no column of choices; say none"
            )
        return self

    def build_generator(self, net: Net, formats: Formats) -> nn.Module:
        """The generator of rows of a format, of so many conditions."""
        if isinstance(net, Own):
            raise refuse_own("generator")
        codec = formats.samples
        table = _table(codec)
        if getattr(net, "output", "linear") != "linear":
            name = net.recipe_name()
            raise RequestError(f"generator.net.{name}.output: a table's columns bound themselves; say output=linear")
        told = self.label_width if self.labelled else 0
        inner = net.generator(self.latent.size + told, codec.shape)
        blocks = ConditionVector.blocks_of(table) if told else None
        return TableGenerator(
            inner, table.layout.scalars, table.layout.groups, blocks, told, temperature=self.temperature, hard=self.hard
        )

    def build_discriminator(self, net: Net, formats: Formats) -> nn.Module:
        """The discriminator of such rows."""
        if isinstance(net, Own):
            raise refuse_own("discriminator")
        codec, classes = formats.samples, formats.classes
        told = self.label_width if self.labelled else 0
        table = _table(codec)
        inner = net.discriminator(((codec.shape[0] + told) * self.pack,))
        beside = None
        if self.auxiliary:
            if table.target is None:
                raise RequestError("game.table.auxiliary: needs a target; say data.table.target=COLUMN")
            beside = Foretelling(codec.shape[0], *table.layout.places[table.learned.index(table.target)])
        return TableDiscriminator(inner, codec.shape[0], classes if told else 0, told, self.pack, beside)

    def example(self, side: Side, formats: Formats) -> tuple[Tensor, ...]:
        """Two rows, or packs of rows, of what a network of this side sees."""
        if side == "generator":
            first, count = self.latent.draw(Key("example"), torch.arange(2)), 2
        else:
            first, count = torch.zeros(2, formats.samples.shape[0] * self.pack), 2 * self.pack
        return (first,) if not self.labelled else (first, torch.zeros(count, dtype=torch.int64))

    def batches(self, rows: Rows, size: int, key: Key, *, position: int = 0) -> Batches:
        """The training rows, drawn by conditions where the game has them."""
        if self.condition != "sampling" or rows.conditions is None:
            return Batches(rows, size, key, position=position)
        return SampledBatches(rows, size, key, rows.conditions, position=position)

    def real(self, turn: Turn) -> Tensor:
        return self.packed(turn.batch.samples)

    def fake(self, turn: Turn) -> Tensor:
        rows = self.make(turn.duel.generator, turn.key.at("latents"), turn.batch.rows, turn.batch.labels)
        return self.packed(rows)

    def packed(self, rows: Tensor) -> Tensor:
        """Rows [n, width] as the discriminator sees them, [n / pack, pack * width]; a rest that fills no pack is left
        out."""
        if self.pack == 1:
            return rows
        return rows[: len(rows) // self.pack * self.pack].reshape(-1, self.pack * rows.shape[1])

    def make(self, generator: nn.Module, key: Key, rows: Tensor, asked: Tensor | None) -> Tensor:
        """Rows [rows, width] for latents and choices that are functions of the key and the rows' numbers."""
        word = torch.as_tensor(key.at("choices").signed, device=rows.device)
        made: Tensor = generator(self.latent.draw(key, rows), self._asked(asked), rows, word)
        return made

    def generate(self, generator: nn.Module, latents: Tensor, labels: Tensor | None) -> Tensor:
        """Rows [n, width] for given latents [n, latent], each column at its likeliest, and conditions, int64 [n]."""
        made: Tensor = generator(latents, self._asked(labels))
        return made

    def judge(self, discriminator: nn.Module, sample: Tensor, labels: Tensor | None) -> Verdict:
        """The discriminator's verdict on rows, packed or to be, and their conditions, int64 [n]."""
        seen = discriminator(sample, self._asked(labels))
        return as_verdict(seen, None if self.pack > 1 else len(sample))

    def _asked(self, labels: Tensor | None) -> Tensor | None:
        return labels if self.labelled else None


def _table(codec: Codec) -> TableCodec:
    if not isinstance(codec, TableCodec):
        told = "say game=from_noise, or leave the recipe to be chosen for the data"
        raise RequestError(f"game: table is for tables, and the data are {codec.noun}; {told}")
    return codec
