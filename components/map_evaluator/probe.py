"""Which golden images a model is tried with before it is served, and what was measured on them; pure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ratchet.components.metrics.match_table import MatchTable
from ratchet.schemas.artifacts.serving_probe import ServingProbe
from ratchet.schemas.data.columns import DetectionColumns

IMAGES = 8
_SURE = 0.05  # a detection with less is no reason to choose an image
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


def probe_of(found: DetectionColumns, images: Sequence[tuple[str, bytes]], class_names: Sequence[str]) -> ServingProbe:
    """Images and what was found in them; without the last ones if they are large.

    Args:
        found: detections; positions count the images.
        images: file names and image files.
        class_names: of the labels 1..K.
    """
    sizes = np.cumsum([len(encoded) for _, encoded in images])
    kept = max(1, int(np.count_nonzero(sizes <= _MOST_BYTES)))
    return ServingProbe(
        class_names=tuple(class_names),
        file_names=tuple(name for name, _ in images[:kept]),
        images=tuple(encoded for _, encoded in images[:kept]),
        detections=found.of_images(np.arange(len(images)) < kept),
    )
