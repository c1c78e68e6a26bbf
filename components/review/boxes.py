"""Boxes of some golden images from the COCO files that the evaluator wrote.

These files have a line an image, so that a hundred thousand images need not be in memory at once. Any COCO file whose
entries stand on lines of their own can be read.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson

from schemas.base.errors import StateError
from schemas.data.columns import DetectionColumns, TruthColumns

_ENDS = ("]}", "],", "]", ",")


@dataclass(frozen=True)
class GoldenImage:
    """An entry of COCO `images`."""

    image_id: int
    file_name: str
    size_px: tuple[int, int]


@dataclass(frozen=True)
class GroundTruthFile:
    """What stands in a ground truth file of some images.

    Attributes:
        images: in the order of the ids asked for.
        truth: their objects; positions count these images.
        labels: from the data set's own class ids to labels, 1..K.
        class_names: in label order.
    """

    images: tuple[GoldenImage, ...]
    truth: TruthColumns
    labels: dict[int, int]
    class_names: tuple[str, ...]


def read_ground_truth(lines: Iterable[str], image_ids: Sequence[int]) -> GroundTruthFile:
    """Reads images and objects.

    Args:
        lines: of a ground truth file.
        image_ids: those wanted.

    Raises:
        StateError: the file does not hold one of them.
    """
    rows = iter(lines)
    categories = orjson.loads(next(rows).partition(":")[2].strip().rstrip(","))
    places = {image_id: place for place, image_id in enumerate(image_ids)}
    labels = {entry["id"]: label for label, entry in enumerate(categories, start=1)}
    images: dict[int, GoldenImage] = {}
    objects: list[dict[str, Any]] = []
    for entries in _entries(rows):
        for entry in entries:
            if "file_name" in entry and entry["id"] in places:
                size = (entry["width"], entry["height"])
                images[entry["id"]] = GoldenImage(entry["id"], entry["file_name"], size)
            elif entry.get("image_id") in places:
                objects.append(entry)
    missing = [image_id for image_id in image_ids if image_id not in images]
    if missing:
        raise StateError(f"image {missing[0]} was evaluated, but the ground truth file does not name it; run again")
    return GroundTruthFile(
        images=tuple(images[image_id] for image_id in image_ids),
        truth=TruthColumns(
            image=np.array([places[entry["image_id"]] for entry in objects], np.int64),
            boxes_xywh_px=_boxes(objects),
            labels=np.array([labels[entry["category_id"]] for entry in objects], np.int64),
            area_px2=np.array([entry["area"] for entry in objects], np.float64),
            is_crowd=np.array([bool(entry["iscrowd"]) for entry in objects], np.bool_),
        ),
        labels=labels,
        class_names=tuple(entry["name"] for entry in categories),
    )


def read_detections(lines: Iterable[str], image_ids: Sequence[int], labels: dict[int, int]) -> DetectionColumns:
    """Reads what a model found in some images.

    Args:
        lines: of a detections file.
        image_ids: those wanted; positions count these.
        labels: of `GroundTruthFile`.
    """
    places = {image_id: place for place, image_id in enumerate(image_ids)}
    found = [entry for entries in _entries(lines, places) for entry in entries if entry["image_id"] in places]
    return DetectionColumns(
        image=np.array([places[entry["image_id"]] for entry in found], np.int64),
        boxes_xywh_px=_boxes(found),
        labels=np.array([labels[entry["category_id"]] for entry in found], np.int64),
        scores=np.array([entry["score"] for entry in found], np.float64),
    )


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


def _boxes(entries: Sequence[dict[str, Any]]) -> np.ndarray:
    return np.array([entry["bbox"] for entry in entries], np.float64).reshape(-1, 4)
