"""Which image files of a folder or a zip are which side of a translation, by the names of folders."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal, NamedTuple

from sparring.base.errors import RequestError
from sparring.data.files import File, files_of, files_of_folder, files_of_zip
from sparring.data.pictures.reading import sizes_of

SPLITS = {"train": False, "training": False, "val": True, "valid": True, "validation": True, "test": True}
"""Folders that say which part their images are of, and whether that is held out."""
JOINT = re.compile(r"(train|val|test)_?([ab])", re.IGNORECASE)
"""Folders that say part and side at once, as CycleGAN's do: trainA, testB."""

WIDE = 1.5
"""Times its height that an image's width is at least, where it is taken for two side by side."""


class Spot(NamedTuple):
    """What an image file's path says."""

    side: str
    """The folder that names its side, or nothing."""
    split: str
    """The folder that names its part, in small letters, or nothing."""
    key: str
    """What is left of the path, without the ending: by it two images find each other."""

    @property
    def held(self) -> bool:
        return SPLITS.get(self.split, False)


@dataclass
class Side:
    """The images of one side."""

    name: str
    """Of the folder."""
    files: list[File]
    spots: list[Spot]

    @property
    def held(self) -> list[bool] | None:
        """Which images are of the official held-out part; None where folders name no parts."""
        return [spot.held for spot in self.spots] if any(spot.held for spot in self.spots) else None


def spots_of(files: list[File]) -> list[Spot]:
    """What the files' paths say, below the folders that all are in."""
    paths = [PurePosixPath(file.name).parts for file in files]
    skip = 0
    while paths and all(len(path) > skip + 1 for path in paths) and len({path[skip] for path in paths}) == 1:
        skip += 1
    return [_spot(path[skip:]) for path in paths]


def _spot(path: tuple[str, ...]) -> Spot:
    side, split, rest = "", "", []
    for folder in path[:-1]:
        joint = JOINT.fullmatch(folder)
        if not split and folder.lower() in SPLITS:
            split = folder.lower()
        elif not split and not side and joint is not None:
            split, side = joint[1].lower(), joint[2]
        elif not side:
            side = folder
        else:
            rest.append(folder)
    return Spot(side, split, "/".join([*rest, PurePosixPath(path[-1]).stem]))


def two_sides(files: list[File], where: Path, wanted: str) -> tuple[Side, Side]:
    """The images of two folders, the first by name before the second. Raises RequestError, which says
    what is `wanted`, where there are not two."""
    sides: dict[str, Side] = {}
    for file, spot in zip(files, spots_of(files), strict=True):
        side = sides.setdefault(spot.side.lower(), Side(spot.side, [], []))
        side.files.append(file)
        side.spots.append(spot)
    stray = sides.pop("", None)
    names = [f"{sides[name].name}/" for name in sorted(sides)]
    told = ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
    if stray is not None and sides:
        raise RequestError(f"{where}: {stray.files[0].name} lies beside {told}, on neither side; put it elsewhere")
    if len(sides) != 2:
        found = f"{len(sides)} folders of images ({told})" if len(sides) > 1 else "images in one folder only"
        bare = _empty_folders(where)
        empty = f"; {', '.join(bare)} {'hold' if len(bare) > 1 else 'holds'} none" if bare else ""
        raise RequestError(f"{where}: {found}{empty}; {wanted}")
    first, second = (sides[name] for name in sorted(sides))
    return first, second


def _empty_folders(where: Path) -> list[str]:
    """The folders just below that hold no image."""
    if not where.is_dir():
        return []
    folders = [folder for folder in sorted(where.iterdir()) if folder.is_dir() and not folder.name.startswith(".")]
    return [f"{folder.name}/" for folder in folders if not files_of_folder(folder)[0]]


def in_parts(files: list[File], name: str = "") -> Side:
    """All images of a place as one side; only folders that name parts matter."""
    return Side(name, files, spots_of(files))


def refuse_all_held(held: int, count: int, where: Path) -> None:
    """Raises RequestError where an official held-out part leaves nothing to train on."""
    if held == count:
        raise RequestError(f"{where}: all {count:,} images are in val/ or test/, held out; put some in train/")


def matched(first: Side, second: Side, where: Path, *, strict: bool) -> tuple[list[tuple[int, int]], list[str]]:
    """The places of the images that have the same names on both sides, and the images that have no partner, with that
    as the reason. Raises RequestError where names are there twice, where nothing matches, or, if `strict`, not all."""
    one, two = _by_name(first, where), _by_name(second, where)
    pairs = [(place, two[name]) for name, place in one.items() if name in two]
    reasons = [
        f"{side.files[place].name}: none of that name in {other.name}/"
        for side, names, other, known in ((first, one, second, two), (second, two, first, one))
        for name, place in names.items()
        if name not in known
    ]
    if reasons and (strict or not pairs):
        count = len(pairs) + len(reasons)
        raise RequestError(
            f"{where}: {len(pairs)} of {count} names are in both {first.name}/ and {second.name}/; {reasons[0]}; "
            "data.sides takes images that are not paired"
            + (", and data.pairs.strict=false goes on with those that are" if pairs else "")
        )
    return pairs, reasons


def _by_name(side: Side, where: Path) -> dict[tuple[str, str], int]:
    """Each image's place by its part and name."""
    places: dict[tuple[str, str], int] = {}
    for place, spot in enumerate(side.spots):
        before = places.setdefault((spot.split, spot.key), place)
        if before != place:
            one, two = side.files[before].name, side.files[place].name
            raise RequestError(f"{where}: {one} and {two} are two images of one name; pairs go by name, so leave one")
    return places


def side_by_side(files: list[File]) -> bool:
    """Whether images look like two side by side."""
    return min(_proportions(files), default=0.0) >= WIDE


def _proportions(files: list[File]) -> set[float]:
    """Widths over heights that occur."""
    return {width / height for height, width in sizes_of(files)}


def likely(path: Path) -> Literal["pairs", "sides", "halves"] | None:
    """What a folder or zip holds by its folders' names: `a` and `b` with mostly the same names are pairs; with other
    names, or as CycleGAN's trainA and trainB, two sides. Folders for training and for holding out alone, as pix2pix's
    data have them, hold halves where every image is just twice as wide as high. None where it is none of these."""
    if not path.is_dir() and path.suffix != ".zip":
        return None
    files, _ = files_of_folder(path) if path.is_dir() else files_of_zip(path)
    spots = spots_of(files)
    sides = {spot.side.lower() for spot in spots}
    if sides == {""} and {spot.held for spot in spots if spot.split} == {True, False}:
        return "halves" if _proportions(files) == {2.0} else None
    if sides != {"a", "b"}:
        return None
    if any(JOINT.fullmatch(part) for part in PurePosixPath(files[0].name).parts):
        return "sides"
    names = Counter((spot.split, spot.key) for spot in spots)
    both = sum(count > 1 for count in names.values())
    smaller = min(Counter(spot.side.lower() for spot in spots).values())
    return "pairs" if 2 * both >= smaller else "sides"


def images_of(path: Path, key: str) -> list[File]:
    """The image files of a folder or zip. Raises RequestError for anything else."""
    if path.is_file() and path.suffix != ".zip":
        raise RequestError(f"{path}: a file; {key} takes a folder or a .zip of images")
    return files_of(path)[0]
