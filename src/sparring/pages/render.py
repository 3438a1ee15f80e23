"""From plain values to one HTML file. Everything that comes from a run is escaped by the template engine."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from sparring.pages import facts
from sparring.pages.blocks import Block, Figure
from sparring.pages.diagnosed import diagnosed, event_lines, probe_charts
from sparring.pages.filling import filled
from sparring.pages.glossary import references
from sparring.pages.page import ExplorePage, RunPage
from sparring.pages.panels import run_charts, score_charts
from sparring.pages.pictures import Picture, picture
from sparring.pages.protocols import judge, matched, protocol_table
from sparring.pages.readings import histories
from sparring.pages.recipes import fields_of, recipe_differences
from sparring.pages.trail import Trail
from sparring.pages.versus import overlaid, overlaid_scores

FILM_BYTES, COMPARED_BYTES = 860_000, 1_400_000
"""Room for pictures in a page; as text they take a third more."""
MOST_FRAMES = 120
"""Samples over time; of more, evenly spaced ones are shown."""


def render_run(page: RunPage) -> str:
    """A run's page."""
    trail = Trail.of(page.log, page.findings)
    scores = histories(page.scores, page.step)
    versions, planned, found = facts.environment_rows(page.environment)
    frames, left_out = _film(page)
    return filled(
        "run.html",
        page=page,
        made=[one for one in page.sections if one.place == "made"],
        learned=[one for one in page.sections if one.place == "learned"],
        near=[one for one in page.sections if one.place == "near"],
        badges=facts.state(page),
        key_facts=facts.key_facts(page, scores),
        frames=frames,
        left_out=left_out,
        scores=scores,
        references=references([one.newest for one in scores]),
        score_charts=score_charts(scores, trail, page.step),
        charts=run_charts(trail, page.speed_unit),
        rollbacks=trail.rollbacks,
        findings=facts.finding_rows(page),
        verdict=facts.verdict(page),
        diagnosis=diagnosed(page),
        events=event_lines(page),
        probe_charts=probe_charts(page, trail),
        commands=facts.commands(page),
        versions=versions,
        trials=facts.trials(page.environment),
        planned=planned,
        found=found,
    )


def render_explore(page: ExplorePage) -> str:
    """The page of what a run's networks learned."""
    return filled("explore.html", page=page)


def render_comparison(pages: Sequence[RunPage]) -> str:
    """A page with two or more runs side by side."""
    if len(pages) < 2:
        raise ValueError(f"{len(pages)} run: a comparison takes two or more")
    names = distinct([page.title for page in pages])
    trails = [Trail.of(page.log, page.findings) for page in pages]
    rows = matched([histories(page.scores, page.step) for page in pages])
    readings = [[None if history is None else history.newest for history in row] for row in rows]
    columns = [facts.run_facts(page) for page in pages]
    differences = recipe_differences([page.recipe_yaml for page in pages])
    room = COMPARED_BYTES // (len(pages) + 1)
    marks = [_data_mark(page) for page in pages]
    same_data, real = len(set(marks)) == 1, pages[0].real
    return filled(
        "comparison.html",
        names=names,
        pages=pages,
        facts=[(key, [column[key] for column in columns]) for key in columns[0]],
        references=references([reading for row in readings for reading in row if reading is not None]),
        rows=[(row, judge(row, names), protocol_table(row)) for row in readings],
        finals=[
            (name, picture(page.made, f"Grid of new samples of {name}", room))
            for name, page in zip(names, pages, strict=True)
            if page.made is not None
        ],
        real=picture(real, "Grid of real samples, held out from training", room) if real and same_data else None,
        same_data=same_data,
        readable=all(fields_of(page.recipe_yaml) for page in pages),
        score_charts=overlaid_scores(rows, names),
        charts=overlaid(trails, names, same_losses=not any(_moves_losses(one.key) for one in differences)),
        batches_differ=any(one.key == "batch" for one in differences),
        differences=differences,
    )


def distinct(titles: Sequence[str]) -> list[str]:
    """The titles, with a number where several runs have the same."""
    counts, seen, names = Counter(titles), Counter[str](), []
    for title in titles:
        seen[title] += 1
        names.append(f"{title} ({seen[title]})" if counts[title] > 1 else title)
    return names


def _data_mark(page: RunPage) -> str:
    """What tells one data set from another."""
    data = page.environment.get("data")
    return str(data.get("fingerprint") or data.get("name")) if isinstance(data, dict) else ""


def _moves_losses(key: str) -> bool:
    return key.startswith("objective") or ".terms" in key


class _Frame(NamedTuple):
    """Samples of a step: a picture, or other HTML."""

    step: int
    picture: Picture | None
    html: str


def _film(page: RunPage) -> tuple[list[_Frame], int]:
    """Samples over time, and how many of them are left out."""
    taken = sorted((one for one in page.film if one[0] <= page.step), key=lambda one: one[0])
    shown = taken
    if len(taken) > MOST_FRAMES:
        shown = [taken[place * (len(taken) - 1) // (MOST_FRAMES - 1)] for place in range(MOST_FRAMES)]
    room = FILM_BYTES // max(len(shown), 1)
    frames = [_frame(step, block, f"{page.samples} at step {step:,}", room) for step, block in shown]
    return frames, len(taken) - len(shown)


def _frame(step: int, block: Block, alt: str, room: int) -> _Frame:
    if isinstance(block, Figure):
        return _Frame(step, picture(block.picture, alt, room, most_side=1000), "")
    return _Frame(step, None, block.html(room))
