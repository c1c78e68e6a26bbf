"""Ground truth and detections as the COCO files that every other tool reads; pure.

The models see the images one by one and in any order, so every image is first written as one line, and the lines are
joined afterwards: at no time are all boxes in memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TextIO

import numpy as np
import orjson

from ratchet.schemas.data.columns import DetectionColumns
from ratchet.schemas.data.records import ImageRecord, LabelMap


def image_lines(
    records: Sequence[ImageRecord], detections: Mapping[str, DetectionColumns], category_ids: Sequence[int]
) -> list[str]:
    """One line an image: pieces of JSON, which hold no tabs themselves, with tabs between them.

    Args:
        records: a batch of images.
        detections: by model; positions count the batch's images.
        category_ids: the data set's own ids, in label order.
    """
    ids = np.array([0, *category_ids])
    found = [_by_image(columns, records, ids) for columns in detections.values()]
    return [
        "\t".join([_text(_image(record)), _text(_annotations(record, ids)), *(_entries(part[place]) for part in found)])
        for place, record in enumerate(records)
    ]


def join_ground_truth(lines: Iterable[str], label_map: LabelMap, out: TextIO, description: str | None = None) -> None:
    """Writes a COCO annotation file, with annotation ids from 1 (pycocotools takes 0 for "unmatched").

    Args:
        lines: of `image_lines`; gone through twice.
        label_map: the classes.
        out: where to write.
        description: of the file, for whoever finds it.
    """
    categories = [{"id": number, "name": name} for number, name in zip(label_map.category_ids, label_map.names)]
    out.write(f'{{"categories": {_text(categories)},\n"images": [')
    _join((line.split("\t", 1)[0] for line in lines), out)
    out.write('],\n"annotations": [')
    _join(_numbered(line.split("\t", 2)[1] for line in lines), out)
    info = f',\n"info": {_text({"description": description})}' if description else ""
    out.write(f"]{info}}}\n")


def join_detections(lines: Iterable[str], model: int, out: TextIO) -> None:
    """Writes a COCO result file of one model; `model` counts those given to `image_lines`."""
    out.write("[")
    _join((line.rstrip("\n").split("\t")[2 + model] for line in lines), out)
    out.write("]\n")


def _join(pieces: Iterable[str], out: TextIO) -> None:
    """Writes what is not empty, with commas between."""
    before = "\n"
    for piece in filter(None, pieces):
        out.write(before + piece)
        before = ",\n"


def _numbered(pieces: Iterable[str]) -> Iterator[str]:
    number = 0
    for piece in pieces:
        annotations = orjson.loads(piece)
        yield _entries([{"id": number + place, **entry} for place, entry in enumerate(annotations, start=1)])
        number += len(annotations)


def _text(value: Any) -> str:
    return orjson.dumps(value).decode()


def _entries(entries: list[dict[str, Any]]) -> str:
    """The inside of a JSON list."""
    return _text(entries)[1:-1]


def _image(record: ImageRecord) -> dict[str, Any]:
    size = {"width": record.width_px, "height": record.height_px}
    return {"id": record.image_id, "file_name": record.file_name, **size, **record.attributes}


def _annotations(record: ImageRecord, ids: np.ndarray) -> list[dict[str, Any]]:
    truth = record.truth
    return [
        {"image_id": record.image_id, "category_id": category, "bbox": box, "area": area, "iscrowd": int(crowd)}
        for box, category, area, crowd in zip(
            truth.boxes_xywh_px.tolist(), ids[truth.labels].tolist(), truth.area_px2.tolist(), truth.is_crowd.tolist()
        )
    ]


def _by_image(columns: DetectionColumns, records: Sequence[ImageRecord], ids: np.ndarray) -> list[list[dict[str, Any]]]:
    grouped: list[list[dict[str, Any]]] = [[] for _ in records]
    rows = zip(
        columns.image.tolist(),
        columns.boxes_xywh_px.tolist(),
        ids[columns.labels].tolist(),
        columns.scores.tolist(),
        strict=True,
    )
    for place, box, category, score in rows:
        entry = {"image_id": records[place].image_id, "category_id": category, "bbox": box, "score": score}
        grouped[place].append(entry)
    return grouped
