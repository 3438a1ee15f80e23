"""From plain values to one HTML file. Everything that comes from a run is escaped by the template engine."""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from sparring.reports import facts, glossary, wording
from sparring.reports.diagnosed import diagnosed, event_lines, probe_charts
from sparring.reports.page import Explored, ExplorePage, RunPage, Strip, Walk
from sparring.reports.panels import run_charts, score_charts
from sparring.reports.pictures import Picture, picture
from sparring.reports.protocols import judge, matched, protocol_table
from sparring.reports.readings import histories
from sparring.reports.recipes import fields_of, recipe_differences
from sparring.reports.trail import Trail
from sparring.reports.versus import overlaid, overlaid_scores

if TYPE_CHECKING:
    from jinja2 import Environment

FINAL_BYTES, REAL_BYTES, INTERPOLATION_BYTES = 360_000, 260_000, 200_000
FILM_BYTES, NEIGHBOUR_BYTES, COMPARED_BYTES = 860_000, 200_000, 1_400_000
"""Room for pictures in a page; as text they take a third more."""
BRIEF_BYTES, WHOLE_BYTES = 400_000, 2_000_000
"""Room for what networks learned: in a run's report, and on a page of its own."""
STRIP = 460
"""Pixels on the page that a strip is enlarged towards."""
MOST_FRAMES = 120
"""Pictures over time; of more, evenly spaced ones are shown."""
THUMBNAIL = 144


def render_run(page: RunPage) -> str:
    """A run's page."""
    trail = Trail.of(page.log, page.findings)
    scores = histories(page.scores, page.step)
    versions, planned, found = facts.environment_rows(page.environment)
    frames, left_out = _film(page)
    named = f" of {page.data_name}" if page.data_name else ""
    return filled(
        "run.html",
        page=page,
        badges=facts.state(page),
        key_facts=facts.key_facts(page, scores),
        final=_picture(page.final, page.final_said or "Grid of new samples of the generator", FINAL_BYTES),
        real=_picture(page.real, f"Grid of real samples{named}, held out from training", REAL_BYTES),
        frames=frames,
        left_out=left_out,
        interpolation=_picture(
            page.interpolation, "Rows of samples, each going from one latent to another", INTERPOLATION_BYTES, 960
        ),
        neighbours=_neighbours(page),
        learned=None if page.explored is None else learned(page.explored, BRIEF_BYTES),
        scores=scores,
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
        planned=planned,
        found=found,
    )


def render_explore(page: ExplorePage) -> str:
    """The page of what a run's networks learned."""
    return filled(
        "explore.html",
        page=page,
        learned=learned(page.explored, WHOLE_BYTES),
        interpolation=_picture(
            page.interpolation, "Rows of samples, each going from one latent to another", INTERPOLATION_BYTES, 960
        ),
        neighbours=_neighbours(page),
    )


def learned(explored: Explored, room: int) -> dict[str, Any] | None:
    """What templates show of it, within so many bytes of pictures; None where there is nothing to show."""
    strips = [*explored.closed_form, *explored.components]
    pictures = len(strips) + len(explored.judged) + len(explored.drawings)
    if not pictures and not explored.notes and not explored.walks:
        return None
    each = room // max(pictures, 1)

    def share(one: Strip | Walk, of: str) -> str:
        return f"{one.name}: {wording.number(100 * one.share)} % of {of}."

    def shown(strip: Strip, of: str) -> tuple[Picture, str]:
        alt = f"Samples whose latents move along direction {strip.name}"
        return picture(strip.picture, alt, each, comfortable=STRIP), share(strip, of)

    return {
        "layer": explored.layer,
        "reach": wording.number(explored.reach),
        "closed_form": [shown(one, "the layer’s change") for one in explored.closed_form],
        "components": [shown(one, "the variance") for one in explored.components],
        "judged": [
            (
                picture(
                    one.picture, f"{one.what}, and below each what speaks for and against it", each, comfortable=960
                ),
                f"{one.what}: logits {', '.join(map(_logit, one.logits))}; the mean image’s {_logit(one.baseline)}.",
            )
            for one in explored.judged
        ],
        "drawings": [(picture(png, caption, each), caption) for caption, png in explored.drawings],
        "walks": [
            (share(one, "the layer’s change" if "SeFa" in one.name else "the variance"), one.columns, _moved(one))
            for one in explored.walks
        ],
        "notes": explored.notes,
    }


def _moved(walk: Walk) -> list[tuple[str, list[tuple[str, bool]]]]:
    """Places, and each cell with whether it differs from the one above."""
    rows, above = [], walk.rows[0][1] if walk.rows else []
    for place, cells in walk.rows:
        rows.append((wording.number(place), [(cell, cell != last) for cell, last in zip(cells, above, strict=True)]))
        above = cells
    return rows


def _logit(value: float) -> str:
    return f"{value:.2f}".replace("-", wording.MINUS)


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
    same_data = len(set(marks)) == 1
    return filled(
        "comparison.html",
        names=names,
        pages=pages,
        facts=[(key, [column[key] for column in columns]) for key in columns[0]],
        rows=[(row, judge(row, names), protocol_table(row)) for row in readings],
        finals=[
            (name, _picture(page.final, f"Grid of new samples of {name}", room))
            for name, page in zip(names, pages, strict=True)
            if page.final is not None
        ],
        real=_picture(pages[0].real, "Grid of real samples, held out from training", room) if same_data else None,
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


def _picture(png: bytes | None, alt: str, room: int, comfortable: int = 520) -> Picture | None:
    return None if png is None else picture(png, alt, room, comfortable=comfortable)


def _film(page: RunPage) -> tuple[list[tuple[int, Picture]], int]:
    """Samples over time, and how many of them are left out."""
    taken = sorted((step, png) for step, png in page.pictures if step <= page.step)
    shown = taken
    if len(taken) > MOST_FRAMES:
        shown = [taken[place * (len(taken) - 1) // (MOST_FRAMES - 1)] for place in range(MOST_FRAMES)]
    room, what = FILM_BYTES // max(len(shown), 1), "Images" if page.translates else "Samples"
    frames = [(step, picture(png, f"{what} at step {step:,}", room, most_side=1000)) for step, png in shown]
    return frames, len(taken) - len(shown)


def _neighbours(page: RunPage | ExplorePage) -> list[tuple[Picture, list[Picture]]]:
    """Samples with their nearest training images, small."""
    room = NEIGHBOUR_BYTES // max(sum(1 + len(near) for _, near in page.neighbours), 1)
    found = []
    for number, (sample, near) in enumerate(page.neighbours, 1):
        pictures = [
            picture(png, f"Training image {rank} of those nearest to sample {number}", room, THUMBNAIL, THUMBNAIL)
            for rank, png in enumerate(near, 1)
        ]
        found.append((picture(sample, f"Sample {number}", room, THUMBNAIL, THUMBNAIL), pictures))
    return found


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined  # not before a page is written

    environment = Environment(
        loader=PackageLoader("sparring.reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    script = environment.loader.get_source(environment, "page.js")[0] if environment.loader else ""
    environment.globals.update(
        script=script,
        # The page may run this one script and nothing else, whatever a run's files hold
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        style=environment.loader.get_source(environment, "page.css")[0] if environment.loader else "",
    )
    helpers: dict[str, Any] = {
        "number": wording.number,
        "interval": wording.interval,
        "printable": lambda entries: [(name, wording.plain(value)) for name, value in entries.items()],
        "meaning": lambda metric: glossary.MEANINGS.get(metric, ""),
        "yardstick": glossary.yardstick,
        "remark": glossary.remark,
    }
    environment.filters.update(helpers)
    return environment


def filled(name: str, **values: Any) -> str:
    html: str = _environment().get_template(name).render(**values)
    # JSON can hold halves of characters, which no file can
    return html.encode("utf-8", "replace").decode("utf-8")
