"""Which golden images a model is tried with before it is served, and what was measured on them; pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence

import numpy as np
import orjson

from components.metrics.match_table import MatchTable
from schemas.artifacts.serving_probe import ServingProbe
from schemas.data.columns import DetectionColumns
from schemas.data.records import Detections

IMAGES = 8
_SURE = 0.05  # a detection with less is no reason to choose an image
_FIRST_ID = re.compile(r'\[?\{"image_id":(-?\d+),')
_MOST_BYTES = 16_000_000  # of the images together, unless the first alone has more


def chosen_images(table: MatchTable) -> list[int]:
    """Ids of up to 8 images, spread over the data set; before all others those in which the model found something.

    Args:
        table: the model's matches.
    """
    sure = np.zeros(len(table.image_ids), np.bool_)
    sure[table.detection_image[table.detections["score"] >= _SURE]] = True
    chosen = _spread(table.image_ids[sure], IMAGES)
    return sorted(chosen + _spread(table.image_ids[~sure], IMAGES - len(chosen)))


def _spread(ids: np.ndarray, most: int) -> list[int]:
    count = min(most, len(ids))
    return [int(ids[place]) for place in (np.arange(count) * len(ids)) // max(count, 1)]


def found_in(lines: Iterable[str], image_ids: Collection[int], category_ids: Sequence[int]) -> dict[int, Detections]:
    """What a model found in some images, read from the COCO results that the evaluation wrote.

    Args:
        lines: of CANDIDATE_FILE, which has the detections of an image in a line.
        image_ids: the images.
        category_ids: the data set's own ids, in label order.
    """
    labels = {category: label for label, category in enumerate(category_ids, start=1)}
    found = {image_id: _detections([], labels) for image_id in image_ids}
    for line in lines:
        first = _FIRST_ID.match(line)
        if first and int(first[1]) in found:
            entries = orjson.loads("[" + line.strip().removeprefix("[").rstrip(",]") + "]")
            found[int(first[1])] = _detections(entries, labels)
    return found


def _detections(entries: Sequence[Mapping], labels: Mapping[int, int]) -> Detections:
    return Detections(
        np.array([entry["bbox"] for entry in entries], np.float64).reshape(-1, 4),
        np.array([labels[entry["category_id"]] for entry in entries], np.int64),
        np.array([entry["score"] for entry in entries], np.float64),
    )


def probe_of(
    found: Mapping[int, Detections], images: Mapping[int, tuple[str, bytes]], class_names: Sequence[str]
) -> ServingProbe:
    """Images and what was found in them; without the last ones if they are large.

    Args:
        found: detections by image id.
        images: file names and image files by image id.
        class_names: of the labels 1..K.
    """
    ids = sorted(images)
    sizes = np.cumsum([len(images[image_id][1]) for image_id in ids])
    kept = [image_id for image_id, size in zip(ids, sizes) if size <= _MOST_BYTES] or ids[:1]
    return ServingProbe(
        class_names=tuple(class_names),
        file_names=tuple(images[image_id][0] for image_id in kept),
        images=tuple(images[image_id][1] for image_id in kept),
        detections=DetectionColumns.of([found[image_id] for image_id in kept]),
    )
