"""What two models find in the same images, paired off; pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ratchet.components.metrics.boxes import overlapping
from ratchet.components.metrics.greedy import match_greedily
from ratchet.schemas.data.columns import DetectionColumns, rows_of

LEAST_IOU = 0.5
FAINT = 0.5  # of the score from which on a detection counts: models find almost anything with a score of nearly 0
NOBODY = -1


@dataclass(frozen=True, eq=False)
class Paired:
    """The detections of both models that count, by image, each with its partner.

    Attributes:
        images: how many there are.
        served: n detections of the served model.
        candidate: m of the candidate.
        served_partner: [n] int64, row of the candidate's detection of the same object; NOBODY without one.
        candidate_partner: [m] int64, likewise.
        served_faint: [n] bool, whether the candidate has one of the same class there that nearly counts: from FAINT on.
        candidate_faint: [m] bool, likewise of the served model.
    """

    images: int
    served: DetectionColumns
    candidate: DetectionColumns
    served_partner: np.ndarray
    candidate_partner: np.ndarray
    served_faint: np.ndarray
    candidate_faint: np.ndarray

    @property
    def same_class(self) -> np.ndarray:
        """[n] bool, whether a detection of the served model has a partner of its class."""
        has = self.served_partner != NOBODY
        labels = np.append(self.candidate.labels, 0)  # NOBODY is the last one
        return has & (labels[self.served_partner] == self.served.labels)

    @classmethod
    def join(cls, parts: Sequence[Paired]) -> Paired:
        """Those of several lists of images as those of one."""
        sizes = [part.images for part in parts]
        ones = np.cumsum([0, *(len(part.served.labels) for part in parts)])
        others = np.cumsum([0, *(len(part.candidate.labels) for part in parts)])
        return cls(
            sum(sizes),
            DetectionColumns.join([part.served for part in parts], sizes),
            DetectionColumns.join([part.candidate for part in parts], sizes),
            _joined([_moved(part.served_partner, start) for part, start in zip(parts, others)], np.int64),
            _joined([_moved(part.candidate_partner, start) for part, start in zip(parts, ones)], np.int64),
            _joined([part.served_faint for part in parts], np.bool_),
            _joined([part.candidate_faint for part in parts], np.bool_),
        )


def pair_detections(
    served: DetectionColumns,
    candidate: DetectionColumns,
    served_points: np.ndarray,
    candidate_points: np.ndarray,
    images: int,
) -> Paired:
    """Pairs off what two models find.

    Boxes that overlap by LEAST_IOU are of one object: those of one class first, and of those that overlap more first.
    So a detection is of another class only where none of its own is left.

    Args:
        served: all that the served model finds.
        candidate: all that the candidate finds, in the same label map.
        served_points: [K + 1] by label the score from which on a detection of the served model counts.
        candidate_points: [K + 1] those of the candidate.
        images: how many there are.
    """
    one, faint_one = _sure(served, served_points)
    other, faint_other = _sure(candidate, candidate_points)
    pairs = overlapping(one.image, one.boxes_xywh_px, other.image, other.boxes_xywh_px, least_iou=LEAST_IOU)
    differs = one.labels[pairs.one] != other.labels[pairs.other]
    order = np.lexsort((-pairs.iou, differs, one.image[pairs.one]))
    rows, other_rows = pairs.one[order], pairs.other[order]
    taken = match_greedily(one.image[rows], rows, other_rows, np.ones(len(rows), np.bool_))
    partner, other_partner = (np.full(len(columns.labels), NOBODY, np.int64) for columns in (one, other))
    partner[rows[taken]], other_partner[other_rows[taken]] = other_rows[taken], rows[taken]
    return Paired(
        images,
        one,
        other,
        partner,
        other_partner,
        (partner == NOBODY) & _has_one(one, faint_other),
        (other_partner == NOBODY) & _has_one(other, faint_one),
    )


def _sure(found: DetectionColumns, points: np.ndarray) -> tuple[DetectionColumns, DetectionColumns]:
    """The detections that count, and those that nearly do; each by image."""
    ordered = rows_of(found, np.argsort(found.image, kind="stable"))
    least = points[ordered.labels]
    counts = ordered.scores >= least
    return rows_of(ordered, counts), rows_of(ordered, ~counts & (ordered.scores >= FAINT * least))


def _has_one(found: DetectionColumns, faint: DetectionColumns) -> np.ndarray:
    pairs = overlapping(found.image, found.boxes_xywh_px, faint.image, faint.boxes_xywh_px, least_iou=LEAST_IOU)
    same = found.labels[pairs.one] == faint.labels[pairs.other]
    has = np.zeros(len(found.labels), np.bool_)
    has[pairs.one[same]] = True
    return has


def _moved(partner: np.ndarray, start: int) -> np.ndarray:
    return np.where(partner == NOBODY, NOBODY, partner + start)


def _joined(parts: Sequence[np.ndarray], kind: type) -> np.ndarray:
    return np.concatenate([np.empty(0, kind), *parts])
