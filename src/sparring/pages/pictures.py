"""Pictures inside the page: as they are where that is small enough, compressed where it is not."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass

from PIL import Image

PNG = b"\x89PNG\r\n\x1a\n"
QUALITIES = (92, 84, 72, 60)
SMALLEST_SIDE = 96
"""Pictures are not shrunk below this to save bytes."""
COMFORTABLE = 520
"""Pixels on the page that a small picture is enlarged towards, by a whole factor."""


@dataclass(frozen=True)
class Picture:
    """An image element's attributes."""

    src: str
    alt: str
    width: int | None
    """On the page, in CSS pixels; None where the file does not tell."""
    height: int | None
    pixelated: bool
    """Whether it is enlarged, so that its own pixels should stay sharp."""
    compressed: bool
    """Whether it is less exact than the file it was made from."""


def picture(png: bytes, alt: str, most_bytes: int, most_side: int = 1600, comfortable: int = COMFORTABLE) -> Picture:
    """A picture of at most so many bytes (if it can be read), enlarged by a whole factor where it is small."""
    data = fitted(png, most_bytes, most_side)
    size = png_size(png)
    factor = max(1, comfortable // max(size)) if size else 1
    kind = "png" if data.startswith(PNG) else "jpeg"
    return Picture(
        src=f"data:image/{kind};base64,{base64.b64encode(data).decode()}",
        alt=alt,
        width=size[0] * factor if size else None,
        height=size[1] * factor if size else None,
        pixelated=factor > 1,
        compressed=data is not png,
    )


def png_size(png: bytes) -> tuple[int, int] | None:
    """Width and height by the file's header, if it is a PNG of any size."""
    if not png.startswith(PNG) or len(png) < 24:
        return None
    width, height = int.from_bytes(png[16:20], "big"), int.from_bytes(png[20:24], "big")
    return (width, height) if width and height else None


def fitted(png: bytes, most_bytes: int, most_side: int) -> bytes:
    """The file itself if it is small enough; else the best JPEG that is, and if there is none, a smaller picture."""
    size = png_size(png)
    if len(png) <= most_bytes and (size is None or max(size) <= most_side):
        return png
    try:
        image = _opaque(png)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return png  # not a picture that can be read here: the browser may know better
    image.thumbnail((most_side, most_side), Image.Resampling.LANCZOS)
    while True:
        for quality in QUALITIES:
            data = _jpeg(image, quality)
            if len(data) <= most_bytes:
                return data
        side = int(max(image.size) * 0.75)
        if side < SMALLEST_SIDE:
            return data
        image.thumbnail((side, side), Image.Resampling.LANCZOS)


def _opaque(png: bytes) -> Image.Image:
    """The picture in RGB, on white where it is transparent."""
    with Image.open(io.BytesIO(png)) as image:
        image.load()
        if image.mode == "L":
            return image.copy()
        coloured = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", coloured.size, "white"), coloured).convert("RGB")


def _jpeg(image: Image.Image, quality: int) -> bytes:
    buffer = io.BytesIO()
    # Colours at full resolution: samples are small, and halved colours would smear across their borders
    image.save(buffer, "JPEG", quality=quality, subsampling=0)
    return buffer.getvalue()
