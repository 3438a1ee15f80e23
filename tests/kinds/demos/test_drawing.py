"""What a page does with a run from noise; no page is needed for it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from PIL import Image

from sparring.base.draws import Key
from sparring.base.errors import RequestError
from sparring.data import DataSet
from sparring.gan.insight.exploring import between
from sparring.kinds.images.drawing import GAP, enlarged
from sparring.kinds.noise import NoiseKind
from sparring.kinds.studio import Studio, checked_seed
from sparring.kinds.tables.hints import choices, conditions, hint
from sparring.runs.run import Run

Trained = Callable[[str], Run]


def cell(picture: Image.Image, number: int, columns: int) -> np.ndarray:
    """A digit on a sheet, brought back to its 8 x 8 pixels."""
    wide = (picture.width + GAP) // columns - GAP
    left, top = number % columns * (wide + GAP), number // columns * (wide + GAP)
    one = picture.crop((left, top, left + wide, top + wide)).resize((8, 8), Image.Resampling.NEAREST)
    return np.asarray(one.convert("L"))


def same(one: Image.Image, other: Image.Image) -> bool:
    return np.array_equal(np.asarray(one), np.asarray(other))


def studio_of(run: Run, data: DataSet | None = None) -> Studio:
    assert isinstance(run.kind, NoiseKind)
    return Studio(run.kind, run.trained(), data)


def test_samples_are_those_that_the_run_gives(trained: Trained) -> None:
    run = trained("plain")
    sheet = studio_of(run).samples(3, 9)
    for number, sample in enumerate(run.sample(9, seed=3)):
        assert np.array_equal(cell(sheet, number, 3), sample)
    assert same(sheet, studio_of(run).samples(3, 9))
    assert not same(sheet, studio_of(run).samples(4, 9))


def test_labels_are_offered_where_there_are_some_and_heeded(trained: Trained) -> None:
    assert studio_of(trained("plain")).labels == []
    run = trained("labels")
    studio = studio_of(run)
    assert studio.labels == [str(digit) for digit in range(10)]
    assert np.array_equal(cell(studio.samples(0, 4, "7"), 1, 2), run.sample(4, 0, "7")[1])
    with pytest.raises(RequestError, match="label: 'seven' is not known"):
        studio.samples(0, 4, "seven")


@pytest.mark.parametrize("case", ["plain", "labels"])
def test_the_way_begins_and_ends_at_the_two_seeds_samples(trained: Trained, case: str) -> None:
    run = trained(case)
    studio = studio_of(run)
    label = "2" if case == "labels" else None
    start, strip = studio.way(5, 6, 0.0, label)
    end, _ = studio.way(5, 6, 1.0, label)
    for seed, one, place in ((5, start, 0), (6, end, 8)):
        sample = run.sample(1, seed, label)[0].astype(int)
        assert np.abs(cell(one, 0, 1) - sample).max() <= 1
        assert np.abs(cell(strip, place, 9) - sample).max() <= 1
    assert same(studio.way(5, 5, 0.3, label)[0], studio.way(5, 5, 0.9, label)[0]), "from a sample to itself"


def test_latents_on_the_way_keep_their_length(trained: Trained) -> None:
    pair = studio_of(trained("plain")).trained
    first, last = torch.eye(8)[:1] * 2, torch.eye(8)[1:2] * 2
    way = between(pair, first, last, [0.0, 0.5, 1.0])
    assert torch.allclose(way.norm(dim=1), torch.full((3,), 2.0))
    assert torch.allclose(way[[0, 2]], torch.cat((first, last)), atol=1e-6)


def test_sliders_at_zero_leave_samples_and_each_moves_them(trained: Trained) -> None:
    run = trained("plain")
    studio = studio_of(run)
    assert list(studio.found) == ["GANSpace", "SeFa"]
    for method, found in studio.found.items():
        assert len(found) == 6
        still = studio.moved(1, method, [0.0] * 6)
        for number, sample in enumerate(run.sample(4, seed=1)):
            assert np.array_equal(cell(still, number, 2), sample)
        for place in range(6):
            assert not same(still, studio.moved(1, method, [3.0 * (place == one) for one in range(6)]))
    seen = studio.moved(1, "SeFa", [0.0] * 6)
    assert same(seen, studio.moved(1, "GANSpace", [0.0] * 6))


def test_a_slider_moves_a_latent_by_its_standard_deviations(trained: Trained) -> None:
    """What is moved is what the run makes of the moved latents."""
    run = trained("plain")
    studio = studio_of(run)
    latents = studio.trained.latents(Key(2, "samples"), 4)
    moved = latents + 2 * latents.square().mean().sqrt() * studio.found["SeFa"][0].vector
    wanted = run.make(moved).numpy()[:, 0].astype(int)
    sheet = studio.moved(2, "SeFa", [2.0, 0, 0, 0, 0, 0])
    assert all(np.abs(cell(sheet, number, 2) - one).max() <= 1 for number, one in enumerate(wanted))


def test_points_are_drawn(trained: Trained) -> None:
    run = trained("points")
    data = run.recipe.data.load()
    first, second = studio_of(run, data).samples(0, 50), studio_of(run).samples(1, 50)
    assert first.size == second.size == (400, 400)
    assert not same(first.convert("RGB"), second.convert("RGB"))


def test_a_tables_page_knows_choices_and_conditions(trained: Trained) -> None:
    codec = trained("rows").codec
    assert choices(codec) == ["colour"]
    where = conditions(hint(codec))
    assert [one[:4] for one in where] == ["age>", "colo"]
    assert len(trained("rows").sample(5, where=where)) == 5
    assert conditions("age>60\n\n  colour=red ") == ["age>60", "colour=red"]


@pytest.mark.parametrize(("seed", "told"), [(None, "seed: is missing"), (-1, "seed: -1"), (0.5, "seed: 0.5")])
def test_what_is_no_seed_is_refused(seed: float | None, told: str) -> None:
    with pytest.raises(RequestError, match=told):
        checked_seed(seed)  # type: ignore[arg-type]


def test_small_samples_are_enlarged_and_large_ones_left() -> None:
    assert enlarged(torch.zeros(4, 1, 8, 8), None, 720).size == (2 * 360 + GAP, 2 * 360 + GAP)
    assert enlarged(torch.zeros(2, 1, 900, 900), 2, 720).size == (1800 + GAP, 900)
    assert enlarged(torch.zeros(1, 3, 10, 20), None, 720).size == (720, 360)
