"""Detections as a file says them, before anybody knows which images and classes they are of; pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ratchet.components.coco.image_keys import Key
from ratchet.schemas.base.checked_json import shown
from ratchet.schemas.base.errors import DataError
from ratchet.schemas.data.records import LabelMap


@dataclass(frozen=True, eq=False)
class ResultRows:
    """One row a detection, in the order of the file.

    Attributes:
        keys: what each says of its image.
        file_names: what each says of its image's file; None where not all do.
        category_ids: [n] int64, as the file has them.
        boxes_xywh_px: [n, 4] float64, no side negative.
        scores: [n] float64.
        names: what the file calls image, category and box, for messages.
        source: path of the file.
        place: says where the row of an index stands.
        are_corners: whether the file gives boxes as corners.
        names_of_files: whether the keys are names of the files that the rows are from.
    """

    keys: Sequence[Key]
    file_names: Sequence[str] | None
    category_ids: np.ndarray
    boxes_xywh_px: np.ndarray
    scores: np.ndarray
    names: tuple[str, str, str]
    source: str
    place: Callable[[int], str]
    are_corners: bool = False
    names_of_files: bool = False


def in_terms_of_names(rows: ResultRows, document: Mapping[str, Any], label_map: LabelMap) -> ResultRows:
    """Rows of a file that numbers images and categories itself, and says which these are.

    Args:
        rows: with the file's own ids.
        document: the file; its `images` and `categories` count where they name all that the rows speak of.
        label_map: the ground truth's categories.

    Returns:
        The rows with file names, and with the ground truth's category ids.

    Raises:
        DataError: the ground truth has no category of a name.
    """
    files, classes = _table(document.get("images"), "file_name"), _table(document.get("categories"), "name")
    if files.keys() >= set(rows.keys):
        rows = replace(rows, file_names=[files[key] for key in rows.keys])
    own = np.unique(rows.category_ids).tolist()
    if not classes.keys() >= set(own):
        return rows
    ids = dict(zip(label_map.names, label_map.category_ids))
    for category in own:
        if classes[category] not in ids:
            raise DataError(
                f"{rows.source}: its category {category} is {shown(classes[category])}, and the ground truth has none "
                f"of that name, but {shown(list(label_map.names[:7]))}; correct the name or give the matching file"
            )
    mapped = np.array([ids[classes[category]] for category in own], np.int64)
    return replace(rows, category_ids=mapped[np.searchsorted(own, rows.category_ids)])


def _table(entries: Any, field: str) -> dict[Any, str]:
    """Names by id; empty if an entry lacks one, or two share an id."""
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        return {}
    pairs = [(entry.get("id"), entry.get(field)) for entry in entries]
    if not all(isinstance(key, (int, str)) and isinstance(name, str) and name for key, name in pairs):
        return {}
    return dict(pairs) if len({key for key, _ in pairs}) == len(pairs) else {}
