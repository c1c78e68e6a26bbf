"""Settings: frozen dataclasses with ranges, read strictly from YAML or JSON.

Each step owns its dataclass; this module only reads them. An unknown key, a wrong type and an
impossible value are each one `ConfigError` that names the key, the value and what is allowed.
"""

from __future__ import annotations

import dataclasses
import difflib
import json
from collections.abc import Iterable, Mapping
from types import UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as _pydantic_dataclass
from typing_extensions import dataclass_transform

from ratchet.schemas.base.errors import ConfigError
from ratchet.schemas.base.plain_settings import STRICT

T = TypeVar("T")

_STRICT = ConfigDict(**STRICT)
_MAX_GROUPS = 100  # inside each other, as in YAML


@dataclass_transform(frozen_default=True, kw_only_default=True)
def settings(cls: type[T]) -> type[T]:
    """Class decorator: a frozen, keyword-only dataclass that validates its fields."""
    return _pydantic_dataclass(cls, frozen=True, kw_only=True, config=_STRICT)  # type: ignore[return-value]


def parse_yaml(text: str, source: str) -> dict[str, Any]:
    """Reads YAML whose top level is a mapping.

    Args:
        text: the YAML text.
        source: what to call it in messages, usually the file's path.

    Raises:
        ConfigError: not YAML, not a mapping, a key twice, or nested or repeated without end.
    """
    from ratchet.schemas.base.yaml_checks import (  # PyYAML takes a while to import
        YAML_ERRORS,
        UnfitYamlError,
        load_yaml,
    )

    try:
        value = load_yaml(text)
    except UnfitYamlError as error:
        raise ConfigError(f"{source}: {error}") from error
    except YAML_ERRORS as error:
        raise ConfigError(f"{source}: not valid YAML: {' '.join(str(error).split())[:300]}") from error
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ConfigError(f"{source}: expected a mapping of settings, got {type(value).__name__}")
    return value


def with_overrides(values: Mapping[str, Any], overrides: Iterable[str]) -> dict[str, Any]:
    """Applies `a.b=value` texts (values are YAML) to a nested mapping; the input is left alone.

    Raises:
        ConfigError: an override without `=`, or a path through something that is not a mapping.
    """
    result = _copied(values)
    for override in overrides:
        path, equals, text = override.partition("=")
        if not equals or not path.strip():
            raise ConfigError(f"--set {override}: expected key=value, for example --set training.batch_size=8")
        *parents, last = path.strip().split(".")
        if len(parents) > _MAX_GROUPS:
            raise ConfigError(
                f"--set {override[:80]}...: {len(parents)} groups of settings inside each other; correct it"
            )
        place = result
        for key in parents:
            place = place.setdefault(key, {})
            if not isinstance(place, dict):
                raise ConfigError(f"--set {override}: {key} is a value, not a group of settings")
        place[last] = parse_yaml(f"value: {text}", f"--set {override}")["value"]
    return result


def _copied(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: _copied(value) if isinstance(value, Mapping) else value for key, value in values.items()}


def load(cls: type[T], values: Mapping[str, Any], source: str) -> T:
    """Makes settings of `cls` from plain values.

    Args:
        cls: a class made by `settings`.
        values: nested mapping as YAML or JSON gives it.
        source: what to call it in messages.

    Raises:
        ConfigError: names the first wrong key, its value and what is allowed.
    """
    try:
        text = json.dumps(values)
    except (TypeError, ValueError, RecursionError) as error:
        raise ConfigError(f"{source}: a value is neither text, number, list nor mapping: {error}") from error
    try:
        return TypeAdapter(cls).validate_json(text)
    except ValidationError as error:
        raise ConfigError(f"{source}: {_explain(cls, error)}") from error


def to_json(value: Any) -> str:
    """Settings as JSON text, keys sorted, so that equal settings give equal text."""
    return json.dumps(dataclasses.asdict(value), sort_keys=True)


def from_json(cls: type[T], text: str) -> T:
    """The inverse of `to_json`."""
    return load(cls, json.loads(text), cls.__name__)


def _explain(cls: type, error: ValidationError) -> str:
    problems = error.errors(include_url=False)
    # An unknown key explains a missing one better than the other way round.
    problem = sorted(problems, key=lambda p: p["type"] != "unexpected_keyword_argument")[0]
    key = ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "unexpected_keyword_argument":
        known = sorted(_fields_at(cls, problem["loc"][:-1]))
        name = str(problem["loc"][-1])
        close = difflib.get_close_matches(name, known, n=1) or _elsewhere(cls, name)
        hint = f"did you mean {close[0]!r}?" if close else f"known keys here: {', '.join(known)}"
        return f"unknown key {key!r}: {hint}"
    message = problem["msg"].removeprefix("Value error, ")
    message = message[0].lower() + message[1:]
    value = problem["input"]
    if problem["type"] == "missing":
        return f"{key}: is required"
    if not key or problem["type"] == "value_error":
        return message
    return f"{key} = {json.dumps(value, default=str)}: {message}"


def paths_of(cls: Any) -> list[str]:
    """The settings of a class as `--set` names them: `training.batch_size`; of a group only what is in it."""
    found = []
    for name in _fields_at(cls, ()):
        below = [] if _is_own_names(cls, name) else paths_of(_below(cls, name))
        found += [f"{name}.{path}" for path in below] or [name]
    return found


def _elsewhere(cls: Any, name: str) -> list[str]:
    """The setting of this name in another group, or the one whose name is like it."""
    paths = paths_of(cls)
    exact = [path for path in paths if path.rpartition(".")[2] == name]
    like = difflib.get_close_matches(name, [path.rpartition(".")[2] for path in paths], n=1, cutoff=0.75)
    return exact[:1] or [path for path in paths if path.rpartition(".")[2] in like][:1]


def _is_own_names(cls: Any, name: str) -> bool:
    return get_origin(get_type_hints(cls).get(name)) is dict


def _below(cls: Any, name: str) -> Any:
    """The class of a field; of `auto` and a group of settings, the group."""
    below = get_type_hints(cls).get(name) if dataclasses.is_dataclass(cls) else None
    if get_origin(below) in (Union, UnionType):
        return next(filter(dataclasses.is_dataclass, get_args(below)), below)
    return below


def _fields_at(cls: Any, path: tuple[Any, ...]) -> list[str]:
    """The keys known below a path of keys; none below a plain value."""
    for part in path:
        if get_origin(cls) is dict:  # the user's own names
            cls = get_args(cls)[1]
            continue
        cls = _below(cls, str(part))
    return [field.name for field in dataclasses.fields(cls)] if dataclasses.is_dataclass(cls) else []
