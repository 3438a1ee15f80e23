"""The command line as its users call it: what goes where, and with which exit status."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import sparring
from tests.cli.test_bad_input import Result, recipe

pytest_plugins: list[str] = []


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cli")
    return sparring.train(str(recipe(folder)), out=folder / "run", quiet=True).path


def sparring_command(*words: object, cwd: Path | None = None) -> Result:
    ended = subprocess.run(
        [sys.executable, "-m", "sparring", *map(str, words)], capture_output=True, text=True, cwd=cwd, timeout=120
    )
    return ended.returncode, ended.stdout, ended.stderr


def test_evaluate_json_is_one_object_of_the_agreed_form(run: Path) -> None:
    status, out, _ = sparring_command("evaluate", run, "--json", "--metrics", "fid,coverage")
    assert status == 0
    found = json.loads(out)
    assert set(found) == {"run", "step", "scores"}
    assert (found["run"], found["step"]) == (str(run), 12)
    assert list(found["scores"]) == ["fid", "coverage"]
    for score in found["scores"].values():
        assert {"value", "interval", "n", "better", "protocol"} <= set(score)
        low, high = score["interval"]
        assert low <= score["value"] <= high
        assert {"extractor", "hash", "resize", "split", "seed", "real", "fake", "training_data"} <= set(score["protocol"]) | {
            "real", "fake"
        }  # fmt: skip


def test_robustness_and_exploring_are_one_object_too(run: Path) -> None:
    status, out, _ = sparring_command("evaluate", run, "--json", "--metrics", "fid,robustness")
    assert status == 0
    scores = json.loads(out)["scores"]
    assert list(scores)[:2] == ["fid", "latent_change"]
    assert {"worst", "random", "epsilon", "norm", "steps", "step", "perturbations"} <= set(
        scores["attack_pgd"]["protocol"]
    )
    status, out, _ = sparring_command("explore", run, "--directions", "2", "--json")
    assert status == 0
    found = json.loads(out)
    assert (found["page"], len(found["sefa"])) == (str(run / "explore.html"), 2)
    status, out, _ = sparring_command("explore", run)
    assert (status, out) == (0, f"{run / 'explore.html'}\n")
    status, _, err = sparring_command("explore", run, "--to", "page.pdf")
    assert (status, err) == (2, "sparring: to: page.pdf does not end in .html\n")


def test_progress_goes_to_standard_error_alone(tmp_path: Path) -> None:
    path = recipe(tmp_path)
    status, out, err = sparring_command("train", path.name, "--out", "run", cwd=tmp_path)
    assert (status, out) == (0, "")
    for part in (
        "digits (scikit-learn): 1,797 samples",
        "held out for scores: 180",
        "step 12 of 12",
        "fid",
        "report: run",
    ):
        assert part in err


def test_the_default_place_is_named_after_recipe_and_seed(tmp_path: Path) -> None:
    path = recipe(tmp_path, score={"metrics": []})
    assert sparring_command("train", path.name, "--seed", "3", cwd=tmp_path)[0] == 0
    assert (tmp_path / "runs" / "small-3" / "report.html").exists()


def test_plan_predicts_and_writes_nothing(tmp_path: Path) -> None:
    path = recipe(tmp_path)
    status, out, _ = sparring_command("plan", path.name, "steps=1000", "--json", cwd=tmp_path)
    assert status == 0
    found = json.loads(out)
    assert {trial["change"] for trial in found["tried"]["trials"]} >= {"joined=True"}
    assert set(found) == {
        "recipe", "plan", "tried", "steps", "step_ms", "images_per_s", "unit", "memory_mb", "seconds", "advice"
    }  # fmt: skip
    assert found["advice"] == []
    assert found["seconds"] == pytest.approx(found["step_ms"], rel=1.0)  # a thousand steps
    assert found["memory_mb"] > 50
    assert [p.name for p in tmp_path.iterdir()] == ["small.yaml"]


def test_show_prints_a_recipe_that_can_be_trained(tmp_path: Path) -> None:
    status, out, _ = sparring_command("show", "digits", "discriminator.surgery.dropout.rate=0.3")
    assert status == 0
    (tmp_path / "shown.yaml").write_text(out)
    assert "rate: 0.3" in out
    assert sparring_command("show", "shown.yaml", cwd=tmp_path)[1] == out


def test_recipes_are_listed_and_printed() -> None:
    status, out, _ = sparring_command("recipes")
    assert status == 0
    names = [line.split()[0] for line in out.splitlines()]
    assert names == sorted(names)
    assert "digits" in names
    assert "objective: relativistic" in sparring_command("recipes", "digits")[1]


def test_report_and_compare_write_pages(run: Path, tmp_path: Path) -> None:
    assert sparring_command("report", run)[:2] == (0, f"{run / 'report.html'}\n")
    status, _, err = sparring_command("compare", run, run, "--out", tmp_path / "both.html")
    assert status == 0, err
    assert (tmp_path / "both.html").read_text().lstrip().lower().startswith("<!doctype html>")


def test_sample_says_what_it_wrote(run: Path, tmp_path: Path) -> None:
    status, _, err = sparring_command("sample", run, "--count", 5, "--to", tmp_path / "out")
    assert status == 0
    assert "5 samples in 5 files" in err
    assert len(list((tmp_path / "out").glob("*.png"))) == 5


def test_help_comes_without_importing_torch() -> None:
    code = "import sys, sparring, sparring.cli; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
    status, out, _ = sparring_command("--help")
    assert status == 0
    for verb in ("train", "sample", "evaluate", "diagnose", "report", "compare", "plan", "recipes", "show"):
        assert verb in out


def test_no_words_print_the_help() -> None:
    status, out, err = sparring_command()
    assert (status, err) == (0, "")
    assert len(out.splitlines()) > 10
    for verb in ("train", "sample", "plan"):
        assert verb in out


def test_diagnose_json_is_one_object_of_the_agreed_form(run: Path) -> None:
    status, out, _ = sparring_command("diagnose", run, "--json")
    assert status == 0
    found = json.loads(out)
    assert {"run", "verdict", "findings"} <= set(found)
    assert (found["run"], found["verdict"]) == (str(run), "healthy" if not found["findings"] else found["verdict"])
    assert found == sparring.diagnose(run)


def test_diagnose_tells_a_sick_run_from_its_scores_alone(tmp_path: Path) -> None:
    """A run whose checkpoints are lost, and that was killed while it wrote a line."""
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "recipe.yaml").write_text(recipe(tmp_path).read_text())
    values = [300, 120, 80, 60, 49, 52, 60, 75, 90, 110, 125, 137]
    lines = [
        {"step": n, "scores": {"fid": {"value": value, "better": "lower", "protocol": {}}}}
        for n, value in enumerate(values, 1)
    ]
    (folder / "scores.jsonl").write_text("\n".join(map(json.dumps, lines)) + '\n{"step": 13, "sco')
    (folder / "log.jsonl").write_text('{"step": 12}\n{"st')
    status, out, err = sparring_command("diagnose", folder, "--json")
    assert (status, err) == (0, "no readings of the probes: only scores and what fell were looked at\n")
    found = json.loads(out)
    assert (found["verdict"], [one["symptom"] for one in found["findings"]]) == ("sick", ["past_its_best"])
    finding = found["findings"][0]
    assert {"symptom", "since_step", "confidence", "evidence", "remedy"} <= set(finding)
    assert (finding["evidence"]["best"], finding["evidence"]["best_step"]) == (49.0, 5.0)
    status, out, _ = sparring_command("diagnose", folder)
    assert status == 0
    assert out.splitlines()[0] == "sick: past its best"
    assert "  fid       █▃▂▁▁▁▁▂▂▃▃▃  300 to 137" in out.splitlines()
    assert max(map(len, out.splitlines())) <= 80
    assert {path.name for path in folder.iterdir()} == {"recipe.yaml", "scores.jsonl", "log.jsonl"}


def test_diagnose_of_what_is_no_run_is_one_line(tmp_path: Path) -> None:
    for path, told in ((tmp_path, "not a run directory"), (tmp_path / "nowhere", "no such run")):
        status, out, err = sparring_command("diagnose", path)
        assert (status, out, len(err.splitlines())) == (2, "", 1)
        assert told in err
