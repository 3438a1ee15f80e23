"""GANs that make rows for `sparring augment`, and the table with rows below its own."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import sparring
from sparring.base.errors import RequestError
from sparring.gan.trained import Trained
from sparring.kinds.tables.augment.synthesis import Synthesiser, write_augmented
from sparring.kinds.tables.data.reading import read_sheet
from tests.conftest import write_images
from tests.kinds.tables.data.files import write_mixed

WORDS = ("table/few", "steps=3", "generator.net.tabular.widths=[8]", "discriminator.net.tabular.widths=[8]", "batch=16")


def trained(table: Path, where: Path, changes: tuple[str, ...], seed: int) -> Trained:
    return sparring.train(*WORDS, *changes, data=table, out=where, seed=seed, quiet=True).trained()


def test_rows_are_made_in_terms_of_the_whole_tables_columns(tmp_path: Path) -> None:
    """Though a part of the rows lacks a choice, and its missing values."""
    sheet = read_sheet(write_mixed(tmp_path / "made.csv", 300))
    town = sheet.place("town")
    part = sheet.values[sheet.values[:, town] == 2]
    assert len(part) > 5
    made = Synthesiser(tmp_path / "gans", trained)(sheet.__class__(sheet.columns, part, sheet.dialect), 0)(40)
    assert made.shape == (40, len(sheet.columns))
    assert set(made[:, town]) == {2.0}
    again = Synthesiser(tmp_path / "gans", trained)(sheet.__class__(sheet.columns, part, sheet.dialect), 0)(40)
    np.testing.assert_array_equal(made, again)


def test_a_signal_that_stops_one_training_stops_the_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Stopped:
        finished = False

    monkeypatch.setattr("sparring.api.train", lambda *words, **options: Stopped())
    table = write_mixed(tmp_path / "made.csv", 100)
    with pytest.raises(KeyboardInterrupt, match="the same command goes on"):
        sparring.augment(data=table, target="town", out=tmp_path / "gans", seeds=2, quiet=True)


@pytest.mark.parametrize(("recipe", "data"), [("table", "photos"), (None, "ring")])
def test_what_is_no_table_is_refused_by_what_was_given(recipe: str | None, data: str, tmp_path: Path) -> None:
    write_images(tmp_path / "photos", 4, (32, 32))
    place = tmp_path / data if data == "photos" else data
    with pytest.raises(RequestError, match=rf"data: .*{data}: augment takes a table, or images with labels"):
        sparring.augment(recipe, data=place, target="x", out=tmp_path / "gans", quiet=True)


@pytest.mark.parametrize("ending", [".csv", ".tsv", ".csv.gz"])
@pytest.mark.parametrize("last", ["\n", ""])
def test_a_tables_own_rows_stay_to_the_letter(tmp_path: Path, ending: str, last: str) -> None:
    source = tmp_path / f"own{ending}"
    separator = "\t" if ending == ".tsv" else ","
    rows = [
        "name,size,note",
        *(f" a {n % 3},{n / 4:.2f},?" if n % 5 else f" a {n % 3},{n / 4:.2f},yes" for n in range(40)),
    ]
    text = "\n".join(rows).replace(",", separator) + last
    opened = gzip.open if ending.endswith(".gz") else open
    with opened(source, "wt") as file:
        file.write(text)
    sheet = read_sheet(source)
    to = tmp_path / f"augmented{ending}"
    write_augmented(str(source), None, sheet, sheet.values[:7], to)
    with opened(to, "rt") as file:
        written = file.read()
    assert written.startswith(text)
    below = written[len(text) :].strip("\n").split("\n")
    assert below == text.split("\n")[1:8]


def test_other_formats_are_joined_by_type(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {"size": np.arange(30) / 4, "day": pd.date_range("2020-01-01", periods=30), "n": np.arange(30) % 7}
    )
    source, to = tmp_path / "own.parquet", tmp_path / "augmented.parquet"
    frame.to_parquet(source)
    sheet = read_sheet(source)
    write_augmented(str(source), None, sheet, sheet.values[:5], to)
    written = pd.read_parquet(to)
    pd.testing.assert_frame_equal(written, pd.concat([frame, frame[:5]], ignore_index=True))
    write_augmented(str(source), None, sheet, sheet.values[:5], tmp_path / "augmented.csv")
    assert len(pd.read_csv(tmp_path / "augmented.csv")) == 35


def test_the_verb_answers_and_writes(tmp_path: Path) -> None:
    path, to, out = write_mixed(tmp_path / "made.csv", 160), tmp_path / "more.csv", tmp_path / "gans"
    options = {"data": path, "target": "tall", "to": to, "out": out, "seeds": 2, "mixes": (0.5,), "models": ("linear",)}
    found = sparring.augment(*WORDS, **options, quiet=True)
    assert found.verdict in ("helps", "harms", "no difference", "cannot tell")
    assert json.loads((out / "results.json").read_text())["verdict"] == found.verdict
    own, more = path.read_text(), to.read_text()
    assert more.startswith(own)
    assert len(pd.read_csv(to)) == 160 + 80
    assert pd.read_csv(to)["id"].is_unique
    with pytest.raises(RequestError, match=r"to: .*more\.csv is there already"):
        sparring.augment(*WORDS, **options, quiet=True)
    again = sparring.augment(*WORDS, **options, overwrite=True, quiet=True)
    assert (again.to_json(), to.read_text()) == (found.to_json(), more)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"target": "tal"}, "did you mean 'tall'?"),
        ({"target": None}, "target: say which"),
        ({"target": "id"}, "id"),
        ({"to": "more.xlsx"}, "more.xlsx ends in none of .csv"),
        ({"data": "digits"}, "target: tall; of images it is their labels"),
        ({"mixes": (0.0,)}, "mixes"),
        ({"seeds": 1}, "seeds: 1"),
    ],
)
def test_a_wrong_request_is_told_in_one_line_before_anything_is_trained(
    tmp_path: Path, change: dict[str, object], told: str
) -> None:
    path = write_mixed(tmp_path / "made.csv", 80)
    options = {"data": path, "target": "tall", "out": tmp_path / "gans"} | change
    words = ("digits",) if change.get("data") == "digits" else WORDS
    with pytest.raises(RequestError) as caught:
        sparring.augment(*words, **options, quiet=True)  # type: ignore[arg-type]
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "gans").exists()
