"""What the served model's signature returns -> what Ratchet computes with; pure."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ratchet.schemas.base.errors import StateError
from ratchet.schemas.data.columns import DetectionColumns, rows_of


class NotNumbersError(StateError):
    """A model finds boxes or scores that are no finite numbers, as one does whose training was lost."""


class Seen(NamedTuple):
    """What a model makes of some images: embeddings [n, d] float32, and detections in its own label map."""

    embeddings: np.ndarray
    found: DetectionColumns


def to_columns(
    model: str,
    image_ids: np.ndarray,
    num_classes: int,
    boxes_yxyx_px: np.ndarray,
    labels: np.ndarray,
    scores: np.ndarray,
    num_detections: np.ndarray,
) -> DetectionColumns:
    """From a batch in the order of TensorFlow's signature to ours.

    Args:
        model: what to call the model in messages.
        image_ids: [b].
        num_classes: K of the model's label map.
        boxes_yxyx_px: [b, n, 4] ymin, xmin, ymax, xmax.
        labels: [b, n], 1..K.
        scores: [b, n].
        num_detections: [b], how many of each row count.

    Raises:
        NotNumbersError: a box or score that is no finite number.
        StateError: something else that is not a box, label or score.

    >>> boxes = np.array([[[1, 2, 4, 6], [0, 0, 0, 0]]])
    >>> to_columns("m", np.array([7]), 3, boxes, np.array([[3, 0]]), np.array([[0.5, 0]]), np.array([1])).boxes_xywh_px
    array([[2., 1., 4., 3.]])
    """
    image, place = np.nonzero(np.arange(scores.shape[1]) < num_detections[:, None])
    corners = boxes_yxyx_px[image, place].astype(np.float64)  # [m, 4]
    ymin, xmin, ymax, xmax = corners.T
    label, score = labels[image, place].astype(np.int64), scores[image, place].astype(np.float64)
    finite = np.all(np.isfinite(corners), axis=1)
    _check(model, image_ids[image], "box", corners, finite, "finite numbers", NotNumbersError)
    _check(model, image_ids[image], "score", score, np.isfinite(score), "a finite number", NotNumbersError)
    in_order = (ymin <= ymax) & (xmin <= xmax)
    _check(model, image_ids[image], "box", corners, in_order, "in the order ymin, xmin, ymax, xmax")
    in_map = (label >= 1) & (label <= num_classes)
    _check(model, image_ids[image], "label", label, in_map, f"within 1..{num_classes}, the model's label map")
    return DetectionColumns(image, np.stack([xmin, ymin, xmax - xmin, ymax - ymin], axis=-1), label, score)


def renumbering(own: Sequence[str], wanted: Sequence[str]) -> np.ndarray:
    """What the labels of one label map are in another, by the names of the classes.

    Args:
        own: names of the labels 1..K.
        wanted: those of the other label map.

    Returns:
        [K + 1] int64, by label; 0 for a class that the other label map lacks.

    >>> renumbering(["cat", "dog"], ["ant", "cat"])
    array([0, 2, 0])
    """
    place = {name: label for label, name in enumerate(wanted, start=1)}
    return np.array([0, *(place.get(name, 0) for name in own)], dtype=np.int64)


def renumbered(found: DetectionColumns, numbers: np.ndarray) -> DetectionColumns:
    """Detections in another label map; those of classes that it lacks are left out.

    Args:
        found: in the one label map.
        numbers: [K + 1] of `renumbering`.
    """
    labels = numbers[found.labels]
    return rows_of(dataclasses.replace(found, labels=labels), labels > 0)


def _check(
    model: str,
    image_ids: np.ndarray,
    name: str,
    values: np.ndarray,
    fine: np.ndarray,
    rule: str,
    kind: type[StateError] = StateError,
) -> None:
    if not fine.all():
        row = int(np.flatnonzero(~fine)[0])
        raise kind(
            f"{model}: returns for image {image_ids[row]} the {name} {values[row].tolist()}, which must be {rule}; "
            f"{np.count_nonzero(~fine)} of this batch's {len(fine)} detections are like it: mend or replace the model"
        )
