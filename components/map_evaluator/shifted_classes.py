"""Category ids that all exist, and are those of the neighbours: a file's classes counted from another number; pure.

Where the first or last class is never found, or a category stands for no object, all ids of a file that counts
otherwise are ids of the ground truth, and only the boxes tell. A bad model names other classes, but not always the one
before.
"""

from __future__ import annotations

import numpy as np

from ratchet.components.coco.category_ids import NEIGHBOURS, OTHER_COUNTS, OtherCount
from ratchet.components.coco.reading import CocoAnnotations
from ratchet.components.metrics.boxes import overlapping
from ratchet.schemas.base.errors import DataError
from ratchet.schemas.base.formatting import percent
from ratchet.schemas.data.columns import DetectionColumns

_IMAGES = 500  # that are looked at, evenly over the data set
_LEAST = 20  # objects that a detection lies on
_LIES_ON = 0.5  # IoU
_RIGHT, _WRONG = 0.5, 0.1  # of these objects: as they would be, and as they are, at most


def refuse_shifted_classes(source: str, truth: CocoAnnotations, found: DetectionColumns) -> None:
    """Refuses detections whose classes are right only if they are counted otherwise.

    Args:
        source: path of the results file, for messages.
        truth: the ground truth.
        found: what the file was read as.

    Raises:
        DataError: they are.
    """
    known = np.array(truth.label_map.category_ids, np.int64)
    ids = known[np.flatnonzero(np.bincount(found.labels - 1, minlength=len(known)))]
    counts = [count for count in (*OTHER_COUNTS, *NEIGHBOURS) if np.isin(count.ids(ids, known), known).all()]
    if not counts or len(known) < 2:
        return
    true, named = _pairs(truth, found)
    if len(true) < _LEAST:
        return
    right = float(np.mean(true == named))
    for count in counts:
        would_be = float(np.mean(count.ids(known[named - 1], known) == known[true - 1]))
        if would_be >= _RIGHT and right <= _WRONG:
            raise DataError(_told(source, count, len(true), right, would_be))


def _told(source: str, count: OtherCount, objects: int, right: float, would_be: float) -> str:
    return (
        f"{source}: the category ids are not those of the ground truth: {count.words}; of {objects} objects that a "
        f"detection lies on, it names the category of {percent(right)}, and would name that of {percent(would_be)} "
        f"otherwise; {count.fix}, which docs/evaluation.md shows how to do"
    )


def _pairs(truth: CocoAnnotations, found: DetectionColumns) -> tuple[np.ndarray, np.ndarray]:
    """The label of each object that a detection lies on, and the label of the surest such detection."""
    chosen = truth.evenly_chosen(_IMAGES)
    objects, detections = truth.objects.of_images(chosen), found.of_images(chosen)
    of_object, of_detection = (np.argsort(each.image, kind="stable") for each in (objects, detections))
    pairs = overlapping(
        detections.image[of_detection],
        detections.boxes_xywh_px[of_detection],
        objects.image[of_object],
        objects.boxes_xywh_px[of_object],
        objects.is_crowd[of_object],
        _LIES_ON,
    )
    counts = ~objects.is_crowd[of_object[pairs.other]]
    one, other = of_detection[pairs.one[counts]], of_object[pairs.other[counts]]
    order = np.lexsort((-detections.scores[one], other))
    _, first = np.unique(other[order], return_index=True)
    return objects.labels[other[order][first]], detections.labels[one[order][first]]
