"""Why boxes are wrong and what each kind of error costs: TIDE's error types (Bolya et al. 2020, arXiv:2008.08115).

The types, their order and what it means to fix one are those of TIDE's own code. Departures from it, all so that AP50
is the one that COCO's evaluation gives and nothing is blamed that it does not count:

- The best detections of each image and class count, 100 by default; TIDE takes 100 of each image.
- A detection takes the object it overlaps most, and of equal ones the last; TIDE takes the first.
- A detection that lies in a crowd of its class and hit nothing is no error; TIDE leaves it out of AP but counts it.
- AP is averaged over the classes that have objects; TIDE also counts classes that were only detected, with AP 0.
- The 101 recall points are pycocotools'; TIDE rounds some of them otherwise, which parts the two where a recall lies
  on a point.
- A class all of whose objects are dropped as missed scores 1; TIDE gives it 0, so that a class that is never found
  would show no error at all.

Sizes play no part: COCO's "all" ends at 1e10 square pixels, here it does not.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ratchet.components.metrics.boxes import BoxPairs, overlapping
from ratchet.components.metrics.coco_rules import RECALL_POINTS
from ratchet.components.metrics.greedy import match_greedily
from ratchet.components.metrics.limits import MAX_DETECTIONS
from ratchet.components.metrics.matching import best_of_each_class
from ratchet.schemas.data.columns import DetectionColumns, TruthColumns

# What a code of `ErrorTypes.detection_code` means: codes 1 to 5 are false positives.
DETECTION_CODES = ("hit", "classification", "localization", "both", "duplicate", "background", "ignored")
_HIT, _CLASSIFICATION, _LOCALIZATION, _BOTH, _DUPLICATE, _BACKGROUND, _IGNORED = range(len(DETECTION_CODES))
ERROR_TYPES = (*DETECTION_CODES[_CLASSIFICATION:_IGNORED], "missed")


@dataclass(frozen=True, eq=False)
class ErrorTypes:
    """What is wrong with the detections of some images.

    Attributes:
        ap50: mean AP at `match_iou`, .5 unless another was given, 0..1; NaN if no class has an object.
        dap: by each of ERROR_TYPES, "false_positive" and "false_negative", by how much `ap50` would rise if this alone
            were put right; they do not add up. NaN as `ap50`.
        counts: of the same keys, how many there are.
        detection_code: [m] uint8, index into DETECTION_CODES, rows as given; "ignored" lies in a crowd, or is not
            among the best of its image and class.
        missed: [n] bool, rows as given; objects that no detection found, misplaced or took for another class.
    """

    ap50: float
    dap: dict[str, float]
    counts: dict[str, int]
    detection_code: np.ndarray = field(repr=False)
    missed: np.ndarray = field(repr=False)


def error_types(
    truth: TruthColumns,
    detections: DetectionColumns,
    num_classes: int,
    match_iou: float = 0.5,
    background_iou: float = 0.1,
    max_detections: int = MAX_DETECTIONS,
) -> ErrorTypes:
    """Sort the errors of a model in some images.

    Args:
        truth: the objects of the images.
        detections: what the model found in the same images; equal scores count by position of the image, then in the
            order given.
        num_classes: labels are 1..num_classes.
        match_iou: overlap from which on a box is right. Boxes that are all somewhat off show at .75, and not at .5.
        background_iou: overlap below which a box is on nothing.
        max_detections: how many count of each image and class.

    Returns:
        The errors, their number and what each costs.

    Raises:
        ValueError: a label is out of range, or the overlaps are not 0 < background_iou < match_iou <= 1.
    """
    _check(truth, detections, num_classes, match_iou, background_iou)
    evidence = _evidence(truth, detections, match_iou, background_iou, max_detections)
    code = _codes(evidence, match_iou, background_iou)
    # What a detection would hit if it lay right, or were of the right class; an object that is found needs no other.
    target = np.select([code == _LOCALIZATION, code == _CLASSIFICATION], [evidence.own.truth, evidence.other.truth], -1)
    target[np.append(evidence.found, False)[target]] = -1
    lost = ~truth.is_crowd & ~evidence.found
    missed = lost.copy()
    missed[target[target >= 0]] = False
    judged = evidence.order[code[evidence.order] != _IGNORED]
    scored = _Scored.of(truth, detections.labels, judged, code, target, num_classes)
    return _summary(scored, truth.labels, code, lost, missed)


@dataclass(frozen=True, eq=False)
class _Scored:
    # The detections that are not ignored, best score first, and how many objects each label has.
    label: np.ndarray
    right_label: np.ndarray  # that of the object for a detection of the wrong class, else its own
    code: np.ndarray
    correctable: np.ndarray  # bool: the first of those that would hit an object once their error is put right
    num_truth: np.ndarray

    @classmethod
    def of(
        cls,
        truth: TruthColumns,
        labels: np.ndarray,
        rows: np.ndarray,
        code: np.ndarray,
        target: np.ndarray,
        num_classes: int,
    ) -> _Scored:
        objects, first = np.unique(target[rows], return_index=True)
        correctable = np.zeros(len(rows), dtype=np.bool_)
        correctable[first[objects >= 0]] = True
        label = labels[rows]
        wrong = correctable & (code[rows] == _CLASSIFICATION)
        right_label = label.copy()
        right_label[wrong] = truth.labels[target[rows[wrong]]]
        num_truth = np.bincount(truth.labels[~truth.is_crowd], minlength=num_classes + 1)
        return cls(label, right_label, code[rows], correctable, num_truth)

    def ap(self, fixed: int = _HIT, dropped: np.ndarray | None = None) -> float:
        """Mean AP with one type of error put right and some objects left out; `dropped` is [K + 1], by label."""
        right = (self.code == _HIT) | ((self.code == fixed) & self.correctable)
        kept = right | (self.code != fixed)
        label = self.right_label if fixed == _CLASSIFICATION else self.label
        return _mean_ap(label[kept], right[kept], self.num_truth, dropped)

    def ap_of_hits(self) -> float:
        """Mean AP without false positives."""
        hit = self.code == _HIT
        return _mean_ap(self.label[hit], hit[hit], self.num_truth, None)


def _check(
    truth: TruthColumns, detections: DetectionColumns, num_classes: int, match_iou: float, background_iou: float
) -> None:
    if not 0 < background_iou < match_iou <= 1:
        raise ValueError(
            f"match_iou = {match_iou} and background_iou = {background_iou}: 0 < background_iou < match_iou <= 1"
        )
    for owner, labels in (("truth", truth.labels), ("detections", detections.labels)):
        wrong = labels[(labels < 1) | (labels > num_classes)]
        if wrong.size:
            raise ValueError(
                f"{owner}.labels holds {wrong[0]}, but the label map has {num_classes} classes; use the label map that "
                "the data set was read with"
            )


@dataclass(frozen=True, eq=False)
class _Nearest:
    """Of every detection the object it overlaps most, the first of equal ones.

    Attributes:
        iou: [m] float64, 0 without an object.
        truth: [m] int64, row of the object, -1 without.
    """

    iou: np.ndarray
    truth: np.ndarray


@dataclass(frozen=True, eq=False)
class _Evidence:
    """What is known of the boxes of some images, rows as in the columns it was made from.

    Attributes:
        order: [m] int64, rows of the detections, best score first, then by image.
        hit: [m] bool, detections that have an object.
        ignored: [m] bool, detections that lie in a crowd, whether they hit or not, or are not among the best of their
            image and class.
        found: [n] bool, objects that have a detection.
        own: the objects of the same class.
        other: the objects of other classes.
    """

    order: np.ndarray
    hit: np.ndarray
    ignored: np.ndarray
    found: np.ndarray
    own: _Nearest
    other: _Nearest


def _evidence(
    truth: TruthColumns, detections: DetectionColumns, match_iou: float, least_iou: float, max_detections: int
) -> _Evidence:
    """Match the boxes of some images at one IoU, and see what else they overlap.

    Args:
        truth: the objects of the images.
        detections: what a model found in the same images.
        match_iou: overlap from which on a box is right.
        least_iou: overlap below which it is taken for none; above 0 and at most match_iou.
        max_detections: how many count of each image and class.

    Returns:
        Who hits what as COCO's evaluation has it, and the nearest objects.
    """
    order = np.lexsort((detections.image, -detections.scores))
    counted = np.zeros(len(order), np.bool_)
    counted[best_of_each_class(detections, max_detections)[0]] = True
    pairs = overlapping(
        *(detections.image, detections.boxes_xywh_px, truth.image, truth.boxes_xywh_px), truth.is_crowd, least_iou
    )
    same = detections.labels[pairs.one] == truth.labels[pairs.other]
    crowd, fits = truth.is_crowd[pairs.other], pairs.iou >= match_iou
    rows = np.flatnonzero(same & fits & ~crowd & counted[pairs.one])
    hit, found = np.zeros(len(order), np.bool_), np.zeros(len(truth.labels), np.bool_)
    matched = rows[_matches(pairs, rows, order, detections.image)]
    hit[pairs.one[matched]] = found[pairs.other[matched]] = True
    ignored = ~counted
    ignored[pairs.one[same & fits & crowd]] = True
    return _Evidence(
        order=order,
        hit=hit,
        ignored=ignored,
        found=found,
        own=_nearest(pairs, np.flatnonzero(same & ~crowd), len(order)),
        other=_nearest(pairs, np.flatnonzero(~same & ~crowd), len(order)),
    )


def _matches(pairs: BoxPairs, rows: np.ndarray, order: np.ndarray, image: np.ndarray) -> np.ndarray:
    """The matches among the pairs `rows` that may be one, as rows of these."""
    turn = np.empty(len(order), dtype=np.int64)
    turn[order] = np.arange(len(order))
    one, other = pairs.one[rows], pairs.other[rows]
    # The better score chooses first: the object it overlaps most, on a tie the last, as pycocotools does.
    choice = np.lexsort((-other, -pairs.iou[rows], turn[one], image[one]))
    one, other = one[choice], other[choice]
    return choice[match_greedily(image[one], one, other, np.ones(len(rows), np.bool_))]


def _nearest(pairs: BoxPairs, rows: np.ndarray, num_detections: int) -> _Nearest:
    rows = rows[np.lexsort((pairs.other[rows], -pairs.iou[rows], pairs.one[rows]))]
    detection, first = np.unique(pairs.one[rows], return_index=True)
    nearest = _Nearest(np.zeros(num_detections), np.full(num_detections, -1))
    nearest.iou[detection], nearest.truth[detection] = pairs.iou[rows[first]], pairs.other[rows[first]]
    return nearest


def _codes(evidence: _Evidence, match_iou: float, background_iou: float) -> np.ndarray:
    """Codes [m] uint8; where several types fit, the first of TIDE's order."""
    kinds = [
        (evidence.hit, _HIT),
        (evidence.ignored, _IGNORED),
        ((evidence.own.iou >= background_iou) & (evidence.own.iou <= match_iou), _LOCALIZATION),
        (evidence.other.iou >= match_iou, _CLASSIFICATION),
        # Its object has another detection, for it would have hit a free one.
        (evidence.own.iou > match_iou, _DUPLICATE),
        (evidence.other.iou <= background_iou, _BACKGROUND),
    ]
    return np.select([fits for fits, _ in kinds], [kind for _, kind in kinds], _BOTH).astype(np.uint8)


def _summary(scored: _Scored, labels: np.ndarray, code: np.ndarray, lost: np.ndarray, missed: np.ndarray) -> ErrorTypes:
    ap50 = scored.ap()
    of_each = np.bincount(code, minlength=len(DETECTION_CODES))
    types = range(_CLASSIFICATION, _IGNORED)
    fixed = {DETECTION_CODES[kind]: scored.ap(fixed=kind) for kind in types}
    for name, rows in (("missed", missed), ("false_negative", lost)):
        fixed[name] = scored.ap(dropped=np.bincount(labels[rows], minlength=len(scored.num_truth)))
    fixed["false_positive"] = scored.ap_of_hits()
    counts = {DETECTION_CODES[kind]: int(of_each[kind]) for kind in types}
    counts |= {"missed": int(missed.sum()), "false_positive": sum(counts.values()), "false_negative": int(lost.sum())}
    return ErrorTypes(ap50, {name: fixed[name] - ap50 for name in counts}, counts, code, missed)


def _mean_ap(label: np.ndarray, hit: np.ndarray, num_truth: np.ndarray, dropped: np.ndarray | None) -> float:
    """Mean over the classes that have objects, NaN without; rows [r] best score first, `num_truth` [K + 1]."""
    by_label = np.argsort(label, kind="stable")
    ends = np.cumsum(np.bincount(label, minlength=len(num_truth)))
    left = num_truth if dropped is None else num_truth - dropped
    classes = np.flatnonzero(num_truth)
    found = [_average_precision(hit[by_label[ends[k - 1] : ends[k]]], left[k]) for k in classes]
    return float(np.mean(found)) if found else float("nan")


def _average_precision(hit: np.ndarray, num_truth: int) -> float:
    """COCO's AP of one class at one IoU, the mean precision at 101 recall points; `hit` is [r] bool."""
    if not num_truth:
        return 1.0
    hits = np.cumsum(hit)
    precision = hits / np.arange(1, len(hit) + 1)
    envelope = np.append(np.maximum.accumulate(precision[::-1])[::-1], 0.0)
    return float(envelope[np.searchsorted(hits / num_truth, RECALL_POINTS)].mean())
