"""Categories that are no classes: a background, and the name of a project above its classes; pure."""

from __future__ import annotations

from collections import Counter
from typing import Any

from ratchet.schemas.base.checked_json import shown

# What labelme, tf-models and others call what is no object.
BACKGROUNDS = frozenset(("background", "_background_", "__background__", "__ignore__", "_ignore_"))
_NO_SUPERCATEGORY: tuple[Any, ...] = ("", "none", None)


def without_groupings(categories: list[Any], annotations: list[Any]) -> tuple[list[Any], tuple[str, ...]]:
    """The categories of a COCO file that are classes.

    Left out are those without one object which are called a background, or of which all others are a kind:
    Roboflow puts the project's name first, as the supercategory of its classes.

    Args:
        categories: as the file has them, not yet checked.
        annotations: likewise.

    Returns:
        Those that are left, and what was left out and why, sentences.
    """
    used = {entry.get("category_id") for entry in annotations if _has_plain_id(entry, "category_id")}
    kinds = Counter(entry.get("supercategory") for entry in categories if _is_said(entry, "supercategory"))
    kept, told = [], []
    for entry in categories:
        if not (_has_plain_id(entry, "id") and isinstance(entry.get("name"), str)):
            kept.append(entry)
            continue
        name, others = entry["name"], len(categories) - 1
        is_background = name.lower() in BACKGROUNDS
        own = entry.get("supercategory")
        is_above = own in (*_NO_SUPERCATEGORY, name) and kinds[name] - (own == name) == others
        why = "a background" if is_background else "the supercategory of all others" if is_above else ""
        if why and entry["id"] not in used and others:
            told.append(f"category {shown(entry['id'])} {shown(name)} was left out: it has no object and is {why}")
            continue
        if is_background and entry["id"] == 0:
            told.append(f"category 0 {shown(name)} has objects, so it was read as a class like others")
        kept.append(entry)
    return (kept, tuple(told)) if kept else (categories, ())


def _has_plain_id(entry: Any, key: str) -> bool:
    return type(entry) is dict and type(entry.get(key)) in (int, str)


def _is_said(entry: Any, key: str) -> bool:
    return type(entry) is dict and type(entry.get(key)) is str
