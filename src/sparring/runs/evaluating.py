"""A run's scores, asked for after its training: on its own held-out data or on others, and whether they are enough."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from sparring.base.errors import RequestError
from sparring.base.files import append_line
from sparring.kinds import scores as by_name
from sparring.kinds.kind import Say
from sparring.recipe import validated
from sparring.runs.requirements import parse_requirements
from sparring.runs.run import Run, data_of, is_own
from sparring.runs.scoring import choose_extractor, of_other_data, scored


def evaluated(
    run: Run,
    data: str | None,
    names: Sequence[str] | None,
    extractor: str | None,
    require: Sequence[str],
    device: torch.device,
    say: Say,
) -> dict[str, Any]:
    """What `sparring.evaluate` gives; scores that `require` names are measured beside the others. Scores on the run's
    own data are kept with it."""
    recipe, wanted = run.recipe, parse_requirements(require)
    if extractor is not None:
        fields = recipe.model_dump(mode="json")
        recipe = validated(fields | {"score": fields["score"] | {"extractor": extractor}})
    source = data_of(run, data)
    chosen = choose_extractor(run.kind, recipe.score.extractor, source, device, say)
    own = is_own(run, data, source)
    if not own:
        names = of_other_data(run, source, names, chosen)
    if wanted:
        more = [one.metric for one in wanted]
        if not own:
            more = of_other_data(run, source, more, chosen)
        usual = names or recipe.score.metrics or run.kind.usual(recipe.game, source, chosen)
        names = by_name.expanded([*usual, *more])
    scores = scored(run.trained(str(device)), recipe.score, source, chosen, names, run.step)
    if own:
        try:
            with run.dir.owned():
                append_line(run.dir.scores, {"step": run.step, "scores": scores})
        except RequestError as error:  # a run that trains, or that may only be read
            say(f"the scores are not kept with the run: {error}")
    found: dict[str, Any] = {"run": str(run.path), "step": run.step, "scores": scores}
    return found | {"requirements": [one.judged(scores[one.metric]) for one in wanted]} if wanted else found
