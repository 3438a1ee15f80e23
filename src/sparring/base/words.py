"""Words of YAML and `key=value`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, get_origin

from sparring.base.errors import RequestError, nearest
from sparring.base.part import Named, OneOf, Part, about_dropout, bare, named_parts, parts_of, unknown_key
from sparring.base.reading import read_yaml

__all__ = ["put", "read_yaml", "split_override"]


def split_override(text: str) -> tuple[list[str], Any]:
    """`a.b=value` as path and value; the value is read as YAML."""
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise RequestError(f"override: '{text}' is not key=value")
    return key.split("."), read_yaml(value, key)


def put(fields: dict[str, Any], overrides: Iterable[str], cls: type[Part]) -> dict[str, Any]:
    """Puts `key=value` overrides into the fields of a part, in place; the keys are checked against what there is."""
    for text in overrides:
        path, value = split_override(text)
        _put(fields, path, value, cls, ())
    return fields


def _put(fields: dict[str, Any], path: Sequence[str], value: Any, cls: type[Part], above: tuple[str, ...]) -> None:
    """Sets a value below the fields of one part."""
    name, rest = path[0], path[1:]
    if name not in cls.option_names():
        raise RequestError(_at(above, unknown_key(name, cls.option_names())))
    name = next((n for n, f in cls.model_fields.items() if f.alias == name), name)
    if not rest:
        fields[name] = value
        return
    info = cls.model_fields[name]
    inside = (*above, name)
    if any(isinstance(mark, Named) for mark in info.metadata):
        fields[name] = _own(fields.get(name))
        _put_named(fields[name], rest, value, named_parts(info.annotation), inside)
        return
    choices = parts_of(info.annotation, info.metadata)
    if _is_choice(info.annotation, info.metadata):
        _put_choice(fields, name, rest, value, choices, inside, info.default)
    elif choices:
        (inner,) = choices.values()
        fields[name] = _own(fields.get(name))
        _put(fields[name], rest, value, inner, inside)
    elif get_origin(bare(info.annotation)) is dict:  # of names that are the user's own, which may have dots in them
        fields[name] = {**(fields.get(name) or {}), ".".join(rest): value}
    else:
        raise RequestError(_at(inside, f"is a value of its own and has no '{rest[0]}'"))


def _own(value: Any) -> dict[str, Any]:
    """A mapping of one's own to change: in YAML one may stand at several places (`&`, `*`)."""
    return dict(value) if isinstance(value, dict) else {}


def _put_named(
    parts: dict[str, Any], path: Sequence[str], value: Any, classes: dict[str, type[Part]], above: tuple[str, ...]
) -> None:
    """Sets a value within parts by name; a part that is not there yet is added, and null takes one away."""
    name, rest = path[0], path[1:]
    own = parts.get(name)
    if name in classes:
        cls = classes[name]
        if not rest:
            if value is None:
                parts.pop(name, None)
            else:
                parts[name] = value
            return
    elif isinstance(own, dict) and len(own) == 1 and next(iter(own)) in classes:
        kind = next(iter(own))
        cls = classes[kind]
        if not rest:
            parts.pop(name)
            parts |= {} if value is None else {name: value}
            return
        rest = rest[1:] if rest and rest[0] == kind else rest
        parts[name] = _own(own)
        parts, name = parts[name], kind
    elif not rest and isinstance(value, dict):
        parts[name] = value
        return
    else:
        raise RequestError(
            _at(above, f"unknown name '{name}'; {about_dropout(name, classes) or nearest(name, [*classes, *parts])}")
        )
    parts[name] = _own(parts.get(name))
    _put(parts[name], rest, value, cls, (*above, name))


def _put_choice(
    fields: dict[str, Any],
    name: str,
    path: Sequence[str],
    value: Any,
    choices: dict[str, type[Part]],
    above: tuple[str, ...],
    default: Any,
) -> None:
    """Sets a value within a choice; naming another choice takes that one. The choice's name may be left out."""
    now = fields.get(name, default.recipe_name() if isinstance(default, Part) else None)
    if isinstance(now, str) and now in choices:
        now = {now: {}}
    chosen = next(iter(now)) if isinstance(now, dict) and len(now) == 1 else None
    kind, rest = path[0], path[1:]
    if kind not in choices:
        if chosen not in choices or kind not in choices[chosen].option_names():
            known = [*choices, *(choices[chosen].option_names() if chosen in choices else [])]
            raise RequestError(_at(above, unknown_key(kind, known)))
        kind, rest = chosen, path
    inner = dict(now[kind] or {}) if kind == chosen and isinstance(now, dict) else {}
    if rest:
        _put(inner, rest, value, choices[kind], (*above, kind))
    else:
        inner = value
    fields[name] = {kind: inner}


def _is_choice(annotation: Any, metadata: Sequence[Any]) -> bool:
    """Whether a field takes one of several parts by name."""
    if any(isinstance(mark, OneOf) for mark in metadata):
        return True
    members = getattr(bare(annotation), "__args__", ())
    return any(isinstance(mark, OneOf) for member in members for mark in getattr(member, "__metadata__", ()))


def _at(above: tuple[str, ...], message: str) -> str:
    return f"{'.'.join(above)}: {message}" if above else message
