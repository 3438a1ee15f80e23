"""Whole trainings: what they leave, that they go on where they stopped, and what they do when things go wrong."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from PIL import Image
from torch import Tensor, nn

import sparring
from sparring.base.errors import RequestError, TrainingError
from sparring.base.files import read_lines
from sparring.base.rundir import RunDir
from sparring.engine import Engine, choose_plan
from sparring.gan.loop import Step
from sparring.gan.measuring import Diverged, check_weights
from sparring.gan.surgery import random_layers
from sparring.kinds.images.sources import Digits
from sparring.recipe.build import build
from sparring.runs import trainer
from tests.conftest import small_fields, small_recipe
from tests.plain import Poison


def recipe_file(folder: Path, **changes: Any) -> str:
    path = folder / "small.yaml"
    path.write_text(yaml.safe_dump(small_fields(**changes)))
    return str(path)


EVERYTHING = {
    "data": {"digits": {"mirror": True}},
    "game": {"from_noise": {"labels": "projection", "latent": {"truncated": {"size": 8}}}},
    "generator": {
        "net": {"dense": {"widths": [16], "norm": "batch", "activation": "prelu"}},
        "optimiser": {"adam": {"lr": {"linear": {"start": 2e-3, "end": 1e-4, "begin": 0.5}}}},
    },
    "discriminator": {
        "net": {"dcgan": {"widths": [8], "kernel": 3, "norm": "batch"}},
        "refit_batch_norms": True,
        "optimiser": "rms_prop",
        "surgery": {"dropout": {"rate": {"adaptive": {"adjust": 3000, "target": -1}}}, "spectral_norm": None},
        "terms": {"r1": {"weight": 0.1, "every": 3, "masks": "two"}, "consistency": None, "dragan": {"every": 2}},
    },
    "augment": {"ada": {"probability": {"adaptive": {"adjust": 2000, "target": -1}}}},
    "ema": {"half_life": 200},
}
"""A run in which everything that has state or draws takes part."""


CONVOLUTIONS = {
    "generator": {
        "net": {"dcgan": {"widths": [8, 6], "kernel": 3, "up": "shuffle"}},
        "optimiser": {"adam": {"lr": 2e-3}},
        "surgery": {"dropout": {"rate": 0.3, "when": "always"}},
    },
    "discriminator": {
        "net": {"r3gan": {"width": 8, "group": 4}},
        "optimiser": {"sgd": {"lr": 1e-2, "momentum": 0.9}},
        "surgery": {"dropout": {"rate": 0.1}},
    },
    "ema": {"half_life": 200},
}
"""Convolutions of several channels, whose weights and moments lie channels last, under fused optimisers."""


def final_state(run: Path) -> dict[str, Any]:
    directory = RunDir(run)
    return directory.load(directory.saved_steps()[-1])


def flat(state: Any, path: str = "") -> dict[str, Any]:
    if isinstance(state, dict):
        return {k: v for key, item in state.items() for k, v in flat(item, f"{path}/{key}").items()}
    if isinstance(state, (list, tuple)):
        return {k: v for key, item in enumerate(state) for k, v in flat(item, f"{path}/{key}").items()}
    return {path: state}


def assert_same_state(one: dict[str, Any], other: dict[str, Any]) -> None:
    first, second = flat(one), flat(other)
    assert first.keys() == second.keys()
    for name, value in first.items():
        if name in ("/seconds", "/processor", "/spent"):
            continue
        if isinstance(value, Tensor):
            nan = torch.isnan(value)  # of the doctor's windows, where nothing was taken in yet
            assert torch.equal(nan, torch.isnan(second[name])), name
            assert torch.equal(value[~nan], second[name][~nan]), name
        else:
            assert value == second[name], name


def test_a_run_leaves_what_it_promises(tmp_path: Path) -> None:
    run = sparring.train(recipe_file(tmp_path), out=tmp_path / "run", quiet=True)
    assert run.finished
    names = {p.name for p in run.path.iterdir() if not p.name.startswith(".")}
    assert names == {
        "recipe.yaml", "environment.json", "log.jsonl", "scores.jsonl", "probes.jsonl", "checkpoints", "samples",
        "report.html",
    }  # fmt: skip
    assert not list(run.path.rglob(".part-*"))
    assert [line["step"] for line in run.log] == [1, 6, 11, 12]
    assert (run.path / "samples" / "step-0000012.png").exists()
    record = json.loads((run.path / "environment.json").read_text())
    assert record["plan"]["device"] == "cpu"
    assert record["torch"] == torch.__version__
    assert set(run.scores) >= {"fid", "kid", "precision", "recall", "density", "coverage"}
    assert run.scores["fid"]["protocol"]["extractor"] == "pixels"
    # the recipe alone is enough to run again, to the same bits
    again = sparring.train(str(run.path / "recipe.yaml"), out=tmp_path / "again", quiet=True)
    assert_same_state(final_state(run.path), final_state(again.path))


@pytest.mark.parametrize("fields", [EVERYTHING, CONVOLUTIONS], ids=["everything", "convolutions"])
def test_going_on_is_going_through(tmp_path: Path, fields: dict[str, Any]) -> None:
    recipe = recipe_file(tmp_path, **fields, steps=24)
    through = sparring.train(recipe, "score.metrics=[]", out=tmp_path / "through", quiet=True)
    sparring.train(recipe, "steps=24", "score.metrics=[]", out=tmp_path / "halves", for_="24steps", quiet=True)
    stopped = tmp_path / "stopped"
    job = StopAfter(11)
    with job:
        sparring.train(recipe, "score.metrics=[]", out=stopped, quiet=True)
    assert RunDir(stopped).saved_steps()[-1] == 11
    sparring.train(out=stopped, quiet=True)
    assert_same_state(final_state(through.path), final_state(stopped))
    assert_same_state(final_state(through.path), final_state(tmp_path / "halves"))
    state = final_state(stopped)
    if fields is CONVOLUTIONS:
        return
    assert state["controllers"].keys() == {
        "discriminator.surgery.dropout.rate", "augment.ada.probability"
    }  # fmt: skip
    assert any(value > 0 for value in state["controllers"].values())


class StopAfter:
    """Sends this process SIGINT when a training's step is done, as Ctrl-C does."""

    def __init__(self, step: int, number: int = signal.SIGINT) -> None:
        self.step, self.number = step, number
        self.patch = pytest.MonkeyPatch()

    def __enter__(self) -> None:
        real = trainer.check_losses

        def checked(step: Any) -> None:
            real(step)
            if step.number + 1 == self.step:
                os.kill(os.getpid(), self.number)

        self.patch.setattr(trainer, "check_losses", checked)

    def __exit__(self, *error: object) -> None:
        self.patch.undo()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupts_end_cleanly_with_a_checkpoint(
    tmp_path: Path, number: int, capfd: pytest.CaptureFixture[str]
) -> None:
    before = signal.getsignal(signal.SIGINT)
    with StopAfter(5, number):
        run = sparring.train(recipe_file(tmp_path), out=tmp_path / "run")
    assert (run.step, run.finished) == (5, False)
    assert not run.dir.report.exists()
    assert "stopped at step 5 of 12; the same command goes on" in capfd.readouterr().err
    assert signal.getsignal(signal.SIGINT) is before


def test_killed_at_random_moments_it_ends_with_the_weights_of_a_run_never_killed(tmp_path: Path) -> None:
    """SIGKILL to the real command, mid-run, four times."""
    changes = EVERYTHING | {"steps": 200, "save_every": 10, "score": {"metrics": []}, "log_every": 11}
    recipe = recipe_file(tmp_path, **changes)
    whole = sparring.train(recipe, out=tmp_path / "whole", quiet=True)
    run, source = RunDir(tmp_path / "killed"), random.Random(0)
    command = [sys.executable, "-m", "sparring", "train", recipe, "--out", str(run.path)]
    mid_run = 0
    for _ in range(4):
        before = run.saved_steps()[-1] if run.saved_steps() else 0
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL, env=os.environ | {"OMP_NUM_THREADS": "1"})
        while process.poll() is None and not (run.saved_steps() and run.saved_steps()[-1] > before + 15):
            time.sleep(0.005)
        time.sleep(source.uniform(0, 0.2))
        process.kill()
        mid_run += process.wait() == -signal.SIGKILL
    assert mid_run == 4
    assert 0 < run.saved_steps()[-1] < 200
    assert subprocess.run(command, stderr=subprocess.DEVNULL, env=os.environ | {"OMP_NUM_THREADS": "1"}).returncode == 0
    assert_same_state(final_state(whole.path), final_state(run.path))
    assert [line["step"] for line in run.read_log()] == [line["step"] for line in whole.log]


def test_a_finished_run_is_left_alone_and_can_be_made_longer(tmp_path: Path) -> None:
    recipe = recipe_file(tmp_path)
    run = sparring.train(recipe, out=tmp_path / "run", quiet=True)
    before = {p: p.stat().st_mtime_ns for p in run.path.rglob("*") if p.is_file() and p.name != ".lock"}
    sparring.train(recipe, out=tmp_path / "run", quiet=True)
    sparring.train(out=tmp_path / "run", quiet=True)
    assert {p: p.stat().st_mtime_ns for p in before} == before
    longer = sparring.train(out=tmp_path / "run", for_="20steps", quiet=True)
    assert (longer.step, longer.recipe.steps) == (20, 20)
    assert [line["step"] for line in read_lines(longer.dir.scores)] == [12, 20]


def test_a_run_goes_only_on_with_what_it_began_with(tmp_path: Path) -> None:
    recipe = recipe_file(tmp_path)
    sparring.train(recipe, out=tmp_path / "run", quiet=True)
    for overrides, told in (
        (["batch=32"], "batch=16, not 32"),
        (["objective=hinge"], "objective=non_saturating, not hinge"),
        (["discriminator.terms.r1.weight=1"], r"discriminator.terms.r1=None, not"),
    ):
        with pytest.raises(RequestError, match=told):
            sparring.train(recipe, *overrides, out=tmp_path / "run", quiet=True)
    with pytest.raises(RequestError, match="holds a run of the recipe small, not digits"):
        sparring.train("digits", out=tmp_path / "run", quiet=True)


def test_other_data_under_the_same_path_is_noticed(tmp_path: Path, pictures: Path) -> None:
    recipe = recipe_file(tmp_path, data={"images": {"path": str(pictures)}}, batch=8)
    sparring.train(recipe, out=tmp_path / "run", quiet=True)
    (pictures / "000.png").unlink()
    with pytest.raises(RequestError, match="was trained on other data"):
        sparring.train(out=tmp_path / "run", for_="20steps", quiet=True)
    with pytest.raises(RequestError, match="has changed since"):
        sparring.evaluate(tmp_path / "run")
    assert sparring.load(tmp_path / "run").sample(3).shape == (3, 12, 12, 3)  # needs no data


def test_a_diverged_run_goes_back_and_takes_another_path(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    recipe = recipe_file(tmp_path, save_every=4, steps=16)
    run = sparring.train(recipe, out=tmp_path / "run", generator=Poison(at=15))
    assert run.step == 16
    (finding,) = read_lines(run.dir.findings)
    assert finding["symptom"] == "diverged"
    assert (finding["attempt"], finding["back_to_step"]) == (1, 4)
    assert "going back to step 4, attempt 1" in capfd.readouterr().err
    assert final_state(run.path)["attempt"] == 1
    assert all(torch.isfinite(v).all() for v in flat(final_state(run.path)["nets"]).values())
    assert run.log[-1]["attempt"] == 1


def test_after_three_falls_it_gives_up_with_the_run_intact(tmp_path: Path) -> None:
    recipe = recipe_file(
        tmp_path, discriminator={"net": {"dense": {"widths": [16]}}, "optimiser": {"sgd": {"lr": 1e30}}}
    )
    with pytest.raises(TrainingError, match="diverged at step .* 4 times from step 0 on, which is kept") as caught:
        sparring.train(recipe, out=tmp_path / "run", quiet=True)
    assert caught.value.exit_status == 3
    assert "\n" not in str(caught.value)
    assert [line.get("attempt") for line in read_lines(tmp_path / "run" / "findings.jsonl")] == [1, 2, 3, None]
    assert RunDir(tmp_path / "run").saved_steps() == [0]


def test_each_attempt_draws_anew(tmp_path: Path) -> None:
    """The path that led to the fall is not walked again: the losses of the second attempt are others."""
    recipe = recipe_file(tmp_path, save_every=4, steps=10, log_every=1)
    run = sparring.train(recipe, out=tmp_path / "run", generator=Poison(at=11), quiet=True)
    lines = read_lines(run.dir.log)
    by_attempt: dict[int, dict[int, float]] = {0: {}, 1: {}}
    for line in lines:
        if "step" in line:
            by_attempt[line["attempt"]][line["step"]] = line["discriminator_loss"]
    both = by_attempt[0].keys() & by_attempt[1].keys()
    assert both
    assert all(by_attempt[0][step] != by_attempt[1][step] for step in both)


class MyGenerator(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(8, 20), nn.ReLU(), nn.Linear(20, 64), nn.Tanh())

    def forward(self, z: Tensor) -> Tensor:
        return self.net(z).reshape(-1, 1, 8, 8)


class MyDiscriminator(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Flatten(), nn.Linear(64, 20), nn.ReLU(), nn.Linear(20, 1))

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x)


def test_own_networks_train_resume_and_come_back(tmp_path: Path) -> None:
    torch.manual_seed(0)
    mine, other = MyGenerator(), MyDiscriminator()
    recipe = recipe_file(tmp_path)
    overrides = ["discriminator.surgery.dropout.rate=0.3"]
    with StopAfter(5):
        sparring.train(recipe, *overrides, out=tmp_path / "run", generator=mine, discriminator=other, quiet=True)
    run = sparring.train(out=tmp_path / "run", generator=mine, discriminator=other, quiet=True)
    through = sparring.train(
        recipe, *overrides, out=tmp_path / "through", generator=mine, discriminator=other, quiet=True
    )
    assert_same_state(final_state(run.path), final_state(through.path))
    loaded = sparring.load(run.path, generator=mine, discriminator=other)
    assert isinstance(loaded.generator, MyGenerator)
    assert isinstance(loaded.discriminator, MyDiscriminator)
    assert not loaded.generator.training
    assert loaded.sample(5).shape == (5, 8, 8)
    assert not torch.equal(loaded.generator.net[0].weight, mine.net[0].weight)  # trained as a copy
    with pytest.raises(RequestError, match="a module of your own; give it from Python"):
        sparring.load(run.path).sample(1)
    with pytest.raises(RequestError, match="a module of your own"):
        sparring.train(out=tmp_path / "run", for_="30steps", quiet=True)


def test_own_networks_that_do_not_fit_are_explained(tmp_path: Path) -> None:
    recipe = recipe_file(tmp_path)
    for net, told in (
        (nn.Linear(9, 64), r"generator: Linear fails on inputs \[2, 8\]: .*"),
        (nn.Linear(8, 64), r"generator: Linear makes \[2, 64\]; the data asks for \[2, 1, 8, 8\]"),
    ):
        with pytest.raises(RequestError, match=told):
            sparring.train(recipe, out=tmp_path / "run", generator=net, quiet=True)
    with pytest.raises(RequestError, match="wanted logits"):
        sparring.train(recipe, out=tmp_path / "run", discriminator=nn.Flatten(0), quiet=True)
    assert not (tmp_path / "run").exists()


def test_fine_tuning_starts_from_another_runs_weights(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    recipe = recipe_file(tmp_path)
    first = sparring.train(recipe, out=tmp_path / "first", quiet=True)
    tuned = sparring.train(
        recipe,
        "generator.optimiser.adam.lr=0",
        "generator.surgery.freeze.where=last.*",
        "ema=null",
        out=tmp_path / "tuned",
        from_=first.path,
        seed=1,
    )
    assert "tensors of the generator" in capfd.readouterr().err
    start = tuned.generator.state_dict()
    for name, tensor in first.generator.state_dict().items():
        assert torch.equal(tensor, start[name])
    own = recipe_file(tmp_path, generator={"net": {"dcgan": {"widths": [7], "kernel": 3}}})
    with pytest.raises(RequestError, match="no weight of .* fits"):
        sparring.train(own, out=tmp_path / "other", from_=first.path, quiet=True)


def test_the_best_checkpoint_is_kept(tmp_path: Path) -> None:
    recipe = recipe_file(
        tmp_path, steps=20, save_every=2, keep=2, score={"extractor": "pixels", "every": 4, "metrics": ["fid"]}
    )
    run = sparring.train(recipe, out=tmp_path / "run", quiet=True)
    scores = {line["step"]: line["scores"]["fid"]["value"] for line in read_lines(run.dir.scores)}
    assert sorted(scores) == [4, 8, 12, 16, 20]
    best = min(scores, key=lambda step: scores[step])
    assert best in run.dir.saved_steps()
    assert set(run.dir.saved_steps()) == {best, 18, 20}
    assert sparring.load(run.path, step=best).step == best


def test_scoring_and_pictures_do_not_touch_the_training(tmp_path: Path) -> None:
    quiet = sparring.train(
        recipe_file(tmp_path, **EVERYTHING), "score.metrics=[]", "sample_every=100", "log_every=100",
        out=tmp_path / "a", quiet=True,
    )  # fmt: skip
    busy = sparring.train(
        recipe_file(tmp_path, **EVERYTHING), "score.every=3", "sample_every=1", "log_every=1", "save_every=2",
        out=tmp_path / "b", quiet=True,
    )  # fmt: skip
    for part in ("nets", "optimisers", "controllers", "position"):
        assert_same_state({"x": final_state(quiet.path)[part]}, {"x": final_state(busy.path)[part]})


def test_samples_are_functions_of_the_seed_and_their_number(tmp_path: Path) -> None:
    run = sparring.train(recipe_file(tmp_path, **EVERYTHING), out=tmp_path / "run", quiet=True)
    assert np.array_equal(run.sample(300)[:40], run.sample(40))
    assert not np.array_equal(run.sample(5, seed=1), run.sample(5))
    threes = run.draw(50, label="3").labels
    assert threes is not None
    assert set(threes.tolist()) == {3}
    assert np.array_equal(run.sample(4, label=7), sparring.load(run.path).sample(4, label="7"))
    with pytest.raises(RequestError, match="label: 'three' is not known"):
        run.sample(4, label="three")


def read_pngs(folder: Path) -> np.ndarray:
    arrays = []
    for path in sorted(folder.glob("*.png")):
        with Image.open(path) as image:
            arrays.append(np.asarray(image))
    return np.stack(arrays)


@pytest.mark.parametrize("ending", ["", ".npz", ".png"])
def test_samples_as_files(tmp_path: Path, ending: str) -> None:
    run = sparring.train(recipe_file(tmp_path), out=tmp_path / "run", quiet=True)
    target = tmp_path / f"out{ending}"
    files = sparring.sample(run.path, 30, target)
    if ending == "":
        assert files == 30
        written = read_pngs(target)
        assert np.array_equal(written, run.sample(30))
        with pytest.raises(RequestError, match="out is there already; take another name, or --overwrite"):
            sparring.sample(run.path, 3, target)
    elif ending == ".npz":
        with np.load(target) as stored:
            assert stored.files[0] == "images"
            assert stored["images"].shape == (30, 8, 8, 1)
            assert np.array_equal(stored["images"][..., 0], run.sample(30))
    else:
        with Image.open(target) as sheet:
            assert sheet.width > 100
    with pytest.raises(RequestError, match="ends in none of"):
        sparring.sample(run.path, 3, tmp_path / "x.jpg")


def test_sixteen_bit_samples_come_back_in_sixteen_bits(tmp_path: Path) -> None:
    source = np.random.default_rng(0)
    for number in range(40):
        image = source.integers(1000, 60000, (8, 8)).astype(np.uint16)
        (tmp_path / "deep").mkdir(exist_ok=True)
        Image.fromarray(image).save(tmp_path / "deep" / f"{number:02d}.png")
    recipe = recipe_file(tmp_path, data={"images": {"path": str(tmp_path / "deep")}})
    run = sparring.train(recipe, out=tmp_path / "run", quiet=True)
    sparring.sample(run.path, 10, tmp_path / "out")
    written = read_pngs(tmp_path / "out")
    assert written.dtype == np.uint16
    assert written.max() > 255
    assert np.array_equal(written, run.sample(10))


def test_points_are_written_as_tables(tmp_path: Path) -> None:
    recipe = recipe_file(tmp_path, data={"ring": {"count": 500}}, score={})
    run = sparring.train(recipe, out=tmp_path / "run", quiet=True)
    assert {"modes", "high_quality"} <= set(run.scores)
    sparring.sample(run.path, 20, tmp_path / "points.csv")
    lines = (tmp_path / "points.csv").read_text().splitlines()
    assert (lines[0], len(lines)) == ("x0,x1", 21)
    assert run.sample(7).shape == (7, 2)


def test_stacked_digits_are_scored_by_the_digits_they_show(tmp_path: Path) -> None:
    recipe = recipe_file(tmp_path, data={"stacked_digits": {"count": 1000}}, score={"metrics": ["modes", "fid"]})
    run = sparring.train(recipe, out=tmp_path / "run", quiet=True)
    assert run.scores["modes"]["protocol"]["modes"] == 1000
    assert 1 <= run.scores["modes"]["value"] <= 100
    assert run.scores["fid"]["protocol"]["extractor"] == "classifier per channel"


def test_budgets(tmp_path: Path) -> None:
    recipe = recipe_file(tmp_path, score={"metrics": []})
    assert sparring.train(recipe, out=tmp_path / "a", for_="0.1kimg", quiet=True).step == 6
    timed = sparring.train(recipe, out=tmp_path / "b", for_="2s-cpu", quiet=True)
    assert timed.recipe.budget == "2s-cpu"
    assert 1.5 < final_state(timed.path)["processor"] < 2.5
    again = sparring.train(recipe, out=tmp_path / "b", for_="2s-cpu", quiet=True)  # and is done
    assert again.step == timed.step
    longer = sparring.train(recipe, out=tmp_path / "b", for_="3s-cpu", quiet=True)
    assert longer.step > timed.step


def test_a_batch_in_parts_gives_the_same_run(tmp_path: Path) -> None:
    options = {"score": {"metrics": []}, "discriminator": {"net": {"dense": {"widths": [16]}}, "terms": {"r1": None}}}
    whole = sparring.train(recipe_file(tmp_path, **options), out=tmp_path / "a", quiet=True)
    parts = sparring.train(recipe_file(tmp_path, **options), "microbatch=5", out=tmp_path / "b", quiet=True)
    first, second = flat(final_state(whole.path)["nets"]), flat(final_state(parts.path)["nets"])
    for name, tensor in first.items():
        torch.testing.assert_close(tensor, second[name], atol=2e-4, rtol=1e-3)


DENSE: dict[str, Any] = {"net": {"dense": {"widths": [16]}}}
TERMS_OF_BATCHES = {"discriminator": DENSE, "generator": DENSE | {"terms": {"feature_matching": {}}}}


def test_a_term_of_whole_batches_takes_no_parts(tmp_path: Path) -> None:
    recipe = recipe_file(tmp_path, **TERMS_OF_BATCHES)
    with pytest.raises(RequestError, match="generator.terms.feature_matching: is of whole batches, and microbatch=8"):
        sparring.train(recipe, "microbatch=8", out=tmp_path / "parts", quiet=True)
    sparring.train(recipe, "microbatch=16", "steps=2", out=tmp_path / "whole", quiet=True)  # which is no part


@pytest.mark.parametrize(
    ("options", "told"),
    [({}, "microbatch=4 was tried and fits"), (TERMS_OF_BATCHES, r"take a smaller batch, .* \(.*of whole batches")],
)
def test_lack_of_memory_says_what_to_lower(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any], told: str
) -> None:
    """A step that fits 4 samples and no more."""
    from sparring.data import Batch

    real = Batch.samples.fget  # type: ignore[attr-defined]

    def cramped(self: Batch) -> Tensor:
        if self.size > 4:
            raise RuntimeError(
                "[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes."
            )
        return real(self)  # type: ignore[no-any-return]

    monkeypatch.setattr(Batch, "samples", property(cramped))
    with pytest.raises(TrainingError, match="out of memory at batch=16; " + told):
        sparring.train(recipe_file(tmp_path, **options), out=tmp_path / "run", quiet=True)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_both_precisions_train(tmp_path: Path, precision: str) -> None:
    nets = {"net": {"dcgan": {"widths": [8, 8], "kernel": 3}}}
    recipe = recipe_file(tmp_path, generator=nets, discriminator=nets | {"terms": {"r1": None}}, score={"metrics": []})
    run = sparring.train(recipe, f"precision={precision}", out=tmp_path / "run", quiet=True)
    assert json.loads(run.dir.environment.read_text())["plan"]["precision"] == precision
    assert all(tensor.dtype == torch.float32 for tensor in run.generator.state_dict().values() if tensor.ndim)


def test_numbers_are_sent_to_tensorboard(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # tensorboard's own
        run = sparring.train(recipe_file(tmp_path), "tracker=tensorboard", out=tmp_path / "run", quiet=True)
        from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

        events = EventAccumulator(str(run.path / "tensorboard"))
        events.Reload()
    found = [event.step for event in events.Scalars("discriminator_loss")]
    assert found == [1, 6, 11, 12]


def test_dropout_that_is_always_on_is_on_wherever_samples_are_made(tmp_path: Path) -> None:
    """In the pictures and scores of a training, in those of a loaded run, and by the same draws."""
    options = small_fields()["generator"] | {"surgery": {"dropout": {"rate": 0.5, "when": "always"}}}
    path = recipe_file(tmp_path, generator=options)
    for ema in ("{half_life: 100}", "null"):
        run = sparring.train(path, f"ema={ema}", "score.metrics=[]", out=tmp_path / ema[:5], quiet=True)
        again = sparring.load(run.path)
        assert np.array_equal(run.sample(4), again.sample(4))
        latents = torch.zeros(2, 8)
        assert not torch.equal(*again.generator(latents))  # the same latent twice: only dropout tells them apart
        for layer in random_layers(again.generator):
            layer.always = False
        assert not np.array_equal(run.sample(4), again.sample(4))


def test_deterministic_asks_pytorch_for_it(tmp_path: Path) -> None:
    try:
        run = sparring.train(
            recipe_file(tmp_path), "deterministic=true", "score.metrics=[]", out=tmp_path / "run", quiet=True
        )
        assert torch.are_deterministic_algorithms_enabled()
        assert run.environment["plan"]["deterministic"] is True
    finally:
        torch.use_deterministic_algorithms(False)


def test_a_state_with_moments_beyond_numbers_is_not_saved(tmp_path: Path) -> None:
    """A squared gradient overflows before its weight does, and the weight would never move again."""
    match = build(small_recipe(), Digits().load(), Engine(choose_plan("cpu", "fp32", images=True)))
    next(match.play())
    check_weights(match)
    weight = next(iter(match.generator.parameters()))
    match.players["generator"].optimiser.state[weight]["exp_avg_sq"].fill_(float("inf"))
    with pytest.raises(Diverged, match="exp_avg_sq"):
        check_weights(match)


def test_weights_taken_from_another_run_are_there_from_the_first_checkpoint_on(tmp_path: Path) -> None:
    """So that a run killed before its second goes on from them."""
    source = sparring.train(recipe_file(tmp_path), "score.metrics=[]", out=tmp_path / "source", quiet=True)
    words = ["score.metrics=[]", "seed=5", "steps=2"]
    tuned = sparring.train(recipe_file(tmp_path), *words, out=tmp_path / "tuned", from_=source.path, quiet=True)
    first = RunDir(tuned.path).load(0)["nets"]["discriminator"]
    wanted = final_state(source.path)["nets"]["discriminator"]
    assert all(torch.equal(first[name], tensor) for name, tensor in wanted.items())
    assert tuned.environment["from"] == f"{source.path.resolve()} at step 12"


def test_what_a_beginning_that_was_cut_off_left_is_not_taken_up(tmp_path: Path) -> None:
    other = sparring.train(recipe_file(tmp_path), "score.metrics=[]", out=tmp_path / "run", quiet=True)
    for path in other.path.iterdir():
        if path.name != "checkpoints":
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    sparring.train(recipe_file(tmp_path), "score.metrics=[]", "seed=3", out=tmp_path / "run", quiet=True)
    fresh = sparring.train(recipe_file(tmp_path), "score.metrics=[]", "seed=3", out=tmp_path / "fresh", quiet=True)
    assert_same_state(final_state(other.path), final_state(fresh.path))


def test_words_alone_go_on_with_the_run_they_are_said_of(tmp_path: Path) -> None:
    run = sparring.train(recipe_file(tmp_path), "score.metrics=[]", out=tmp_path / "run", quiet=True)
    assert sparring.train("log_every=7", "steps=20", out=run.path, quiet=True).step == 20
    assert sparring.load(run.path).recipe.log_every == 7
    with pytest.raises(RequestError, match="batch=16, not 8"):
        sparring.train("batch=8", out=run.path, quiet=True)


def test_own_networks_that_draw_resume_to_the_bits(tmp_path: Path) -> None:
    """They draw from PyTorch's own generator, which each turn seeds."""

    def own() -> nn.Module:
        torch.manual_seed(0)
        layers = [nn.Flatten(), nn.Linear(64, 16), nn.LeakyReLU(), nn.Dropout(0.5), nn.Linear(16, 1)]
        return nn.Sequential(*layers)

    recipe = recipe_file(tmp_path)
    words = ["score.metrics=[]", "steps=16"]
    through = sparring.train(recipe, *words, out=tmp_path / "through", discriminator=own(), quiet=True)
    torch.rand(77)
    with StopAfter(7):
        sparring.train(recipe, *words, out=tmp_path / "stopped", discriminator=own(), quiet=True)
    torch.rand(5)
    sparring.train(out=tmp_path / "stopped", discriminator=own(), quiet=True)
    assert_same_state(final_state(through.path), final_state(tmp_path / "stopped"))


def test_other_data_are_scored_as_the_run_makes_samples(tmp_path: Path) -> None:
    """With its own labels, whatever the other data's; and nothing of them can have been memorised."""
    labelled = {"from_noise": {"labels": "projection", "latent": {"normal": {"size": 8}}}}
    run = sparring.train(recipe_file(tmp_path, game=labelled), "score.metrics=[]", out=tmp_path / "run", quiet=True)
    images = np.random.default_rng(0).integers(0, 17, (80, 8, 8), dtype=np.uint8)
    np.savez(tmp_path / "none.npz", images=images)
    np.savez(tmp_path / "more.npz", images=images, labels=np.arange(80) % 40)
    for name in ("none", "more"):
        found = sparring.evaluate(run, data=tmp_path / f"{name}.npz", extractor="pixels")
        assert {"fid", "coverage"} <= set(found["scores"])
        assert "memorisation" not in found["scores"]
    with pytest.raises(RequestError, match="memorisation"):
        sparring.evaluate(run, data=tmp_path / "none.npz", metrics="memorisation", extractor="pixels")


def test_scores_add_up_and_are_given_even_where_they_cannot_be_kept(tmp_path: Path) -> None:
    run = sparring.train(recipe_file(tmp_path), "score.metrics=[fid]", out=tmp_path / "run", quiet=True)
    sparring.evaluate(run, metrics="kid")
    assert set(sparring.load(run.path).scores) == {"fid", "kid"}
    with run.dir.owned():  # as by a training that goes on
        assert set(sparring.evaluate(run.path, metrics="coverage")["scores"]) == {"coverage"}
    assert set(sparring.load(run.path).scores) == {"fid", "kid"}


def test_a_report_without_the_data(tmp_path: Path, pictures: Path, capfd: pytest.CaptureFixture[str]) -> None:
    fields = {"data": {"images": {"path": str(pictures), "size": 8}}}
    run = sparring.train(recipe_file(tmp_path, **fields), "score.metrics=[]", out=tmp_path / "run", quiet=True)
    pictures.rename(tmp_path / "elsewhere")
    run.dir.report.unlink()
    assert sparring.report(run.path).exists()
    assert "without real images" in capfd.readouterr().err


def test_a_disk_that_fills_while_logging_ends_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device", "log.jsonl")

    monkeypatch.setattr("sparring.runs.observers.append_line", full)
    with pytest.raises(
        RequestError, match=r"log.jsonl: cannot be written \(No space left on device\); the run is intact"
    ):
        sparring.train(recipe_file(tmp_path), "score.metrics=[]", out=tmp_path / "run", quiet=True)
    monkeypatch.undo()
    assert sparring.train(recipe_file(tmp_path), "score.metrics=[]", out=tmp_path / "run", quiet=True).step == 12


def test_losses_of_a_device_that_works_ahead_are_looked_at_together() -> None:
    """The first step that fell is named, however much later it is seen; and nothing is saved unseen."""
    losses = [1.0, float("nan"), 2.0, float("inf"), 3.0]
    steps = [
        Step(n, None, [{"loss": torch.tensor(loss)}], [{"loss": torch.tensor(0.5)}]) for n, loss in enumerate(losses)
    ]
    watch = trainer.Watch(4)
    for step in steps[:3]:
        watch.see(step)
    with pytest.raises(Diverged) as fall:
        watch.see(steps[3])
    assert fall.value.step == 1
    watch.see(steps[0])
    watch.look()
    watch.see(steps[1])
    with pytest.raises(Diverged):
        watch.look()
    watch.look()
