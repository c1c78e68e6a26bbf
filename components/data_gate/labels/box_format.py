"""Boxes whose four numbers mean something else than [x, y, width, height]; pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from components.coco.box_formats import CXCYWH, XYWH_TAKEN_FOR_XYXY, XYXY, YXHW, YXYX
from components.data_gate.labels.findings import Excess, Finding, per_image, reason_of
from components.data_gate.labels.matching import Matched, overlaps
from components.data_gate.labels.profile import undone
from schemas.artifacts.decisions import Reason
from schemas.data.columns import DetectionColumns

_FORMATS = (YXHW, XYXY, YXYX, XYWH_TAKEN_FOR_XYXY, CXCYWH)
_GIVEN_IOU = 0.3  # a box that overlaps a sighting so much as given needs no other format
_OTHER_IOU = 0.5  # and one must fit so well to be explained by one
_BETTER = 1.1  # a format must explain this much more than another way to draw does
_MOST_TOGETHER = 4.0  # chance hits of one image that come together


@dataclass(frozen=True, eq=False)
class GuessedFormat:
    """The format that the numbers of some boxes could be in.

    Attributes:
        name: in words.
        share: of the labels that fit only so, beyond chance.
        fits: [n] bool, these labels.
    """

    name: str
    share: Excess
    fits: np.ndarray


def in_other_formats(boxes: np.ndarray) -> dict[str, np.ndarray]:
    """What boxes [n, 4] would be, [n, 4] in xywh, if their numbers were in another format; NaN where they cannot.

    >>> in_other_formats(np.array([[10.0, 20, 30, 60]]))["[x1, y1, x2, y2]"]
    array([[10., 20., 20., 40.]])
    """
    sizes_px = np.empty((len(boxes), 2))  # pixels do not need them
    meant = {each.order: each.boxes(boxes, sizes_px) for each in _FORMATS}
    return {
        name: np.where((other[:, 2:] > 0).all(axis=1, keepdims=True), other, np.nan) for name, other in meant.items()
    }


def guess_format(span: Matched, golden: Matched) -> GuessedFormat:
    """The format, other than as given, that explains most labels of the span which as given fit nothing.

    Numbers in another format hit something by chance too: as often, per label that fits nothing, as the golden set's
    boxes hit a wrong sighting when their numbers are taken so.
    """
    usual = _fits(span, golden.drawn)
    best = _best(span, golden, usual)
    explained_by_drawing = np.count_nonzero(_fits(span, span.drawn, _OTHER_IOU) & ~usual)
    if np.count_nonzero(best.fits) > _BETTER * explained_by_drawing:
        return best
    return _best(span, golden, usual | _fits(span, span.drawn))


def format_reason(guessed: GuessedFormat, span: Matched, limit: float) -> Reason:
    """The rule `labels:reading`; `limit` is the accepted share of boxes that fit only in another format."""
    share = f"{max(0.0, guessed.share.value):.0%} of the boxes ({np.count_nonzero(guessed.fits)})"
    finding = Finding(
        guessed.share,
        f"{share} fit what the model sees only if read as {guessed.name}",
        per_image(span.profile, span.labels.image[guessed.fits]),
    )
    expected = f"at most {limit:.0%} of the boxes make sense only in another order of their numbers"
    return reason_of("labels:reading", expected, finding, limit, span.profile)


def _best(span: Matched, golden: Matched, fits_given: np.ndarray) -> GuessedFormat:
    free = np.ones(len(span.sightings.scores), dtype=np.bool_)
    free[span.sighting[span.is_found & fits_given]] = False
    golden_boxes = in_other_formats(golden.labels.boxes_xywh_px)
    guesses = []
    for name, boxes in in_other_formats(span.labels.boxes_xywh_px).items():
        fits = ~fits_given & _hits(undone(boxes, golden.drawn), span.labels.image, span.sightings, free)
        share = _beyond_chance(fits, ~fits_given, span.labels.image, _chance(golden, golden_boxes[name]))
        guesses.append(GuessedFormat(name, share, fits))
    return max(guesses, key=lambda guess: guess.share.value)


def _fits(span: Matched, drawn: np.ndarray, lowest_iou: float = _GIVEN_IOU) -> np.ndarray:
    # [n] bool, labels that need no other format if boxes are drawn so.
    pairs = overlaps(undone(span.labels.boxes_xywh_px, drawn), span.labels.image, span.sightings)
    fits = np.zeros(len(span.labels.labels), dtype=np.bool_)
    fits[pairs.one[pairs.iou >= lowest_iou]] = True
    return fits


def _hits(boxes: np.ndarray, image: np.ndarray, sightings: DetectionColumns, allowed: np.ndarray) -> np.ndarray:
    # [n] bool, boxes that fit a sighting that is allowed.
    pairs = overlaps(boxes, image, sightings)
    hits = np.zeros(len(boxes), dtype=np.bool_)
    hits[pairs.one[(pairs.iou >= _OTHER_IOU) & allowed[pairs.other]]] = True
    return hits


def _chance(golden: Matched, boxes: np.ndarray) -> float:
    pairs = overlaps(undone(boxes, golden.drawn), golden.labels.image, golden.sightings)
    wrong = (pairs.iou >= _OTHER_IOU) & (golden.sighting[pairs.one] != pairs.other)
    return (len(np.unique(pairs.one[wrong])) + 1) / (len(boxes) + 2)


def _beyond_chance(fits: np.ndarray, unexplained: np.ndarray, image: np.ndarray, chance: float) -> Excess:
    # The error is that of counts without any box in another format, as if the hits of one image came together.
    expected = chance * np.count_nonzero(unexplained)
    per_image = np.bincount(image, weights=unexplained)
    together = max(1.0, float(np.square(per_image).sum() / max(1.0, per_image.sum())))
    error = np.sqrt((expected + 1) * min(together, _MOST_TOGETHER))
    labels = max(1, len(fits))
    return Excess((np.count_nonzero(fits) - expected) / labels, float(error) / labels, len(np.unique(image)))
