"""What all runs of a study are scored with, and the observer that scores them while they train."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal

import torch
from torch import Tensor

from sparring import metrics
from sparring.answers.records import Point
from sparring.data import Rows
from sparring.draws import Key, permutation
from sparring.errors import RequestError, TrainingError
from sparring.games import FromImages, with_latents
from sparring.loop import Step
from sparring.machine import forget_peak, peak_since
from sparring.match import Match, check_weights, measuring
from sparring.metrics import Features, Metric, Networks, Score, Views
from sparring.observers import heldout_logits
from sparring.probing import LATENTS, Pair, networks_of
from sparring.recipe import Recipe
from sparring.remaking import remade
from sparring.rowsampling import samples_of
from sparring.rundir import RunDir, append_line
from sparring.scoring import (
    FEWEST,
    choose_extractor,
    columns_of,
    default_metrics,
    features,
    known_modes,
    needs_networks,
    seen,
    targets_of,
)

NOTES = "study"
"""Where a match keeps what was scored."""
FAKES = 1000
"""Fakes for metrics that allow more of them than there are real samples: the less a score varies, the fewer seeds."""
UNEQUAL = ("fid", "kid", "is", "two_sample", "column_shapes", "column_pairs")
"""Metrics whose two sets may differ in size."""
COUNTED = ("modes", "high_quality")
"""Metrics of fakes alone: of a thousand fakes at most 632 of a thousand modes would be seen, so all that may be are
drawn."""

Half = Literal["selection", "report"]


class Yardstick:
    """One metric, one extractor, and the held-out samples in two halves: by one, runs and steps are selected, on the
    other, scores are reported (Cawley and Talbot 2010, https://jmlr.org/papers/v11/cawley10a.html)."""

    def __init__(
        self, recipe: Recipe, metric: str | None, device: torch.device, say: Callable[[str], None] = lambda _: None
    ) -> None:
        options = recipe.data
        self.data = options.model_copy(update={"limit": None}).load()  # the judge is one for all sizes of data
        heldout = self.data.heldout
        if len(heldout) < 2 * FEWEST:
            raise RequestError(
                f"data: {len(heldout)} samples are held out, and a study needs {2 * FEWEST}: half of them to select "
                "by, half to report on"
            )
        names = metrics.expanded([metric] if metric is not None else recipe.score.metrics or ())
        known = [metrics.metric(name) for name in names]
        self.extractor = choose_extractor(recipe.score, self.data, device, say)
        usual = recipe.game.scores_of(self.data.shape) if isinstance(recipe.game, FromImages) else ()
        known = known or [metrics.metric((usual or default_metrics(self.data, self.extractor))[0])]
        beside = metrics.expanded(recipe.score.metrics or ()) if metric is not None else ()
        known += [metrics.metric(name) for name in beside if name not in names]
        self.metric = known[0]
        order = permutation(Key("study", "halves"), len(heldout))
        self.numbers: dict[Half, Tensor] = {
            "selection": heldout[order[: len(order) // 2]],
            "report": heldout[order[len(order) // 2 :]],
        }
        """The samples of each half, by their numbers in the data."""
        self.halves: dict[Half, Features] = {
            half: seen(self.extractor, self.data, numbers) for half, numbers in self.numbers.items()
        }
        self.modes = known_modes(self.data, self.extractor)
        self.table = columns_of(self.data)
        self.recipe = recipe
        self.most = recipe.score.count
        train = self.data.train[permutation(Key("study", "targets"), len(self.data.train))]
        self.targets = targets_of([metric.name for metric in known], self.data, train)
        missing = self._missing(self.metric)
        if missing:
            raise RequestError(f"metric: '{self.metric.name}' {missing}")
        self.beside = [other for other in known[1:] if self._missing(other) is None]
        """Metrics that arms are not judged by, but told of."""
        for other in known[1:]:
            if other not in self.beside:
                say(f"score.metrics: '{other.name}' is left out: it {self._missing(other)}")

    def _missing(self, metric: Metric) -> str | None:
        """Why a metric cannot be had in this study, and what can; None if it can."""
        real = self.halves["report"]
        views = Views(
            heldout=real,
            fake=real,
            key=Key("study"),
            modes=self.modes,
            table=self.table,
            truth=self._truth("report"),
            targets=self.targets,
            intervals=False,
        )
        missing = None if needs_networks([metric.name]) else metric.missing(views)  # networks, each run has
        known = ", ".join([*metrics.obtainable(views), *metrics.GROUPS])
        return None if missing is None else f"{missing}; to be had: {known}"

    def count(self, half: Half, metric: str | None = None) -> int:
        """How many fakes are scored, by the metric that judges or by another."""
        name = metric or self.metric.name
        if name in COUNTED:
            return self.most
        real = len(self.halves[half])
        drawn = name in UNEQUAL and not self.recipe.game.translates  # each held-out image is translated once
        return min(self.most, max(real, FAKES)) if drawn else min(self.most, real)

    def score(self, match: Match, half: Half) -> Score:
        """Scores the averaged generator against one half. The latents are the same for all arms of a seed, and others
        for the other half."""
        return self._scores(match, half, self.count(half), [self.metric.name])[self.metric.name]

    def told_beside(self, match: Match) -> dict[str, Score]:
        """The scores that arms are not judged by, on the half that answers are drawn from."""
        by_count: dict[int, list[str]] = {}
        for metric in self.beside:
            by_count.setdefault(self.count("report", metric.name), []).append(metric.name)
        found: dict[str, Score] = {}
        for count, names in by_count.items():
            found |= self._scores(match, "report", count, names)
        return {metric.name: found[metric.name] for metric in self.beside}

    def _scores(self, match: Match, half: Half, count: int, names: list[str]) -> dict[str, Score]:
        key = Key(match.seed, "study", half)
        fakes, holes = self._fakes(match, half, count, key)
        views = Views(
            heldout=self.halves[half],
            fake=features(self.extractor, self.data, torch.split(fakes, 500)),
            key=Key("study", "scores"),
            modes=self.modes,
            table=self.table,
            networks=self._networks(match, half, key) if needs_networks(names) else None,
            truth=self._truth(half, count),
            holes=holes,
            targets=self.targets,
            intervals=False,
        )
        protocol = {"data": self.data.name, "fingerprint": self.data.fingerprint[:12], "split": self.told(half)}
        with measuring(match.discriminator):
            return metrics.score(names, views, self.extractor, protocol | {"step": match.step})

    def _fakes(self, match: Match, half: Half, count: int, key: Key) -> tuple[Tensor, Tensor | None]:
        """Fakes, and where they were filled in, if that is what the game does."""
        data, device, net = match.data, match.engine.device, match.sampler()
        if isinstance(match.game, FromImages):
            found = remade(match.game, net, Rows(self.data, self.numbers[half], device, heldout=True), key, count)
            return found.made, found.holes
        return samples_of(match.game, net, data.codec, data.label_counts, self.recipe, count, key, device), None

    def _truth(self, half: Half, count: int | None = None) -> Tensor | None:
        """What should have come out, in the order of the fakes, where the game knows."""
        game = self.recipe.game
        if not isinstance(game, FromImages) or not game.truth:
            return None
        return self.data.codec.to_unit(self.data.stored(self.numbers[half][:count]))

    def _networks(self, match: Match, half: Half, key: Key) -> Networks:
        match.fit("discriminator")
        pair = Pair(
            with_latents(match.game, "robustness"),
            match.sampler(),
            match.discriminator,
            match.data.codec,
            match.data.label_counts,
        )
        numbers = self.numbers[half]
        labels = None if self.data.labels is None else self.data.labels[numbers]
        return networks_of(pair, self.extractor, self.data.stored(numbers[:LATENTS]), labels, key)

    def told(self, half: Half) -> str:
        """What a half is, in words."""
        return f"the half of the held-out samples to {half if half == 'report' else 'select'} by"

    def to_json(self) -> dict[str, Any]:
        """How scores were made, for the record."""
        beside = {"beside": [metric.name for metric in self.beside]} if self.beside else {}
        return {
            "metric": self.metric.name,
            **beside,
            "better": self.metric.better,
            "data": self.data.name,
            "fingerprint": self.data.fingerprint[:12],
            "extractor": self.extractor.name,
            "hash": self.extractor.hash,
            "selection": len(self.halves["selection"]),
            "report": len(self.halves["report"]),
            "fakes": self.count("report"),
            "split": self.data.split,
        }


class Judge:
    """An observer that scores at given steps, keeps the best checkpoint, and times the training between looks.

    What it finds is among the match's notes, and so in every checkpoint.
    """

    def __init__(self, run: RunDir, yardstick: Yardstick, marks: Sequence[int], device: torch.device) -> None:
        self.run = run
        self.yardstick = yardstick
        self.marks = marks
        self.resumed = _Resumed(self)
        """The observer that comes last, after which training goes on."""
        self._since: float | None = None
        forget_peak(device, thorough=True)

    def observe(self, match: Match, step: Step) -> None:
        judged = match.step in self.marks
        if judged:
            match.engine.settle()
        notes = noted(match)
        if self._since is not None:
            notes["seconds"] += time.perf_counter() - self._since
            notes["steps"] += 1
        if judged:
            notes["peak"] = max(notes["peak"], peak_since(match.engine.device))
            self._judge(match, notes)
            forget_peak(match.engine.device)

    def trains(self) -> None:
        """Says that training goes on from here."""
        self._since = time.perf_counter()

    def _judge(self, match: Match, notes: dict[str, Any]) -> None:
        check_weights(match)  # a fallen generator can score, and must never be the best
        with self._scoring(match):
            selection, report = (self.yardstick.score(match, half) for half in ("selection", "report"))
        logits = heldout_logits(match, Key(match.seed, "study", "logits", match.step))
        gap = logits["logits_train"] - logits["logits_heldout"] if "logits_heldout" in logits else None
        point = Point(match.step * match.batch, selection.value, report.value, gap)
        notes["points"].append(list(point))
        scores = {self.yardstick.metric.name: report.to_json()}
        chosen = best(points(match.notes), self.yardstick.metric.better) == point
        if chosen and self.yardstick.beside:
            with self._scoring(match):
                found = self.yardstick.told_beside(match)
            notes["beside"] = {name: score.value for name, score in found.items()}
            scores |= {name: score.to_json() for name, score in found.items()}
        append_line(self.run.scores, {"step": match.step, "scores": scores})
        if chosen:
            match.notes["best_step"] = match.step
            self.run.save(match.step, match.state())

    @contextmanager
    def _scoring(self, match: Match) -> Iterator[None]:
        """Leaves the generator training, and names the run that cannot be scored."""
        try:
            yield
        except RequestError as error:
            raise TrainingError(f"{self.run.path}: cannot be scored at step {match.step}: {error}") from None
        finally:
            match.generator.train()


class _Resumed:
    """Tells the judge when all observers have looked."""

    def __init__(self, judge: Judge) -> None:
        self.judge = judge

    def observe(self, match: Match, step: Step) -> None:
        self.judge.trains()


def noted(match: Match) -> dict[str, Any]:
    """What was found so far: points, seconds and steps that were timed, the most memory."""
    found: dict[str, Any] = match.notes.setdefault(NOTES, {"points": [], "seconds": 0.0, "steps": 0, "peak": 0})
    return found


def points(notes: dict[str, Any]) -> list[Point]:
    """The points among a match's notes."""
    return [Point(*point) for point in notes.get(NOTES, {"points": []})["points"]]


def best(curve: Sequence[Point], better: metrics.Better) -> Point | None:
    """The point that the selection half prefers, the first of equals; None for no points."""
    if not curve:
        return None
    sign = 1 if better == "lower" else -1
    return min(curve, key=lambda point: sign * point.selection)
