"""A diagnosis as text: a line while a run trains, a few at its end, a page of a terminal."""

from __future__ import annotations

import math
import shlex
import textwrap
from collections.abc import Sequence

from sparring.doctor.cases import Event
from sparring.doctor.diagnosis import Diagnosis
from sparring.doctor.findings import Finding
from sparring.doctor.remedies import overrides_of

WIDTH = 80
BLOCKS = "▁▂▃▄▅▆▇█"
SPARKS = 32
"""Blocks of a curve, at most."""


def event_line(step: int, event: Event) -> str:
    """What is told when a finding opens or closes."""
    name = title(event.finding)
    if event.event == "closed":
        return f"step {step:,}: no more {name}"
    return f"step {step:,}: {name} {_since(event.finding)}: {_shown_by(event.finding)}{_try(event.finding)}"


def closing_lines(diagnosis: Diagnosis) -> list[str]:
    """What is told at the end of a training."""
    lines = [f"diagnosis: {words_of(diagnosis)}"]
    if diagnosis.too_early and diagnosis.rest:
        lines.append(f"to train the rest: {diagnosis.rest}")
    lines += [f"{title(one)} {_since(one)}{_try(one)}" for one in diagnosis.illnesses]
    for one in diagnosis.notices:
        so_far = "so far: " if diagnosis.too_early and one.waits else ""
        lines.append(f"{so_far}{title(one)}: {_shown_by(one)}{_try(one)}")
    return lines if len(lines) == 1 else [*lines, f"more: sparring diagnose {shlex.quote(diagnosis.run)}"]


def page(diagnosis: Diagnosis) -> str:
    """All of it, 80 columns wide; recipe overrides are never broken."""
    state = "finished at" if diagnosis.finished else "not finished: at"
    place = f"{diagnosis.run}: {state} step {diagnosis.step:,} of {diagnosis.steps:,}"
    blocks = [[*textwrap.wrap(words_of(diagnosis), WIDTH), *textwrap.wrap(place, WIDTH, break_long_words=False)]]
    if diagnosis.too_early and diagnosis.rest:
        blocks[0] += [f"to train the rest: {diagnosis.rest}"]
    blocks += [_block(diagnosis, one) for one in (*diagnosis.illnesses, *diagnosis.notices)]
    blocks += [textwrap.wrap(remark, WIDTH) for remark in diagnosis.remarks]
    return "\n\n".join("\n".join(lines) for lines in blocks)


def words_of(diagnosis: Diagnosis) -> str:
    """The verdict in a line: what ails the run, why it is too early to tell, or what a healthy one's scores say against
    it."""
    if diagnosis.too_early:
        return f"too early to tell: {diagnosis.too_early}"
    against = diagnosis.illnesses or [one for one in diagnosis.findings if one.against]
    names = ", ".join(title(one) for one in against)
    if not names:
        return diagnosis.verdict
    return f"{diagnosis.verdict}: {names}" if diagnosis.illnesses else f"{diagnosis.verdict}, but look at {names}"


def title(finding: Finding) -> str:
    return finding.symptom.replace("_", " ")


def spark(values: Sequence[float], most: int = SPARKS) -> str:
    """A curve as blocks: each the median of its part of the values."""
    finite = [value for value in values if math.isfinite(value)]
    count = min(most, len(finite))
    parts = [sorted(finite[len(finite) * n // count : len(finite) * (n + 1) // count]) for n in range(count)]
    heights = [part[len(part) // 2] for part in parts]
    low, high = min(heights, default=0.0), max(heights, default=0.0)
    scale = (len(BLOCKS) - 1) / (high - low) if high > low else 0.0
    return "".join(BLOCKS[round((height - low) * scale)] for height in heights)


def _block(diagnosis: Diagnosis, finding: Finding) -> list[str]:
    """A finding: what it is, the numbers and curves that show it, and what to try."""
    kind = "" if finding.kind == "illness" else "so far: " if diagnosis.too_early and finding.waits else "notice: "
    lines = [f"{kind}{title(finding)}, {_since(finding)}", *_row("", finding.about)]
    curves = {finding.named(name): [value for _, value in diagnosis.curve(name)] for name in finding.curves}
    width = max(len(name) for name in ("evidence", *curves))
    numbers = ", ".join(_numbers(finding))
    lines += _row("evidence", numbers, width) if numbers else []
    for name, values in curves.items():
        if values:
            lines.append(f"  {name:<{width}}  {spark(values)}  {_value(values[0])} to {_value(values[-1])}")
    for number, remedy in enumerate(finding.remedy):
        label = "" if number else "try"
        pasted = remedy in overrides_of((remedy,))
        lines += [f"  {label:<{width}}  {shlex.quote(remedy)}"] if pasted else _row(label, remedy, width)
    return lines


def _row(label: str, text: str, width: int = 0) -> list[str]:
    """Text, wrapped, beside a label as wide as this."""
    head = f"  {label:<{width}}  " if width else "  "
    return textwrap.wrap(text, WIDTH, initial_indent=head, subsequent_indent=" " * len(head))


def _since(finding: Finding) -> str:
    return f"since step {finding.since_step:,} (confidence {finding.confidence:.0%})"


def _shown_by(finding: Finding) -> str:
    """The sentence and the first few numbers."""
    numbers = _numbers(finding)[:3]
    return finding.about + (f" ({', '.join(numbers)})" if numbers else "")


def _numbers(finding: Finding) -> list[str]:
    """Its evidence, with the features beside the name of a score that means others by it."""
    named = {
        name: finding.named(value) if isinstance(value, str) else value for name, value in finding.evidence.items()
    }
    return [f"{name} {_value(value)}" for name, value in named.items()]


def _try(finding: Finding) -> str:
    """Overrides as they can be pasted, all together; words where there are none."""
    overrides = shlex.join(overrides_of(finding.remedy))
    return f"; try {overrides or ' or '.join(finding.remedy)}" if finding.remedy else ""


def _value(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
