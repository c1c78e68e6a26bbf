"""TFDV's distances of a span, beside what chance reaches and how far the values moved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from components.data_gate import drift
from components.data_gate.embedding import embedding_distance
from components.data_gate.tfdv_files import Measurement, Statistics, distribution
from schemas.artifacts.data_evidence import DRIFT, EMBEDDING, Comparison, Distribution
from schemas.data import features
from schemas.data.feature_sample import FeatureSample

_MOST_EXTREME = 12
_BUCKETS = 10


@dataclass(frozen=True)
class Side:
    """One of two data sets that are compared.

    Attributes:
        images: how many images the statistics are of.
        statistics: TFDV's.
        sample: figures of single images, all of them or a sample.
        with_boxes: images with boxes that are compared; None for all.
    """

    images: int
    statistics: Statistics
    sample: FeatureSample
    with_boxes: int | None = None


def feature_comparisons(
    measurements: Sequence[Measurement], kind: str, other: Side, span: Side, world: FeatureSample
) -> list[Comparison]:
    """Completes TFDV's measurements of one kind.

    Args:
        measurements: of any kind.
        kind: DRIFT or SKEW.
        other: what the span was compared with.
        span: the span.
        world: images that belong together, from which chance is drawn.
    """
    return [_comparison(measurement, other, span, world) for measurement in measurements if measurement.kind == kind]


def _comparison(measurement: Measurement, other: Side, span: Side, world: FeatureSample) -> Comparison:
    feature = measurement.feature
    of_boxes = feature in world.objects or feature == features.BOX_CLASS
    known = feature in world.images or of_boxes
    size = span.images if span.with_boxes is None or not of_boxes else span.with_boxes
    noise = drift.noise(world, feature, other.images, size) if known else _noise_of_shares(other, span)
    moved = None
    if feature in world.images or feature in world.objects:
        moved = drift.movement(feature, _values(other.sample, feature), _values(span.sample, feature))
    return Comparison(
        kind=measurement.kind,
        feature=feature,
        measure=measurement.measure,
        distance=_distance(measurement, other, span),
        limit=max(measurement.threshold, noise),
        noise=noise,
        other=distribution(other.statistics, feature),
        span=distribution(span.statistics, feature),
        effect_size=moved,
    )


def _distance(measurement: Measurement, other: Side, span: Side) -> float:
    """TFDV's, but for whole numbers, which its equal buckets cut in other places on each side."""
    feature = measurement.feature
    if feature not in drift.COUNTS or not len(other.sample) or not len(span.sample):
        return measurement.distance
    return drift.jensen_shannon_of_counts(_values(other.sample, feature), _values(span.sample, feature))


def _noise_of_shares(other: Side, span: Side) -> float:
    # Three standard errors of the difference of two shares of one half, which vary most.
    return 3 * 0.5 * (1 / max(1, other.images) + 1 / max(1, span.images)) ** 0.5


def _values(sample: FeatureSample, feature: str) -> np.ndarray:
    return sample.images[feature] if feature in sample.images else sample.objects.get(feature, np.empty(0))


def embedding_comparison(training: np.ndarray, span: np.ndarray, limit: float) -> Comparison:
    """The span beside the training data as the served model's backbone sees them.

    Args:
        training: [n, d] embeddings.
        span: [m, d] of the same model.
        limit: of the distance, beyond what the training data reaches against itself.
    """
    measured = embedding_distance(training, span)
    return Comparison(
        kind=DRIFT,
        feature=EMBEDDING,
        measure="energy distance",
        distance=measured.distance,
        limit=measured.noise + limit,
        noise=measured.noise,
        other=_distribution(measured.training_scores),
        span=_distribution(measured.span_scores),
        effect_size=measured.moved,
    )


def _distribution(values: np.ndarray) -> Distribution:
    counts, edges = np.histogram(values, _BUCKETS)
    return Distribution(
        shares=tuple((counts / max(1, counts.sum())).tolist()),
        edges=tuple(edges.tolist()),
        values=len(values),
        median=float(np.median(values)),
    )


def most_extreme(comparison: Comparison, sample: FeatureSample) -> list[int]:
    """Rows of the images of the span that moved farthest in the direction in which its median moved."""
    feature = comparison.feature
    if comparison.span.median is None or comparison.other.median is None:
        return []
    sign = 1 if comparison.span.median > comparison.other.median else -1
    if feature in sample.images:
        return np.argsort(-sign * sample.images[feature], kind="stable")[:_MOST_EXTREME].tolist()
    if feature in sample.objects:
        owner = np.repeat(np.arange(len(sample)), sample.box_counts)
        order = owner[np.argsort(-sign * sample.objects[feature], kind="stable")]
        return list(dict.fromkeys(order.tolist()))[:_MOST_EXTREME]
    return []
