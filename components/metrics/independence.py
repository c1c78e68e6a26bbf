"""How many independent units stand behind a figure: images, or groups of images that go up and down together.

A few large units among many small ones decide a figure alone, so units are weighed by what they contribute: with s the
share of each, the effective number is 1 / sum of s squared (Kish, Survey Sampling, 1965). It is the plain number where
all contribute alike.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ratchet.components.metrics.coco_rules import AREA_NAMES
from ratchet.components.metrics.match_table import MatchTable


@dataclass(frozen=True)
class Units:
    """The independent units that hold the objects of a class, a slice or a data set.

    Attributes:
        count: units with an object that counts.
        effective: how many units of equal weight would tell as much; 0 without an object.
    """

    count: int
    effective: float


@dataclass(frozen=True)
class Independence:
    """The units behind every figure of a table.

    Attributes:
        overall: of mAP, to which every class contributes alike.
        per_class: of AP, by label; every label with objects that count.
    """

    overall: Units
    per_class: dict[int, Units]


def independent_units(table: MatchTable, groups: np.ndarray | None = None, area: str = "all") -> Independence:
    """Counts the independent units.

    Args:
        table: matches of i images.
        groups: [i] int, 0 or more, equal for images that are not independent; None if all are.
        area: one of AREA_NAMES; objects of other sizes do not count.
    """
    counts = table.truth["valid"] >> AREA_NAMES.index(area) & 1 == 1
    unit_of = np.arange(len(table.image_ids)) if groups is None else groups
    total, per_class = np.zeros(int(unit_of.max(initial=-1)) + 1), {}
    for label in np.unique(table.truth["label"][counts]).tolist():
        rows = table.truth_rows(label)
        objects = np.bincount(unit_of[table.truth_image[rows][counts[rows]]], minlength=len(total))
        shares = objects / objects.sum()
        per_class[label] = _units(shares)
        total += shares
    return Independence(_units(total), per_class)


def _units(contributed: np.ndarray) -> Units:
    squares = float(np.sum(np.square(contributed, dtype=np.float64)))
    return Units(int(np.count_nonzero(contributed)), float(contributed.sum()) ** 2 / squares if squares else 0.0)
