"""Files and folders through what a run does to pictures."""

from __future__ import annotations

import io
import tempfile
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pydicom
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torch import Tensor

from sparring.base.errors import RequestError
from sparring.data import ValueCodec
from sparring.kinds.translation import translating
from sparring.kinds.translation.games.inpaint import Inpaint
from sparring.kinds.translation.picturefiles import read_picture
from sparring.kinds.translation.translating import FRAME, Translation, translate
from tests.kinds.translation.test_medical import scan, volume


def codec(channels: int, depth: Any = "uint8", low: float = 0, high: float = 255, range: Any = "signed") -> ValueCodec:
    return ValueCodec("image", (channels, 8, 8), depth, low, high, range)


def run(
    act: Any = lambda images, holes: images,
    inputs: int | ValueCodec = 3,
    outputs: int | ValueCodec | None = None,
    *,
    fills: bool = False,
    **options: Any,
) -> Translation:
    """The identity, or another act, on eight bits of so many channels."""
    if fills:
        options["emptied"] = lambda images, holes: torch.cat((images * (1 - holes), holes), 1)

    def on_asked(asked: Tensor) -> Any:
        return act(asked[:, :-1], asked[:, -1:]) if fills else act(asked, None)

    codecs = (codec(of) if isinstance(of, int) else of for of in (inputs, inputs if outputs is None else outputs))
    return Translation(on_asked, *codecs, **options)


def negative(images: Tensor, holes: Tensor | None) -> Tensor:
    return -images


def filling(images: Tensor, holes: Tensor | None) -> Tensor:
    """Everything changes, in the hole and out of it."""
    assert holes is not None
    assert set(holes.unique().tolist()) <= {0.0, 1.0}
    return torch.full_like(images, 0.5)


def shown(path: Path) -> Image.Image:
    return Image.open(io.BytesIO(path.read_bytes()))


def noise(path: Path, mode: str = "RGB", size: tuple[int, int] = (21, 34), seed: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    source = np.random.default_rng(seed)
    if mode == "I;16":
        Image.fromarray(source.integers(0, 65536, size).astype(np.uint16)).save(path)
        return path
    channels = len(Image.new(mode, (1, 1)).getbands())
    values = source.integers(0, 256, (*size, channels), dtype=np.uint8)
    Image.frombytes(mode, size[::-1], values.tobytes()).save(path)
    return path


@pytest.mark.parametrize("tile", [None, 8])
@pytest.mark.parametrize(
    ("mode", "channels"),
    [(mode, 3) for mode in ("L", "LA", "RGB", "RGBA", "I;16")] + [(mode, 1) for mode in ("L", "LA", "I;16")],
)
def test_the_identity_gives_the_picture_back(tmp_path: Path, mode: str, tile: int | None, channels: int) -> None:
    source = noise(tmp_path / "in.png", mode)
    assert translate(run(inputs=channels), source, tmp_path / "out.png", tile=tile) == [tmp_path / "out.png"]
    assert shown(tmp_path / "out.png").mode == mode
    assert np.array_equal(np.asarray(shown(tmp_path / "out.png")), np.asarray(shown(source)))


@pytest.mark.parametrize("tile", [None, 16])
@pytest.mark.parametrize("size", [(21, 34), (1, 40), (90, 70)])
def test_a_framed_run_sees_pictures_mirrored_around_and_their_edges_are_cut_away(
    tmp_path: Path, tile: int | None, size: tuple[int, int]
) -> None:
    """Of a network that marks edges, as zeros around maps have it."""
    seen = []

    def marking(images: Tensor, holes: Tensor | None) -> Tensor:
        seen.append(images)
        made = images.clone()
        made[:, :, [0, -1]] = made[:, :, :, [0, -1]] = 1.0
        return made if tile is None else images

    source = noise(tmp_path / "in.png", size=size)
    translate(run(marking, framed=True, reach=0), source, tmp_path / "out.png", tile=tile)
    kept = np.asarray(shown(source))
    if min(size) > 1:  # a row alone is its own mirror
        assert np.array_equal(np.asarray(shown(tmp_path / "out.png")), kept)
    if tile is None:
        frame = [min(FRAME, length - 1) for length in size]
        wanted = np.pad(kept, [(frame[0],) * 2, (frame[1],) * 2, (0, 0)], mode="reflect")
        assert np.allclose(seen[0][0].permute(1, 2, 0).numpy() * 127.5 + 127.5, wanted, atol=1e-3)


def test_the_identity_keeps_inks_volumes_and_scans(tmp_path: Path) -> None:
    paths = [
        noise(tmp_path / "in" / "inks.tif", "CMYK"),
        volume(tmp_path / "in" / "v.nii.gz", np.int16),
        scan(tmp_path / "in" / "s.dcm"),
    ]
    written = translate(run(), tmp_path / "in", tmp_path / "out")
    assert sorted(path.name for path in written) == ["inks.tif", "s.dcm", "v.nii.gz"]
    assert np.array_equal(np.asarray(shown(paths[0])), np.asarray(shown(tmp_path / "out" / "inks.tif")))
    before, after = nibabel.load(paths[1]), nibabel.load(tmp_path / "out" / "v.nii.gz")
    assert np.array_equal(np.asarray(before.dataobj), np.asarray(after.dataobj))
    assert np.array_equal(
        pydicom.dcmread(paths[2]).pixel_array, pydicom.dcmread(tmp_path / "out" / "s.dcm").pixel_array
    )


def test_eight_bits_are_mapped_as_in_training(tmp_path: Path) -> None:
    seen = []

    def act(images: Tensor, holes: Tensor | None) -> Tensor:
        seen.append((float(images.min()), float(images.max())))
        return images

    Image.fromarray(np.array([[51, 204]], np.uint8)).save(tmp_path / "in.png")
    translate(run(act, 1), tmp_path / "in.png", tmp_path / "out.png")
    unit = run(act, inputs=codec(1, range="unit"), outputs=codec(1))
    translate(unit, tmp_path / "in.png", tmp_path / "other.png")
    assert seen[0] == pytest.approx((-0.6, 0.6))
    assert seen[1] == pytest.approx((0.2, 0.8))
    assert np.asarray(shown(tmp_path / "other.png")).tolist() == [[153, 230]]  # 0.2 of -1 to 1


def test_deep_pictures_have_the_runs_scale_or_their_own(tmp_path: Path) -> None:
    values = np.array([[1000, 2000, 3000]], np.uint16)
    Image.fromarray(values).save(tmp_path / "in.png")
    translate(run(negative, 1), tmp_path / "in.png", tmp_path / "own.png")
    deep = codec(1, "uint16", 0, 4000)
    translate(run(negative, inputs=deep, outputs=deep), tmp_path / "in.png", tmp_path / "runs.png")
    assert np.asarray(shown(tmp_path / "own.png")).tolist() == [[3000, 2000, 1000]]
    assert np.asarray(shown(tmp_path / "runs.png")).tolist() == [[3000, 2000, 1000]]
    brighter = run(lambda images, holes: torch.ones_like(images), inputs=deep, outputs=deep)
    translate(brighter, tmp_path / "in.png", tmp_path / "bright.png")
    assert np.asarray(shown(tmp_path / "bright.png")).tolist() == [[4000] * 3]


def test_a_constant_deep_picture_and_values_that_are_no_numbers(tmp_path: Path) -> None:
    Image.fromarray(np.full((4, 4), 777, np.uint16)).save(tmp_path / "in.png")
    translate(run(inputs=1), tmp_path / "in.png", tmp_path / "out.png")
    assert np.asarray(shown(tmp_path / "out.png")).tolist() == [[777] * 4] * 4
    values = np.array([[1.0, np.nan, 3.0]], np.float32)
    Image.fromarray(values).save(tmp_path / "in.tif")
    translate(run(negative, 1), tmp_path / "in.tif", tmp_path / "out.tif")
    assert np.array_equal(
        np.asarray(shown(tmp_path / "out.tif")), np.array([[3, np.nan, 1]], np.float32), equal_nan=True
    )


def test_an_inverted_scan_is_seen_as_it_is_shown(tmp_path: Path) -> None:
    seen = []

    def act(images: Tensor, holes: Tensor | None) -> Tensor:
        seen.append(images.clone())
        return images

    for kind in ("MONOCHROME1", "MONOCHROME2"):
        translate(run(act, 1), scan(tmp_path / "in.dcm", PhotometricInterpretation=kind), tmp_path / f"{kind}.dcm")
    assert torch.allclose(seen[0], -seen[1], atol=1e-5)
    deep = codec(1, "uint16", -50, 1950)
    translate(
        run(act, inputs=deep, outputs=deep),
        scan(tmp_path / "in.dcm", PhotometricInterpretation="MONOCHROME1"),
        tmp_path / "out.dcm",
    )
    assert np.array_equal(
        pydicom.dcmread(tmp_path / "in.dcm").pixel_array, pydicom.dcmread(tmp_path / "out.dcm").pixel_array
    )


def test_grey_pictures_stay_grey_in_a_run_of_colours(tmp_path: Path) -> None:
    def act(images: Tensor, holes: Tensor | None) -> Tensor:
        assert torch.equal(images[:, 0], images[:, 2])
        return images * torch.tensor([1.0, -1, -1])[:, None, None]

    Image.fromarray(np.array([[255, 0]], np.uint8)).save(tmp_path / "in.png")
    translate(run(act), tmp_path / "in.png", tmp_path / "out.png")
    assert shown(tmp_path / "out.png").mode == "L"
    assert np.asarray(shown(tmp_path / "out.png")).tolist() == [[76, 179]]  # the luminance of red, and of cyan


@pytest.mark.parametrize(
    ("mode", "inputs", "outputs", "written"),
    [
        ("RGB", 1, 1, "L"),
        ("RGBA", 1, 1, "LA"),
        ("L", 1, 3, "RGB"),
        ("RGB", 1, 3, "RGB"),
        ("RGB", 3, 1, "L"),
        ("L", 3, 1, "L"),
        ("CMYK", 1, 1, "L"),
    ],
)
def test_channels_of_the_result(tmp_path: Path, mode: str, inputs: int, outputs: int, written: str) -> None:
    source, told = noise(tmp_path / "in.tif", mode), []

    def act(images: Tensor, holes: Tensor | None) -> Tensor:
        assert images.shape[1] == inputs
        return images[:, :1].repeat(1, outputs, 1, 1)

    translate(run(act, inputs, outputs), source, tmp_path / "out.tif", say=told.append)
    assert shown(tmp_path / "out.tif").mode == written
    assert [line for line in told if "made grey" in line] == told
    assert len(told) == (mode != "L" and inputs == 1)


def test_notes_are_said_once(tmp_path: Path) -> None:
    for name in ("a.png", "b.png", "c.gif"):
        noise(tmp_path / "in" / name, "RGB" if name != "c.gif" else "L")
    told: list[str] = []
    written = translate(run(inputs=1), tmp_path / "in", tmp_path / "out", say=told.append)
    assert [path.name for path in written] == ["a.png", "b.png", "c.png"]
    assert sum("made grey" in line for line in told) == 1
    assert sum("results of .gif files are .png" in line for line in told) == 1
    assert [line for line in told if line.startswith("2 of 3: ")] == [f"2 of 3: {tmp_path / 'out' / 'b.png'}"]


def test_all_of_a_folder_is_done_before_bad_files_are_told_of(tmp_path: Path) -> None:
    for name in ("a.png", "deep/er/b.jpg", "z.bmp"):
        noise(tmp_path / "in" / name)
    for name in ("deep/c.png", "m.png", "n.png", "o.png"):
        (tmp_path / "in" / name).write_text("no picture")
    (tmp_path / "in" / "notes.txt").touch()
    with pytest.raises(RequestError) as error:
        translate(run(negative), tmp_path / "in", tmp_path / "out")
    said = str(error.value)
    assert said.startswith(f"4 of 7 pictures not translated: {tmp_path / 'in' / 'deep' / 'c.png'}: not an image; ")
    assert said.endswith("(and 1 more)")
    assert "\n" not in said
    assert error.value.exit_status == 2
    found = sorted(path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*.*"))
    assert found == ["a.png", "deep/er/b.jpg", "z.bmp"]
    assert np.array_equal(
        np.asarray(shown(tmp_path / "out" / "a.png")), 255 - np.asarray(shown(tmp_path / "in" / "a.png"))
    )


def test_where_a_result_cannot_go(tmp_path: Path) -> None:
    source = noise(tmp_path / "in" / "a.png")
    noise(tmp_path / "deep.png", "I;16")
    (tmp_path / "file").touch()
    before = source.read_bytes()
    for at, to, told in (
        (source, source, r"to: .*a\.png is the picture that is to be translated"),
        (source, tmp_path / "in", r"to: .*a\.png is the picture that is to be translated"),
        (tmp_path / "in", tmp_path / "in", r"to: .* lies within .*in, which is to be translated"),
        (tmp_path / "in", tmp_path / "in" / "out", r"lies within"),
        (tmp_path / "in", tmp_path / "file", r"to: .*file is a file; a folder's pictures need a folder"),
        (source, tmp_path / "file" / "out.png", r"to: .*file cannot be written \("),
        (source, tmp_path / "out.pgn", r"to: .*out\.pgn: '\.pgn' is not written; take one of \.png"),
        (source, tmp_path / "out.gif", r"'\.gif' is not written"),
        (source, tmp_path / "out.nii", r"'\.nii' is not written"),
        (tmp_path / "deep.png", tmp_path / "out.jpg", r"out\.jpg: 16 bits a channel do not fit"),
        (tmp_path / "absent.png", tmp_path / "out.png", r"absent\.png: no such file or folder"),
    ):
        with pytest.raises(RequestError, match=told):
            translate(run(), at, to)
    assert source.read_bytes() == before
    (tmp_path / "empty").mkdir()
    with pytest.raises(RequestError, match="empty: empty; wanted .png"):
        translate(run(), tmp_path / "empty", tmp_path / "out")


def test_files_there_are_replaced_where_that_is_said_and_folders_made(tmp_path: Path) -> None:
    source = noise(tmp_path / "in.png")
    to = tmp_path / "new" / "er" / "out.png"
    translate(run(), source, to)
    before = to.read_bytes()
    with pytest.raises(RequestError, match=r"to: .*out\.png is there already; take another name, or --overwrite"):
        translate(run(negative), source, to)
    assert to.read_bytes() == before
    translate(run(negative), source, to, overwrite=True)
    assert np.array_equal(np.asarray(shown(to)), 255 - np.asarray(shown(source)))
    assert [path.name for path in to.parent.iterdir()] == ["out.png"]
    assert translate(run(), source, tmp_path / "folder") == [tmp_path / "folder" / "in.png"]


def test_a_folder_with_a_picture_of_that_name_is_refused_before_any_is_written(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        noise(tmp_path / "in" / f"{name}.png")
    noise(tmp_path / "out" / "b.png")
    noise(tmp_path / "out" / "mine.png")
    with pytest.raises(RequestError, match=r"to: .*b\.png is there already; take"):
        translate(run(negative), tmp_path / "in", tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["b.png", "mine.png"]
    assert len(translate(run(negative), tmp_path / "in", tmp_path / "out", overwrite=True)) == 3
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.png", "b.png", "c.png", "mine.png"]


def test_a_run_of_other_channels_translates_nothing() -> None:
    with pytest.raises(RequestError, match=r"inputs: of shape \(2, 8, 8\)"):
        run(inputs=2)


def hole(path: Path, size: tuple[int, int] = (21, 34)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    values = np.zeros(size, np.uint8)
    values[3:9, 4:12] = 255
    Image.fromarray(values).save(path)
    return path


@pytest.mark.parametrize("tile", [None, 7])
@pytest.mark.parametrize(
    ("mode", "ending"),
    [("L", ".png"), ("LA", ".png"), ("RGB", ".bmp"), ("RGBA", ".webp"), ("CMYK", ".tif"), ("I;16", ".tif")],
)
def test_only_holes_are_filled(tmp_path: Path, mode: str, ending: str, tile: int | None) -> None:
    source, mask = noise(tmp_path / f"in{ending}", mode), hole(tmp_path / "mask.png")
    translate(run(filling, fills=True), source, tmp_path / f"out{ending}", mask, tile=tile)
    before, after = shown(source), shown(tmp_path / f"out{ending}")
    assert (before.mode, before.size) == (after.mode, after.size)
    holes = np.asarray(shown(mask)) > 0
    if ending != ".webp":
        assert np.array_equal(np.asarray(before)[~holes], np.asarray(after)[~holes])
    assert not np.array_equal(np.asarray(before)[holes], np.asarray(after)[holes])
    if mode in ("LA", "RGBA"):
        assert np.all(np.asarray(after)[holes][:, -1] == 255)


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_grey_in_channels_of_colour_is_filled_by_a_run_of_grey(tmp_path: Path, mode: str) -> None:
    """As many scans come; the result has the same channels, all alike."""
    shown(noise(tmp_path / "grey.png", "L")).convert(mode).save(tmp_path / "in.png")
    said: list[str] = []
    grey = run(filling, inputs=1, fills=True)
    translate(grey, tmp_path / "in.png", tmp_path / "out.png", hole(tmp_path / "mask.png"), say=said.append)
    before, after = (np.asarray(shown(tmp_path / f"{name}.png")) for name in ("in", "out"))
    holes = np.asarray(shown(tmp_path / "mask.png")) > 0
    assert after.shape == before.shape
    assert np.array_equal(after[~holes], before[~holes])
    assert np.all(after[holes][:, :3] == 191)  # halfway between the middle and white
    assert said == []


@settings(max_examples=60, deadline=None)
@given(
    mode=st.sampled_from(["1", "L", "LA", "RGB", "RGBA", "I;16", "P"]),
    seed=st.integers(0, 10_000),
    height=st.integers(2, 40),
    width=st.integers(2, 40),
    tile=st.sampled_from([None, 4, 9]),
    reach=st.sampled_from([None, 2]),
    step=st.sampled_from([1, 4]),
    share=st.floats(0.02, 0.9),
    channels=st.sampled_from([1, 3]),
    value=st.floats(-1.5, 1.5),
)
def test_outside_the_mask_every_number_stays(
    mode: str,
    seed: int,
    height: int,
    width: int,
    tile: int | None,
    reach: int | None,
    step: int,
    share: float,
    channels: int,
    value: float,
) -> None:
    source = np.random.default_rng(seed)
    holes = source.random((height, width)) < share
    holes.flat[0], holes.flat[-1] = True, False
    if mode in ("RGB", "RGBA", "P"):
        channels = 3

    def act(images: Tensor, holes: Tensor | None) -> Tensor:
        assert images.shape[2] % step == images.shape[3] % step == 0
        return torch.full_like(images, value)

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if mode == "P":
            noise(folder / "rgb.png", "RGB", (height, width), seed)
            shown(folder / "rgb.png").quantize(8).save(folder / "in.png")
        elif mode == "1":
            Image.fromarray(source.random((height, width)) > 0.5).save(folder / "in.png")
        else:
            noise(folder / "in.png", mode, (height, width), seed)
        Image.fromarray(holes).save(folder / "mask.png")
        fills = run(act, inputs=codec(channels), outputs=codec(channels), fills=True, step=step, reach=reach)
        translate(fills, folder / "in.png", folder / "out.png", folder / "mask.png", tile=tile)
        before, after = shown(folder / "in.png"), shown(folder / "out.png")
        if mode == "P":
            before = before.convert("RGB")
        assert (before.mode, before.size) == (after.mode, after.size)
        assert np.array_equal(np.asarray(before)[~holes], np.asarray(after)[~holes])


def test_transparent_pixels_are_holes_without_a_mask(tmp_path: Path) -> None:
    values = np.full((6, 8, 4), 200, np.uint8)
    values[2:4, 3:5, 3] = 0
    values[0, 0, 3] = 130
    Image.fromarray(values).save(tmp_path / "in.png")
    translate(run(filling, fills=True), tmp_path / "in.png", tmp_path / "out.png")
    after = np.asarray(shown(tmp_path / "out.png"))
    assert np.all(after[2:4, 3:5] == (191, 191, 191, 255))
    changed = (after != values).any(axis=2)
    assert changed.sum() == 4


def test_what_a_run_that_fills_refuses(tmp_path: Path) -> None:
    source, mask = noise(tmp_path / "in.png"), hole(tmp_path / "mask.png")
    Image.new("RGBA", (4, 4)).save(tmp_path / "clear.png")
    fills = run(filling, fills=True)
    for act, at, to, using, told in (
        (fills, source, "out.png", None, r"in\.png: nothing says what to fill; give a mask"),
        (fills, source, "out.jpg", mask, r"to: .*out\.jpg: '\.jpg' changes pixels that must stay; take one of \.png"),
        (
            fills,
            source,
            "out.png",
            hole(tmp_path / "small.png", (20, 34)),
            r"small\.png: the mask is 34 x 20, the picture 34 x 21",
        ),
        (fills, source, "out.png", tmp_path / "absent.png", r"mask: .*absent\.png: no such file"),
        (fills, tmp_path / "clear.png", "out.png", None, r"clear\.png: all of it is transparent"),
        (
            run(filling, fills=True, inputs=1),
            source,
            "out.png",
            mask,
            r"in\.png: a picture in colour, and this run fills grey ones",
        ),
        (run(), source, "out.png", mask, r"mask: .*mask\.png: this run fills no holes"),
    ):
        with pytest.raises(RequestError, match=told):
            translate(act, at, tmp_path / to, using)


def test_a_folder_with_a_folder_of_masks(tmp_path: Path) -> None:
    for name in ("a.png", "sub/b.jpg", "c.png"):
        noise(tmp_path / "in" / name)
    hole(tmp_path / "in" / "masks" / "a.png")
    hole(tmp_path / "in" / "masks" / "sub" / "b.png")
    told: list[str] = []
    with pytest.raises(
        RequestError, match=r"1 of 3 pictures not translated: .*masks: no mask for c\.png; wanted c\.png"
    ):
        translate(
            run(filling, fills=True), tmp_path / "in", tmp_path / "out", tmp_path / "in" / "masks", say=told.append
        )
    assert sorted(path.name for path in (tmp_path / "out").rglob("*.*")) == ["a.png", "b.png"]
    assert any("results of .jpg files are .png: its pixels must stay" in line for line in told)
    holes = np.asarray(shown(tmp_path / "in" / "masks" / "sub" / "b.png")) > 0
    before, after = (np.asarray(shown(tmp_path / path)) for path in ("in/sub/b.jpg", "out/sub/b.png"))
    assert np.array_equal(before[~holes], after[~holes])


def test_two_pictures_that_would_share_a_result(tmp_path: Path) -> None:
    for name in ("a.jpg", "a.png"):
        noise(tmp_path / "in" / name)
    with pytest.raises(RequestError, match=r"1 of 2 .*a\.png: another picture was written to"):
        translate(run(filling, fills=True), tmp_path / "in", tmp_path / "out", hole(tmp_path / "mask.png"))


def test_tiles_without_a_hole_are_not_computed(tmp_path: Path) -> None:
    seen = []

    def act(images: Tensor, holes: Tensor | None) -> Tensor:
        seen.append(images.shape)
        return images

    noise(tmp_path / "in.png", size=(64, 64))
    translate(
        run(act, fills=True), tmp_path / "in.png", tmp_path / "out.png", hole(tmp_path / "mask.png", (64, 64)), tile=16
    )
    assert 1 <= len(seen) <= 4


def test_a_volume_is_filled_slice_by_slice(tmp_path: Path) -> None:
    source = volume(tmp_path / "in.nii", np.int16)
    mask = np.zeros((6, 8, 5), np.uint8)
    mask[2:4, 3:6, 1] = 1
    nibabel.save(nibabel.Nifti1Image(mask, np.eye(4)), tmp_path / "mask.nii")
    fills = run(filling, fills=True, inputs=1)
    translate(fills, source, tmp_path / "out.nii", tmp_path / "mask.nii")
    before, after = (np.asarray(nibabel.load(path).dataobj) for path in (source, tmp_path / "out.nii"))
    assert np.array_equal(before != after, (mask > 0) & (before != after[2, 3, 1]))
    assert (before != after).any()


@pytest.mark.parametrize("kind", ["deep.png", "floats.tif", "volume.nii", "scan.dcm"])
def test_what_lies_in_a_hole_does_not_matter(tmp_path: Path, kind: str) -> None:
    values = np.random.default_rng(0).integers(300, 900, (6, 9))
    holes = np.zeros((6, 9), bool)
    holes[1:3, 2:6] = True
    Image.fromarray(holes).save(tmp_path / "mask.png")
    written = []
    for name, inside in (("low", 0), ("high", 4000)):
        path = tmp_path / name / kind
        path.parent.mkdir()
        with_hole = np.where(holes, inside, values)
        if kind == "volume.nii":
            upright = with_hole[::-1].T.astype(np.int16)[..., None]
            nibabel.save(nibabel.Nifti1Image(upright, np.eye(4)), path)
        elif kind == "scan.dcm":
            dataset = pydicom.dcmread(scan(path, PixelRepresentation=0, SmallestImagePixelValue=0))
            dataset.PixelData = with_hole.astype(np.uint16).tobytes()
            dataset.save_as(path)
        else:
            Image.fromarray(with_hole.astype(np.uint16 if kind == "deep.png" else np.float32)).save(path)
        translate(run(filling, 1, fills=True), path, tmp_path / f"{name}-{kind}", tmp_path / "mask.png")
        written.append(read_picture(tmp_path / f"{name}-{kind}").planes[0, 0])
    assert np.array_equal(*written)
    assert np.array_equal(written[0][~holes], values[~holes])
    low, high = values[~holes].min(), values[~holes].max()
    assert np.allclose(written[0][holes], low + 0.75 * (high - low), atol=0.5)


def test_pictures_larger_than_the_memory_are_tiled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def act(images: Tensor, holes: Tensor | None) -> Tensor:
        seen.append(max(images.shape[2:]))
        return images

    noise(tmp_path / "in.png", size=(600, 500))
    noise(tmp_path / "small.png", size=(200, 200))
    monkeypatch.setattr(translating, "pixel_bytes", lambda *about: 10_000.0)
    monkeypatch.setenv("SPARRING_DEVICE_MEMORY", "300MB")
    translate(run(act, step=16), tmp_path / "in.png", tmp_path / "out.png")
    assert max(seen) == 160
    assert np.array_equal(np.asarray(shown(tmp_path / "in.png")), np.asarray(shown(tmp_path / "out.png")))
    translate(run(act, step=16), tmp_path / "small.png", tmp_path / "out.png", overwrite=True)
    assert seen[-1] == 208
    monkeypatch.setenv("SPARRING_DEVICE_MEMORY", "4GB")
    translate(run(act, step=16), tmp_path / "in.png", tmp_path / "out.png", overwrite=True)
    assert seen[-1] == 608


def test_exact_tiles_give_the_whole_pictures_result(tmp_path: Path) -> None:
    torch.manual_seed(0)
    conv = torch.nn.Sequential(
        torch.nn.Conv2d(3, 8, 5, padding=2), torch.nn.Tanh(), torch.nn.Conv2d(8, 3, 3, padding=1)
    )
    exact = run(lambda images, holes: conv(images), reach=3)
    noise(tmp_path / "in.png", size=(75, 53))
    for name, tile in (("whole", None), ("tiles", 16)):
        translate(exact, tmp_path / "in.png", tmp_path / f"{name}.png", tile=tile)
    whole, tiles = (np.asarray(shown(tmp_path / f"{name}.png")).astype(int) for name in ("whole", "tiles"))
    assert whole.std() > 5
    assert np.abs(whole - tiles).max() <= 1


def test_tiles_see_the_whole_pictures_mirror_image(tmp_path: Path) -> None:
    codecs = codec(3), codec(3)
    filling = Translation(lambda asked: asked[:, 3:6], *codecs, reach=0, emptied=Inpaint(symmetry=True).emptied)
    noise(tmp_path / "in.png", size=(40, 50))
    there = np.asarray(shown(tmp_path / "in.png"))
    holes = np.zeros((40, 50), bool)
    holes[5:30, 2:20] = True
    Image.fromarray(holes).save(tmp_path / "mask.png")
    translate(filling, tmp_path / "in.png", tmp_path / "out.png", tmp_path / "mask.png", tile=16)
    expected = np.where(holes[..., None], there[:, ::-1], there)
    assert np.array_equal(np.asarray(shown(tmp_path / "out.png")), expected)
