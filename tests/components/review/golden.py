"""A golden set that two models were evaluated on, as the evaluator leaves it."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from ratchet.components.coco.writing import image_lines, join_detections, join_ground_truth
from ratchet.components.metrics.accumulator import Accumulator
from ratchet.components.metrics.match_table import MatchTable
from ratchet.components.metrics.matching import match
from ratchet.components.review.error_analysis import GoldenFiles
from ratchet.schemas.data.columns import DetectionColumns, TruthColumns
from ratchet.schemas.data.records import Detections, GroundTruth, ImageRecord, LabelMap
from tests.components.review.content import jpeg

CATEGORY_IDS = (3, 7, 9)
NAMES = ("cat", "dog", "eel")


def image(image_id: int, truth: GroundTruth, file_name: str = "") -> ImageRecord:
    """An image of 640 x 480 px."""
    return ImageRecord(image_id, file_name or f"{image_id:06}.jpg", 640, 480, truth)


def files_of(
    records: Sequence[ImageRecord],
    found: Mapping[str, Sequence[Detections]],
    names: Sequence[str] = NAMES,
    read_images: Callable[[Sequence[str]], Mapping[str, bytes]] | None = None,
    attributes: Mapping[str, np.ndarray] | None = None,
) -> GoldenFiles:
    """The files of an evaluation; thumbnails are all the same picture unless `read_images` gives others."""
    columns = {model: DetectionColumns.of(list(each)) for model, each in found.items()}
    ids = list(range(3, 3 + 2 * len(names), 2)) if len(names) > len(CATEGORY_IDS) else CATEGORY_IDS
    lines = image_lines(records, columns, ids)
    return GoldenFiles(
        tables={model: table_of(records, each) for model, each in columns.items()},
        truth=text_lines(lambda out: join_ground_truth(lines, LabelMap(tuple(names), tuple(ids)), out)),
        found={
            model: text_lines(lambda out, place=place: join_detections(lines, place, out))
            for place, model in enumerate(columns)
        },
        read_images=read_images or (lambda wanted: dict.fromkeys(wanted, jpeg())),
        attributes=attributes or {},
    )


def table_of(records: Sequence[ImageRecord], found: DetectionColumns) -> MatchTable:
    """Matches of one model."""
    matches = Accumulator.create()
    image_ids = np.array([record.image_id for record in records], np.int64)
    matches.add(match(image_ids, TruthColumns.of([record.truth for record in records]), found))
    return matches.table()


def text_lines(write: Callable[[io.StringIO], None]) -> Callable[[], Iterable[str]]:
    """The lines of what is written."""
    out = io.StringIO()
    write(out)
    return lambda: out.getvalue().splitlines(keepends=True)
