"""What scores a run must reach: `coverage>=.8`, `copies<.01`."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from sparring.base.errors import RequestError
from sparring.kinds import scores as by_name

FORM = re.compile(r"\s*([a-zA-Z]\w*)\s*(>=|<=|>|<)\s*([-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?)\s*")
RELATIONS: Mapping[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}


class Requirement(NamedTuple):
    """A bound for one score."""

    metric: str
    relation: str
    """`>=`, `<=`, `>` or `<`."""
    bound: float
    words: str
    """As it was written."""

    def judged(self, score: Mapping[str, Any]) -> dict[str, Any]:
        """Whether a score meets it, as plain values: `met` is of the value, `certain` of the whole interval, which lies
        on one side of the bound."""
        holds = RELATIONS[self.relation]
        low, high = score["interval"]
        met = holds(score["value"], self.bound)
        return {
            "requirement": self.words,
            "metric": self.metric,
            "relation": self.relation,
            "bound": self.bound,
            "value": score["value"],
            "interval": [low, high],
            "n": score["n"],
            "met": met,
            "certain": holds(low, self.bound) == met and holds(high, self.bound) == met,
        }


def parse_requirements(words: Sequence[str]) -> list[Requirement]:
    """Raises RequestError for what is no requirement, or is of no score that there is."""
    found = []
    for word in words:
        parts = FORM.fullmatch(word)
        if parts is None or not math.isfinite(float(parts[3])):
            raise RequestError(f"require: '{word}' is no requirement; write it in quotes, as 'coverage>=.8'")
        name, relation, bound = parts.groups()
        members = by_name.groups().get(name)
        if members is not None:
            raise RequestError(f"require: {name} is several scores; take one of {', '.join(members)}")
        found.append(Requirement(by_name.metric(name).name, relation, float(bound), word.strip()))
    return found


def told(judged: Mapping[str, Any]) -> str:
    """One requirement's outcome in a line."""
    low, high = judged["interval"]
    sure = "" if judged["certain"] else ", on both sides of it"
    return (
        f"{judged['requirement']}: {'met' if judged['met'] else 'not met'}; {judged['metric']} is "
        f"{judged['value']:.4g} (95 % interval {low:.4g} to {high:.4g}{sure}, n = {judged['n']:,})"
    )
