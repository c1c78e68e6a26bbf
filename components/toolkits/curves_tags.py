"""The names that toolkits give to the figures of a training -> curves; pure.

Of several names for one figure the first that a log has counts: the more exact come first.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from statistics import median

from ratchet.components.toolkits.curves_series import EPOCH, STEP, VALIDATION, Log
from ratchet.schemas.base.checked_json import shown
from ratchet.schemas.base.errors import DataError
from ratchet.schemas.data.training_plan import Point, TrainingCurves, finite

# TF Object Detection API 2 and 1, tf-models, Detectron2, MMDetection, Lightning, Keras, DETR; in small letters.
_LOSS = (
    *("loss/total_loss", "losses/totalloss", "total_loss", "loss/total", "training_loss", "train/total_loss"),
    *("train/loss", "train_loss", "train/loss_epoch", "train_loss_epoch", "loss/train", "train/loss_step"),
    *("train_loss_step", "epoch_loss", "loss", "loss_1"),
)
_VALIDATION_LOSS = (
    *("validation_loss", "val/total_loss", "val/loss", "val_loss", "validation/loss", "valid/loss", "valid_loss"),
    *("val/loss_epoch", "val_loss_epoch", "loss/val", "loss/validation", "eval/loss", "eval_loss", "test_loss"),
)
_MAP = (
    *("detectionboxes_precision/map", "bbox/ap", "coco/bbox_map", "val/bbox_map", "bbox_map", "val/coco/bbox_map"),
    *("metrics/map50-95", "metrics/map_0.5:0.95", "map/mixture", "validation_map", "ap", "val/ap", "val/map50-95"),
    *("val/map_50_95", "val_map_50_95", "map_50_95", "map50-95", "map_0.5:0.95", "val/map", "val_map", "map"),
    "test_coco_eval_bbox",
)
_MAP50 = (
    *("detectionboxes_precision/map@.50iou", "pascalboxes_precision/map@0.5iou", "bbox/ap50", "coco/bbox_map_50"),
    *("val/bbox_map_50", "bbox_map_50", "val/coco/bbox_map_50", "metrics/map50", "metrics/map_0.5", "ap50"),
    *("val/ap50", "pascal_voc/map", "pascal_voc/ap50", "val/map_50", "val_map_50", "val/map50", "val_map50"),
    *("map_50", "map50", "map_0.5"),
)
_RATE = (
    *("learning_rate", "lr", "train/learning_rate", "train/lr", "learning_rate_1", "learningrate/learningrate"),
    *("epoch_learning_rate", "optimizer/learning_rate", "base_lr", "train_lr"),
)
_GRADIENT_NORM = ("gradient_norm", "grad_norm", "train/grad_norm", "train/gradient_norm", "global_gradient_norm")
_ONES = frozenset((*_LOSS, *_VALIDATION_LOSS, *_MAP, *_MAP50, *_RATE, *_GRADIENT_NORM))
_LOSS_PART = re.compile(r"(train|loss)/\w+_loss")
_VALIDATION_LOSS_PART = re.compile(r"(val|validation)/\w+_loss")
_RATE_OF_GROUP = re.compile(r"lr/pg\d+|x/lr\d+|lr-\w+(/pg\d+)?")
_PARTS = (_LOSS_PART, _VALIDATION_LOSS_PART, _RATE_OF_GROUP)

_OF_EPOCHS = re.compile(r"lr/pg\d+|x/lr\d+|metrics/map\S*|epoch_\w+")  # Ultralytics, YOLOv5, Keras
_PERCENT = ("bbox/ap", "bbox/ap50")  # of Detectron2, however low
_LISTED = 7
_WHOLE = 1 + 1e-6  # float32's mAP of all found
_Named = Mapping[str, Sequence[Point]]


def plain(tag: str) -> str:
    """A tag as the tables have it.

    >>> plain("    metrics/mAP50-95(B)")
    'metrics/map50-95'
    """
    return tag.strip().lower().removesuffix("(b)")


@lru_cache(1000)
def is_known(tag: str) -> bool:
    """Whether a tag is of one of the curves."""
    name = plain(tag.removeprefix(VALIDATION))
    return name in _ONES or any(part.fullmatch(name) for part in _PARTS)


def unit_of(tags: Iterable[str]) -> str:
    """What the steps of TensorBoard's events count, which say nothing of it: STEP or EPOCH."""
    return EPOCH if any(_OF_EPOCHS.fullmatch(plain(tag)) for tag in tags) else STEP


def curves_of(log: Log) -> TrainingCurves:
    """The curves of a log.

    Raises:
        DataError: it has none of them, or an mAP that cannot be one.
    """
    training = {plain(tag): points for tag, points in log.series.items() if not tag.startswith(VALIDATION)}
    validation = {
        plain(tag.removeprefix(VALIDATION)): points for tag, points in log.series.items() if tag.startswith(VALIDATION)
    }
    both = {**training, **validation}
    loss = _first(training, _LOSS) or _sum(training, _LOSS_PART)
    checked = _first(both, _VALIDATION_LOSS) or _first(validation, _LOSS)
    checked = checked or _sum(both, _VALIDATION_LOSS_PART) or _sum(validation, _LOSS_PART)
    are_percent = any(both.get(name) for name in _PERCENT)
    of_map, of_map50 = _fractions(_first(both, _MAP), _first(both, _MAP50), are_percent, log.source)
    curves = TrainingCurves(
        source=log.source,
        unit=log.unit,
        loss=finite(loss),
        validation_loss=finite(checked),
        validation_map=of_map,
        validation_map50=of_map50,
        rate=finite(_first(training, _RATE) or _rate_of_groups(training)),
        gradient_norm=finite(_first(training, _GRADIENT_NORM)),
        diverged_at=next((step for step, value in loss if not math.isfinite(value)), None),
    )
    if not (curves.loss or curves.validation_loss or curves.map or curves.rate or loss):
        names = shown(sorted(log.series)[:_LISTED])
        raise DataError(
            f"{log.source}: neither a loss nor an mAP nor a learning rate in it, by any name that is known here; it "
            f"has {names}; give the log of a detector's training"
        )
    return curves


def _first(named: _Named, names: Sequence[str]) -> tuple[Point, ...]:
    return next((tuple(named[name]) for name in names if named.get(name)), ())


def _sum(named: _Named, pattern: re.Pattern[str]) -> tuple[Point, ...]:
    """At the steps where all parts are logged."""
    parts = [dict(points) for name, points in named.items() if pattern.fullmatch(name)]
    if not parts:
        return ()
    steps = sorted(set[float].intersection(*map(set, parts)))
    return tuple((step, sum(part[step] for part in parts)) for step in steps)


def _rate_of_groups(named: _Named) -> tuple[Point, ...]:
    """The rate of most weights: Ultralytics logs one a group, and that of biases falls from 0.1 in the warm-up."""
    groups = [dict(points) for name, points in named.items() if _RATE_OF_GROUP.fullmatch(name)]
    steps = sorted(set().union(*groups)) if groups else []
    rates = ((step, [group[step] for group in groups if step in group]) for step in steps)
    return tuple((step, median(values)) for step, values in rates)


def _fractions(
    of_map: tuple[Point, ...], of_map50: tuple[Point, ...], are_percent: bool, source: str
) -> tuple[tuple[Point, ...], tuple[Point, ...]]:
    """Both as fractions: one figure above 1 means that all are percent. COCO's -1 means that there was no object."""
    measured = [tuple(point for point in finite(points) if point[1] >= 0) for points in (of_map, of_map50)]
    highest = max((point for points in measured for point in points), key=lambda point: point[1], default=(0, 0))
    if highest[1] <= _WHOLE and not are_percent:
        return measured[0], measured[1]
    if highest[1] > 100 * _WHOLE:
        raise DataError(
            f"{source}: an mAP of {highest[1]:g} at step {highest[0]:g}, which is neither a fraction nor percent; give "
            "the log as the toolkit wrote it"
        )
    of_map, of_map50 = (tuple((step, value / 100) for step, value in points) for points in measured)
    return of_map, of_map50
