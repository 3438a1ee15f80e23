"""Data sets that are made, not read: points with known modes, and digits, three to an image."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sparring.base.draws import Key, integers
from sparring.data.dataset import contents_of, split_by_content
from sparring.data.samplefile import blocks_of


def sklearn_digits() -> tuple[Tensor, Tensor]:
    """The 1,797 digits that scikit-learn carries: uint8 [n, 1, 8, 8] in 0 to 255 (there in 0 to 16), and labels."""
    table = torch.from_numpy(_digits_table())
    images = table[:, :64].reshape(-1, 1, 8, 8).float() * (255 / 16)
    return images.round().to(torch.uint8), table[:, 64].long()


def _digits_table() -> NDArray[np.float64]:
    """A digit a row: 64 values and the label [1797, 65], from the file in scikit-learn's package, which takes half a
    second less than importing it; by its own reader where the file lies elsewhere."""
    package = find_spec("sklearn")
    for folder in (package.submodule_search_locations or []) if package else []:
        file = Path(folder) / "datasets" / "data" / "digits.csv.gz"
        if file.is_file():
            return np.loadtxt(file, delimiter=",")
    from sklearn.datasets import load_digits

    digits = load_digits()
    return np.column_stack((digits.data, digits.target))


def stacked_digits(count: int, fraction: float) -> tuple[Tensor, Tensor, Tensor]:
    """Three random digits as the channels of one image: 1,000 modes (Metz et al. 2016,
    https://arxiv.org/abs/1611.02163). Gives uint8 [count, 3, 8, 8], codes 0 to 999, and the numbers held out.

    Held-out images are made of held-out digits alone.
    """
    images, labels = sklearn_digits()
    train, heldout = split_by_content(contents_of(blocks_of(images), len(images)), fraction)
    held = round(fraction * count)
    samples, codes = [], []
    for name, source, size in (("train", train, count - held), ("heldout", heldout, held)):
        chosen = source[integers(Key("toy", "stacked_digits", name), torch.arange(size), len(source), (3,))]
        samples.append(images[:, 0][chosen])
        codes.append((labels[chosen] * torch.tensor([100, 10, 1])).sum(1))
    return torch.cat(samples), torch.cat(codes), torch.arange(count - held, count)
