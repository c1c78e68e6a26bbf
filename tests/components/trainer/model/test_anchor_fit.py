from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ratchet.components.trainer.model.anchor_fit import SAMPLE, cluster, fit_anchors, measure
from ratchet.components.trainer.model.model_settings import AnchorSettings

LEVELS = range(3, 7)
SQUARES = AnchorSettings(num_scales=2, aspect_ratios=(1.0,), size=4.0)


def random_boxes(count: int, side_px: tuple[float, float], aspects: tuple[float, ...], seed: int = 0) -> np.ndarray:
    """Height and width [n, 2]: the root of the area log-uniform, width / height near one of `aspects`."""
    rng = np.random.default_rng(seed)
    side = np.exp(rng.uniform(np.log(side_px[0]), np.log(side_px[1]), count))
    aspect = rng.choice(aspects, count) * np.exp(rng.normal(0, 0.05, count))
    return np.stack([side * aspect**-0.5, side * aspect**0.5], axis=1)


def best_on_grid(anchors: AnchorSettings, box: np.ndarray, centre: np.ndarray, side_px: int) -> float:
    """Highest overlap of a box with any anchor of a square input, corner by corner."""
    best = 0.0
    for level in LEVELS:
        places = np.arange(0.5, side_px / 2**level) * 2**level
        for scale in range(anchors.num_scales):
            area = (anchors.size * 2**level * 2 ** (scale / anchors.num_scales)) ** 2
            for ratio in anchors.aspect_ratios:
                anchor = np.sqrt([area / ratio, area * ratio])
                low = [np.maximum(centre[i] - box[i] / 2, places - anchor[i] / 2) for i in (0, 1)]
                high = [np.minimum(centre[i] + box[i] / 2, places + anchor[i] / 2) for i in (0, 1)]
                common = np.outer(*(np.maximum(high[i] - low[i], 0) for i in (0, 1))).max()
                best = max(best, common / (box.prod() + area - common))
    return best


def test_the_measure_agrees_with_all_anchors_of_a_real_input() -> None:
    boxes = random_boxes(400, (12, 300), (0.4, 1.0, 2.0))
    anchors = AnchorSettings(num_scales=2, aspect_ratios=(0.5, 1.5), size=3.0)
    centres = np.random.default_rng(7).uniform(256, 768, (400, 2))
    real = np.array([best_on_grid(anchors, *each, 1024) for each in zip(boxes, centres)])
    measured = measure(anchors, boxes, LEVELS)
    assert measured.mean_iou == pytest.approx(real.mean(), abs=0.01)
    assert measured.covered == pytest.approx((real >= 0.5).mean(), abs=0.02)


def test_ratios_are_width_over_height() -> None:
    wide = random_boxes(200, (40, 100), (4.0,))
    assert measure(AnchorSettings(num_scales=3, aspect_ratios=(4.0,)), wide, LEVELS).covered > 0.95
    assert measure(AnchorSettings(num_scales=3, aspect_ratios=(0.25,)), wide, LEVELS).covered < 0.05


def test_boxes_off_the_places_of_coarse_anchors_count_less() -> None:
    boxes = np.full((500, 2), 64.0)
    fine = AnchorSettings(num_scales=1, aspect_ratios=(1.0,), size=8.0)
    coarse = AnchorSettings(num_scales=1, aspect_ratios=(1.0,), size=1.0)
    assert measure(fine, boxes, LEVELS).mean_iou > measure(coarse, boxes, LEVELS).mean_iou + 0.3


def test_two_shapes_of_boxes_give_their_two_ratios() -> None:
    anchors = fit_anchors(random_boxes(600, (30, 300), (0.4, 2.5)), LEVELS)
    assert anchors.aspect_ratios == pytest.approx((0.4, 2.5), rel=0.05)


def test_one_shape_gets_one_ratio_and_few_anchors() -> None:
    anchors = fit_anchors(random_boxes(600, (30, 300), (0.67,)), LEVELS)
    assert anchors.aspect_ratios == pytest.approx((0.67,), rel=0.03)
    assert anchors.num_scales <= 3


def test_boxes_of_a_single_size_need_a_single_anchor() -> None:
    anchors = fit_anchors(np.full((3, 2), 48.0), LEVELS)
    assert (anchors.num_scales, anchors.aspect_ratios) == (1, (1.0,))
    assert measure(anchors, np.full((500, 2), 48.0), LEVELS).mean_iou > 0.8


@pytest.mark.parametrize(("side_px", "at_most"), [((9.0, 16.0), 2.5), ((200.0, 400.0), 8.0)])
def test_small_boxes_get_small_anchors_and_large_boxes_usual_ones(side_px: tuple[float, float], at_most: float) -> None:
    boxes = random_boxes(500, side_px, (1.0,))
    anchors = fit_anchors(boxes, LEVELS)
    assert anchors.size <= at_most
    assert measure(anchors, boxes, LEVELS).covered >= measure(SQUARES, boxes, LEVELS).covered


def test_boxes_beyond_the_coarsest_level_are_reached_by_larger_anchors() -> None:
    boxes = random_boxes(300, (300, 400), (1.0,))
    anchors = fit_anchors(boxes, range(3, 5))
    assert anchors.size > 8
    assert measure(anchors, boxes, range(3, 5)).covered > 0.99


def test_a_rare_shape_is_covered_too() -> None:
    boxes = np.concatenate([random_boxes(980, (40, 200), (1.0,)), random_boxes(20, (40, 200), (6.0,), seed=1)])
    assert measure(fit_anchors(boxes, LEVELS), boxes[980:], LEVELS).covered > 0.7


@settings(max_examples=4)
@given(
    st.floats(10, 60),
    st.floats(1.2, 6),
    st.lists(st.sampled_from([0.25, 0.5, 0.8, 1.0, 1.3, 2.0, 4.0]), min_size=1, max_size=3, unique=True),
    st.integers(0, 99),
)
def test_fitted_anchors_cover_no_less_than_the_usual_ones(
    smallest_px: float, spread: float, aspects: list[float], seed: int
) -> None:
    boxes = random_boxes(400, (smallest_px, smallest_px * spread), tuple(aspects), seed)
    fitted, usual = (measure(anchors, boxes, LEVELS) for anchors in (fit_anchors(boxes, LEVELS), AnchorSettings()))
    assert fitted.covered >= usual.covered - 0.02


def test_the_same_boxes_give_the_same_anchors() -> None:
    boxes = random_boxes(2 * SAMPLE, (30, 300), (0.5, 1.0))
    assert fit_anchors(boxes, LEVELS) == fit_anchors(boxes.copy(), LEVELS)


def spread(values: np.ndarray, centres: np.ndarray) -> float:
    return float((np.abs(values[:, None] - centres).min(axis=1) ** 2).sum())


def least_spread(values: list[float], count: int) -> float:
    """Tries every division of the sorted values into at most `count` runs."""
    points = np.array(sorted(values))
    count = min(count, len(points))
    return min(
        sum(float(((run - run.mean()) ** 2).sum()) for run in np.split(points, cuts))
        for cuts in itertools.combinations(range(1, len(points)), count - 1)
    )


@given(st.lists(st.integers(-300, 300).map(lambda n: n / 100), min_size=1, max_size=9), st.integers(1, 4))
def test_no_division_of_the_values_has_a_smaller_spread(values: list[float], count: int) -> None:
    assert spread(np.array(values), cluster(np.array(values), count)) == pytest.approx(
        least_spread(values, count), abs=1e-9
    )


def test_a_small_cluster_far_out_is_not_missed() -> None:
    values = np.concatenate([np.random.default_rng(0).normal(0, 0.2, 990), np.full(10, 3.0)])
    assert cluster(values, 2) == pytest.approx([0, 3], abs=0.02)


def test_fewer_different_values_than_clusters_give_fewer_centres() -> None:
    assert cluster(np.array([0.5, 0.5, 2.0]), 4).tolist() == [0.5, 2.0]


def test_many_equal_values_weigh_more() -> None:
    assert cluster(np.array([0.0, 0.0, 0.0, 1.0]), 1) == pytest.approx([0.25])
