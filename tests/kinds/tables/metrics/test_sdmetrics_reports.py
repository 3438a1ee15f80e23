from __future__ import annotations

import json
import sys

import numpy as np
import pytest

from sparring.kinds.tables.data.column import Column
from sparring.kinds.tables.metrics.sdmetrics_reports import sdmetrics_reports
from tests.kinds.tables.metrics.made import COLUMNS, people, shuffled

pd = pytest.importorskip("pandas")
LEARNED = [Column(one.name, one.kind, one.labels) for one in COLUMNS]
MORE = [
    *LEARNED,
    Column("born", "datetime"),
    Column("id", "identifier"),
    Column("note", "text"),
    Column("land", "constant"),
]


def frame(rows: np.ndarray, first: int = 0) -> pd.DataFrame:  # type: ignore[type-arg]
    """As a file of these people would be read: choices and dates as text."""
    found = pd.DataFrame(rows, columns=[one.name for one in COLUMNS])
    for one in COLUMNS:
        if one.labels:
            found[one.name] = [None if np.isnan(code) else one.labels[int(code)] for code in found[one.name]]
    found["born"] = pd.to_datetime(found["age"] * -3e7, unit="s").dt.strftime("%Y-%m-%d %H:%M")
    found["id"] = [f"p{number}" for number in range(first, first + len(rows))]
    found["note"] = "free"
    found["land"] = "here"
    return found


def test_what_sdmetrics_says_of_all_kinds() -> None:
    pytest.importorskip("sdmetrics")
    real = people(300, 1)
    told = sdmetrics_reports(frame(real), frame(shuffled(people(300, 2)), 300), MORE)
    assert json.loads(json.dumps(told, allow_nan=False)) == told
    quality, diagnostic = told["quality"], told["diagnostic"]
    assert 0.5 < quality["properties"]["Column Pair Trends"] < 0.9 < quality["properties"]["Column Shapes"]
    assert quality["score"] == pytest.approx(np.mean(list(quality["properties"].values())))
    metrics = {row["Column"]: row["Metric"] for row in quality["details"]["Column Shapes"]}
    assert metrics == dict.fromkeys(("age", "income", "born"), "KSComplement") | dict.fromkeys(
        ("job", "grade", "likes", "land"), "TVComplement"
    )
    assert diagnostic["properties"].keys() == {"Data Validity", "Data Structure"}
    assert "KeyUniqueness" in {row["Metric"] for row in diagnostic["details"]["Data Validity"]}
    same = sdmetrics_reports(frame(real), frame(real), MORE)
    assert same["quality"]["score"] == same["diagnostic"]["score"] == 1.0


def test_equal_frames_give_equal_reports() -> None:
    pytest.importorskip("sdmetrics")
    real, fake = frame(people(200, 1)), frame(people(200, 2))
    before = real.copy()
    assert sdmetrics_reports(real, fake, MORE) == sdmetrics_reports(real, fake, MORE)
    pd.testing.assert_frame_equal(real, before)


def test_without_sdmetrics_there_is_a_word(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sdmetrics", None)
    told = sdmetrics_reports(frame(people(20, 1)), frame(people(20, 2)), MORE)
    assert "pip install 'sparring[tables]'" in told["missing"]


def test_a_failure_of_sdmetrics_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    reports = pytest.importorskip("sdmetrics.reports")

    def fails(*_: object, **__: object) -> None:
        raise ZeroDivisionError("of theirs")

    monkeypatch.setattr(reports.QualityReport, "generate", fails)
    told = sdmetrics_reports(frame(people(20, 1)), frame(people(20, 2)), MORE)
    assert told["missing"].endswith("failed: ZeroDivisionError: of theirs")
