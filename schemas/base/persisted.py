"""Files that outlive a version of Ratchet: each is a frozen dataclass that goes to JSON and back, with a format number.

    {"format": 2, "run_id": ..., ...}

A reader takes every format from the first on. A file without a number is of format 0, older formats are migrated by
small functions, a key that an older file lacks has the default of its field, and one that a newer minor version added
is left alone. What cannot be read is refused in one sentence: a newer format, a torn file, a value of another type ("1"
is no number, and 1 is no truth value).

A new field with a default needs no new number. The number goes up when a key changes its name or its meaning.
"""

from __future__ import annotations

import dataclasses
import functools
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from ratchet.schemas.base.checked_json import shown
from ratchet.schemas.base.errors import StateError

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler, TypeAdapter, ValidationError
    from pydantic_core import CoreSchema

T = TypeVar("T")
Values = dict[str, Any]
Migration = Callable[[Values], Values]


@dataclass(frozen=True)
class Checked:
    """In an `Annotated` type: a file's value passes through a function, which raises ValueError for what may not be.

    pydantic's AfterValidator, without importing pydantic for a class of which no file is read.
    """

    check: Callable[[Any], Any]

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """How pydantic is told."""
        from pydantic_core import core_schema

        return core_schema.no_info_after_validator_function(self.check, handler(source))


@dataclass(frozen=True, eq=False)
class PersistedFormat(Generic[T]):
    """How one kind of file is written and read.

    >>> example = PersistedFormat(_Example, "an example", 1, "delete it")
    >>> example.write(_Example(0.1))
    '{\\n "format": 1,\\n "figure": 0.1,\\n "names": []\\n}'
    >>> example.read('{"figure": 0.1, "later": true}', "a.json")
    _Example(figure=0.1, names=())
    >>> example.read('{"format": 1, "figure": "x"}', "a")
    Traceback (most recent call last):
    ratchet.schemas.base.errors.StateError: a: not an example (figure = 'x': input should be a valid number); delete it

    Attributes:
        kind: the dataclass that a file holds.
        name: what a file is, for messages: `a training record`.
        number: of the format that is written.
        fix: what to do about a file that cannot be read.
        migrations: by the number of a format, what its values are in the next one; none where only keys with defaults
            came along.
        derived: properties of the value that are written for other readers, and not read again.
        is_unnumbered: tells a file of format 0.
        sort_keys: whether the keys are written in order of the alphabet.
        allow_nan: whether NaN and infinite numbers may be written.
    """

    kind: type[T]
    name: str
    number: int
    fix: str
    migrations: Mapping[int, Migration] = dataclasses.field(default_factory=dict)
    derived: tuple[str, ...] = ()
    is_unnumbered: Callable[[Mapping[str, Any]], bool] = lambda values: "format" not in values
    sort_keys: bool = False
    allow_nan: bool = True

    def write(self, value: T) -> str:
        """The text of a file, floats exact; ValueError for a number that it may not hold."""
        values = {"format": self.number, **self.values_of(value)}
        return json.dumps(values, indent=1, sort_keys=self.sort_keys, allow_nan=self.allow_nan)

    def values_of(self, value: T) -> Values:
        """The JSON object of a value, without a format number."""
        derived = {name: getattr(value, name) for name in self.derived}
        return {**derived, **self._adapter.dump_python(value, mode="json")}

    def read(self, text: str | bytes, source: str) -> T:
        """The inverse of `write`, for every format up to this one.

        Args:
            text: content of the file.
            source: the file, for the message.

        Raises:
            StateError: it holds something else, or was written by a newer version of Ratchet.
        """
        return self.from_values(self.load(text, source), source)

    def load(self, text: str | bytes, source: str) -> Values:
        """The JSON object of a file, whatever its format; StateError if it is none."""
        try:
            values = json.loads(text)
        except (ValueError, RecursionError) as error:
            what = f"is torn or not JSON ({error})" if text.strip() else "is empty"
            raise StateError(f"{source}: {what}; {self.fix}") from error
        if not isinstance(values, dict):
            raise self._refused(source, shown(values))
        return values

    def from_values(self, values: Values, source: str) -> T:
        """A value of the JSON object of a file; see `read`."""
        from pydantic import ValidationError

        found = self.number_of(values, source)
        for number, migrate in sorted(self.migrations.items()):
            values = self._migrated(migrate, values, source) if number >= found else values
        try:
            # Strict as JSON is: a list may be a tuple, but a text is no number.
            return self._adapter.validate_json(json.dumps(values), strict=True)
        except ValidationError as error:
            raise self._refused(source, _explain(error)) from error

    def number_of(self, values: Mapping[str, Any], source: str) -> int:
        """The number of a file's format; StateError if it is newer than those that can be read, or none."""
        number = 0 if self.is_unnumbered(values) else values["format"]
        if type(number) is not int or number < 0:
            raise self._refused(source, f"its format {shown(number)} is no format number")
        if self.is_newer(values):
            raise StateError(_newer(source, number, self.number))
        return number

    def is_newer(self, values: Mapping[str, Any]) -> bool:
        """Whether a newer version of Ratchet wrote the JSON object of a file."""
        number = values.get("format")
        return type(number) is int and number > self.number

    def _migrated(self, migrate: Migration, values: Values, source: str) -> Values:
        try:
            return migrate(dict(values))
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise self._refused(source, f"{type(error).__name__}: {error}") from error

    def _refused(self, source: str, why: str) -> StateError:
        return StateError(f"{source}: not {self.name} ({why}); {self.fix}")

    @functools.cached_property
    def _adapter(self) -> TypeAdapter[T]:
        # When it is needed first: to build the schemas of all files would cost every command its start.
        from pydantic import TypeAdapter

        return TypeAdapter(self.kind)


def check_arrays(arrays: Mapping[str, Any], number: int, source: str) -> None:
    """Whether the arrays of an `.npz` file, one of which may be `format`, can be read; without one it is of format 0.

    Args:
        arrays: by name; those that a newer minor version added are left alone.
        number: the newest format that can be read.
        source: the file, for the message.

    Raises:
        StateError: a newer version of Ratchet wrote it.
    """
    found = int(arrays["format"]) if "format" in arrays else 0
    if found > number:
        raise StateError(_newer(source, found, number))


def renamed(**names: str) -> Migration:
    """A migration that gives keys another name, as `renamed(old="new")`; a key that is not there stays away.

    >>> renamed(moved="effect_size")({"moved": 1, "limit": 2})
    {'effect_size': 1, 'limit': 2}
    """
    return lambda values: {names.get(key, key): value for key, value in values.items()}


def _newer(source: str, found: int, known: int) -> str:
    return (
        f"{source}: format {found} is newer than the {known} that this Ratchet reads; use the version that wrote it, "
        "or a newer one"
    )


def _explain(error: ValidationError) -> str:
    problem = error.errors(include_url=False)[0]
    key = ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "missing":
        return f"{key} is missing"
    message = problem["msg"].removeprefix("Value error, ")
    return f"{key} = {shown(problem['input'])}: {message[:1].lower()}{message[1:]}"


@dataclass(frozen=True)
class _Example:
    figure: float
    names: tuple[str, ...] = ()
