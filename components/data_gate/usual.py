"""Which images are usual in a feature, to be shown beside those that are not, and what the feature is in each; pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from ratchet.components.pages.features import axis, short_title
from ratchet.schemas.artifacts.data_evidence import EMBEDDING, Comparison
from ratchet.schemas.data import features
from ratchet.schemas.data.feature_sample import FeatureSample
from ratchet.schemas.data.records import ImageRecord


def usual_rows(comparison: Comparison, sample: FeatureSample, training: np.ndarray, most: int) -> list[int]:
    """The images of a sample that are nearest to the middle of what a span was compared with.

    Args:
        comparison: the feature and its median there.
        sample: images to choose from.
        training: [t, d] embeddings of the served model's training images, for what no figure says.
        most: how many.

    Returns:
        Their rows, the nearest first; none for categories, and where the sample lacks the feature.
    """
    if comparison.feature == EMBEDDING:
        if not len(training) or sample.embeddings.shape != (len(sample), training.shape[1]):
            return []
        away = np.linalg.norm(sample.embeddings - training.mean(axis=0), axis=1)
    else:
        values = _per_image(comparison.feature, sample)
        if comparison.other.median is None or values is None:
            return []
        away = np.abs(values - comparison.other.median)
    order = np.argsort(away, kind="stable")
    return [row for row in order.tolist() if np.isfinite(away[row])][:most]


def labelled_alike(
    records: Sequence[ImageRecord], class_names: Sequence[str], wanted: Collection[str], most: int
) -> list[int]:
    """The images that show most of some classes, of equal ones the first; none without a label of these.

    Args:
        records: to choose from.
        class_names: of their labels, in label order.
        wanted: the classes.
        most: how many.
    """
    shown = [len({class_names[label - 1] for label in record.truth.labels} & set(wanted)) for record in records]
    return sorted((row for row, count in enumerate(shown) if count), key=lambda row: -shown[row])[:most]


def figures_of(feature: str, sample: FeatureSample) -> list[str]:
    """What the feature is in each image, `brightness 61`; empty texts where no figure tells a person anything."""
    values = _per_image(feature, sample)
    if values is None or feature == features.QA_SHARPNESS:
        return [""] * len(sample)
    title, units = short_title(feature), axis(feature)
    return [f"{title} {units.text(float(value))}" if np.isfinite(value) else "" for value in values]


def _per_image(feature: str, sample: FeatureSample) -> np.ndarray | None:
    """[n] values; of a feature of boxes the median of each image, NaN without boxes."""
    if feature in sample.images and len(sample.images[feature]) == len(sample):
        return np.asarray(sample.images[feature], np.float64)
    if feature not in sample.objects:
        return None
    parts = np.split(sample.objects[feature], np.cumsum(sample.box_counts)[:-1])
    return np.array([np.median(part) if len(part) else np.nan for part in parts])
