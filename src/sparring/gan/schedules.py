"""Numbers that change with the step, or that a controller sets."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Mapping
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import Field, PrivateAttr, field_validator

from sparring.base.part import OneOf, Part

FEW = 500
"""Training samples below which a controller's value may rise further."""


class Now(NamedTuple):
    """Where a run stands, as schedules read it."""

    step: int
    """Steps done."""
    images: int
    """Training samples so far, a batch for each step: step * batch."""
    steps: int
    """Steps of the whole run."""
    since: tuple[int, float] = (0, 0.0)
    """The step from which on it was to have so many steps, and the part of the run that was done by then."""

    @property
    def done(self) -> float:
        """The part of the run that is done, in [0, 1] until its last step."""
        step, part = self.since
        return part + (1 - part) * ((self.step - step) / max(self.steps - step, 1))


class Course:
    """The length of a run, and how that changed on the way (under a budget of time, by the clock). Schedules that count
    parts of the run go on from where they stood, and still reach their end with the last step."""

    def __init__(self, lengths: Mapping[int, int]) -> None:
        """`lengths` are the steps of the whole run, by the step from which on that was so; the first is 0."""
        self.lengths = dict(sorted(lengths.items()))
        self._from = list(self.lengths)
        self._at: list[Now] = []
        for step, steps in self.lengths.items():
            done = self._at[-1]._replace(step=step).done if self._at else 0.0
            self._at.append(Now(step, 0, steps, (step, min(done, 1.0))))

    def now(self, step: int, batch: int) -> Now:
        """Where the run stands after so many steps."""
        at = self._at[bisect_right(self._from, step) - 1]
        return at._replace(step=step, images=step * batch)

    def changed(self, step: int, steps: int) -> Course:
        """The same until a step, and from there on another length."""
        return Course({at: one for at, one in self.lengths.items() if at < step} | {step: steps})


Unit = Literal["run", "step", "image"]


def position(now: Now, unit: Unit) -> float:
    """How far the run is, in the unit: a fraction of the run in [0, 1], steps, or images."""
    if unit == "run":
        return now.done
    return float(now.step if unit == "step" else now.images)


class _Ramp(Part):
    start: float
    """The value before `begin`."""
    end: float
    """The value after `finish`."""
    begin: float = Field(0.0, ge=0)
    """Where the change begins, in `unit`."""
    finish: float = Field(1.0, ge=0)
    """Where it ends, in `unit`."""
    unit: Unit = "run"
    """What `begin` and `finish` count: fractions of the run, steps or images."""

    def model_post_init(self, context: Any) -> None:
        if self.finish <= self.begin:
            raise ValueError(f"finish {self.finish:g} is not after begin {self.begin:g}")
        if self.unit == "run" and self.finish > 1:
            raise ValueError(f"finish {self.finish:g} is past the run's end, 1 (for steps, say unit: step)")

    def done(self, now: Now) -> float:
        """How much of the change is done, in [0, 1]."""
        part = (position(now, self.unit) - self.begin) / (self.finish - self.begin)
        return min(max(part, 0.0), 1.0)


class Linear(_Ramp):
    """From `start` to `end` in a straight line."""

    def at(self, now: Now) -> float:
        return self.start + (self.end - self.start) * self.done(now)


class Cosine(_Ramp):
    """From `start` to `end` along half a cosine wave (Loshchilov and Hutter 2016, https://arxiv.org/abs/1608.03983)."""

    def at(self, now: Now) -> float:
        return self.end + (self.start - self.end) * (1 + math.cos(math.pi * self.done(now))) / 2


class Steps(Part):
    """A value that jumps: each holds from its position until the next."""

    values: dict[float, float]
    """Position (in `unit`) to value; the first position is 0."""
    unit: Unit = "step"
    """What the positions count: fractions of the run, steps or images."""

    @field_validator("values")
    @classmethod
    def _from_zero(cls, values: dict[float, float]) -> dict[float, float]:
        if 0 not in values:
            raise ValueError("steps.values has no value for position 0")
        return dict(sorted(values.items()))

    def at(self, now: Now) -> float:
        here = position(now, self.unit)
        return next(value for begin, value in reversed(self.values.items()) if begin <= here)


class Adaptive(Part):
    """A value that follows how far the discriminator overfits (an integral controller).

    The signal is, with held-out data, r_v = (D_train - D_heldout) / (D_train - D_fake) from mean logits; without, the
    weaker r_t = mean of sign(D_train) (Karras et al. 2020, https://arxiv.org/abs/2006.06676). Where only differences of
    logits mean something (relativistic, Wasserstein) it is the ranking gap P(D_train > D_fake) - P(D_heldout > D_fake).
    All samples are augmented as in training, and the discriminator is in eval mode. Above the target the value rises,
    below it falls, by 4 * batch / `adjust` at each reading, which is every fourth step.
    """

    signal: Literal["auto", "heldout", "sign"] = "auto"
    """What is read; `auto` takes the held-out images where there are some."""
    target: float | None = None
    """The signal's wanted level; by default 0.5 for r_v and 0.6 for r_t, as in the paper, and 0.1 for the ranking
    gap."""
    most: float | None = Field(None, gt=0)
    """The value's upper bound; by default 0.5, and with fewer than 500 training samples 0.7."""
    least: float = Field(0.0, ge=0)
    """The value's lower bound, and where it starts."""
    adjust: int | None = Field(None, gt=0)
    """Images in which the value could rise by 1; by default a fifth of the run, within [20,000, 500,000]."""

    _value: float = PrivateAttr(default=0.0)

    def model_post_init(self, context: Any) -> None:
        if self.upper <= self.least:
            raise ValueError(f"most {self.upper:g} is not above least {self.least:g}")
        self._value = self.least

    @property
    def upper(self) -> float:
        """The upper bound; where the data have not told it yet, the one of large data."""
        return 0.5 if self.most is None else self.most

    @property
    def at_most(self) -> bool:
        """Whether the value is as high as it may be."""
        return self._value >= self.upper

    def fitted(self, samples: int) -> Adaptive:
        """The same for so many training samples."""
        most = 0.7 if samples < FEW else 0.5
        return self if self.most is not None else self.model_copy(update={"most": most})

    def at(self, now: Now) -> float:
        return self._value

    def nudge(self, too_high: bool, images: int, total: int) -> None:
        """Moves the value for `images` more images of a run of `total`, with the signal above (or below) its target."""
        adjust = self.adjust or min(max(total // 5, 20_000), 500_000)
        self.set(self._value + (images if too_high else -images) / adjust)

    def set(self, value: float) -> None:
        """Puts the value somewhere within its bounds."""
        self._value = min(max(value, self.least), self.upper)


MOVING = (Linear, Cosine, Steps, Adaptive)
"""Schedules that are more than a number."""
Schedule = Annotated[float | Linear | Cosine | Steps | Adaptive, OneOf(number=True)]


def value(schedule: Schedule, now: Now) -> float:
    """What a schedule, or a plain number, says at this point of the run."""
    return float(schedule) if isinstance(schedule, (int, float)) else schedule.at(now)


def highest(schedule: Schedule | tuple[float, ...]) -> float:
    """The largest value that a schedule, or one of several rates, can take."""
    return max(extremes(schedule))


def lowest(schedule: Schedule | tuple[float, ...]) -> float:
    """The smallest."""
    return min(extremes(schedule))


def extremes(schedule: Schedule | tuple[float, ...]) -> tuple[float, ...]:
    """Values of which all that it can take lie between the least and the most."""
    match schedule:
        case tuple():
            return schedule
        case Linear() | Cosine():
            return schedule.start, schedule.end
        case Steps():
            return tuple(schedule.values.values())
        case Adaptive():
            return schedule.least, schedule.upper
        case _:
            return (float(schedule),)
