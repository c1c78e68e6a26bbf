"""The golden set as a person has it, a COCO file or a directory of any layout -> annotations; pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ratchet.components.coco.reading import CocoAnnotations, Demands, annotations_of, read_truth
from ratchet.components.example_gen.dataset import Source, read_source
from ratchet.components.example_gen.file_names import is_plain_path
from ratchet.components.example_gen.layout.coco_layouts import ANNOTATIONS, IMAGES
from ratchet.components.example_gen.layout.layouts import Reading
from ratchet.components.imaging.quality import open_image
from ratchet.schemas.base.errors import DataError
from ratchet.schemas.base.files import refuse_irregular
from ratchet.schemas.data.records import ImageRecord


def read_any_truth(path: Path, images: Path | None = None) -> CocoAnnotations:
    """Reads a ground truth.

    Args:
        path: a COCO file of any tool; or a directory with COCO's `annotations.json`, VOC's, YOLO's or TFRecords, as
            `ratchet convert` reads it. Boxes that cannot be boxes of their image are left out there.
        images: the directory of the images, where sizes are taken from that a COCO file does not say; None if there is
            none.

    Raises:
        DataError: it cannot be read, breaks a rule, or is of no known layout.
    """
    if not path.is_dir():
        return _with_sizes(read_truth(path), images)
    if (path / ANNOTATIONS).is_file() and not (path / IMAGES).is_dir():
        return _with_sizes(read_truth(path / ANNOTATIONS), images)
    return _annotations(read_source(str(path), reading=Reading(without_pictures=True)))


def _annotations(source: Source) -> CocoAnnotations:
    """A data set as a COCO file would hold it."""
    document = {
        "categories": [
            {"id": number, "name": name} for number, name in zip(source.label_map.category_ids, source.label_map.names)
        ],
        "images": [_image(record) for record in source.records],
        "annotations": [
            entry for record in source.records for entry in _objects(record, source.label_map.category_ids)
        ],
    }
    for number, entry in enumerate(document["annotations"], 1):
        entry["id"] = number
    read = annotations_of(document, source.directory, Demands())
    return replace(read, mended_areas=source.mended_areas)


def _image(record: ImageRecord) -> dict[str, Any]:
    own = {"id": record.image_id, "file_name": record.file_name, "width": record.width_px, "height": record.height_px}
    return {**record.attributes, **own}


def _objects(record: ImageRecord, category_ids: tuple[int, ...]) -> list[dict[str, Any]]:
    truth = record.truth
    columns = (truth.boxes_xywh_px, truth.labels, truth.area_px2, truth.is_crowd)
    return [
        {
            "image_id": record.image_id,
            "category_id": category_ids[label - 1],
            "bbox": box,
            "area": area,
            "iscrowd": int(is_crowd),
        }
        for box, label, area, is_crowd in zip(*(column.tolist() for column in columns))
    ]


def _with_sizes(truth: CocoAnnotations, images: Path | None) -> CocoAnnotations:
    """With the sizes of image files where none are said; what has no such file stays without."""
    unknown = np.flatnonzero(np.isnan(truth.sizes_px).any(axis=1)).tolist()
    if images is None or not unknown:
        return truth
    found = {place: _size(images, truth.file_names[place]) for place in unknown}
    return replace(truth, sizes_px=_filled(truth.sizes_px, found))


def _filled(sizes_px: np.ndarray, found: Mapping[int, tuple[int, int] | None]) -> np.ndarray:
    filled = sizes_px.copy()
    for place, size in found.items():
        if size is not None:
            filled[place] = size
    return filled


def _size(images: Path, name: str) -> tuple[int, int] | None:
    path = images / name
    if not is_plain_path(name) or not path.is_file():
        return None
    try:
        refuse_irregular(path)
        with path.open("rb") as file:
            return open_image(file, str(path)).size
    except (OSError, DataError):  # the picture is looked at by whoever shows it; here it is no size
        return None
