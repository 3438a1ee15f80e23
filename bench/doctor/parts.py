"""The two parts of the benchmark: which runs each is made of.

`tuning` and `second` are for whoever builds the doctor to look at (`second` was once the part to be judged by, and was
looked at); `unseen` is looked at once, at the end. They share no seed and no severity, and each has settings that those
before it lack.
"""

from __future__ import annotations

from typing import NamedTuple

from causes import CAUSES, Cause, Severity
from settings import Setting, settings

PARTS = ("tuning", "second", "unseen")
NEW = {
    "second": ("grid-hinge", "digits-minimax", "fashion-hinge"),
    "unseen": ("grid-relativistic", "ring-ls", "digits-relativistic", "stacked-ns"),
}
"""Settings that a part has and those before it have not."""
HEALTHY_SEEDS = {"tuning": 4, "second": 5, "unseen": 4}
FIRST_SEED = {"tuning": 0, "second": 1000, "unseen": 2000}
INDUCED = 500
"""Seeds of induced runs begin so much later."""
PLACES = 2
"""Settings on which each severity is tried."""


class Case(NamedTuple):
    """One run of the benchmark."""

    part: str
    setting: str
    seed: int
    cause: str = ""
    """Empty for a healthy run."""
    severity: str = ""

    @property
    def name(self) -> str:
        """The run directory's, within the setting's."""
        return f"{self.cause}-{self.severity}-{self.seed}" if self.cause else f"healthy-{self.seed}"


def settings_of(part: str) -> dict[str, Setting]:
    """The settings of a part, the new ones first, so that they have their share of each cause."""
    known = settings()
    later = {name for place, one in enumerate(PARTS) if place > PARTS.index(part) for name in NEW[one]}
    new = NEW.get(part, ())
    return {name: known[name] for name in (*new, *(name for name in known if name not in later and name not in new))}


def severities(cause: Cause, part: str) -> tuple[Severity, ...]:
    found: dict[str, tuple[Severity, ...]] = {
        "tuning": cause.tuning,
        "second": cause.second,
        "unseen": cause.unseen,
    }
    return found[part]


def healthy_cases(part: str) -> list[Case]:
    first = FIRST_SEED[part]
    return [
        Case(part, setting, seed) for setting in settings_of(part) for seed in range(first, first + HEALTHY_SEEDS[part])
    ]


def induced_cases(part: str) -> list[Case]:
    """Each severity on the settings that fit it and were taken least, so that all have about as many."""
    known, cases = settings_of(part), []
    taken = dict.fromkeys(known, 0)
    for place, cause in enumerate(CAUSES):
        seed = FIRST_SEED[part] + INDUCED + 20 * place
        fits = [name for name, setting in known.items() if cause.applies(setting.fields)]
        mine = dict.fromkeys(fits, 0)
        for severity in severities(cause, part):
            chosen = sorted(fits, key=lambda name: (mine[name], taken[name]))[:PLACES]
            for setting in chosen:
                cases.append(Case(part, setting, seed + sum(mine.values()), cause.name, severity.name))
                mine[setting] += 1
                taken[setting] += 1
    return cases


def cases_of(part: str) -> list[Case]:
    return healthy_cases(part) + induced_cases(part)


def cause_of(case: Case) -> tuple[Cause, Severity]:
    """The cause and severity of an induced case."""
    cause = next(one for one in CAUSES if one.name == case.cause)
    return cause, next(one for one in severities(cause, case.part) if one.name == case.severity)
