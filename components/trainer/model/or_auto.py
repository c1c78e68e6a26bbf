"""A setting that holds a value or the word `auto`."""

from __future__ import annotations

from typing import Any, Literal, get_args

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

Auto = Literal["auto"]
AUTO: Auto = "auto"


class OrAuto:
    """Annotation of a field of type `Auto | X`, where X is a list or a group of settings: a wrong value is one error.

    Pydantic's own union reports one error for each of its members, under keys that the user did not write.

    Args:
        meaning: what X is, for messages.
    """

    def __init__(self, meaning: str) -> None:
        self.meaning = meaning

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Reads X; the word alone passes by it."""
        (other,) = (member for member in get_args(source) if member != Auto)
        return core_schema.no_info_wrap_validator_function(self._read, handler.generate_schema(other))

    def _read(self, value: Any, read_other: core_schema.ValidatorFunctionWrapHandler) -> Any:
        if isinstance(value, str) and value == AUTO:
            return value
        if value is None or isinstance(value, (str, int, float)):
            raise PydanticCustomError(
                "or_auto", "input should be {expected}", {"expected": f"{self.meaning} or 'auto'"}
            )
        return read_other(value)
