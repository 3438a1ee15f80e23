"""What a page does with a run that makes images of images; no page is needed for it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import sparring
from sparring.base.errors import RequestError
from sparring.kinds.translation.acting import (
    EXAMPLES,
    act_on,
    examples,
    fitted,
    mask_of,
    picture_in,
    shown,
)
from sparring.kinds.translation.remaking import directions_of
from sparring.runs.run import Run
from tests.kinds.demos.runs import gradient

Trained = Callable[[str], Run]


def box(size: tuple[int, int], left: int = 3, top: int = 4, right: int = 9, bottom: int = 11) -> Image.Image:
    """A mask of a size (width, height) with one hole."""
    mask = np.zeros(size[::-1], np.uint8)
    mask[top:bottom, left:right] = 255
    return Image.fromarray(mask)


def read(path: Path) -> Image.Image:
    with Image.open(path) as image:
        return image.copy()


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "I;16"])
@pytest.mark.parametrize("size", [(16, 16), (37, 22)])
def test_outside_the_mask_every_pixel_stays(trained: Trained, mode: str, size: tuple[int, int], tmp_path: Path) -> None:
    picture = gradient(size, "L" if mode == "I;16" else mode)
    if mode == "I;16":
        picture = Image.fromarray((np.asarray(picture).astype(np.uint16) * 257) ^ 1)
    picture.save(tmp_path / "mine.png")
    mask, run = box(size), trained("fill")
    path = act_on(run.trained(), tmp_path / "mine.png", tmp_path, mask)
    assert path == tmp_path / "mine-tiny-fill.png"
    found = read(path)
    assert (found.mode, found.size) == (picture.mode, size)
    before, after = np.asarray(picture), np.asarray(found)
    outside = np.asarray(mask) == 0
    assert np.array_equal(before[outside], after[outside])
    assert not np.array_equal(before[~outside], after[~outside])
    (tmp_path / "again").mkdir()
    again = act_on(run.trained(), tmp_path / "mine.png", tmp_path / "again", mask)
    assert again.read_bytes() == path.read_bytes(), "each time the same"


def test_it_is_what_the_verb_makes(trained: Trained, tmp_path: Path) -> None:
    run = trained("fill")
    gradient((30, 20)).save(tmp_path / "mine.jpg")
    box((30, 20)).save(tmp_path / "mask.png")
    path = act_on(run.trained(), tmp_path / "mine.jpg", tmp_path, box((30, 20)))
    assert path.name == "mine-tiny-fill.png", "JPEG would change what must stay"
    (wanted,) = sparring.translate(
        run, tmp_path / "mine.jpg", tmp_path / "verb.png", tmp_path / "mask.png", device="cpu"
    )
    assert wanted.read_bytes() == path.read_bytes()


def test_masks_that_are_none_are_refused(trained: Trained, tmp_path: Path) -> None:
    run, source = trained("fill"), tmp_path / "mine.png"
    gradient((16, 16)).save(source)
    for mask, told in (
        (None, "mask: nothing is painted"),
        (Image.new("L", (16, 16)), "mask: nothing is painted"),
        (Image.new("L", (16, 16), 255), "mask: all is painted"),
    ):
        with pytest.raises(RequestError, match=told):
            act_on(run.trained(), source, tmp_path, mask)
    with pytest.raises(RequestError, match="direction: 'up' is none"):
        act_on(run.trained(), source, tmp_path, box((16, 16)), "up")
    assert directions_of(run.trained()) == ()


def test_what_is_transparent_is_filled_without_a_mask(trained: Trained, tmp_path: Path) -> None:
    picture, mask = gradient((16, 16)), box((16, 16))
    picture.putalpha(mask.point(lambda value: 255 - value))
    picture.save(tmp_path / "mine.png")
    found = read(act_on(trained("fill").trained(), tmp_path / "mine.png", tmp_path))
    assert found.getchannel("A").getextrema() == (255, 255)


def test_a_painted_mask_is_where_any_layer_shows(trained: Trained) -> None:
    clear = Image.new("RGBA", (40, 20), (9, 9, 9, 0))
    first, second = clear.copy(), clear.copy()
    first.putpixel((4, 6), (0, 0, 0, 1))
    second.paste((20, 180, 160, 190), (30, 10, 40, 20))
    mask = mask_of([first, second], (40, 20))
    assert mask is not None
    painted = np.asarray(mask)
    assert (painted[6, 4], int((painted > 0).sum())) == (255, 1 + 100)
    small, wide = mask_of([first], (10, 5)), mask_of([second], (80, 40))
    assert small is not None
    assert wide is not None
    assert np.argwhere(np.asarray(small)).tolist() == [[1, 1]], "a thin stroke stays"
    assert int((np.asarray(wide) > 0).sum()) == 400
    assert mask_of([], (4, 4)) is None


def test_what_is_no_picture_is_refused_by_name(trained: Trained, tmp_path: Path) -> None:
    (tmp_path / "words.png").write_text("these are words")
    frames = [gradient((8, 8)), gradient((8, 8)).rotate(90)]
    frames[0].save(tmp_path / "film.gif", save_all=True, append_images=frames[1:])
    (tmp_path / "words.txt").write_text("these are words")
    for name in ("words.png", "film.gif", "words.txt"):
        for act in (picture_in, lambda path: act_on(trained("fill").trained(), path, tmp_path, box((8, 8)))):
            with pytest.raises(RequestError) as refused:
                act(tmp_path / name)
            assert str(refused.value).startswith(f"{name}: ")
            assert str(tmp_path) not in str(refused.value)


def test_pictures_are_shown_in_8_bits_within_their_edges(tmp_path: Path) -> None:
    assert fitted(gradient((16, 8))).size == (512, 256)
    assert fitted(gradient((700, 30))).size == (700, 30)
    assert fitted(gradient((4000, 2000))).size == (1024, 512)
    assert fitted(gradient((4000, 1))).size == (1024, 1)
    gradient((700, 30)).save(tmp_path / "mine.png")
    assert np.array_equal(np.asarray(shown(picture_in(tmp_path / "mine.png"))), np.asarray(gradient((700, 30))))


def test_16_bits_are_shown_from_the_lowest_to_the_highest_value(tmp_path: Path) -> None:
    ramp = np.linspace(1000, 3000, 600).astype(np.uint16)[None].repeat(4, 0)
    Image.fromarray(ramp).save(tmp_path / "deep.png")
    Image.fromarray(ramp // 2 + 500).save(tmp_path / "flat.png")
    deep, flat = picture_in(tmp_path / "deep.png"), picture_in(tmp_path / "flat.png")
    assert np.asarray(shown(deep))[0, [0, -1], 0].tolist() == [0, 255]
    assert np.asarray(shown(flat))[0, [0, -1], 0].tolist() == [0, 255]
    assert np.asarray(shown(flat, deep))[0, [0, -1], 0].tolist() == [0, 128], "beside the other, on its scale"


def test_examples_are_held_out_images(trained: Trained) -> None:
    data = trained("fill").recipe.data.load()
    found = examples(data)
    held = {sample.permute(1, 2, 0).numpy().tobytes() for sample in data.stored(data.heldout)}
    assert len(found) == EXAMPLES
    assert len({np.asarray(one).tobytes() for one in found} & held) == EXAMPLES


def test_pairs_are_translated_in_any_size_to_the_runs_own_channels(trained: Trained, tmp_path: Path) -> None:
    run = trained("paired")
    for size in ((16, 16), (50, 21)):
        gradient(size).save(tmp_path / "mine.png")
        found = read(act_on(run.trained(), tmp_path / "mine.png", tmp_path))
        assert (found.size, found.mode) == (size, "RGB"), "grey in, colours out"
    data = run.recipe.data.load()
    assert {one.mode for one in examples(data)} == {"L"}
    assert {one.mode for one in examples(data, back=True)} == {"RGB"}


def test_a_run_both_ways_goes_the_way_it_is_told(trained: Trained, tmp_path: Path) -> None:
    run = trained("cycle")
    gradient((20, 30)).save(tmp_path / "mine.png")
    assert directions_of(run.trained()) == ("a2b", "b2a")
    there, back, usual = (
        np.asarray(read(act_on(run.trained(), tmp_path / "mine.png", tmp_path, None, way)))
        for way in ("a2b", "b2a", None)
    )
    assert there.shape == back.shape == (30, 20, 3)
    assert not np.array_equal(there, back)
    assert np.array_equal(there, usual)
