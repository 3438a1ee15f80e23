"""A study on one page: what was found, how sure it is, what it costs, and how the arms' samples look."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sparring.base.checking import PICTURE_BYTES, read_bytes
from sparring.pages.chart import Chart, Series, draw, shades
from sparring.pages.filling import filled
from sparring.pages.naming import titled
from sparring.pages.pictures import Picture, picture
from sparring.pages.render import COMPARED_BYTES
from sparring.pages.wording import duration, interval, megabytes, number
from sparring.studies.forest import Forest, Row, forest

if TYPE_CHECKING:  # a study stands above its report
    from sparring.studies.answers.analysis import Analysis, Arm
    from sparring.studies.answers.contrasts import Judged
    from sparring.studies.answers.records import Point, RunRecord

UNKNOWN = "–"
MOST_BANDS = 4
"""Up to so many arms, curves have bands; more would cover each other."""
KINDS = {"better": "better", "worse": "worse", "equivalent": "equal", "cannot tell": "open", "failed": "worse"}
BADGES = {"better": "good", "worse": "bad", "equivalent": "fair", "cannot tell": "open", "failed": "bad"}


def study_page(
    directory: Path,
    title: str,
    records: Sequence[RunRecord],
    analysis: Analysis,
    recommended_recipe: str | None = None,
) -> str:
    """The page of a study whose runs lie in a directory. `recommended_recipe` is YAML to be copied."""
    runs = {arm.name: [r for r in records if r.stage == "final" and r.arm == arm.name] for arm in analysis.arms}
    samples, missing, seed = _samples(directory, runs)
    told = [(BADGES[one.verdict], one.verdict, one.words) for one in analysis.comparisons]
    return filled(
        "study.html",
        package="sparring.studies",
        title=title,
        facts=_facts(records, analysis),
        told=told,
        by_key=[(BADGES[one.verdict], one.verdict, one.words) for one in analysis.effects],
        together=[one.words for one in analysis.interactions],
        left_out=analysis.left_out,
        recommended=analysis.recommended,
        effects=_effects([one for one in analysis.comparisons if one.contrast.against == analysis.baseline], analysis),
        key_effects=_effects(analysis.effects, analysis, versus=True),
        baseline=analysis.baseline,
        margin=f"{analysis.by.margin * 100:.3g} %",
        side="left" if analysis.by.better == "lower" else "right",
        ratio=analysis.by.scale == "ratio",
        metric=analysis.by.title,
        scores=_scores(analysis),
        arms=[arm.name for arm in analysis.arms],
        beside=_beside(analysis),
        charts=_charts(runs, analysis),
        costs=[_cost(arm, analysis) for arm in analysis.arms],
        target=_target(analysis),
        samples=samples,
        missing=missing,
        seed=seed,
        failed=[record for record in records if record.state == "failed"],
        screening=analysis.screening,
        recipe=recommended_recipe,
    )


def _facts(records: Sequence[RunRecord], analysis: Analysis) -> list[tuple[str, str]]:
    """What a reader looks for first."""
    final = [record for record in records if record.stage == "final"]
    screens, seeds = len(records) - len(final), len({record.seed for record in final})
    images = max((point.images for record in final for point in record.curve), default=0)
    facts = [
        ("Judged by", f"{analysis.by.title}, {analysis.by.better} is better"),
        ("Baseline", analysis.baseline),
        ("Arms", str(len(analysis.arms))),
        ("Seeds", str(seeds)),
        ("Runs", f"{len(final)} and {screens} to screen" if screens else str(len(final))),
        ("Images each", f"{images:,}"),
        ("Training time, all runs", duration(sum(record.seconds for record in records))),
    ]
    failed = sum(record.state == "failed" for record in records)
    return [*facts, ("Failed runs", str(failed))] if failed else facts


def _effects(judged: Sequence[Judged], analysis: Analysis, versus: bool = False) -> Forest | None:
    """Differences with their intervals: in percent, unless one of them has none."""
    percent = all(one.measured.percent is not None or one.measured.difference is None for one in judged)
    rows = []
    for one in judged:
        found = one.measured
        value, ends = (found.percent, found.percent_interval) if percent else (found.difference, found.interval)
        words = UNKNOWN if value is None else f"{_signed(value)}{' %' if percent else ''}"
        if ends is not None:
            words += f" ({_signed(ends[0])} to {_signed(ends[1])})"
        lost = f"; failed {one.contrast.failed[0]} of {one.n}" if one.contrast.failed[0] else ""
        label = f"{one.contrast.arm} against {one.contrast.against}" if versus else one.contrast.arm
        rows.append(Row(label, value, ends, f"{words}, {one.verdict}{lost}", KINDS[one.verdict]))
    margin = analysis.by.margin
    zone = (100 * (1 / (1 + margin) - 1), 100 * margin) if percent else None
    return forest(rows, "%" if percent else analysis.by.title, zone, from_zero=True)


def _signed(value: float) -> str:
    rounded = float(f"{value:.2g}") if abs(value) < 10 else float(round(value))
    return f"+{number(rounded)}" if rounded > 0 else number(rounded)


def _scores(analysis: Analysis) -> Forest | None:
    """Each arm's mean with its interval, and its single seeds."""
    rows = []
    for arm in analysis.arms:
        words = UNKNOWN if arm.mean is None else _told(arm.mean, arm.interval)
        words += f"; failed {arm.failed} of {len(arm.scores)}" if arm.failed else ""
        singles = [score for score in arm.scores.values() if not math.isnan(score)]
        rows.append(Row(arm.name, arm.mean, arm.interval, words, singles=singles))
    return forest(rows, analysis.by.title)


def _beside(analysis: Analysis) -> list[tuple[str, list[str]]]:
    """Scores that arms were not judged by: a row each, a cell an arm."""
    rows = []
    for name in dict.fromkeys(name for arm in analysis.arms for name in arm.beside):
        found = [arm.beside.get(name) for arm in analysis.arms]
        named = titled(name, analysis.by.extractor)
        rows.append((named, [UNKNOWN if one is None else _told(one.mean, one.interval) for one in found]))
    return rows


def _told(mean: float, ends: tuple[float, float] | None) -> str:
    return number(mean) if ends is None else f"{number(mean)} ({interval(ends)})"


def _charts(runs: Mapping[str, Sequence[RunRecord]], analysis: Analysis) -> list[Chart]:
    """Scores and the gap between training and held-out data, over images."""
    better = f"{analysis.by.better.capitalize()} is better."
    mean = "Means over the seeds that did not fail, on the part of the held-out data that answers are drawn from."
    bands = " Bands are 95 % intervals of the means." if len(runs) <= MOST_BANDS else ""
    about_gap = "Mean logits in evaluation mode; above 0 where the discriminator knows its training data by heart."
    charts = [
        draw(
            analysis.by.title,
            "",
            f"{better} {mean}{bands}",
            _curves(runs, lambda point: point.report),
            x_name="images",
        ),
        draw(
            "Logits: training minus held-out data",
            "",
            f"{about_gap}{bands}",
            _curves(runs, lambda point: point.gap),
            scale="linear",
            x_name="images",
        ),
    ]
    return [chart for chart in charts if chart is not None]


def _curves(runs: Mapping[str, Sequence[RunRecord]], value: Callable[[Point], float | None]) -> list[Series]:
    """Means over seeds, one curve an arm, where all the arm's runs that did not fail have a value."""
    found = []
    for (name, records), (colour, dashed) in zip(runs.items(), shades(), strict=False):
        whole = [record for record in records if record.state != "failed" and record.score is not None]
        by_images: dict[int, list[float]] = {}
        for record in whole:
            for point in record.curve:
                one = value(point)
                if one is not None and math.isfinite(one):
                    by_images.setdefault(point.images, []).append(one)
        shared = sorted((images, values) for images, values in by_images.items() if len(values) == len(whole))
        points = [(float(images), statistics.fmean(values)) for images, values in shared]
        band = [(float(images), *_interval(values)) for images, values in shared if len(values) > 1]
        found.append(Series(name, points, colour, dashed, band=band if len(runs) <= MOST_BANDS else []))
    return found


def _interval(values: Sequence[float]) -> tuple[float, float]:
    """Student's 95 % interval of the mean of two values or more."""
    from scipy.special import stdtrit  # only where a study is shown

    half = float(stdtrit(len(values) - 1, 0.975)) * statistics.stdev(values) / math.sqrt(len(values))
    mean = statistics.fmean(values)
    return mean - half, mean + half


def _cost(arm: Arm, analysis: Analysis) -> tuple[str, list[str]]:
    """A row of the table of costs."""
    cost, base = arm.cost, analysis.arms[0].cost
    against = ""
    if arm is not analysis.arms[0] and cost.step_ms is not None and base.step_ms:
        against = f" ({_signed(100 * (cost.step_ms / base.step_ms - 1))} %)"
    reached = f" ({cost.reached} of {len(arm.scores)} runs)"
    images = f"{cost.images_to_baseline:,}" if cost.images_to_baseline is not None else "never"
    return arm.name, [
        UNKNOWN if cost.step_ms is None else f"{number(cost.step_ms)} ms{against}",
        UNKNOWN if cost.peak_mb is None else megabytes(cost.peak_mb),
        UNKNOWN if cost.seconds is None else duration(cost.seconds),
        f"{images}{reached}",
    ]


def _target(analysis: Analysis) -> str:
    mean = analysis.arms[0].mean
    return UNKNOWN if mean is None else number(mean)


def _samples(
    directory: Path, runs: Mapping[str, Sequence[RunRecord]]
) -> tuple[list[tuple[str, Picture]], list[str], int | None]:
    """The last sample grids of the seed that most arms have one of, the arms without, and that seed."""
    grids: dict[int, dict[str, Path]] = {}
    for name, records in runs.items():
        for record in records:
            found = sorted((directory / record.directory / "samples").glob("step-*.png"))
            if found:
                grids.setdefault(record.seed, {})[name] = found[-1]
    if not grids:
        return [], [], None
    seed = max(sorted(grids), key=lambda one: len(grids[one]))
    room = COMPARED_BYTES // len(grids[seed])
    shown = [
        (name, picture(read_bytes(grids[seed][name], PICTURE_BYTES), f"Grid of samples of {name}", room, 640, 320))
        for name in runs
        if name in grids[seed]
    ]
    return shown, [name for name in runs if name not in grids[seed]], seed
