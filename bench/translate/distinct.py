"""Images of a zip without those that occur twice."""

from __future__ import annotations

import hashlib
import io
import zipfile
from pathlib import Path

from PIL import Image

ENDINGS = {"JPEG": ".jpg", "PNG": ".png"}


def without_copies(images: Path, out: Path) -> Path:
    """The first image of each content as a file of a folder, named by what it is; as it was, byte for byte."""
    if (out / "done").exists():
        return out / "images"
    (out / "images").mkdir(parents=True, exist_ok=True)
    seen: set[str] = set()
    with zipfile.ZipFile(images) as archive:
        for name in sorted(archive.namelist()):
            if Path(name).suffix.lower() not in (".jpg", ".jpeg", ".png"):
                continue
            content = archive.read(name)
            with Image.open(io.BytesIO(content)) as image:
                known = hashlib.sha256(repr(image.size).encode() + image.convert("RGB").tobytes()).hexdigest()
                ending = ENDINGS[image.format or ""]
            if known not in seen:
                seen.add(known)
                (out / "images" / f"{len(seen):04d}{ending}").write_bytes(content)
    (out / "done").touch()
    return out / "images"
