"""Pictures fit in their room, and stay what they are where they can."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from PIL import Image

from sparring.pages.pictures import fitted, picture, png_size
from tests.pages.samples import png


def opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))


def test_small_picture_is_untouched_and_enlarged_by_a_whole_factor() -> None:
    one = picture(png(100), "noise", 100_000)
    assert base64.b64decode(one.src.removeprefix("data:image/png;base64,")) == png(100)
    assert (one.width, one.height, one.pixelated, one.compressed) == (500, 500, True, False)


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
@pytest.mark.parametrize("room", [60_000, 20_000, 8_000])
def test_large_picture_fits_its_room(mode: str, room: int) -> None:
    data = fitted(png(400, 1, mode), room, 1600)
    assert len(data) <= room
    assert opened(data).format == "JPEG"
    one = picture(png(400, 1, mode), "noise", room)
    assert one.src.startswith("data:image/jpeg;base64,")
    assert one.compressed
    assert one.width == 400, "as large on the page as it was"


def test_picture_is_not_shrunk_past_recognition() -> None:
    assert max(opened(fitted(png(400), 100, 1600)).size) >= 96


def test_wide_picture_is_shrunk() -> None:
    assert max(opened(fitted(png(400), 10**9, 100)).size) == 100


def test_transparent_places_are_white() -> None:
    clear = Image.fromarray(np.zeros((64, 64, 4), dtype=np.uint8))
    buffer = io.BytesIO()
    clear.save(buffer, "PNG")
    assert opened(fitted(buffer.getvalue(), 10**6, 32)).getpixel((5, 5)) == (255, 255, 255)


@pytest.mark.parametrize("data", [b"", b"no picture", png(64)[:40], b"\x89PNG\r\n\x1a\n" + bytes(2000)])
def test_broken_file_is_passed_on(data: bytes) -> None:
    one = picture(data, "x", 10)
    assert base64.b64decode(one.src.partition(",")[2]) == data
    assert not one.compressed


def test_size_is_read_from_the_header() -> None:
    assert png_size(png(48)) == (48, 48)
    assert png_size(b"GIF89a") is None
