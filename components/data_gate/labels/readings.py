"""Boxes whose four numbers mean something else than [x, y, width, height]; pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from components.data_gate.labels.findings import Excess, Finding, per_image, reason_of
from components.data_gate.labels.matching import Matched, overlaps
from components.data_gate.labels.profile import undone
from schemas.artifacts.decisions import Reason
from schemas.data.columns import DetectionColumns

CENTRE = "[center x, center y, width, height]"
_GIVEN_IOU = 0.3  # a box that overlaps a sighting so much as given needs no other reading
_READ_IOU = 0.5  # and one must fit so well to be explained by one
_BETTER = 1.1  # a reading must explain this much more than another way to draw does
_MOST_TOGETHER = 4.0  # chance hits of one image that come together


@dataclass(frozen=True, eq=False)
class Reading:
    """How the numbers of some boxes could be meant.

    Attributes:
        name: in words.
        share: of the labels that fit only so, beyond chance.
        fits: [n] bool, these labels.
    """

    name: str
    share: Excess
    fits: np.ndarray


def readings_of(boxes: np.ndarray) -> dict[str, np.ndarray]:
    """What boxes [n, 4] would be, [n, 4] in xywh, if their numbers meant something else; NaN where they cannot.

    >>> readings_of(np.array([[10.0, 20, 30, 60]]))["[x1, y1, x2, y2]"]
    array([[10., 20., 20., 40.]])
    """
    start, end = boxes[:, :2], boxes[:, 2:]
    size = np.where((end > start).all(axis=1, keepdims=True), end - start, np.nan)
    return {
        "[y, x, height, width]": boxes[:, [1, 0, 3, 2]],
        "[x1, y1, x2, y2]": np.hstack([start, size]),
        "[y1, x1, y2, x2]": np.hstack([start, size])[:, [1, 0, 3, 2]],
        "x, y, width, height that were taken for corners": np.hstack([start, start + end]),
        CENTRE: np.hstack([start - end / 2, end]),
    }


def best_reading(span: Matched, golden: Matched) -> Reading:
    """The reading, other than as given, that explains most labels of the span which as given fit nothing.

    A reading hits something by chance too: as often, per label that fits nothing, as the golden set's boxes hit a
    wrong sighting when their numbers are read so.
    """
    usual = _fits(span, golden.drawn)
    best = _best(span, golden, usual)
    explained_by_drawing = np.count_nonzero(_fits(span, span.drawn, _READ_IOU) & ~usual)
    if np.count_nonzero(best.fits) > _BETTER * explained_by_drawing:
        return best
    return _best(span, golden, usual | _fits(span, span.drawn))


def reading_reason(reading: Reading, span: Matched, limit: float) -> Reason:
    """The rule `labels:reading`; `limit` is the accepted share of boxes that fit only when read otherwise."""
    share = f"{max(0.0, reading.share.value):.0%} of the boxes ({np.count_nonzero(reading.fits)})"
    finding = Finding(
        reading.share,
        f"{share} fit what the model sees only if read as {reading.name}",
        per_image(span.profile, span.labels.image[reading.fits]),
    )
    expected = f"at most {limit:.0%} of the boxes make sense only in another order of their numbers"
    return reason_of("labels:reading", expected, finding, limit, span.profile)


def _best(span: Matched, golden: Matched, fits_given: np.ndarray) -> Reading:
    free = np.ones(len(span.sightings.scores), dtype=np.bool_)
    free[span.sighting[span.is_found & fits_given]] = False
    golden_boxes = readings_of(golden.labels.boxes_xywh_px)
    readings = []
    for name, boxes in readings_of(span.labels.boxes_xywh_px).items():
        fits = ~fits_given & _hits(undone(boxes, golden.drawn), span.labels.image, span.sightings, free)
        share = _beyond_chance(fits, ~fits_given, span.labels.image, _chance(golden, golden_boxes[name]))
        readings.append(Reading(name, share, fits))
    return max(readings, key=lambda reading: reading.share.value)


def _fits(span: Matched, drawn: np.ndarray, lowest_iou: float = _GIVEN_IOU) -> np.ndarray:
    # [n] bool, labels that need no other reading if boxes are drawn so.
    pairs = overlaps(undone(span.labels.boxes_xywh_px, drawn), span.labels.image, span.sightings)
    fits = np.zeros(len(span.labels.labels), dtype=np.bool_)
    fits[pairs.one[pairs.iou >= lowest_iou]] = True
    return fits


def _hits(boxes: np.ndarray, image: np.ndarray, sightings: DetectionColumns, allowed: np.ndarray) -> np.ndarray:
    # [n] bool, boxes that fit a sighting that is allowed.
    pairs = overlaps(boxes, image, sightings)
    hits = np.zeros(len(boxes), dtype=np.bool_)
    hits[pairs.one[(pairs.iou >= _READ_IOU) & allowed[pairs.other]]] = True
    return hits


def _chance(golden: Matched, boxes: np.ndarray) -> float:
    pairs = overlaps(undone(boxes, golden.drawn), golden.labels.image, golden.sightings)
    wrong = (pairs.iou >= _READ_IOU) & (golden.sighting[pairs.one] != pairs.other)
    return (len(np.unique(pairs.one[wrong])) + 1) / (len(boxes) + 2)


def _beyond_chance(fits: np.ndarray, unexplained: np.ndarray, image: np.ndarray, chance: float) -> Excess:
    # The error is that of counts without any misreading, as if the hits of one image came together.
    expected = chance * np.count_nonzero(unexplained)
    per_image = np.bincount(image, weights=unexplained)
    together = max(1.0, float(np.square(per_image).sum() / max(1.0, per_image.sum())))
    error = np.sqrt((expected + 1) * min(together, _MOST_TOGETHER))
    labels = max(1, len(fits))
    return Excess((np.count_nonzero(fits) - expected) / labels, float(error) / labels, len(np.unique(image)))
