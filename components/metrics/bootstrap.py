"""Paired bootstrap of differences in mAP: is the candidate better, or were the images kind to it?

The unit of independence is the image, or a whole group such as a recording. Units are drawn with replacement, the
same draw for both models and for every figure. A draw is a number of copies per image, so nothing is matched again.
That equals pycocotools on a data set with the drawn copies, unless scores tie: among tied detections the order is
arbitrary, and here copies of one detection stay together.

The draws give the standard error; the interval is that of Student's t, for percentiles of the draws are too narrow
where units are few (decision 0007).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from ratchet.components.metrics.average_precision import UNDEFINED, DetectionMetrics, detection_metrics
from ratchet.components.metrics.coco_rules import AREA_NAMES
from ratchet.components.metrics.independence import Independence, Units, independent_units
from ratchet.components.metrics.match_table import MatchTable
from ratchet.components.metrics.resampling import ClassDraws, class_draws
from ratchet.components.metrics.weighted_sums import narrowest

# Images drawn at once. The generator goes on where it stopped, so the number changes nothing; tests set it lower.
_CHUNK_DRAWS = 1 << 22
# Of the copies of all images in the resamples that are worked on at once. Tests set it lower.
_WEIGHT_BYTES = 1 << 27
MIN_UNITS = 2  # effective units; of fewer it is not known how far they differ
_ROUNDING = 1e-9  # of differences of AP
_UPPER = 0.975  # of a two-sided 95 % interval
_AP_OF_AREA: dict[str, str] = dict(zip(AREA_NAMES, ("AP", "APs", "APm", "APl"), strict=True))
_Models = tuple[MatchTable, MatchTable]
_Metrics = tuple[DetectionMetrics, ...]


@dataclass(frozen=True)
class DeltaEstimate:
    """AP or mAP of the candidate minus that of the baseline, with its 95 % interval.

    Attributes:
        value: difference on the images themselves; NaN without ground truth.
        lo: lower end of the interval, value - t(.975, units - 1) std_error, at least -1; NaN if std_error is.
        hi: upper end, at most 1.
        std_error: how far chance moves the difference: the standard deviation of the resampled differences, enlarged
            for what so few units cannot show; value / units where no resample moves the difference. NaN where fewer
            than MIN_UNITS effective units hold ground truth; 0 where the models do alike in every resample.
        units: effective number of independent units; the degrees of freedom are one less.
        resamples: resamples drawn.
        undefined: how many of them held no ground truth; they are left out.
    """

    value: float
    lo: float
    hi: float
    std_error: float
    units: float
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


@dataclass(frozen=True, eq=False)
class _Data:
    """Two models on some images; `unit_of` [i] has the unit of each image, `keep` [i] which of all images these are."""

    models: _Models
    metrics: _Metrics
    unit_of: np.ndarray
    area: str = "all"
    keep: np.ndarray | None = None

    def of(self, part: Slice) -> _Data:
        if part.images is None:
            return replace(self, area=part.area)
        models = (self.models[0].of_images(part.images), self.models[1].of_images(part.images))
        metrics = tuple(detection_metrics(table) for table in models)
        return _Data(models, metrics, self.unit_of[part.images], part.area, part.images)

    def draws(self, weights: np.ndarray) -> list[ClassDraws]:
        return list(class_draws(self.models, weights if self.keep is None else weights[self.keep], self.area))


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
    parts, images = dict(slices or {}), len(candidate.image_ids)
    _check_slices(parts, images)
    unit_of = np.arange(images) if groups is None else _group_positions(groups, images)
    models = (candidate, baseline)
    metrics = tuple(detection_metrics(table) for table in models)
    whole = _Data(models, metrics, unit_of)
    data = [whole, *(whole.of(part) for part in parts.values())]
    # So many resamples at a time that the copies of all images fit into memory; of each only the figures are kept.
    drawn = [[each.draws(weights) for each in data] for weights in _draw_copies(unit_of, resamples, seed)]
    draws, *of_slices = (_joined(blocks) for blocks in zip(*drawn))
    units = independent_units(candidate, unit_of)
    return PairedDeltas(
        overall=_mean_estimate(_map_delta(metrics, "all"), draws, units, resamples),
        per_class={
            draw.label: _estimate(_class_delta(metrics, draw.label), _delta(draw), units.per_class[draw.label])
            for draw in draws
        },
        per_slice={
            name: _slice_estimate(each, of_slice, resamples)
            for name, each, of_slice in zip(parts, data[1:], of_slices, strict=True)
        },
    )


def _joined(blocks: Sequence[list[ClassDraws]]) -> list[ClassDraws]:
    # The same classes in further resamples.
    if len(blocks) == 1:
        return blocks[0]
    return [
        ClassDraws(
            draws[0].label,
            np.concatenate([draw.num_truth for draw in draws]),
            np.concatenate([draw.ap for draw in draws], axis=1),
        )
        for draws in zip(*blocks)
    ]


def _slice_estimate(data: _Data, draws: list[ClassDraws], resamples: int) -> DeltaEstimate:
    units = independent_units(data.models[0], data.unit_of, data.area)
    return _mean_estimate(_map_delta(data.metrics, data.area), draws, units, resamples)


def _mean_estimate(value: float, draws: Iterable[ClassDraws], units: Independence, resamples: int) -> DeltaEstimate:
    # Of the mean over the classes that have ground truth in a draw.
    total, classes = np.zeros((2, resamples))
    of_classes, absent = [], []
    for draw in draws:
        delta = _delta(draw)
        defined = ~np.isnan(delta)
        total += np.where(defined, delta, 0)
        classes += defined
        if defined.any():
            of_classes.append(float(np.mean(delta[defined])))
            absent.append(1 - float(np.mean(defined)))
    deltas = np.divide(total, classes, out=np.full_like(total, np.nan), where=classes > 0)
    return _estimate(value, deltas, units.overall, _unseen_variance(np.array(of_classes), np.array(absent)))


def _unseen_variance(of_classes: np.ndarray, absent: np.ndarray) -> float:
    """What the draws do not show of the variance of a mean over classes some of which are in few units.

    All draws that hold a class of a single unit agree about it. How far it is from the mean of all classes has to do:
    a quarter of the square of that is in the draws already, as a third of them leave the class out. Twice the share
    that leaves it out is also right for 2 and 3 units, by simulation (decision 0007), and next to nothing from 5 on.

    Args:
        of_classes: [c] mean difference of each class.
        absent: [c] share of the draws without it.
    """
    if not len(of_classes):
        return 0.0
    return float(np.sum(2 * absent * (of_classes - of_classes.mean()) ** 2)) / len(of_classes) ** 2


def _estimate(value: float, deltas: np.ndarray, units: Units, unseen_variance: float = 0.0) -> DeltaEstimate:
    defined = deltas[~np.isnan(deltas)]
    std_error = _std_error(value, defined, units.effective, unseen_variance)
    reach = std_error * _quantile_of_t(units.effective) if std_error > 0 else std_error
    return DeltaEstimate(
        value=value,
        lo=float(np.maximum(value - reach, -1.0)),
        hi=float(np.minimum(value + reach, 1.0)),
        std_error=std_error,
        units=units.effective,
        resamples=len(deltas),
        undefined=len(deltas) - len(defined),
    )


def _std_error(value: float, deltas: np.ndarray, units: float, unseen_variance: float) -> float:
    if not deltas.size:
        return np.nan
    if units < MIN_UNITS:
        return np.nan
    variance = float(np.var(deltas)) + unseen_variance
    if value == variance == 0:
        return 0.0
    if variance < _ROUNDING**2:
        # Equal units do not prove that all are so: no more is certain than if there were one more, in which the models
        # do alike.
        return abs(value) / units
    # Draws of n units vary by (n - 1) / n of what n new ones would.
    return math.sqrt(variance * units / (units - 1))


def _map_delta(metrics: _Metrics, area: str) -> float:
    values = [each.coco[_AP_OF_AREA[area]] for each in metrics]
    return np.nan if UNDEFINED in values else values[0] - values[1]


def _quantile_of_t(units: float) -> float:
    from scipy.special import stdtrit  # here, because it takes a tenth of a second

    return float(stdtrit(units - 1, _UPPER))


def _delta(draw: ClassDraws) -> np.ndarray:
    # [resamples]; NaN where a draw has no object of the class
    return np.where(draw.num_truth > 0, draw.ap[0] - draw.ap[1], np.nan)


def _class_delta(metrics: _Metrics, label: int) -> float:
    return metrics[0].per_class_ap[label] - metrics[1].per_class_ap[label]


def _draw_copies(unit_of: np.ndarray, resamples: int, seed: int) -> Iterator[np.ndarray]:
    # [images, b] copies of each image, b resamples at a time.
    count = int(unit_of.max(initial=-1)) + 1
    if not count:
        yield np.zeros((0, resamples), dtype=np.uint8)
        return
    generator, rows = np.random.default_rng(seed), max(1, _CHUNK_DRAWS // count)
    block = max(1, _WEIGHT_BYTES // len(unit_of))
    for begin in range(0, resamples, block):
        size = min(block, resamples - begin)
        copies = np.zeros((count, size), np.uint8)
        for start in range(0, size, rows):
            drawn = narrowest(_draw(generator, min(rows, size - start), count))
            copies = copies.astype(np.promote_types(copies.dtype, drawn.dtype), copy=False)
            copies[:, start : start + rows] = drawn.T
        yield copies if count == len(unit_of) and np.all(unit_of[1:] > unit_of[:-1]) else copies[unit_of]


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
