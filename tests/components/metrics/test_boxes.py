"""IoU: values worked out by hand, and pycocotools' own function to the last bit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratchet.components.metrics import boxes
from ratchet.components.metrics.boxes import iou_xywh, overlapping, pairs_of_groups
from tests.components.metrics.oracle import pycocotools_iou


@pytest.mark.parametrize(
    ("detected", "truth", "crowd", "expected"),
    [
        pytest.param([0, 0, 10, 10], [0, 0, 10, 10], False, 1.0, id="same box"),
        pytest.param([0, 0, 10, 10], [5, 0, 10, 10], False, 50 / 150, id="half beside"),
        pytest.param([0, 0, 10, 10], [0, 0, 10, 5], False, 0.5, id="half inside"),
        pytest.param([0, 0, 10, 10], [10, 0, 10, 10], False, 0.0, id="touching"),
        pytest.param([0, 0, 10, 10], [40, 40, 10, 10], False, 0.0, id="apart"),
        pytest.param([3, 3, 0, 5], [0, 0, 10, 10], False, 0.0, id="no width"),
        pytest.param([0, 0, 0, 0], [0, 0, 0, 0], False, 0.0, id="two points"),
        pytest.param([2, 2, 4, 4], [0, 0, 100, 100], False, 16 / 10_000, id="small in large"),
        pytest.param([2, 2, 4, 4], [0, 0, 100, 100], True, 1.0, id="inside a crowd"),
        pytest.param([-2, 0, 4, 4], [0, 0, 100, 100], True, 0.5, id="half inside a crowd"),
    ],
)
def test_iou_of_two_boxes(detected: list[float], truth: list[float], crowd: bool, expected: float) -> None:
    iou = iou_xywh(np.array([detected], dtype=float), np.array([truth], dtype=float), np.array([crowd]))

    assert iou.tolist() == [[expected]]


@pytest.mark.parametrize(("m", "n"), [(0, 0), (0, 3), (3, 0), (2, 3)])
def test_iou_has_a_row_per_detection_and_a_column_per_object(m: int, n: int) -> None:
    assert iou_xywh(np.ones((m, 4)), np.ones((n, 4)), np.zeros(n, dtype=bool)).shape == (m, n)


@given(seed=st.integers(0, 2**32 - 1), decimals=st.integers(0, 3), shift=st.sampled_from([0.0, 1e3, 1e7]))
def test_iou_equals_pycocotools_to_the_bit(seed: int, decimals: int, shift: float) -> None:
    random = np.random.default_rng(seed)
    detected, truth = random.uniform(0, 40, (12, 4)).round(decimals), random.uniform(0, 40, (9, 4)).round(decimals)
    detected[:, :2] += shift
    truth[:, :2] += shift
    crowd = random.random(9) < 0.3

    np.testing.assert_array_equal(iou_xywh(detected, truth, crowd), pycocotools_iou(detected, truth, crowd))


def test_all_pairs_of_a_group_are_found_in_any_order() -> None:
    random = np.random.default_rng(0)
    one, other = random.integers(0, 5, 20), random.integers(0, 5, 30)
    [(rows, columns)] = pairs_of_groups(one, other)

    assert list(zip(rows.tolist(), columns.tolist())) == [
        (i, j) for i in range(20) for j in range(30) if one[i] == other[j]
    ]


@given(seed=st.integers(0, 2**32 - 1), chunk=st.integers(1, 200), least=st.sampled_from([0.0, 0.1, 0.5]))
def test_overlapping_boxes_are_those_of_all_pairs_however_many_are_tried_at_once(
    seed: int, chunk: int, least: float
) -> None:
    random = np.random.default_rng(seed)
    image, truth_image = random.integers(0, 3, 20), random.integers(0, 3, 15)
    detected, truth = random.uniform(-3, 12, (20, 4)).round(), random.uniform(-3, 12, (15, 4)).round()
    detected[0, 2] = np.nan
    crowd = random.random(15) < 0.3

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(boxes, "_CHUNK_PAIRS", chunk)
        pairs = overlapping(image, detected, truth_image, truth, crowd, least)

    iou = np.where(image[:, None] == truth_image, iou_xywh(detected, truth, crowd), 0)
    one, other = np.nonzero((iou > 0) & (iou >= least))
    np.testing.assert_array_equal([pairs.one, pairs.other], [one, other])
    np.testing.assert_array_equal(pairs.iou, iou[one, other])
