"""Reading people's pictures: image files of any size, mode and depth become one array."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sparring.base.errors import RequestError
from sparring.data.dataset import Found
from sparring.data.files import File
from sparring.data.pictures.decoding import (
    CHANNELS,
    CONVERT,
    MODE_NAMES,
    Head,
    Rules,
    Unreadable,
    fitted,
    head_of,
    or_reason,
)
from sparring.data.store import Kept, Stream, keep, known, source_key

S = TypeVar("S")
T = TypeVar("T")

WINDOW = 64
"""Files that are read ahead."""
LOOKED_AT = 50
"""Files by whose sizes it is told what the images of a place are."""


def sizes_of(files: list[File]) -> list[tuple[int, int]]:
    """The (height, width) of some of the files, from first to last, of those that can be read."""
    rules = Rules(None, None, "crop", None, strict=False)
    heads = [or_reason(head_of, file, rules) for file in files[:: max(1, len(files) // LOOKED_AT)]]
    return [head.size for head in heads if not isinstance(head, Unreadable)]


def read_pictures(
    files: list[File],
    rules: Rules,
    found: Found,
    where: Path | tuple[Path, ...],
    partners: list[File] | None = None,
) -> tuple[Kept, list[int]]:
    """Images [n, channels, height, width] (uint8, or int32 for 16 bits), in memory or in the cache, and the places of
    the files they came from. `partners` are of the same sizes as these, file by file, or refused as unreadable."""
    roots = (where,) if isinstance(where, Path) else where
    archives = [("", root.stat().st_size, root.stat().st_mtime_ns) for root in roots if root.is_file()]
    deciding = rules.deciding()
    if partners is not None:  # apart, or the files of both sides as one source would have the same key
        deciding["partners"] = source_key(_stats(partners), {})
    key = source_key([*((str(root.resolve()), 0, 0) for root in roots), *archives, *_stats(files)], deciding)
    kept = known(key)
    if kept is None:
        work = _Decoding(files, rules, found, " and ".join(map(str, roots)), partners)
        kept = keep(work.stream(), key, work.about)
    about = kept.about
    found.sizes = Counter({(height, width): count for height, width, count in about["sizes"]})
    found.channels, found.unreadable = Counter(about["channels"]), about["unreadable"]
    found.notes += [*about["notes"], *([kept.note] if kept.file else [])]
    left_out = set(about["left_out"])
    return kept, [place for place in range(len(files)) if place not in left_out]


def _stats(files: list[File]) -> list[tuple[str, int, int]]:
    return [(file.name, file.size, file.changed) for file in files]


class _Decoding:
    """The way from image files to one array: their heads first, which decide its shape, then their pixels."""

    def __init__(
        self, files: list[File], rules: Rules, found: Found, where: str, partners: list[File] | None = None
    ) -> None:
        self.files, self.rules, self.where, self.partners = files, rules, where, partners
        self.found = Found(found.what)
        self.left_out: list[int] = []

    def about(self) -> dict[str, Any]:
        """What the files showed, as plain values."""
        found = self.found
        sizes = [[*size, count] for size, count in found.sizes.items()]
        told = {"sizes": sizes, "channels": dict(found.channels), "unreadable": found.unreadable}
        return told | {"notes": found.notes, "left_out": self.left_out}

    def stream(self) -> Stream:
        """Looks at all files, and decides."""
        found, rules, where = self.found, self.rules, self.where
        places: list[int] = []
        sizes: list[tuple[int, int]] = []
        modes: set[str] = set()
        looked_at = _in_threads(lambda place: or_reason(self._looked_at, place), range(len(self.files)))
        for place, head in enumerate(looked_at):
            if isinstance(head, Unreadable):
                self._leave_out(place, head)
                continue
            places.append(place)
            sizes.append(head.size)
            modes.add(head.mode)
            found.sizes[head.size] += 1
            found.channels[MODE_NAMES.get(head.mode, head.mode)] += 1
        _refuse_unreadable(found, rules, where)
        if not places:
            raise self._none()
        channels, deep = kind_of(modes, rules, found, where)
        size = target_size(sizes, rules, found)

        def read(file: File) -> NDArray[Any]:
            return fitted(file, rules, size, channels, deep)

        dtype = torch.int32 if deep else torch.uint8
        return Stream(len(places), (channels, *size), dtype, lambda: self._blocks(places, read))

    def _looked_at(self, place: int) -> Head:
        """A file's head, if its partner's says the same size."""
        head = head_of(self.files[place], self.rules)
        if self.partners is None:
            return head
        partner = self.partners[place]
        beside = or_reason(head_of, partner, self.rules)
        if isinstance(beside, Unreadable):
            raise Unreadable(f"its partner {partner.name}: {beside}")
        if beside.size != head.size:
            sizes = [f"{height} x {width}" for height, width in (head.size, beside.size)]
            raise Unreadable(
                f"{sizes[0]} pixels, and its partner {partner.name} has {sizes[1]}; a pair shares one size"
            )
        return head

    def _blocks(self, places: list[int], read: Callable[[File], NDArray[Any]]) -> Iterator[Tensor]:
        arrays = _in_threads(lambda place: or_reason(read, self.files[place]), places)
        for place, array in zip(places, arrays, strict=True):
            if isinstance(array, Unreadable):
                self._leave_out(place, array)
            else:
                yield torch.from_numpy(array)[None]
        _refuse_unreadable(self.found, self.rules, self.where)
        if len(self.left_out) == len(self.files):
            raise self._none()

    def _leave_out(self, place: int, reason: Unreadable) -> None:
        self.left_out.append(place)
        self.found.unreadable.append(f"{self.files[place].name}: {reason}")

    def _none(self) -> RequestError:
        first = self.found.unreadable[0]
        return RequestError(f"{self.where}: none of {len(self.files)} image files can be read; the first: {first}")


def _in_threads(act: Callable[[S], T], items: Sequence[S]) -> Iterator[T]:
    """`act` of each item in order, by four threads; only so many results wait to be taken."""
    with ThreadPoolExecutor(4) as pool:
        for first in range(0, len(items), WINDOW):
            yield from pool.map(act, items[first : first + WINDOW])


def target_size(sizes: list[tuple[int, int]], rules: Rules, found: Found) -> tuple[int, int]:
    """The one size (height, width) that all images are brought to, by the recipe's rule."""
    if rules.size is not None:
        size = rules.size
    elif len(set(sizes)) == 1:
        height, width = sizes[0]
        if rules.largest is None or max(height, width) <= rules.largest:
            return height, width
        scale = rules.largest / max(height, width)  # so runs began before sizes were written into recipes
        size = (_multiple(height * scale), _multiple(width * scale))
    else:
        short = int(np.median([min(size) for size in sizes]))
        edge = _multiple(min(short, rules.largest or short))
        size = (edge, edge)
    if set(sizes) != {size}:
        found.notes.append(f"fitted to {size[0]} x {size[1]} (fit: {rules.fit}; {rules.options}.size sets another)")
    return size


def kind_of(modes: set[str], rules: Rules, found: Found, where: str) -> tuple[int, bool]:
    """How many channels pictures of these modes have, and whether they have 16 bits. Raises RequestError where they
    are mixed."""
    channels = _channels(modes, rules, found)
    deep = _depth(modes, found, where)
    if deep and channels != 1:
        told = f"{channels}, and images of 16 bits are read as grey; leave it out"
        raise RequestError(f"{rules.options}.channels: {told}")
    return channels, deep


def _channels(modes: set[str], rules: Rules, found: Found) -> int:
    if rules.channels is not None:
        if rules.channels not in CONVERT:
            raise RequestError(
                f"{rules.options}.channels: {rules.channels} is none of 1, 2, 3, 4, which image files hold"
            )
        return rules.channels
    counts = {CHANNELS[mode] for mode in modes}
    if len(counts) == 1:
        return counts.pop()
    told = ", ".join(f"{name} ({count})" for name, count in found.channels.most_common())
    raise RequestError(
        f"{rules.options}.channels: the images are mixed, {told}; say channels=3 for colour or 1 for grey"
    )


def _depth(modes: set[str], found: Found, where: str) -> bool:
    deep = {mode == "I;16" for mode in modes}
    if len(deep) > 1:
        told = ", ".join(f"{name} ({count})" for name, count in found.channels.most_common())
        raise RequestError(f"{where}: images of 8 and of 16 bits are mixed, {told}; bring them to one depth")
    return deep.pop()


def _refuse_unreadable(found: Found, rules: Rules, where: str) -> None:
    if rules.strict and found.unreadable:
        more = len(found.unreadable) - 1
        raise RequestError(
            f"{where}: {found.unreadable[0]}{f' (and {more} more such files)' if more else ''}; "
            f"mend it, or say {rules.options}.strict=false to go on without"
        )


def _multiple(length: float) -> int:
    """To a multiple of 4, which networks halve well; at least 4."""
    return max(4, int(length / 4 + 0.5) * 4)
