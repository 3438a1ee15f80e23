"""The doctor at a match: reads it every so many steps, and tells when a finding opens or closes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from sparring.base.draws import Key
from sparring.base.files import append_line
from sparring.base.rundir import RunDir
from sparring.doctor.cases import follow
from sparring.doctor.checks import seen_in
from sparring.doctor.diagnosis import scores_of
from sparring.doctor.findings import Finding
from sparring.doctor.history import Facts, History, is_number
from sparring.doctor.judge import judge
from sparring.doctor.probes import Probes
from sparring.doctor.samples import thumbnails
from sparring.doctor.subject import OfMatch
from sparring.doctor.view import event_line
from sparring.doctor.walk import walked
from sparring.doctor.window import Window
from sparring.gan.loop import Step
from sparring.gan.match import Match
from sparring.gan.measuring import PROBE_PASSES
from sparring.kinds.kind import Kind

EVERY = 50
"""Steps between readings."""
LOOKS = 40
"""How often in a run samples are looked at, about."""
REAL = 256
"""Real samples that a kind's own numbers are of, beside made ones, at most."""
MOST_JUDGED = 200
"""Of so many readings each is judged, of twice as many and more every second, and so on: rules look at all of them
each time."""


class Attending:
    """An observer that measures both networks, to `probes.jsonl`, and tells of illnesses as they come and go, to
    `findings.jsonl` and by `say`. `remedies` gives what to do about one."""

    def __init__(
        self,
        run: RunDir,
        facts: Facts,
        say: Callable[[str], None],
        remedies: Callable[[Finding], tuple[str, ...]] = lambda finding: finding.remedy,
        kind: Kind | None = None,
    ) -> None:
        self.run = run
        self.kind = kind
        self.say = say
        self.remedies = remedies
        self.history = History(facts)
        self.found: list[Finding] = []
        """What was found at `judged_at`, illnesses and the surest first."""
        self.judged_at = -1
        self._probes: Probes | None = None
        self._window = Window(EVERY)
        self._notes: dict[str, Any] | None = None

    def observe(self, match: Match, step: Step) -> None:
        if self._probes is None:
            self._begin(match)
        if self.history.facts.steps != match.steps:  # under a budget of time the clock decides, on the way
            self.history.facts = replace(self.history.facts, steps=match.steps)
        kept = self._kept(match)
        self._window.take(kept, step)
        place = match.step % EVERY
        if place in (EVERY - 2, EVERY - 1):
            self._at(kept).glance()
        if place == 0:
            self._read(match, kept)

    def _begin(self, match: Match) -> None:
        """Takes up what an earlier process read."""
        for line in walked(self.run.probe_lines(), self.run.finding_lines()):
            if line.get("step", 0) <= match.step:
                self.history.add(line)
        self._probes = self._begun(match)
        if not self.history.data:
            line = seen_in(match, sparse=self.history.facts.rows) | self._probes.best()
            append_line(self.run.probes, line)
            self.history.add(line)

    def _begun(self, match: Match) -> Probes:
        """The probes, by the features and with the numbers of the data's kind."""
        subject, key, kind, codec = OfMatch(match), Key(match.seed, "doctor"), self.kind, match.data.codec
        if kind is None:
            return Probes(subject, key, {})
        rows = match.heldout if len(match.heldout) else match.batches.rows
        real = rows.stored(torch.arange(min(len(rows), REAL), device=rows.device)).cpu()

        def features(samples: Tensor) -> Tensor:
            found = kind.features(samples, codec)
            return thumbnails(samples) if found is None else found

        return Probes(
            subject, key, {}, features, lambda made: kind.numbers(codec.decode(made.detach()).cpu(), real, codec)
        )

    def _kept(self, match: Match) -> dict[str, Any]:
        """What is saved with the run; on the run's device, also where it comes from a checkpoint."""
        notes: dict[str, Any] = match.notes.setdefault("doctor", {})
        if notes is not self._notes:
            notes |= {name: _moved(value, match.engine.device) for name, value in notes.items()}
            self._notes = notes
        return notes

    def _at(self, kept: dict[str, Any]) -> Probes:
        assert self._probes is not None
        self._probes.kept = kept.setdefault("probes", {})
        return self._probes

    def _read(self, match: Match, kept: dict[str, Any]) -> None:
        looks = max(round(match.steps / EVERY / LOOKS), 1)
        match.fit("generator", "discriminator", passes=PROBE_PASSES)
        line: dict[str, Any] = {"step": match.step, "attempt": match.attempt, "seconds": round(match.seconds, 3)}
        samples = match.step // EVERY % looks == 0
        line |= self._window.read(kept)
        line |= self._at(kept).read(match.step, samples=samples)
        line = {name: number for name, number in line.items() if is_number(number)}
        append_line(self.run.probes, line)
        self.history.add(line)
        self._judge(match.step, kept)

    def _judge(self, step: int, kept: dict[str, Any]) -> None:
        """Says what is found at this reading, and tells what opens or closes."""
        count = len(self.history.steps)
        if count % max(count // MOST_JUDGED, 1):
            return
        # Scores are taken after this; where the step is walked again, the file has this step's already
        if self.run.scores.exists():
            self.history.scores = scores_of(self.run, step - 1)
        self.found, self.judged_at = judge(self.history), step
        for event in follow(kept.setdefault("cases", {}), self.found):
            event = event._replace(finding=event.finding.with_remedy(self.remedies(event.finding)))
            append_line(self.run.findings, event.to_json(step))
            self.say(event_line(step, event))

    def open(self, match: Match) -> set[str]:
        """The symptoms that are open."""
        cases: dict[str, Any] = self._kept(match).get("cases", {})
        return {symptom for symptom, case in cases.items() if case["open"]}


def _moved(value: Any, device: torch.device) -> Any:
    if isinstance(value, Tensor):
        return value.to(device)
    if isinstance(value, Mapping):
        return {name: _moved(one, device) for name, one in value.items()}
    if isinstance(value, list):
        return [_moved(one, device) for one in value]
    return value
