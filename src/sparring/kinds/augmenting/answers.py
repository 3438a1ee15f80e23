"""Whether synthetic samples help, from scores over splits: choices made on other splits, verdicts, words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from sparring.metrics.inference import Vector
from sparring.metrics.resampled import Judgement, judge_splits
from sparring.pages.wording import aligned, p_text

Grid = dict[str, dict[str, dict[str, dict[int, dict[str, float]]]]]
"""By arm, model, strength and seed, each a score by its name; of the same held-out samples in every arm."""
Scores = Mapping[str, Mapping[str, Sequence[Mapping[str, float]]]]
"""By arm, model and seed, at the strength chosen."""
Key = tuple[str, str, str]
"""A model, an arm, a strength."""

REAL, SYNTHETIC, WEIGHTS, SMOTE = "real", "synthetic alone", "real, classes weighted", "real + SMOTE"
CHOSEN, BEST = "real + synthetic, chosen mix", "best of all"
NAMES = {"roc_auc": "ROC AUC", "r2": "R2", "balanced_accuracy": "balanced accuracy"}


def mixed(mix: float) -> str:
    """The arm with so many synthetic samples for each real one."""
    return f"real + {mix:g} synthetic"


@dataclass(frozen=True)
class Setting:
    """What was compared, and how it is judged."""

    target: str
    metric: str
    """More is better."""
    mixes: tuple[float, ...]
    models: tuple[str, ...]
    seeds: int
    choosing: int
    """Seeds before these, by which strengths, mixes and the best model are chosen; nothing of theirs is reported."""
    training_rows: int
    """Real samples to train with, be they rows or not."""
    held_out_rows: int
    overlap: float
    """The chance with which a sample that one seed holds out is held out by another; 0 where they share none."""
    margin: float
    """Differences within it count as none."""
    unit: str = "rows"
    """What samples are called."""


@dataclass(frozen=True)
class Answer:
    """One way to train, against real samples alone."""

    model: str
    arm: str
    mean: float
    against: float
    """The mean of real samples alone."""
    judgement: Judgement
    words: str
    mix: float | None = None
    """The one that was chosen."""
    take: str = ""
    """The model to take: with this mix where it helps, else with real samples alone."""


class _Label(NamedTuple):
    model: str
    arm: str
    mix: float | None = None
    best: str = ""
    best_without: str = ""


@dataclass(frozen=True)
class Comparison:
    """What came of all seeds."""

    setting: Setting
    scores: Scores
    grid: Grid
    """All that was tried: every strength of each model, the choosing seeds first."""
    overall: Answer
    """The best model and mix against the best model of real samples alone, as they were on the choosing seeds."""
    models: tuple[Answer, ...]
    """Each model with its chosen mix: one family with `overall`."""
    arms: tuple[Answer, ...]
    """Each arm and model: a family of its own, to look at."""
    notes: tuple[str, ...] = ()

    @property
    def verdict(self) -> str:
        """helps, harms, no difference or cannot tell."""
        return self.overall.judgement.verdict

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"verdict": self.verdict}

    def lines(self) -> list[str]:
        """For a terminal: each arm and model, the verdicts, and how they came about."""
        return [*_table(self), "", *_verdicts(self), "", *_method(self), *self.notes]


def conclude(setting: Setting, grid: Grid, notes: Sequence[str] = ()) -> Comparison:
    """The verdicts. A model's strength, a mix and the best model are what did best on the choosing seeds, and are held
    to on the others: so no best of many is taken for better, and seeds say what they say independently."""
    total = setting.choosing + setting.seeds
    tried = {
        (model, arm, strength): np.array([by_seed[seed][setting.metric] for seed in range(total)])
        for arm, by_model in grid.items()
        for model, by_strength in by_model.items()
        for strength, by_seed in by_strength.items()
        if len(by_seed) == total
    }
    mixes = {mixed(mix): mix for mix in setting.mixes}
    pairs, labels = [], []
    for model in (*setting.models, BEST):
        own = {key: row for key, row in tried.items() if model in (key[0], BEST)}
        with_rows = {key: row for key, row in own.items() if key[1] in mixes}
        without = {key: row for key, row in own.items() if key[1] == REAL}
        best, best_without = _best(with_rows, setting), _best(without, setting)
        pairs.append((tried[best][setting.choosing :], tried[best_without][setting.choosing :]))
        labels.append(_Label(model, CHOSEN, mixes[best[1]], best[0], best_without[0]))
    if len(setting.models) == 1:  # which is the best of all: one question, not two
        pairs, labels = pairs[-1:], labels[-1:]
    *models, overall = _answers(pairs, labels, setting)
    models = models or [replace(overall, model=setting.models[0])]
    chosen = {(model, arm): _best(_of(tried, model, arm), setting) for model, arm, _ in tried}
    rows = {key: tried[best][setting.choosing :] for key, best in chosen.items()}
    others = [key for key in rows if key[1] != REAL]
    arms = _answers(
        [(rows[model, arm], rows[model, REAL]) for model, arm in others],
        [_Label(model, arm) for model, arm in others],
        setting,
    )
    reported: dict[str, dict[str, list[dict[str, float]]]] = {}
    for (model, arm), (_, _, strength) in chosen.items():
        by_seed = grid[arm][model][strength]
        reported.setdefault(arm, {})[model] = [by_seed[seed] for seed in range(setting.choosing, total)]
    return Comparison(setting, reported, grid, overall, tuple(models), tuple(arms), tuple(notes))


def _of(tried: Mapping[Key, Vector], model: str, arm: str) -> dict[Key, Vector]:
    return {key: row for key, row in tried.items() if key[:2] == (model, arm)}


def _best(rows: Mapping[Key, Vector], setting: Setting) -> Key:
    """What did best on the choosing seeds."""
    return max(rows, key=lambda key: float(rows[key][: setting.choosing].mean()))


def _answers(
    pairs: Sequence[tuple[Vector, Vector]],
    labels: Sequence[_Label],
    setting: Setting,
) -> list[Answer]:
    judged = judge_splits(pairs, setting.overlap, setting.margin)
    return [
        Answer(
            label.model,
            label.arm,
            float(first.mean()),
            float(second.mean()),
            judgement,
            _words(judgement, setting, len(pairs)),
            label.mix,
            label.best if judgement.verdict == "helps" else label.best_without,
        )
        for (first, second), label, judgement in zip(pairs, labels, judged, strict=True)
    ]


def _words(one: Judgement, setting: Setting, family: int) -> str:
    """helps by .012 (.004 to .020)."""
    low, high = one.interval
    if one.verdict in ("helps", "harms"):
        small, large = (low, high) if one.verdict == "helps" else (-high, -low)
        told = f"{one.verdict} by {short(abs(one.difference))} ({short(small)} to {short(large)})"
        if abs(one.difference) < setting.margin:
            told += f", less than {short(setting.margin)}"
        return told if one.verdict == "helps" else f"{told}: don't"
    seen = f"{short(one.difference, sign=True)}, {short(low, sign=True)} to {short(high, sign=True)}"
    if one.verdict == "no difference":
        return f"makes no difference (within ±{short(setting.margin)}: {seen})"
    more = f"more seeds of these {setting.unit} would not" if one.needs is None else f"about {one.needs} would"
    chance = p_text(one.p_holm) + (f" as one of {family}" if family > 1 else "")
    return f"cannot be told from {setting.seeds} seeds ({seen}; {chance}); {more}"


def short(value: float, sign: bool = False) -> str:
    """.012; 1.234; +.004."""
    told = f"{abs(value):.3f}".removeprefix("0") if abs(value) < 9.9995 else f"{abs(value):.4g}"
    rounded = float(told)
    return ("-" if value < 0 and rounded else "+" if sign and rounded else "") + told


def _table(found: Comparison) -> list[str]:
    """Means of each arm and model, with the paired difference to real rows alone."""
    setting = found.setting
    rows = [("trained on", "model", NAMES[setting.metric], "against real", "95 %", "")]
    for model in setting.models:
        alone = float(np.mean([one[setting.metric] for one in found.scores[REAL][model]]))
        rows.append((REAL, model, short(alone), "", "", ""))
    for one in found.arms:
        low, high = one.judgement.interval
        interval = f"{short(low, sign=True)} to {short(high, sign=True)}"
        difference = short(one.judgement.difference, sign=True)
        rows.append((one.arm, one.model, short(one.mean), difference, interval, one.judgement.verdict))
    return aligned(rows)


def _verdicts(found: Comparison) -> list[str]:
    told = [f"{one.model}, {mixed(one.mix or 0)}: {one.words}" for one in found.models]
    overall, unit = found.overall, found.setting.unit
    told.append(
        f"overall, the best with synthetic {unit} ({short(overall.mean)}) against the best without "
        f"({short(overall.against)}): {overall.words}"
    )
    helped = [one.model for one in found.models if one.judgement.verdict == "helps"]
    if helped and found.verdict != "helps":
        told.append(f"synthetic {unit} help {' and '.join(helped)}, but not beyond what real {unit} alone reach")
    return [*told, _taken(found)]


def _taken(found: Comparison) -> str:
    """What to train with, and why, in a line."""
    overall, score, unit = found.overall, NAMES[found.setting.metric], found.setting.unit
    if found.verdict == "helps":
        model, with_what = overall.take, mixed(overall.mix or 0)
        why = f"{short(overall.mean)} {score}, {short(abs(overall.judgement.difference))} above real {unit} alone"
    else:
        model, with_what = overall.take, f"real {unit} alone"
        why = f"{short(overall.against)} {score}, and that synthetic {unit} add to it is not shown"
        if found.verdict == "harms":
            why = f"{short(overall.against)} {score}, and synthetic {unit} take from it"
        if found.verdict == "no difference":
            why = f"{short(overall.against)} {score}, and synthetic {unit} add nothing to it"
    best = f"the best of {len(found.setting.models)} models on the choosing seeds: "
    return f"take: {model}, trained on {with_what} ({best if len(found.setting.models) > 1 else ''}{why})"


def _method(found: Comparison) -> list[str]:
    setting = found.setting
    parts = f"{setting.training_rows:,} real {setting.unit} to train with and {setting.held_out_rows:,} held out"
    if setting.overlap:
        how = "which overlap: intervals by the corrected resampled t-test (Nadeau and Bengio 2003)"
    else:
        how = "none shared between seeds: Student's intervals"
    return [
        f"{setting.seeds} seeds, each with {parts}, {how}, paired, 95 %;",
        f"strengths of models, mixes and the best model are chosen on {setting.choosing} "
        f"seed{'s' * (setting.choosing > 1)} before; "
        "an interval is of its line alone, verdicts are after Holm's correction.",
    ]
