"""Values that follow the discriminator's overfitting."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sparring.base.draws import Key
from sparring.base.files import append_line
from sparring.base.rundir import RunDir
from sparring.engine import ranks
from sparring.gan.loop import Step
from sparring.gan.match import Match
from sparring.gan.measuring import overfitting
from sparring.gan.schedules import Adaptive
from sparring.gan.terms import R1

SATURATED = "controller_saturated"


class Controllers:
    """Moves the values that follow the discriminator's overfitting (`sparring.gan.schedules.Adaptive`). Says where one
    has come to its upper bound and that does not suffice."""

    every = 4
    smoothing = 0.9
    """What the old average counts at each reading."""
    patience = 50
    """Readings at the upper bound, with the signal above its target in all, after which it is told."""

    def __init__(
        self, run: RunDir | None = None, say: Callable[[str], None] | None = None, augmentations: Sequence[str] = ()
    ) -> None:
        """`augmentations` are overrides to advise where there are none, `Kind.against_overfitting`."""
        self.run = run
        self.say = say
        self.augmentations = augmentations

    def observe(self, match: Match, step: Step) -> None:
        if not match.controllers or step.number % self.every:
            return
        notes = match.notes.setdefault("controllers", {})
        key = Key(match.seed, "controllers", step.number)
        readings = ranks.from_first(lambda: overfitting(match, key))
        for name, number in readings.items():
            notes[name] = self.smoothing * notes.get(name, number) + (1 - self.smoothing) * number
        ranked = match.players["discriminator"].objective.differences_alone
        for path, adaptive in match.controllers.items():
            signal, target = self.signal(adaptive, notes, ranked)
            adaptive.nudge(signal > target, self.every * match.batch, match.steps * match.batch)
            if self._saturated(match, path, adaptive.at_most and signal > target, step.number):
                self._tell(match, path, {"signal": round(signal, 4), "target": target})

    @staticmethod
    def signal(adaptive: Adaptive, notes: dict[str, float], ranked: bool) -> tuple[float, float]:
        """The signal's level and its target; `ranked` where only differences of logits mean something."""
        target = adaptive.target
        if adaptive.signal == "sign" or "heldout" not in notes:
            return notes["sign"], 0.6 if target is None else target
        if ranked:
            return notes["gap"], 0.1 if target is None else target
        apart = notes["train"] - notes["fake"]
        ratio = (notes["train"] - notes["heldout"]) / apart if apart > 1e-6 else 0.0
        return ratio, 0.5 if target is None else target

    def _saturated(self, match: Match, path: str, high: bool, step: int) -> bool:
        """Whether this is the reading at which it is to be told; kept across a resume."""
        since = match.notes.setdefault("saturated", {})
        if not high:
            since.pop(path, None)
            return False
        return bool(step - since.setdefault(path, step) == self.every * self.patience)

    def _tell(self, match: Match, path: str, evidence: dict[str, float]) -> None:
        """A line, and a finding where the run has none of the same yet."""
        since, most = match.notes["saturated"][path], match.controllers[path].upper
        remedy = against_overfitting(match, path, self.augmentations)
        if self.say is not None:
            self.say(
                f"{path} has been at its maximum {most:g} since step {since:,}: the discriminator still overfits; "
                f"try {', '.join(remedy[:-1])} or {remedy[-1]}"
            )
        if self.run is None or any(
            one.get("symptom") == SATURATED and one.get("evidence", {}).get("schedule") == path
            for one in self.run.finding_lines()
        ):
            return
        finding = {"symptom": SATURATED, "since_step": since, "confidence": 1.0}
        told = {"schedule": path, "most": most, **evidence}
        append_line(self.run.findings, finding | {"evidence": told, "remedy": remedy})


def against_overfitting(match: Match, path: str, augmentations: Sequence[str]) -> list[str]:
    """What helps a discriminator that still overfits with the value at `path` at its most, two things or more."""
    remedy = [] if match.duel.augment else [*augmentations]
    slopes = {name: term for name, term in match.players["discriminator"].terms.items() if isinstance(term, R1)}
    heavier = {name: term.weight for name, term in slopes.items() if isinstance(term.weight, float) and term.weight > 0}
    if not slopes:
        remedy.append("discriminator.terms.r1.weight=1")
    remedy += [f"discriminator.terms.{name}.weight={2 * weight:g}" for name, weight in heavier.items()]
    if not match.players["discriminator"].random:
        remedy.append("discriminator.surgery.dropout.rate=0.3")
    return [*(remedy or [f"a higher {path}.adaptive.most"]), "a narrower discriminator"]
