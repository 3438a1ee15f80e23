"""YAML texts as plain values, within bounds: whatever a stranger's file says, reading it ends soon, in values of the
few types that recipes have or in one line that says what is wrong."""

from __future__ import annotations

import math
import re
from typing import Any

import yaml

from sparring.base.errors import RequestError
from sparring.base.numbers import LARGEST_WHOLE

MOST_CHARACTERS = 500_000
MOST_VALUES = 50_000
"""With what aliases (`*name`) stand for counted each time: a few lines of them can say more than any memory holds."""
DEEPEST = 64
"""Levels of nesting; the deepest recipe has ten."""


class _Loader(yaml.SafeLoader):
    """YAML's safe loader that reads 2e-4 as the number it is, refuses a key given twice, and reads `on` and dates as
    words; of explicit tags it knows those of the values that a recipe has."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.depth = self.count = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        self.depth += 1
        self.count += 1
        deep, many = self.depth > DEEPEST, self.count > MOST_VALUES
        if deep or many:
            told = f"nested deeper than {DEEPEST} levels" if deep else f"more than {MOST_VALUES:,} values"
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.composer.ComposerError(None, None, told, mark)
        try:
            return super().compose_node(parent, index)
        finally:
            self.depth -= 1


_CORE = "tag:yaml.org,2002:"


def _refused(node: yaml.Node, what: str) -> yaml.constructor.ConstructorError:
    return yaml.constructor.ConstructorError(None, None, what, node.start_mark)


def _unknown(loader: _Loader, node: yaml.Node) -> Any:
    raise _refused(node, f"'{node.tag.replace(_CORE, '!!'):.60}' is no kind of value that is known here")


def _mapping(loader: _Loader, node: yaml.Node) -> dict[Any, Any]:
    if not isinstance(node, yaml.MappingNode):
        raise _refused(node, "is no mapping")
    found: dict[Any, Any] = {}
    for key_node, value_node in node.value:
        key = loader.construct_object(key_node, deep=True)
        if not isinstance(key, str | int | float | None):
            raise _refused(key_node, "a key is a word or a number")
        if key in found:
            raise _refused(node, f"key '{key}' is given twice")
        found[key] = loader.construct_object(value_node, deep=True)
    return found


def _scalar(kind: str) -> Any:
    """Constructs a plain value, or says which word is none."""
    own = yaml.SafeLoader.yaml_constructors[_CORE + kind]

    def construct(loader: _Loader, node: yaml.Node) -> Any:
        try:
            value = own(loader, node)
        except (ValueError, KeyError, IndexError, OverflowError):
            raise _refused(node, f"'{node.value:.60}' is no {_IN_WORDS[kind]}") from None
        if kind == "int" and abs(value) > LARGEST_WHOLE:
            raise _refused(node, f"'{node.value:.60}' is beyond 64 bits")
        if kind == "float" and not math.isfinite(value):
            raise _refused(node, f"'{node.value:.60}' is no finite number")
        return value

    return construct


_IN_WORDS = {"int": "whole number", "float": "number", "bool": "true or false", "null": "null", "str": "text"}
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in found if tag in (f"{_CORE}int", f"{_CORE}null")]
    for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(
    f"{_CORE}float", re.compile(r"^[-+]?([0-9][0-9_]*\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?$"), list("-+.0123456789")
)
_Loader.add_implicit_resolver(f"{_CORE}bool", re.compile(r"^(true|false|True|False)$"), list("tfTF"))
_Loader.yaml_constructors = {f"{_CORE}seq": yaml.SafeLoader.yaml_constructors[f"{_CORE}seq"]}
for _kind in _IN_WORDS:
    _Loader.add_constructor(_CORE + _kind, _scalar(_kind))
_Loader.add_constructor(_CORE + "map", _mapping)
_Loader.add_constructor(None, _unknown)


def read_yaml(text: str, where: str) -> Any:
    """A YAML text as plain values: None, bool, int of at most 64 bits, finite float, str, and lists and mappings of
    them. Raises RequestError naming `where` and the line."""
    if len(text) > MOST_CHARACTERS:
        raise RequestError(f"{where:.60}: {len(text):,} characters; at most {MOST_CHARACTERS:,} are read")
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        if node is None:
            return None
        _check(node, {})
        return loader.construct_document(node)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f" line {mark.line + 1}" if mark else ""
        raise RequestError(f"{where:.60}:{line} {getattr(error, 'problem', None) or error}") from None


def _check(node: yaml.Node, known: dict[int, int]) -> int:
    """How many values a node stands for, aliases followed. Raises ConstructorError where they are too many, where one
    holds itself, and for text that no file can hold."""
    size = known.get(id(node))
    if size == 0:
        raise _refused(node, "holds itself")
    if size is not None:
        return size
    known[id(node)] = 0
    size = 1
    if isinstance(node, yaml.ScalarNode):
        if any("\ud800" <= letter <= "\udfff" for letter in node.value):
            raise _refused(node, "holds half a character (a lone surrogate)")
    else:
        pairs = isinstance(node, yaml.MappingNode)
        for one in [part for pair in node.value for part in pair] if pairs else node.value:
            size += _check(one, known)
    if size > MOST_VALUES:
        raise _refused(node, f"stands for more than {MOST_VALUES:,} values")
    known[id(node)] = size
    return size
