"""Image files go in and come out as they were: every mode and format, metadata, refusals."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import ExifTags, Image, PngImagePlugin

from sparring.base.errors import RequestError
from sparring.kinds.translation.picturefiles import (
    Picture,
    picture_names,
    read_mask,
    read_picture,
    reading,
    transparent,
)
from sparring.kinds.translation.picturefiles import picture as picture_module
from sparring.kinds.translation.picturefiles.colours import to_cmyk, to_grey, to_rgb

HEIGHT, WIDTH = 7, 10


def pixels(channels: int, dtype: Any = np.uint8, top: int = 256, seed: int = 0) -> np.ndarray:
    found = np.random.default_rng(seed).integers(0, top, (HEIGHT, WIDTH, channels)).astype(dtype)
    return found[..., 0] if channels == 1 else found


def image(mode: str) -> Image.Image:
    if mode == "1":
        return Image.fromarray(pixels(1) > 127)
    if mode == "I;16":
        return Image.fromarray(pixels(1, np.uint16, 65536))
    if mode == "I":
        return Image.fromarray(pixels(1, np.int32, 1_000_000) - 500_000)
    if mode == "F":
        return Image.fromarray(pixels(1, np.float32, 1000) / 7)
    channels = {"L": 1, "LA": 2, "RGB": 3, "RGBA": 4, "CMYK": 4}[mode]
    return Image.frombytes(mode, (WIDTH, HEIGHT), pixels(channels).tobytes())


def shown(path: Path) -> Image.Image:
    return Image.open(io.BytesIO(path.read_bytes()))


def again(picture: Picture, to: Path) -> Path:
    to.write_bytes(picture.encoded(to, picture.planes, picture.alpha))
    return to


def same(one: Path, other: Path) -> None:
    before, after = shown(one), shown(other)
    assert (before.mode, before.size, before.format) == (after.mode, after.size, after.format)
    assert np.array_equal(np.asarray(before), np.asarray(after))


KEPT = [
    *[(mode, ".png") for mode in ("1", "L", "LA", "RGB", "RGBA", "I;16")],
    *[(mode, ".tif") for mode in ("1", "L", "LA", "RGB", "RGBA", "CMYK", "I;16", "I", "F")],
    *[(mode, ".bmp") for mode in ("1", "L", "RGB")],
    *[(mode, ".ppm") for mode in ("1", "L", "RGB", "I;16")],
    ("I;16", ".pgm"),
]


@pytest.mark.parametrize(("mode", "ending"), KEPT)
def test_what_goes_in_comes_out(tmp_path: Path, mode: str, ending: str) -> None:
    path = tmp_path / f"in{ending}"
    image(mode).save(path)
    picture = read_picture(path)
    assert picture.planes.shape[0] == 1
    assert picture.planes.shape[2:] == (HEIGHT, WIDTH)
    assert (picture.alpha is not None) == (mode in ("LA", "RGBA"))
    assert picture.depth == {"I;16": "uint16", "I": "float32", "F": "float32"}.get(mode, "uint8")
    same(path, again(picture, tmp_path / f"out{ending}"))


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_webp_without_loss(tmp_path: Path, mode: str) -> None:
    image(mode).save(tmp_path / "in.webp", lossless=True, exact=True)
    same(tmp_path / "in.webp", again(read_picture(tmp_path / "in.webp"), tmp_path / "out.webp"))


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_jpeg_keeps_its_mode_and_nearly_its_pixels(tmp_path: Path, mode: str) -> None:
    smooth = image(mode).resize((2, 2)).resize((40, 30), Image.Resampling.BICUBIC)
    smooth.save(tmp_path / "in.jpg", quality=95)
    picture = read_picture(tmp_path / "in.jpg")
    written = shown(again(picture, tmp_path / "out.jpg"))
    assert written.mode == mode
    assert np.abs(np.asarray(written).astype(int) - np.asarray(shown(tmp_path / "in.jpg"))).max() <= 8


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "tiff_adobe_deflate", "packbits"])
def test_a_tiff_stays_compressed_as_it_was(tmp_path: Path, compression: str) -> None:
    image("RGB").save(tmp_path / "in.tif", compression=compression)
    out = again(read_picture(tmp_path / "in.tif"), tmp_path / "out.tif")
    assert shown(out).info["compression"] == compression
    same(tmp_path / "in.tif", out)


def test_a_jpeg_in_a_tiff_becomes_lossless(tmp_path: Path) -> None:
    image("RGB").save(tmp_path / "in.tif", compression="jpeg")
    out = again(read_picture(tmp_path / "in.tif"), tmp_path / "out.tif")
    assert shown(out).info["compression"] == "tiff_adobe_deflate"
    same(tmp_path / "in.tif", out)


def test_palettes_are_colours_with_their_transparency(tmp_path: Path) -> None:
    palette = image("RGB").quantize(16)
    palette.save(tmp_path / "plain.png")
    palette.save(tmp_path / "clear.png", transparency=3)
    plain, clear = read_picture(tmp_path / "plain.png"), read_picture(tmp_path / "clear.png")
    assert plain.alpha is None
    assert np.array_equal(plain.planes[0].transpose(1, 2, 0), np.asarray(palette.convert("RGB")))
    assert clear.alpha is not None
    assert np.array_equal(clear.alpha == 0, np.asarray(palette) == 3)
    written = shown(again(clear, tmp_path / "out.png"))
    assert written.mode == "RGBA"
    assert np.array_equal(np.asarray(written), np.asarray(shown(tmp_path / "clear.png").convert("RGBA")))


@pytest.mark.parametrize(("mode", "key", "written"), [("L", 7, "LA"), ("RGB", (1, 2, 3), "RGBA")])
def test_one_transparent_colour_is_alpha(tmp_path: Path, mode: str, key: Any, written: str) -> None:
    source = image(mode)
    source.putpixel((2, 3), key)
    source.save(tmp_path / "in.png", transparency=key)
    picture = read_picture(tmp_path / "in.png")
    assert picture.alpha is not None
    assert picture.alpha[3, 2] == 0
    assert shown(again(picture, tmp_path / "out.png")).mode == written


def test_a_gif_of_one_frame_is_read(tmp_path: Path) -> None:
    image("L").save(tmp_path / "in.gif")
    picture = read_picture(tmp_path / "in.gif")
    assert np.array_equal(to_grey(picture.planes)[0, 0].round(), np.asarray(image("L")))
    with pytest.raises(RequestError, match=r"out\.gif: '\.gif' is not written; take one of \.png"):
        again(picture, tmp_path / "out.gif")


@pytest.mark.parametrize("ending", [".jpg", ".png", ".webp", ".tif"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_turns_the_picture_and_is_reset(tmp_path: Path, ending: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = orientation, "A maker"
    upright = np.zeros((16, 32), np.uint8)
    upright[:8, :16] = 255  # bright at the top left
    turns = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}
    back = {None: None, 0: 0, 1: 1, 3: 3, 5: 5, 6: 6, 2: 2, 4: 4}[turns.get(orientation)]
    lying = Image.fromarray(upright) if back is None else Image.fromarray(upright).transpose(Image.Transpose(back))
    lying.convert("RGB").save(tmp_path / f"in{ending}", exif=exif)
    picture = read_picture(tmp_path / f"in{ending}")
    assert picture.planes.shape[2:] == (16, 32)
    assert picture.planes[0, 0, 2, 2] > 250
    assert picture.planes[0, 0, 2, 30] < 5
    assert picture.planes[0, 0, 14, 2] < 5
    written = shown(again(picture, tmp_path / f"out{ending}"))
    assert written.getexif().get(0x0112, 1) == 1
    assert written.getexif()[0x010F] == "A maker"


def described(path: Path, ending: str) -> Path:
    """A picture with all that a format takes beside pixels."""
    exif = Image.Exif()
    exif[0x010F] = "A maker"
    exif[0x8769] = {36867: "2020:01:02 03:04:05", 40962: WIDTH, 40963: HEIGHT}
    exif[0x8825] = {1: "N", 2: (1.0, 2.0, 3.0)}
    info = PngImagePlugin.PngInfo()
    info.add_text("Title", "A title")
    info.add_itxt("Author", "Zoë 王")
    options: dict[str, Any] = {"exif": exif.tobytes(), "icc_profile": b"profile" * 30, "dpi": (300, 300)}
    options |= {
        ".png": {"pnginfo": info},
        ".jpg": {"comment": b"A comment", "xmp": b"<x/>"},
        ".webp": {"xmp": b"<x/>"},
    }.get(ending, {})
    source = path / f"described{ending}"
    image("RGB").save(source, **options)
    return source


@pytest.mark.parametrize("ending", [".png", ".jpg", ".tif", ".webp"])
def test_metadata_stay(tmp_path: Path, ending: str) -> None:
    source = described(tmp_path, ending)
    before, after = shown(source), shown(again(read_picture(source), tmp_path / f"out{ending}"))
    before.load(), after.load()
    assert after.getexif()[0x010F] == "A maker"
    assert after.getexif().get_ifd(0x8769)[36867] == "2020:01:02 03:04:05"
    assert after.getexif().get_ifd(0x8825)[1] == "N"
    assert after.info["icc_profile"] == b"profile" * 30
    for name in ("dpi", "comment", "xmp"):
        assert after.info.get(name) == before.info.get(name), name
    assert getattr(after, "text", {}) == getattr(before, "text", {})
    assert ending != ".png" or after.text == {"Title": "A title", "Author": "Zoë 王"}  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("before", "after"),
    [(".png", ".jpg"), (".jpg", ".png"), (".tif", ".jpg"), (".tif", ".png"), (".webp", ".tif"), (".jpg", ".tif")],
)
def test_metadata_go_along_to_another_format(tmp_path: Path, before: str, after: str) -> None:
    written = shown(again(read_picture(described(tmp_path, before)), tmp_path / f"out{after}"))
    written.load()
    assert written.getexif()[0x010F] == "A maker"
    assert written.getexif().get_ifd(0x8769)[36867] == "2020:01:02 03:04:05"
    assert written.info["icc_profile"] == b"profile" * 30
    if ".webp" not in (before, after):
        assert written.info["dpi"] == pytest.approx((300, 300), abs=0.1)


def test_a_thumbnail_of_the_picture_before_is_left_out(tmp_path: Path) -> None:
    thumbnail = io.BytesIO()
    Image.new("RGB", (4, 4)).save(thumbnail, "JPEG")
    maker = b"A maker"
    data = thumbnail.getvalue()
    first = struct.pack("<HHHIII", 1, 0x010F, 2, 8, 26, 34) + maker + b"\0"
    second = struct.pack("<H", 3) + b"".join(
        struct.pack("<HHII", tag, kind, 1, value)
        for tag, kind, value in ((259, 3, 6), (513, 4, 34 + 42), (514, 4, len(data)))
    )
    block = b"Exif\0\0II*\0" + struct.pack("<I", 8) + first + second + struct.pack("<I", 0) + data
    image("RGB").save(tmp_path / "in.jpg", exif=block)
    assert shown(tmp_path / "in.jpg").getexif().get_ifd(ExifTags.IFD.IFD1)[514] == len(data)
    out = again(read_picture(tmp_path / "in.jpg"), tmp_path / "out.jpg")
    assert shown(out).getexif()[0x010F] == "A maker"
    assert not shown(out).getexif().get_ifd(ExifTags.IFD.IFD1)
    assert data not in out.read_bytes()


def test_a_profile_of_other_channels_is_left_out(tmp_path: Path) -> None:
    picture = read_picture(described(tmp_path, ".png"))
    grey = picture.encoded(Path("out.png"), to_grey(picture.planes))
    assert "icc_profile" not in Image.open(io.BytesIO(grey)).info


@pytest.mark.parametrize(
    ("mode", "ending", "told"),
    [
        ("I;16", ".jpg", r"out\.jpg: 16 bits a channel do not fit into \.jpg; take \.png or \.tif"),
        ("I;16", ".webp", r"16 bits a channel do not fit into \.webp"),
        ("F", ".png", r"32 bits a channel do not fit into \.png; take \.tif"),
        ("RGBA", ".jpg", r"\.jpg holds no transparency; take \.png"),
        ("LA", ".bmp", r"\.bmp holds no transparency"),
        ("RGB", ".gif", r"'\.gif' is not written"),
        ("L", ".nii", r"'\.nii' is not written"),
    ],
)  # fmt: skip
def test_what_an_ending_cannot_hold_is_refused(tmp_path: Path, mode: str, ending: str, told: str) -> None:
    image(mode).save(tmp_path / "in.tif")
    with pytest.raises(RequestError, match=told):
        again(read_picture(tmp_path / "in.tif"), tmp_path / f"out{ending}")


@pytest.mark.parametrize(
    ("mode", "ending", "written"),
    [("1", ".jpg", "L"), ("L", ".webp", "RGB"), ("LA", ".webp", "RGBA"), ("CMYK", ".png", "RGB")],
)
def test_what_an_ending_holds_otherwise_is_widened(tmp_path: Path, mode: str, ending: str, written: str) -> None:
    image(mode).save(tmp_path / "in.tif")
    assert shown(again(read_picture(tmp_path / "in.tif"), tmp_path / f"out{ending}")).mode == written


def test_a_result_in_colour_of_a_grey_picture(tmp_path: Path) -> None:
    image("L").save(tmp_path / "in.png")
    image("I;16").save(tmp_path / "deep.png")
    colour = np.repeat(read_picture(tmp_path / "in.png").planes, 3, axis=1)
    assert Image.open(io.BytesIO(read_picture(tmp_path / "in.png").encoded(Path("out.png"), colour))).mode == "RGB"
    with pytest.raises(RequestError, match=r"out\.png: 3 channels of 16 bits cannot be written"):
        read_picture(tmp_path / "deep.png").encoded(Path("out.png"), colour)


def test_values_are_rounded_and_kept_within_their_depth(tmp_path: Path) -> None:
    image("L").save(tmp_path / "in.png")
    picture = read_picture(tmp_path / "in.png")
    values = np.zeros((1, 1, HEIGHT, WIDTH), np.float32)
    values[0, 0, 0, :4] = -3, 254.6, 300, 1.4
    assert list(picture.stored(values)[0, 0, 0, :4]) == [0, 255, 255, 1]


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def deep_png(kind: int, channels: int) -> bytes:
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 4, 2, 16, kind, 0, 0, 0))
    return (
        b"\x89PNG\r\n\x1a\n"
        + head
        + chunk(b"IDAT", zlib.compress((b"\0" + bytes(8 * channels)) * 2))
        + chunk(b"IEND", b"")
    )


def deep_tiff() -> bytes:
    """RGB of 16 bits, 2 x 2, not compressed."""
    tags = [
        (256, 3, 1, 2),
        (257, 3, 1, 2),
        (258, 3, 3, 8),
        (259, 3, 1, 1),
        (262, 3, 1, 2),
        (273, 4, 1, 14),
        (277, 3, 1, 3),
        (278, 3, 1, 2),
        (279, 4, 1, 24),
    ]
    fields = b"".join(struct.pack("<HHII", *tag) for tag in tags)
    return (
        b"II*\0"
        + struct.pack("<I", 38)
        + struct.pack("<HHH", 16, 16, 16)
        + bytes(24)
        + struct.pack("<H", 9)
        + fields
        + bytes(4)
    )


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("in.png", deep_png(2, 3)),
        ("in.png", deep_png(4, 2)),
        ("in.png", deep_png(6, 4)),
        ("in.ppm", b"P6 2 2 65535\n" + bytes(24)),
        ("in.tif", deep_tiff()),
    ],
)
def test_colour_of_16_bits_is_refused(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(RequestError, match=rf"{name}: colour or transparency of 16 bits, which Pillow cuts to 8"):
        read_picture(tmp_path / name)


@pytest.mark.parametrize(
    ("ending", "options"), [(".gif", {}), (".webp", {"lossless": True}), (".tif", {}), (".png", {})]
)
def test_several_frames_or_pages_are_refused(tmp_path: Path, ending: str, options: dict[str, Any]) -> None:
    path = tmp_path / f"many{ending}"
    frames = [Image.fromarray(pixels(3, seed=seed)) for seed in range(3)]
    frames[0].save(path, save_all=True, append_images=frames[1:], **options)
    with pytest.raises(RequestError, match=rf"many\{ending}: 3 frames or pages"):
        read_picture(path)


def test_a_phones_photograph_with_a_preview_is_read(tmp_path: Path) -> None:
    image("RGB").save(tmp_path / "in.jpg", "MPO", save_all=True, append_images=[image("RGB")])
    assert shown(tmp_path / "in.jpg").n_frames == 2  # type: ignore[attr-defined]
    assert read_picture(tmp_path / "in.jpg").planes.shape == (1, 3, HEIGHT, WIDTH)


@pytest.mark.parametrize("ending", [".png", ".jpg", ".tif", ".webp", ".bmp"])
def test_truncated_files_are_refused(tmp_path: Path, ending: str) -> None:
    whole = tmp_path / f"whole{ending}"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)).save(whole)
    cut = tmp_path / f"cut{ending}"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    with pytest.raises(RequestError, match=rf"^\S*cut\{ending}: [^\n]*$"):
        read_picture(cut)


def test_files_that_are_no_pictures_are_refused(tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("no picture")
    (tmp_path / "notes.txt").write_text("no picture")
    (tmp_path / "photo.pgn").write_text("no picture")
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 30000, 30000, 8, 2, 0, 0, 0))
    (tmp_path / "bomb.png").write_bytes(b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(bytes(100))))
    image("RGB").save(tmp_path / "lie.png", "JPEG")
    for name, told in (
        ("text.png", "not an image"),
        ("notes.txt", "'.txt' is no ending of a picture"),
        ("photo.pgn", "did you mean '.png'"),
        ("bomb.png", "bomb"),
        ("lie.png", "a JPEG by its content, not a PNG"),
        ("absent.png", "cannot be read"),
    ):
        with pytest.raises(RequestError, match=rf"{name}: .*{told}"):
            read_picture(tmp_path / name)


def test_other_modes_are_refused(tmp_path: Path) -> None:
    Image.new("LAB", (4, 4)).save(tmp_path / "lab.tif")
    with pytest.raises(RequestError, match=r"lab\.tif: pixels of mode LAB"):
        read_picture(tmp_path / "lab.tif")


def test_what_does_not_fit_into_memory_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Image.new("L", (3000, 3000)).save(tmp_path / "large.png")
    image("RGB").resize((300, 300)).save(tmp_path / "heavy.bmp")
    monkeypatch.setattr(picture_module, "available", lambda: 200_000)
    with pytest.raises(
        RequestError, match=r"large\.png: 3000 x 3000 pixels need about 0\.\d GB of memory, of 0\.2 MB available"
    ):
        read_picture(tmp_path / "large.png")
    with pytest.raises(RequestError, match=r"heavy\.bmp: a file of 0\.27 MB, larger than the 0\.2 MB of memory"):
        read_picture(tmp_path / "heavy.bmp")


def test_pictures_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "b" / "c").mkdir(parents=True)
    (tmp_path / ".hidden").mkdir()
    for name in ("b/c/2.png", "a.JPG", "b/v.nii.gz", "b/notes.txt", "d.dcm", ".hidden/x.png", "e.gz"):
        (tmp_path / name).touch()
    assert picture_names(tmp_path) == (["a.JPG", "b/c/2.png", "b/v.nii.gz", "d.dcm"], 2)
    assert ".nii.gz" in reading.ENDINGS


def test_inks_come_back_as_they_were() -> None:
    inks = pixels(4).transpose(2, 0, 1)
    inks[3, 0, :3] = 255
    assert np.abs(to_cmyk(to_rgb(inks), inks) - inks).max() < 0.01
    brighter = np.minimum(to_rgb(inks) + 50, 255)
    assert np.abs(to_rgb(to_cmyk(brighter, inks)) - brighter).max() < 0.01


def mask(path: Path, holes: np.ndarray, mode: str = "L") -> Path:
    Image.fromarray((holes * 255).astype(np.uint8)).convert(mode).save(path)
    return path


HOLES = np.zeros((HEIGHT, WIDTH), bool)
HOLES[2:4, 3:7] = True


@pytest.mark.parametrize("mode", ["1", "L", "RGB", "P", "I;16"])
def test_white_is_filled(tmp_path: Path, mode: str) -> None:
    path = tmp_path / "mask.png"
    if mode == "I;16":
        Image.fromarray(HOLES.astype(np.uint16) * 40000).save(path)
    else:
        mask(path, HOLES, mode)
    assert np.array_equal(read_mask(path, HEIGHT, WIDTH)[0], HOLES)


def test_transparent_is_filled_whatever_its_colour(tmp_path: Path) -> None:
    pixels = np.full((HEIGHT, WIDTH, 4), 255, np.uint8)
    pixels[HOLES, 3] = 20
    Image.fromarray(pixels).save(tmp_path / "mask.png")
    assert np.array_equal(read_mask(tmp_path / "mask.png", HEIGHT, WIDTH)[0], HOLES)
    opaque = np.dstack([np.repeat(HOLES[..., None] * np.uint8(255), 3, 2), np.full(HOLES.shape, 255, np.uint8)])
    Image.fromarray(opaque).save(tmp_path / "opaque.png")
    assert transparent(read_picture(tmp_path / "opaque.png")) is None
    assert np.array_equal(read_mask(tmp_path / "opaque.png", HEIGHT, WIDTH)[0], HOLES)


def test_masks_that_say_nothing_are_refused(tmp_path: Path) -> None:
    path = mask(tmp_path / "mask.png", HOLES)
    with pytest.raises(RequestError, match=r"mask\.png: the mask is 10 x 7, the picture 9 x 7"):
        read_mask(path, 7, 9)
    with pytest.raises(RequestError, match=r"none\.png: no hole"):
        read_mask(mask(tmp_path / "none.png", HOLES & False), HEIGHT, WIDTH)
    with pytest.raises(RequestError, match=r"all\.png: all hole"):
        read_mask(mask(tmp_path / "all.png", HOLES | True), HEIGHT, WIDTH)
