"""Answers of a study in sentences for people who know no statistics."""

from __future__ import annotations

from sparring.metrics import Interval
from sparring.metrics.inference import LEVEL, MOST_SEEDS
from sparring.pages.naming import titled
from sparring.pages.wording import number, p_text
from sparring.studies.answers.contrasts import Judged, Yardsticks

NAMES = {"fid": "FID", "kid": "KID", "is": "inception score", "ms_ssim": "MS-SSIM"}


def spelled(by: Yardsticks) -> str:
    """FID; by features that no published one is of, FID (classifier)."""
    return titled(by.metric, by.extractor, NAMES.get(by.metric, by.metric.replace("_", " ")))


def change(value: float, interval: Interval | None, unit: str = "") -> str:
    """12 % lower (95 % 7 to 17 %); 3 % lower (95 %: 10 % lower to 4 % higher)."""
    told = f"{_size(value)}{unit} {_way(value)}" if value else f"equal to {_size(0)}{unit}"
    if interval is None:
        return told
    low, high = interval
    if low > 0 or high < 0:
        small, large = sorted((abs(low), abs(high)))
        return f"{told} (95 % {_size(small)} to {_size(large)}{unit})"
    return f"{told} (95 %: {_size(low)}{unit} {_way(low)} to {_size(high)}{unit} {_way(high)})"


def _way(value: float) -> str:
    return "lower" if value < 0 else "higher"


def _size(value: float) -> str:
    """Two significant digits; whole numbers from 10 up."""
    size = abs(value)
    return f"{size:,.0f}" if size >= 9.95 else number(float(f"{size:.2g}"))


def effect_text(one: Judged, by: Yardsticks) -> str:
    """FID 12 % lower (95 % 7 to 17 %)."""
    found = one.measured
    if found.percent is not None:
        return f"{spelled(by)} {change(found.percent, found.percent_interval, ' %')}"
    if found.difference is not None:
        return f"{spelled(by)} {change(found.difference, found.interval)}"
    return ""


def verdict_text(one: Judged, by: Yardsticks, scope: str = "") -> str:
    """The whole answer of a comparison; `scope` says of what it holds."""
    arm, against = one.contrast.arm, f"{one.contrast.against}{scope}"
    seeds = f"{one.n} seed{'' if one.n == 1 else 's'}"
    if one.verdict == "failed":
        return f"{arm} failed in {one.contrast.failed[0]} of {seeds}"
    if one.n < 2:
        return f"{arm} cannot be told from {against}: {seeds} in common, it takes at least 2"
    opening = {
        "better": f"{arm} is better than {against}",
        "worse": f"{arm} is worse than {against}",
        "equivalent": f"{arm} is equivalent to {against} within {by.margin:.0%}".replace("%", " %"),
        "cannot tell": f"{arm} cannot be told from {against}",
    }[one.verdict]
    parts = [part for part in (effect_text(one, by), _p(one)) if part]
    told = f"{opening}: {', '.join(parts)}; {seeds}"
    if one.verdict == "cannot tell":
        told += f"; {needs_text(one)}"
    return told + failures_text(one)


def needs_text(one: Judged) -> str:
    """How far off an answer is."""
    if one.needs is None:
        return f"no difference of the size seen could be told within {MOST_SEEDS:,} seeds"
    return f"needs about {one.needs:,} more seed{'' if one.needs == 1 else 's'}"


def failures_text(one: Judged) -> str:
    """Which runs failed, and how they were counted."""
    counts = zip((one.contrast.arm, one.contrast.against), one.contrast.failed, strict=True)
    failed = [f"{arm} failed in {count} of {one.n}" for arm, count in counts if count]
    if not failed:
        return ""
    counted = "counted as worse than every score (exact signed ranks)"
    rest = "; the percent is of the other seeds" if one.measured.percent is not None else ""
    return f"; {' and '.join(failed)}, {counted}{rest}"


def _p(one: Judged) -> str:
    if one.verdict == "equivalent":
        return "" if one.p_equivalent is None else f"{p_text(one.p_equivalent)} of a larger difference"
    return "" if one.p_holm is None else f"{p_text(one.p_holm)} after Holm"


def effect_of_key_text(one: Judged, by: Yardsticks) -> str:
    """What a value of one key does."""
    return verdict_text(one, by, ", over all values of the other keys")


def interaction_text(one: Judged, by: Yardsticks) -> str:
    """What two values do together beyond what each does alone."""
    parts = [part for part in (effect_text(one, by), _p(one)) if part]
    told = f"{one.contrast.arm}, beyond what each does alone: {', '.join(parts)}; {one.n} seeds"
    if one.p_holm is not None and one.p_holm <= LEVEL:
        return f"{told}; they depend on each other"
    return f"{told}; that they depend on each other cannot be told"
