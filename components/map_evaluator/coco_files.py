"""Ground truth and detections as the COCO files that every other tool reads; pure.

The models see the images one by one and in any order, so every image is first written as one line, and the lines are
joined afterwards: at no time are all boxes in memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TextIO

import numpy as np
import orjson

from schemas.columns import DetectionColumns
from schemas.records import ImageRecord


def image_lines(
    records: Sequence[ImageRecord], detections: Mapping[str, DetectionColumns], category_ids: Sequence[int]
) -> list[str]:
    """One line of JSON an image.

    Args:
        records: a batch of images.
        detections: by model; positions count the batch's images.
        category_ids: the data set's own ids, in label order.
    """
    ids = np.array([0, *category_ids])
    found = {name: _by_image(columns, len(records), ids) for name, columns in detections.items()}
    return [
        orjson.dumps(
            {
                "image": {
                    "id": record.image_id,
                    "file_name": record.file_name,
                    "width": record.width_px,
                    "height": record.height_px,
                    **record.attributes,
                },
                "annotations": _annotations(record, ids),
                "detections": {
                    name: [{"image_id": record.image_id, **entry} for entry in entries[place]]
                    for name, entries in found.items()
                },
            }
        ).decode()
        for place, record in enumerate(records)
    ]


def join_ground_truth(
    lines: Iterable[str], class_names: Sequence[str], category_ids: Sequence[int], out: TextIO
) -> None:
    """Writes a COCO annotation file, with annotation ids from 1 (pycocotools takes 0 for "unmatched").

    Args:
        lines: of `image_lines`; read twice.
        class_names: in label order.
        category_ids: the data set's own ids, in label order.
        out: where to write.
    """
    categories = [{"id": number, "name": name} for number, name in zip(category_ids, class_names)]
    out.write(f'{{"categories": {_text(categories)},\n"images": [')
    _write_list((orjson.loads(line)["image"] for line in lines), out)
    out.write('],\n"annotations": [')
    annotations = (annotation for line in lines for annotation in orjson.loads(line)["annotations"])
    _write_list(({"id": number, **annotation} for number, annotation in enumerate(annotations, start=1)), out)
    out.write("]}\n")


def join_detections(lines: Iterable[str], model: str, out: TextIO) -> None:
    """Writes a COCO result file of one model."""
    out.write("[")
    _write_list((entry for line in lines for entry in orjson.loads(line)["detections"][model]), out)
    out.write("]\n")


def _write_list(entries: Iterable[Any], out: TextIO) -> None:
    for number, entry in enumerate(entries):
        out.write(",\n" if number else "\n")
        out.write(_text(entry))


def _text(value: Any) -> str:
    return orjson.dumps(value).decode()


def _annotations(record: ImageRecord, ids: np.ndarray) -> list[dict[str, Any]]:
    truth = record.truth
    return [
        {"image_id": record.image_id, "category_id": category, "bbox": box, "area": area, "iscrowd": int(crowd)}
        for box, category, area, crowd in zip(
            truth.boxes_xywh_px.tolist(), ids[truth.labels].tolist(), truth.area_px2.tolist(), truth.is_crowd.tolist()
        )
    ]


def _by_image(columns: DetectionColumns, images: int, ids: np.ndarray) -> list[list[dict[str, Any]]]:
    grouped: list[list[dict[str, Any]]] = [[] for _ in range(images)]
    rows = zip(
        columns.image.tolist(),
        columns.boxes_xywh_px.tolist(),
        ids[columns.labels].tolist(),
        columns.scores.tolist(),
        strict=True,
    )
    for place, box, category, score in rows:
        grouped[place].append({"category_id": category, "bbox": box, "score": score})
    return grouped
