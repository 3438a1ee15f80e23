"""Parts: the typed, validated options that a recipe is put together from.

A part is a small frozen object whose fields are its options. Where a recipe offers a choice between parts (an
objective, a network), the field's type is their union marked with `OneOf`, and YAML writes the choice as the class's
name in snake case, with its fields where they differ from the defaults: `objective: hinge` or
`net: {dense: {widths: [64, 32]}}`. Where a recipe takes several parts by name (terms, surgery), the type is `Named`.
"""

from __future__ import annotations

import re
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler, ValidationError, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError, core_schema

from sparring.base.errors import RequestError, nearest
from sparring.base.numbers import real

P = TypeVar("P")


class Part(BaseModel):
    """A group of options; unknown keys are refused with the nearest known one."""

    # Without `use_attribute_docstrings`: to read all sources again took a tenth of the start-up
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _known_keys_only(cls, value: Any) -> Any:
        if value is None:
            return {}
        if not isinstance(value, (Mapping, cls)):
            raise PydanticCustomError("not_a_mapping", f"{value!r} is not a mapping of {_listed(cls.option_names())}")
        if isinstance(value, Mapping):
            for key in value:
                if key not in cls.option_names():
                    raise PydanticCustomError("unknown_key", _escape(unknown_key(str(key), cls.option_names())))
        return value

    @classmethod
    def option_names(cls) -> list[str]:
        """The names a recipe may write here, aliases included."""
        names: list[str] = []
        for name, field in cls.model_fields.items():
            names.append(name)
            if field.alias:
                names.append(field.alias)
        return names

    @classmethod
    def recipe_name(cls) -> str:
        """The name of this part in a recipe: the class's name in snake case."""
        return snake(cls.__name__)


class OneOf:
    """Marks a union of parts as a choice; with `number`, a plain number is one of the choices.

    An open choice has a base class in the place of the union: `among` gives the parts to choose from, and is asked
    when a value is read, so that other packages can bring some."""

    def __init__(self, *, number: bool = False, among: Callable[[], Mapping[str, type[Part]]] | None = None) -> None:
        self.number = number
        self.among = among

    def classes(self, source: Any) -> dict[str, type[Part]]:
        """The parts to choose from, by their names in a recipe."""
        return parts_of(source) if self.among is None else dict(self.among())

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(
            lambda value: read_choice(value, self.classes(source), number=self.number),
            serialization=core_schema.plain_serializer_function_ser_schema(write_choice),
        )


class Named:
    """Marks `dict[str, Choice]`: several parts by name; a name that is a choice's own needs no further word."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(
            lambda value: _read_named(value, named_parts(source)),
            serialization=core_schema.plain_serializer_function_ser_schema(_write_named),
        )


def snake(name: str) -> str:
    """`PascalCase` or `R1` as `snake_case`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def parts_of(annotation: Any, marks: Iterable[Any] = ()) -> dict[str, type[Part]]:
    """The part classes of a choice, by their names in a recipe. Pydantic keeps a field's `marks` apart."""
    for mark in (*marks, *getattr(annotation, "__metadata__", ())):
        if isinstance(mark, OneOf) and mark.among is not None:
            return mark.classes(annotation)
    annotation = bare(annotation)
    members = get_args(annotation) if is_union(annotation) else (annotation,)
    found: dict[str, type[Part]] = {}
    for member in members:
        member = bare(member)
        if is_union(member):
            found.update(parts_of(member))
        elif isinstance(member, type) and issubclass(member, Part):
            found[member.recipe_name()] = member
    return found


def named_parts(annotation: Any) -> dict[str, type[Part]]:
    """The part classes that a `Named` mapping may hold."""
    return parts_of(get_args(bare(annotation))[1])


def bare(annotation: Any) -> Any:
    """An annotation without `Annotated` metadata or an alias's name around it."""
    while True:
        if get_origin(annotation) is Annotated:
            annotation = get_args(annotation)[0]
        elif type(annotation).__name__ == "TypeAliasType":  # Python 3.12's `type X = ...`
            annotation = annotation.__value__
        else:
            return annotation


def is_union(annotation: Any) -> bool:
    return get_origin(annotation) in (Union, types.UnionType)


def read_choice(value: Any, classes: Mapping[str, type[Part]], *, number: bool = False) -> Any:
    """The part that `value` writes: a part, `name`, `{name: {field: value}}`, or a number where one is allowed."""
    if isinstance(value, tuple(classes.values())):
        return value
    if number:
        plain = _number(value)
        if plain is not None:
            return plain
    name: Any
    fields: Any
    if isinstance(value, str):
        name, fields = value, {}
    elif isinstance(value, Mapping) and len(value) == 1:
        name, fields = next(iter(value.items()))
    else:
        wanted = "a number or one of " if number else "one of "
        raise PydanticCustomError("not_a_choice", _escape(f"{value!r} is not {wanted}{_listed(classes)}"))
    if name not in classes:
        raise PydanticCustomError("unknown_choice", _escape(f"unknown choice '{name}'; {nearest(str(name), classes)}"))
    return _validated(classes[name], fields, at=(str(name),))


def write_choice(value: Any) -> Any:
    """A choice as YAML writes it."""
    if not isinstance(value, Part):
        return value
    fields = value.model_dump(by_alias=False)
    return {value.recipe_name(): fields} if fields else value.recipe_name()


def unknown_key(key: str, known: Any) -> str:
    """The message for a key that is no option."""
    return f"unknown key '{key}'; {about_dropout(key, known) or nearest(key, known)}"


def about_dropout(key: str, known: Any) -> str:
    """Advice for a key by which other software calls dropout; empty for other keys."""
    word = key.lower()
    keeps = "keep" in word or "retain" in word
    if keeps and ("keep" not in known or re.search("prob|rate|drop|unit", word)):
        where = "'rate'" if "rate" in known else "discriminator.surgery.dropout.rate"
        return f"dropout takes {where}, the probability to drop (rate = 1 - keep)"
    if "rate" in known and "where" in known and word in ("p", "prob", "probability"):
        return "dropout takes 'rate', the probability to drop"
    if "dropout" in word and "dropout" not in known:
        return "dropout is a surgery, told by the probability to drop: discriminator.surgery.dropout.rate=0.3"
    return ""


def explain(error: ValidationError) -> str:
    """A validation error as one line: the dotted key, what is wrong, the value."""
    first = error.errors(include_url=False)[0]
    path = ".".join(str(step) for step in first["loc"] if not str(step).startswith(("function-", "union")))
    message = first["msg"].removeprefix("Value error, ")
    if first["type"] in _SELF_EXPLAINED:
        return f"{path}: {message}" if path else message
    if first["type"] == "missing":
        return f"{path}: missing; it has no default"
    shown = repr(first["input"])
    message = message[0].lower() + message[1:]
    return f"{path}: {message}, not {shown[:80]}" if path else f"{message}, not {shown[:80]}"


def walk(value: Any, path: str = "") -> typing.Iterator[tuple[str, Part]]:
    """Every part below `value` with its dotted path, in the order of the fields."""
    if isinstance(value, Part):
        if path:
            yield path, value
        for name in type(value).model_fields:
            yield from walk(getattr(value, name), f"{path}.{name}" if path else name)
    elif isinstance(value, Mapping):
        for name, item in value.items():
            yield from walk(item, f"{path}.{name}")
    elif isinstance(value, (list, tuple)):
        for number, item in enumerate(value):
            yield from walk(item, f"{path}.{number}")


def mapped(value: Any, change: Callable[[Part], Part]) -> Any:
    """The value with `change` applied to each part of it, from the inside out; what stays equal is not copied."""
    if isinstance(value, Part):
        fields = {name: getattr(value, name) for name in type(value).model_fields}
        changed = {name: new for name, old in fields.items() if (new := mapped(old, change)) is not old}
        return change(value.model_copy(update=changed) if changed else value)
    if isinstance(value, Mapping):
        items = {name: mapped(item, change) for name, item in value.items()}
        return items if any(items[name] is not value[name] for name in items) else value
    return value


def parse(build: Callable[[], P]) -> P:
    """`build()`, its validation errors turned into a one-line `RequestError`."""
    try:
        return build()
    except ValidationError as error:
        raise RequestError(explain(error)) from None
    except PydanticCustomError as error:  # of a choice that is read by itself, and so of no part
        raise RequestError(error.message()) from None


_SELF_EXPLAINED = {"unknown_key", "unknown_choice", "not_a_choice", "not_a_mapping", "value_error"}


def _validated(cls: type[Part], fields: Any, at: tuple[str, ...]) -> Part:
    try:
        return cls.model_validate(fields)
    except ValidationError as error:
        raise _moved(error, at) from None


def _moved(error: ValidationError, at: tuple[str, ...]) -> ValidationError:
    """The same errors, one level further down: pydantic puts the outer path before these."""
    lines = [
        InitErrorDetails(
            type=PydanticCustomError(line["type"], _escape(line["msg"])), loc=at + line["loc"], input=line["input"]
        )
        for line in error.errors(include_url=False, include_context=False)
    ]
    return ValidationError.from_exception_data("recipe", lines)


def _read_named(value: Any, classes: Mapping[str, type[Part]]) -> dict[str, Part]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise PydanticCustomError(
            "not_a_mapping", _escape(f"{value!r} is not a mapping of names to {_listed(classes)}")
        )
    read: dict[str, Part] = {}
    for name, fields in value.items():
        if isinstance(fields, Part) and isinstance(fields, tuple(classes.values())):
            read[name] = fields
        elif name in classes:
            read[name] = _validated(classes[name], fields, at=(name,))
        elif isinstance(fields, Mapping) and len(fields) == 1 and next(iter(fields)) in classes:
            kind = next(iter(fields))
            read[name] = _validated(classes[kind], fields[kind], at=(name, kind))
        else:
            raise PydanticCustomError(
                "unknown_choice",
                _escape(f"unknown name '{name}'; {about_dropout(str(name), classes) or nearest(str(name), classes)}"),
            )
    return read


def _write_named(parts: Mapping[str, Part]) -> dict[str, Any]:
    written: dict[str, Any] = {}
    for name, part in parts.items():
        written[name] = part.model_dump() if name == part.recipe_name() else {part.recipe_name(): part.model_dump()}
    return written


def _number(value: Any) -> float | None:
    if isinstance(value, str):
        return real(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        number = float(value)
    except OverflowError:
        number = float("inf")
    if number != number or number in (float("inf"), float("-inf")):
        raise PydanticCustomError("value_error", f"{value!r} is not a finite number")
    return number


def _listed(names: Any) -> str:
    return ", ".join(names)


def _escape(message: str) -> str:
    """Pydantic reads braces in a message as places to fill."""
    return message.replace("{", "{{").replace("}", "}}")
