"""Scores of a run: while it trains, where the recipe says so, and at its end."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

from torch import Tensor, nn

from sparring.console import Talk, scores_table
from sparring.data import Codec, DataSet, Rows
from sparring.draws import Key
from sparring.errors import RequestError
from sparring.games import FromImages, with_latents
from sparring.loop import Step
from sparring.match import Match, check_weights, measuring
from sparring.metrics import Extractor, Networks
from sparring.probing import Pair, networks_of
from sparring.recipe import Recipe
from sparring.remaking import remade
from sparring.rowsampling import samples_of
from sparring.rundir import RunDir, append_line
from sparring.scoring import choose_extractor, is_better, judged_by, needs_networks, score


class Scorer:
    """An observer that scores the averaged generator, while training where the recipe says so, and at the end."""

    def __init__(self, run: RunDir, recipe: Recipe, data: DataSet, talk: Talk) -> None:
        self.run, self.recipe, self.data, self.talk = run, recipe, data, talk
        self.extractor: Extractor | None = None
        """Once it was needed."""
        self._last: tuple[tuple[int, int], dict[str, Any]] = ((-1, 0), {})
        """The newest scores, and of which step and attempt."""

    def observe(self, match: Match, step: Step) -> None:
        every = self.recipe.score.every
        if self.recipe.score.metrics == ():
            return
        if every and (match.step % every == 0 or match.step >= match.steps):
            self._score(match)

    def final(self, match: Match) -> None:
        """Scores the finished run."""
        if self.recipe.score.metrics == ():
            return
        at, scores = self._last
        if at != (match.step, match.attempt):
            scores = self._score(match)
        if scores:
            self.talk.table(scores_table(scores, f"scores of {self.run.path} at step {match.step:,}"))

    def first(self, match: Match) -> tuple[str, dict[str, Any]] | None:
        """The first score as it would be now, with its name; nothing is kept of it. None where there is none."""
        if self.recipe.score.metrics == ():
            return None
        scores = self._scores(match, list(self.recipe.score.metrics or ())[:1] or None)
        return next(iter(scores.items()), None)

    def _scores(self, match: Match, names: Sequence[str] | None = None) -> dict[str, Any]:
        """The scores of these names, or all that the recipe asks for; none, with a word, where they cannot be had."""
        recipe, data = self.recipe, self.data
        check_weights(match)  # a fallen generator can score, and must never be the best
        try:
            if self.extractor is None:
                self.extractor = choose_extractor(recipe.score, data, match.engine.device, self.talk.say)
            match.fit("discriminator")
            source = Source(match.sampler(), data.codec, data.label_counts, match.discriminator)
            return scored(source, recipe, data, self.extractor, names, match.step)
        except RequestError as error:
            self.talk.say(f"no scores: {error}")
            return {}
        finally:
            match.generator.train()

    def _score(self, match: Match) -> dict[str, Any]:
        scores = self._scores(match)
        if not scores:
            return {}
        append_line(self.run.scores, {"step": match.step, "attempt": match.attempt, "scores": scores})
        self._last = ((match.step, match.attempt), scores)
        if self.recipe.score.every:
            self._keep_best(match, *next(iter(scores.items())))
        return scores

    def _keep_best(self, match: Match, name: str, first: dict[str, Any]) -> None:
        """Keeps a checkpoint of the best first score, and ends the training where no better one has come for long."""
        notes, patience = match.notes, self.recipe.score.patience
        if notes.pop("ended", None) is not None:  # and it was gone on with: its patience begins anew
            notes["no_better"] = 0
        if is_better(first, notes.get("best_score")):
            notes["best_score"] = {"value": first["value"], "better": first["better"]}
            notes["best_step"], notes["no_better"] = match.step, 0
            match.settle()
            self.run.save(match.step, match.state())
            return
        notes["no_better"] = notes.get("no_better", 0) + 1
        if patience is not None and notes["no_better"] >= patience and match.step < match.steps:
            notes["ended"] = {"step": match.step, "steps": match.steps, "patience": patience}
            self.talk.say(
                f"step {match.step:,}: {notes['no_better']} scores without a better {name}: ending here; "
                f"the best checkpoint, of step {notes['best_step']:,}, is kept"
            )


class Source(NamedTuple):
    """Where the scored samples come from: a generator in eval mode, and the data it was trained on."""

    net: nn.Module
    codec: Codec
    label_counts: Tensor | None
    """How frequent each label is to be, int64 [classes]."""
    discriminator: nn.Module
    """Which judged them, for scores of robustness."""


def scored(
    source: Source, recipe: Recipe, data: DataSet, extractor: Extractor, names: Sequence[str] | None, step: int
) -> dict[str, Any]:
    """Scores of a generator against data, its own or others."""
    key = Key(recipe.score.seed, "scored samples")
    device = next(source.net.parameters()).device
    about = {"step": step}
    if isinstance(recipe.game, FromImages):
        rows = Rows(data, judged_by(data, recipe.score), device, heldout=True)
        count = len(rows) if rows.inputs is None else min(len(rows), len(rows.inputs))
        with measuring(source.net, source.discriminator):
            found = remade(recipe.game, source.net, rows, key, count)
        known = names or recipe.score.metrics or recipe.game.scores_of(data.shape)
        if needs_networks(known):
            with_latents(recipe.game, "metrics: robustness")  # which says why not
        truth, holes = (None if part is None else partial(_all, part) for part in (found.truth, found.holes))
        return score(partial(_all, found.made), data, recipe.score, extractor, known, about, truth=truth, holes=holes)

    def fakes(count: int) -> Tensor:
        return samples_of(recipe.game, source.net, source.codec, source.label_counts, recipe, count, key, device)

    def networks(extractor: Extractor, numbers: Tensor) -> Networks:
        pair = Pair(
            with_latents(recipe.game, "robustness"), source.net, source.discriminator, source.codec, source.label_counts
        )
        labels = None if data.labels is None else data.labels[numbers]
        return networks_of(pair, extractor, data.stored(numbers), labels, Key(recipe.score.seed, "robustness"))

    with measuring(source.net, source.discriminator):
        return score(fakes, data, recipe.score, extractor, names, about, networks)


def _all(images: Tensor, count: int) -> Tensor:
    """The first `count` of some images, which are as many."""
    return images[:count]
