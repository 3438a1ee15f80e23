"""One rule for what verbs write, whatever its kind and ending."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import yaml

import sparring
from tests.cli.test_bad_input import Result, command, recipe, refused, tree
from tests.kinds.tables.data.files import table_fields, write_mixed

__all__ = ["command"]


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("images")
    return sparring.train(str(recipe(folder, steps=1)), "score.metrics=[]", out=folder / "run", quiet=True).path


@pytest.fixture(scope="module")
def points(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("points")
    short = ["steps=1", "score.metrics=[]", "data.ring.count=400"]
    return sparring.train("ring", *short, out=folder / "run", quiet=True).path


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("rows")
    fields = table_fields(write_mixed(folder / "made.csv"), steps=1, score={"metrics": []})
    (folder / "small.yaml").write_text(yaml.safe_dump(fields))
    return sparring.train(str(folder / "small.yaml"), out=folder / "run", quiet=True).path


@pytest.mark.parametrize(
    ("kind", "ending"),
    [("images", ending) for ending in ("", ".npz", ".png")]
    + [("points", ending) for ending in (".npz", ".csv")]
    + [("rows", ending) for ending in (".csv", ".tsv", ".csv.gz", ".parquet")],
)
def test_what_is_there_is_kept_unless_it_is_said_to_be_replaced(
    kind: str, ending: str, request: pytest.FixtureRequest, tmp_path: Path, command: Callable[..., Result]
) -> None:
    run = request.getfixturevalue(kind)
    words = ("sample", run, "--count", 6, "--to", f"made{ending}")
    assert command(*words)[0] == 0
    before = tree(tmp_path)
    refused(command(*words, "--seed", 1), f"to: made{ending} is there already; take another name, or --overwrite")
    assert tree(tmp_path) == before
    assert command("sample", run, "--count", 4, "--to", f"made{ending}", "--overwrite")[0] == 0
    assert (tree(tmp_path) != before, {path.name for path in tmp_path.iterdir()}) == (True, {f"made{ending}"})
    if not ending:
        assert len(list((tmp_path / "made").iterdir())) == 4


def test_augment_refuses_before_it_begins(tmp_path: Path, command: Callable[..., Result]) -> None:
    table, to = write_mixed(tmp_path / "rows.csv"), tmp_path / "more.csv"
    to.write_text("a,b\n1,2\n")
    refused(command("augment", "--data", table, "--target", "tall", "--to", to), "more.csv is there already")
    refused(command("augment", "--data", table, "--target", "tall", "--to", table), "rows.csv is there already")
    assert (to.read_text(), len(pd.read_csv(table)) > 10) == ("a,b\n1,2\n", True)


def test_pages_are_made_again_and_other_files_are_not_replaced(
    images: Path, tmp_path: Path, command: Callable[..., Result]
) -> None:
    (tmp_path / "thesis.html").write_text("<html>mine</html>")
    refused(
        command("compare", images, images, "--out", "thesis.html"), "out: thesis.html is there already, and no page"
    )
    refused(command("explore", images, "--to", "thesis.html"), "to: thesis.html is there already, and no page")
    assert (tmp_path / "thesis.html").read_text() == "<html>mine</html>"
    for _ in range(2):
        assert command("compare", images, images, "--out", "both.html")[0] == 0
