"""What the doctor says: one finding, and what is known of each symptom."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from sparring import kinds
from sparring.pages.naming import titled

Evidence = dict[str, float | str]
Kind = Literal["illness", "notice"]
"""An illness makes a run sick; a notice is for the reader to know."""


@dataclass(frozen=True)
class Finding:
    """A symptom, since when, how sure, by which numbers, and what to do."""

    symptom: str
    """A name of `SYMPTOMS`."""
    since_step: int
    """The first step at which the numbers show it."""
    confidence: float
    """In [0, 1]; from `SURE` on it is told."""
    evidence: Evidence = field(default_factory=dict)
    """The numbers that show it, by their names in the history."""
    curves: tuple[str, ...] = ()
    """Names of the history's series that show it."""
    remedy: tuple[str, ...] = ()
    """Recipe overrides, `key=value`, to be made together; words where no override helps."""
    plain: bool = False
    """Whether its own signs leave no doubt that it is there; such findings are told first."""
    harmless: bool = False
    """Whether no harm has come of it so far: then it is a notice, whatever the symptom."""

    @property
    def kind(self) -> Kind:
        return "notice" if self.harmless else symptom_named(self.symptom).kind

    @property
    def against(self) -> bool:
        """Whether it is a notice that scores speak against the run: no verdict is told without it."""
        return self.harmless and "metric" in self.evidence

    @property
    def waits(self) -> bool:
        """Whether time may tell otherwise: it would be an illness, and was not there from the first step on."""
        return self.harmless and self.since_step > 0

    @property
    def about(self) -> str:
        """The symptom in a sentence."""
        return symptom_named(self.symptom).about

    def named(self, name: str) -> str:
        """One of its curves or scores as a person is to read it."""
        return titled(name, str(self.evidence.get("extractor", "")))

    def with_remedy(self, remedy: tuple[str, ...]) -> Finding:
        return replace(self, remedy=remedy)

    def to_json(self) -> dict[str, Any]:
        """As `sparring diagnose --json` prints it."""
        return {
            "symptom": self.symptom,
            "kind": self.kind,
            "since_step": self.since_step,
            "confidence": round(self.confidence, 3),
            "evidence": {
                name: value if isinstance(value, str) else float(f"{value:.4g}")
                for name, value in self.evidence.items()
            },
            "curves": list(self.curves),
            "remedy": list(self.remedy),
        } | ({"plain": True} if self.plain else {})

    @staticmethod
    def from_json(written: Mapping[str, Any]) -> Finding:
        """The finding that `to_json` wrote."""
        return Finding(
            str(written["symptom"]),
            int(written["since_step"]),
            float(written["confidence"]),
            dict(written.get("evidence", {})),
            tuple(written.get("curves", ())),
            tuple(written.get("remedy", ())),
            bool(written.get("plain", False)),
            written.get("kind") == "notice" != symptom_named(str(written["symptom"])).kind,
        )


SURE = 0.5
"""Confidence from which on a finding counts."""
CERTAIN = 0.8
"""From which on signs leave no doubt."""


@dataclass(frozen=True)
class Symptom:
    """What is known of a symptom before any run."""

    kind: Kind
    about: str
    """In a sentence, as it is told."""
    by_clock: bool = False
    """Whether it is read from a clock, which no two runs share: such findings never treat."""
    at_once: bool = False
    """Whether it is an illness at any time; others are notices as long as a run has only begun."""


SYMPTOMS: dict[str, Symptom] = {
    "diverged": Symptom("illness", "losses or weights were no longer finite", at_once=True),
    "explosion": Symptom("illness", "logits, weights or gradients grow without end", at_once=True),
    "data_fault": Symptom("illness", "the data are not what the networks can work with", at_once=True),
    "vanishing_gradient": Symptom("illness", "the discriminator is sure, and the generator learns next to nothing"),
    "bounded_logits": Symptom("illness", "the discriminator squashes its logits before a loss that does so itself"),
    "discriminator_too_weak": Symptom("illness", "the discriminator does not tell fakes from reals that differ much"),
    "discriminator_overfitting": Symptom("illness", "the discriminator knows its training data by heart"),
    "mode_collapse": Symptom("illness", "the samples are much alike"),
    "mode_dropping": Symptom("illness", "parts of the data are never made"),
    "oscillation": Symptom("illness", "the generator moves in circles instead of coming nearer"),
    "penalty_not_working": Symptom("illness", "the penalty does not hold the discriminator's slope"),
    "penalty_dominates": Symptom("illness", "the penalty leaves the discriminator nothing to learn"),
    "memorisation": Symptom("illness", "samples are copies of training data"),
    "dead_activations": Symptom("illness", "units give the same whatever they see"),
    "frozen_weights": Symptom("illness", "weights that should learn do not move"),
    "noisy_gradient": Symptom("illness", "batches are too small to tell a direction"),
    "evaluation_fault": Symptom("illness", "what is sampled and scored is not what was trained, or scores say little"),
    "poor_samples": Symptom("illness", "the samples stay far from the data, and no cause is plain"),
    "poor_scores": Symptom("illness", "the scores fall far short of what training data get"),
    "past_its_best": Symptom("illness", "the scores were better before"),
    "controller_saturated": Symptom("notice", "a controlled value is at its maximum, and that does not suffice"),
    "slowing_down": Symptom("notice", "steps take longer than they did", by_clock=True),
    "still_improving": Symptom("notice", "the samples still come nearer to the data: train longer"),
    "converged": Symptom("notice", "the samples come no nearer to the data"),
}


def symptom_named(name: str) -> Symptom:
    """What is known of a symptom: one of all runs, or of one kind of data. A KeyError for another name."""
    if name in SYMPTOMS:
        return SYMPTOMS[name]
    for kind in kinds.kinds():
        for sign in kind.signs:
            if sign.symptom == name:
                return Symptom("illness", sign.about)
    raise KeyError(name)
