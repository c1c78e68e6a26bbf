"""Estimates of classes, slices and groups, each from the draws of the whole."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ratchet.components.metrics.average_precision import detection_metrics
from ratchet.components.metrics.bootstrap import Slice, paired_deltas
from ratchet.components.metrics.independence import independent_units
from ratchet.components.metrics.match_table import MatchTable
from ratchet.components.metrics.resampling import class_draws
from ratchet.components.metrics.weighted_sums import narrowest
from tests.components.metrics.oracle import accumulated, found, truth_of
from tests.components.metrics.test_bootstrap import BOX, drawn_copies, half_found, noisy_pair, weighted_map


def test_per_class_estimates_are_those_of_the_class_alone() -> None:
    new, old, _ = noisy_pair()

    deltas = paired_deltas(new, old, resamples=60, seed=3)

    assert sorted(deltas.per_class) == [1, 2, 3]
    for label, estimate in deltas.per_class.items():
        alone = paired_deltas(only_label(new, label), only_label(old, label), resamples=60, seed=3)
        assert estimate == alone.overall
    assert deltas.overall.value == pytest.approx(np.mean([each.value for each in deltas.per_class.values()]))


def only_label(table: MatchTable, label: int) -> MatchTable:
    """The table without the other classes."""
    rows, truth_rows = table.detections["label"] == label, table.truth["label"] == label
    return MatchTable(
        table.image_ids,
        table.detections[rows],
        table.detection_image[rows],
        table.truth[truth_rows],
        table.truth_image[truth_rows],
    )


def test_a_class_of_crowds_only_has_no_estimate() -> None:
    images = {1: (truth_of((1, *BOX), crowd=True), found((1, 0.9, *BOX))), 2: (truth_of((2, *BOX)), found())}
    table = accumulated(images).table()

    assert list(paired_deltas(table, table, resamples=5).per_class) == [2]


def test_slices_are_estimated_from_the_draws_of_the_whole() -> None:
    new, old, images = noisy_pair()
    first = np.arange(images) < 12
    slices = {"everything": Slice(), "large": Slice("large"), "first": Slice("small", first)}

    deltas = paired_deltas(new, old, resamples=40, seed=6, slices=slices)

    assert deltas.per_slice["everything"] == deltas.overall
    copies = drawn_copies(images, 40, seed=6)
    for name, area, keep in (("large", "large", first | True), ("first", "small", first)):
        weights = narrowest(copies[keep])
        some = [table.of_images(keep) for table in (new, old)]
        mean_ap = np.mean([draw.ap for draw in class_draws(some, weights, area)], axis=0)
        assert deltas.per_slice[name].std_error == pytest.approx(enlarged(mean_ap[0] - mean_ap[1], some[0], area))
        values = [detection_metrics(table).coco["AP" + area[0]] for table in some]
        assert deltas.per_slice[name].value == values[0] - values[1]


def enlarged(deltas: np.ndarray, table: MatchTable, area: str = "all", groups: np.ndarray | None = None) -> float:
    """The standard error from resampled differences, where no resample lacks a class."""
    units = independent_units(table, groups, area).overall.effective
    return float(np.std(deltas)) * math.sqrt(units / (units - 1))


def test_a_slice_without_ground_truth_is_nan() -> None:
    new, old, images = noisy_pair()

    empty = paired_deltas(new, old, 5, slices={"none": Slice(images=np.zeros(images, dtype=bool))}).per_slice["none"]

    assert math.isnan(empty.value)
    assert empty.undefined == 5


def test_a_group_is_drawn_as_a_whole() -> None:
    new, old, images = noisy_pair()
    groups = np.arange(images) % 5 * 10 - 20

    deltas = paired_deltas(new, old, resamples=30, seed=2, groups=groups)

    weights = narrowest(drawn_copies(5, 30, seed=2)[np.arange(images) % 5])
    mean_ap = np.mean([draw.ap for draw in class_draws([new, old], weights)], axis=0)
    expected = enlarged(mean_ap[0] - mean_ap[1], new, groups=np.arange(images) % 5)
    assert deltas.overall.std_error == pytest.approx(expected, abs=1e-12)


def test_groups_of_one_image_are_no_groups() -> None:
    new, old, images = noisy_pair()

    assert paired_deltas(new, old, 20, groups=np.arange(images) * 3) == paired_deltas(new, old, 20)


def test_many_copies_of_an_image_do_not_overflow() -> None:
    assert narrowest(np.array([[15]])).dtype == np.uint8
    assert narrowest(np.array([[16]])).dtype == np.uint16
    accumulator = half_found(40)[0]

    value = weighted_map(accumulator, np.full((40, 1), 5000))

    assert value == pytest.approx(weighted_map(accumulator, np.ones((40, 1), dtype=int)), abs=0.011)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"groups": np.zeros(3, dtype=int)}, r"groups: expected 40 integers, one per image, got int64 \(3,\)"),
        ({"groups": np.zeros(40)}, "groups: expected 40 integers, one per image, got float64"),
        ({"slices": {"tiny": Slice("tiny")}}, "slice 'tiny': area 'tiny' is not one of"),
        ({"slices": {"s": Slice(images=np.ones(40))}}, "slice 's': expected 40 bools, one per image, got float64"),
        ({"slices": {"s": Slice(images=np.ones(4, dtype=bool))}}, "slice 's': expected 40 bools"),
    ],
)
def test_groups_and_slices_must_fit_the_images(arguments: dict, message: str) -> None:
    new, old = half_found(40)

    with pytest.raises(ValueError, match=message):
        paired_deltas(new.table(), old.table(), resamples=5, **arguments)
