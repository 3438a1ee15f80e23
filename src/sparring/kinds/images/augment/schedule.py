"""How long a comparison and its parts take: said beforehand, and kept, so that it goes on as it began."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from sparring.base.files import write_file
from sparring.kinds.augmenting.splitting import Places
from sparring.kinds.images.augment.labelled import Labelled, written
from sparring.kinds.images.augment.models import Model, Network
from sparring.kinds.kind import Augment, Say
from sparring.pages.wording import duration, is_number

MINUTES = 8.0
"""For all generators of a comparison together, where nobody says how long; and for all models."""
BRIEFEST = 100
"""Steps of a network, at least, where these have to be fewer."""


class Schedule(NamedTuple):
    """What is trained, and for how long."""

    models: dict[str, Model]
    changes: tuple[str, ...]
    """Overrides of each generator."""
    notes: list[str]
    """What is to be said of it beside the answer."""


def planned(
    asked: Augment,
    images: Labelled,
    parts: Sequence[tuple[Places, Places]],
    models: Mapping[str, Model],
    changes: tuple[str, ...],
    say: Say,
) -> Schedule:
    """As many steps of generators as fit, where nobody said how long, and of networks; tells what all will take. What
    was found is kept in the comparison's folder and taken from there the next time."""
    kept = asked.folder / "plan.json"
    found = _read(kept)
    if asked.length is None and not {"steps", "of", "seconds"} <= set(found):
        say("looking how long a generator takes")
        foretold = asked.plan(written(asked.folder / "seed-0", images.part(parts[0][0])), changes)
        share = min(1.0, MINUTES * 60 / len(parts) / foretold["seconds"])
        found |= {"steps": max(1, int(foretold["steps"] * share)), "of": foretold["steps"]}
        found["seconds"] = foretold["seconds"] * share
    networks = any(isinstance(model, Network) for model in models.values())
    if not {"judging", "network"} <= set(found) or (networks and not found["network"]):
        found |= _judging(images, parts, models, len(asked.mixes))
    asked.folder.mkdir(parents=True, exist_ok=True)
    write_file(kept, json.dumps(found))
    fitted = {
        name: replace(model, steps=found["network"]) if isinstance(model, Network) else model
        for name, model in models.items()
    }
    judging = f"then models on each in about {duration(round(found['judging'] / len(parts)))}"
    if asked.length is not None:
        say(f"{len(parts)} generators of {asked.length} each, {judging}")
        return Schedule(fitted, changes, [])
    steps, whole, seconds = found["steps"], found["of"], found["seconds"]
    part = f"of the recipe's {whole:,}, " if steps < whole else ""
    say(
        f"{len(parts)} generators of {steps:,} steps, {part}about {duration(round(seconds))} each, {judging}; "
        f"about {duration(round(seconds * len(parts) + found['judging']))} in all"
    )
    notes = []
    if steps < whole / 2:
        made = f"generators made {steps / whole:.0%} of their recipe's steps"
        notes.append(f"{made}; with more (--for 10m each) images may be better")
    return Schedule(fitted, (*changes, f"steps={steps}"), notes)


def _read(kept: Path) -> dict[str, Any]:
    """What a comparison's folder holds of its plan; nothing where there is none, or not a sound one."""
    try:
        found = json.loads(kept.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    sound = isinstance(found, dict) and all(is_number(value) and value >= 0 for value in found.values())
    return found if sound else {}


def _judging(
    images: Labelled, parts: Sequence[tuple[Places, Places]], models: Mapping[str, Model], mixes: int
) -> dict[str, Any]:
    """About how many seconds all models take, with networks of as many steps as fit."""
    train, held = parts[0]
    trainings, seen = len(parts) * (3 + mixes), len(parts) * (3 * len(train) + len(held))
    total, steps = 0.0, 0
    for model in models.values():
        once, each = model.seconds(images)
        share = 1.0
        if isinstance(model, Network):
            fitting = int(model.steps * min(1.0, MINUTES * 60 / (once * trainings)))
            steps = min(model.steps, max(BRIEFEST, fitting))
            share = steps / model.steps
        total += share * once * trainings + each * seen
    return {"judging": total, "network": steps}
