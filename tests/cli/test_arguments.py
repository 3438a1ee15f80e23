"""What a person gives to functions of the library: data, options, and words."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

import sparring
from sparring.recipe import Recipe, to_yaml
from sparring.recipe.arguments import checked
from sparring.runs import session
from sparring.runs.run import Run
from tests.conftest import small_fields, write_images

loose: Any = sparring
"""The same functions, for arguments that no type checker lets through."""


def rows(folder: Path, count: int = 40) -> Path:
    made = np.random.default_rng(0).normal(size=(count, 2)).round(3)
    file = folder / "rows.csv"
    pd.DataFrame(made, columns=["wide", "high"]).to_csv(file, index=False)
    return file


PLACES: dict[str, Callable[[Path], Any]] = {
    "a few rows": rows,
    "many rows": lambda folder: rows(folder, 2100),
    "a folder of images": lambda folder: write_images(folder / "faces", 24, (32, 32)),
    "two folders": lambda folder: [write_images(folder / "day", 12), write_images(folder / "night", 12, seed=1)],
    "nothing": lambda folder: None,
}


@pytest.mark.parametrize("place", PLACES)
def test_show_prints_the_recipe_that_train_takes(place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = PLACES[place](tmp_path)
    taken: list[Recipe] = []

    def begin(target: Any, recipe: Recipe, *more: Any) -> None:
        taken.append(recipe)

    monkeypatch.setattr(session, "begin", begin)
    sparring.train(None, "steps=7", data=data, out=tmp_path / "run", quiet=True)
    assert sparring.show(None, "steps=7", data=data) == sparring.show("steps=7", data=data) == to_yaml(taken[0])
    assert ("name: digits" in to_yaml(taken[0])) == (data is None)


def test_the_command_shows_it_too_and_says_why_that_one(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "sparring", "show", "--data", str(rows(tmp_path)), "batch=10"]
    ended = subprocess.run(words, capture_output=True, text=True, timeout=120)
    assert (ended.returncode, ended.stderr) == (0, "recipe: table/few (a table of fewer than 2,000 rows)\n")
    assert "name: table/few" in ended.stdout
    assert "batch: 10" in ended.stdout


@pytest.mark.parametrize("verb", ["train", "show", "plan", "study", "augment"])
@pytest.mark.parametrize(
    ("given", "name"),
    [
        (np.zeros((40, 8, 8), np.uint8), "ndarray"),
        (torch.zeros(40, 3, 8, 8), "Tensor"),
        ([np.zeros(3), np.zeros(3)], "list of ndarray"),
        (torch.utils.data.TensorDataset(torch.zeros(4)), "TensorDataset"),
        (b"digits", "bytes"),
        (7, "int"),
    ],
)
def test_data_that_are_no_path_get_one_line_that_says_how(verb: str, given: Any, name: str) -> None:
    more = {"augment": {"target": "x"}, "study": {"vary": ["batch=8,16"]}}.get(verb, {})
    with pytest.raises(sparring.RequestError, match=f"data: {name} is not taken; give a path, a name or a pandas") as e:
        getattr(loose, verb)(data=given, **more)
    assert "numpy.savez('images.npz', images=..., labels=...)" in str(e.value)


def test_arrays_written_as_the_line_says_are_data(tmp_path: Path) -> None:
    images, labels = np.zeros((40, 8, 8), np.uint8), np.arange(40) % 3
    images[:] = np.arange(40)[:, None, None]
    np.savez(tmp_path / "images.npz", images=images, labels=labels)
    path = write_recipe(tmp_path, steps=1)
    run = sparring.train(path, data=tmp_path / "images.npz", out=tmp_path / "run", quiet=True)
    assert (run.sample(2).shape, len(run.label_names)) == ((2, 8, 8), 3)


def write_recipe(folder: Path, **changes: Any) -> Path:
    path = folder / "small.yaml"
    path.write_text(to_yaml(Recipe.model_validate(small_fields(**changes) | {"score": {"metrics": []}})))
    return path


TOLD: dict[str, tuple[Callable[[], Any], str]] = {
    "a key of the recipe": (
        lambda: loose.train("digits", steps=300),
        'steps: train takes keys of the recipe as words: train(..., "steps=300")',
    ),
    "a truth": (lambda: loose.plan("digits", deterministic=True), 'plan(..., "deterministic=true")'),
    "a whole part": (lambda: loose.show("digits", game={"from_noise": {}}), 'show(..., "game=...")'),
    "a slip": (lambda: loose.train("digits", devise="cpu"), "devise: train has no such option; did you mean 'device'?"),
    "a slip of a key": (lambda: loose.train("digits", objectiv="hinge"), "did you mean 'objective'?"),
    "no option": (lambda: loose.explore("runs/x", direction=3), "did you mean 'directions'?"),
    "a number as a word": (lambda: loose.show("digits", 64), "overrides: 64 (int) is not taken; give words, as"),
    "a mapping as a word": (lambda: loose.study("digits", {"batch": 3}), "overrides: {'batch': 3} (dict) is not taken"),
    "a mapping as recipe": (lambda: loose.show({"batch": 3}), "recipe: {'batch': 3} (dict) is not taken; give a name"),
    "a number of seconds": (lambda: loose.train("digits", for_=60), "for_: 60 (int) is not taken; give a text, as '10m'"),
    "a word for a number": (lambda: loose.sample("runs/x", "ten"), "count: 'ten' (str) is not taken; give a whole number"),
    "half a sample": (lambda: loose.sample("runs/x", 2.5), "count: 2.5 (float) is not taken; give a whole number"),
    "a function as network": (lambda: loose.train("digits", generator=abs), "generator: <built-in function abs>"),
    "a number as a run": (lambda: loose.load(5), "run: 5 (int) is not taken; give a name or a path"),
    "no list": (lambda: loose.evaluate("runs/x", require={"fid": 3}), "require: {'fid': 3} (dict) is not taken; give a text"),
}  # fmt: skip


@pytest.mark.parametrize("case", TOLD)
def test_what_does_not_fit_is_told_in_one_line(case: str) -> None:
    call, told = TOLD[case]
    with pytest.raises(sparring.RequestError) as error:
        call()
    assert told in str(error.value)
    assert "\n" not in str(error.value)


def test_numbers_of_numpy_and_paths_are_taken(tmp_path: Path) -> None:
    @checked
    def verb(run: str | Path, *overrides: str, count: int = 1, mixes: tuple[float, ...] = (), **options: Any) -> Any:
        """What it was given."""
        return run, overrides, count, mixes, options

    given = verb(tmp_path, "a=1", count=np.int64(3), mixes=(np.float32(0.5), 1), other=7)  # type: ignore[arg-type]
    assert given == (tmp_path, ("a=1",), 3, (0.5, 1.0), {"other": 7})
    assert (verb.__name__, verb.__doc__) == ("verb", "What it was given.")
    assert sparring.show(write_recipe(tmp_path)) == sparring.show(str(write_recipe(tmp_path)))


def test_one_condition_is_a_list_of_one(tmp_path: Path) -> None:
    file = rows(tmp_path, 60)
    small = ["generator.net.tabular.widths=[8]", "discriminator.net.tabular.widths=[8]", "score.metrics=[]"]
    run = sparring.train("table", *small, data=file, for_="1steps", out=tmp_path / "run", quiet=True)
    for made in (run.sample(60, where="wide>0"), sparring.sample(run, 60, where="wide>0")):
        assert (made["wide"] > 0).all()
    scores = sparring.evaluate(run, data=made, metrics="column_shapes")["scores"]  # a DataFrame
    assert scores["column_shapes"]["value"] < 1
    again = Run(tmp_path / "run").draw(5, where="wide>0").samples
    assert torch.equal(again, run.draw(5, where=["wide>0"]).samples)
