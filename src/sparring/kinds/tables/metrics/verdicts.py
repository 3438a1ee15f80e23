"""What scores of a table come to, in plain words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from sparring.kinds.kind import Concern
from sparring.metrics.intervals import wilson

Level = Literal["good", "fair", "bad", "open"]
"""Open where nothing was measured."""
TOLD_APART = ((0.6, "good"), (0.8, "fair"), (1.01, "bad"))
"""Up to which two-sample score fakes count as hard to tell apart, somewhat, and easily."""
CLEARLY = 0.6
"""A share, or an area under a curve, of 0.5 if nothing leaks, that is bad news."""

Written = Mapping[str, Any]
"""A score as `Score.to_json` writes it."""


def privacy_verdict(scores: Mapping[str, Written]) -> tuple[Level, str]:
    """Whether fakes give training rows away, by the privacy scores there are: bad where they do for certain, fair where
    there is a trace, good where none of the tests finds any."""
    found = [test(scores[name]) for name, test in _TESTS.items() if name in scores]
    if not found:
        return "open", "Privacy was not measured."
    told = [(level, words) for level, words in found if level != "good"]
    if not told:
        return (
            "good",
            f"No sign that training rows are given away, by {len(found)} of {len(_TESTS)} tests: {_ALL_CLEAR}",
        )
    bad = any(level == "bad" for level, _ in told)
    begin = "Training rows are given away" if bad else "A trace of training rows"
    return "bad" if bad else "fair", f"{begin}: {'; '.join(words for _, words in told)}."


_ALL_CLEAR = "what was found is as true of rows that were held out. These are tests, not a guarantee."


def _copied(score: Written) -> tuple[Level, str]:
    """Of exact copies: more than held-out rows are, and more, row for row, than fakes are of held-out rows."""
    protocol, share = score["protocol"], score["value"]
    told = _more(share, score["n"], protocol["real_value"], protocol["real"], "exact copies")
    chance = protocol.get("of_heldout", 0.0) > 0 and protocol.get("p_value", 0.0) > 0.01
    return ("good", "") if chance else told


def _nearly_copied(score: Written) -> tuple[Level, str]:
    """Of near copies: of the rows that are no exact copies more than of such held-out rows."""
    protocol = score["protocol"]
    fakes, heldout = protocol.get("unequal"), protocol.get("unequal_heldout")
    if fakes is None or heldout is None:  # measured before these were told apart
        return _more(score["value"], score["n"], protocol["real_value"], protocol["real"], "nearly copies")
    if not fakes or not heldout:
        return "good", ""
    beside = protocol["unequal_near_heldout"]
    level, words = _more(protocol["unequal_near"], fakes, beside, heldout, "nearly copies")
    return level, words if fakes == protocol["rows"] else words.replace("the rows", "the other rows", 1)


def _more(share: float, count: int, beside: float, heldout: int, what: str) -> tuple[Level, str]:
    """Whether a share of so many fakes is above that of held-out rows, for certain, and by how much."""
    if share <= beside or wilson(share, count)[0] <= wilson(beside, heldout)[1]:
        return "good", ""
    level: Level = "bad" if share - beside >= 0.01 else "fair"
    return level, f"{_percent(share)} of the rows are {what} of training rows, of held-out rows {_percent(beside)}"


def _closest(score: Written) -> tuple[Level, str]:
    value, low = score["value"], score["interval"][0]
    if low <= 0.5 or score["protocol"]["p_value"] > 0.01:
        return "good", ""
    words = (
        f"{_percent(value)} of the rows are nearer to a training row than to any held-out row (50 % if nothing leaks)"
    )
    return "bad" if value >= CLEARLY else "fair", words


def _guessed(score: Written) -> tuple[Level, str]:
    value, low = score["value"], score["interval"][0]
    if low <= 0.5:
        return "good", ""
    words = f"an attacker tells training rows from held-out ones with ROC AUC {value:.3f} (0.5 if nothing leaks)"
    return "bad" if value >= CLEARLY else "fair", words


_TESTS = {"copies": _copied, "near_copies": _nearly_copied, "closest_record": _closest, "membership": _guessed}


def quality_verdict(scores: Mapping[str, Written]) -> tuple[Level, str]:
    """Whether fakes are told from real rows, and whether a model learns from them what it learns from real ones."""
    level: Level = "open"
    told = []
    if (apart := scores.get("two_sample")) is not None:
        value = apart["value"]
        level = next(name for most, name in TOLD_APART if value <= most)  # type: ignore[misc]
        how = {"good": "hardly", "fair": "in part", "bad": "easily"}[level]
        told.append(f"A model tells these rows from real ones {how} (ROC AUC {value:.3f}; 0.5 if it cannot).")
    if (useful := scores.get("utility")) is not None:
        told.append(_useful(useful))
    return level, " ".join(told) or "Quality was not measured."


def _useful(score: Written) -> str:
    protocol, value = score["protocol"], score["value"]
    learned = (
        f"A model trained on them predicts {protocol['target']} of real rows with {protocol['measure']} {value:.3f}"
    )
    real = protocol.get("training_data")
    if real is None:
        return f"{learned}."
    low, high = score["interval"]
    ahead = "as well as" if low <= real <= high else "better than" if value > real else "less well than"
    return f"{learned}, {ahead} one trained on real rows ({real:.3f})."


def concerns(scores: Mapping[str, Written]) -> list[Concern]:
    """What the same scores say against a run, so that the doctor's verdict never stands beside a word that belies it:
    rows given away are grave, a trace of that is not; nor are rows that a model tells from real ones, which it learns
    of most tables' best ones too."""
    found = []
    level, words = privacy_verdict(scores)
    if level in ("fair", "bad"):
        metric = next(name for name, test in _TESTS.items() if name in scores and test(scores[name])[0] == level)
        found.append(Concern("memorisation", metric, words, grave=level == "bad"))
    level, words = quality_verdict(scores)
    if level == "bad":
        found.append(Concern("poor_scores", "two_sample", words, grave=False))
    return found


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"
