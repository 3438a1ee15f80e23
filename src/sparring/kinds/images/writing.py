"""Images as files people use."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from sparring.base.errors import RequestError
from sparring.base.files import fresh, npz, write_file
from sparring.data import ValueCodec
from sparring.pages.drawing import grid, png

ENDINGS = (".npz", ".png")


def write_images(path: Path, samples: Tensor, labels: Tensor | None, codec: ValueCodec) -> int:
    """Writes images to a new folder of PNG files, or by the path's ending to .npz or .png (one grid).

    Gives the number of files. Raises RequestError where the path or its ending cannot be used.
    """
    if path.suffix and path.suffix not in ENDINGS:
        raise RequestError(f"to: {path} ends in none of a folder, {', '.join(ENDINGS)}")
    if not path.name:
        raise RequestError(f"to: '{path}' has no name of its own; name a new folder, or a file")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.suffix:
            return _write_folder(path, samples, codec)
        if path.suffix == ".npz":
            write_file(path, npz("images", as_people_take(samples, codec), labels))
        else:
            write_file(path, png(grid(codec.to_unit(samples))))
    except OSError as error:
        raise RequestError(f"to: {path} cannot be written ({error.strerror})") from None
    return 1


def as_people_take(samples: Tensor, codec: ValueCodec) -> NDArray[np.generic]:
    """Images [n, height, width, channels] of the data's type."""
    array: NDArray[np.generic] = samples.numpy().transpose(0, 2, 3, 1)
    return array.astype(np.uint16) if codec.depth == "uint16" else array


def _write_folder(path: Path, samples: Tensor, codec: ValueCodec) -> int:
    """One PNG a sample, in the data's depth; the folder appears when all are written."""
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise RequestError(f"to: {path} exists and is not an empty folder")
    check_png(path, samples.shape[1], codec)
    digits = max(5, len(str(len(samples) - 1)))
    with fresh(path, folder=True) as part:
        for number, sample in enumerate(samples):
            save_png(part / f"{number:0{digits}d}.png", sample, codec)
        if path.exists():
            path.rmdir()
        part.rename(path)
    return len(samples)


def check_png(path: Path, channels: int, codec: ValueCodec) -> None:
    """Raises RequestError for images that PNG cannot hold."""
    if channels > 4 or codec.depth == "float32" or (codec.depth == "uint16" and channels > 1):
        raise RequestError(f"to: {path}: PNG holds no {channels} channels of {codec.depth}; take a path ending in .npz")


def save_png(path: Path, sample: Tensor, codec: ValueCodec) -> None:
    """Writes one image [channels, height, width] in the data's depth."""
    array = sample.permute(1, 2, 0).numpy().astype(np.uint16 if codec.depth == "uint16" else np.uint8)
    Image.fromarray(array.squeeze(2) if array.shape[2] == 1 else array).save(path)
