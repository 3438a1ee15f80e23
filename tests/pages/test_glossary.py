"""What is known of metrics."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sparring.kinds.scores import metric_names
from sparring.pages.glossary import KNOWN, Meaning, Remark, learn, limited, meaning, remark, yardstick
from sparring.pages.readings import Reading


@pytest.fixture
def spelling() -> Iterator[str]:
    """A metric that nobody brings, known for a test."""
    learn(
        "spelling",
        Meaning(
            "Share of words that are none.",
            floor=0.01,
            capped_by="real_value",
            against=("held-out data", "real_value"),
            remarks=(Remark("words", "{} words", "a word"),),
        ),
    )
    yield "spelling"
    del KNOWN["spelling"]


def reading(metric: str, better: str = "lower", **protocol: float) -> Reading:
    return Reading(metric, 1, 0.2, None, 10, better, protocol, "")


def test_every_metric_has_a_meaning() -> None:
    assert set(KNOWN) == set(metric_names())


def test_a_metric_may_bring_its_meaning(spelling: str) -> None:
    assert meaning(spelling) == "Share of words that are none."
    best = yardstick(reading(spelling, real_value=0.05))
    assert best is not None
    assert (best.label, best.value) == ("held-out data", 0.05)
    assert [limited(reading(spelling, real_value=0.05), value) for value in (0.0, 0.2)] == [0.05, 0.2]
    assert limited(reading(spelling), 0.0) == 0.01
    assert remark(reading(spelling, words=1)) == "a word"
    assert remark(reading(spelling, words=1200)) == "1,200 words"


def test_of_a_metric_that_nobody_knows_nothing_is_said() -> None:
    one = reading("unheard_of", real_value=0.05)
    assert (meaning("unheard_of"), yardstick(one), remark(one), limited(one, 0.01)) == ("", None, "", 0.01)
