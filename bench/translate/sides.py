"""Two folders of which no image belongs to one of the other."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path, PurePosixPath

from PIL import Image


def two_folders(pairs: Path, out: Path) -> Path:
    """Photos (left halves) of every other training pair of a zip, and maps (right halves) of those between, with all
    of the held-out ones, as `trainA`, `trainB`, `testA` and `testB`."""
    if (out / "done").exists():
        return out / "images"
    with zipfile.ZipFile(pairs) as archive:
        for name in sorted(archive.namelist()):
            place = PurePosixPath(name)
            if place.suffix != ".jpg":
                continue
            with Image.open(io.BytesIO(archive.read(name))) as image:
                middle, whole = image.width // 2, image.convert("RGB")
            halves = {"A": (0, 0, middle, whole.height), "B": (middle, 0, 2 * middle, whole.height)}
            train = "train" in place.parts
            for side, box in halves.items():
                if train and (int(place.stem) % 2 == 0) != (side == "A"):
                    continue
                folder = out / "images" / f"{'train' if train else 'test'}{side}"
                folder.mkdir(parents=True, exist_ok=True)
                whole.crop(box).resize((128, 128), Image.Resampling.BOX).save(folder / f"{place.stem}.png")
    (out / "done").touch()
    return out / "images"
