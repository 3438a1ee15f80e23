"""How fast pictures go through a run, with how much memory, and whether it shows where they were cut."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

import sparring

EDGES = (512, 1024, 4096)
NETS: dict[str, tuple[str, ...]] = {
    "unet": ("generator.net.unet.width=32", "generator.net.unet.levels=3"),
    "encoder_decoder, instance": ("generator.net={encoder_decoder: {width: 16, norm: instance}}",),
}
WORDS = ("generator.surgery={}", "score.metrics=[]", "doctor=off", "steps=20", "batch=4", "plan=plain")

CHILD = """
import sys, time, json, torch
from pathlib import Path
import sparring
from sparring.engine.machine import peak_memory
run, source, to, tile = sys.argv[1:]
sparring.translate(run, source.replace("big", "small"), to.replace("big", "small"))
before, begun = peak_memory(torch.device("cpu")), time.perf_counter()
sparring.translate(run, source, to, tile=int(tile) or None)
seconds = time.perf_counter() - begun
print(json.dumps([seconds, (peak_memory(torch.device("cpu")) - before) / 2**20]))
"""


def measured(out: Path, data: Path | None) -> Iterator[dict[str, Any]]:
    """Seconds and memory of a picture of each size through networks that were hardly trained, tiled and whole; each in
    a process of its own."""
    import json

    folder = _pairs(out / "pairs")
    for name, words in NETS.items():
        where = out / name.split(",")[0]
        if not where.exists():
            sparring.train("translate/paired", *words, *WORDS, data=folder, out=where, quiet=True)
        for edge in EDGES:
            with tempfile.TemporaryDirectory() as place:
                source = _picture(Path(place) / "big.png", edge)
                _picture(Path(place) / "small.png", 64)
                made: dict[int, np.ndarray] = {}
                for tile in (0, 256, edge) if edge <= 1024 else (0, 256):
                    to = Path(place) / f"big-{tile}.png"
                    words_ = [sys.executable, "-c", CHILD, str(where), str(source), str(to), str(tile)]
                    told = subprocess.run(words_, check=True, capture_output=True, text=True).stdout
                    seconds, memory = json.loads(told.splitlines()[-1])
                    made[tile] = np.asarray(Image.open(to)).astype(int)
                    yield {
                        "network": name,
                        "edge": edge,
                        "tile": "own choice" if tile == 0 else "whole" if tile == edge else tile,
                        "images_per_s": 1 / seconds,
                        "memory_mb": memory,
                        "off": int(np.abs(made[tile] - made[edge]).max()) if tile == edge else None,
                        "seam": seam(made[tile], 256) if tile == 256 else None,
                    }
                if edge in made:
                    apart = np.abs(made[256] - made[edge])
                    yield {"network": name, "edge": edge, "tile": "256 less whole", "off": int(apart.max())}


def seam(image: np.ndarray, tile: int) -> float:
    """The mean step between rows at cuts of tiles over that between all rows: 1 where no cut can be seen."""
    steps = np.abs(np.diff(image, axis=0)).mean((1, 2))
    cuts = [place - 1 for place in range(tile, len(image), tile)]
    return float(steps[cuts].mean() / steps.mean())


def _pairs(folder: Path) -> Path:
    """Noise to noise: what is learned does not matter here."""
    if not folder.exists():
        draw = np.random.default_rng(0)
        for side in "ab":
            (folder / side).mkdir(parents=True)
            for number in range(48):
                image = draw.integers(0, 256, (64, 64, 3), dtype=np.uint8)
                Image.fromarray(image).save(folder / side / f"{number}.png")
    return folder


def _picture(path: Path, edge: int) -> Path:
    """Smooth colours with some noise."""
    draw = np.random.default_rng(1)
    coarse = Image.fromarray(draw.integers(0, 256, (8, 8, 3), dtype=np.uint8)).resize(
        (edge, edge), Image.Resampling.BICUBIC
    )
    noise = draw.normal(0, 8, (edge, edge, 3))
    Image.fromarray((np.asarray(coarse) + noise).clip(0, 255).astype(np.uint8)).save(path)
    return path


def told(rows: Sequence[dict[str, Any]]) -> str:
    """A line each."""
    lines = [f"{'network':<28}{'pixels':>8}{'tile':>16}{'images/s':>12}{'memory MB':>12}{'off':>6}{'seam':>8}"]
    for row in rows:
        cells = [row.get("images_per_s"), row.get("memory_mb"), row.get("off"), row.get("seam")]
        shown = ["" if cell is None else f"{cell:.3g}" for cell in cells]
        widths = zip(shown, (12, 12, 6, 8), strict=True)
        ends = "".join(f"{cell:>{width}}" for cell, width in widths)
        lines.append(f"{row['network']:<28}{row['edge']:>8}{row['tile']!s:>16}{ends}")
    return "\n".join(lines)
