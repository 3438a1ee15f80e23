"""GANs that make images for `sparring augment`, how long they train, and images with made ones beside them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import sparring
from sparring.base import clock
from sparring.base.errors import RequestError
from sparring.gan.games import FromNoise
from sparring.kinds.images.augment.labelled import distinct
from sparring.kinds.images.augment.models import Network
from sparring.kinds.images.augment.schedule import planned
from sparring.kinds.images.augment.synthesis import write_enlarged
from sparring.kinds.images.sources import Images
from sparring.kinds.kind import Augment
from tests.conftest import write_images

WORDS = (
    "image/few",
    "generator.net.dcgan.widths=[8,4]",
    "generator.net.dcgan.strides=[2,2]",
    "discriminator.net.dcgan.widths=[4,8]",
    "discriminator.net.dcgan.strides=[2,2]",
)


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Networks of few steps, one seed to choose by, and no reports of runs."""
    monkeypatch.setattr("sparring.kinds.images.augment.models.FEWEST", 4)
    monkeypatch.setattr("sparring.kinds.images.augment.models.EPOCHS", 1)
    monkeypatch.setattr("sparring.kinds.images.augment.synthesis.CHOOSING", 1)
    monkeypatch.setattr("sparring.runs.reporting.write_report", lambda run, *others: run.dir.report.touch())


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    """Pictures in folders of their classes."""
    for number, name in enumerate(("no", "yes")):
        write_images(tmp_path / "scans" / name, 40, (12, 12), "L", seed=number)
    return tmp_path / "scans"


def asked(scans: Path, out: Path, **more: Any) -> Any:
    options = {"data": scans, "out": out, "seeds": 2, "mixes": (0.5,), "for_": "2steps"} | more
    return sparring.augment(*WORDS, **options, quiet=True)


def test_the_verb_answers_goes_on_and_writes(scans: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stopped after a seed, it comes to the numbers of one that was not; then the images are wanted, too."""
    whole = asked(scans, tmp_path / "whole")
    assert whole.verdict in ("helps", "harms", "no difference", "cannot tell")
    assert whole.setting.training_rows == 64
    assert json.loads((tmp_path / "whole" / "results.json").read_text())["verdict"] == whole.verdict

    train, calls = sparring.api.train, []

    def stopped(*words: Any, **options: Any) -> Any:
        calls.append(options["out"])
        if len(calls) == 2:
            raise KeyboardInterrupt
        return train(*words, **options)

    monkeypatch.setattr("sparring.api.train", stopped)
    with pytest.raises(KeyboardInterrupt):
        asked(scans, tmp_path / "gans")
    to = tmp_path / "more"
    again = asked(scans, tmp_path / "gans", to=to)
    assert again.to_json() == whole.to_json()
    written = {path.relative_to(to).parts for path in to.rglob("*.png")}
    assert len(written) == 80 + 40
    assert {folder for folder, _ in written} == {"no", "yes"}
    assert sum(name.startswith("made-") for _, name in written) == 40
    assert ("no", "real-000000.png") in written
    first = np.asarray(Image.open(to / "no" / "real-000000.png"))
    assert any(np.array_equal(first, np.asarray(Image.open(path))) for path in (scans / "no").iterdir())


def test_images_go_into_an_npz_with_their_names(scans: Path, tmp_path: Path) -> None:
    images, _ = distinct(Images(path=str(scans)).load(), "scans")
    write_enlarged(tmp_path / "more.npz", images, images.samples[:5], 1 - images.labels[:5])
    with np.load(tmp_path / "more.npz") as stored:
        assert stored["images"].shape == (85, 12, 12, 1)
        assert [images.names.index(name) for name in stored["labels"]] == [*images.labels, *(1 - images.labels[:5])]
    again, _ = distinct(Images(path=str(tmp_path / "more.npz")).load(), "more.npz")
    assert len(again) == 80


def test_where_nobody_says_how_long_the_steps_that_fit_are_taken_told_and_kept(
    scans: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    planned: list[Path] = []

    def plan(*words: str, data: Path, device: str) -> dict[str, Any]:
        planned.append(data)
        assert "game.from_noise.labels=auto" in words
        assert "data.images.mirror=true" in words
        return {"steps": 10_000, "seconds": 400_000.0}

    said: list[str] = []
    monkeypatch.setattr("sparring.api.plan", plan)
    monkeypatch.setattr("sparring.pages.console.Talk.say", lambda talk, line: said.append(line))
    options: dict[str, Any] = {"data": scans, "out": tmp_path / "gans", "seeds": 2, "mixes": (0.5,)}
    found = sparring.augment(*WORDS, "data.images.mirror=true", **options)
    kept = json.loads((tmp_path / "gans" / "plan.json").read_text())
    assert kept == {"steps": 4, "of": 10_000, "seconds": 160.0, "network": 4, "judging": kept["judging"]}
    told = next(line for line in said if line.startswith("3 generators of"))
    assert told.startswith(
        "3 generators of 4 steps, of the recipe's 10,000, about 2 min 40 s each, then models on each"
    )
    assert told.endswith(" in all")
    assert any("generators made 0% of their recipe's steps" in note for note in found.notes)
    assert sparring.load(tmp_path / "gans" / "seed-0" / "run").recipe.steps == 4
    assert sparring.load(tmp_path / "gans" / "seed-0" / "run").recipe.data.mirror
    assert planned == [tmp_path / "gans" / "seed-0" / "images.npz"]
    sparring.augment(*WORDS, "data.images.mirror=true", **options)
    assert len(planned) == 1


def test_each_generator_has_its_own_time(scans: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not what the ones before it left of the command's."""
    train, gone = sparring.api.train, []

    def seen(*words: Any, **options: Any) -> Any:
        gone.append(clock.now() - clock.began())
        monkeypatch.setattr(clock, "_command", [clock.now() - 1000.0])
        return train(*words, **options)

    monkeypatch.setattr("sparring.api.train", seen)
    monkeypatch.setattr(clock, "_command", [clock.now() - 1000.0])
    asked(scans, tmp_path / "gans", for_="1steps")
    assert len(gone) == 3
    assert max(gone) < 100


def test_a_batch_that_few_images_do_not_fill_is_made_smaller(tmp_path: Path) -> None:
    words = ("digits", "generator.net.dense.widths=[8]", "discriminator.net.dense.widths=[8]")
    sparring.augment(*words, data="digits", out=tmp_path, rows=40, seeds=2, mixes=(0.5,), for_="1steps", quiet=True)
    run = sparring.load(tmp_path / "seed-0" / "run")
    assert run.recipe.batch == 32
    assert run.recipe.game.labels == "projection"


def test_networks_make_fewer_steps_where_they_are_slow(
    scans: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images, _ = distinct(Images(path=str(scans)).load(), "scans")
    places = np.arange(40)
    wish = Augment("scans", Images(path=str(scans)), FromNoise(), 16, None, tmp_path / "a", dict, length="2m")
    said: list[str] = []

    def steps(seconds: float, folder: str) -> int:
        monkeypatch.setattr(Network, "seconds", lambda model, images: (seconds, 0.0))
        models = {"network": Network(400, torch.device("cpu"))}
        asked = replace(wish, folder=tmp_path / folder)
        found = planned(asked, images, [(places, places)] * 4, models, (), said.append).models["network"]
        assert isinstance(found, Network)
        return found.steps

    assert steps(1.0, "quick") == 400
    assert steps(40.0, "slow") == 200  # 24 trainings in eight minutes
    assert steps(400.0, "slowest") == 100
    assert steps(1.0, "slow") == 200  # as it began
    assert said[1] == "4 generators of 2m each, then models on each in about 2 min 0 s"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"target": "no"}, "target: no; of images it is their labels that are told"),
        ({"models": ["netwrk"]}, "models: no model 'netwrk'; did you mean 'network'?"),
        ({"models": ["features"]}, "models: features cannot be had"),
        ({"rows": 70}, "rows: 70 to train with; it can be 10 to 64"),
        ({"to": "more.csv"}, "more.csv ends in none of a folder, .npz"),
        ({"to": ".", "overwrite": True}, "exists and is not an empty folder"),
        ({"seeds": 1}, "seeds: 1"),
        ({"mixes": (0.0,)}, "mixes"),
        ({"data": "bare"}, "has no labels"),
    ],
)
def test_a_wrong_request_is_told_in_one_line_before_anything_is_trained(
    scans: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any], told: str
) -> None:
    monkeypatch.setattr("sparring.kinds.images.augment.models.pretrained", lambda device: None)
    if "data" in change:
        change = {"data": write_images(tmp_path / "bare", 40, (12, 12), "L")}
    with pytest.raises(RequestError) as caught:
        asked(scans, tmp_path / "gans", **change)
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "gans").exists()
