"""`sparring translate` as its users call it, and what the other verbs make of a run that turns images into images."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

import sparring
from sparring.kinds.kind import Way
from sparring.kinds.translation.remaking import translation_of
from tests.cli.test_bad_input import Result, command, recipe, refused
from tests.conftest import write_images
from tests.kinds.translation.from_images import TRANSLATED, data_of, mask, picture, words_of

__all__ = ["command"]  # the fixture
Command = Callable[..., Result]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of runs by the last word of their recipes, and one from noise."""
    folder = tmp_path_factory.mktemp("runs")
    for name in ("translate/paired", "translate/unpaired", "translate/cycle", "inpaint/photos", "style/single"):
        short = name.split("/")[1]
        data = data_of(name, folder / f"{short}-data")
        sparring.train(name, *words_of(name), data=data, out=folder / short, quiet=True)
    sparring.train(str(recipe(folder)), "score.metrics=[]", out=folder / "noise", quiet=True)
    return folder


def pixels(path: Path) -> NDArray[np.uint8]:
    with Image.open(path) as image:
        return np.asarray(image)


def test_a_picture_of_any_size_comes_back_in_its_size(runs: Path, command: Command, tmp_path: Path) -> None:
    source = picture(tmp_path / "in.png")
    status, out, err = command("translate", runs / "paired", source, "--to", "out.png")
    told, written = err.splitlines()
    assert (status, out, written) == (0, "", "out.png: 1 picture")
    assert told.startswith("scale: training saw images at 32 x 32; pictures are brought to that (45 x 61 to 32 x 43")
    assert pixels(tmp_path / "out.png").shape == (*TRANSLATED, 3)
    status, out, err = command("translate", runs / "paired", source, "--to", "own.png", "--scale", 1)
    assert (status, err.splitlines()[1]) == (0, "own.png: 1 picture")
    assert err.startswith("scale: 1 is 1.41 times as large as training saw images at 32 x 32")
    assert not np.array_equal(pixels(tmp_path / "own.png"), pixels(tmp_path / "out.png"))
    for wrong in ("0", "-1", "nan", "65"):
        refused(command("translate", runs / "paired", source, "--to", "own.png", f"--scale={wrong}"), "scale")
    command("translate", runs / "paired", source, "--to", "folder")
    assert np.array_equal(pixels(tmp_path / "folder" / "in.png"), pixels(tmp_path / "out.png"))


def test_only_what_was_trained_on_crops_is_framed(runs: Path, command: Command, tmp_path: Path) -> None:
    source = picture(tmp_path / "in.png")
    assert command("translate", runs / "single", source, "--to", "out.png")[0] == 0
    assert pixels(tmp_path / "out.png").shape == (*TRANSLATED, 3)
    loaded = {name: sparring.load(runs / name).trained() for name in ("single", "unpaired", "photos")}
    framed = {name: translation_of(trained, Way()).framed for name, trained in loaded.items()}
    assert framed == {"single": True, "unpaired": False, "photos": False}


def test_of_a_folder_the_good_are_done_and_the_bad_are_told(runs: Path, command: Command, tmp_path: Path) -> None:
    picture(tmp_path / "in" / "a.png")
    picture(tmp_path / "in" / "below" / "z.png", size=(33, 20))
    (tmp_path / "in" / "m.png").write_text("no picture")
    result = command("translate", runs / "unpaired", "in", "--to", "out")
    refused(result, "1 of 3 pictures not translated", "in/m.png")
    assert pixels(tmp_path / "out" / "a.png").shape == (*TRANSLATED, 3)
    assert pixels(tmp_path / "out" / "below" / "z.png").shape == (33, 20, 3)
    assert not (tmp_path / "out" / "m.png").exists()


def test_a_mask_says_what_is_filled(runs: Path, command: Command, tmp_path: Path) -> None:
    source, holes = picture(tmp_path / "in.png"), mask(tmp_path / "mask.png")
    assert command("translate", runs / "photos", source, "--to", "out.png", "--mask", holes)[0] == 0
    changed = (pixels(tmp_path / "out.png") != pixels(source)).any(-1)
    inside = pixels(holes) > 0
    assert changed[inside].mean() > 0.9
    assert not changed[~inside].any()


def test_masks_that_do_not_fit_are_one_line(runs: Path, command: Command, tmp_path: Path) -> None:
    source, holes = picture(tmp_path / "in.png"), mask(tmp_path / "mask.png")
    to = ("--to", "out.png")
    refused(command("translate", runs / "photos", source, *to), "in.png", "give a mask")
    refused(command("translate", runs / "paired", source, *to, "--mask", holes), "mask.png", "fills no holes")
    small = mask(tmp_path / "small.png", (40, 61))
    refused(command("translate", runs / "photos", source, *to, "--mask", small), "small.png", "45")
    for name, grey in (("none", 0), ("whole", 255)):
        Image.new("L", TRANSLATED[::-1], grey).save(f"{name}.png")
        refused(command("translate", runs / "photos", source, *to, "--mask", f"{name}.png"), f"{name}.png", "hole")
    assert not (tmp_path / "out.png").exists()


def test_a_cycle_goes_both_ways(runs: Path, command: Command, tmp_path: Path) -> None:
    source = picture(tmp_path / "in.png")
    for words in ((), ("--direction", "a2b"), ("--direction", "b2a")):
        name = words[-1] if words else "plain"
        assert command("translate", runs / "cycle", source, "--to", f"{name}.png", *words)[0] == 0
    plain, there, back = (pixels(tmp_path / f"{name}.png") for name in ("plain", "a2b", "b2a"))
    assert np.array_equal(plain, there)
    assert not np.array_equal(there, back)


@pytest.mark.parametrize(
    ("run", "direction", "told"),
    [
        ("paired", "b2a", "train with data.pairs.direction=b2a"),
        ("unpaired", "b2a", "train with data.sides.direction=b2a"),
        ("photos", "a2b", "knows one way only"),
        ("cycle", "b2c", "'b2c' is none; say a2b or b2a"),
    ],
)
def test_other_runs_go_one_way(
    run: str, direction: str, told: str, runs: Path, command: Command, tmp_path: Path
) -> None:
    source = picture(tmp_path / "in.png")
    refused(command("translate", runs / run, source, "--to", "out.png", "--direction", direction), "direction", told)


def test_seeds_are_of_the_dropout_that_is_always_on(runs: Path, command: Command, tmp_path: Path) -> None:
    source = picture(tmp_path / "in.png")
    for run in ("paired", "cycle"):
        for name, seed in (("one", 1), ("again", 1), ("two", 2)):
            assert command("translate", runs / run, source, "--to", f"{run}-{name}.png", "--seed", seed)[0] == 0
    one, again, two = (pixels(tmp_path / f"paired-{name}.png") for name in ("one", "again", "two"))
    assert np.array_equal(one, again)
    assert not np.array_equal(one, two)
    assert np.array_equal(pixels(tmp_path / "cycle-one.png"), pixels(tmp_path / "cycle-two.png"))


def test_large_pictures_go_in_tiles(runs: Path, command: Command, tmp_path: Path) -> None:
    """Of a network of finite reach, nearly the picture done whole."""
    source = picture(tmp_path / "in.png", size=(150, 170))
    holes = mask(tmp_path / "mask.png", (150, 170))
    for name, words in (("whole", ()), ("tiles", ("--tile", 48))):
        words = ("--mask", holes, "--scale", 1, *words)
        assert command("translate", runs / "photos", source, "--to", f"{name}.png", *words)[0] == 0
    whole, tiles = (pixels(tmp_path / f"{name}.png").astype(int) for name in ("whole", "tiles"))
    assert abs(whole - tiles).max() <= 1
    for edge in (0, -3):
        refused(command("translate", runs / "photos", source, "--to", "o.png", f"--tile={edge}"), f"tile: {edge} is no")


def test_runs_are_told_apart(runs: Path, command: Command, tmp_path: Path) -> None:
    source = picture(tmp_path / "in.png")
    refused(command("translate", runs / "noise", source, "--to", "o.png"), "noise", "sparring sample")
    refused(command("sample", runs / "paired", "--to", "o.png"), "paired", "sparring translate")
    refused(command("explore", runs / "paired"), "explore", "latents", "the game paired has none")
    refused(
        command("evaluate", runs / "paired", "--metrics", "robustness"),
        "metrics: robustness",
        "the game paired has none",
    )
    refused(command("translate", tmp_path / "nowhere", source, "--to", "o.png"), "nowhere", "no such run")
    refused(command("translate", runs / "paired", "gone.png", "--to", "o.png"), "gone.png", "no such file")
    assert not (tmp_path / "o.png").exists()


@pytest.mark.parametrize(
    ("run", "named"),
    [
        ("paired", ["patch_kid", "psnr", "ssim", "ms_ssim_pairs", "mae", "kid", "fid"]),
        ("photos", ["psnr", "ssim", "mae", "patch_kid", "kid", "fid"]),
        ("cycle", ["kid", "patch_kid", "fid", "precision", "recall", "coverage"]),
    ],
)
def test_runs_are_scored_by_what_they_are_for(run: str, named: list[str], runs: Path, command: Command) -> None:
    status, out, _ = command("evaluate", runs / run, "--json")
    assert status == 0
    scores = json.loads(out)["scores"]
    assert list(scores) == named
    for one in scores.values():
        low, high = one["interval"]
        assert low <= one["value"] <= high
    if run == "photos":
        assert scores["psnr"]["protocol"]["over"] == "in the hole"


def test_other_data_are_scored_too(runs: Path, command: Command, tmp_path: Path) -> None:
    for seed, side in enumerate("ab", 5):
        write_images(tmp_path / "more" / side, 60, (32, 32), seed=seed)
    status, out, err = command("evaluate", runs / "paired", "--data", "more", "--metrics", "psnr,mae", "--json")
    assert status == 0, err
    scores = json.loads(out)["scores"]
    assert list(scores) == ["psnr", "mae"]
    assert scores["psnr"]["protocol"]["data"] == "more"


def test_runs_are_diagnosed_reported_and_compared(runs: Path, command: Command, tmp_path: Path) -> None:
    status, out, _ = command("diagnose", runs / "cycle", "--json")
    assert status == 0
    assert json.loads(out)["verdict"] == "too-early", "two steps tell nothing"
    assert command("report", runs / "cycle")[:2] == (0, f"{runs / 'cycle' / 'report.html'}\n")
    assert command("compare", runs / "paired", runs / "cycle", "--out", "both.html")[0] == 0
    assert "cycle" in (tmp_path / "both.html").read_text()
