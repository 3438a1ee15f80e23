"""What a person gives to a function of the library: checked before anything begins."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import cache, wraps
from typing import Any, ParamSpec, TypeVar, get_type_hints

from pydantic import ConfigDict, TypeAdapter, ValidationError

from sparring.base.errors import RequestError, nearest
from sparring.recipe.recipe import Recipe

P = ParamSpec("P")
R = TypeVar("R")
WORDS = "overrides"
"""What functions call the words `key=value` that they take."""
BY_NAME = {WORDS: "words, as 'batch=64'", "for_": "a text, as '10m' or '5000steps'"}
"""What some arguments take, for people."""
IN_WORDS = {
    "Place": "a name or a path",
    "Run": "a run",
    "str": "a text",
    "int": "a whole number",
    "float": "a number",
    "bool": "True or False",
    "Sequence[str]": "a list of texts",
    "Sequence[float]": "a list of numbers",
    "Mapping[str, Sequence[Any]]": "{key: values}",
}
"""What annotations say, for people."""
LONGEST = 60
"""Characters of a value that are shown."""


def checked(verb: Callable[P, R]) -> Callable[P, R]:
    """A function whose arguments must be of the types that its signature names (a path-like object is a path, a number
    of NumPy's a number). Raises RequestError for others, and for an option that it has not: where that is a key of the
    recipe, with the word that says it."""
    told = inspect.signature(verb)
    takers = cache(lambda: _takers(verb, told))  # when it is first called: to look up the types takes a while
    takes_all = any(one.kind is inspect.Parameter.VAR_KEYWORD for one in told.parameters.values())

    @wraps(verb)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        for name in [] if takes_all else kwargs:
            if name not in told.parameters:
                raise RequestError(_unknown(verb.__name__, name, kwargs[name], told))
        bound = told.bind(*args, **kwargs)
        for name, value in bound.arguments.items():
            one = told.parameters[name]
            match one.kind:
                case inspect.Parameter.VAR_POSITIONAL:
                    bound.arguments[name] = tuple(_taken(one, takers()[name], word) for word in value)
                case inspect.Parameter.VAR_KEYWORD:  # which are checked where they are known
                    pass
                case _:
                    bound.arguments[name] = _taken(one, takers()[name], value)
        return verb(*bound.args, **bound.kwargs)

    return call


def _takers(verb: Callable[..., Any], told: inspect.Signature) -> dict[str, TypeAdapter[Any]]:
    hints = get_type_hints(verb)
    config = ConfigDict(arbitrary_types_allowed=True)
    return {name: TypeAdapter(hints.get(name, Any), config=config) for name in told.parameters}  # `self` has no hint


def _taken(told: inspect.Parameter, taker: TypeAdapter[Any], value: Any) -> Any:
    try:
        return taker.validate_python(value)
    except ValidationError:
        types = [one for one in str(told.annotation).split(" | ") if one != "None"]
        takes = BY_NAME.get(told.name) or " or ".join(IN_WORDS.get(one, one) for one in types)
        found = f"{shown(value)} ({type(value).__name__})"
        raise RequestError(f"{told.name}: {found} is not taken; give {takes}") from None


def _unknown(verb: str, name: str, value: Any, signature: inspect.Signature) -> str:
    """That a function has no such option, and what was meant."""
    keys = Recipe.option_names()
    close = nearest(name, [*signature.parameters])
    if WORDS not in signature.parameters or (name not in keys and close.startswith("did you mean")):
        return f"{name}: {verb} has no such option; {close}"
    if name not in keys:
        return f"{name}: {verb} has no such option; {nearest(name, [*signature.parameters, *keys])}"
    plain = value if isinstance(value, bool | int | float | str) else "..."
    written = str(plain).lower() if isinstance(plain, bool) else plain
    return f'{name}: {verb} takes keys of the recipe as words: {verb}(..., "{name}={written}")'


def shown(value: Any) -> str:
    """A value in a message, on one line."""
    text = " ".join(repr(value).split()) if not isinstance(value, Mapping) or len(value) < 9 else "a mapping"
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."
