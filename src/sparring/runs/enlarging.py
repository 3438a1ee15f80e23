"""`augment`: from a request to what a kind of data is asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from sparring import kinds
from sparring.base import clock
from sparring.base.paths import given_path
from sparring.gan.trained import Trained
from sparring.kinds.kind import Augment
from sparring.pages.console import Talk
from sparring.recipe import validated
from sparring.recipe.request import Place, fields_of, place_of, spelt, told_apart
from sparring.runs.job import enough_room
from sparring.runs.run import Run


def asked(
    recipe: Place | None,
    overrides: Sequence[str],
    data: Any,
    target: str | None,
    to: Path | None,
    out: Place | None,
    rows: int | None,
    seeds: int,
    mixes: Sequence[float],
    models: Sequence[str] | None,
    for_: str | None,
    device: str,
    talk: Talk,
    train: Callable[..., Run],
    plan: Callable[..., Mapping[str, Any]],
) -> Any:
    """What the kind of the data answers; `train` and `plan` are the verbs."""
    place = place_of(data)
    recipe, words = told_apart(recipe, overrides)
    fields = fields_of(recipe, words, place, None, device, Talk(quiet=True))
    wanted = validated(fields)
    folder = Path("runs") / f"augment-{Path(str(place)).stem}" if out is None else given_path(out, "out")
    mine = [word for word in words if not spelt([word], fields["data"])[0].startswith("data.")]

    def trained(file: Path, where: Path, changes: tuple[str, ...], seed: int) -> Trained:
        clock.part_begins()
        run = train(recipe, *mine, *changes, data=file, out=where, for_=for_, seed=seed, device=device, quiet=True)
        if not run.finished:  # by a signal, which was meant for the whole
            raise KeyboardInterrupt(f"stopped; the same command goes on: {folder}")
        return run.trained()

    def planned(file: Path, changes: tuple[str, ...]) -> Mapping[str, Any]:
        return plan(recipe, *mine, *changes, data=file, device=device)

    lengths = [for_, *(word for word in mine if word.startswith("steps="))]
    with enough_room(folder):
        return kinds.of(wanted.game, wanted.data).augment(
            Augment(
                place=str(place),
                source=wanted.data,
                game=wanted.game,
                batch=wanted.batch,
                target=target,
                folder=folder,
                plan=planned,
                length=next((word for word in lengths if word is not None), None),
                device=device,
                to=to,
                count=rows,
                seeds=seeds,
                mixes=tuple(mixes),
                models=tuple(models or ()),
            ),
            trained,
            talk.say,
        )
