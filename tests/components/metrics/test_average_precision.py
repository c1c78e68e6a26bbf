"""The COCO figures: worked out by hand, and equal to pycocotools on data sets made to be hard."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ratchet.components.metrics import average_precision
from ratchet.components.metrics.accumulator import Accumulator
from ratchet.components.metrics.coco_rules import RECALL_POINTS
from ratchet.schemas.data.records import Detections, GroundTruth
from tests.components.metrics.oracle import FIGURES, accumulated, data_sets, found, pycocotools_metrics, truth_of

# Not exactly 1: pycocotools adds 2e-16 to the denominator of precision, and so do we.
ONE = pytest.approx(1.0, abs=1e-12)
BOX = (0, 0, 40, 40)
ELSEWHERE = (200, 200, 40, 40)


def test_a_perfect_detector_scores_one() -> None:
    images = {7: (truth_of((1, *BOX), (2, *ELSEWHERE)), found((1, 0.9, *BOX), (2, 0.1, *ELSEWHERE)))}

    metrics = accumulated(images).finish(num_classes=2)

    assert metrics.coco == {name: -1.0 if name[-1] in "sl" else ONE for name in FIGURES}
    assert metrics.per_class_ap == {1: ONE, 2: ONE}
    assert (metrics.num_truth, metrics.num_images) == ({1: 1, 2: 1}, 1)


def test_a_surer_false_alarm_halves_the_precision() -> None:
    metrics = accumulated({1: (truth_of((1, *BOX)), found((1, 0.9, *ELSEWHERE), (1, 0.8, *BOX)))}).finish()

    assert metrics.coco["AP"] == pytest.approx(0.5, abs=1e-12)
    assert metrics.coco["AR1"] == 0.0
    assert metrics.coco["AR10"] == 1.0


def test_a_less_sure_false_alarm_costs_nothing() -> None:
    images = {1: (truth_of((1, *BOX)), found((1, 0.8, *ELSEWHERE), (1, 0.9, *BOX)))}

    assert accumulated(images).finish().coco["AP"] == ONE


def test_half_the_objects_found_reach_51_of_101_recall_points() -> None:
    metrics = accumulated({1: (truth_of((1, *BOX), (1, *ELSEWHERE)), found((1, 0.9, *BOX)))}).finish()

    assert metrics.coco["AP"] == pytest.approx(51 / 101, abs=1e-12)
    assert metrics.pr_curve(1, iou_threshold=0.75).tolist() == pytest.approx([1.0] * 51 + [0.0] * 50)


def test_an_iou_of_three_quarters_passes_six_of_ten_thresholds() -> None:
    metrics = accumulated({1: (truth_of((1, *BOX)), found((1, 0.9, 0, 0, 40, 30)))}).finish()

    assert [metrics.coco[name] for name in ("AP", "AP50", "AP75")] == pytest.approx([0.6, 1.0, 1.0], abs=1e-12)
    assert metrics.pr_curve(1, iou_threshold=0.8).max() == 0.0


def test_an_image_without_detections_counts_as_missed() -> None:
    hit = {1: (truth_of((1, *BOX)), found((1, 0.9, *BOX)))}

    metrics = accumulated({**hit, 2: (truth_of((1, *BOX)), found())}).finish()

    assert metrics.coco["AP"] == pytest.approx(51 / 101, abs=1e-12)
    assert metrics.num_images == 2


def test_false_alarms_in_an_image_without_objects_count() -> None:
    hit = {1: (truth_of((1, *BOX)), found((1, 0.8, *BOX)))}

    assert accumulated({**hit, 2: (truth_of(), found((1, 0.9, *BOX)))}).finish().coco["AP"] == pytest.approx(0.5)


def test_a_class_without_ground_truth_is_undefined_and_not_averaged() -> None:
    images = {1: (truth_of((1, *BOX)), found((1, 0.9, *BOX), (2, 0.9, *BOX), (5, 0.9, *BOX)))}

    metrics = accumulated(images).finish(num_classes=3)

    assert metrics.per_class_ap == {1: ONE, 2: -1.0, 3: -1.0}
    assert metrics.num_truth == {1: 1, 2: 0, 3: 0}
    assert metrics.coco["AP"] == ONE
    assert set(metrics.pr_curve(2)) == {-1.0}


def test_a_class_of_crowds_only_is_undefined() -> None:
    assert accumulated({1: (truth_of((1, *BOX), crowd=True), found((1, 0.9, *BOX)))}).finish().coco["AP"] == -1.0


@pytest.mark.parametrize("images", [{}, {1: (truth_of(), found())}, {1: (truth_of(), found((1, 0.9, *BOX)))}])
def test_without_ground_truth_everything_is_undefined(images: dict) -> None:
    assert set(accumulated(images).finish(num_classes=2).coco.values()) == {-1.0}


def test_a_label_outside_the_label_map_is_named() -> None:
    accumulator = accumulated({8: (truth_of((1, *BOX)), found()), 9: (truth_of((4, *BOX)), found())})

    with pytest.raises(ValueError, match=r"image id 9 has ground truth of label 4, but the label map has 3 classes"):
        accumulator.finish(num_classes=3)


@pytest.mark.parametrize(("label", "iou", "area"), [(2, 0.5, "all"), (1, 0.52, "all"), (1, 0.5, "tiny")])
def test_a_curve_that_was_not_measured_is_refused(label: int, iou: float, area: str) -> None:
    metrics = accumulated({1: (truth_of((1, *BOX)), found())}).finish()

    with pytest.raises(ValueError, match="give a label in"):
        metrics.pr_curve(label, iou, area)


def test_a_recall_point_is_reached_as_pycocotools_rounds_it() -> None:
    # 35 of 100 objects: .35 as a recall point is stored a little above 35 / 100, so the point is not reached.
    boxes = [(1, 50 * i, 0, 40, 40) for i in range(100)]
    images = {1: (truth_of(*boxes), found(*[(1, 0.9, *box[1:]) for box in boxes[:35]]))}

    assert RECALL_POINTS[35] > 35 / 100
    assert np.count_nonzero(accumulated(images).finish().pr_curve(1)) == 35
    assert accumulated(images).finish().coco["AP"] == pytest.approx(pycocotools_metrics(images, 1).coco["AP"], abs=1e-9)


@pytest.mark.parametrize("second_at", [0, 4])
def test_equal_overlaps_are_settled_as_pycocotools_settles_them(second_at: float) -> None:
    # The first detection overlaps both objects by 2/3; at IoU .65 the second fits only one of them.
    truth = truth_of((1, 0, 0, 10, 10), (1, 4, 0, 10, 10))
    images = {1: (truth, found((1, 0.9, 2, 0, 10, 10), (1, 0.8, second_at, 0, 10, 10)))}

    assert accumulated(images).finish().coco == pytest.approx(pycocotools_metrics(images, 1).coco, abs=1e-9)


@pytest.mark.parametrize("max_images", [4, 20])
@given(data=st.data())
def test_all_figures_and_curves_equal_pycocotools(max_images: int, data: st.DataObject) -> None:
    images = data.draw(data_sets(max_images=max_images))
    expected = pycocotools_metrics(images, num_classes=3)

    metrics = accumulated(images).finish(num_classes=3)

    assert metrics.coco == pytest.approx(expected.coco, abs=1e-9)
    np.testing.assert_allclose(metrics.precision, expected.precision, rtol=0, atol=1e-9)
    np.testing.assert_allclose(metrics.recall, expected.recall, rtol=0, atol=1e-9)
    for label, value in metrics.per_class_ap.items():
        assert value == pytest.approx(np.mean(expected.precision[:, :, label - 1, 0]), abs=1e-9)


def crowded(seed: int, objects: int, detections: int) -> dict:
    """Two images with very many boxes of two classes: equal scores, equal overlaps, a few crowds."""
    random = np.random.default_rng(seed)
    images = {}
    for image_id in (9, 4):
        corners = random.integers(0, 60, (objects, 2)) * 8.0
        boxes = np.hstack([corners, random.choice([8.0, 16.0, 40.0], (objects, 2))])
        truth = GroundTruth(
            boxes, random.integers(1, 3, objects), boxes[:, 2] * boxes[:, 3], random.random(objects) < 0.02
        )
        seen = boxes[random.integers(0, objects, detections)] + random.choice([0, 0, 0, 4], (detections, 4))
        scores = random.integers(0, 40, detections) / 40
        images[image_id] = (truth, Detections(seen, random.integers(1, 3, detections), scores))
    return images


@pytest.mark.parametrize(
    ("limit", "objects", "detections"), [(30, 60, 300), (100, 220, 500), (300, 80, 900), (1000, 40, 2600)]
)
def test_every_limit_of_detections_equals_pycocotools_to_the_last_bit(
    limit: int, objects: int, detections: int
) -> None:
    images = crowded(limit, objects, detections)
    expected = pycocotools_metrics(images, num_classes=2, max_detections=limit)

    metrics = accumulated(images, limit).finish(num_classes=2)

    np.testing.assert_array_equal(metrics.precision, expected.precision)
    np.testing.assert_array_equal(metrics.recall, expected.recall)
    assert metrics.coco == expected.coco


def test_what_was_matched_at_different_limits_is_not_mixed() -> None:
    images = {1: (truth_of((1, *BOX)), found((1, 0.9, *BOX)))}
    parts = [accumulated(images, 100), accumulated({2: images[1]}, 300)]

    with pytest.raises(ValueError, match=r"matches at \[100, 300\] detections per image and class"):
        Accumulator.merge(parts).finish()


@settings(max_examples=20)
@given(images=data_sets(), rows=st.integers(1, 9))
def test_detections_in_pieces_have_the_same_figures_to_the_bit(images: dict, rows: int) -> None:
    whole = accumulated(images).finish(3)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(average_precision, "_ROWS_AT_ONCE", rows)
        found = accumulated(images).finish(3)

    assert found.coco == whole.coco
    assert found.precision.tobytes() == whole.precision.tobytes()
    assert found.recall.tobytes() == whole.recall.tobytes()
