"""Pictures through a run that makes images of images: files and folders, of any size, in their own depth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from sparring.base.errors import RequestError
from sparring.base.files import write_file
from sparring.base.outputs import must_be_free
from sparring.data import ValueCodec
from sparring.engine.budget import device_budget
from sparring.kinds.kind import Say
from sparring.kinds.translation.picturefiles import (
    ENDINGS,
    Picture,
    ending_of,
    picture_names,
    read_mask,
    read_picture,
    transparent,
    written_ending,
)
from sparring.kinds.translation.picturefiles.colours import to_cmyk, to_grey, to_rgb
from sparring.kinds.translation.picturefiles.picture import bounds
from sparring.kinds.translation.scale import OWN_SIZE, Scale, resized, with_holes
from sparring.kinds.translation.tiling import pixel_bytes, tile_for, tiled

SMALL = 256 * 256
"""Pictures of so many pixels, or fewer, are never tiled."""
FRAME = 32
"""Pixels of the frame that a picture gets where it needs one."""


@dataclass(frozen=True)
class Translation:
    """What a run does to pictures."""

    act: Callable[[Tensor], Tensor]
    """Images [n, channels, height, width] in the range of `inputs`, or of a run that fills what `emptied` made of them,
    to images [n, channels', height, width] in the range of `outputs`. They come on the CPU; it moves them where it
    computes."""
    inputs: ValueCodec
    outputs: ValueCodec
    step: int = 1
    """Heights and widths that `act` sees are multiples of it."""
    reach: int | None = None
    """How many pixels away an input can matter to an output; None where all can, as with norms over an image."""
    emptied: Callable[[Tensor, Tensor], Tensor] | None = None
    """Of a run that fills holes and leaves all else as it is: what it sees of images and the holes (1 where to fill,
    else 0, [n, 1, height, width]), which are its last channel."""
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    """Where `act` computes."""
    scale: Scale = OWN_SIZE
    """At what size pictures are seen."""
    framed: bool = False
    """Whether pictures are mirrored around, and what became of that is cut away: of a run that knows crops alone, and
    makes something of its own of their edges, which within a picture are none."""

    def frame(self, length: int) -> int:
        """Pixels that are mirrored beyond either end of an edge."""
        return min(FRAME, length - 1) if self.framed else 0

    @property
    def fills(self) -> bool:
        return self.emptied is not None

    def __post_init__(self) -> None:
        for name, codec in (("inputs", self.inputs), ("outputs", self.outputs)):
            if codec.kind != "image" or codec.shape[0] not in (1, 3):
                raise RequestError(f"{name}: of shape {codec.shape}; pictures of 1 or 3 channels are translated")


def translate(
    act: Translation,
    source: Path,
    to: Path,
    mask: Path | None = None,
    tile: int | None = None,
    say: Say = lambda line: None,
    overwrite: bool = False,
) -> list[Path]:
    """Translates a picture's file to another, or all of a folder, with those below it, to a folder; gives the paths
    written.

    Size, depth, channels, transparency and metadata stay (see `read_picture` and `Picture.encoded`), though a run sees
    pictures at the size of its training's (`Scale`), and tells of it. The result has the
    run's channels where these differ between its inputs and outputs; else a grey picture stays grey, and a coloured one
    becomes grey where the run is. Values of 8 bits are as in training; of more, the run's own scale holds if it was
    trained on that depth, else the picture's own lowest and highest value (outside the holes of a run that fills)
    become black and white.

    A run that fills changes holes alone, and makes them opaque: each other pixel keeps its own numbers, for which
    results of JPEG files are PNG. Holes are those of `mask`, a picture of the same size or a folder of ones with the
    same names (whatever their endings), else the picture's transparent pixels.

    What takes more memory than there is is done in tiles, of `tile` pixels if given. Files that are there already are
    refused before anything is computed, or with `overwrite` replaced, each whole. Raises RequestError for what cannot
    be read or written; in a folder at the end, when the others are done.
    """
    source, to = Path(source), Path(to)
    if mask is not None and not act.fills:
        raise RequestError(
            f"mask: {mask}: this run fills no holes, but translates all of a picture; leave the mask out"
        )
    if tile is not None and tile < 1:
        raise RequestError(f"tile: {tile} is no edge in pixels; take 256, say, or leave it out")
    if not source.exists():
        raise RequestError(f"{source}: no such file or folder")
    if mask is not None and not mask.exists():
        raise RequestError(f"mask: {mask}: no such file or folder")
    work = _Work(act, tile, say, overwrite)
    if source.is_dir():
        return work.folder(source, to, mask)
    return [work.file(source, work.target(source, to), mask)]


def translated(act: Translation, picture: Picture, holes: NDArray[np.bool_] | None, tile: int | None) -> NDArray[Any]:
    """A picture's new values [slices, channels, height, width], in its own type and scale. `holes` [slices, height,
    width] are what a run that fills changes; `tile` is the largest edge, None for the picture whole."""
    low, high = (_scale(codec, picture, holes) for codec in (act.inputs, act.outputs))
    inputs = replace(act.inputs, depth="float32", low=low[0], high=low[1])
    outputs = replace(act.outputs, depth="float32", low=high[0], high=high[1])
    slices = []
    for number, plane in enumerate(picture.planes):
        seen = to_rgb(plane) if act.inputs.shape[0] == 3 else to_grey(plane)
        image = inputs.encode(torch.from_numpy(np.array(seen, np.float32))[None])
        hole = None if holes is None else torch.from_numpy(holes[number].astype(np.float32))[None, None]
        made = outputs.decode(_scaled(act, image.nan_to_num(), hole, tile))[0].numpy()
        slices.append(_kept(picture.stored(_recoloured(act, picture, plane, made)), plane, hole))
    return np.stack(slices)


def _scaled(act: Translation, image: Tensor, hole: Tensor | None, tile: int | None) -> Tensor:
    """One image through the network at the size at which it is to be seen, and back in its own."""
    height, width = image.shape[2:]
    size = act.scale.seen(height, width)
    if hole is None:
        return resized(_through(act, resized(image, size), None, tile), (height, width))
    return resized(_through(act, *with_holes(image, hole, size), tile), (height, width))


def _through(act: Translation, image: Tensor, hole: Tensor | None, tile: int | None) -> Tensor:
    """One image through the network, whole or in tiles."""

    def through(part: Tensor) -> Tensor:
        if act.fills and not part[:, -1:].any():  # all of it stays as it is
            return torch.zeros(1, act.outputs.shape[0], *part.shape[2:])
        return act.act(part)

    whole = image if act.emptied is None or hole is None else act.emptied(image, hole)
    down, right = (act.frame(length) for length in image.shape[2:])
    if act.framed:
        whole = F.pad(whole, (right, right, down, down), mode="reflect")
    edge = max(whole.shape[2:]) + act.step if tile is None else tile
    overlap = edge // act.step * act.step // 4
    made = tiled(through, whole, edge, overlap, act.step, act.reach)
    return made[:, :, down : down + image.shape[2], right : right + image.shape[3]]


def _scale(codec: ValueCodec, picture: Picture, holes: NDArray[np.bool_] | None) -> tuple[float, float]:
    """The picture's values that are black and white to the run."""
    if picture.depth == "uint8" or codec.depth != picture.depth:
        return _own_scale(picture, holes)
    return (codec.low, codec.high) if picture.high > picture.low else (codec.high, codec.low)


def _own_scale(picture: Picture, holes: NDArray[np.bool_] | None) -> tuple[float, float]:
    if picture.depth == "uint8" or picture.colour != "grey":
        return picture.low, picture.high
    low, high = bounds(picture.planes if holes is None else picture.planes[:, 0][~holes])  # a fill sees no hole
    return (low, high) if picture.high > picture.low else (high, low)


def _recoloured(act: Translation, picture: Picture, plane: NDArray[Any], made: NDArray[Any]) -> NDArray[Any]:
    """What the run made, in the picture's channels where the run keeps channels."""
    if act.inputs.shape[0] != act.outputs.shape[0]:
        return made
    if picture.colour == "grey":
        return to_grey(made)
    return to_cmyk(made, plane) if picture.colour == "cmyk" and made.shape[0] == 3 else made


def _kept(made: NDArray[Any], plane: NDArray[Any], hole: Tensor | None) -> NDArray[Any]:
    """The new values where they belong: within a hole, if there is one; and never where a float was no number."""
    if hole is not None:
        made = np.where(hole[0].numpy() > 0, made, plane)
    if plane.dtype.kind == "f" and made.shape == plane.shape:
        made = np.where(np.isfinite(plane), made, plane)
    return made


class _Work:
    """One request: what is measured once, and told once."""

    def __init__(self, act: Translation, tile: int | None, say: Say, overwrite: bool) -> None:
        self.act, self.tile, self.say, self.overwrite = act, tile, say, overwrite
        self.told: set[str] = set()
        self.told_scale = False
        self.pixel_bytes: float | None = None

    def folder(self, source: Path, to: Path, mask: Path | None) -> list[Path]:
        """All pictures of a folder, the good ones done before the bad ones are told of."""
        names, others = picture_names(source)
        if mask is not None and _within(mask, source) and mask.is_dir():
            names = [name for name in names if not _within(source / name, mask)]
        if not names:
            what = f"{others} files, none of them a picture" if others else "empty"
            raise RequestError(f"{source}: {what}; wanted {', '.join(ENDINGS)}")
        if _within(to, source):
            raise RequestError(f"to: {to} lies within {source}, which is to be translated; take another folder")
        if to.exists() and not to.is_dir():
            raise RequestError(f"to: {to} is a file; a folder's pictures need a folder")
        must_be_free((self._renamed(to / name) for name in names), self.overwrite)
        _make_folder(to)
        if others:
            self.say(f"{source}: {others} files that are no pictures are left out")
        written: list[Path] = []
        bad: list[str] = []
        for number, name in enumerate(names, 1):
            try:
                target = self._renamed(to / name)
                if target in written:
                    raise RequestError(
                        f"{source / name}: another picture was written to {target}; give it another name"
                    )
                own_mask = _mask_for(mask, name) if mask is not None and mask.is_dir() else mask
                written.append(self.file(source / name, target, own_mask))
                self.say(f"{number} of {len(names)}: {target}")
            except RequestError as error:
                bad.append(str(error))
                self.say(f"{number} of {len(names)}: {error}")
        if bad:
            more = f" (and {len(bad) - 3} more)" if len(bad) > 3 else ""
            raise RequestError(f"{len(bad)} of {len(names)} pictures not translated: {'; '.join(bad[:3])}{more}")
        return written

    def file(self, source: Path, target: Path, mask: Path | None) -> Path:
        """One picture."""
        self._check_target(source, target)
        picture = read_picture(source)
        holes = self._holes(picture, mask)
        if picture.colour != "grey" and self.act.inputs.shape[0] == 1:
            if self.act.fills and not _all_grey(picture):
                raise RequestError(f"{source}: a picture in colour, and this run fills grey ones; make it grey first")
            if not self.act.fills:  # which keeps the channels, all alike
                self._note("pictures in colour are made grey: this run was trained on grey ones")
        alpha = picture.alpha
        if alpha is not None and holes is not None:
            alpha = np.where(holes[0], np.uint8(255), alpha)
        self._tell_scale(picture)
        values = translated(self.act, picture, holes, self._edge(picture))
        _write(target, picture.encoded(target, values, alpha))
        return target

    def _tell_scale(self, picture: Picture) -> None:
        """Of the first picture that is not seen as in training, how it is."""
        line = self.act.scale.told(picture.height, picture.width)
        if line and not self.told_scale:
            self.told_scale = True
            self._note(line)

    def _holes(self, picture: Picture, mask: Path | None) -> NDArray[np.bool_] | None:
        if not self.act.fills:
            return None
        if mask is not None:
            return read_mask(mask, picture.height, picture.width, len(picture.planes))
        clear = transparent(picture)
        if clear is None:
            raise RequestError(f"{picture.path}: nothing says what to fill; give a mask, or transparent pixels")
        if clear.all():
            raise RequestError(f"{picture.path}: all of it is transparent, which leaves nothing to fill it from")
        return clear[None]

    def _edge(self, picture: Picture) -> int | None:
        """The tile's edge, None for the whole picture."""
        if self.tile is not None:
            return self.tile
        seen = self.act.scale.seen(picture.height, picture.width)
        height, width = (length + 2 * self.act.frame(length) for length in seen)
        pixels = height * width
        if pixels <= SMALL:
            return None
        if self.pixel_bytes is None:
            self.pixel_bytes = pixel_bytes(self._probe, self.act.inputs.shape[0], self.act.device, self.act.step)
        limit = device_budget(self.act.device)
        if pixels * self.pixel_bytes <= limit:
            return None
        return tile_for(limit, self.pixel_bytes, self.act.step, self.act.reach)

    def _probe(self, image: Tensor) -> Tensor:
        emptied = self.act.emptied
        return self.act.act(image if emptied is None else emptied(image, torch.ones_like(image[:, :1])))

    def target(self, source: Path, to: Path) -> Path:
        """Where one file goes: into a folder under its own name, if `to` is one or has no ending."""
        return self._renamed(to / source.name) if to.is_dir() or not ending_of(to) else to

    def _renamed(self, target: Path) -> Path:
        """The target with an ending that can hold what is written."""
        ending = ending_of(target)
        other = written_ending(ending, self.act.fills)
        if other == ending:
            return target
        why = "its pixels must stay exactly as they are" if ending != ".gif" else "colours beyond a palette need it"
        self._note(f"results of {ending} files are {other}: {why}")
        return target.with_suffix(other)

    def _check_target(self, source: Path, target: Path) -> None:
        """Raises RequestError for a target that cannot be, before anything is computed."""
        if target.resolve() == source.resolve():
            raise RequestError(f"to: {target} is the picture that is to be translated; take another name")
        must_be_free([target], self.overwrite)
        ending = ending_of(target)
        writable = [ending for ending in ENDINGS if written_ending(ending, self.act.fills) == ending]
        if ending not in writable:
            why = "changes pixels that must stay" if self.act.fills and ending in ENDINGS else "is not written"
            raise RequestError(f"to: {target}: '{ending}' {why}; take one of {', '.join(writable)}")
        _make_folder(target.parent)

    def _note(self, line: str) -> None:
        if line not in self.told:
            self.told.add(line)
            self.say(line)


def _all_grey(picture: Picture) -> bool:
    """Whether a picture holds nothing but grey in channels of colour, as many scans do."""
    return picture.colour == "rgb" and bool((picture.planes == picture.planes[:, :1]).all())


def _mask_for(masks: Path, name: str) -> Path:
    """The mask of a folder for a picture: of the same name, or of the same with another ending."""
    same = masks / name
    if same.is_file():
        return same
    stem = name[: len(name) - len(ending_of(name))]
    for ending in ENDINGS:
        if (masks / (stem + ending)).is_file():
            return masks / (stem + ending)
    raise RequestError(f"{masks}: no mask for {name}; wanted {stem}.png, or another picture of that name")


def _within(path: Path, folder: Path) -> bool:
    return path.resolve().is_relative_to(folder.resolve())


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RequestError(f"to: {folder} cannot be written ({error.strerror})") from None


def _write(path: Path, content: bytes) -> None:
    try:
        write_file(path, content)
    except OSError as error:
        raise RequestError(f"to: {path} cannot be written ({error.strerror})") from None
