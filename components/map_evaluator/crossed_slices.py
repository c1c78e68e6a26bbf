"""AP of a class within an object size or attribute value, for the report; no rule decides by it; pure.

Few objects are in each of these, and no interval is estimated: they show where a fall of a class comes from.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ratchet.components.map_evaluator.matches import DataSetMatches
from ratchet.components.map_evaluator.scoring import slices_of
from ratchet.components.metrics.average_precision import detection_metrics
from ratchet.components.metrics.coco_rules import AREA_NAMES
from ratchet.components.metrics.match_table import MatchTable
from ratchet.schemas.artifacts.evaluation import BASELINE, CANDIDATE, Support

_MOST = 3_000  # pairs of a class and a value; an attribute with more of them tells images apart, not kinds of them


@dataclass(frozen=True)
class CrossedSlice:
    """A class within a slice.

    Attributes:
        class_name: the class.
        slice_name: the slice, such as `object_size=small`.
        aps: AP of each model; -1 for a class that the model does not know.
        support: its ground truth; never none.
    """

    class_name: str
    slice_name: str
    aps: Mapping[str, float]
    support: Support


def crossed_slices(
    matches: DataSetMatches, class_names: Sequence[str], slice_by: tuple[str, ...], known: Sequence[str] | None = None
) -> list[CrossedSlice]:
    """Every class within every slice that has objects of it.

    Args:
        matches: what the models hit.
        class_names: in label order, 1..K.
        slice_by: attributes of images, as for `slices_of`; one with too many values is left out.
        known: the classes that the baseline knows; None for all.

    Returns:
        Object sizes first, then attribute values; each by class.
    """
    tables = {model: matches.tables[model] for model in (CANDIDATE, BASELINE) if model in matches.tables}
    whole = _Within.of(tables, class_names)
    found = [part for area in AREA_NAMES[1:] for part in whole.parts(f"object_size={area}", AREA_NAMES.index(area))]
    for attribute in slice_by:
        slices = slices_of(matches.attributes, (attribute,))
        images = {name: part.images for name, part in slices.items() if part.images is not None}
        if _pairs(tables[CANDIDATE], list(images.values())) <= _MOST:
            for name, keep in images.items():
                within = {model: table.of_images(keep) for model, table in tables.items()}
                found += _Within.of(within, class_names).parts(name)
    return [_as_known(part, known) for part in found]


def _pairs(table: MatchTable, parts: Sequence[np.ndarray]) -> int:
    """How many pairs of class and value have objects."""
    return sum(len(np.unique(table.truth["label"][keep[table.truth_image]])) for keep in parts)


@dataclass(frozen=True, eq=False)
class _Within:
    """Some images: their objects, and precision of each model, [10 IoU, 101 recall points, classes, 4 areas]."""

    table: MatchTable
    class_names: Sequence[str]
    precision: Mapping[str, np.ndarray]

    @classmethod
    def of(cls, tables: Mapping[str, MatchTable], class_names: Sequence[str]) -> _Within:
        figures = {model: detection_metrics(table, len(class_names)).precision for model, table in tables.items()}
        return cls(tables[CANDIDATE], class_names, figures)

    def parts(self, slice_name: str, area: int = 0) -> Iterator[CrossedSlice]:
        """A part for every class with objects, of all sizes or of one."""
        counts = self.table.truth["valid"] >> area & 1 == 1
        labels, images = self.table.truth["label"][counts], self.table.truth_image[counts]
        for label in map(int, np.unique(labels)):
            inside = labels == label
            support = Support(int(np.count_nonzero(inside)), len(np.unique(images[inside])))
            aps = {model: float(np.mean(values[:, :, label - 1, area])) for model, values in self.precision.items()}
            yield CrossedSlice(self.class_names[label - 1], slice_name, aps, support)


def _as_known(part: CrossedSlice, known: Sequence[str] | None) -> CrossedSlice:
    if known is None or part.class_name in known or BASELINE not in part.aps:
        return part
    return CrossedSlice(part.class_name, part.slice_name, {**part.aps, BASELINE: -1.0}, part.support)
