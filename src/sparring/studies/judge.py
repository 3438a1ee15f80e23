"""What all runs of a study are scored with, and the observer that scores them while they train."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, Literal

import torch

from sparring import metrics
from sparring.answers.records import Point
from sparring.draws import Key, permutation
from sparring.errors import RequestError, TrainingError
from sparring.loop import Step
from sparring.machine import forget_peak, peak_since
from sparring.match import Match, check_weights
from sparring.metrics import Features, Score, Views
from sparring.observers import heldout_logits
from sparring.recipe import Recipe
from sparring.rundir import RunDir, append_line
from sparring.sampling import draw
from sparring.scoring import FEWEST, choose_extractor, default_metrics, features, known_modes, seen

NOTES = "study"
"""Where a match keeps what was scored."""
FAKES = 1000
"""Fakes for metrics that allow more of them than there are real samples: the less a score varies, the fewer seeds."""
UNEQUAL = ("fid", "kid", "is")
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
        if metric is not None:
            metrics.metric(metric)
        self.extractor = choose_extractor(recipe.score, self.data, device, say)
        named = metric or next(iter(recipe.score.metrics or ()), None)
        self.metric = metrics.metric(named or default_metrics(self.data, self.extractor)[0])
        order = permutation(Key("study", "halves"), len(heldout))
        self.selection = heldout[order[: len(order) // 2]]
        """The samples of the first half, by their numbers in the data."""
        self.halves: dict[Half, Features] = {
            "selection": seen(self.extractor, self.data, self.selection),
            "report": seen(self.extractor, self.data, heldout[order[len(order) // 2 :]]),
        }
        self.modes = known_modes(self.data, self.extractor)
        self.most = recipe.score.count
        self._check()

    def _check(self) -> None:
        """Raises RequestError where the metric cannot be had."""
        real = self.halves["report"]
        views = Views(heldout=real, fake=real, key=Key("study"), modes=self.modes, intervals=False)
        missing = self.metric.missing(views)
        if missing:
            known = ", ".join(metrics.obtainable(views))
            raise RequestError(f"metric: '{self.metric.name}' {missing}; to be had: {known}")

    def count(self, half: Half) -> int:
        """How many fakes are scored."""
        if self.metric.name in COUNTED:
            return self.most
        real = len(self.halves[half])
        return min(self.most, max(real, FAKES)) if self.metric.name in UNEQUAL else min(self.most, real)

    def score(self, match: Match, half: Half) -> Score:
        """Scores the averaged generator against one half. The latents are the same for all arms of a seed, and others
        for the other half."""
        key = Key(match.seed, "study", half)
        count, device = self.count(half), match.engine.device
        labels = match.drawn_labels(key, torch.arange(count, device=device))
        codec = match.data.codec
        fakes = draw(match.game, match.sampler(), codec, count, key, labels, device)
        fake = features(self.extractor, self.data, torch.split(fakes, 500))
        views = Views(
            heldout=self.halves[half], fake=fake, key=Key("study", "scores"), modes=self.modes, intervals=False
        )
        protocol = {"data": self.data.name, "fingerprint": self.data.fingerprint[:12], "split": f"{self.told(half)}"}
        (score,) = metrics.score([self.metric.name], views, self.extractor, protocol | {"step": match.step}).values()
        return score

    def told(self, half: Half) -> str:
        """What a half is, in words."""
        return f"the half of the held-out samples to {half if half == 'report' else 'select'} by"

    def to_json(self) -> dict[str, Any]:
        """How scores were made, for the record."""
        return {
            "metric": self.metric.name,
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
        try:
            selection, report = (self.yardstick.score(match, half) for half in ("selection", "report"))
        except RequestError as error:
            raise TrainingError(f"{self.run.path}: cannot be scored at step {match.step}: {error}") from None
        finally:
            match.generator.train()
        logits = heldout_logits(match, Key(match.seed, "study", "logits", match.step))
        gap = logits["logits_train"] - logits["logits_heldout"] if "logits_heldout" in logits else None
        point = Point(match.step * match.batch, selection.value, report.value, gap)
        notes["points"].append(list(point))
        append_line(self.run.scores, {"step": match.step, "scores": {self.yardstick.metric.name: report.to_json()}})
        if best(points(match.notes), self.yardstick.metric.better) == point:
            match.notes["best_step"] = match.step
            self.run.save(match.step, match.state())


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
