"""Scores that a run must reach: how they are written, judged and told, and what the command ends with."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import sparring
from sparring.runs.requirements import parse_requirements, told
from tests.cli.test_bad_input import Result, command, recipe, refused

__all__ = ["command"]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("required")
    return sparring.train(str(recipe(folder)), "score.metrics=[kid]", out=folder / "run", quiet=True).path


def score(value: float, low: float, high: float) -> dict[str, Any]:
    return {"value": value, "interval": [low, high], "n": 300, "better": "higher", "protocol": {}}


@pytest.mark.parametrize(
    ("words", "met", "certain"),
    [
        ("recall>=0.5", True, False),
        ("recall >= .3", True, True),
        ("recall>.5", False, False),
        ("recall<=5e-1", True, False),
        ("recall<.5", False, False),
        ("recall<.7", True, True),
        ("recall>.61", False, True),
        ("recall>-1", True, True),
        ("recall>=.4", True, True),
        ("recall<.4", False, True),
    ],
)
def test_the_value_meets_it_or_not_and_the_interval_says_how_sure(words: str, met: bool, certain: bool) -> None:
    (one,) = parse_requirements([words])
    found = one.judged(score(0.5, 0.4, 0.6))
    assert (found["met"], found["certain"]) == (met, certain)
    line = told(found)
    assert line.startswith(f"{words}: {'met' if met else 'not met'}; recall is 0.5 (95 % interval 0.4 to 0.6")
    assert line.endswith("n = 300)")
    assert ("both sides" in line) == (not certain)


def test_a_score_that_is_no_number_meets_nothing() -> None:
    nothing = score(float("nan"), float("nan"), float("nan"))
    assert not any(one.judged(nothing)["met"] for one in parse_requirements(["fid<3", "fid>=3"]))


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("coverage", "'coverage' is no requirement; write it in quotes, as 'coverage>=.8'"),
        ("", "'' is no requirement"),
        ("coverage>", "'coverage>' is no requirement"),
        ("coverage=.8", "no requirement"),
        ("coverage>=80%", "no requirement"),
        ("coverage>=nan", "no requirement"),
        ("coverage>=1e400", "no requirement"),
        (f"coverage>={'9' * 400}", "no requirement"),
        ("coverage>=²", "no requirement"),
        ("coverage>=.8, kid<1", "no requirement"),
        ("coverag>=.8", "unknown metric 'coverag'; did you mean 'coverage'?"),
        ("privacy>=.8", "privacy is several scores; take one of copies, near_copies"),
    ],
)
def test_what_is_no_requirement_is_refused_before_anything_is_measured(words: str, line: str) -> None:
    with pytest.raises(sparring.RequestError) as error:
        parse_requirements(["fid<1e6", words])
    assert line in str(error.value)


def test_the_command_ends_with_4_where_one_is_not_met(run: Path, command: Callable[..., Result]) -> None:
    status, out, err = command("evaluate", run, "--metrics", "fid", "--require", "coverage>=0", "--require", "fid<.001")
    assert (status, "Traceback" in err) == (4, False)
    assert "coverage>=0: met; coverage is" in out
    assert err.splitlines()[-1].startswith("fid<.001: not met; fid is ")
    assert "95 % interval" in err
    status, out, err = command("evaluate", run, "--metrics", "fid", "--require", "coverage<=1")
    assert (status, "coverage<=1: met; coverage is" in out, err) == (0, True, "")


def test_json_has_them_and_nothing_else_is_printed(run: Path, command: Callable[..., Result]) -> None:
    status, out, err = command("evaluate", run, "--json", "--require", "recall>1.5", "--require", "kid>-1e9")
    found = json.loads(out)
    assert status == 4
    assert list(found["scores"]) == ["kid", "recall"]  # the recipe's own, and what is required
    assert [(one["metric"], one["met"]) for one in found["requirements"]] == [("recall", False), ("kid", True)]
    first = found["requirements"][0]
    assert first["value"] == found["scores"]["recall"]["value"]
    assert first["interval"] == found["scores"]["recall"]["interval"]
    assert (first["relation"], first["bound"], first["requirement"]) == (">", 1.5, "recall>1.5")
    assert len(err.splitlines()) == 2


def test_python_gives_them_too_and_other_data_can_be_meant(run: Path, command: Callable[..., Result]) -> None:
    found = sparring.evaluate(run, metrics="fid", require="density>=0")
    assert [one["met"] for one in found["requirements"]] == [True]
    assert "requirements" not in sparring.evaluate(run, metrics="fid")
    found = sparring.evaluate(run, "digits", metrics="fid", require=["kid>-1e9"])
    assert (list(found["scores"]), found["requirements"][0]["met"]) == (["fid", "kid"], True)
    refused(command("evaluate", run, "--require", "fdi<3"), "unknown metric 'fdi'", "did you mean 'fid'?")
    found = sparring.evaluate(run, "digits", metrics="fid", require="memorisation>-1")  # the run's own data
    assert found["requirements"][0]["metric"] == "memorisation"
