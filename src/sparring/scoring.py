"""From a generator and its data to scores: which features, which samples, which metrics."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from sparring import metrics
from sparring.data import DataSet, TableCodec, ValueCodec
from sparring.draws import Key, permutation
from sparring.errors import RequestError
from sparring.metrics import Extractor, Features, Modes, Networks, Views, codes_by_channel
from sparring.metrics.columns import Table
from sparring.metrics.features import load_inception, train_classifier, train_selfsup, trained_extractor
from sparring.metrics.features.columns import Columns
from sparring.metrics.features.pixels import Pixels
from sparring.metrics.tables import NEED_TARGET, TABLE_DEFAULTS
from sparring.recipe import Scoring

LIKE_THE_DATA = (
    *("fid", "kid", "precision", "recall", "density", "coverage", "is", "diversity", "ms_ssim", "patch_kid"),
    *("two_sample", "column_shapes", "column_pairs"),
)
"""Metrics whose value for training samples is a yardstick for that of fakes."""
MOST_TRAINING = 20_000
"""Training samples among which near copies are looked for, at most."""
SEEN = 500
"""Samples whose features are taken at once."""
TARGETS = 200
"""Training images whose main colours are looked at."""
FEWEST = 10
"""Held-out samples, without which nothing is scored."""

Score = dict[str, Any]


def default_metrics(data: DataSet, extractor: Extractor) -> list[str]:
    """The scores that fit the data, the most telling first."""
    if data.codec.kind == "points":
        return ["modes", "high_quality", "fid"]
    if isinstance(data.codec, TableCodec):
        return [name for name in TABLE_DEFAULTS if data.codec.target is not None or name not in NEED_TARGET]
    chosen = ["fid", "kid", "precision", "recall", "density", "coverage"]
    chosen += ["is"] if extractor.name in ("classifier", "inception") else []
    chosen += ["memorisation", "diversity"]
    return ["modes", *chosen] if data.name == "stacked_digits" else chosen


def choose_extractor(scoring: Scoring, data: DataSet, device: torch.device, say: Callable[[str], None]) -> Extractor:
    """The extractor that the recipe names, or that fits the data."""
    kind = scoring.extractor
    if isinstance(data.codec, TableCodec):
        if kind not in ("auto", "columns"):
            raise RequestError(f"score.extractor: {kind} takes images, and {data.name} is a table; take columns")
        return Columns(data.codec)
    if kind == "columns":
        raise RequestError(
            f"score.extractor: columns takes tables, and {data.name} is of {data.codec.kind}s; take pixels"
        )
    if kind == "auto":
        kind = "pixels" if data.codec.kind == "points" else "selfsup" if data.labels is None else "classifier"
    if kind == "pixels":
        return Pixels(int(torch.tensor(data.shape).prod()))
    if kind == "inception":
        return load_inception(device=device)
    if kind == "classifier" and data.labels is None:
        raise RequestError(f"score.extractor: classifier, and {data.name} has no labels; take selfsup")
    if data.codec.kind == "points":
        raise RequestError(f"score.extractor: {kind} takes images, and {data.name} are points; take pixels")
    if data.name == "stacked_digits":
        return PerChannel(_trained("classifier", _single_digits(data), device, say))
    return _trained(kind, data, device, say)


def _trained(kind: str, data: DataSet, device: torch.device, say: Callable[[str], None]) -> Extractor:
    """A network trained on the training samples, from the cache where it was trained before."""

    def unit(index: Tensor) -> Tensor:
        return data.codec.to_unit(data.stored(data.train[index]))

    def build() -> Any:
        say(f"training the feature network '{kind}' on {len(data.train):,} training samples, once for this data")
        if kind == "classifier":
            assert data.labels is not None
            return train_classifier(unit, data.labels[data.train], len(data.train), data.shape, device=device)
        return train_selfsup(unit, len(data.train), data.shape, device=device)

    extractor: Extractor = trained_extractor(kind, data.fingerprint, build, device=device).extractor
    return extractor


class PerChannel:
    """An extractor of grey images on each channel of an image, features beside each other, for stacked digits."""

    def __init__(self, inner: Extractor, channels: int = 3) -> None:
        self.inner = inner
        self.channels = channels
        self.name, self.hash = f"{inner.name} per channel", inner.hash
        self.resize, self.width = inner.resize, inner.width * channels
        self.details: Mapping[str, Any] = inner.details

    def __call__(self, samples: Tensor) -> Features:
        parts = [self.inner(samples[:, channel : channel + 1]) for channel in range(self.channels)]
        return Features(torch.cat([part.values for part in parts], 1), None, samples)

    def graded(self, samples: Tensor) -> Tensor:
        return torch.cat([self.inner.graded(samples[:, c : c + 1]) for c in range(self.channels)], 1)


def _single_digits(data: DataSet) -> DataSet:
    """Stacked digits as three times as many single ones, labelled by the digits of their codes."""
    from dataclasses import replace

    assert data.labels is not None
    assert isinstance(data.codec, ValueCodec)
    first = data.samples.flatten(0, 1)[:, None]
    digits = torch.stack((data.labels // 100, data.labels // 10 % 10, data.labels % 10), 1).flatten()
    train = (data.train[:, None] * 3 + torch.arange(3)).flatten()
    return replace(
        data,
        name="single digits",
        samples=first,
        labels=digits,
        label_names=tuple("0123456789"),
        train=train,
        codec=data.codec._replace(shape=(1, *data.codec.shape[1:])),
    )


def known_modes(data: DataSet, extractor: Extractor) -> Modes | None:
    """The modes of toy data, in the units that metrics see; stacked digits by what the extractor reads in them."""
    if data.modes is not None and isinstance(data.codec, ValueCodec):
        return Modes(data.codec.to_unit(data.modes.centres), data.modes.sigma / (data.codec.high - data.codec.low))
    if isinstance(extractor, PerChannel):
        return Modes(code=codes_by_channel(extractor.inner), codes=data.classes)
    return None


def columns_of(data: DataSet) -> Table | None:
    """What metrics are to know of a table's learned columns."""
    codec = data.codec
    if not isinstance(codec, TableCodec):
        return None
    return Table.of(codec.columns, None if codec.target is None else codec.columns[codec.target].name)


def score(
    fakes: Callable[[int], Tensor],
    data: DataSet,
    scoring: Scoring,
    extractor: Extractor,
    names: Sequence[str] | None,
    about: Mapping[str, Any],
    networks: Callable[[Extractor, Tensor], Networks] | None = None,
    truth: Callable[[int], Tensor] | None = None,
    holes: Callable[[int], Tensor] | None = None,
) -> dict[str, Score]:
    """Scores as many fakes (`fakes(count)`, in the data's own format) as held-out samples are taken; of a table, as
    many as there are training rows, up to `scoring.count`.

    Each score's protocol says how; `training_data` in it is the same metric of as many training samples in the fakes'
    place, the best that can be hoped for. `networks` gives metrics that need
    them the run's two networks, for the extractor and the numbers of the held-out samples. `truth(count)` gives the
    image that each of `fakes(count)` should be, in the data's own format, and `holes(count)` where it was filled in,
    bool [count, 1, height, width].
    """
    heldout, key = judged_by(data, scoring), Key("scores", scoring.seed)
    count = len(heldout)
    train = data.train[permutation(key.at("train"), len(data.train))]
    chosen = metrics.expanded(names or scoring.metrics or default_metrics(data, extractor))
    # Of a table's rows more than are held out: models are trained on them
    made = count if data.codec.kind != "table" else max(count, min(len(data.train), scoring.count))
    views = Views(
        heldout=seen(extractor, data, heldout),
        fake=features(extractor, data, torch.split(fakes(made), SEEN)),
        train=seen(extractor, data, train[:MOST_TRAINING], keep_samples=data.codec.kind == "table"),
        key=key,
        modes=known_modes(data, extractor),
        table=columns_of(data),
        networks=networks(extractor, heldout) if networks and needs_networks(chosen) else None,
        truth=None if truth is None else data.codec.to_unit(truth(made)),
        holes=None if holes is None else holes(made),
        targets=targets_of(chosen, data, train),
    )
    protocol = {"data": data.name, "fingerprint": data.fingerprint[:12], "split": data.split, "seed": scoring.seed}
    scores = metrics.score(chosen, views, extractor, protocol | dict(about))
    yardstick = _training_scores(chosen, views, extractor, data, train[:made])
    found = {}
    for name, one in scores.items():
        found[name] = one.to_json()
        if name in yardstick:
            found[name]["protocol"]["training_data"] = yardstick[name]
    return found


def judged_by(data: DataSet, scoring: Scoring) -> Tensor:
    """The numbers of the held-out samples that scores are taken against, in their order. Raises RequestError where too
    few are held out."""
    if len(data.heldout) < FEWEST:
        raise RequestError(
            f"metrics: {len(data.heldout)} samples are held out, and scores need at least {FEWEST}; "
            + ("take 40 samples or more" if len(data.samples) < 4 * FEWEST else "set data's held_out=0.1")
        )
    order = permutation(Key("scores", scoring.seed).at("heldout"), len(data.heldout))
    return data.heldout[order[: scoring.count]]


def needs_networks(names: Sequence[str]) -> bool:
    """Whether any of these metrics is of the networks and not of samples alone."""
    return not set(metrics.GROUPS["robustness"]).isdisjoint(metrics.expanded(names))


def targets_of(names: Sequence[str], data: DataSet, train: Tensor) -> Tensor | None:
    """Some training images, where any of these metrics looks at their colours."""
    if data.codec.kind != "image" or {"agreement", "pixel_accuracy"}.isdisjoint(names):
        return None
    return data.codec.to_unit(data.stored(train[:TARGETS]))


def _training_scores(
    names: Sequence[str], views: Views, extractor: Extractor, data: DataSet, train: Tensor
) -> dict[str, float]:
    """The scores of training samples in the fakes' place; fewer than there are fakes make no yardstick."""
    wanted = [name for name in names if name in LIKE_THE_DATA]
    if len(train) < len(views.fake) or not wanted:
        return {}
    swapped = Views(heldout=views.heldout, fake=seen(extractor, data, train), key=views.key, table=views.table)
    return {name: one.value for name, one in metrics.score(wanted, swapped, extractor).items()}


def seen(extractor: Extractor, data: DataSet, numbers: Tensor, *, keep_samples: bool = True) -> Features:
    """The features of the data's own samples, a chunk of which is read at a time."""
    chunks = (data.stored(part) for part in torch.split(numbers, SEEN))
    return features(extractor, data, chunks, keep_samples=keep_samples)


def features(extractor: Extractor, data: DataSet, chunks: Iterable[Tensor], *, keep_samples: bool = True) -> Features:
    table = data.codec.kind == "table"  # whose rows metrics want as they are, beside their features
    batches = (chunk if table else data.codec.to_unit(chunk) for chunk in chunks)
    return metrics.extract(extractor, batches, keep_samples=keep_samples)


def is_better(first: Score, second: Score | None) -> bool:
    """Whether one score beats another of the same metric (None for none)."""
    if second is None:
        return True
    return bool(first["value"] < second["value"] if first["better"] == "lower" else first["value"] > second["value"])
