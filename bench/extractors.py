"""Which features tell what a person sees: how often each extractor and metric orders strengths of the same damage.

    python bench/extractors.py [--data FOLDER] [--count 250] [--only faces,photos] [--ladder RUN] [--out FILE.json]

Real photos are damaged more and more (DAMAGES) and scored against other real ones, as a run's samples are. An extractor
orders a damage by a metric as often as the worse of two neighbouring strengths scores worse, over DRAWS halves of the
images (equal scores count as half); the weakest strength is beside undamaged images. `--ladder` is a run on the faces
with several checkpoints, whose samples should get better. Copies with a little noise are for `memorisation` alone: the
more of them, the worse.

The data are folders of a place that SPARRING_DATA names: faces (64 pixels), aerial photos (64) and CIFAR-10 (32);
without it, crops of scikit-learn's two photos.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import sys
import zipfile
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from scipy.ndimage import gaussian_filter
from sklearn.cluster import KMeans
from torch import Tensor

sys.path.insert(0, str(Path(__file__).parent))

import budget
import sparring
from sparring.base.draws import Key
from sparring.kinds.scores import score
from sparring.metrics import Extractor, Features, Views
from sparring.metrics.features import Pixels
from sparring.metrics.pictures.imagenet import ImageNet
from sparring.metrics.pictures.inception import at_hand, load_inception
from sparring.metrics.pictures.selfsup import train_selfsup
from sparring.nets.pretrained import LITE, lite

METRICS = ("fid", "kid", "precision", "recall", "density", "coverage")
DRAWS = 4
CELLS = 4
"""Cells along each side, whose contents are swapped."""
CLUSTERS = 20
Damage = Callable[[Tensor, float, np.random.Generator], Tensor]


def blurred(x: Tensor, strength: float, draws: np.random.Generator) -> Tensor:
    return torch.from_numpy(gaussian_filter(x.numpy(), (0, 0, strength, strength)))


def noisy(x: Tensor, strength: float, draws: np.random.Generator) -> Tensor:
    return (x + strength * torch.from_numpy(draws.standard_normal(x.shape)).float()).clamp(0, 1)


def squeezed(x: Tensor, strength: float, draws: np.random.Generator) -> Tensor:
    """JPEG of this quality."""
    found = []
    for image in (x * 255).round().byte().permute(0, 2, 3, 1).numpy():
        file = io.BytesIO()
        Image.fromarray(image).save(file, "JPEG", quality=int(strength))
        found.append(torch.from_numpy(np.array(Image.open(file))).permute(2, 0, 1) / 255)
    return torch.stack(found)


def swapped(x: Tensor, strength: float, draws: np.random.Generator) -> Tensor:
    """So many pairs of cells change places, others in each image."""
    side, found = x.shape[2] // CELLS, x.clone()
    for image, real in zip(found, x, strict=True):
        for one, other in draws.permutation(CELLS**2)[: 2 * int(strength)].reshape(-1, 2):
            here, there = (
                (slice(None), *(slice(at * side, at * side + side) for at in divmod(int(cell), CELLS)))
                for cell in (one, other)
            )
            image[here], image[there] = real[there], real[here]
    return found


def tinted(x: Tensor, strength: float, draws: np.random.Generator) -> Tensor:
    """Each channel times a factor, the same for all images."""
    return (x * torch.tensor([1 + strength, 1.0, 1 - strength])[:, None, None]).clamp(0, 1)


def narrowed(x: Tensor, strength: float, draws: np.random.Generator) -> Tensor:
    """This share of the clusters of tiny grey copies is missing; what is left comes more than once."""
    tiny = F.interpolate(x.mean(1, keepdim=True), (8, 8), mode="area").flatten(1).numpy()
    cluster = KMeans(CLUSTERS, n_init=1, random_state=0).fit_predict(tiny)
    left = np.flatnonzero(np.isin(cluster, draws.permutation(CLUSTERS)[round(strength * CLUSTERS) :]))
    return x[torch.from_numpy(draws.choice(left, len(x)))]


def between(x: Tensor, strength: float, draws: np.random.Generator) -> Tensor:
    """Each image mixed with another, which has this weight."""
    return torch.lerp(x, x[torch.from_numpy(draws.permutation(len(x)))], strength)


DAMAGES: dict[str, tuple[Damage, tuple[float, ...]]] = {
    "blur": (blurred, (0.5, 1.0, 2.0)),
    "noise": (noisy, (0.03, 0.08, 0.2)),
    "JPEG": (squeezed, (60, 25, 8)),
    "cells swapped": (swapped, (1, 3, 8)),
    "colour": (tinted, (0.1, 0.25, 0.5)),
    "modes missing": (narrowed, (0.4, 0.7, 0.95)),
    "mixtures": (between, (0.1, 0.25, 0.5)),
}
COPIES = (0.0, 0.2, 0.5, 1.0)


def unzipped(path: Path, count: int, prepare: Callable[[Image.Image], Image.Image]) -> Iterator[Image.Image]:
    with zipfile.ZipFile(path) as archive:
        names = sorted(name for name in archive.namelist() if name.lower().endswith((".jpg", ".png")))
        for name in names[:count]:
            yield prepare(Image.open(io.BytesIO(archive.read(name))).convert("RGB"))


def photos_of(name: str, place: Path | None, count: int) -> Tensor:
    """So many photos in [0, 1], in a drawn order."""
    if name == "faces" and place is not None:
        found = list(unzipped(place / "faces/lfw-aligned-112-subset.zip", count, lambda image: image.resize((64, 64))))
    elif name == "aerial" and place is not None:
        wholes = list(unzipped(place / "image-to-image/maps.zip", 250, lambda image: image.crop((0, 0, 600, 600))))
        corners = [(top, left) for top in range(0, 600, 150) for left in range(0, 600, 150)]
        found = [whole.crop((y, x, y + 150, x + 150)).resize((64, 64)) for y, x in corners for whole in wholes][:count]
    elif name == "cifar10" and place is not None:
        bytes_ = np.fromfile(place / "cifar10/data_batch_1_first4000.bin", np.uint8).reshape(-1, 3073)[:count, 1:]
        found = [Image.fromarray(image) for image in bytes_.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)]
    else:
        found = [crop.resize((64, 64)) for crop in budget.photos(count)]
    order = np.random.default_rng(1).permutation(len(found))
    return torch.stack([torch.from_numpy(np.array(found[at])).permute(2, 0, 1) / 255 for at in order])


def extractors(train: Tensor) -> dict[str, Extractor]:
    """By name; `selfsup` is trained on these images, as a run's is."""
    found: dict[str, Extractor] = {
        f"lite{size} {side}": ImageNet(lite(size), side=side)
        for size, side in ((0, 64), (0, 128), (2, 64), (2, 128))
        if LITE[size].path
    }
    found["selfsup"] = train_selfsup(lambda index: train[index], len(train), tuple(train.shape[1:]))
    found["pixels"] = Pixels(int(train[0].numel()))
    if at_hand():
        found["inception"] = load_inception()
    return found


def part(features: Features, index: np.ndarray[Any, Any]) -> Features:
    return Features(features.values[torch.from_numpy(index)])


def merits(
    real: Features,
    made: Features,
    names: tuple[str, ...],
    extractor: Extractor,
    key: Key,
    train: Features | None = None,
) -> dict[str, float]:
    """By metric, a value of which more is better."""
    views = Views(heldout=real, fake=made, train=train, key=key, intervals=False)
    return {
        name: one.value if one.better == "higher" else -one.value
        for name, one in score(names, views, extractor).items()
    }


def told(better: float, worse: float) -> float:
    """Whether two levels are told apart, 1 or 0; half of equal ones, as by chance."""
    return 0.5 if better == worse else float(better > worse)


def ordered(real: Features, levels: list[Features], extractor: Extractor) -> dict[str, float]:
    """By metric, how often the better of two neighbouring levels scores better."""
    right: dict[str, list[float]] = {name: [] for name in METRICS}
    for draw in range(DRAWS):
        source = np.random.default_rng(draw)
        ours = source.permutation(len(real))[: len(real) // 2]
        scored = []
        for level in levels:
            theirs = source.permutation(len(level))[: len(level) // 2]
            scored.append(merits(part(real, ours), part(level, theirs), METRICS, extractor, Key("order", draw)))
        for name in METRICS:
            right[name] += [told(better[name], worse[name]) for better, worse in pairwise(scored)]
    return {name: float(np.mean(found)) for name, found in right.items()}


def copied(train: Tensor, rest: Tensor, heldout: Tensor, extractor: Extractor) -> float:
    """How often `memorisation` tells more copies (with a little noise) among other real images from fewer."""
    source = np.random.default_rng(0)
    near = noisy(train, 0.02, source)
    seen, new = (extractor(part) for part in (train, heldout))
    levels = [
        extractor(torch.cat((near[: int(share * len(rest))], rest[int(share * len(rest)) :]))) for share in COPIES
    ]
    found = [
        merits(new, level, ("memorisation",), extractor, Key("copies"), train=seen)["memorisation"] for level in levels
    ]
    return float(np.mean([told(better, worse) for better, worse in pairwise(found)]))


def ladder(path: Path, count: int) -> list[Tensor]:
    """A run's samples, of the last checkpoint first."""
    steps = sorted(sparring.Run(path).dir.saved_steps(), reverse=True)
    return [
        torch.from_numpy(np.asarray(sparring.Run(path, step=step).sample(count, seed=0))).permute(0, 3, 1, 2) / 255
        for step in steps
    ]


def of_photos(name: str, place: Path | None, count: int, rungs: Path | None) -> dict[str, Any]:
    """By extractor and damage, the share that each metric orders."""
    photos = photos_of(name, place, 4 * count)
    heldout, base, train, rest = (photos[at::4][:count] for at in range(4))
    shares: dict[str, Any] = {}
    for called, extractor in extractors(train).items():
        real, sound = extractor(heldout), extractor(base)
        shares[called] = {}
        for damage, (spoilt, strengths) in DAMAGES.items():
            draws = np.random.default_rng(2)
            levels = [extractor(spoilt(base, strength, draws)) for strength in strengths]
            shares[called][damage] = ordered(real, [sound, *levels], extractor)
        if rungs is not None and name == "faces":
            shares[called]["checkpoints"] = ordered(real, [extractor(one) for one in ladder(rungs, count)], extractor)
        shares[called]["copies"] = {"memorisation": copied(train, rest, heldout, extractor)}
        print(json.dumps({"photos": name, "extractor": called} | shares[called]), flush=True)
    return shares


def table(found: dict[str, Any]) -> str:
    """By extractor and metric, the mean over photos of the share ordered, for each damage."""
    damages = list(dict.fromkeys(damage for one in found.values() for by in one.values() for damage in by))
    lines = ["| extractor | metric | " + " | ".join(damages) + " | mean |", "|---" * (len(damages) + 3) + "|"]
    for called in dict.fromkeys(name for one in found.values() for name in one):
        for metric in (*METRICS, "memorisation"):
            cells = []
            for damage in damages:
                shares = [by[called][damage][metric] for by in found.values() if metric in by[called].get(damage, {})]
                cells.append(float(np.mean(shares)) if shares else np.nan)
            if np.isnan(cells).all():
                continue
            words = ["–" if np.isnan(cell) else f"{cell:.2f}" for cell in (*cells, np.nanmean(cells))]
            lines.append(f"| {called} | {metric} | " + " | ".join(words) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=os.environ.get("SPARRING_DATA"))
    parser.add_argument("--count", type=int, default=250)
    parser.add_argument("--only")
    parser.add_argument("--ladder", type=Path)
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    place = None if asked.data is None else Path(asked.data)
    names = ["photos"] if place is None else ["faces", "aerial", "cifar10"]
    names = asked.only.split(",") if asked.only else names
    found = {name: of_photos(name, place, asked.count, asked.ladder) for name in names}
    if asked.out is not None:
        asked.out.write_text(json.dumps(found))
    print(table(found))


if __name__ == "__main__":
    main()
