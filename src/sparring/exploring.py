"""What a run's networks learned, as pictures: directions, interpolation, neighbours, attribution."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from sparring.data import DataSet, TableCodec, ValueCodec
from sparring.data.tables.spelling import spelled
from sparring.draws import Key, permutation
from sparring.games import with_latents
from sparring.insight import Attribution, Direction, first_layer, ganspace, integrated_gradients, sefa
from sparring.insight.layers import outputs_of
from sparring.metrics import Extractor
from sparring.probing import Pair
from sparring.reports.page import Explored, Judged, Strip, Walk
from sparring.run import Run
from sparring.sampling import grid, png, sheet

PAIRS, STEPS = 6, 9
"""Rows and columns of the interpolation."""
JUDGED, NEAREST = 8, 5
"""Samples whose nearest training images are shown, and how many of those."""
MOST_TRAINING = 20_000
"""Training images among which the nearest are looked for, at most."""
ACTIVATIONS = 1000
"""Latents whose early activations components are taken of."""
PROBES = 4
"""Latents at which the first layer's dependence on the latent is worked out."""
REACH, PLACES = 3.0, 7
"""How far strips go to either side, in standard deviations, and in how many columns."""
AVERAGED = 512
"""Held-out samples that the baseline is the mean of, at most."""
FOR, AGAINST = (0.05, 0.35, 0.80), (0.85, 0.30, 0.02)
"""Colours of what speaks for a sample (blue) and against it (orange), on white."""


class Effort(NamedTuple):
    """How much to show."""

    directions: int
    latents: int
    """Rows of a strip."""
    attributed: int
    """Samples of each kind whose logits are taken apart."""
    steps: int
    """Of the integral."""


BRIEF, WHOLE = Effort(3, 2, 8, 24), Effort(6, 4, 12, 128)
"""For a section of the report, and for a page of its own."""


class Findings(NamedTuple):
    """The same as numbers."""

    layer: str
    sefa: list[Direction]
    ganspace: list[Direction]
    attributions: dict[str, Attribution]
    """Of `generated` and `real` samples."""

    def to_json(self) -> dict[str, Any]:
        return {
            "layer": self.layer or None,
            "sefa": [_direction_json(one) for one in self.sefa],
            "ganspace": [_direction_json(one) for one in self.ganspace],
            "attributions": {
                name: {"logits": one.logits.tolist(), "baseline": one.baseline.tolist(), "gap": one.gap.tolist()}
                for name, one in self.attributions.items()
            },
        }


def _direction_json(one: Direction) -> dict[str, Any]:
    return {"share": one.share, "direction": one.vector.tolist()}


def pair_of(run: Run) -> Pair:
    return Pair(with_latents(run.recipe.game, "explore"), run.generator, run.discriminator, run.codec, run.label_counts)


def explored(run: Run, data: DataSet | None, effort: Effort) -> tuple[Explored, Findings]:
    """Directions, and with the run's data what its discriminator looks at."""
    pair, notes = pair_of(run), []
    layer, closed, components = directions(pair, effort.directions)
    if not layer:
        notes.append("No layer of the generator takes the latent in a way that could be followed: no directions.")
    found: dict[str, Attribution] = {}
    pictures: list[Judged] = []
    drawings: list[tuple[str, bytes]] = []
    walks: list[Walk] = []
    if run.codec.kind == "table":
        walks = [*_walks(pair, "SeFa", closed), *_walks(pair, "GANSpace", components)]
    elif run.codec.kind == "points":
        notes.append("Attribution is of images: two coordinates leave little to tell apart.")
        if run.codec.shape == (2,):
            drawings = _drawings(pair, {"SeFa": closed, "GANSpace": components}, data)
    elif data is None:
        notes.append("Without the run’s data there is no baseline for attribution.")
    else:
        for name, what, samples, labels in _to_judge(run, data, effort.attributed):
            found[name] = attributed(pair, data, samples, labels, effort.steps)
            pictures.append(judged(what, pair.codec.to_unit(samples), found[name]))
    strips: list[list[Strip]] = [[], []]
    if run.codec.kind == "image":
        strips = [
            _strips(pair, some, effort.latents, name) for name, some in (("SeFa", closed), ("GANSpace", components))
        ]
    return (
        Explored(layer, strips[0], strips[1], REACH, pictures, drawings, notes, walks),
        Findings(layer, closed, components, found),
    )


def directions(pair: Pair, count: int) -> tuple[str, list[Direction], list[Direction]]:
    """The first layer's name, and directions by SeFa and by GANSpace, `count` of each at most."""
    key = Key("explore")
    latents, labels = pair.latents(key, ACTIVATIONS), pair.labels(key, ACTIVATIONS)

    def generate(some: Tensor, rows: Tensor) -> Tensor:
        return pair.generate(some, None if labels is None else labels[rows], key, rows)

    first = first_layer(pair.generator, generate, latents[:PROBES])
    if first is None:
        return "", [], []
    activations = outputs_of(first.watched, generate, latents, pair.rows)
    return first.name, sefa(first, count), ganspace(activations, latents, count)


def along(pair: Pair, direction: Direction, latents: Tensor, places: Sequence[float]) -> Tensor:
    """Latents [n, latent] with their component along a direction set to each place, in standard deviations of a
    latent's values, [n * places, latent]: those of a latent come together. They stay where latents are drawn."""
    vector = direction.vector.to(latents)
    deviation = latents.square().mean().sqrt()
    rest = latents - (latents @ vector)[:, None] * vector
    moved = rest[:, None] + deviation * torch.tensor(places).to(latents)[None, :, None] * vector
    return moved.clamp(*pair.game.latent.support).flatten(0, 1)


def _strips(pair: Pair, found: Sequence[Direction], rows: int, method: str) -> list[Strip]:
    key = Key("strips")
    latents, labels = pair.latents(key, rows), pair.labels(key, rows)
    places = torch.linspace(-REACH, REACH, PLACES).tolist()
    strips = []
    for number, direction in enumerate(found, 1):
        samples = _made(pair, along(pair, direction, latents, places), labels, PLACES, key)
        strips.append(Strip(f"{method} {number}", direction.share, png(grid(samples, pair.codec, PLACES))))
    return strips


def _walks(pair: Pair, method: str, found: Sequence[Direction]) -> list[Walk]:
    """A table's row of one latent along directions, as far as it is learned."""
    assert isinstance(pair.codec, TableCodec)
    key, learned = Key("strips"), list(pair.codec.learned)
    columns = [pair.codec.columns[place] for place in learned]
    latents, labels = pair.latents(key, 1), pair.labels(key, 1)
    places = torch.linspace(-REACH, REACH, PLACES).tolist()
    walks = []
    for number, direction in enumerate(found, 1):
        rows = _made(pair, along(pair, direction, latents, places), labels, PLACES, key).numpy()[:, learned]
        cells = map(list, zip(*spelled(columns, rows), strict=True))
        names = [column.name for column in columns]
        walks.append(Walk(f"{method} {number}", direction.share, names, list(zip(places, cells, strict=True))))
    return walks


def _made(pair: Pair, latents: Tensor, labels: Tensor | None, each: int, key: Key) -> Tensor:
    """Samples in the data's own format for latents of which every `each` share a label and a mask."""
    rows = torch.arange(len(latents), device=latents.device) // each
    told = None if labels is None else labels[rows]
    parts = []
    with torch.no_grad():
        for some in torch.split(torch.arange(len(latents), device=latents.device), pair.rows):
            chunk = None if told is None else told[some]
            parts.append(pair.codec.decode(pair.generate(latents[some], chunk, key, rows[some])).cpu())
    return torch.cat(parts)


def interpolation(run: Run) -> bytes:
    """Rows of samples between pairs of latents."""
    pair, key = pair_of(run), Key("interpolation")
    rows = torch.arange(PAIRS, device=pair.device)
    first, last = (pair.game.latent.draw(key.at(end), rows) for end in ("first", "last"))
    places = torch.linspace(0, 1, STEPS).tolist()
    labels = None if run.recipe.game.labels == "none" else rows % max(len(run.label_names), 1)
    return png(grid(_made(pair, between(pair, first, last, places), labels, STEPS, key), run.codec, columns=STEPS))


def between(pair: Pair, first: Tensor, last: Tensor, places: Sequence[float]) -> Tensor:
    """Latents on the way from `first` [n, latent] (place 0) to `last` (place 1), [n * places, latent]: those of a pair
    come together. Along the great circle for normal ones, whose middle would be too short along the straight line
    (White 2016, https://arxiv.org/abs/1609.04468)."""
    first, last = first[:, None], last[:, None]
    place = torch.tensor(places).to(first)[None, :, None]
    straight = first + (last - first) * place
    if pair.game.latent.recipe_name() == "uniform":
        return straight.flatten(0, 1)
    cosine = (first * last).sum(2, keepdim=True) / (first.norm(dim=2) * last.norm(dim=2))[..., None]
    angle = torch.acos(cosine.clamp(-1, 1))
    around = (torch.sin((1 - place) * angle) * first + torch.sin(place * angle) * last) / torch.sin(angle)
    return torch.where(angle > 1e-3, around, straight).flatten(0, 1)


class Neighbours(NamedTuple):
    """Training samples nearest to generated ones."""

    samples: Tensor
    """[n, ...], as they are stored."""
    numbers: Tensor
    """Of the training samples in the data, nearest first, int64 [n, nearest]."""
    distances: Tensor
    """Float [n, nearest], in the extractor's features."""

    def to_json(self) -> list[dict[str, Any]]:
        return [
            {"sample": place, "training": numbers.tolist(), "distances": distances.tolist()}
            for place, (numbers, distances) in enumerate(zip(self.numbers, self.distances, strict=True))
        ]


def neighbours(run: Run, data: DataSet, extractor: Extractor) -> Neighbours:
    """Samples with the training images nearest to them in the extractor's features."""
    samples = run.draw(JUDGED, seed=1, device=str(pair_of(run).device))[0]
    train = data.train[permutation(Key("neighbours"), len(data.train))[:MOST_TRAINING]]
    seen = extractor(data.codec.to_unit(samples)).values
    nearest = torch.full((JUDGED, 0), 0.0)
    for part in torch.split(train, 1000):
        found = extractor(data.codec.to_unit(data.stored(part))).values
        nearest = torch.cat((nearest, torch.cdist(seen, found)), 1)
    closest = nearest.topk(min(NEAREST, len(train)), largest=False)
    return Neighbours(samples, train[closest.indices], closest.values)


def shown(found: Neighbours, data: DataSet) -> list[tuple[bytes, list[bytes]]]:
    """Neighbours as pictures."""
    return [
        (png(grid(sample[None], data.codec)), [png(grid(data.stored(i[None]), data.codec)) for i in row])
        for sample, row in zip(found.samples, found.numbers, strict=True)
    ]


def _to_judge(run: Run, data: DataSet, count: int) -> list[tuple[str, str, Tensor, Tensor | None]]:
    """New samples and held-out ones, as they are stored, with labels where the game has any."""
    samples, labels = run.draw(count, seed=2, device=str(pair_of(run).device))
    cases = [("generated", "New samples", samples, labels)]
    real = data.heldout[permutation(Key("judged"), len(data.heldout))[:count]]
    if len(real):
        told = None if labels is None or data.labels is None else data.labels[real]
        cases.append(("real", "Real samples", data.stored(real), told))
    return cases


def attributed(pair: Pair, data: DataSet, samples: Tensor, labels: Tensor | None, steps: int) -> Attribution:
    """The discriminator's logits of samples, as they are stored, taken apart, against the mean image of the data that
    training did not see (of the training data, where nothing is held out)."""
    numbers = data.heldout if len(data.heldout) else data.train
    some = numbers[permutation(Key("baseline"), len(numbers))[:AVERAGED]]
    baseline = data.codec.encode(data.stored(some)).mean(0).to(pair.device)
    told = None if labels is None else labels.to(pair.device)

    def judge(seen: Tensor, rows: Tensor) -> Tensor:
        return pair.judge(seen, None if told is None else told[rows], Key("attribution"), rows)

    found = integrated_gradients(judge, data.codec.encode(samples).to(pair.device), baseline, steps, pair.rows)
    return Attribution(*(part.cpu() for part in found))


def judged(what: str, samples: Tensor, found: Attribution) -> Judged:
    """Samples, float32 [n, channels, height, width] in [0, 1], above their maps."""
    plain = (samples * 255).round().clamp(0, 255).to(torch.uint8)
    plain = plain[:, :3] if plain.shape[1] >= 3 else plain[:, :1].expand(-1, 3, -1, -1)
    picture = torch.cat((plain, heat(found.parts)))
    return Judged(what, png(sheet(picture, len(samples))), found.logits.tolist(), float(found.baseline.mean()))


def heat(parts: Tensor) -> Tensor:
    """Attributions [n, channels, height, width] as colours, uint8 [n, 3, height, width]: blue for, orange against,
    white for nothing; full colour at the 99th percentile of all."""
    value = parts.sum(1)
    # By rank, for `quantile` takes no more than 16 million values
    most = float(value.abs().flatten().sort().values[int(0.99 * (value.numel() - 1))]) or 1.0
    strength = (value / most).clamp(-1, 1)[:, None]
    towards = torch.where(strength > 0, torch.tensor(FOR)[:, None, None], torch.tensor(AGAINST)[:, None, None])
    return ((1 - strength.abs() * (1 - towards)) * 255).round().to(torch.uint8)


def _drawings(pair: Pair, methods: dict[str, list[Direction]], data: DataSet | None) -> list[tuple[str, bytes]]:
    """Of points in the plane: the ways they go along directions, and where the discriminator believes them."""
    from sparring.plots import landscape, paths  # Matplotlib, a second, and only for points

    assert isinstance(pair.codec, ValueCodec)
    reach = pair.codec.high * 1.3
    real = None if data is None else data.stored(data.heldout[:2000])
    key, count = Key("strips"), 60
    latents, labels = pair.latents(key, count), pair.labels(key, count)
    places = torch.linspace(-REACH, REACH, 41).tolist()
    found = []
    for method, some in methods.items():
        for number, direction in enumerate(some[:2], 1):
            made = _made(pair, along(pair, direction, latents, places), labels, len(places), key)
            caption = f"{method} {number}: where {count} samples go as their latents move along it, blue to red."
            found.append((caption, paths(made.reshape(count, len(places), 2), real, reach)))
    if pair.game.labels == "none":
        side = 61
        axis = torch.linspace(-reach, reach, side)
        plane = torch.cartesian_prod(axis, axis)
        with torch.no_grad():
            seen = pair.codec.encode(plane).to(pair.device)
            logits = pair.judge(seen, None, key, torch.arange(len(plane), device=pair.device)).float().cpu()
        found.append(
            ("The discriminator’s logits over the plane.", landscape(logits.reshape(side, side).T, real, reach))
        )
    return found
