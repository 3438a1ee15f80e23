"""Runs that earlier code trained: they load, sample, score, go on and can be trained again to what was found then.

`make.py` says how they were made. On the machine they were made on all is equal to the last bit; on others files, names,
recipes, fingerprints and shapes are equal, and numbers nearly so. Only what is public is used, so that modules can move.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

import sparring
from tests.house import make

CASES = [(name, check) for name, family in make.FAMILIES.items() for check in make.checks_of(family)]
NEARLY = 1e-4
"""What numbers may differ by, as a part of them, from one machine to another."""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, and a cache of its own."""
    monkeypatch.setenv("SPARRING_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def differences(found: Any, wanted: Any, *, nearly: bool, at: str = "") -> Iterator[str]:
    """Where plain values differ; `nearly` lets numbers differ a little, and digests altogether. A recipe may have gained
    options, what is told of data lines, and other objects keys: what is written is only extended."""
    if isinstance(wanted, str) and isinstance(found, str) and re.search(r"^\w+: .*\n(.*\n)*data:", wanted):
        yield from lost(yaml.safe_load(found), yaml.safe_load(wanted), at)
    elif isinstance(wanted, list) and at.endswith("/found"):
        yield from differences([line for line in found if line in wanted], wanted, nearly=nearly, at=f"{at}:")
    elif isinstance(found, dict) and isinstance(wanted, dict):
        if [key for key in found if key in wanted] != list(wanted):
            yield f"{at}: {list(found)} and not {list(wanted)}"
        for key in (key for key in wanted if key in found):
            yield from differences(found[key], wanted[key], nearly=nearly, at=f"{at}/{key}")
    elif isinstance(found, list) and isinstance(wanted, list):
        if len(found) != len(wanted):
            yield f"{at}: {len(found)} and not {len(wanted)}"
        for place, (one, other) in enumerate(zip(found, wanted, strict=False)):
            yield from differences(one, other, nearly=nearly, at=f"{at}/{place}")
    elif not (found == wanted or (nearly and near(found, wanted))):
        yield f"{at}: {found!r} and not {wanted!r}"


def lost(found: Any, wanted: Any, at: str) -> Iterator[str]:
    """What a recipe no longer says; a choice by its name alone is the same with its options."""
    if isinstance(found, dict) and isinstance(wanted, str):
        found = next(iter(found)) if len(found) == 1 else found
    if isinstance(found, dict) and isinstance(wanted, dict):
        for key, value in wanted.items():
            yield from lost(found.get(key), value, f"{at}.{key}")
    elif found != wanted:
        yield f"{at}: {found!r} and not {wanted!r}"


def near(found: Any, wanted: Any) -> bool:
    if isinstance(found, float) and isinstance(wanted, float):
        return math.isclose(found, wanted, rel_tol=NEARLY, abs_tol=NEARLY)
    return isinstance(found, str) and isinstance(wanted, str) and found[:7] == wanted[:7] == "sha256:"


HELD_OUT = "a quarter of the samples, which are fewer than 80", "0.1 of the samples, at least 20, at most a quarter"


def beside_intervals(told: Any) -> Any:
    """Without intervals, which are worked out otherwise by now, digests of files with scores, which hold them, and what
    else of scores is not as it was: near copies rank otherwise, and protocols of copies say more."""
    if isinstance(told, str):  # how few samples are held out is said as it is done by now
        return told.replace(*HELD_OUT)
    if isinstance(told, list):
        return [beside_intervals(one) for one in told]
    if not isinstance(told, dict):
        return told
    kept = {key: one for key, one in told.items() if key not in ("interval", "replicates", "near_copies")}
    if told.get("metric") == "copies":
        kept = {key: one for key, one in kept.items() if key not in ("expected", "of_heldout", "p_value")}
    return {key: beside_intervals(one) for key, one in kept.items() if not (key == "scores" and isinstance(one, str))}


def assert_found(found: make.Seen, wanted: make.Seen, mark: make.Seen) -> None:
    """That a check gives what it gave."""
    found, wanted = beside_intervals(json.loads(json.dumps(found))), beside_intervals(wanted)
    wrong = list(differences(found["everywhere"], wanted["everywhere"], nearly=False))
    wrong += differences(found["here"], wanted["here"], nearly=mark != make.mark())
    assert not wrong, "\n".join(wrong[:20])


@pytest.mark.parametrize(("name", "check"), CASES, ids=[f"{name}-{check}" for name, check in CASES])
def test_a_run_is_what_it_was(name: str, check: str, folder: Path) -> None:
    make.unpack(name)
    wanted = make.expected(name)
    assert_found(make.CHECKS[check](make.FAMILIES[name]), wanted[check], wanted["mark"])


@pytest.mark.parametrize("name", ["digits", "inpaint"])
def test_runs_of_the_first_versions_say_nothing_of_inputs(name: str, folder: Path) -> None:
    make.unpack(name)
    (path,) = make.RUN.glob("checkpoints/*/state.json")
    held = json.loads(path.read_text())
    (data,) = (part for key, part in held["state"]["dict"] if key == "data")
    assert "inputs" in dict(data["dict"])
    data["dict"] = [[key, part] for key, part in data["dict"] if key != "inputs"]
    path.write_text(json.dumps(held))
    wanted, check = make.expected(name), "translated" if make.FAMILIES[name].ways else "sampled"
    assert_found(make.CHECKS[check](make.FAMILIES[name]), wanted[check], wanted["mark"])


def test_a_run_and_other_data_do_not_go_together(folder: Path) -> None:
    """The fingerprint is of contents: the same rows may lie elsewhere, and another row is noticed."""
    make.unpack("table")
    rows = Path("data/rows.csv")
    recipe = make.RUN / "recipe.yaml"
    Path("moved.csv").write_bytes(rows.read_bytes())
    recipe.write_text(recipe.read_text().replace("data/rows.csv", "moved.csv"))
    sparring.evaluate(make.RUN, metrics="column_shapes", device="cpu")
    with Path("moved.csv").open("a") as out:
        out.write("30,Bern,1.00,2.00,2011-01-01,no,K9999\n")
    with pytest.raises(sparring.RequestError, match="has changed since"):
        sparring.evaluate(make.RUN, metrics="column_shapes", device="cpu")
    with pytest.raises(sparring.RequestError, match="was trained on other data"):
        sparring.train(out=make.RUN, for_="20steps", device="cpu", quiet=True)


def test_the_command_line_gives_what_python_gives(folder: Path) -> None:
    make.unpack("ring")
    wanted, mark = make.expected("ring")["diagnosed"], make.expected("ring")["mark"]
    found = json.loads(make.said("diagnose", str(make.RUN), "--json").stdout)
    assert_found(
        {"everywhere": {}, "here": found["findings"]}, {"everywhere": {}, "here": wanted["here"]["findings"]}, mark
    )


def test_what_the_package_shows_is_what_it_was(folder: Path) -> None:
    found, wanted = json.loads(json.dumps(make.surface())), make.expected("surface")
    for verb, options in wanted["options"].items():  # which may only become more
        found["options"][verb] = sorted({*found["options"][verb]} & {*options})
    wrong = list(differences(found, wanted, nearly=False))
    assert not wrong, "\n".join(wrong[:20])
