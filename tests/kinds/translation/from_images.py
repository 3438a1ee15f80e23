"""Small data and small networks for the recipes of images to images."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from tests.conftest import write_images

RECIPES = (
    "translate/paired", "translate/unpaired", "translate/cycle", "style/single", "inpaint/photos", "inpaint/medical"
)  # fmt: skip
TRANSLATED = (45, 61)
"""Height and width of a picture to translate: not those of training, nor multiples of anything."""


def data_of(recipe: str, folder: Path, count: int = 40) -> Path | list[Path]:
    """Random images of 32 x 32 such as a recipe asks for, written to a folder."""
    if recipe.startswith("style"):
        write_images(folder, 1, (80, 72), name="content.png")
        write_images(folder, 1, (70, 90), name="style.png", seed=1)
        return [folder / "content.png", folder / "style.png"]
    if recipe.startswith("inpaint"):
        return write_images(folder / "images", count, (32, 32), "L" if recipe.endswith("medical") else "RGB")
    for seed, side in enumerate("ab"):
        write_images(folder / "both" / side, count, (32, 32), seed=seed)
    return folder / "both"


def words_of(recipe: str) -> list[str]:
    """What makes a recipe's networks small and its training two steps long."""
    coder = recipe.startswith("style") or recipe in ("translate/unpaired", "translate/cycle")
    net = "encoder_decoder" if coder else "unet"
    return [
        f"generator.net.{net}.width=4",
        f"generator.net.{net}.blocks=1",
        "discriminator.net.patch.width=4",
        "discriminator.net.patch.levels=1",
        *(["data.pictures.size=32", "data.pictures.count=60"] if recipe.startswith("style") else []),
        "batch=4",
        "steps=2",
        "score.metrics=[]",
        "score.extractor=pixels",
        "precision=fp32",
        "plan=plain",
    ]


def picture(path: Path, mode: str = "RGB", size: tuple[int, int] = TRANSLATED) -> Path:
    """A picture to translate."""
    return write_images(path.parent, 1, size, mode, path.name) / path.name


def mask(path: Path, size: tuple[int, int] = TRANSLATED) -> Path:
    """White from (10, 12) to (25, 33), black elsewhere."""
    path.parent.mkdir(parents=True, exist_ok=True)
    holes = Image.new("L", (size[1], size[0]))
    holes.paste(255, (12, 10, 33, 25))
    holes.save(path)
    return path
