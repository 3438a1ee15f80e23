"""What a report shows of a run: pictures, interpolation, nearest neighbours; and the pages written."""

from __future__ import annotations

import io
from typing import Any

import torch
from torch import Tensor

from sparring.data import DataSet
from sparring.doctor import Diagnosis, Finding, diagnose, events_of
from sparring.doctor.walk import standing, walked
from sparring.draws import Key, permutation
from sparring.metrics import Extractor
from sparring.metrics.features.pixels import Pixels
from sparring.reports import RunPage, render_comparison, render_run
from sparring.run import Run
from sparring.rundir import read_lines, write_file
from sparring.sampling import grid, png

FINAL = 100
"""Fresh samples shown at the end, and as many held-out ones."""
POINTS = 2000
"""Points in a scatter plot."""
PAIRS, STEPS = 6, 9
"""Rows and columns of the interpolation."""
JUDGED, NEAREST = 8, 5
"""Samples whose nearest training images are shown, and how many of those."""
MOST_TRAINING = 20_000
"""Training images among which the nearest are looked for, at most."""


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
    image = run.codec.kind == "image"
    told = read_lines(run.dir.findings)
    diagnosis = diagnose(run.dir, run.recipe)
    chosen = extractor or Pixels(int(torch.tensor(run.codec.shape).prod()))
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
        final=_final(run, data),
        interpolation=_interpolation(run) if image else None,
        neighbours=_neighbours(run, data, chosen) if image and data is not None else [],
        neighbours_by=f"{chosen.name} ({chosen.hash})" if chosen.hash else chosen.name,
        finished=run.finished,
        step=run.step,
        steps=run.recipe.steps,
        seconds=run.seconds,
        images_per_s=speeds[len(speeds) // 2] if speeds else None,
        memory_mb=ends[-1]["memory_mb"] if ends else None,
        real=_real(data) if data is not None and image else None,
        samples_to="samples/" if image else "samples.csv",
        verdict=diagnosis.verdict,
        diagnosis=[_told(diagnosis, finding) for finding in diagnosis.findings],
        remarks=list(diagnosis.remarks),
        events=[*events_of(told), *(line for line in told if line.get("event") in ("treated", "kept", "undone"))],
        probes=walked(read_lines(run.dir.probes), told),
        best_step=run.best_step,
    )


def _told(diagnosis: Diagnosis, finding: Finding) -> dict[str, Any]:
    points = {name: diagnosis.curve(name) for name in finding.curves}
    return finding.to_json() | {"about": finding.about, "points": points}


def _final(run: Run, data: DataSet | None) -> bytes | None:
    if run.codec.kind == "points":
        return None if data is None else _scatter(run.draw(POINTS)[0], data)
    return png(grid(run.draw(FINAL)[0], run.codec))


def _real(data: DataSet) -> bytes | None:
    """Held-out samples, as many as there are fresh ones."""
    shown = data.heldout[permutation(Key("shown"), len(data.heldout))[:FINAL]]
    return png(grid(data.stored(shown), data.codec)) if len(shown) else None


def _interpolation(run: Run) -> bytes:
    """Rows of samples between pairs of latents; along the great circle for normal ones, whose middle would be too short
    along the straight line (White 2016, https://arxiv.org/abs/1609.04468)."""
    key, rows = Key("interpolation"), torch.arange(PAIRS)
    first, last = (run.recipe.game.latent.draw(key.at(end), rows)[:, None] for end in ("first", "last"))
    place = torch.linspace(0, 1, STEPS)[None, :, None]
    if run.recipe.game.latent.recipe_name() == "uniform":
        between = first + (last - first) * place
    else:
        angle = torch.acos((first * last).sum(2, keepdim=True) / (first.norm(dim=2) * last.norm(dim=2))[..., None])
        between = (torch.sin((1 - place) * angle) * first + torch.sin(place * angle) * last) / torch.sin(angle)
    labels = None
    if run.recipe.game.labels != "none":
        labels = (rows % max(len(run.label_names), 1)).repeat_interleave(STEPS)
    return png(grid(run.make(between.flatten(0, 1), labels), run.codec, columns=STEPS))


def _neighbours(run: Run, data: DataSet, extractor: Extractor) -> list[tuple[bytes, list[bytes]]]:
    """Samples with the training images nearest to them in the extractor's features."""
    samples = run.draw(JUDGED, seed=1)[0]
    train = data.train[permutation(Key("neighbours"), len(data.train))[:MOST_TRAINING]]
    seen = extractor(data.codec.to_unit(samples)).values
    nearest = torch.full((JUDGED, 0), 0.0)
    for part in torch.split(train, 1000):
        found = extractor(data.codec.to_unit(data.stored(part))).values
        nearest = torch.cat((nearest, torch.cdist(seen, found)), 1)
    closest = nearest.topk(min(NEAREST, len(train)), largest=False).indices
    return [
        (png(grid(sample[None], data.codec)), [png(grid(data.stored(train[i][None]), data.codec)) for i in row])
        for sample, row in zip(samples, closest, strict=True)
    ]


def _scatter(samples: Tensor, data: DataSet) -> bytes:
    """Points over held-out ones, always within the same limits."""
    from matplotlib.figure import Figure  # a second, and only for points

    figure = Figure(figsize=(4, 4), dpi=100)
    axes = figure.add_subplot()
    real = data.stored(data.heldout[:POINTS])
    axes.scatter(real[:, 0], real[:, 1], s=2, c="#b0b0b0", label="held-out data")
    axes.scatter(samples[:POINTS, 0], samples[:POINTS, 1], s=2, c="#d6336c", label="samples")
    reach = data.codec.high * 1.3
    axes.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal")
    axes.legend(loc="upper right", fontsize=7)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()
