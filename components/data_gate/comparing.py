"""What TFDV says of a span's statistics, its distances beside what chance reaches, and how large the effect is."""

# pyright: reportAttributeAccessIssue=false
# (protobuf's classes are made when their module is imported)

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
import tensorflow_data_validation as tfdv
from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2, statistics_pb2

from ratchet.components.data_gate import drift
from ratchet.components.data_gate.references import most_frequent, noise_of_shares, values_of
from ratchet.components.data_gate.rules import Anomaly
from ratchet.components.stack.beam_pipelines import plain_options, run_as_step
from ratchet.schemas.artifacts.data_evidence import DRIFT, SKEW, Comparison, Distribution
from ratchet.schemas.data import features
from ratchet.schemas.data.feature_sample import FeatureSample

TRAINING_ENVIRONMENT, SERVING_ENVIRONMENT = "TRAINING", "SERVING"
Statistics: TypeAlias = statistics_pb2.DatasetFeatureStatisticsList


@dataclass(frozen=True)
class Measurement:
    """A distance that TFDV measured; `threshold` is the schema's."""

    kind: str
    feature: str
    measure: str
    distance: float
    threshold: float


@dataclass(frozen=True)
class Validated:
    """TFDV's findings; `proto` is its own form of them."""

    proto: anomalies_pb2.Anomalies
    anomalies: tuple[Anomaly, ...]
    measurements: tuple[Measurement, ...]


def validate(
    span: Statistics, schema: schema_pb2.Schema, baseline: Statistics | None, serving: Statistics | None
) -> Validated:
    """Validates a span's statistics against schema, training data of the served model, and served traffic.

    Args:
        span: statistics of its training images.
        schema: the curated schema.
        baseline: statistics of what the served model was trained on.
        serving: statistics of logged requests.
    """
    found = tfdv.validate_statistics(
        span,
        schema,
        environment=TRAINING_ENVIRONMENT,
        previous_statistics=baseline,
        serving_statistics=serving,
    )
    return Validated(found, tuple(_anomalies(found)), tuple(_measurements(found)))


def _anomalies(found: anomalies_pb2.Anomalies) -> list[Anomaly]:
    # Distances are judged by our own rules; only what breaks the schema itself remains.
    distances = {
        anomalies_pb2.AnomalyInfo.COMPARATOR_L_INFTY_HIGH,
        anomalies_pb2.AnomalyInfo.COMPARATOR_JENSEN_SHANNON_DIVERGENCE_HIGH,
        anomalies_pb2.AnomalyInfo.COMPARATOR_CONTROL_DATA_MISSING,
        anomalies_pb2.AnomalyInfo.COMPARATOR_TREATMENT_DATA_MISSING,
    }
    anomalies = []
    for feature, info in sorted(found.anomaly_info.items()):
        reasons = [reason.description for reason in info.reason if reason.type not in distances]
        if reasons:
            anomalies.append(Anomaly(feature, " ".join(reasons)))
    return anomalies


def _measurements(found: anomalies_pb2.Anomalies) -> list[Measurement]:
    name = anomalies_pb2.DriftSkewInfo.Measurement.Type.Name
    return [
        Measurement(
            kind,
            "/".join(info.path.step),
            name(measurement.type).replace("_", " ").lower(),
            measurement.value,
            measurement.threshold,
        )
        for info in found.drift_skew_info
        for kind, measurements in ((DRIFT, info.drift_measurements), (SKEW, info.skew_measurements))
        for measurement in measurements
    ]


def statistics_of(columns: Mapping[str, np.ndarray]) -> Statistics:
    """Statistics of plain columns, one value a row."""
    return tfdv.generate_statistics_from_dataframe(pd.DataFrame({key: list(column) for key, column in columns.items()}))


def of_classes(statistics: Statistics, names: Collection[str]) -> Statistics:
    """The same statistics with only some classes in the distribution of the boxes' classes."""
    result = Statistics.FromString(statistics.SerializeToString())
    [dataset] = result.datasets
    for entry in dataset.features:
        if "/".join(entry.path.step) == features.BOX_CLASS:
            buckets = entry.string_stats.rank_histogram.buckets
            kept = [bucket for bucket in buckets if bucket.label in names]
            del buckets[:]
            buckets.extend(kept)
    return result


def span_statistics(files: str, schema: schema_pb2.Schema, beam_args: Sequence[str]) -> Statistics:
    """Statistics of tf.Examples as the pipeline's StatisticsGen makes them: of the schema's features alone.

    Args:
        files: pattern of the TFRecord files.
        schema: the curated schema.
        beam_args: options of Beam's runner, with the time limit.
    """
    options = tfdv.StatsOptions(schema=schema, feature_allowlist=[feature.name for feature in schema.feature])
    found: list[Statistics] = []

    def compute() -> None:
        found.append(
            tfdv.generate_statistics_from_tfrecord(
                files, stats_options=options, pipeline_options=plain_options(beam_args)
            )
        )

    run_as_step(compute, beam_args, "statistics")
    return found[0]


def distribution_of(statistics: Statistics, feature: str) -> Distribution:
    """How a feature is distributed; empty for one that is not there."""
    [dataset] = statistics.datasets
    for entry in dataset.features:
        if "/".join(entry.path.step) == feature:
            return _numbers(entry.num_stats) if entry.HasField("num_stats") else _categories(entry.string_stats)
    return Distribution(())


def distributions(statistics: Statistics) -> dict[str, Distribution]:
    """How each feature is distributed."""
    [dataset] = statistics.datasets
    names = ["/".join(entry.path.step) for entry in dataset.features]
    return {name: distribution_of(statistics, name) for name in names}


def _numbers(stats: Any) -> Distribution:
    histograms = [each for each in stats.histograms if each.type == statistics_pb2.Histogram.STANDARD]
    buckets = list(histograms[0].buckets) if histograms else []
    total = sum(bucket.sample_count for bucket in buckets) or 1.0
    return Distribution(
        shares=tuple(bucket.sample_count / total for bucket in buckets),
        edges=tuple([bucket.low_value for bucket in buckets[:1]] + [bucket.high_value for bucket in buckets]),
        values=int(stats.common_stats.tot_num_values),
        median=float(stats.median),
    )


def _categories(stats: Any) -> Distribution:
    buckets = list(stats.rank_histogram.buckets)
    total = sum(bucket.sample_count for bucket in buckets) or 1.0
    return Distribution(
        shares=tuple(bucket.sample_count / total for bucket in buckets),
        categories=tuple(bucket.label for bucket in buckets),
        values=int(total),
    )


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
    noise = drift.noise(world, feature, other.images, size) if known else noise_of_shares(other.images, span.images)
    effect = None
    if feature in world.images or feature in world.objects:
        effect = drift.effect_size(feature, values_of(other.sample, feature), values_of(span.sample, feature))
    return Comparison(
        kind=measurement.kind,
        feature=feature,
        measure=measurement.measure,
        distance=_distance(measurement, other, span),
        limit=max(measurement.threshold, noise),
        noise=noise,
        other=most_frequent(distribution_of(other.statistics, feature)),
        span=most_frequent(distribution_of(span.statistics, feature)),
        effect_size=effect,
    )


def _distance(measurement: Measurement, other: Side, span: Side) -> float:
    """TFDV's, but for whole numbers and for hues, which its equal buckets cut in other places on each side."""
    distance = drift.OWN_DISTANCES.get(measurement.feature)
    if distance is None or not len(other.sample) or not len(span.sample):
        return measurement.distance
    return distance(values_of(other.sample, measurement.feature), values_of(span.sample, measurement.feature))
