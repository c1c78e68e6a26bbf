"""Which image is usual in a feature, to be shown beside one that is not, and what the feature is in each; pure."""

from __future__ import annotations

import numpy as np

from ratchet.components.pages.features import axis, short_title
from ratchet.schemas.artifacts.data_evidence import EMBEDDING, Comparison
from ratchet.schemas.data import features
from ratchet.schemas.data.feature_sample import FeatureSample


def usual_row(comparison: Comparison, sample: FeatureSample, training: np.ndarray) -> int | None:
    """The image of a sample that is nearest to the middle of what a span was compared with.

    Args:
        comparison: the feature and its median there.
        sample: images to choose from.
        training: [t, d] embeddings of the served model's training images, for what no figure says.

    Returns:
        Its row; None for categories, and where the sample lacks the feature.
    """
    if comparison.feature == EMBEDDING:
        if not len(training) or sample.embeddings.shape != (len(sample), training.shape[1]) or not len(sample):
            return None
        away = np.linalg.norm(sample.embeddings - training.mean(axis=0), axis=1)
        return int(np.argmin(away))
    values = _per_image(comparison.feature, sample)
    if comparison.other.median is None or values is None or not np.isfinite(values).any():
        return None
    return int(np.nanargmin(np.abs(values - comparison.other.median)))


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
