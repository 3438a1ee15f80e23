"""What an image file says beside its pixels, from one format to another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from PIL import Image, PngImagePlugin

_ORIENTATION, _PROFILE, _XMP, _EXIF, _GPS, _INTEROP = 0x0112, 34675, 700, 0x8769, 0x8825, 0xA005
_WIDTH, _HEIGHT = 40962, 40963
"""Within EXIF."""
_STRUCTURE = {
    254, 255, 256, 257, 258, 259, 262, 266, 273, 277, 278, 279, 282, 283, 284, 292, 293, 296, 317, 320, 322, 323, 324,
    325, 330, 338, 339, 347, 512, 513, 514, 519, 520, 521, 529, 530, 531, 532,
}  # fmt: skip
"""Tags of a TIFF that say how its pixels lie, which the writer says anew."""


@dataclass(frozen=True)
class Metadata:
    """EXIF without orientation and thumbnail (which would show the picture as it was), colour profile, resolution, XMP,
    a JPEG's comment and a PNG's texts."""

    exif: bytes | None
    profile: bytes | None
    dpi: tuple[float, float] | None
    xmp: bytes | None
    comment: bytes | None
    texts: tuple[tuple[str, str], ...]
    """Names with what they say."""

    def options(self, form: str, profile: bool) -> dict[str, Any]:
        """What Pillow takes to write them in a format, as far as it holds them; the colour profile if asked to."""
        held = {
            "PNG": ("exif", "icc_profile", "dpi", "pnginfo"),
            "JPEG": ("exif", "icc_profile", "dpi", "xmp", "comment"),
            "TIFF": ("exif", "icc_profile", "dpi"),
            "WEBP": ("exif", "icc_profile", "xmp"),
            "BMP": ("dpi",),
        }.get(form, ())
        known = {
            "exif": self._exif_of_tiff() if form == "TIFF" else self.exif,
            "icc_profile": self.profile if profile else None,
            "dpi": self.dpi,
            "xmp": self.xmp,
            "comment": self.comment,
            "pnginfo": self._texts(),
        }
        return {name: known[name] for name in held if known[name] is not None}

    def _exif_of_tiff(self) -> Image.Exif | None:
        """With XMP, which is a tag there."""
        exif = Image.Exif()
        if self.exif:
            exif.load(self.exif)
        if self.xmp:
            exif[_XMP] = self.xmp
        return exif if len(exif) else None

    def _texts(self) -> PngImagePlugin.PngInfo:
        found = PngImagePlugin.PngInfo()
        for name, text in self.texts:
            try:
                text.encode("latin-1")
                found.add_text(name, text)
            except UnicodeEncodeError:
                found.add_itxt(name, text)
        if self.xmp:
            found.add_itxt("XML:com.adobe.xmp", self.xmp.decode("utf-8", "replace"))
        return found


def metadata_of(image: Image.Image) -> Metadata:
    """What an open image, with its pixels read, says beside them."""
    info = image.info
    xmp = info.get("xmp")
    dpi = info.get("dpi")
    comment = info.get("comment")
    texts = {name: str(text) for name, text in getattr(image, "text", {}).items() if name != "XML:com.adobe.xmp"}
    return Metadata(
        _exif(image),
        info.get("icc_profile") or None,
        (float(dpi[0]), float(dpi[1])) if dpi and all(value > 0 for value in dpi) else None,
        xmp.encode() if isinstance(xmp, str) else xmp,
        comment if isinstance(comment, bytes) else None,
        tuple(texts.items()),
    )


def _exif(image: Image.Image) -> bytes | None:
    """The image's EXIF block for its pixels upright; None where there is none, or none that can be written."""
    kept = Image.Exif()
    try:
        found = image.getexif()
        sideways = found.get(_ORIENTATION, 1) in (5, 6, 7, 8)
        for tag, value in found.items():
            if tag not in {_ORIENTATION, _PROFILE, _XMP} and not (image.format == "TIFF" and tag in _STRUCTURE):
                kept[tag] = dict(found.get_ifd(tag)) if tag in (_EXIF, _GPS) else value
        inner = kept.get(_EXIF, {})
        if _INTEROP in inner:
            inner[_INTEROP] = dict(found.get_ifd(_INTEROP))
        if sideways and _WIDTH in inner and _HEIGHT in inner:
            inner[_WIDTH], inner[_HEIGHT] = inner[_HEIGHT], inner[_WIDTH]
        return kept.tobytes() if len(kept) else None
    except Exception:  # an EXIF block may hold anything
        return None
