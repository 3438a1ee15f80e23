"""What a page does with a run that makes images of images; no page is needed for it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from sparring.demos.acting import EXAMPLES, act_on, directions_of, examples, mask_of, opened, shown
from sparring.errors import RequestError
from sparring.run import Run
from tests.conftest import write_images
from tests.demos.runs import gradient

Trained = Callable[[str], Run]


def box(size: tuple[int, int], left: int = 3, top: int = 4, right: int = 9, bottom: int = 11) -> Image.Image:
    """A mask of a size (width, height) with one hole."""
    mask = np.zeros(size[::-1], np.uint8)
    mask[top:bottom, left:right] = 200
    return Image.fromarray(mask)


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "I;16"])
@pytest.mark.parametrize("case", ["fill", "fill-grey"])
@pytest.mark.parametrize("size", [(16, 16), (37, 22)])
def test_outside_the_mask_every_pixel_stays(trained: Trained, case: str, mode: str, size: tuple[int, int]) -> None:
    picture = gradient(size, "L" if mode == "I;16" else mode)
    if mode == "I;16":
        picture = Image.fromarray((np.asarray(picture).astype(np.uint16) * 257) ^ 1)
    mask = box(size)
    found = act_on(trained(case), picture, mask)
    assert (found.mode, found.size) == (picture.mode, size)
    before, after = np.asarray(picture), np.asarray(found)
    outside = np.asarray(mask) == 0
    assert np.array_equal(before[outside], after[outside])
    assert not np.array_equal(before[~outside], after[~outside])
    assert np.array_equal(after, np.asarray(act_on(trained(case), picture, mask))), "each time the same"


def test_what_lies_in_the_hole_does_not_matter(trained: Trained) -> None:
    picture, mask = gradient((24, 24)), box((24, 24))
    other = picture.copy()
    other.paste((255, 0, 0), mask=mask.point(lambda value: 255 if value else 0))
    run = trained("fill")
    assert np.array_equal(np.asarray(act_on(run, picture, mask)), np.asarray(act_on(run, other, mask)))


def test_masks_that_are_none_are_refused(trained: Trained) -> None:
    run, picture = trained("fill"), gradient((16, 16))
    for mask, told in (
        (None, "mask: nothing is painted"),
        (Image.new("L", (16, 16)), "mask: nothing is painted"),
        (Image.new("L", (16, 16), 255), "mask: all is painted"),
        (box((20, 16)), "mask: 20 x 16 pixels, and the picture has 16 x 16"),
    ):
        with pytest.raises(RequestError, match=told):
            act_on(run, picture, mask)
    with pytest.raises(RequestError, match="direction: 'b2a'; known: a2b"):
        act_on(run, picture, box((16, 16)), "b2a")
    assert directions_of(run) == ()


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


def test_files_are_opened_upright_and_without_palettes(tmp_path: Path) -> None:
    picture = gradient((20, 10))
    exif = Image.Exif()
    exif[0x0112] = 6
    picture.save(tmp_path / "turned.png", exif=exif)
    picture.quantize(8).save(tmp_path / "palette.png")
    picture.convert("CMYK").save(tmp_path / "print.jpg")
    picture.convert("1").save(tmp_path / "bits.png")
    Image.fromarray(np.asarray(picture.convert("L")).astype(np.uint16) * 200).save(tmp_path / "deep.png")
    found = {path.name: opened(path) for path in tmp_path.iterdir()}
    assert found["turned.png"].size == (10, 20)
    modes = {name: one.mode for name, one in found.items()}
    assert modes == {"turned.png": "RGB", "palette.png": "RGB", "print.jpg": "RGB", "bits.png": "L", "deep.png": "I;16"}
    assert all(shown(one).mode == "RGB" for one in found.values())


def test_what_is_no_picture_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "words.png").write_text("these are words")
    write_images(tmp_path, 1, (64, 64))
    (tmp_path / "half.png").write_bytes((tmp_path / "000.png").read_bytes()[:5000])
    frames = [gradient((8, 8)), gradient((8, 8)).rotate(90)]
    frames[0].save(tmp_path / "film.gif", save_all=True, append_images=frames[1:])
    Image.new("1", (20_000, 6_000)).save(tmp_path / "bomb.png")
    for name, told in (
        ("words.png", "not a picture that can be read"),
        ("half.png", "damaged"),
        ("film.gif", "has 2 frames"),
        ("bomb.png", "20000 x 6000 pixels; at most 100,000,000"),
    ):
        with pytest.raises(RequestError) as refused:
            opened(tmp_path / name)
        assert str(refused.value).startswith(f"{name}: {told}")


def test_pictures_are_shown_within_their_edges() -> None:
    assert shown(gradient((16, 8))).size == (512, 256)
    assert shown(gradient((700, 30))).size == (700, 30)
    assert shown(gradient((4000, 2000))).size == (1024, 512)
    assert shown(gradient((4000, 1))).size == (1024, 1)


def test_examples_are_held_out_images(trained: Trained) -> None:
    data = trained("fill").recipe.data.load()
    found = examples(data)
    held = {sample.permute(1, 2, 0).numpy().tobytes() for sample in data.stored(data.heldout)}
    assert len(found) == EXAMPLES
    assert len({np.asarray(one).tobytes() for one in found} & held) == EXAMPLES


def test_pairs_are_translated_in_any_size_to_the_runs_own_channels(trained: Trained) -> None:
    run = trained("paired")
    for size in ((16, 16), (50, 21)):
        found = act_on(run, gradient(size))
        assert (found.size, found.mode) == (size, "RGB"), "grey in, colours out"
    data = run.recipe.data.load()
    assert {one.mode for one in examples(data)} == {"L"}
    assert {one.mode for one in examples(data, back=True)} == {"RGB"}


def test_a_run_both_ways_goes_the_way_it_is_told(trained: Trained) -> None:
    run, picture = trained("cycle"), gradient((20, 30))
    assert directions_of(run) == ("a2b", "b2a")
    there, back = (np.asarray(act_on(run, picture, None, way)) for way in directions_of(run))
    assert there.shape == back.shape == (30, 20, 3)
    assert not np.array_equal(there, back)
    assert np.array_equal(there, np.asarray(act_on(run, picture)))
    seen = torch.from_numpy(np.array(picture)).permute(2, 0, 1)[None]
    with torch.no_grad():
        made = run.codec.decode(run.generator.back(run.codec.encode(seen)))
    assert np.array_equal(made[0].permute(1, 2, 0).numpy(), back)
    with pytest.raises(RequestError, match="direction: 'b2b'; did you mean"):
        act_on(run, picture, None, "b2b")
