"""Paired bootstrap of differences in mAP: is the candidate better, or were the images kind to it?

Images, or whole groups of images, are drawn with replacement, the same draw for both models and for every figure. A
draw is a number of copies per image, so nothing is matched again. That equals pycocotools on a data set with the drawn
copies, unless scores tie: among tied detections the order is arbitrary, and here copies of one detection stay together.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from components.metrics.average_precision import UNDEFINED, DetectionMetrics, detection_metrics
from components.metrics.coco_rules import AREA_NAMES
from components.metrics.match_table import MatchTable
from components.metrics.resampling import ClassDraws, class_draws, narrowest

# Images drawn at once. The generator goes on where it stopped, so the number changes nothing; tests set it lower.
_CHUNK_DRAWS = 1 << 22
_AP_OF_AREA: dict[str, str] = dict(zip(AREA_NAMES, ("AP", "APs", "APm", "APl"), strict=True))
_Models = tuple[MatchTable, MatchTable]
_Metrics = tuple[DetectionMetrics, ...]


@dataclass(frozen=True)
class DeltaEstimate:
    """AP or mAP of the candidate minus that of the baseline, with its 95 % percentile interval.

    Attributes:
        value: difference on the images themselves; NaN without ground truth.
        lo: 2.5 % percentile of the resampled differences; NaN without ground truth.
        hi: 97.5 % percentile.
        std_error: their standard deviation.
        resamples: resamples drawn.
        undefined: how many of them held no ground truth; they are left out of the interval.
    """

    value: float
    lo: float
    hi: float
    std_error: float
    resamples: int
    undefined: int


@dataclass(frozen=True, eq=False)
class Slice:
    """A part of the data whose mAP is of interest.

    Attributes:
        area: one of AREA_NAMES; objects of other sizes are ignored.
        images: [i] bool by position in the table's image_ids; None for all images.
    """

    area: str = "all"
    images: np.ndarray | None = None


@dataclass(frozen=True)
class PairedDeltas:
    """Differences between two models, all from the same draws.

    Attributes:
        overall: of mAP, all sizes, all images.
        per_class: of AP, by label; every label with ground truth that counts.
        per_slice: of mAP, by the name of the slice.
    """

    overall: DeltaEstimate
    per_class: dict[int, DeltaEstimate] = field(default_factory=dict)
    per_slice: dict[str, DeltaEstimate] = field(default_factory=dict)


def paired_deltas(
    candidate: MatchTable,
    baseline: MatchTable,
    resamples: int = 1000,
    seed: int = 0,
    groups: np.ndarray | None = None,
    slices: Mapping[str, Slice] | None = None,
) -> PairedDeltas:
    """Estimate what the candidate gained over the baseline and how far chance could move it.

    Args:
        candidate: matches of the new model.
        baseline: matches of the old model on the same images and ground truth.
        resamples: data sets to draw, at least 1.
        seed: of the draws; equal seeds give equal results, however the images were sharded.
        groups: [i] int64, by position in image_ids, equal for images that are not independent, such as frames of a
            video; whole groups are drawn. Without it, single images.
        slices: further figures to estimate, by name.

    Returns:
        The estimates; a model against itself gives exactly 0 and [0, 0].

    Raises:
        ValueError: the two cover different images or different ground truth, resamples is below 1, or groups or a
            slice do not fit the images.
    """
    if resamples < 1:
        raise ValueError(f"resamples = {resamples}; at least 1 is needed, 1000 is usual")
    _check_comparable(candidate, baseline)
    parts = dict(slices or {})
    _check_slices(parts, len(candidate.image_ids))
    weights = _draw_copies(len(candidate.image_ids), groups, resamples, seed)
    models = (candidate, baseline)
    metrics = tuple(detection_metrics(table) for table in models)
    draws = list(class_draws(models, weights))
    return PairedDeltas(
        overall=_estimate(_map_delta(metrics, "all"), _mean_deltas(draws, resamples)),
        per_class={
            draw.label: _estimate(_class_delta(metrics, draw.label), _mean_deltas([draw], resamples)) for draw in draws
        },
        per_slice={name: _slice_estimate(models, metrics, weights, part) for name, part in parts.items()},
    )


def _slice_estimate(models: _Models, metrics: _Metrics, weights: np.ndarray, part: Slice) -> DeltaEstimate:
    if part.images is not None:
        models = (models[0].of_images(part.images), models[1].of_images(part.images))
        metrics, weights = tuple(detection_metrics(table) for table in models), weights[part.images]
    return _estimate(
        _map_delta(metrics, part.area), _mean_deltas(class_draws(models, weights, part.area), weights.shape[1])
    )


def _mean_deltas(draws: Iterable[ClassDraws], resamples: int) -> np.ndarray:
    # [resamples] difference of the mean over the classes that have ground truth in a draw; NaN where none has.
    total, classes = np.zeros((2, resamples))
    for draw in draws:
        total += draw.ap[0] - draw.ap[1]
        classes += draw.num_truth > 0
    return np.divide(total, classes, out=np.full_like(total, np.nan), where=classes > 0)


def _estimate(value: float, deltas: np.ndarray) -> DeltaEstimate:
    defined = deltas[~np.isnan(deltas)]
    lo, hi = np.percentile(defined, [2.5, 97.5]) if defined.size else (np.nan, np.nan)
    return DeltaEstimate(
        value=value,
        lo=float(lo),
        hi=float(hi),
        std_error=float(np.std(defined)) if defined.size else np.nan,
        resamples=len(deltas),
        undefined=len(deltas) - len(defined),
    )


def _map_delta(metrics: _Metrics, area: str) -> float:
    values = [each.coco[_AP_OF_AREA[area]] for each in metrics]
    return np.nan if UNDEFINED in values else values[0] - values[1]


def _class_delta(metrics: _Metrics, label: int) -> float:
    return metrics[0].per_class_ap[label] - metrics[1].per_class_ap[label]


def _draw_copies(images: int, groups: np.ndarray | None, resamples: int, seed: int) -> np.ndarray:
    # [images, resamples] copies of each image.
    group_of = np.arange(images) if groups is None else _group_positions(groups, images)
    count = int(group_of.max(initial=-1)) + 1
    if not count:
        return np.zeros((0, resamples), dtype=np.uint8)
    generator, rows = np.random.default_rng(seed), max(1, _CHUNK_DRAWS // count)
    chunks = [_draw(generator, min(rows, resamples - start), count) for start in range(0, resamples, rows)]
    return np.ascontiguousarray(narrowest(np.concatenate(chunks)).T)[group_of]


def _draw(generator: np.random.Generator, resamples: int, count: int) -> np.ndarray:
    # [resamples, count] how often each of `count` groups is drawn; narrow, because 100,000 images as int64 take 800 MB.
    drawn = generator.integers(count, size=(resamples, count)) + np.arange(resamples)[:, None] * count
    copies = np.bincount(drawn.ravel(), minlength=drawn.size).reshape(drawn.shape)
    return copies.astype(np.min_scalar_type(copies.max()))


def _group_positions(groups: np.ndarray, images: int) -> np.ndarray:
    if groups.shape != (images,) or not np.issubdtype(groups.dtype, np.integer):
        raise ValueError(f"groups: expected {images} integers, one per image, got {groups.dtype} {groups.shape}")
    return np.unique(groups, return_inverse=True)[1]


def _check_slices(slices: Mapping[str, Slice], images: int) -> None:
    for name, part in slices.items():
        if part.area not in AREA_NAMES:
            raise ValueError(f"slice {name!r}: area {part.area!r} is not one of {AREA_NAMES}")
        if part.images is not None and (part.images.dtype != np.bool_ or part.images.shape != (images,)):
            got = f"{part.images.dtype} {part.images.shape}"
            raise ValueError(f"slice {name!r}: expected {images} bools, one per image, got {got}")


def _check_comparable(new: MatchTable, old: MatchTable) -> None:
    different = np.setxor1d(new.image_ids, old.image_ids)
    if different.size:
        raise ValueError(
            f"candidate and baseline cover different images: {different.size} ids are in only one of them, "
            f"such as {different[:3].tolist()}; evaluate both models on the same images"
        )
    if not (np.array_equal(new.truth, old.truth) and np.array_equal(new.truth_image, old.truth_image)):
        raise ValueError("candidate and baseline were matched to different ground truth; evaluate both on the same one")
