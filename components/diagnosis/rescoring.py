"""What comes back of a fall when what the candidate learned is undone on its kept detections; pure.

What is undone on one half of the golden images was measured on the other half, so that a share is no fit to the images
that it is scored on. Nothing is trained and no image is looked at.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import numpy as np

from ratchet.components.diagnosis.bundle import Bundle, GoldenBoxes
from ratchet.components.diagnosis.learned import (
    FEWEST_OBJECTS,
    LOG_HEIGHT,
    LOG_WIDTH,
    OFFSET_X,
    OFFSET_Y,
    PairedObjects,
    confusions,
    drawn_otherwise,
    paired,
)
from ratchet.components.labels.findings import Estimate
from ratchet.components.labels.matching import Matched
from ratchet.components.labels.profile import undone
from ratchet.components.metrics.average_precision import mean_average_precision
from ratchet.components.metrics.boxes import overlapping
from ratchet.components.metrics.match_table import MatchTable, build_table
from ratchet.components.metrics.matching import match
from ratchet.schemas.artifacts.evaluation import BASELINE, CANDIDATE
from ratchet.schemas.data.columns import DetectionColumns, rows_of

OFFSET, SIZE, CLASSES = (OFFSET_X, OFFSET_Y), (LOG_WIDTH, LOG_HEIGHT), "classes"
_GROUPS = 16  # of images, each left out once (delete-a-group jackknife)
_FEWEST_IMAGES = 2 * _GROUPS
_LEAST_FALL = 2.0  # standard errors of the fall; of a smaller one no share can be said
_SURE = 3.0  # standard errors from which on a confusion of classes is undone
_SAME_OBJECT_IOU = 0.5

Undo = Callable[[GoldenBoxes, PairedObjects, DetectionColumns], DetectionColumns]


@dataclass(frozen=True)
class Share:
    """Part of the fall that comes back.

    Attributes:
        value: 1 for all of it, negative where undoing costs more.
        std_error: of it, over groups of images.
        fall: candidate minus baseline on the same images.
    """

    value: float
    std_error: float
    fall: float


def undo_drawing(columns: Sequence[int]) -> Undo:
    """Undoes the median difference of some columns of the relation."""

    def undo(golden: GoldenBoxes, pairs: PairedObjects, found: DetectionColumns) -> DetectionColumns:
        drawn = np.zeros(4)
        drawn[list(columns)] = [drawn_otherwise(pairs)[column].value for column in columns]
        return dataclasses.replace(found, boxes_xywh_px=undone(found.boxes_xywh_px, drawn))

    return undo


def undo_confusions(golden: GoldenBoxes, pairs: PairedObjects, found: DetectionColumns) -> DetectionColumns:
    """Gives back the baseline's name where the candidate names as it clearly learned to."""
    clear = [each for each in confusions(pairs) if each.share.value > _SURE * each.share.std_error]
    others = golden.found[BASELINE]
    near = overlapping(found.image, found.boxes_xywh_px, others.image, others.boxes_xywh_px, least_iou=_SAME_OBJECT_IOU)
    # Of the baseline's detections there the surest speaks.
    order = np.argsort(others.scores[near.other], kind="stable")
    name = found.labels.copy()
    name[near.one[order]] = others.labels[near.other[order]]
    labels = found.labels.copy()
    for each in clear:
        labels[(found.labels == each.named) & (name == each.truth)] = each.truth
    return dataclasses.replace(found, labels=labels)


class Rescoring:
    """The golden sample of a run, scored with something undone.

    Args:
        golden: boxes of both models.
        matched: of `match_both`.
        labels: that are compared; None for all.
    """

    def __init__(self, golden: GoldenBoxes, matched: dict[str, Matched], labels: Collection[int] | None = None) -> None:
        self._golden = golden
        self._labels = None if labels is None else sorted(labels)
        self._pairs = paired(matched)
        self._group = _groups(golden.image_ids)
        self._half = self._group % 2 == 0
        self._scores: dict[str, np.ndarray] = {}

    @classmethod
    def of(cls, bundle: Bundle, matched: dict[str, Matched] | None) -> Rescoring | None:
        """Of a run over the classes that both models know; None where there is nothing to score."""
        golden = bundle.golden
        if golden is None or matched is None or bundle.evaluation is None:
            return None
        known = bundle.evaluation.golden.compared.class_support
        labels = [place for place, name in enumerate(golden.class_names, start=1) if name in known]
        return cls(golden, matched, labels or None)

    def share(self, undo: Undo) -> Share | None:
        """Part of the fall that comes back.

        Args:
            undo: what is undone, by objects of other images than those whose detections it is given.

        Returns:
            None where both models find too little, or where they do not differ clearly on these images.
        """
        if len(self._golden.image_ids) < _FEWEST_IMAGES:
            return None
        halves = [self._pairs.of_images(side) for side in (self._half, ~self._half)]
        if min(len(each.image) for each in halves) < FEWEST_OBJECTS:
            return None
        baseline, candidate = (self._score(model) for model in (BASELINE, CANDIDATE))
        fall = _jackknife(candidate - baseline)
        if fall.value >= 0 or fall.value > -_LEAST_FALL * fall.std_error:
            return None
        back = self._scored(self._undone(undo, halves)) - candidate
        share = _jackknife_ratio(back, baseline - candidate)
        return Share(share.value, share.std_error, fall.value)

    def _undone(self, undo: Undo, halves: list[PairedObjects]) -> DetectionColumns:
        found = self._golden.found[CANDIDATE]
        first = self._half[found.image]
        sides = [
            undo(self._golden, learned, rows_of(found, rows)) for learned, rows in zip(halves[::-1], (first, ~first))
        ]
        return DetectionColumns(
            **{name: np.concatenate([getattr(side, name) for side in sides]) for name in vars(found)}
        )

    def _score(self, model: str) -> np.ndarray:
        if model not in self._scores:
            self._scores[model] = self._scored(self._golden.found[model])
        return self._scores[model]

    def _scored(self, found: DetectionColumns) -> np.ndarray:
        # [1 + groups] mAP of all images, then without each group.
        golden = self._golden
        table = build_table(match(golden.image_ids, golden.truth, found, golden.max_detections))
        if self._labels is not None:
            table = table.of_labels(self._labels)
        order = np.argsort(golden.image_ids, kind="stable")
        group = self._group[order]
        return np.array([_map(table)] + [_map(table.of_images(group != left)) for left in range(_GROUPS)])


def _map(table: MatchTable) -> float:
    return max(0.0, mean_average_precision(table))


def _groups(image_ids: np.ndarray) -> np.ndarray:
    # [i] in turn by ascending id: groups of equal size, the same in every run.
    return np.argsort(np.argsort(image_ids, kind="stable"), kind="stable") % _GROUPS


def _jackknife(scores: np.ndarray) -> Estimate:
    """Figure of all images, its error by those without each group (Efron & Tibshirani 1993, chapter 11)."""
    left = scores[1:]
    error = np.sqrt((_GROUPS - 1) * np.square(left - left.mean()).mean())
    return Estimate(float(scores[0]), float(error), _GROUPS)


def _jackknife_ratio(above: np.ndarray, below: np.ndarray) -> Estimate:
    # A group without which nothing falls says that the share cannot be told, not that it is infinite.
    return _jackknife(above / np.maximum(below, 0.1 * below[0]))
