"""Some images of COCO files that have a line an image, as `ratchet.components.coco.writing` makes them.

So a hundred thousand images need not be in memory at once. Any COCO file whose entries stand on lines of their own can
be read.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import orjson

from ratchet.components.coco.entries import Entries
from ratchet.components.coco.reading import CocoAnnotations, Demands, annotations_of
from ratchet.components.coco.results import results_of
from ratchet.schemas.base.errors import StateError
from ratchet.schemas.data.columns import DetectionColumns
from ratchet.schemas.data.records import LabelMap

_ENDS = ("]}", "],", "]", ",")


def annotations_in(lines: Iterable[str], image_ids: Collection[int], source: str) -> CocoAnnotations:
    """Reads images and objects.

    Args:
        lines: of a ground truth file.
        image_ids: those wanted.
        source: what to call the file in messages.

    Raises:
        StateError: the file does not hold one of them.
        DataError: an entry breaks a rule.
    """
    rows, wanted = iter(lines), set(image_ids)
    categories = orjson.loads(next(rows).partition(":")[2].strip().rstrip(","))
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for entries in _entries(rows):
        images += [entry for entry in entries if "file_name" in entry and entry["id"] in wanted]
        annotations += [entry for entry in entries if entry.get("image_id") in wanted]
    missing = sorted(wanted - {entry["id"] for entry in images})
    if missing:
        raise StateError(f"image {missing[0]} was evaluated, but the ground truth file does not name it; run again")
    document = {"categories": categories, "images": images, "annotations": annotations}
    return annotations_of(document, source, Demands())


def results_in(
    lines: Iterable[str], image_ids: Sequence[int] | np.ndarray, label_map: LabelMap, source: str
) -> DetectionColumns:
    """Reads what a model found in some images.

    Args:
        lines: of a results file.
        image_ids: those wanted, ascending; positions count these.
        label_map: the classes.
        source: what to call the file in messages.

    Returns:
        The detections image by image, those of one image in the order of the file.

    Raises:
        DataError: an entry breaks a rule.
    """
    wanted = set(np.asarray(image_ids).tolist())
    found = [entry for entries in _entries(lines, wanted) for entry in entries if entry["image_id"] in wanted]
    found.sort(key=lambda entry: entry["image_id"])
    return results_of(Entries(found, "detections", source), label_map, np.asarray(image_ids, np.int64))


def _entries(lines: Iterable[str], wanted: Collection[int] | None = None) -> Iterator[list[dict[str, Any]]]:
    """The entries of each line; those of other images than the wanted ones may be left out."""
    for line in lines:
        text = line.strip()
        for end in _ENDS:
            text = text.removesuffix(end)
        start = text.find("{")
        if start < 0 or (wanted is not None and not _is_wanted(text, wanted)):
            continue
        yield orjson.loads(f"[{text[start:]}]")


def _is_wanted(text: str, wanted: Collection[int]) -> bool:
    # Most lines of a large file are not wanted, and parsing them takes most of the time.
    head = text[text.find(":") + 1 : text.find(",")]
    return not head.isdigit() or int(head) in wanted
