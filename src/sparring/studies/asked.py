"""A study as it was asked for: from words to designs, played cell by cell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sparring.base.paths import given_path
from sparring.pages.console import Talk
from sparring.recipe.request import Place, fields_of, told_apart
from sparring.studies import design as designs
from sparring.studies.baseline import own_first
from sparring.studies.conduct import conduct


def asked(
    recipe: Place | None,
    overrides: Sequence[str],
    vary: Mapping[str, Sequence[Any]] | Sequence[str],
    seeds: int | None,
    for_: str | None,
    out: Place | None,
    data: Place | None,
    device: str,
    storage: str | None,
    jobs: int | None,
    metric: str | None,
    points: int | None,
    screen: bool | None,
    talk: Talk,
) -> dict[str, Any]:
    """What `sparring.study` gives."""
    recipe, overrides = told_apart(recipe, overrides)
    varied = designs.listed(vary) if isinstance(vary, Mapping) else designs.parse_vary(vary)
    if varied:
        file = designs.StudyFile(vary=varied)
        name = recipe
    else:
        name = recipe or "digits"
        file, recipe = designs.read(name), None
    found, cells = {}, designs.cells(file)
    allowed = ("score",) if for_ or file.budget else ("score", "steps")
    for words, where in ((overrides, "study"), (file.base, "base"), (cells[0].overrides, "cells")):
        designs.refuse_own(words, where, allowed)
    stem = None if name is None else Path(name).stem
    for cell in cells:
        changes = [*file.base, *cell.overrides, *overrides]
        fields = fields_of(
            (recipe if varied else file.recipe), changes, data if data is not None else file.data, None, device, talk
        )
        fields.pop("recipe_steps", None)  # arms are held against each other, all by the study's own length
        stem = stem or Path(fields["name"]).stem
        design = designs.made(
            f"{stem}, {cell.name}" if cell.name else stem,
            fields,
            designs.product(*own_first(fields, file.vary, file.arms)),
            seeds=file.seeds if seeds is None else seeds,
            budget=for_ or file.budget,
            metric=metric or file.metric,
            points=points or file.points,
            screen=file.screen if screen is None else screen,
            screen_seeds=file.screen_seeds,
            margin=file.margin,
            equal=file.equal,
        )
        place = given_path(Path("studies") / stem if out is None else out, "out")
        place = place / cell.slug if cell.name else place
        found[cell.name] = conduct(design, place, device=device, storage=storage, jobs=jobs, talk=talk)
        if not found[cell.name]["finished"]:
            break
    return next(iter(found.values())) if "" in found else {"cells": found}
