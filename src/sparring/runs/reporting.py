"""What a report shows of a run, and the pages written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from sparring.base.checking import PICTURE_BYTES, Damaged, read_bytes
from sparring.base.errors import RequestError
from sparring.base.files import put_file, write_file
from sparring.base.paths import given_path
from sparring.data import DataSet
from sparring.doctor import Diagnosis, Finding, diagnose, events_of, words_of
from sparring.doctor.walk import standing, walked
from sparring.gan.insight.exploring import Effort
from sparring.kinds.kind import Kind, Say
from sparring.kinds.showing import by_values
from sparring.metrics import Extractor
from sparring.pages import ExplorePage, RunPage, render_comparison, render_explore, render_run
from sparring.pages.blocks import Block, Figure
from sparring.runs.job import enough_disk
from sparring.runs.run import Run, data_of
from sparring.runs.scoring import choose_extractor

OURS = b'<meta name="generator" content="sparring">'
"""What pages have among their first so many bytes:"""
HEAD = 4096


def write_report(run: Run, data: DataSet | None, extractor: Extractor | None = None) -> None:
    """Writes the run's report.html; nearest neighbours are found by the extractor, or by the samples' values."""
    write_file(run.dir.report, render_run(page_of(run, data, extractor)))


def reported(run: Run, say: Say) -> Path:
    """Writes a run's report anew, without real samples where its data are no longer at hand; gives its path."""
    try:
        data = data_of(run)
    except RequestError as error:
        say(f"without real images: {error}")
        data = None
    with enough_disk(run.dir):
        write_report(run, data)
    run.dir.tell_damage(say)
    return run.dir.report


def comparison(runs: list[Run], say: Say) -> str:
    """Two or more runs on one page; what of their files cannot be read is said."""
    pages = [page_of(run) for run in runs]
    for run in runs:
        run.dir.tell_damage(say)
    return render_comparison(pages)


def page_of(run: Run, data: DataSet | None = None, extractor: Extractor | None = None) -> RunPage:
    """All that a report shows of a run; without its data, what the run directory alone can give."""
    lines, log = run.dir.log_lines(), run.log
    ends = [line for line in lines if "ended_at_step" in line]
    speeds = sorted(line["images_per_s"] for line in log if "images_per_s" in line)
    findings = run.dir.finding_lines()
    diagnosis, environment = diagnose(run.dir, run.recipe), run.environment
    told = run.kind.report(run.trained(), data, run.scores, extractor)
    return RunPage(
        title=run.path.resolve().name,
        recipe_name=run.recipe.name,
        about=run.recipe.about,
        recipe_yaml=run.dir.read_recipe(),
        environment=environment,
        log=walked(lines, findings) if any(line.get("event") == "undone" for line in findings) else lines,
        scores=run.dir.score_lines(),
        findings=[line for line in standing(findings) if line.get("event") not in ("opened", "closed")],
        film=_film(run, run.kind, told.samples),
        sections=told.sections,
        made=told.made,
        real=told.real,
        samples=told.samples,
        starts=told.starts,
        purpose=told.purpose,
        again=told.again,
        command=told.command,
        unit=run.kind.unit,
        finished=run.finished,
        step=run.step,
        steps=run.recipe.steps,
        seconds=run.seconds,
        images_per_s=speeds[len(speeds) // 2] if speeds else None,
        memory_mb=ends[-1]["memory_mb"] if ends else None,
        verdict=diagnosis.verdict,
        verdict_words=words_of(diagnosis),
        whole=run.recipe.whole,
        diagnosis=[_diagnosed(diagnosis, finding) for finding in diagnosis.findings],
        remarks=list(dict.fromkeys((*diagnosis.remarks, *run.dir.damage.values()))),
        events=[
            *events_of(findings),
            *(line for line in findings if line.get("event") in ("treated", "kept", "undone")),
        ],
        probes=walked(run.dir.probe_lines(), findings),
        best_step=run.best_step,
    )


def _film(run: Run, kind: Kind, samples: str) -> list[tuple[int, Block]]:
    """What was made while the run trained, by steps."""
    found: list[tuple[int, Block]] = []
    for file in sorted(run.dir.samples.glob("step-*.*")):
        if not file.stem[5:].isdecimal():
            continue
        try:
            step, content = int(file.stem[5:]), read_bytes(file, PICTURE_BYTES)
        except Damaged as error:
            run.dir.damage[file] = f"{error}; left out"
            continue
        picture = Figure(content, f"{samples} at step {step:,}") if file.suffix == ".png" else None
        block = picture or kind.replay(content, file.suffix)
        if block is not None:
            found.append((step, block))
    return found


def _diagnosed(diagnosis: Diagnosis, finding: Finding) -> dict[str, Any]:
    points = {name: diagnosis.curve(name) for name in finding.curves}
    return finding.to_json() | {"about": finding.about, "points": points}


def explored(run: Run, target: Path, effort: Effort, device: str, say: Say) -> dict[str, Any]:
    """Writes the page of what a run's networks learned, and gives the same as values. Nearest neighbours are found by
    the run's extractor, or by the samples' values. Raises RequestError where the networks cannot be looked into."""
    data, extractor = None, None
    try:
        data = data_of(run)
        extractor = choose_extractor(run.kind, run.recipe.score.extractor, data, torch.device(device), say)
    except RequestError as error:
        say(f"without {'the data' if data is None else 'its extractor'}: {error}")
    trained = run.trained(device)
    try:
        sections, found = run.kind.explore(trained, data, extractor or by_values(trained), effort)
    except RuntimeError as error:
        reason = str(error).splitlines()[0]
        raise RequestError(f"{run.path}: its networks cannot be looked into: {reason}") from None
    page = ExplorePage(title=run.path.resolve().name, step=run.step, data_name=run.data_name, sections=sections)
    put_file(target, render_explore(page))
    return found


def page_at(path: str | Path, name: str) -> Path:
    """Where a page goes that a person wants. Raises RequestError for another ending, and where there is a file that is
    no page of ours: these are made again, others are not replaced."""
    target = given_path(path, name)
    if target.suffix != ".html":
        raise RequestError(f"{name}: {target} does not end in .html")
    if target.is_file():
        with target.open("rb") as file:
            if OURS not in file.read(HEAD):
                raise RequestError(f"{name}: {target} is there already, and no page of Sparring's; take another name")
    return target
