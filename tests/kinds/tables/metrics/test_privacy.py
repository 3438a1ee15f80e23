from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import scipy.stats
import torch

from sparring.kinds.scores import metric
from sparring.kinds.tables.metrics import PRIVACY, privacy_verdict, quality_verdict
from sparring.kinds.tables.metrics.columns import ColumnView, TableView
from sparring.kinds.tables.metrics.distances import Space, nearest
from sparring.kinds.tables.metrics.rows import Rows
from sparring.metrics import Score
from tests.kinds.tables.metrics.made import COLUMNS, complete, numbers, people, plain, shuffled, table_views

SEEN, HELD = people(400, 1), people(300, 2)


def of(name: str, fake: Rows, train: Rows = SEEN, held: Rows = HELD, seed: int = 0) -> Score:
    return metric(name)(table_views(held, fake, train, seed=seed))


def everything(fake: Rows) -> dict[str, dict[str, object]]:
    return {known.name: of(known.name, fake).to_json() for known in PRIVACY}


def by_hand(space: Space, columns: tuple[ColumnView, ...], x: Rows, y: Rows, among: Rows) -> float:
    """The distance of two rows, as the documentation says it."""
    total = 0.0
    for place, column in enumerate(columns):
        a, b, known = x[place], y[place], among[:, place]
        known = known[~np.isnan(known)]
        if column.is_unordered:
            total += 0.0 if a == b or (np.isnan(a) and np.isnan(b)) else 1.0
            continue

        def rank(value: float, known: Rows = known, column: ColumnView = column) -> float:
            if column.is_choice:
                return value / (column.categories - 1)
            return float(np.mean((known < value) + 0.5 * (known == value)))

        if np.isnan(a) or np.isnan(b):
            total += 0.0 if np.isnan(a) and np.isnan(b) else 0.5 + abs(rank(np.nan_to_num(a) + np.nan_to_num(b)) - 0.5)
        else:
            total += abs(rank(a) - rank(b))
    return total


def test_distances_are_those_worked_out_by_hand() -> None:
    x, y, among = people(40, 1), people(50, 2), people(200, 3)
    space = Space(COLUMNS, among, x, y)
    found = space.between(space.place(x), space.place(y)) / space.scale
    expected = [[by_hand(space, COLUMNS, a, b, among) for b in y] for a in x]
    assert torch.allclose(found.double(), torch.tensor(expected).double(), atol=2e-4)
    assert not space.between(space.place(x), space.place(x)).diagonal().any()


def test_the_nearest_are_found_in_blocks_as_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = people(130, 1), people(70, 2)
    space = Space(COLUMNS, y, x)
    whole = space.between(space.place(x), space.place(y))
    monkeypatch.setattr("sparring.kinds.tables.metrics.distances.BLOCK", 500)
    to_y, to_x = nearest(space, space.place(x), space.place(y))
    assert torch.equal(to_y, whole.amin(1))
    assert torch.equal(to_x, whole.amin(0))


def test_distances_are_exact_with_many_columns() -> None:
    columns = tuple(ColumnView(f"x{place}", "float") for place in range(600))
    rows = np.random.default_rng(0).normal(size=(20, 600))
    space = Space(columns, rows)
    found = space.between(space.place(rows), space.place(rows))
    assert torch.equal(found, found.round())
    assert torch.equal(found, found.T)
    assert float(found.max()) < 2**24


def test_planted_copies_are_found_at_their_share() -> None:
    fake, copied, held = complete(400, 3), complete(400, 1), complete(300, 2)
    fake[:60] = copied[:60]
    fake[0, 1] = np.nan
    copied[0, 1] = np.nan
    found = of("copies", fake, copied, held)
    assert found.value == 60 / 400
    known = {str(row) for row in copied.tolist()}
    assert found.protocol["real_value"] == np.mean([str(row) in known for row in held.tolist()]) < 0.01
    assert of("copies", complete(400, 4) + 0.001, copied).value == 0
    assert of("copies", fake, copied, copied[:50]).protocol["real_value"] == 1
    signed = np.zeros((5, 5)) * -1.0
    assert of("copies", signed, np.zeros((5, 5)), np.ones((5, 5))).value == 1, "zero is zero"


def test_near_copies_are_found() -> None:
    fake, seen = complete(400, 3), complete(400, 1)
    fake[:100] = seen[:100]
    fake[:100, 1] += 0.01
    found = of("near_copies", fake, seen, complete(300, 2))
    assert found.value == pytest.approx(0.25, abs=0.03)
    assert found.protocol["real_value"] == pytest.approx(0.01, abs=0.005)
    assert of("near_copies", complete(400, 4), seen, complete(300, 2)).interval[0] < 0.01
    assert of("copies", fake, seen).value == 0


def skewed(count: int, width: int, source: np.random.Generator) -> Rows:
    """Rows whose columns all rise with the same hidden number."""
    rows: Rows = np.exp(source.normal(size=(count, 1)) + 0.3 * source.normal(size=(count, width)))
    return rows


def told(train: Rows, held: Rows, fake: Rows, table: TableView, seed: int) -> tuple[str, dict[str, Score]]:
    """The verdict on copies alone, and the scores."""
    views = table_views(held, fake, train, table=table, seed=seed)
    scores = {name: metric(name)(views) for name in ("copies", "near_copies")}
    return privacy_verdict({name: one.to_json() for name, one in scores.items()})[0], scores


@pytest.mark.parametrize("width", [1, 2, 8])
def test_rows_of_the_true_distribution_are_no_near_copies(width: int) -> None:
    """Narrow tables and wide ones; and rounded, where equal values are many."""
    verdicts, apart = [], []
    for seed in range(40):
        source = np.random.default_rng(seed)
        train, held, fake = (skewed(count, width, source) for count in (400, 150, 300))
        if seed % 2:
            train, held, fake = (rows.round(1) for rows in (train, held, fake))
        verdict, scores = told(train, held, fake, plain(width), seed)
        verdicts.append(verdict)
        apart.append(scores["near_copies"].value - scores["near_copies"].protocol["real_value"])
    assert verdicts.count("good") >= 39
    assert abs(np.mean(apart)) < 4 * np.std(apart) / math.sqrt(len(apart))


@pytest.mark.parametrize("width", [1, 2, 8])
def test_rows_that_repeat_training_rows_all_but_are_found_in_narrow_tables_too(width: int) -> None:
    source = np.random.default_rng(width)
    train, held, fake = (skewed(count, width, source) for count in (400, 300, 300))
    fake[:90] = train[:90] * (1 + 1e-7)
    verdict, scores = told(train, held, fake, plain(width), 0)
    assert verdict == "bad"
    assert scores["near_copies"].value > 0.29 > 0.1 > scores["near_copies"].protocol["expected"]


LISTED = np.array(list(itertools.product(range(3), range(7), range(2), range(9))), dtype=float)
"""Each of 378 combinations once."""
LISTING = TableView(tuple(ColumnView(f"c{place}", "category", count) for place, count in enumerate((3, 7, 2, 9))))


@pytest.mark.parametrize("parts", [4, 10])
def test_a_table_that_lists_combinations_is_not_given_away_by_a_generator_that_knows_their_distribution(
    parts: int,
) -> None:
    """No held-out row equals a training row, and a perfect generator hits training rows for most of its rows."""
    verdicts, p_values = [], []
    for seed in range(60):
        source = np.random.default_rng(seed)
        drawn = LISTED[source.permutation(len(LISTED))[:300]]  # of some combinations nothing is known
        train, held = drawn[300 // parts :], drawn[: 300 // parts]
        fake = LISTED[source.integers(len(LISTED), size=250)]
        verdict, scores = told(train, held, fake, LISTING, seed)
        verdicts.append(verdict)
        p_values.append(scores["copies"].protocol["p_value"])
        assert scores["copies"].protocol["real_value"] == 0 < 0.4 < scores["copies"].value
        assert scores["copies"].protocol["expected"] == pytest.approx(scores["copies"].value, abs=0.35)
        repeats, _ = told(train, held, train[source.integers(len(train), size=250)], LISTING, seed)
        assert repeats == "bad"
    assert verdicts.count("good") >= 58
    assert scipy.stats.kstest(p_values, "uniform").pvalue > 0.01


def test_near_copies_of_older_runs_are_judged_as_they_were() -> None:
    protocol = {"metric": "near_copies", "real_value": 0.01, "real": 300}
    score = {"value": 0.2, "interval": [0.16, 0.25], "n": 300, "protocol": protocol}
    assert privacy_verdict({"near_copies": score})[0] == "bad"


def test_copies_of_heldout_rows_give_no_training_row_away() -> None:
    for name in ("closest_record", "membership"):
        found = of(name, HELD.copy())
        assert found.value < 0.5
    assert of("closest_record", HELD.copy()).protocol["p_value"] > 0.99


def test_fakes_of_the_same_source_give_nothing_away() -> None:
    """The p-value is uniform, and the intervals hold 0.5 about as often as they say."""
    closest = [
        of("closest_record", numbers(150, 5, 3 * s), numbers(200, 5, 3 * s + 1), numbers(60, 5, 3 * s + 2))
        for s in range(80)
    ]
    member = [
        of("membership", numbers(150, 5, 3 * s), numbers(200, 5, 3 * s + 1), numbers(60, 5, 3 * s + 2))
        for s in range(80)
    ]
    assert scipy.stats.kstest([one.protocol["p_value"] for one in closest], "uniform").pvalue > 0.01
    for scores in (closest, member):
        assert abs(np.mean([one.value for one in scores]) - 0.5) < 0.02
        assert sum(one.interval[0] <= 0.5 <= one.interval[1] for one in scores) >= 70


def test_a_generator_that_repeats_its_training_rows_with_noise_is_found_out() -> None:
    table = plain(5)
    seen, held = numbers(300, 5, 1), numbers(300, 5, 2)
    fake = seen + 0.1 * numbers(300, 5, 3)
    views = table_views(held, fake, seen, table=table)
    member, closest = metric("membership")(views), metric("closest_record")(views)
    assert member.interval[0] > 0.9
    assert closest.interval[0] > 0.9
    assert closest.protocol["p_value"] < 0.001


def test_both_sides_are_brought_to_one_size() -> None:
    """So many more training rows would be nearer by their number alone."""
    found = of("closest_record", people(300, 3), people(4000, 4))
    assert found.protocol["train"] == found.protocol["heldout"] == 300
    assert found.interval[0] < 0.5 < found.interval[1]


def test_ties_are_shared() -> None:
    """Rows of one column of two choices are all as near."""
    table = TableView((ColumnView("coin", "boolean", 2),))
    rows = np.arange(40.0)[:, None] % 2
    views = table_views(rows, rows, rows, table=table)
    for name in ("closest_record", "membership"):
        assert metric(name)(views).value == 0.5
    scores = {known.name: known(views).to_json() for known in PRIVACY}
    assert scores["copies"]["value"] == scores["copies"]["protocol"]["real_value"] == 1
    assert privacy_verdict(scores)[0] == "good", "that held-out rows do as well"


def test_the_verdict_in_words() -> None:
    level, words = privacy_verdict(everything(people(300, 3)))
    assert level == "good"
    assert words.startswith("No sign that training rows are given away, by 4 of 4 tests")
    assert "not a guarantee" in words
    copied = complete(300, 3)
    copied[:30] = SEEN[~np.isnan(SEEN).any(1)][:30]
    level, words = privacy_verdict(everything(copied))
    assert level == "bad"
    assert "10 % of the rows are exact copies of training rows, of held-out rows 0.333 %" in words
    repeated = SEEN[:300].copy()
    repeated[:, 0] += 1
    assert "an attacker tells training rows from held-out ones with ROC AUC" in privacy_verdict(everything(repeated))[1]
    assert privacy_verdict({}) == ("open", "Privacy was not measured.")


def test_the_verdict_on_quality_in_words() -> None:
    def scores(fake: Rows) -> dict[str, dict[str, object]]:
        views = table_views(HELD, fake, SEEN)
        return {name: metric(name)(views).to_json() for name in ("two_sample", "utility")}

    level, words = quality_verdict(scores(people(400, 3)))
    assert level == "good"
    assert "hardly (ROC AUC 0.5" in words or "hardly (ROC AUC 0.4" in words
    assert "as well as one trained on real rows" in words
    level, words = quality_verdict(scores(shuffled(people(400, 3)) * [3, 1, 1, 1, 1]))
    assert level == "bad"
    assert "easily" in words
    assert "less well than one trained on real rows" in words
    assert quality_verdict({}) == ("open", "Quality was not measured.")
