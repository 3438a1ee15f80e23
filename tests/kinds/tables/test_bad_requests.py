"""Bad tables, and requests that a table cannot meet: exit status 2, one line that says what and where; nothing is
written, nothing is lost. All through the command line."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

import sparring
from tests.cli import test_bad_input
from tests.cli.test_bad_input import Result, refused, tree
from tests.conftest import write_images
from tests.kinds.tables.data.files import table_fields, write_mixed

command = test_bad_input.command


def recipe(folder: Path) -> None:
    fields = table_fields(folder / "none.csv", steps=2) | {"data": "table"}
    (folder / "small.yaml").write_text(yaml.safe_dump(fields))


LONG = b"a,b\n1,2\n" + b"3," + b"x" * 10_000_000 + b"\n"
BAD_TABLES: dict[str, tuple[bytes, list[str]]] = {
    "empty": (b"", ["bad.csv: empty; wanted a header and rows"]),
    "a header only": (b"a,b\n", ["bad.csv: a header and no rows"]),
    "one row": (b"a,b\n1,2\n", ["bad.csv: one row; a table to learn from has more"]),
    "two columns of one name": (b"a,b,a\n1,2,3\n4,5,6\n", ["columns 1 and 3 are both named 'a'; rename one"]),
    "a short line": (b"a,b\n1,2\n3\n4,5\n", ["bad.csv: line 3: 1 cell, and the header has 2"]),
    "a wrong encoding": (b"a,b\n1,x\n2,\x81\n3,y\n", ["bad.csv: line 3: byte 0x81 is neither UTF-8 nor Windows-1252"]),
    "no text at all": (os.urandom(64) + b"\0\n" * 9, ["bad.csv: line", "byte"]),
    "a cell of ten million letters": (LONG, ["bad.csv: line 3: a cell of over 1,000,000 characters in column 2"]),
    "a column without values": (
        b"a,b\n1,\n2,\n3,\n",
        ["bad.csv: column 'b': all values are missing; data.table.without=[b] leaves it out"],
    ),
    "nothing to learn": (b"a,b\n1,2\n1,2\n1,2\n", ["no column of bad.csv can be learned"]),
    "an infinite number": (b"a,b\n1,2\n2,inf\n3,1\n", ["bad.csv: line 3: 'inf' in column 'b' is infinite"]),
}


@pytest.mark.parametrize("case", BAD_TABLES)
def test_bad_tables(case: str, command: Callable[..., Result], tmp_path: Path) -> None:
    content, told = BAD_TABLES[case]
    recipe(tmp_path)
    (tmp_path / "bad.csv").write_bytes(content)
    before = tree(tmp_path)
    refused(command("train", "small.yaml", "--data", "bad.csv"), *told)
    assert tree(tmp_path) == before
    assert not (tmp_path / "runs").exists()


MADE = ["small.yaml", "--data", "made.csv"]
RULES = "data.table.constraints="
BAD_REQUESTS: dict[str, tuple[list[str], list[str]]] = {
    "target that is not there": ([*MADE, "data.table.target=sise"], ["data.table.target: no column 'sise'", "'size'?"]),
    "target that is a key": ([*MADE, "data.table.target=id"], ["data.table.target: no column 'id' to be learned"]),
    "kind of no column": ([*MADE, "sise=category"], ["data.table.kinds: no column 'sise'; did you mean 'size'?"]),
    "no such kind": ([*MADE, "hours=categry"], ["hours=categry: no key 'hours', and no kind 'categry'", "'category'?"]),
    "kind that does not fit": ([*MADE, "town=float"], ["data.table.kinds.town: ", "line 2: 'Ulm' is no number"]),
    "key that is none": ([*MADE, "stepz=3"], ["unknown key 'stepz'; did you mean 'steps'?"]),
    "no column left": ([*MADE, "data.table.without=[size,hours,town,tall,day,id]"], ["data.table.without: leaves no column"]),
    "constraint that real rows break": ([*MADE, RULES + '["size < 3"]'], ["constraint 'size < 3': 110 rows break it, the first on line 3"]),
    "constraints that contradict": ([*MADE, RULES + '["size < hours", "size > hours"]'], ["'size < hours': contradicts 'size > hours'"]),
    "constraint of no column": ([*MADE, RULES + "sise < hours"], ["constraint 'sise < hours': no column 'sise'; did you mean 'size'?"]),
    "constraint that is none": ([*MADE, RULES + "size << hours"], ["constraint 'size << hours': compares nothing; write <=, <"]),
    "key that is not unique": ([*MADE, RULES + "unique town"], ["constraint 'unique town': ", "rows break it"]),
    "batch of none": ([*MADE, "batch=0"], ["batch: ", "greater than or equal to 2, not 0"]),
    "pack that does not divide": ([*MADE, "game.table.pack=3"], ["game.table.pack: 3 does not divide batch, 16"]),
    "image recipe on a table": (["image/small", "--data", "made.csv"], ["game: from_noise is for images", "take the recipe table"]),
    "table recipe on images": (["small.yaml", "--data", "pictures"], ["game: table is for tables, and the data are images"]),
    "table recipe without data": (["table"], ["data: ", "--data"]),
    "augmentation of rows": ([*MADE, "augment.ada.blit=true"], ["augment.ada: works on images, and made.csv is a table"]),
    "no such file": (["--data", "maid.csv"], ["maid.csv: no such file; did you mean 'made.csv'?"]),
    "folder named as a table": (["--data", "folder.csv"], ["folder.csv: a folder; a table is a file"]),
    "another ending": (["--data", "made.xlsx"], ["made.xlsx: ", "nor a table (.csv, .tsv, .parquet)"]),
    "password in an address": (["--data", "postgresql://me:secret@host/db"], ["data.table.path: a password would be kept", "$NAME"]),
    "out that cannot be written": ([*MADE, "--out", "/proc/sparring/run"], ["out: /proc/sparring/run cannot be written"]),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD_REQUESTS)
def test_bad_requests_of_tables(case: str, command: Callable[..., Result], tmp_path: Path) -> None:
    words, told = BAD_REQUESTS[case]
    recipe(tmp_path)
    write_mixed(tmp_path / "made.csv")
    (tmp_path / "made.xlsx").write_bytes(b"PK")
    (tmp_path / "folder.csv").mkdir()
    write_images(tmp_path / "pictures", 40)
    before = tree(tmp_path)
    result = command("train", *words)
    refused(result, *told)
    assert "secret" not in result[2]
    assert tree(tmp_path) == before
    assert not (tmp_path / "runs").exists()


TALL = ["augment", "small.yaml", "--data", "made.csv", "--target", "tall"]
BAD_VERBS: dict[str, tuple[list[str], list[str]]] = {
    "where of no column": (["sample", "run", "--to", "x.csv", "--where", "toun=Ulm"], ["where: toun=Ulm: no column 'toun'; did you mean 'town'?"]),
    "where of no value": (["sample", "run", "--to", "x.csv", "--where", "town=Born"], ["where: town=Born: 'town' has no value 'Born'; did you mean 'Bonn'?"]),
    "where beyond the bounds": (["sample", "run", "--to", "x.csv", "--where", "size>99"], ["where: size>99: no row can meet it; 'size' goes from"]),
    "where against where": (["sample", "run", "--to", "x.csv", "--where", "size>5", "--where", "size<4"], ["where: size<4: no row can meet it together with size>5"]),
    "where of a key": (["sample", "run", "--to", "x.csv", "--where", "id=K-1"], ["'id' is an identifier; it takes no condition"]),
    "where that is none": (["sample", "run", "--to", "x.csv", "--where", "Ulm"], ["where: 'Ulm' is no condition; write column=value"]),
    "balance of a number": (["sample", "run", "--to", "x.csv", "--balance", "size"], ["balance: size is taken for float, which has no classes; a run trained with size=category has some"]),
    "balance of no column": (["sample", "run", "--to", "x.csv", "--balance", "toun"], ["balance: no column 'toun'; did you mean 'town'?"]),
    "balance of what is missing": (["sample", "run", "--to", "x.csv", "--balance", "town", "--where", "town is missing"], ["balance: town, and where leaves it no value"]),
    "sample none": (["sample", "run", "--to", "x.csv", "--count", "0"], ["count: 0"]),
    "sample to another ending": (["sample", "run", "--to", "x.xlsx"], ["to: x.xlsx ends in none of .csv, .tsv"]),
    "sample to a place that is none": (["sample", "run", "--to", "/proc/x/y.csv"], ["to: /proc/x", "cannot be written"]),
    "where of images": (["sample", "images", "--to", "x.npz", "--where", "a=1"], ["where: is for tables; images makes images"]),
    "balance of images": (["sample", "images", "--to", "x.npz", "--balance", "a"], ["balance: is for tables"]),
    "evaluate on fewer columns": (["evaluate", "run", "--data", "fewer.csv"], ["data: fewer.csv: no column 'tall'"]),
    "evaluate on a new value": (["evaluate", "run", "--data", "new.csv"], ["data: new.csv: 'tall' shows 'perhaps'"]),
    "evaluate on images": (["evaluate", "run", "--data", "digits"], ["data: digits is no table, and run makes rows"]),
    "evaluate by features of images": (["evaluate", "run", "--extractor", "inception"], ["score.extractor: inception takes images", "take columns"]),
    "evaluate by modes": (["evaluate", "run", "--metrics", "modes"], ["'modes' needs a data set whose modes are known"]),
    "evaluate by use without a target": (["evaluate", "run", "--metrics", "utility"], ["'utility' needs a target: data.table.target=COLUMN"]),
    "augment without a target": (["augment", "--data", "made.csv"], ["target: say which"]),
    "augment for no column": ([*TALL[:-1], "tal"], ["target: no column 'tal'; did you mean 'tall'?"]),
    "augment for one class": (["augment", "--data", "sure.csv", "--target", "tall"], ["target: 'tall' is of kind constant"]),
    "augment of images": (["augment", "--data", "digits", "--target", "tall"], ["target: tall; of images it is their labels that are told"]),
    "augment too many rows": ([*TALL, "--rows", "5000"], ["rows: 5000 to train with; it can be 10 to 320"]),
    "augment by no model": ([*TALL, "--models", "boost"], ["models: no model 'boost'; did you mean 'boosted'?"]),
    "augment by no mix": ([*TALL, "--mixes", "much"], ["mixes: 'much' is no list of numbers"]),
    "augment to another ending": ([*TALL, "--to", "x.xlsx"], ["to: x.xlsx ends in none of .csv"]),
    "augment to a place that is none": ([*TALL, "--to", "/proc/x/y.csv"], ["to: /proc/x cannot be written"]),
    "augment into a place that is none": ([*TALL, "--out", "/proc/x"], ["out: /proc/x cannot be written"]),
}  # fmt: skip


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A run on a table and one on images."""
    folder = tmp_path_factory.mktemp("finished")
    recipe(folder)
    rows = sparring.train(
        str(folder / "small.yaml"), data=write_mixed(folder / "made.csv"), out=folder / "a", quiet=True
    )
    digits = test_bad_input.recipe(folder, steps=2, score={"metrics": []})
    return {"run": rows.path, "images": sparring.train(str(digits), out=folder / "b", quiet=True).path}


@pytest.mark.parametrize("case", BAD_VERBS)
def test_bad_words_to_other_verbs(
    case: str, command: Callable[..., Result], tmp_path: Path, finished: dict[str, Path]
) -> None:
    words, told = BAD_VERBS[case]
    recipe(tmp_path)
    made = write_mixed(tmp_path / "made.csv").read_text()
    (tmp_path / "sure.csv").write_text(made.replace(",no,", ",yes,"))
    (tmp_path / "new.csv").write_text(made.replace(",no,", ",perhaps,", 1))
    (tmp_path / "fewer.csv").write_text(made.replace("tall", "small", 1))
    for name, path in finished.items():
        (tmp_path / name).symlink_to(path)
    before, files = tree(finished["run"]), {p.name for p in tmp_path.iterdir()}
    refused(command(*words), *told)
    assert tree(finished["run"]) == before
    assert {p.name for p in tmp_path.iterdir()} == files
