"""How far natural spans are from each other, feature by feature: what limits of drift are chosen from."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

import numpy as np

from ratchet.components.data_gate.drift import effect_size
from ratchet.components.data_gate.embeddings import embedding_distance
from ratchet.schemas.artifacts.data_evidence import EMBEDDING
from ratchet.schemas.data.feature_sample import FeatureSample


def distances(samples: Mapping[str, FeatureSample], whole_sets: frozenset[str]) -> dict[str, list[float]]:
    """Effect sizes between every two samples that have no image in common.

    Args:
        samples: by the name of the span, or of its part: `span-2, part 1 of 2`.
        whole_sets: names of what is not a part of another.

    Returns:
        By feature, in its own unit (`drift.effect_size`); `embedding`: the energy coefficient beyond what halves of the
        first one reach against each other.
    """
    found: dict[str, list[float]] = {}
    for (name, one), (other_name, other) in itertools.combinations(samples.items(), 2):
        if not _apart(name, other_name, whole_sets):
            continue
        for feature, values in {**one.images, **one.objects}.items():
            theirs = other.images.get(feature, other.objects.get(feature, np.empty(0)))
            found.setdefault(feature, []).append(effect_size(feature, values, theirs))
        if one.embeddings.shape[1] and min(len(one), len(other)) > 1:
            seen = embedding_distance(one.embeddings, other.embeddings)
            found.setdefault(EMBEDDING, []).append(max(0.0, seen.distance - seen.noise))
    return found


def _apart(name: str, other: str, whole_sets: frozenset[str]) -> bool:
    """Two whole spans, or two parts of equal size of one span."""
    if name in whole_sets and other in whole_sets:
        return True
    (span, _, part), (other_span, _, other_part) = name.partition(", part "), other.partition(", part ")
    return bool(part and other_part) and span == other_span and part.split()[-1] == other_part.split()[-1]


def distance_table(found: Mapping[str, list[float]]) -> str:
    """Median, 90th percentile and the largest, a line a feature."""
    lines = ["| natural spans are apart in | pairs | median | 90 % | most |", "|---|---|---|---|---|"]
    for feature, values in found.items():
        middle, most = np.quantile(values, [0.5, 0.9])
        lines.append(f"| {feature} | {len(values)} | {middle:.3f} | {most:.3f} | {max(values):.3f} |")
    return "\n".join(lines)
