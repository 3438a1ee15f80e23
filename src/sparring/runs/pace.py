"""How long a training goes on, and with how many threads: by its recipe, or by the clock under a budget of time."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping

from sparring.base import clock
from sparring.engine import ranks
from sparring.engine.machine import free_threads
from sparring.gan.match import Match
from sparring.gan.schedules import Course
from sparring.recipe.clocked import Clocked
from sparring.runs.planning import Budget

LOOKS = 20
"""How often the clock is looked at while the time that is left shrinks by a factor of e."""
SHORTEST_S, LATELY_S, USUALLY_S = 0.25, 3.0, 60.0
"""Seconds between looks, and seconds that a speed is of, at least: of steps, and of what comes after them."""
OFF = 0.05
"""By which part of what is left a length must be off to be changed."""
CROWDED = 1.4
"""How many times its best a step must take before other programs are looked for."""
CROWD_EVERY_S = 5.0

Marks = deque[tuple[float, int]]
"""Times of the budget's clock, and the steps that were done then."""


def _taken(marks: Marks, now: float, step: int, seconds: float) -> float | None:
    """What a step took in so many seconds up to now, with this mark taken in and older ones left; None of no step."""
    marks.append((now, step))
    while len(marks) > 2 and now - marks[1][0] >= seconds:
        marks.popleft()
    before, first = marks[0]
    return (now - before) / (step - first) if step > first and now > before else None


class Pace:
    """Keeps the time of a training. Without a budget of time it does what was written down before, if anything was."""

    budget: Budget | None = None

    def __init__(self, clocked: Clocked | None = None, began: float | None = None) -> None:
        """`began` is when the command did; by default, now."""
        self.clocked = clocked
        self.began = clock.now() if began is None else began
        self._earlier: tuple[float, float] | None = None
        self._worked = 0.0

    def begin(self, match: Match) -> None:
        """Takes up a match at the step it stands at, anew wherever it goes back to."""
        if self._earlier is None:
            self._earlier = match.spent, match.processor
        self._restore(match)

    def count(self, match: Match, worked: float) -> None:
        """Counts the time up to here, with `worked` seconds of processors for the last step."""
        assert self._earlier is not None
        self._worked += worked * ranks.count()
        match.spent = self._earlier[0] + clock.now() - self.began
        match.processor = self._earlier[1] + self._worked

    def look(self, match: Match) -> None:
        """Decides, after a step was taken in and before anybody is shown it, whether there is something to change."""
        if match.step in self._threads_from:
            match.engine.use_threads(self._threads_from[match.step])

    def left(self, match: Match) -> float | None:
        """Seconds until all is done, where a budget says so."""
        return None

    @property
    def _threads_from(self) -> Mapping[int, int]:
        """Threads, by the step from which on there are so many."""
        return {} if self.clocked is None else self.clocked.threads

    def _restore(self, match: Match) -> None:
        """Gives the match the threads that it has at its step."""
        said = [number for step, number in self._threads_from.items() if step <= match.step]
        if said:
            match.engine.use_threads(said[-1])


class Paced(Pace):
    """By the clock: as many steps as fit, and with no more threads than find a core. Each change is kept before it
    acts, so that a run can be played again to the same bits."""

    def __init__(
        self,
        budget: Budget,
        began: float,
        step_s: float,
        after_s: float = 0.0,
        clocked: Clocked | None = None,
        keep: Callable[[Clocked], None] = lambda clocked: None,
    ) -> None:
        """`step_s` is what a step takes to begin with, in the budget's unit, `after_s` what comes after the last."""
        super().__init__(clocked, began)
        self.budget = budget
        self.keep = keep
        self._step_s = self._first_s = step_s
        self._best_s = self._usual_s = step_s
        self._after_s = after_s
        self._marks: Marks = deque()
        self._longer: Marks = deque()
        self._next = self._crowd_at = 0.0
        self._most = 0

    @classmethod
    def following(cls) -> Pace:
        """What another than the first of several processes has: it is told what the clock says."""
        return cls(Budget(0.0, "s"), clock.now(), 1.0)

    def begin(self, match: Match) -> None:
        self._most = self._most or match.engine.plan.threads
        super().begin(match)
        self._forget()
        self._changed(match, ranks.from_first(lambda: self._taken_up(match)))

    def look(self, match: Match) -> None:
        decided = ranks.from_first(lambda: self._decided(match))
        if decided is not None:
            self._changed(match, decided)

    def left(self, match: Match) -> float | None:
        if self.budget is None or self.budget.unit != "s":
            return None
        return max(self._left(match) + self._after(), 0.0)

    def _taken_up(self, match: Match) -> Clocked:
        """What held up to here, and the length that now looks right."""
        kept = self.clocked or Clocked(lengths={0: match.steps})
        return kept.until(match.step).lasting(max(self._length(match), 1), match.step)

    def _restore(self, match: Match) -> None:
        """Changes after this step were of a walk that was left."""
        if self.clocked is not None:
            self.clocked = self.clocked.until(match.step)
        super()._restore(match)

    def _changed(self, match: Match, decided: Clocked) -> None:
        self.clocked = decided
        if ranks.is_first():
            self.keep(decided)
        match.course = Course(decided.lengths)
        super().look(match)

    def _decided(self, match: Match) -> Clocked | None:
        """What changes now; None for nothing."""
        now, ended = self._now(match), match.step >= match.steps
        if now < self._next and not ended:
            return None
        if ended and self._marks and now <= self._marks[-1][0]:
            return None  # the clock stands still; what was planned is done
        self._measure(now, match.step, self._left(match))
        self._next = now + max(self._left(match) / LOOKS, SHORTEST_S)
        assert self.clocked is not None
        decided = self.clocked
        threads = self._threads(match, now)
        if threads is not None:  # what steps took among too many threads says nothing of those to come
            decided = decided.working(threads, match.step)
            self._forget()
            self._step_s = self._usual_s = min(self._step_s, self._best_s * self._most / threads)
        length, planned = self._length(match), match.steps
        off = abs(length - planned)
        if off > max(OFF * (planned - match.step), 1) or (length <= match.step < planned):
            decided = decided.lasting(length, match.step)
        return None if decided is self.clocked else decided

    def _forget(self) -> None:
        self._marks.clear()
        self._longer.clear()

    def _measure(self, now: float, step: int, left: float) -> None:
        """Takes in what a step took lately, in a tenth of the time that is left or a few seconds, and what it usually
        takes."""
        self._step_s = _taken(self._marks, now, step, max(LATELY_S, left / 10)) or self._step_s
        self._usual_s = _taken(self._longer, now, step, USUALLY_S) or self._usual_s
        self._best_s = min(self._best_s, self._step_s)

    def _length(self, match: Match) -> int:
        """The steps that fit, with those that are done."""
        return match.step + max(int(self._left(match) / self._step_s), 0)

    def _now(self, match: Match) -> float:
        """What the budget's clock shows."""
        return match.processor if self._by_processor else clock.now()

    def _left(self, match: Match) -> float:
        """What is left for steps, in the budget's unit."""
        assert self.budget is not None
        assert self._earlier is not None
        if self._by_processor:
            return self.budget.amount - match.processor
        return self.began + self.budget.amount - self._earlier[0] - clock.now() - self._after()

    def _after(self) -> float:
        """What will come after the last step, if the machine goes on as it usually does: a moment of a busy one would
        end a run."""
        return self._after_s * min(max(self._usual_s / self._first_s, 0.7), 3.0)

    @property
    def _by_processor(self) -> bool:
        return self.budget is not None and self.budget.unit == "cpu"

    def _threads(self, match: Match, now: float) -> int | None:
        """Another number of threads, where other programs came or went."""
        plan = match.engine.plan
        if self._by_processor or plan.device != "cpu" or self._most < 2 or ranks.count() > 1 or now < self._crowd_at:
            return None
        if self._step_s < CROWDED * self._best_s and plan.threads == self._most:
            return None
        self._crowd_at = now + CROWD_EVERY_S
        free = free_threads(self._most)
        return None if free == plan.threads else free
