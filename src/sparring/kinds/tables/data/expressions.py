"""Arithmetic over the columns of a table, as constraints write it: read without evaluating any code."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sparring.base.errors import RequestError, nearest
from sparring.kinds.tables.data.column import NUMBERS, Column

Values = NDArray[np.float64]
Range = tuple[float, float]

GRAMMAR = "write <=, <, >=, > or == between sums, differences, products and ratios of columns and numbers"
LONGEST = 2_000
"""Characters of a constraint."""
DEEPEST = 300
"""Levels of a constraint's tree, which is walked by recursion; a sum of so many columns has as many."""
EPSILON = 8 * float(np.finfo(np.float64).eps)
"""Of the size of what is added up: rounding of a few operations."""

_COMPARISONS: dict[type[ast.cmpop], str] = {ast.LtE: "<=", ast.Lt: "<", ast.GtE: ">=", ast.Gt: ">", ast.Eq: "=="}
_QUOTED = re.compile(r"`([^`]*)`|\"([^\"]*)\"|'([^']*)'")
_LONE_EQUALS = re.compile(r"(?<![<>=!])=(?!=)")


@dataclass(frozen=True)
class Linear:
    """constant + the sum of weight x column."""

    constant: float = 0.0
    weights: Mapping[int, float] = field(default_factory=dict)
    """By the column's place; none is 0."""

    def plus(self, other: Linear, sign: float = 1.0) -> Linear:
        weights = dict(self.weights)
        for place, weight in other.weights.items():
            weights[place] = weights.get(place, 0.0) + sign * weight
        return Linear(
            self.constant + sign * other.constant,
            {place: weight for place, weight in weights.items() if weight},
        )

    def times(self, factor: float) -> Linear:
        weights = {place: weight * factor for place, weight in self.weights.items()}
        return Linear(self.constant * factor, {place: weight for place, weight in weights.items() if weight})


@dataclass(frozen=True)
class Expression:
    """One side of a comparison."""

    tree: ast.expr
    """Of numbers, + - * /, and names that `places` gives columns to."""
    places: Mapping[str, int]

    @property
    def columns(self) -> frozenset[int]:
        names = {node.id for node in ast.walk(self.tree) if isinstance(node, ast.Name)}
        return frozenset(self.places[name] for name in names)

    @property
    def lone(self) -> int | None:
        """The place of the column that this is, where it is just one."""
        return self.places[self.tree.id] if isinstance(self.tree, ast.Name) else None

    @property
    def plain(self) -> bool:
        """Whether nothing is computed, so that nothing is rounded."""
        return isinstance(self.tree, (ast.Name, ast.Constant))

    def value(self, values: Values) -> Values:
        """Of each row; without bound where something is divided by 0."""
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            found = self._value(self.tree, values)
        missing = np.isnan(values[:, sorted(self.columns)]).any(1)
        return np.where(np.isnan(found) & ~missing, np.inf, found)

    def size(self, values: Values) -> Values:
        """Of each row, the size of what was added up, whose rounding the value carries."""
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            return self._value(self.tree, values, size=True)

    def _value(self, node: ast.expr, values: Values, *, size: bool = False) -> Values:
        if isinstance(node, ast.Name):
            found = values[:, self.places[node.id]]
            return np.abs(found) if size else found
        if isinstance(node, ast.Constant):
            assert isinstance(node.value, (int, float))
            return np.full(len(values), abs(node.value) if size else node.value, dtype=np.float64)
        if isinstance(node, ast.UnaryOp):
            inner = self._value(node.operand, values, size=size)
            return inner if size or isinstance(node.op, ast.UAdd) else -inner
        assert isinstance(node, ast.BinOp)
        left = self._value(node.left, values, size=size)
        if isinstance(node.op, ast.Div):  # by the number itself: its size would hide how close to 0 it is
            return left / np.abs(self._value(node.right, values)) if size else left / self._value(node.right, values)
        right = self._value(node.right, values, size=size)
        if isinstance(node.op, ast.Mult):
            return left * right
        return left + right if size or isinstance(node.op, ast.Add) else left - right

    def linear(self) -> Linear | None:
        """As a sum of columns with weights; None where columns are multiplied or divided with each other."""
        return self._linear(self.tree)

    def _linear(self, node: ast.expr) -> Linear | None:
        if isinstance(node, ast.Name):
            return Linear(0.0, {self.places[node.id]: 1.0})
        if isinstance(node, ast.Constant):
            assert isinstance(node.value, (int, float))
            return Linear(float(node.value))
        if isinstance(node, ast.UnaryOp):
            inner = self._linear(node.operand)
            return inner and inner.times(-1.0 if isinstance(node.op, ast.USub) else 1.0)
        assert isinstance(node, ast.BinOp)
        left, right = self._linear(node.left), self._linear(node.right)
        if left is None or right is None:
            return None
        if isinstance(node.op, (ast.Add, ast.Sub)):
            return left.plus(right, 1.0 if isinstance(node.op, ast.Add) else -1.0)
        if isinstance(node.op, ast.Div):
            return left.times(1 / right.constant) if not right.weights and right.constant else None
        if left.weights and right.weights:
            return None
        return left.times(right.constant) if not right.weights else right.times(left.constant)

    def between(self, ranges: Mapping[int, Range]) -> Range:
        """Bounds of the value where each column lies in its range; they may be wider than need be."""
        return self._between(self.tree, ranges)

    def _between(self, node: ast.expr, ranges: Mapping[int, Range]) -> Range:
        if isinstance(node, ast.Name):
            return ranges[self.places[node.id]]
        if isinstance(node, ast.Constant):
            assert isinstance(node.value, (int, float))
            return float(node.value), float(node.value)
        if isinstance(node, ast.UnaryOp):
            low, high = self._between(node.operand, ranges)
            return (-high, -low) if isinstance(node.op, ast.USub) else (low, high)
        assert isinstance(node, ast.BinOp)
        (a, b), (c, d) = self._between(node.left, ranges), self._between(node.right, ranges)
        if isinstance(node.op, ast.Add):
            return a + c, b + d
        if isinstance(node.op, ast.Sub):
            return a - d, b - c
        if isinstance(node.op, ast.Div):
            if c <= 0 <= d:
                return -np.inf, np.inf
            c, d = 1 / d, 1 / c
        ends = [a * c, a * d, b * c, b * d]
        return (-np.inf, np.inf) if any(np.isnan(ends)) else (min(ends), max(ends))


def comparisons(text: str, columns: Sequence[Column]) -> list[tuple[Expression, str, Expression]]:
    """The comparisons that a text says; `a < b < c` says two. Raises RequestError without a head."""
    if len(text) > LONGEST:
        raise RequestError(f"longer than {LONGEST} characters")
    coded, places = _coded(text, columns)
    try:
        tree = ast.parse(_LONE_EQUALS.sub("==", coded).strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise RequestError(f"cannot be read; {GRAMMAR}") from None
    if not isinstance(tree, ast.Compare):
        raise RequestError(f"compares nothing; {GRAMMAR}")
    sides = [tree.left, *tree.comparators]
    found = []
    for left, operator, right in zip(sides, tree.ops, sides[1:], strict=False):
        if type(operator) not in _COMPARISONS:
            raise RequestError(f"cannot be read; {GRAMMAR}")
        pair = [Expression(_checked(side, places), places) for side in (left, right)]
        used = pair[0].columns | pair[1].columns
        if not used:
            raise RequestError("names no column")
        for place in sorted(used):
            if columns[place].kind not in NUMBERS:
                raise RequestError(f"'{columns[place].name}' is of kind {columns[place].kind}, and this takes numbers")
        found.append((pair[0], _COMPARISONS[type(operator)], pair[1]))
    return found


def _coded(text: str, columns: Sequence[Column]) -> tuple[str, dict[str, int]]:
    """The text with each column's name as an identifier, and which column that is. The longest name wins, since names
    may hold spaces and signs; quotes keep a name together, and a name that could be a number needs them."""
    by_name = {column.name: place for place, column in enumerate(columns)}
    names = sorted((name for name in by_name if re.search(r"[^\W\d]", name)), key=len, reverse=True)
    plain = "|".join(rf"(?<![\w.]){re.escape(name)}(?!\w)" for name in names)
    places: dict[str, int] = {}

    def code(found: re.Match[str]) -> str:
        name = found[0]
        if name not in by_name:
            name = name[1:-1]
            if name not in by_name:
                raise RequestError(f"no column '{name}'; {nearest(name, by_name)}")
        identifier = f"column_{by_name[name]}_"
        places[identifier] = by_name[name]
        return f" {identifier} "

    coded = re.sub(f"{_QUOTED.pattern}|{plain}" if plain else _QUOTED, code, text)
    for word in re.findall(r"(?<![\w.])[^\W\d]\w*", coded):
        if word not in places:
            raise RequestError(f"no column '{word}'; {nearest(word, by_name)}")
    return coded, places


def _checked(node: ast.expr, places: Mapping[str, int]) -> ast.expr:
    """The tree, if it holds nothing but arithmetic."""
    stack: list[tuple[ast.expr, int]] = [(node, 0)]
    while stack:
        one, depth = stack.pop()
        if depth > DEEPEST:
            raise RequestError(f"more than {DEEPEST} signs or brackets one within the other; say it shorter")
        if isinstance(one, ast.BinOp) and isinstance(one.op, (ast.Add, ast.Sub, ast.Mult, ast.Div)):
            stack += [(one.left, depth + 1), (one.right, depth + 1)]
        elif isinstance(one, ast.UnaryOp) and isinstance(one.op, (ast.UAdd, ast.USub)):
            stack.append((one.operand, depth + 1))
        elif isinstance(one, ast.Constant) and not isinstance(one.value, bool) and isinstance(one.value, (int, float)):
            if abs(one.value) > 1e300:
                raise RequestError("holds a number beyond 1e300")
        elif not (isinstance(one, ast.Name) and one.id in places):
            raise RequestError(f"cannot be read; {GRAMMAR}")
    return node
