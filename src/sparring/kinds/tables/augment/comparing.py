"""Whether synthetic rows help: models trained with and without them, scored on real rows that neither has seen.

Nothing here knows how rows are made. For each seed the real rows are split anew; the synthesiser, the models, their
preparation of the rows, SMOTE and class weights see the training part alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from sparring.base.errors import RequestError
from sparring.kinds.augmenting.answers import (
    REAL,
    SMOTE,
    SYNTHETIC,
    WEIGHTS,
    Comparison,
    Grid,
    Setting,
    conclude,
    mixed,
)
from sparring.kinds.augmenting.asking import check, nth
from sparring.kinds.tables.augment.downstream import (
    METRIC,
    MODELS,
    Task,
    balanced_weights,
    predictions,
    score,
    smote_rows,
    splits,
    task_of,
    with_target,
)
from sparring.kinds.tables.data.column import Sheet

Values = NDArray[np.float64]
Make = Callable[[int], Values]
"""So many new rows."""
Synthesise = Callable[[Sheet, int], Make]
"""From training rows and a seed to what makes new ones."""
Arm = tuple[str, Values, Values | None]
"""Its name, the rows to train with, and their weights."""

MARGIN = 0.01
"""Differences of ROC AUC or R2 within it count as none."""


def study_augmentation(
    sheet: Sheet,
    target: int | str,
    synthesise: Synthesise,
    *,
    seeds: int = 5,
    choosing: int = 2,
    mixes: Sequence[float] = (0.5, 1.0, 2.0),
    models: Sequence[str] = MODELS,
    held_out: float = 0.2,
    rows: int | None = None,
    margin: float = MARGIN,
    say: Callable[[str], None] = lambda line: None,
) -> Comparison:
    """Trains each model on real rows, on these with synthetic ones (`mixes`: synthetic rows for each real one), on
    synthetic rows alone, and with weighted classes or SMOTE; scores all on the same held-out real rows; and says what
    helps. Mixes and the strengths of models are chosen on `choosing` seeds, which are not among the `seeds` reported.
    `rows` trains with so few real rows. Raises RequestError where the target or an option will not do."""
    task = task_of(sheet, target)
    check(seeds, choosing, mixes, models, MODELS, held_out, margin)
    values = with_target(sheet.values, task)
    notes = dict.fromkeys(_first_notes(task, sheet.values, values))
    grid: Grid = {}
    parts, overlap = splits(values, task, choosing + seeds, held_out, rows)
    for seed, (train, held) in enumerate(parts):
        truth = task.truth(values[held])
        if len(np.unique(truth)) < 2:
            raise RequestError(f"target: the held-out values of '{_name(task)}' are all the same")
        for name, arm_rows, weights in _arms(sheet, task, values[train], synthesise, mixes, seed, notes):
            for model in models:
                by_strength = grid.setdefault(name, {}).setdefault(model, {})
                for strength, said in predictions(model, task, arm_rows, values[held], weights=weights, seed=seed):
                    by_strength.setdefault(strength, {})[seed] = score(task, truth, said)
        say(f"{nth(seed, choosing, seeds)}: {len(train):,} real rows to train with, {len(held):,} held out")
    setting = Setting(
        target=_name(task),
        metric=METRIC[task.classifies],
        mixes=tuple(mixes),
        models=tuple(models),
        seeds=seeds,
        choosing=choosing,
        training_rows=len(parts[0][0]),
        held_out_rows=len(parts[0][1]),
        overlap=overlap,
        margin=margin,
    )
    return conclude(setting, grid, tuple(notes))


def _first_notes(task: Task, given: Values, kept: Values) -> Iterator[str]:
    if len(kept) < len(given):
        yield f"{len(given) - len(kept):,} rows without a value of '{_name(task)}' were left out"
    for code in task.classes:
        if (kept[:, task.target] == code).sum() == 1:
            name = task.columns[task.target].categories[code]
            yield f"class '{name}' has one row, which trains and is not scored"


def _arms(
    sheet: Sheet,
    task: Task,
    real: Values,
    synthesise: Synthesise,
    mixes: Sequence[float],
    seed: int,
    notes: dict[str, None],
) -> Iterator[Arm]:
    """The rows that each arm trains with."""
    count = len(real)
    yield REAL, real, None
    make = synthesise(Sheet(sheet.columns, real, sheet.dialect), seed)
    made = _made(make, math.ceil(max(1.0, *mixes) * count), task, notes)
    for mix in mixes:
        yield mixed(mix), np.concatenate([real, made[: round(mix * count)]]), None
    yield SYNTHETIC, made[:count], None
    if task.classifies:
        yield WEIGHTS, real, balanced_weights(task, real)
        try:
            yield SMOTE, smote_rows(task, real, seed), None
        except RequestError as error:
            notes[f"no arm with SMOTE: {error}"] = None


def _made(make: Make, count: int, task: Task, notes: dict[str, None]) -> Values:
    """So many new rows that have a target."""
    made = np.asarray(make(count), dtype=np.float64)
    if made.shape != (count, len(task.columns)):
        raise ValueError(f"the synthesiser made {made.shape} of the {(count, len(task.columns))} asked for")
    kept = with_target(made, task)
    if not len(kept):
        raise RequestError(f"no synthetic row has a value of '{_name(task)}'")
    if len(kept) < count:
        notes[f"synthetic rows without a value of '{_name(task)}' were left out"] = None

    return kept


def _name(task: Task) -> str:
    return task.columns[task.target].name
