"""From a generator and its data to scores: which features, which samples, which metrics; while a run trains, where the
recipe says so, and at its end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from sparring import kinds, metrics
from sparring.base.draws import Key, permutation
from sparring.base.errors import RequestError
from sparring.base.files import append_line
from sparring.base.progress import through
from sparring.base.rundir import RunDir
from sparring.data import Codec, DataSet
from sparring.data.dataset import numbered
from sparring.gan.games import with_latents
from sparring.gan.loop import Step
from sparring.gan.match import Match
from sparring.gan.measuring import check_weights
from sparring.gan.sampling import measuring
from sparring.gan.trained import Trained
from sparring.kinds import scores as by_name
from sparring.kinds.kind import Kind, Made, Say
from sparring.metrics import Extractor, Features, Networks, Views
from sparring.pages.console import Talk, scores_table
from sparring.pages.naming import titled
from sparring.pages.readings import MADE_OF
from sparring.recipe import Recipe, Scoring
from sparring.runs.run import Run

MOST_TRAINING = 20_000
"""Training samples among which near copies are looked for, at most."""
SEEN = 500
"""Samples whose features are taken at once."""
FEWEST = 10
"""Held-out samples, without which nothing is scored."""
LATENTS = 100
"""Latents, and real samples, that robustness is measured at, at most."""

Score = dict[str, Any]
Reals = dict[str, Features]
"""Features of real samples by what they are for, so that they are taken once."""


def choose_extractor(kind: Kind, name: str, data: DataSet, device: torch.device, say: Say) -> Extractor:
    """The extractor that the recipe names, or for `auto` the one that fits the data. Raises RequestError for one that
    is for other kinds of data."""
    if name != "auto" and name not in kind.extractors:
        takers = [other.unit for other in kinds.kinds() if name in other.extractors]
        raise RequestError(
            f"score.extractor: {name} takes {takers[0]}, and {data.name} is {data.codec.noun}; "
            f"take {kind.extractors[-1]}"
        )
    return kind.extractor(name, data, device, say)


def scored(
    trained: Trained,
    scoring: Scoring,
    data: DataSet,
    extractor: Extractor,
    names: Sequence[str] | None,
    step: int,
    reals: Reals | None = None,
) -> dict[str, Score]:
    """Scores of a generator against data, its own or others: as many fakes as held-out samples are taken, or where its
    kind's metrics want that, as there are training samples, up to `scoring.count`. `reals` keeps what real samples
    give from one time to the next."""
    kind = kinds.of(trained.game, trained.source)
    heldout = judged_by(data, scoring)
    chosen = by_name.expanded(names or scoring.metrics or kind.usual(trained.game, data, extractor))
    robust = needs_networks(chosen)
    if robust:
        with_latents(trained.game, "metrics: robustness")  # which says why not
    count = max(len(heldout), min(len(data.train), scoring.count)) if kind.of_training else len(heldout)
    if trained.game.translates and data.inputs is not None and not data.paired:
        count = min(count, len(data.inputs.heldout))
    with measuring(trained.generator, trained.discriminator):
        made = kind.fakes(trained, data, heldout, count, Key(scoring.seed, "scored samples"))
        networks = _networks(trained, extractor, data, heldout, scoring.seed) if robust else None
        return score(kind, made, data, scoring, extractor, chosen, {"step": step}, networks, reals)


def score(
    kind: Kind,
    made: Made,
    data: DataSet,
    scoring: Scoring,
    extractor: Extractor,
    names: Sequence[str],
    about: Mapping[str, Any],
    networks: Networks | None = None,
    reals: Reals | None = None,
) -> dict[str, Score]:
    """Scores of samples, whoever made them, against held-out ones.

    Each score's protocol says how, with what `about` adds; `training_data` in it is the same metric of as many training
    samples in the fakes' place: the best that can be hoped for, but where fakes are made of the held-out inputs
    themselves (`made_of` says so), which training samples are not. `networks` are those that made and judged them, for
    metrics that need these.
    """
    heldout, key = judged_by(data, scoring), Key("scores", scoring.seed)
    train, chosen = data.train[permutation(key.at("train"), len(data.train))], by_name.expanded(names)
    known = kind.known(data, extractor, chosen, train)
    views = Views(
        heldout=seen(extractor, data, heldout),
        fake=features(extractor, data.codec, torch.split(made.samples, SEEN)),
        train=training(kind, data, extractor, train, reals),
        key=key,
        modes=known.modes,
        about=known.about,
        networks=networks,
        truth=None if made.truth is None else data.codec.to_unit(made.truth),
        holes=made.holes,
        targets=known.targets,
    )
    protocol: dict[str, Any] = {
        "data": data.name,
        "fingerprint": data.fingerprint[:12],
        "split": data.split,
        "seed": scoring.seed,
    }
    if made.truth is not None:
        protocol[MADE_OF] = "held-out inputs"
    scores = by_name.score(chosen, views, extractor, protocol | dict(about))
    yardstick = _training_scores(chosen, views, extractor, data, train[: max(len(heldout), len(made.samples))])
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
    return not set(metrics.GROUPS["robustness"]).isdisjoint(by_name.expanded(names))


def of_other_data(run: Run, data: DataSet, names: Sequence[str] | None, extractor: Extractor) -> list[str]:
    """Metrics of a run on other data than its own, among which nothing can have been memorised. Raises RequestError for
    those that need the run's own."""
    if names is not None and "memorisation" in names:
        raise RequestError("metrics: memorisation is of the data that the run was trained on; leave out --data")
    chosen = names or run.kind.usual(run.recipe.game, data, extractor)
    if run.recipe.game.labelled and list(data.label_names) != run.label_names and needs_networks(chosen):
        raise RequestError("metrics: robustness of networks with labels needs the run's labels; leave out --data")
    return [name for name in chosen if name != "memorisation"]


def _training_scores(
    names: Sequence[str], views: Views, extractor: Extractor, data: DataSet, train: Tensor
) -> dict[str, float]:
    """The scores of training samples in the fakes' place; fewer than there are fakes make no yardstick."""
    wanted = [name for name in names if by_name.metric(name).like_the_data]
    if len(train) < len(views.fake) or not wanted:
        return {}
    swapped = Views(
        heldout=views.heldout, fake=seen(extractor, data, train), key=views.key, about=views.about, intervals=False
    )
    return {name: one.value for name, one in by_name.score(wanted, swapped, extractor).items()}


def training(
    kind: Kind, data: DataSet, extractor: Extractor, train: Tensor, reals: dict[str, Features] | None
) -> Features:
    """The features of training samples among which near copies are looked for."""
    if reals is not None and "train" in reals:
        return reals["train"]
    found = seen(extractor, data, train[:MOST_TRAINING], keep_samples=kind.of_training)
    if reals is not None:
        reals["train"] = found
    return found


def seen(extractor: Extractor, data: DataSet, numbers: Tensor, *, keep_samples: bool = True) -> Features:
    """The features of the data's own samples, a chunk of which is read at a time, and which of them are the same."""
    parts, contents = torch.split(numbers, SEEN), []

    def chunks() -> Iterable[Tensor]:
        for part in through(parts, "features of real samples", len(parts)):
            stored = data.stored(part)
            contents.append(numbered(stored))
            yield stored

    found = features(extractor, data.codec, chunks(), keep_samples=keep_samples)
    return replace(found, contents=torch.cat(contents))


def features(extractor: Extractor, codec: Codec, chunks: Iterable[Tensor], *, keep_samples: bool = True) -> Features:
    """The features of samples as they are stored, chunk by chunk."""
    return metrics.extract(extractor, map(codec.measured, chunks), keep_samples=keep_samples)


def is_better(first: Score, second: Score | None) -> bool:
    """Whether one score beats another of the same metric (None for none)."""
    if second is None:
        return True
    return bool(first["value"] < second["value"] if first["better"] == "lower" else first["value"] > second["value"])


def _networks(trained: Trained, extractor: Extractor, data: DataSet, numbers: Tensor, seed: int) -> Networks:
    labels = None if data.labels is None else data.labels[numbers]
    return networks_of(trained, extractor, data.stored(numbers), labels, Key(seed, "robustness"))


def networks_of(
    trained: Trained, extractor: Extractor, reals: Tensor, real_labels: Tensor | None, key: Key, count: int = LATENTS
) -> Networks:
    """What metrics of robustness see of a run, at `count` latents and as many of the held-out samples `reals`, which
    are [m, ...] as they are stored, with their labels where the game has any."""
    codec, labels = trained.codec, trained.labels(key, count)
    told = None if not trained.game.labelled or real_labels is None else real_labels[:count].to(trained.device)

    def of(rows: Tensor, known: Tensor | None) -> Tensor | None:
        return None if known is None else known[rows]

    return Networks(
        latents=trained.latents(key, count),
        generate=lambda latents, rows: trained.generate(latents, of(rows, labels), key, rows),
        judge=lambda samples, rows: trained.judge(samples, of(rows, labels), key, rows),
        reals=codec.encode(reals[:count]).to(trained.device),
        judge_reals=lambda samples, rows: trained.judge(samples, of(rows, told), key, rows),
        unit=codec.in_unit,
        embed=extractor.graded,
        support=trained.noise_game.latent.support,
        box=codec.box,
        span=1.0 if codec.range == "unit" else 2.0,
        sloped=codec.sloped,
        rows=trained.rows,
    )


class Scorer:
    """An observer that scores the averaged generator, while training where the recipe says so, and at the end."""

    def __init__(self, run: RunDir, recipe: Recipe, data: DataSet, talk: Talk) -> None:
        self.run, self.recipe, self.data, self.talk = run, recipe, data, talk
        self.extractor: Extractor | None = None
        """Once it was needed."""
        self._scoring = recipe.score
        self._reals: Reals = {}
        self._without = ""
        self._last: tuple[tuple[int, int], dict[str, Any]] = ((-1, 0), {})
        """The newest scores, and of which step and attempt."""

    def prepare(self, device: torch.device) -> bool:
        """Gets the extractor ready, a feature network trained where there is none yet. False, with a word, where
        nothing can be scored."""
        try:
            if self.extractor is None:
                kind, name = kinds.of(self.recipe.game, self.recipe.data), self.recipe.score.extractor
                with self.talk.progress():
                    self.extractor = choose_extractor(kind, name, self.data, device, self.talk.say)
        except RequestError as error:
            self.leave_out(str(error))
        return not self._without

    def leave_out(self, why: str) -> None:
        """Scores nothing, for this reason, which is told at the end."""
        self._without = why

    def lower(self, count: int) -> None:
        """Scores so many samples and no more."""
        self._scoring = self._scoring.model_copy(update={"count": count})

    def most(self, trained: Trained) -> int:
        """How many samples are scored."""
        kind = kinds.of(trained.game, trained.source)
        there = max(len(self.data.heldout), len(self.data.train) if kind.of_training else 0)
        return min(there, self._scoring.count)

    def rehearse(self, trained: Trained, count: int) -> None:
        """Scores so many samples, and keeps nothing of it but what real samples give."""
        few = self._scoring.model_copy(update={"count": max(count, FEWEST)})
        if self.prepare(trained.device) and self.extractor is not None:
            try:
                scored(trained, few, self.data, self.extractor, None, trained.step or 0, self._reals)
            except RequestError as error:
                self.leave_out(str(error))

    def observe(self, match: Match, step: Step) -> None:
        every = self.recipe.score.every
        if self.recipe.score.metrics == () or self._without:
            return
        if every and (match.step % every == 0 or match.step >= match.steps):
            self._score(match)

    def final(self, match: Match) -> None:
        """Scores the finished run."""
        if self.recipe.score.metrics == ():
            return
        if self._without:
            self.talk.say(f"no scores: {self._without}")
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
        check_weights(match)  # a fallen generator can score, and must never be the best
        if not self.prepare(match.engine.device) or self.extractor is None:
            self.talk.say(f"no scores: {self._without}")
            return {}
        try:
            match.fit("discriminator")
            with match.sampling(self.recipe.data) as trained, self.talk.progress():
                return scored(trained, self._scoring, self.data, self.extractor, names, match.step, self._reals)
        except RequestError as error:
            self.talk.say(f"no scores: {error}")
            return {}

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
            named = titled(name, first["protocol"].get("extractor", ""))
            self.talk.say(
                f"step {match.step:,}: {notes['no_better']} scores without a better {named}: ending here; "
                f"the best checkpoint, of step {notes['best_step']:,}, is kept"
            )
