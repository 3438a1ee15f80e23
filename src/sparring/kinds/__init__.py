"""Kinds of data: one folder each, and nobody outside names one.

A kind is asked through its `Kind` object (`sparring.kinds.kind`). Ours are found by one word in `BUILT_IN`, those of
other packages by an entry point of the group `sparring.kinds`, which names a package that looks like a folder here.
Importing this module imports no PyTorch; asking for a kind does.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

from sparring.base.errors import RequestError, nearest
from sparring.base.part import Part
from sparring.kinds.names import BUILT_IN, folders, left_out_if_broken

if TYPE_CHECKING:
    from sparring.data import Codec, Source
    from sparring.gan.game import Game
    from sparring.kinds.kind import Kind

P = TypeVar("P", bound=Part)


@cache
def kinds() -> tuple[Kind, ...]:
    """All kinds. Those of other packages come before the one that takes what no other does; a package that is broken is
    named and left out. Raises RequestError where two have one name."""
    found: list[Kind] = []
    for name, package in folders().items():
        with left_out_if_broken(name, package):
            found += _kinds_of(package)
    names = [kind.name for kind in found]
    for name in names:
        if names.count(name) > 1:
            whose = " and ".join(type(kind).__module__ for kind in found if kind.name == name)
            raise RequestError(f"kinds: two are called {name}, of {whose}; remove one")
    last = next(kind for kind in found if kind.name == BUILT_IN[-1])
    return (*(kind for kind in found if kind is not last), last)


def _kinds_of(package: str) -> tuple[Kind, ...]:
    from sparring.kinds.kind import Kind

    found = tuple(importlib.import_module(f"{package}.kind").KINDS)
    for kind in found:
        if not isinstance(kind, Kind):
            raise TypeError(f"KINDS has {kind!r}, which is no Kind")
    return found


def kind_named(name: str) -> Kind:
    """The kind of a name. Raises RequestError with the nearest one."""
    for kind in kinds():
        if kind.name == name:
            return kind
    raise RequestError(f"kind: '{name}' is none; {nearest(name, [kind.name for kind in kinds()])}")


def of(game: Game, source: Source) -> Kind:
    """The kind of a run: the game's, where it has one of its own, else the data's."""
    return kind_named(game.kind or source.kind)


@cache
def parts(base: type[P]) -> Mapping[str, type[P]]:
    """What a recipe can choose among where it takes a part of this base class, by name: the core's parts, then those of
    the kinds.

    Raises RequestError where two kinds bring two parts of one name."""
    found: dict[str, type[P]] = {}
    for owner, part in _all_parts():
        if not issubclass(part, base):
            continue
        if found.setdefault(part.recipe_name(), part) is not part:
            other = found[part.recipe_name()]
            raise RequestError(
                f"kinds: {owner} brings {part.__module__}.{part.__qualname__}, and there is "
                f"{other.__module__}.{other.__qualname__} of the same name"
            )
    return found


def extractors() -> tuple[str, ...]:
    """The names that `score.extractor` can have."""
    return tuple(dict.fromkeys(("auto", *(name for kind in kinds() for name in kind.extractors))))


def reads() -> frozenset[str]:
    """Endings of files that are data, in small letters."""
    return frozenset(ending for kind in kinds() for ending in kind.reads)


def codec_from_json(fields: Mapping[str, Any]) -> Codec:
    """The codec that `Codec.to_json` wrote. Raises RequestError for one that no kind knows."""
    for kind in kinds():
        if fields["kind"] in kind.codecs:
            return kind.codecs[fields["kind"]](dict(fields))
    raise RequestError(f"codec: '{fields['kind']}' is of no kind that is installed")


def source_named(name: str) -> type[Source] | None:
    """The source that a recipe calls so under `data`, or None."""
    from sparring.data import Source

    return parts(Source).get(name)


def last_source() -> type[Source]:
    """The source that reads a place of which nothing else is known."""
    from sparring.data import Source

    last = kinds()[-1]
    return next(part for part in last.parts if issubclass(part, Source) and part.places)


def source_at(place: str) -> type[Source] | None:
    """The source that is sure to read a place, by its name alone, or None."""
    from sparring.data import Source

    return next((source for source in parts(Source).values() if source.named(place)), None)


def _all_parts() -> Iterator[tuple[str, type[Part]]]:
    from sparring.gan.augment import AUGMENTATIONS
    from sparring.gan.games import GAMES
    from sparring.gan.surgery import SURGERY
    from sparring.gan.terms import TERMS
    from sparring.nets import NETS

    yield from (("sparring", part) for part in (*GAMES, *NETS, *TERMS, *AUGMENTATIONS, *SURGERY))
    for kind in kinds():
        yield from ((kind.name, part) for part in kind.parts)
