"""Is the golden set like the data that the served model was trained on, and like the traffic that it sees? Pure.

Evidence, and no rule: a golden set is allowed to be unlike the training data, but then it is a reason for which mAP may
have fallen. It is compared as a span is, by its sample of images alone, because nobody makes statistics of it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from ratchet.components.data_gate.drift_rules import strength
from ratchet.components.data_gate.references import (
    Lineage,
    Reference,
    Span,
    compared_with,
    distribution_of_values,
    nearest,
    values_of,
    with_moves,
)
from ratchet.components.data_gate.settings import DataGateSettings
from ratchet.schemas.artifacts.data_evidence import EMBEDDING, GOLDEN, GOLDEN_SERVING, Comparison, Distribution
from ratchet.schemas.data import features
from ratchet.schemas.data.feature_sample import FeatureSample

TRAFFIC = "requests"
_JENSEN_SHANNON, _L_INFINITY, _ENERGY = "jensen shannon divergence", "l infty", "energy distance"


def of_golden_set(sample: FeatureSample, class_names: Sequence[str], known: Sequence[str]) -> Span:
    """The golden set as something that is compared.

    Args:
        sample: of its images.
        class_names: of its labels.
        known: the classes that the served model knows; boxes of others are not compared.
    """
    keep = np.isin(sample.labels, [label for label, name in enumerate(class_names, start=1) if name in known])
    owner = np.repeat(np.arange(len(sample)), sample.box_counts)
    sample = dataclasses.replace(
        sample,
        objects={key: values[keep] for key, values in sample.objects.items()},
        labels=sample.labels[keep],
        box_counts=np.bincount(owner[keep], minlength=len(sample)),
    )
    with_boxes = float(np.mean(sample.box_counts > 0)) if len(sample) and not keep.all() else 1.0
    classes = {features.BOX_CLASS: _classes(sample.labels, class_names)}
    return Span(len(sample), sample, sample.embeddings, classes, with_boxes)


def _classes(labels: np.ndarray, names: Sequence[str]) -> Distribution:
    counts = np.bincount(labels, minlength=len(names) + 1)[1:]
    shown = sorted(((int(count), name) for count, name in zip(counts, names) if count), key=lambda each: -each[0])
    shares = tuple(count / int(counts.sum()) for count, _ in shown)
    return Distribution(shares, categories=tuple(name for _, name in shown), values=int(counts.sum()))


def beside_training(
    golden: Span, lineage: Lineage, thresholds: Mapping[str, float], settings: DataGateSettings
) -> list[Comparison]:
    """The golden set beside the nearest of what the served model was trained on.

    Args:
        golden: the golden set.
        lineage: the spans that the model was trained on.
        thresholds: distance that passes in any case, of each feature that is compared.
        settings: how many images it takes, and what counts as an effect.

    Returns:
        Nothing if there are too few images on either side.
    """
    newest, others = lineage.newest, lineage.others(settings.min_examples)
    if min(len(golden.sample), len(newest.sample)) < settings.min_examples:
        return []
    found = []
    for comparison in _beside(GOLDEN, golden, newest, thresholds):
        least = nearest(
            comparison, thresholds[comparison.feature], others, golden, lambda each: strength(each, settings)
        )
        found.append(with_moves(dataclasses.replace(least, kind=GOLDEN), lineage, golden))
    return found


def beside_traffic(
    golden: Span, log: FeatureSample, thresholds: Mapping[str, float], settings: DataGateSettings
) -> list[Comparison]:
    """The golden set beside logged requests; nothing if there are too few images on either side."""
    if min(len(golden.sample), len(log)) < settings.min_examples:
        return []
    return _beside(GOLDEN_SERVING, golden, Reference(TRAFFIC, len(log), log), thresholds)


def _beside(kind: str, golden: Span, other: Reference, thresholds: Mapping[str, float]) -> list[Comparison]:
    compared = []
    for feature, threshold in thresholds.items():
        empty = _empty(kind, feature, golden)
        comparison = compared_with(empty, threshold, other, golden) if empty else None
        if comparison is not None:
            compared.append(dataclasses.replace(comparison, kind=kind))
    return compared


def _empty(kind: str, feature: str, golden: Span) -> Comparison | None:
    # To be filled in by `compared_with`; None for what a sample does not tell.
    if feature == EMBEDDING:
        here, measure = Distribution(()), _ENERGY
    elif feature == features.BOX_CLASS:
        here, measure = golden.distributions[feature], _L_INFINITY
    else:
        here, measure = distribution_of_values(values_of(golden.sample, feature)), _JENSEN_SHANNON
    if feature != EMBEDDING and not here.shares:
        return None
    return Comparison(kind, feature, measure, 0.0, 0.0, 0.0, Distribution(()), here)
