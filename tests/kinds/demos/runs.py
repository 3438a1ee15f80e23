"""Tiny runs for pages, each trained in a second or two."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image

import sparring
from sparring.runs.run import Run
from tests.conftest import small_fields, write_images

FROM_IMAGES: dict[str, Any] = {
    "generator": {"net": {"unet": {"width": 4, "levels": 2}}},
    "discriminator": {"net": {"patch": {"width": 4, "levels": 1}}},
    "steps": 3,
    "batch": 4,
}


def fields_of(case: str, folder: Path) -> dict[str, Any]:
    """The recipe of a case, and its data in a folder."""
    if case in ("fill", "fill-grey"):
        write_images(folder / "photos", 40, (16, 16), "L" if case == "fill-grey" else "RGB")
        return FROM_IMAGES | {"data": {"images": {"path": str(folder / "photos")}}, "game": {"inpaint": {}}}
    if case in ("cycle", "paired"):
        write_images(folder / "both" / "a", 40, (16, 16), "L")
        write_images(folder / "both" / "b", 40, (16, 16), "RGB", seed=1)
        data, game = ("sides", "cycle") if case == "cycle" else ("pairs", "paired")
        options = {"path": str(folder / "both")} | ({"channels": 3} if case == "cycle" else {})
        return FROM_IMAGES | {"data": {data: options}, "game": {game: {}}}
    if case == "labels":
        latent = {"normal": {"size": 8}}
        return {"game": {"from_noise": {"latent": latent, "labels": "projection", "label_width": 4}}}
    if case == "points":
        net = {"net": {"dense": {"widths": [16], "output": "linear"}}}
        return {"data": {"ring": {"count": 400}}, "generator": net}
    if case == "rows":
        drawn = np.random.default_rng(0)
        lines = [f"{drawn.integers(18, 90)},{drawn.choice(['red', 'blue'])}" for _ in range(300)]
        (folder / "people.csv").write_text("\n".join(["age,colour", *lines]) + "\n")
        net = {"net": {"tabular": {"widths": [16]}}}
        table = {
            "data": {"table": {"path": str(folder / "people.csv")}},
            "game": {"table": {"latent": {"normal": {"size": 8}}}},
        }
        return table | {"generator": net, "discriminator": net}
    return {}


@pytest.fixture(scope="package")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Run]:
    """A run of each case, trained when it is first asked for."""
    kept: dict[str, Run] = {}

    def of(case: str) -> Run:
        if case not in kept:
            folder = tmp_path_factory.mktemp(case)
            fields = small_fields() | fields_of(case, folder) | {"score": {"metrics": [], "extractor": "pixels"}}
            (folder / "tiny.yaml").write_text(yaml.safe_dump(fields))
            kept[case] = sparring.train(str(folder / "tiny.yaml"), out=folder / f"tiny-{case}", quiet=True)
        return kept[case]

    return of


def gradient(size: tuple[int, int], mode: str = "RGB") -> Image.Image:
    """A picture of a size (width, height), whose pixels differ."""
    across, down = np.meshgrid(np.linspace(0, 255, size[0]), np.linspace(0, 255, size[1]))
    return Image.fromarray(np.stack((across, down, 255 - across), -1).astype(np.uint8)).convert(mode)
