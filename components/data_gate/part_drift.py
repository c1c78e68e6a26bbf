"""Images of a part of a span that drifted, and with which the served model does not cope; pure.

One camera of four that went out of focus moves no median of the span. That a part differs is no fault: sites and
times of day do. So it is one only where the model finds less there as well.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from ratchet.components.data_gate.coping import Coping
from ratchet.components.data_gate.drift_rules import drift_reason, strength
from ratchet.components.data_gate.entangled import of_their_own
from ratchet.components.data_gate.parts import MOSTLY_IN, Part, of_part
from ratchet.components.data_gate.references import Lineage, Span, compared_with, distribution_of_values, values_of
from ratchet.components.data_gate.settings import DataGateSettings
from ratchet.schemas.artifacts.data_evidence import EMBEDDING, Comparison
from ratchet.schemas.artifacts.decisions import Reason
from ratchet.schemas.data.feature_sample import FeatureSample

Cope = Callable[[np.ndarray, int], Coping | None]  # [i] bool, and of how many parts -> how the model does there


def drift_in_parts(
    parts: Sequence[Part],
    sample: FeatureSample,
    lineage: Lineage,
    whole: Sequence[Comparison],
    thresholds: Mapping[str, float],
    settings: DataGateSettings,
    cope: Cope,
) -> list[Reason]:
    """Features that drifted in a part of a span, where they did not in all of it.

    Args:
        parts: of the span.
        sample: its figures.
        lineage: what the served model was trained on.
        whole: the drifts of the whole span.
        thresholds: distances that pass in any case, by feature.
        settings: minimum effects.
        cope: how the model does in the images of a mask.

    Returns:
        One `part:drift:FEATURE` a feature, of the part where it is farthest beyond what passes.
    """
    asked = [entry for entry in whole if entry.feature != EMBEDDING and settings.minimum_effect_of(entry.feature)]
    asked = [entry for entry in asked if drift_reason(entry, settings).passed]
    found: dict[str, Reason] = {}
    for part in parts:
        coping = cope(part.images, len(parts)) if asked else None
        if coping is None or coping.copes:
            continue
        span = _span_of(part, sample)
        nearest = [_nearest(entry, thresholds[entry.feature], lineage, span, settings) for entry in asked]
        comparisons = [comparison for comparison in nearest if comparison is not None]
        reasons = [drift_reason(comparison, settings, coping=coping) for comparison in comparisons]
        for reason in of_their_own(reasons, comparisons):
            if reason.passed:
                continue
            known = found.get(reason.rule)
            if known is None or (reason.strength or 0.0) > (known.strength or 0.0):
                found[reason.rule] = dataclasses.replace(of_part(part, reason), rule=reason.rule)
    return [dataclasses.replace(reason, rule=f"part:{rule}") for rule, reason in found.items()]


def drift_located(
    reasons: Sequence[Reason],
    parts: Sequence[Part],
    sample: FeatureSample,
    lineage: Lineage,
    whole: Sequence[Comparison],
    thresholds: Mapping[str, float],
    settings: DataGateSettings,
) -> list[Reason]:
    """The same rules; those of features that drifted in a part alone, so far that the whole span breaks them, say so.

    Args:
        reasons: of the whole span.
        parts, sample, lineage, whole, thresholds, settings: see `drift_in_parts`.
    """
    entries = {f"{entry.kind}:{entry.feature}": entry for entry in whole if entry.feature in sample.images}

    def located(reason: Reason) -> Reason:
        entry = entries.get(reason.rule)
        if reason.passed or entry is None:
            return reason

        def far(images: np.ndarray) -> float:
            span = _span_of(Part("", images), sample)
            found = _nearest(entry, thresholds[entry.feature], lineage, span, settings)
            return strength(found, settings) if found is not None else 0.0

        farthest = max(parts, key=lambda part: far(part.images), default=None)
        if farthest is None or far(~farthest.images) * MOSTLY_IN > min(1.0, far(farthest.images)):
            return reason
        return dataclasses.replace(reason, actual=f"only in {farthest.title}: {reason.actual}")

    return [located(reason) for reason in reasons]


def _span_of(part: Part, sample: FeatureSample) -> Span:
    rows = np.flatnonzero(part.images)
    of_part = sample.rows(rows)
    return Span(len(rows), of_part, of_part.embeddings)


def _nearest(
    entry: Comparison, threshold: float, lineage: Lineage, span: Span, settings: DataGateSettings
) -> Comparison | None:
    here = distribution_of_values(values_of(span.sample, entry.feature))
    entry = dataclasses.replace(entry, span=here, moved_before=(), from_first=None)
    known = [lineage.newest, *lineage.others(settings.min_examples)]
    compared = [compared_with(entry, threshold, reference, span) for reference in known]
    shown = [comparison for comparison in compared if comparison is not None]
    return min(shown, key=lambda comparison: strength(comparison, settings)) if shown else None
