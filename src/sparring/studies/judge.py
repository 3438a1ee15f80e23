"""What all runs of a study are scored with, and the observer that scores them while they train."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal

import torch
from torch import Tensor

from sparring import kinds, metrics
from sparring.base.draws import Key, permutation
from sparring.base.errors import RequestError, TrainingError
from sparring.base.files import append_line
from sparring.base.rundir import RunDir
from sparring.engine.machine import forget_peak, peak_since
from sparring.gan.games import with_latents
from sparring.gan.loop import Step
from sparring.gan.match import Match
from sparring.gan.measuring import check_weights, heldout_logits
from sparring.gan.sampling import measuring
from sparring.gan.trained import Trained
from sparring.kinds import scores
from sparring.metrics import Features, Metric, Networks, Score, Views
from sparring.recipe import Recipe
from sparring.runs.scoring import FEWEST, LATENTS, choose_extractor, features, needs_networks, networks_of, seen
from sparring.studies.answers.records import Point

NOTES = "study"
"""Where a match keeps what was scored."""
FAKES = 1000
"""Fakes for metrics that allow more of them than there are real samples: the less a score varies, the fewer seeds."""

Half = Literal["selection", "report"]


class Standard:
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
        self.kind = kinds.of(recipe.game, options)
        self.extractor = choose_extractor(self.kind, recipe.score.extractor, self.data, device, say)
        names = scores.expanded([metric] if metric is not None else recipe.score.metrics or ())
        first = names or self.kind.usual(recipe.game, self.data, self.extractor)[:1]
        beside = scores.expanded(recipe.score.metrics or ()) if metric is not None else ()
        known = [scores.metric(name) for name in dict.fromkeys((*first, *beside))]
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
        self.recipe = recipe
        self.most = recipe.score.count
        train = self.data.train[permutation(Key("study", "targets"), len(self.data.train))]
        self.known = self.kind.known(self.data, self.extractor, [metric.name for metric in known], train)
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
            modes=self.known.modes,
            about=self.known.about,
            truth=self._truth("report"),
            targets=self.known.targets,
            intervals=False,
        )
        missing = None if needs_networks([metric.name]) else metric.missing(views)  # networks, each run has
        known = ", ".join([*scores.obtainable(views), *scores.groups()])
        return None if missing is None else f"{missing}; to be had: {known}"

    def count(self, half: Half, metric: str | None = None) -> int:
        """How many fakes are scored, by the metric that judges or by another."""
        sets = self.metric.sets if metric is None else scores.metric(metric).sets
        if sets == "counted":  # of a thousand fakes at most 632 of a thousand modes would be seen
            return self.most
        real = len(self.halves[half])
        drawn = sets == "unequal" and not self.recipe.game.translates  # each held-out image is translated once
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
        robust = needs_networks(names)
        if robust:
            match.fit("generator", "discriminator")
        with match.sampling(self.recipe.data) as trained:
            made = self.kind.fakes(trained, self.data, self.numbers[half], count, key)
            views = Views(
                heldout=self.halves[half],
                fake=features(self.extractor, self.data.codec, torch.split(made.samples, 500)),
                key=Key("study", "scores"),
                modes=self.known.modes,
                about=self.known.about,
                networks=self._networks(trained, half, key) if robust else None,
                truth=self._truth(half, count),
                holes=made.holes,
                targets=self.known.targets,
                intervals=False,
            )
            protocol = {"data": self.data.name, "fingerprint": self.data.fingerprint[:12], "split": self.told(half)}
            with measuring(trained.discriminator):
                return scores.score(names, views, self.extractor, protocol | {"step": match.step})

    def _truth(self, half: Half, count: int | None = None) -> Tensor | None:
        """What should have come out, in the order of the fakes, where the game knows."""
        if not self.recipe.game.truth:
            return None
        return self.data.codec.to_unit(self.data.stored(self.numbers[half][:count]))

    def _networks(self, trained: Trained, half: Half, key: Key) -> Networks:
        with_latents(trained.game, "robustness")
        numbers = self.numbers[half]
        labels = None if self.data.labels is None else self.data.labels[numbers]
        return networks_of(trained, self.extractor, self.data.stored(numbers[:LATENTS]), labels, key)

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

    def __init__(self, run: RunDir, yardstick: Standard, marks: Sequence[int], device: torch.device) -> None:
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
        told = {self.yardstick.metric.name: report.to_json()}
        chosen = best(points(match.notes), self.yardstick.metric.better) == point
        if chosen and self.yardstick.beside:
            with self._scoring(match):
                found = self.yardstick.told_beside(match)
            notes["beside"] = {name: score.value for name, score in found.items()}
            told |= {name: score.to_json() for name, score in found.items()}
        append_line(self.run.scores, {"step": match.step, "scores": told})
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
