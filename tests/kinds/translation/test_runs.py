"""Whole trainings of games from images: they go on where they stopped, and the verbs around training know them."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

import sparring
from sparring.base.files import read_lines
from sparring.base.rundir import RunDir
from tests.conftest import write_images
from tests.kinds.translation.from_images import RECIPES, data_of, words_of
from tests.pages.samples import read
from tests.runs.test_training import StopAfter, assert_same_state, final_state


@pytest.mark.parametrize("name", RECIPES)
def test_going_on_is_going_through(name: str, tmp_path: Path) -> None:
    """Dropout that is always on, history, masks and patches included."""
    words = [*words_of(name), "steps=12"]
    words += ["game.cycle.history=10"] if name.endswith("cycle") else []
    data = data_of(name, tmp_path)
    through = sparring.train(name, *words, data=data, out=tmp_path / "through", quiet=True)
    with StopAfter(5):
        sparring.train(name, *words, data=data, out=tmp_path / "stopped", quiet=True)
    assert RunDir(tmp_path / "stopped").saved_steps()[-1] == 5
    sparring.train(out=tmp_path / "stopped", quiet=True)
    assert_same_state(final_state(through.path), final_state(tmp_path / "stopped"))
    if name.endswith("cycle"):
        assert int(final_state(through.path)["nets"]["discriminator"]["filled"]) == 10
    if name == "translate/paired":
        assert through.recipe.generator.surgery["dropout"].when == "always"  # type: ignore[union-attr]


@pytest.mark.parametrize("name", ["translate/paired", "translate/cycle"])
def test_killed_it_ends_with_the_weights_of_a_run_never_killed(name: str, tmp_path: Path) -> None:
    words = [*words_of(name), "steps=60", "save_every=6"]
    data = data_of(name, tmp_path)
    whole = sparring.train(name, *words, data=data, out=tmp_path / "whole", quiet=True)
    run = RunDir(tmp_path / "killed")
    command = [sys.executable, "-m", "sparring", "train", name, *words, "--data", str(data), "--out", str(run.path)]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    while process.poll() is None and not (run.saved_steps() and run.saved_steps()[-1] >= 12):
        time.sleep(0.005)
    process.kill()
    assert process.wait() == -signal.SIGKILL
    assert 0 < run.saved_steps()[-1] < 60
    assert subprocess.run(command, stderr=subprocess.DEVNULL).returncode == 0
    assert_same_state(final_state(whole.path), final_state(run.path))


@pytest.mark.parametrize("name", RECIPES)
def test_the_doctor_reads_image_runs(name: str, tmp_path: Path) -> None:
    words = [*words_of(name), "steps=110"]
    run = sparring.train(name, *words, data=data_of(name, tmp_path), out=tmp_path / "run", quiet=True)
    readings = [line for line in read_lines(run.dir.probes) if "step" in line]
    assert readings
    assert {"logit_train", "logit_fake", "spread"} <= set(readings[-1])
    assert all(np.isfinite(value) for value in readings[-1].values() if isinstance(value, float))
    assert {"run", "verdict", "findings"} <= set(sparring.diagnose(run))


@pytest.mark.parametrize("name", RECIPES)
def test_plan_predicts_what_it_costs(name: str, tmp_path: Path) -> None:
    words = [word for word in [*words_of(name), "score.metrics=[]"] if word != "plan=plain"]
    found = sparring.plan(name, *words, data=data_of(name, tmp_path), seconds=0.5)
    assert found["step_ms"] > 0
    assert found["unit"] == "images"
    assert found["plan"]["device"] == "cpu"


def test_fine_tuning_begins_with_another_runs_weights(tmp_path: Path) -> None:
    """On other pairs, and of another kind of run it is refused."""
    name = "translate/paired"
    first = sparring.train(name, *words_of(name), data=data_of(name, tmp_path), out=tmp_path / "first", quiet=True)
    for seed, side in enumerate("ab", 7):
        write_images(tmp_path / "other" / side, 30, (32, 32), seed=seed)
    words = {"data": tmp_path / "other", "quiet": True, "from_": first.path}
    tuned = sparring.train(name, *words_of(name), "seed=3", out=tmp_path / "tuned", **words)
    begun, given = RunDir(tuned.path).load(0)["nets"], final_state(first.path)
    for side in ("generator", "discriminator"):
        wanted = given["average"] if side == "generator" else given["nets"][side]
        assert all(torch.equal(begun[side][label], tensor) for label, tensor in wanted.items())
    assert tuned.environment["from"] == f"{first.path.resolve()} at step 2"


@pytest.mark.parametrize(
    ("name", "term", "metric", "how"),
    [
        ("translate/paired", "reconstruction", "patch_kid", ("against", "the truths")),
        ("inpaint/photos", "reconstruction", "psnr", ("over", "in the hole")),
        ("translate/unpaired", "contrastive", "kid", ("fake", 10)),
    ],
)
def test_a_study_varies_the_weight_of_a_term(
    name: str, term: str, metric: str, how: tuple[str, object], tmp_path: Path
) -> None:
    """Judged by what the game is for; each of ten held-out images is made something of once."""
    words = [word for word in words_of(name) if not word.startswith(("steps", "score.metrics"))]
    data = data_of(name, tmp_path, 100)
    found = sparring.study(
        name, *words, vary=[f"generator.terms.{term}.weight=1,100"], data=data, seeds=2, for_="24img", jobs=1,
        points=2, out=tmp_path / "study", quiet=True,
    )  # fmt: skip
    assert (found["metric"], found["fakes"], found["report"]) == (metric, 10, 10)
    records = read_lines(tmp_path / "study" / "records.jsonl")
    assert sorted(record["arm"] for record in records) == [f"{term}={weight}" for weight in (1, 1, 100, 100)]
    for record in records:
        lines = read_lines(RunDir(tmp_path / "study" / record["directory"]).scores)
        assert [line["scores"][metric]["protocol"][how[0]] for line in lines] == [how[1]] * 2
    page = (tmp_path / "study" / "report.html").read_text()
    assert "the same place in each grid is of the same latent, or of the same image" in page


def test_a_report_shows_images_and_nothing_of_latents(tmp_path: Path) -> None:
    """Also where the data are gone, and held-out images with them."""
    for name, said, command in (
        ("translate/paired", "input, output and what belongs to it", "sparring translate run INPUT --to OUTPUT"),
        ("translate/cycle", "input and output", "sparring translate run INPUT --to OUTPUT"),
        ("inpaint/photos", "input, output and what belongs to it", "--to OUTPUT --mask MASK"),
    ):
        folder = tmp_path / name.split("/")[1]
        data = data_of(name, folder)
        run = sparring.train(name, *words_of(name), data=data, out=folder / "run", quiet=True)
        page = text_of(run.dir.report)
        assert f"Held-out images, in groups: {said}." in page
        for part in ("What the discriminator looks at", "Outputs: logits", "Real samples: logits", "Images over time"):
            assert part in page
        assert isinstance(data, Path)
        data.rename(folder / "gone")
        sparring.report(run)
        bare = text_of(run.dir.report)
        assert said not in bare
        for one in (page, bare):
            assert command in one
            for word in (
                "latent",
                "New samples",
                "new samples",
                "Interpolation",
                "sparring sample",
                "Nearest training",
            ):
                assert word not in one, (name, word)


def text_of(page: Path) -> str:
    """What a page says, alternative texts of its pictures included, without the recipe and the environment."""
    tree = read(page.read_text())
    shown = [part.text for part in tree.all("section") if part.attributes["id"] not in ("recipe", "environment")]
    return " ".join([*shown, *(picture.attributes["alt"] for picture in tree.all("img"))])


def test_nothing_held_out_and_a_logit_a_sample(tmp_path: Path) -> None:
    """No scores are taken then, and the report shows what it can."""
    name = "inpaint/photos"
    words = [word for word in words_of(name) if not word.startswith("discriminator.net")]
    words = [word for word in words if not word.startswith("score")]
    judge = ["discriminator.net={resnet: {width: 4}}", "discriminator.surgery={}"]
    data = data_of(name, tmp_path)
    for number, more in enumerate((["data.images.held_out=0"], ["score.metrics=[mae]"])):
        run = sparring.train(name, *words, *judge, *more, data=data, out=tmp_path / str(number), quiet=True)
        assert (run.path / "report.html").exists()
        assert bool(run.scores) == (number == 1)
