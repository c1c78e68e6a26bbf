from __future__ import annotations

import numpy as np
import pytest

from ratchet.components.metrics.repeats import repeated_objects
from ratchet.schemas.data.columns import TruthColumns, rows_of
from ratchet.schemas.data.records import GroundTruth


def truth_of(*boxes: list[float], labels: list[int] | None = None, crowds: list[int] | None = None) -> TruthColumns:
    areas = [box[2] * box[3] for box in boxes]
    return TruthColumns.of([GroundTruth(boxes, labels or [1] * len(boxes), areas, crowds or [0] * len(boxes))])  # type: ignore[arg-type]


def grid(side: float, pitch: float, images: int = 40) -> TruthColumns:
    """Objects of one class and size side by side, as in a tray."""
    places = [[x * pitch, y * pitch, side, side] for x in range(6) for y in range(6)]
    return TruthColumns.of([GroundTruth(places, [1] * 36, [side**2] * 36, [0] * 36)] * images)  # type: ignore[arg-type]


def doubled(truth: TruthColumns, rows: np.ndarray, shift_px: float) -> TruthColumns:
    both = np.concatenate([np.arange(len(truth.labels)), rows])
    result = rows_of(truth, both)
    result.boxes_xywh_px[len(truth.labels) :, :2] += shift_px
    return result


@pytest.mark.parametrize("side", [6.0, 10.0, 30.0, 300.0])
@pytest.mark.parametrize("shift_px", [0.0, 1.0, -1.0])
def test_every_box_that_is_doubled_with_a_pixel_of_offset_is_counted_whatever_its_size(
    side: float, shift_px: float
) -> None:
    truth = grid(side, 1.4 * side)
    rows = np.sort(np.random.default_rng(1).choice(len(truth.labels), 485, replace=False))
    found = repeated_objects(doubled(truth, rows, shift_px))
    assert found.tolist() == list(range(len(truth.labels), len(truth.labels) + 485))


@pytest.mark.parametrize("pitch", [1.0, 0.5, 0.3])
def test_packed_and_overlapping_neighbours_are_distinct(pitch: float) -> None:
    assert not len(repeated_objects(grid(10, 10 * pitch)))


def test_other_classes_sizes_crowds_and_images_repeat_nothing() -> None:
    same = [10.0, 10, 40, 40]
    assert not len(repeated_objects(truth_of(same, same, labels=[1, 2])))
    assert not len(repeated_objects(truth_of(same, [10, 10, 40, 60])))
    assert not len(repeated_objects(truth_of(same, same, crowds=[0, 1])))
    one = GroundTruth([same], [1], [1600], [0])  # type: ignore[arg-type]
    assert not len(repeated_objects(TruthColumns.of([one, one])))


def test_one_box_of_two_classes_is_another_question() -> None:
    same = [10.0, 10, 40, 40]
    truth = truth_of(same, [70, 10, 40, 40], same, same, labels=[1, 1, 2, 1])
    assert repeated_objects(truth, same_class=False).tolist() == [2, 3]
    assert repeated_objects(truth).tolist() == [3]


def test_three_of_one_object_are_two_too_many_in_any_order_of_their_places() -> None:
    boxes = [[11.0, 10, 40, 40], [10.0, 11, 40, 40], [9.0, 10, 41, 40]]
    assert repeated_objects(truth_of(*boxes)).tolist() == [1, 2]
    assert repeated_objects(truth_of(*reversed(boxes))).tolist() == [1, 2]


def test_nothing_repeats_nothing() -> None:
    assert not len(repeated_objects(TruthColumns.of([])))
