"""Two data sets feature by feature, as the data gate compares a span with what the served model was trained on; pure.

TFDV compares all images of a split; here the figures of at most `MOST_COMPARED` of them are, with the gate's own
measure on samples. Classes, sizes and attributes are counted in all images on both.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ratchet.components.data_gate.coping import Coping
from ratchet.components.data_gate.drift_rules import drift_reason, lineage_reason, most_extreme, strength, too_few
from ratchet.components.data_gate.entangled import of_their_own
from ratchet.components.data_gate.golden_set import beside_training, of_golden_set
from ratchet.components.data_gate.new_classes import NewClasses, beside_new_classes, boxes_of
from ratchet.components.data_gate.part_drift import drift_in_parts, drift_located
from ratchet.components.data_gate.parts import Part, parts_of
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
from ratchet.components.detector.detections import renumbering
from ratchet.pipeline.explain.data_sets import ReadDataSet, image_sizes, objects_of_classes
from ratchet.pipeline.explain.drift_limits import DRIFT_LIMITS, SOURCE_LIMIT, is_category
from ratchet.schemas.artifacts.data_evidence import DRIFT, Comparison, Distribution
from ratchet.schemas.artifacts.decisions import Reason
from ratchet.schemas.data import features
from ratchet.schemas.data.feature_sample import FeatureSample
from ratchet.schemas.data.records import attribute_columns

_JENSEN_SHANNON, _L_INFINITY = "jensen shannon divergence", "l infty"
_SIZES = (features.IMAGE_WIDTH, features.IMAGE_HEIGHT)

CopesIn = Callable[[np.ndarray, int], Coping | None]


@dataclass(frozen=True, eq=False)
class Judged:
    """How a model does on those images of `compared` that it was shown.

    Attributes:
        rows: [k] places in `compared`, ascending.
        coping: how it does in all of them; None: nobody knows.
        copes_in: the same of some of them, [k] bool, beside how many other parts.
    """

    rows: np.ndarray
    coping: Coping | None
    copes_in: CopesIn


@dataclass(frozen=True)
class Compared:
    """What was compared, and a rule for each where there is one."""

    comparisons: tuple[Comparison, ...] = ()
    reasons: tuple[Reason, ...] = ()


def compare_training(
    before: ReadDataSet,
    after: ReadDataSet,
    settings: DataGateSettings,
    earlier: Sequence[ReadDataSet] = (),
    judged: Judged | None = None,
) -> Compared:
    """The training data after beside that before.

    Args:
        before: what the model before was trained on last.
        after: what the model after was trained on.
        settings: the gate's.
        earlier: what the model before was trained on before that, the first one first.
        judged: how the model before does in the data after.
    """
    fewest = settings.min_examples
    if min(len(before.sample), len(after.sample)) < fewest:
        return Compared((), (too_few(DRIFT, len(after.sample), len(before.sample), fewest),))
    new = NewClasses.of(after.class_names, before.class_names).new
    limits, lineage = _limits(before, after), _lineage(before, earlier)
    span = _span(after, before.class_names)
    others = lineage.others(fewest)

    def compared(feature: str) -> Comparison | None:
        empty = _empty(feature, span)
        newest = compared_with(empty, limits[feature], lineage.newest, span) if empty else None
        if newest is None:
            return None
        least = nearest(newest, limits[feature], others, span, lambda each: strength(each, settings))
        return dataclasses.replace(with_moves(least, lineage, span), allowed=settings.minimum_effect_of(feature))

    comparisons = tuple(found for feature in limits if (found := compared(feature)) is not None)
    names = [record.file_name for record in after.compared]

    def reason(each: Comparison) -> Reason:
        worst = tuple(names[row] for row in most_extreme(each, span.sample))
        return drift_reason(each, settings, worst, judged and judged.coping)

    reasons = of_their_own([reason(each) for each in comparisons], comparisons)
    reasons = [beside_new_classes(each, new, are_apart=False) for each in reasons]
    reasons += lineage_reason(comparisons, settings, judged and judged.coping)
    located = drift_located(reasons, _parts(after), after.sample, lineage, comparisons, limits, settings)
    in_parts = _in_parts(after, lineage, comparisons, limits, settings, judged) if judged and not new else []
    return Compared(comparisons, (*located, *in_parts))


def compare_golden(
    golden: ReadDataSet, before: ReadDataSet, settings: DataGateSettings, earlier: Sequence[ReadDataSet] = ()
) -> tuple[Comparison, ...]:
    """The golden set beside the training data before; there is no rule about it."""
    known = of_golden_set(golden.sample, golden.class_names, before.class_names)
    return tuple(beside_training(known, _lineage(before, earlier), DRIFT_LIMITS, settings))


def _limits(before: ReadDataSet, after: ReadDataSet) -> dict[str, float]:
    sources = {
        name: SOURCE_LIMIT
        for name in sorted(_attributes(before).keys() & _attributes(after).keys())
        if is_category(_attributes(before)[name], len(before.records))
    }
    return DRIFT_LIMITS | {features.SOURCE_PREFIX + name: limit for name, limit in sources.items()}


def _lineage(before: ReadDataSet, earlier: Sequence[ReadDataSet]) -> Lineage:
    return Lineage(tuple(_reference(data, before.class_names) for data in (*earlier, before)))


def _reference(data: ReadDataSet, names: Sequence[str]) -> Reference:
    labels = renumbering(data.class_names, names)[data.sample.labels]
    sample = dataclasses.replace(data.sample, labels=labels)
    if (labels == 0).any():
        sample = boxes_of(sample, range(1, len(names) + 1))
    return Reference(data.title, len(data.records), sample, _distributions(data, names))


def _span(data: ReadDataSet, names: Sequence[str]) -> Span:
    """Without the boxes of classes that the model before does not know."""
    reference = _reference(data, names)
    sample = reference.sample
    are_all = len(sample.labels) == len(data.sample.labels)
    with_boxes = 1.0 if are_all else float(np.mean(sample.box_counts > 0))
    return Span(reference.images, sample, sample.embeddings, reference.distributions, with_boxes)


def _distributions(data: ReadDataSet, names: Sequence[str]) -> dict[str, Distribution]:
    sizes = np.array([size for size, count in image_sizes(data).items() for _ in range(count)], np.float64)
    found = {feature: distribution_of_values(sizes[:, column]) for column, feature in enumerate(_SIZES)}
    objects = objects_of_classes(data)
    found[features.BOX_CLASS] = _categories({name: count for name, count in objects.items() if name in names})
    for name, values in _attributes(data).items():
        found[features.SOURCE_PREFIX + name] = _categories(Counter(value for value in values if value))
    return found


def _attributes(data: ReadDataSet) -> dict[str, list[str]]:
    columns = attribute_columns([record.attributes for record in data.records])
    return {name: column.tolist() for name, column in columns.items()}


def _categories(counts: Mapping[str, int]) -> Distribution:
    shown = sorted(((count, name) for name, count in counts.items() if count), key=lambda each: (-each[0], each[1]))
    total = sum(count for count, _ in shown)
    shares = tuple(count / total for count, _ in shown)
    return Distribution(shares, categories=tuple(name for _, name in shown), values=total)


def _empty(feature: str, span: Span) -> Comparison | None:
    """To be filled in by `compared_with`; None for what the data does not tell."""
    known = span.distributions.get(feature) or distribution_of_values(values_of(span.sample, feature))
    if not known.shares:
        return None
    measure = _L_INFINITY if known.categories else _JENSEN_SHANNON
    return Comparison(DRIFT, feature, measure, 0.0, 0.0, 0.0, Distribution(()), known)


def _parts(data: ReadDataSet, rows: Iterable[int] | None = None) -> tuple[Part, ...]:
    records = list(data.compared) if rows is None else [data.compared[row] for row in rows]
    names, attributes = [record.file_name for record in records], [record.attributes for record in records]
    return parts_of(names, attributes, np.empty((len(records), 0)))


def _in_parts(
    after: ReadDataSet,
    lineage: Lineage,
    comparisons: Sequence[Comparison],
    limits: Mapping[str, float],
    settings: DataGateSettings,
    judged: Judged,
) -> list[Reason]:
    sample: FeatureSample = after.sample.rows(judged.rows)
    parts = _parts(after, judged.rows.tolist())
    return drift_in_parts(parts, sample, lineage, comparisons, limits, settings, judged.copes_in)
