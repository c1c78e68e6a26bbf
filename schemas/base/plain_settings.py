"""Settings of a step that commands need before they may take long: made without pydantic, which takes .2 s to import.

A class made here is checked where `schemas/base/settings.py` reads it, like all settings; made in code, it is as given.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from typing_extensions import dataclass_transform
else:
    dataclass_transform = lambda **_: lambda decorator: decorator  # noqa: E731

T = TypeVar("T")

# Strict: "16" is not a number and 1 is not a truth value; a typo in a key is not a comment. pydantic's ConfigDict.
STRICT = {"strict": True, "extra": "forbid", "allow_inf_nan": False}


@dataclass_transform(frozen_default=True, kw_only_default=True)
def settings(cls: type[T]) -> type[T]:
    """Class decorator: a frozen, keyword-only dataclass whose fields are validated where it is read from a file."""
    made = dataclasses.dataclass(frozen=True, kw_only=True)(cls)
    made.__pydantic_config__ = STRICT  # type: ignore[attr-defined]
    return made


@dataclasses.dataclass(frozen=True, kw_only=True)
class Field:
    """The bounds of a value in an `Annotated` type, as pydantic's function of that name takes them."""

    ge: float | None = None
    gt: float | None = None
    le: float | None = None
    lt: float | None = None
    min_length: int | None = None

    @property
    def __is_annotated_types_grouped_metadata__(self) -> bool:
        # By this pydantic knows that it has to iterate: annotated_types.GroupedMetadata.
        return True

    def __iter__(self) -> Iterator[object]:
        """The bounds, each in its own class."""
        from annotated_types import Interval, MinLen

        yield from Interval(ge=self.ge, gt=self.gt, le=self.le, lt=self.lt)
        if self.min_length is not None:
            yield MinLen(self.min_length)
