"""Ids that a tool wrote as strings although they are numbers, as VGG VIA does those of categories; pure."""

from __future__ import annotations

from typing import Any

_FIELDS = (("categories", "id"), ("annotations", "category_id"), ("annotations", "id"))


def with_numeric_ids(document: dict[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The document with numbers for strings of digits, as ids of categories and annotations.

    Args:
        document: of a COCO annotation file, not yet checked.

    Returns:
        It, or a copy, and what was changed, sentences. Ids of a kind are changed only if all are strings of digits.
    """
    told = []
    for key, field in _FIELDS:
        entries = document.get(key)
        if isinstance(entries, list) and entries and all(_is_text_number(entry, field) for entry in entries):
            document = {**document, key: [{**entry, field: int(entry[field])} for entry in entries]}
            told.append(f"{field} of {key} are strings of digits; they were read as numbers")
    return document, tuple(told)


def _is_text_number(entry: Any, field: str) -> bool:
    value = entry.get(field) if type(entry) is dict else None
    return type(value) is str and value.isascii() and value.isdigit() and len(value) < 19
