"""In which images a model errs: objects without a match and detections without one, as a person would see them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ratchet.components.metrics.coco_rules import AREA_NAMES, IOU_THRESHOLDS, area_bits
from ratchet.components.metrics.match_table import MatchTable

_ALL = AREA_NAMES.index("all")
_NUM_SET = np.array([bits.bit_count() for bits in range(1 << len(IOU_THRESHOLDS))], dtype=np.int64)


@dataclass(frozen=True, eq=False)
class ImageErrors:
    """Errors of every image, each the mean over the 10 IoU thresholds; their sum is the errors per image.

    Attributes:
        missed: [i] float64, objects without a match.
        false: [i] float64, detections without one.
    """

    missed: np.ndarray
    false: np.ndarray


def operating_points(table: MatchTable, num_classes: int) -> np.ndarray:
    """The score of every class from which on its detections are worth showing: that of the best F1 at IoU .5.

    Args:
        table: the matches of all images.
        num_classes: labels are 1..num_classes.

    Returns:
        [num_classes + 1] float64 by label. Of equally good scores the highest. Infinite where nothing is worth
        showing: for label 0, a class without an object, and one of which no object is found.
    """
    points = np.full(num_classes + 1, np.inf)
    for label in range(1, num_classes + 1):
        num_truth = int(np.count_nonzero(table.truth["valid"][table.truth_rows(label)] >> _ALL & 1))
        rows = table.detections[table.detection_rows(label)]
        hit, ignored = (area_bits(rows[name], _ALL) & 1 for name in ("tp", "ignored"))
        if num_truth and hit.any():
            points[label] = rows["score"][_best_f1(rows["score"], hit, ignored, num_truth)]
    return points


def image_errors(table: MatchTable, thresholds: np.ndarray) -> ImageErrors:
    """Count the errors of every image, of objects and detections of any size.

    Args:
        table: the matches of all images.
        thresholds: [K + 1] float64 by label, the least score of a detection that is shown.

    Returns:
        The errors, by position in `table.image_ids`.

    Raises:
        ValueError: a label has no threshold.
    """
    _check(table, thresholds)
    # A detection's match depends only on better ones of its image and class, and the threshold cuts off the worse
    # ones: what is left is matched as if there had been nothing else.
    shown = table.detections["score"] >= thresholds[table.detections["label"]]
    rows, image = table.detections[shown], table.detection_image[shown]
    hit, ignored = (area_bits(rows[name], _ALL) for name in ("tp", "ignored"))
    counts = table.truth_image[(table.truth["valid"] >> _ALL & 1).astype(np.bool_)]
    num_images, num_thresholds = len(table.image_ids), len(IOU_THRESHOLDS)
    found = np.bincount(image, _NUM_SET[hit], num_images) / num_thresholds
    settled = np.bincount(image, _NUM_SET[hit | ignored], num_images) / num_thresholds
    return ImageErrors(
        missed=np.bincount(counts, minlength=num_images) - found,
        false=np.bincount(image, minlength=num_images) - settled,
    )


def _check(table: MatchTable, thresholds: np.ndarray) -> None:
    largest = max(table.detections["label"].max(initial=0), table.truth["label"].max(initial=0))
    if largest >= len(thresholds):
        raise ValueError(
            f"thresholds: {len(thresholds)}, for labels 0..{len(thresholds) - 1}, but label {largest} occurs; "
            "give operating_points the number of classes in the label map"
        )


def _best_f1(score: np.ndarray, hit: np.ndarray, ignored: np.ndarray, num_truth: int) -> int:
    """The row after which to cut, so that F1 is best; rows [m] best score first, equal scores are not parted."""
    hits, shown = np.cumsum(hit), np.cumsum(ignored == 0)
    f1 = 2 * hits / (shown + num_truth)
    f1[:-1][score[:-1] == score[1:]] = -1
    return int(np.argmax(f1))
