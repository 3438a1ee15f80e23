"""What the clock decided of a run, written down so that it can be done again."""

from __future__ import annotations

from pydantic import field_validator

from sparring.base.part import Part


class Clocked(Part):
    """What the clock decided while a run trained under a budget of time. A new run of the recipe without `--for` does
    the same at the same steps, and comes to the same bits."""

    lengths: dict[int, int]
    """Steps of the whole run, by the step from which on that was so; the first is 0."""
    threads: dict[int, int] = {}
    """Threads, by the step from which on there were so many, where other programs came or went."""

    @field_validator("lengths", "threads")
    @classmethod
    def _in_order(cls, found: dict[int, int]) -> dict[int, int]:
        if any(step < 0 or number < 1 for step, number in found.items()):
            raise ValueError("clocked: steps count from 0, and lengths and threads from 1")
        return dict(sorted(found.items()))

    @field_validator("lengths")
    @classmethod
    def _from_zero(cls, lengths: dict[int, int]) -> dict[int, int]:
        if 0 not in lengths:
            raise ValueError("clocked.lengths has no length for step 0")
        return lengths

    @property
    def steps(self) -> int:
        """Of the whole run, as it was decided last."""
        return next(reversed(self.lengths.values()))

    def until(self, step: int) -> Clocked:
        """What was decided up to a step."""
        lengths, threads = ({at: n for at, n in one.items() if at <= step} for one in (self.lengths, self.threads))
        return Clocked(lengths=lengths, threads=threads)

    def lasting(self, steps: int, step: int) -> Clocked:
        """The same until a step, and from there on another length."""
        kept = {at: n for at, n in self.lengths.items() if at < step}
        return Clocked(lengths=(kept or {0: steps}) | {step: steps}, threads=self.threads)

    def working(self, threads: int, step: int) -> Clocked:
        """The same until a step, and from there on with so many threads."""
        return Clocked(lengths=self.lengths, threads=self.threads | {step: threads})
