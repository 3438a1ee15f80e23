"""What a report shows of a run that turns images into images."""

from __future__ import annotations

import torch
from torch import Tensor

from sparring.base.draws import Key, permutation
from sparring.data import Batch, DataSet, Rows
from sparring.gan.games import as_verdict
from sparring.gan.insight import integrated_gradients
from sparring.gan.insight.exploring import Effort, mean_sample
from sparring.gan.sampling import make
from sparring.gan.surgery import random_layers, rewind
from sparring.gan.trained import Trained
from sparring.kinds.translation.games.images import FromImages
from sparring.kinds.translation.remaking import Remade, remade, strips, values_of
from sparring.kinds.translation.scale import scale_of
from sparring.pages.blocks import Figure
from sparring.pages.drawing import fullest, laid, png
from sparring.pages.page import Explored, Judged

SHOWN = 24
"""Held-out images whose translation is shown."""
COLUMNS = 3
"""How many of them beside each other."""


def shown(trained: Trained, data: DataSet) -> Figure | None:
    """Held-out images, what the run makes of them and what belongs to them; None where nothing is held out."""
    if not len(data.heldout):
        return None
    found = made_of(trained, data, SHOWN)
    columns = "input, output and what belongs to it" if found.truth is not None else "input and output"
    words = f"Held-out images, in groups: {columns}."
    picture = png(strips(found, values_of(trained.codec), COLUMNS))
    return Figure(picture, words, " ".join(filter(None, (words, worth(trained, data)))))


def worth(trained: Trained, data: DataSet) -> str:
    """What results for larger pictures are worth, in a sentence or two; nothing of a run that knows several scales."""
    size = (values_of(trained.codec).shape[1], values_of(trained.codec).shape[2])
    if scale_of(trained.source, size).size is None:
        return ""
    own = data.found.sizes.most_common(1)
    before = f", made from {own[0][0][0]} x {own[0][0][1]}" if own and own[0][0] != size else ""
    return (
        f"All are {size[0]} x {size[1]}{before}; so are those that were scored. A picture of another size is brought to"
        " this one, and what is made of it back: larger results hold no finer detail than these."
    )


def made_of(trained: Trained, data: DataSet, count: int) -> Remade:
    """What a run makes of so many held-out images."""
    numbers = data.heldout[permutation(Key("shown"), len(data.heldout))[:count]]
    rows = Rows(data, numbers, trained.device, heldout=True)
    return remade(game_of(trained), trained.generator, rows, Key("shown"))


def game_of(trained: Trained) -> FromImages:
    """The game of a run of images from images."""
    assert isinstance(trained.game, FromImages)  # else another kind were asked
    return trained.game


def looked_at(trained: Trained, data: DataSet | None, effort: Effort) -> Explored:
    """What the discriminator looks at in outputs and in real samples of held-out images: its mean logit taken apart by
    integrated gradients, against the mean image of the samples in the output's place, the input beside it the same."""
    if data is None or not len(data.heldout):
        return Explored("", [], [], 0.0, [], [], ["Without held-out images there is nothing to look at."])
    game, device = game_of(trained), trained.device
    numbers = data.heldout[permutation(Key("judged"), len(data.heldout))[: effort.attributed]]
    rows = Rows(data, numbers, device, heldout=True)
    places = torch.arange(len(rows), device=device)
    batch = Batch(rows, places, places, key=Key("judged"))
    with torch.no_grad():
        made = make(game, trained.generator, batch.key, batch.rows, game.asked(batch))
    mean = mean_sample(data).to(device).expand_as(made)
    pictures = [
        _judged(trained, game, batch, what, samples, mean, effort.steps)
        for what, samples in (("Outputs", made), ("Real samples", batch.samples))
    ]
    return Explored("", [], [], 0.0, pictures, [], [])


def _judged(
    trained: Trained, game: FromImages, batch: Batch, what: str, samples: Tensor, mean: Tensor, steps: int
) -> Judged:
    seen, baseline = game.shown(samples, batch), game.shown(mean, batch)
    layers = random_layers(trained.discriminator)

    def judge(points: Tensor, rows: Tensor) -> Tensor:
        rewind(layers, Key("attribution"), rows)
        return as_verdict(trained.discriminator(points), len(points)).logits.float().reshape(len(points), -1).mean(1)

    found = integrated_gradients(judge, seen, baseline, steps, at_once=32)
    found = type(found)(*(part.cpu() for part in found))
    images = trained.codec.to_unit(trained.codec.decode(samples)).cpu()
    block = laid(images, marks=found.parts, alt=f"{what}, and below each what speaks for and against it")
    return Judged(what, block, found.logits.tolist(), float(found.baseline.mean()), fullest(found.parts))
