"""The loop's only consumer: budget, averaging, checkpoints, observers, rollback."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import torch

from sparring.base import clock
from sparring.base.errors import RequestError, TrainingError
from sparring.base.files import append_line
from sparring.base.rundir import RunDir
from sparring.base.system import interrupts_to
from sparring.engine import ranks
from sparring.gan.loop import Step
from sparring.gan.match import Match
from sparring.gan.measuring import Diverged, check_weights
from sparring.runs.loading import load_state, restore
from sparring.runs.observers import Observer
from sparring.runs.pace import Pace

LOOK_EVERY = 50
"""Steps between looks at the losses of a device that works ahead."""
TRIES = 3
"""How often in a row a diverged run goes back to its last good checkpoint."""


@dataclass(frozen=True)
class Keeping:
    """When state is saved, and how much of it is kept."""

    every_steps: int | None = None
    every_seconds: float = 60.0
    """Where `every_steps` is None."""
    last: int = 3


class Trainer:
    """Plays a match to its last step, and keeps it in a run directory."""

    def __init__(
        self,
        match: Match,
        run: RunDir,
        observers: Sequence[Observer],
        keeping: Keeping,
        say: Callable[[str], None],
        enough: Callable[[Match], bool] = lambda match: False,
        pace: Pace | None = None,
    ) -> None:
        """`enough` says of a match, after a step was shown to the observers, whether it is to end there as if this had
        been its last; `pace` keeps the time."""
        self.match = match
        self.run = run
        self.observers = observers
        self.keeping = keeping
        self.say = say
        self.enough = enough
        self.pace = pace or Pace()
        self.stopping = False
        """Whether this process was told to stop; all stop after the step at which one was."""
        self._saved_at = clock.now()
        self._falls = 0
        self._until: int | None = None
        self._watch = Watch(1 if match.engine.device.type == "cpu" else LOOK_EVERY)

    def train(self, until: int | None = None) -> bool:
        """Plays on from the newest checkpoint, or from the start, to the last step, or for now to step `until` of the
        same run. True if it was reached, False if the user stopped it. Raises TrainingError where it keeps
        diverging."""
        self._until = until
        self._take_up()
        with self._until_told():
            while True:
                try:
                    self._play()
                    self._save()
                    break
                except Diverged as fall:
                    self._go_back(fall)
        return self.match.step >= self._goal or self.enough(self.match)

    @property
    def _goal(self) -> int:
        """The step to train to, as it is known now."""
        return self.match.steps if self._until is None else self._until

    def _take_up(self) -> None:
        """Restores the newest checkpoint; a new run writes its first."""
        self.match.attempt, state = ranks.from_first(self._kept)
        if state is not None:
            restore(self.run, self.match, state)
        self.pace.begin(self.match)

    def _kept(self) -> tuple[int, dict[str, Any] | None]:
        """The attempt this is, and the state to go on from."""
        attempts = self._attempts()
        attempt = attempts[-1] if attempts else 0
        saved = self.run.saved_steps()
        if saved:
            return attempt, load_state(self.run, saved[-1])
        self.match.attempt = attempt
        self.match.redraw(0)
        self.run.save(0, self.match.state())
        return attempt, self.run.load(0) if ranks.count() > 1 else None

    def _attempts(self) -> list[int]:
        """All that were begun, in the order in which they were."""
        return [line["attempt"] for line in self.run.finding_lines() if "attempt" in line]

    def _play(self) -> None:
        """Plays until the last step, or until told to stop."""
        match = self.match
        if match.step >= self._goal or any(ranks.any_of(self.stopping or self.enough(match))):
            return
        began, before = clock.now(), match.seconds
        steps = match.play()
        while True:
            worked = clock.processor()
            step = next(steps)
            self._watch.see(step)
            match.take(step)
            match.seconds = before + clock.now() - began
            self.pace.count(match, clock.processor() - worked)
            self.pace.look(match)
            stopping, due = self._agreed(self._shown(step))
            if match.step >= self._goal or stopping:
                return
            if due:
                self._save()

    def _shown(self, step: Step) -> Diverged | None:
        """Shows the step to the observers; gives what fell, if one of them found it fallen."""
        try:
            for observer in self.observers:
                observer.observe(self.match, step)
        except Diverged as fall:
            return fall
        return None

    def _agreed(self, fall: Diverged | None) -> tuple[bool, bool]:
        """Whether to stop, and whether to save, said alike in all processes. Raises Diverged in all if one fell."""
        stopping, due, fell = ranks.any_of(
            self.stopping or (fall is None and self.enough(self.match)), self._due(), fall is not None
        )
        if fell:
            raise fall or Diverged(self.match.step, {"another process": "fell"})
        return stopping, due

    def _due(self) -> bool:
        if self.keeping.every_steps is not None:
            return self.match.step % self.keeping.every_steps == 0
        return clock.now() - self._saved_at >= self.keeping.every_seconds

    def _save(self) -> None:
        """Writes a checkpoint, if all weights are finite. Raises RequestError where it cannot be written."""
        self._watch.look()
        check_weights(self.match)
        self.match.settle()
        if ranks.is_first():
            self._write()
        self._saved_at = clock.now()
        if self.match.step > 0:
            self._falls = 0

    def _write(self) -> None:
        try:
            self.run.save(self.match.step, self.match.state())
        except OSError as error:
            kept = self.run.saved_steps()
            raise RequestError(
                f"{self.run.path}: step {self.match.step} cannot be saved ({error.strerror}); "
                f"the run is intact at step {kept[-1] if kept else 0}"
            ) from None
        self.run.prune(self.keeping.last, (self.match.notes.get("best_step"), *self._healthy()))

    def _healthy(self) -> list[int]:
        """The checkpoints that a treatment may want to go back to: the first, and the last at which all was well."""
        well = self.match.notes.get("well")
        before = [] if well is None else [step for step in self.run.saved_steps() if step <= well]
        return [] if well is None else [0, *before[-1:]]

    def _go_back(self, fall: Diverged) -> None:
        self._falls += 1
        self._watch.unseen.clear()
        goal = ranks.from_first(lambda: self.run.saved_steps()[-1])
        record = {"symptom": "diverged", "since_step": fall.step, "confidence": 1.0, "evidence": fall.evidence}
        told = ", ".join(f"{name} {number}" for name, number in fall.evidence.items())
        if self._falls > TRIES:
            self._note(record | {"remedy": REMEDY})
            raise TrainingError(
                f"{self.run.path}: diverged at step {fall.step} ({told}), {self._falls} times from step {goal} on, "
                f"which is kept; try {' or '.join(REMEDY)}"
            )
        # Beyond all there were: after a treatment that was undone it counts on from before it
        attempt = 1 + max([self.match.attempt, *ranks.from_first(self._attempts)])
        self._note(record | {"remedy": [], "attempt": attempt, "back_to_step": goal})
        self.say(f"diverged at step {fall.step} ({told}); going back to step {goal}, attempt {attempt}")
        self.match.attempt = attempt
        restore(self.run, self.match, ranks.from_first(lambda: load_state(self.run, goal)))
        self.pace.begin(self.match)

    def _note(self, finding: dict[str, Any]) -> None:
        if ranks.is_first():
            append_line(self.run.findings, finding)

    def _until_told(self) -> AbstractContextManager[None]:
        """Ctrl-C and SIGTERM end the training after the step at hand; a second Ctrl-C ends it at once."""

        def stop(number: int) -> None:
            if self.stopping:
                raise KeyboardInterrupt
            self.stopping = True
            self.say("stopping after this step")

        return interrupts_to(stop)


REMEDY = ("generator.optimiser.adam.lr and discriminator.optimiser.adam.lr halved", "precision=fp32")


class Watch:
    """Looks whether losses are finite: every so many steps, so that on a device that works ahead no step waits for the
    one before it to end."""

    def __init__(self, every: int) -> None:
        self.every = every
        self.unseen: list[Step] = []

    def see(self, step: Step) -> None:
        """Takes a step's losses in. Raises Diverged where one, of this step or one before it, is not finite."""
        if self.every == 1:
            check_losses(step)
            return
        self.unseen.append(step._replace(turn=None))
        if len(self.unseen) >= self.every:
            self.look()

    def look(self) -> None:
        """Looks at all that were not looked at yet."""
        steps, self.unseen = self.unseen, []
        losses = [moved["loss"] for step in steps for moved in (*step.discriminator, *step.generator)]
        if losses and not bool(torch.isfinite(torch.stack(losses)).all()):
            for step in steps:
                check_losses(step)


def check_losses(step: Step) -> None:
    """Raises Diverged where a loss of the step is not finite."""
    for side, moves in (("discriminator", step.discriminator), ("generator", step.generator)):
        for losses in moves:
            if not math.isfinite(float(losses["loss"])):
                evidence = {f"{side}_{name}": str(float(number)) for name, number in losses.items()}
                raise Diverged(step.number, evidence)
