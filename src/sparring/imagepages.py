"""What a report shows of a run that turns images into images."""

from __future__ import annotations

import torch
from torch import Tensor

from sparring.data import Batch, DataSet, Rows, ValueCodec
from sparring.draws import Key, permutation
from sparring.exploring import AVERAGED, Effort, judged
from sparring.games import FromImages, ImageGame
from sparring.games.noise import as_verdict
from sparring.insight import integrated_gradients
from sparring.match import make
from sparring.remaking import Remade, remade, strips
from sparring.reports.page import Explored, Judged
from sparring.run import Run
from sparring.sampling import png
from sparring.surgery import random_layers, rewind

SHOWN = 24
"""Held-out images whose translation is shown."""
COLUMNS = 3
"""How many of them beside each other."""


def shown(run: Run, data: DataSet) -> tuple[bytes, str] | None:
    """Held-out images, what the run makes of them and what belongs to them, as a PNG and in words; None where nothing
    is held out."""
    game = run.recipe.game
    if not isinstance(game, FromImages) or not len(data.heldout):
        return None
    found = made_of(run, data, SHOWN)
    assert isinstance(run.codec, ValueCodec)
    columns = "input, output and what belongs to it" if found.truth is not None else "input and output"
    return png(strips(found, run.codec, COLUMNS)), f"Held-out images, in groups: {columns}."


def made_of(run: Run, data: DataSet, count: int) -> Remade:
    """What a run makes of so many held-out images."""
    game = run.recipe.game
    assert isinstance(game, FromImages)
    device = next(run.generator.parameters()).device
    numbers = data.heldout[permutation(Key("shown"), len(data.heldout))[:count]]
    return remade(game, run.generator, Rows(data, numbers, device, heldout=True), Key("shown"))


def looked_at(run: Run, data: DataSet | None, effort: Effort) -> Explored:
    """What the discriminator looks at in outputs and in real samples of held-out images: its mean logit taken apart by
    integrated gradients, against the mean image of the samples in the output's place, the input beside it the same."""
    game = run.recipe.game
    assert isinstance(game, FromImages)
    if data is None or not len(data.heldout):
        return Explored("", [], [], 0.0, [], [], ["Without held-out images there is nothing to look at."])
    device = next(run.discriminator.parameters()).device
    numbers = data.heldout[permutation(Key("judged"), len(data.heldout))[: effort.attributed]]
    rows = Rows(data, numbers, device, heldout=True)
    places = torch.arange(len(rows), device=device)
    batch = Batch(rows, places, places, key=Key("judged"))
    with torch.no_grad():
        made = make(game, run.generator, batch.key, batch.rows, game.asked(batch))
    several = data.heldout[permutation(Key("baseline"), len(data.heldout))[:AVERAGED]]
    mean = data.codec.encode(data.stored(several)).mean(0).to(device).expand_as(made)
    pictures = [
        _judged(run, game, batch, what, samples, mean, effort.steps)
        for what, samples in (("Outputs", made), ("Real samples", batch.samples))
    ]
    return Explored("", [], [], 0.0, pictures, [], [])


def _judged(run: Run, game: ImageGame, batch: Batch, what: str, samples: Tensor, mean: Tensor, steps: int) -> Judged:
    seen, baseline = game.shown(samples, batch), game.shown(mean, batch)
    layers = random_layers(run.discriminator)

    def judge(points: Tensor, rows: Tensor) -> Tensor:
        rewind(layers, Key("attribution"), rows)
        return as_verdict(run.discriminator(points), len(points)).logits.float().reshape(len(points), -1).mean(1)

    found = integrated_gradients(judge, seen, baseline, steps, at_once=32)
    found = type(found)(*(part.cpu() for part in found))
    assert isinstance(run.codec, ValueCodec)
    return judged(what, run.codec.to_unit(run.codec.decode(samples)).cpu(), found)
