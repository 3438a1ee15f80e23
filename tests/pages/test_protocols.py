"""Which scores may be compared, and what may be said of them."""

from __future__ import annotations

from typing import Any

import pytest

from sparring.pages.protocols import differences, judge, matched, protocol_table
from sparring.pages.readings import Reading, histories
from tests.pages.samples import score

NAMES = ["a", "b", "c"]


def reading(value: float, interval: tuple[float, float] | None = None, metric: str = "fid", **more: Any) -> Reading:
    """A reading; `n` and `better` are the score's own, the rest is of the protocol."""
    own = {key: more.pop(key) for key in ("n", "better") if key in more}
    lines = [{"step": 10, "scores": {metric: score(value, interval, **more) | own}}]
    return histories(lines, 10)[0].newest


@pytest.mark.parametrize(
    ("entry", "value"),
    [
        ("extractor", "inception"),
        ("hash", "def"),
        ("fingerprint", "beef"),
        ("split", "the official test part"),
        ("resize", "bilinear"),
        ("k", 3),
        ("seed", 1),
        ("real", 100),
        ("n", 100),
        ("better", "higher"),
        ("an entry of tomorrow", "x"),
    ],
)
def test_any_condition_makes_scores_incomparable(entry: str, value: Any) -> None:
    one, other = reading(1.0), reading(5.0, **{entry: value})
    assert differences([one, other]) == (entry,)
    verdict = judge([one, other], NAMES)
    assert verdict.text == "not comparable"
    assert verdict.differences == (entry,)
    assert verdict.best is None
    assert not verdict.tied


@pytest.mark.parametrize(
    "entry", ["training_data", "step", "p_value", "standard_error", "real_value", "copies", "near_copies_expected"]
)
def test_results_are_no_conditions(entry: str) -> None:
    assert differences([reading(1.0, **{entry: 1}), reading(5.0, **{entry: 2})]) == ()


def test_entry_that_one_lacks_is_a_difference() -> None:
    one, other = reading(1.0), reading(5.0, replicates=100)
    assert differences([one, other]) == ("replicates",)
    assert differences([other, one]) == ("replicates",)
    assert differences([other, None, other]) == ()
    assert protocol_table([one, other, None])[0].values == ["not stated", "100", ""]


def test_differing_numbers_never_look_alike() -> None:
    entry = protocol_table([reading(1.0, rate=0.123451), reading(1.0, rate=0.123452)])[0]
    assert (entry.name, entry.values, entry.differs) == ("rate", ["0.123451", "0.123452"], True)


@pytest.mark.parametrize(
    ("better", "values", "best"),
    [("lower", (1.0, 2.0), 0), ("higher", (1.0, 2.0), 1), ("lower", (2.0, 1.0, 3.0), 1)],
)
def test_best(better: str, values: tuple[float, ...], best: int) -> None:
    verdict = judge([reading(value, better=better) for value in values], NAMES)
    assert verdict.best == best
    assert verdict.text == f"{NAMES[best]} is best"


@pytest.mark.parametrize("better", ["lower", "higher"])
def test_overlap_and_touch_are_no_lead(better: str) -> None:
    for low in (1.05, 1.1):
        pair = [reading(1.0, (0.9, 1.1), better=better), reading(1.2, (low, 1.3), better=better)]
        assert judge(pair, NAMES).text == "cannot be told apart"
    apart = [reading(1.0, (0.9, 1.1), better=better), reading(1.2, (1.11, 1.3), better=better)]
    assert judge(apart, NAMES).best is not None


def test_some_ahead_of_others() -> None:
    verdict = judge([reading(1.0), reading(1.1), reading(9.0)], NAMES)
    assert verdict.best is None
    assert verdict.tied == {0, 1}


def test_wide_interval_of_a_poor_run_reaches_the_best() -> None:
    assert judge([reading(1.0), reading(9.0, (0.5, 20.0))], NAMES).text == "cannot be told apart"


@pytest.mark.parametrize("metric", ["memorisation", "diversity", "density"])
def test_more_than_one_is_no_merit(metric: str) -> None:
    pair = [reading(1.2, (1.1, 1.3), metric, better="higher"), reading(1.02, (1.0, 1.05), metric, better="higher")]
    assert judge(pair, NAMES).text == "cannot be told apart"
    pair[1] = reading(0.6, (0.5, 0.7), metric, better="higher")
    assert judge(pair, NAMES).best == 0


def test_less_alike_than_real_data_is_no_merit() -> None:
    pair = [reading(v, (v - 0.01, v + 0.01), "ms_ssim", real_value=0.4) for v in (0.1, 0.38)]
    assert judge(pair, NAMES).text == "cannot be told apart"
    pair[1] = reading(0.7, (0.6, 0.8), "ms_ssim", real_value=0.4)
    assert judge(pair, NAMES).best == 0


def test_no_verdict_without_interval_direction_or_second_run() -> None:
    no_interval = histories([{"step": 1, "scores": {"fid": score(1.0) | {"interval": None}}}], 1)[0].newest
    assert judge([no_interval, reading(9.0)], NAMES).text.startswith("no verdict: without an interval")
    assert judge([reading(1.0, better=""), reading(9.0, better="")], NAMES).text.startswith("no verdict")
    assert judge([None, reading(1.0)], NAMES).text == "only of b"


def test_histories_keep_protocols_apart_and_the_last_of_a_step() -> None:
    lines = [
        {"step": 10, "scores": {"fid": score(3.0), "kid": score(0.3)}},
        {"step": 20, "scores": {"fid": score(2.5)}},
        {"step": 20, "scores": {"fid": score(2.0, step=20)}},
        {"step": 20, "scores": {"fid": score(50.0, hash="def")}},
        {"step": 90, "scores": {"fid": score(0.1)}},
        {"step": 20, "scores": {"fid": {"value": float("nan")}, "is": None}},
        {"scores": {}},
        {"step": 20},
    ]
    found = [(one.newest.metric, [r.value for r in one.readings]) for one in histories(lines, 20)]
    assert found == [("fid", [50.0]), ("fid", [3.0, 2.0]), ("kid", [0.3])]


def test_rows_are_of_shared_protocols_where_there_are_any() -> None:
    one = histories(
        [{"step": 1, "scores": {"fid": score(1.0)}}, {"step": 1, "scores": {"fid": score(9.0, hash="x")}}], 1
    )
    two = histories([{"step": 1, "scores": {"fid": score(2.0), "kid": score(0.5)}}], 1)
    three = histories([{"step": 1, "scores": {"fid": score(2.0, hash="y")}}], 1)

    def values(*runs: Any) -> list[list[float | None]]:
        return [[None if h is None else h.newest.value for h in row] for row in matched(runs)]

    assert values(one, two) == [[1.0, 2.0], [None, 0.5]]
    assert values(one, three) == [[9.0, 2.0]], "none shared: the newest of each"
    assert values(one, []) == [[9.0, None], [1.0, None]]
