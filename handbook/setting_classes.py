"""Settings as their classes say them: key, type and range in words, default, and what the docstring says; pure."""

from __future__ import annotations

import dataclasses
import re
import types
import typing
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

OWN_NAME = "NAME"  # of a key that a user chooses: a class, a slice, a step
NO_DEFAULT, BELOW = "required", "the group below"
_ATTRIBUTE = re.compile(r"^ {4}(\w+): (.*)$")
_BOUNDS = {
    **{"ge": "at least {}", "gt": "above {}", "le": "at most {}", "lt": "below {}"},
    **{"min_length": "{} or more of them", "pattern": "matching `{}`"},
}
_PLAIN_TYPES = {bool: "true or false", int: "whole number", float: "number", str: "text", Any: "any value"}


@dataclass(frozen=True)
class Setting:
    """One setting.

    Attributes:
        key: as `--set` takes it, `training.batch_size`.
        type: and range, in words.
        default: as YAML writes it.
        what: it does.
    """

    key: str
    type: str
    default: str
    what: str


@dataclass(frozen=True)
class Group:
    """Settings that stand beside each other: a settings class at one place.

    Attributes:
        key: of all of them, `training.retrain`; empty at the top.
        told: what the class around it says of it.
        about: what the class says of itself.
        settings: in the order of the class.
    """

    key: str
    told: str
    about: str
    settings: tuple[Setting, ...]


def groups(cls: type) -> list[Group]:
    """Every group of a settings class, each before those inside of it.

    Args:
        cls: the class of all settings.

    Raises:
        ValueError: a docstring says nothing of a setting, or describes one that is not there.
    """
    return list(_groups(cls, "", ""))


def _groups(cls: type, key: str, told: str) -> Iterator[Group]:
    about, described = described_attributes(cls)
    own, inner = [], []
    for field, hint in _fields(cls):
        place = ".".join(filter(None, (key, field.name)))
        what = described.pop(field.name, "")
        if not what:
            raise ValueError(f"{cls.__name__}.{field.name}: its docstring says nothing of it; add it below Attributes")
        group, is_always_one, below = _group_in(hint)
        if group is None or not is_always_one:
            own.append(Setting(place, type_words(hint), default_text(field), what))
        if group is not None:
            inner.append((group, f"{place}{below}", what))
    if described:
        raise ValueError(f"{cls.__name__}: its docstring describes {', '.join(described)}, which is no setting")
    yield Group(key, told, about, tuple(own))
    for inside in inner:
        yield from _groups(*inside)


def described_attributes(cls: type) -> tuple[str, dict[str, str]]:
    """What a docstring says of a class, and of each attribute."""
    lines = _unindented(cls.__doc__ or "")
    start = lines.index("Attributes:") if "Attributes:" in lines else len(lines)
    found: dict[str, str] = {}
    for line in lines[start + 1 :]:
        if match := _ATTRIBUTE.match(line):
            name, found[match[1]] = match[1], match[2]
        elif line.strip() and found:
            found[name] += f" {line.strip()}"
    return " ".join(line for line in lines[:start] if line), found


def type_words(hint: Any) -> str:
    """A type with its range: `number, at least 0, at most 0.5`."""
    words, bounds, is_optional = _type_and_bounds(hint)
    return ", ".join([words, *bounds]) + (", or null" if is_optional else "")


def default_text(field: dataclasses.Field[Any]) -> str:
    """A default as YAML writes it, as code."""
    if field.default is not dataclasses.MISSING:
        return f"`{yaml_text(field.default)}`"
    if field.default_factory is not dataclasses.MISSING:
        return BELOW if dataclasses.is_dataclass(made := field.default_factory()) else f"`{yaml_text(made)}`"
    return NO_DEFAULT


def yaml_text(value: Any) -> str:
    """A value in YAML's short form."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if dataclasses.is_dataclass(value):
        value = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(yaml_text, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key}: {yaml_text(each)}' for key, each in value.items())}}}"
    return str(value) or '""'


def _group_in(hint: Any) -> tuple[type | None, bool, str]:
    """The settings class in a type, whether that is all of the type, and what leads to it: `.NAME` in a mapping."""
    if dataclasses.is_dataclass(hint):
        return typing.cast(type, hint), True, ""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _group_in(arguments[0])
    if origin in (Union, types.UnionType):
        found = next((each for each in map(_group_in, arguments) if each[0]), (None, False, ""))
        return found[0], False, found[2]
    if origin is dict:
        found = _group_in(arguments[1])
        return found[0], False, f".{OWN_NAME}{found[2]}"
    if origin is tuple and arguments:
        found = _group_in(arguments[0])
        return found[0], False, f"[]{found[2]}"
    return None, False, ""


def _fields(cls: type) -> Iterator[tuple[dataclasses.Field[Any], Any]]:
    hints = get_type_hints(cls, include_extras=True)
    for field in dataclasses.fields(cls):
        yield field, hints[field.name]


def _type_and_bounds(hint: Any) -> tuple[str, list[str], bool]:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        words, bounds, is_optional = _type_and_bounds(arguments[0])
        return words, [*bounds, *_bounds_in(hint.__metadata__)], is_optional
    if origin in (Union, types.UnionType):
        members = [_type_and_bounds(each) for each in arguments if each is not type(None)]
        words = " or ".join(", ".join([words, *bounds]) for words, bounds, _ in members)
        return words, [], type(None) in arguments
    return _plain_words(hint, origin, arguments), [], False


def _plain_words(hint: Any, origin: Any, arguments: Sequence[Any]) -> str:
    if origin is Literal:
        return " or ".join(filter(None, (", ".join(f"`{each}`" for each in arguments[:-1]), f"`{arguments[-1]}`")))
    if origin is dict:
        return f"mapping of names to {_many(arguments[1])}"
    if origin is tuple and arguments[-1] is Ellipsis:
        return f"list of {_many(arguments[0])}"
    if origin is tuple:
        return f"list of {len(arguments)}: {_many(arguments[0])}"
    return "group of settings" if dataclasses.is_dataclass(hint) else _PLAIN_TYPES[hint]


def _many(hint: Any) -> str:
    plural = {"whole number": "whole numbers", "number": "numbers", "text": "texts", "group of settings": "groups"}
    words, bounds, _ = _type_and_bounds(hint)
    return " ".join([plural.get(words, words), *([f"({', '.join(bounds)})"] if bounds else [])])


def _bounds_in(metadata: Sequence[Any]) -> Iterator[str]:
    """Of pydantic's Field, of our own, and of annotated_types, which all call their bounds alike."""
    parts = [part for given in metadata for part in getattr(given, "metadata", [given])]
    bounds = {name: value for part in parts for name in _BOUNDS if (value := getattr(part, name, None)) is not None}
    if {"ge", "le"} <= bounds.keys():
        yield f"{bounds.pop('ge')} to {bounds.pop('le')}"
    yield from (_BOUNDS[name].format(bound) for name, bound in bounds.items())


def _unindented(text: str) -> list[str]:
    first, *rest = text.strip().splitlines() or [""]
    depth = min((len(line) - len(line.lstrip()) for line in rest if line.strip()), default=0)
    return [first, *(line[depth:] for line in rest)]
