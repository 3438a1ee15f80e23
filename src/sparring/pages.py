"""What a report shows of a run, and the pages written."""

from __future__ import annotations

import math
from typing import Any

from torch import Tensor

from sparring import exploring, imagepages, tablepages
from sparring.data import DataSet, ValueCodec
from sparring.doctor import Diagnosis, Finding, diagnose, events_of
from sparring.doctor.walk import standing, walked
from sparring.draws import Key, permutation
from sparring.exploring import Effort
from sparring.games import FromImages
from sparring.metrics import Extractor
from sparring.metrics.features.pixels import Pixels
from sparring.reports import ExplorePage, RunPage, render_comparison, render_explore, render_run
from sparring.reports.page import Explored
from sparring.reports.tables import render_table
from sparring.run import Run
from sparring.rundir import read_lines, write_file
from sparring.sampling import grid, png

FINAL = 100
"""Fresh samples shown at the end, and as many held-out ones."""
POINTS = 2000
"""Points in a scatter plot."""


def picture(samples: Tensor, data: DataSet) -> bytes:
    """Samples as a PNG: images in a grid, points as dots over those of the data."""
    return png(grid(samples, data.codec)) if data.codec.kind == "image" else _scatter(samples, data)


def write_report(run: Run, data: DataSet | None, extractor: Extractor | None = None) -> None:
    """Writes the run's report.html; nearest neighbours are found by the extractor, or by pixels."""
    write_file(run.dir.report, render_run(page_of(run, data, extractor)))


def comparison(runs: list[Run]) -> str:
    """Two or more runs on one page."""
    return render_comparison([page_of(run) for run in runs])


def page_of(run: Run, data: DataSet | None = None, extractor: Extractor | None = None) -> RunPage:
    """All that a report shows of a run; without its data, what the run directory alone can give."""
    lines, log = read_lines(run.dir.log), run.log
    ends = [line for line in lines if "ended_at_step" in line]
    speeds = sorted(line["images_per_s"] for line in log if "images_per_s" in line)
    noise = run.codec.kind == "image" and not run.recipe.game.translates
    told = read_lines(run.dir.findings)
    diagnosis = diagnose(run.dir, run.recipe)
    chosen = extractor or _pixels(run)
    panel = tablepages.panel_of(run, data)
    final, said = _final(run, data)
    return RunPage(
        title=run.path.resolve().name,
        recipe_name=run.recipe.name,
        about=run.recipe.about,
        recipe_yaml=run.dir.recipe.read_text(),
        environment=run.environment,
        log=walked(lines, told) if any(line.get("event") == "undone" for line in told) else lines,
        scores=read_lines(run.dir.scores),
        findings=[line for line in standing(told) if line.get("event") not in ("opened", "closed")],
        pictures=[(int(file.stem[5:]), file.read_bytes()) for file in sorted(run.dir.samples.glob("step-*.png"))],
        final=final,
        final_said=said,
        translates=run.recipe.game.translates,
        fills=isinstance(run.recipe.game, FromImages) and run.recipe.game.fills,
        interpolation=exploring.interpolation(run) if noise else None,
        neighbours=exploring.shown(exploring.neighbours(run, data, chosen), data) if noise and data is not None else [],
        neighbours_by=_named(chosen),
        explored=_explored(run, data),
        finished=run.finished,
        step=run.step,
        steps=run.recipe.steps,
        seconds=run.seconds,
        images_per_s=speeds[len(speeds) // 2] if speeds else None,
        memory_mb=ends[-1]["memory_mb"] if ends else None,
        real=_real(data) if data is not None and noise else None,
        samples_to="samples/" if run.codec.kind == "image" else "samples.csv",
        verdict=diagnosis.verdict,
        diagnosis=[_diagnosed(diagnosis, finding) for finding in diagnosis.findings],
        remarks=list(diagnosis.remarks),
        events=[*events_of(told), *(line for line in told if line.get("event") in ("treated", "kept", "undone"))],
        probes=walked(read_lines(run.dir.probes), told),
        best_step=run.best_step,
        rows=tablepages.shown_rows(run),
        table="" if panel is None else render_table(panel),
    )


def _diagnosed(diagnosis: Diagnosis, finding: Finding) -> dict[str, Any]:
    points = {name: diagnosis.curve(name) for name in finding.curves}
    return finding.to_json() | {"about": finding.about, "points": points}


def _final(run: Run, data: DataSet | None) -> tuple[bytes | None, str]:
    """What the run makes at its end, and what to say of it where it is not fresh samples."""
    if run.recipe.game.translates:
        return (None if data is None else imagepages.shown(run, data)) or (None, "")
    if run.codec.kind == "table":
        return None, ""
    if run.codec.kind == "points":
        return None if data is None else _scatter(run.draw(POINTS)[0], data), ""
    return png(grid(run.draw(FINAL)[0], run.codec)), ""


def _real(data: DataSet) -> bytes | None:
    """Held-out samples, as many as there are fresh ones."""
    shown = data.heldout[permutation(Key("shown"), len(data.heldout))[:FINAL]]
    return png(grid(data.stored(shown), data.codec)) if len(shown) else None


def _explored(run: Run, data: DataSet | None) -> Explored:
    """What the networks learned, in brief; of networks of the user's own that cannot be looked into, why not."""
    try:
        if run.recipe.game.translates:
            return imagepages.looked_at(run, data, exploring.BRIEF)
        return exploring.explored(run, data, exploring.BRIEF)[0]
    except RuntimeError as error:  # PyTorch's for a pass without gradient, say: no reason for a training to fail
        why = str(error).splitlines()[0] if str(error) else type(error).__name__
        return Explored("", [], [], 0.0, [], [], [f"These networks cannot be looked into: {why}"])


def explore(run: Run, data: DataSet | None, given: Extractor | None, effort: Effort) -> tuple[str, dict[str, Any]]:
    """The page of what a run's networks learned, and the same as values. Nearest neighbours are found by the extractor,
    or by pixels."""
    explored, found = exploring.explored(run, data, effort)
    image, extractor = run.codec.kind == "image", given or _pixels(run)
    near = exploring.neighbours(run, data, extractor) if image and data is not None else None
    page = ExplorePage(
        title=run.path.resolve().name,
        step=run.step,
        data_name=run.data_name,
        explored=explored,
        interpolation=exploring.interpolation(run) if image else None,
        neighbours=exploring.shown(near, data) if near is not None and data is not None else [],
        neighbours_by=_named(extractor),
    )
    return render_explore(page), found.to_json() | {
        "neighbours": [] if near is None else near.to_json(),
        "neighbours_by": _named(extractor),
        "notes": explored.notes,
    }


def _pixels(run: Run) -> Extractor:
    return Pixels(math.prod(run.codec.shape))


def _named(extractor: Extractor) -> str:
    return f"{extractor.name} ({extractor.hash})" if extractor.hash else extractor.name


def _scatter(samples: Tensor, data: DataSet) -> bytes:
    """Points over held-out ones, always within the same limits."""
    from sparring.plots import scatter

    assert isinstance(data.codec, ValueCodec)
    return scatter(samples[:POINTS], data.stored(data.heldout[:POINTS]), data.codec.high * 1.3)
