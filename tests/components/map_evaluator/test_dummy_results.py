"""Results of no detector are told from those of a good one and of a bad one."""

from __future__ import annotations

import numpy as np
import pytest

from ratchet.components.map_evaluator.dummy_results import dummy_results
from ratchet.schemas.artifacts.evaluation import BASELINE, CANDIDATE
from ratchet.schemas.data.columns import DetectionColumns, TruthColumns

IMAGES = 120
NAMES = {BASELINE: "the model before", CANDIDATE: "the model after"}


def truth(rng: np.random.Generator) -> TruthColumns:
    image = np.sort(rng.integers(0, IMAGES, 400))
    sides = rng.uniform(30, 120, (400, 2))
    boxes = np.column_stack([rng.uniform(0, 500, (400, 2)), sides])
    return TruthColumns(image, boxes, rng.integers(1, 4, 400), sides.prod(axis=1), np.zeros(400, bool))


def detector(of: TruthColumns, rng: np.random.Generator, recall: float = 0.8, jitter: float = 0.05) -> DetectionColumns:
    """Finds some objects nearly where they are, and as many false ones of lower scores."""
    kept = rng.random(len(of.labels)) < recall
    boxes = of.boxes_xywh_px[kept]
    moved = boxes + rng.normal(0, jitter, boxes.shape) * np.tile(boxes[:, 2:], 2)
    false = len(boxes)
    sides = rng.uniform(30, 120, (false, 2))
    return DetectionColumns(
        np.concatenate([of.image[kept], rng.integers(0, IMAGES, false)]),
        np.concatenate([moved, np.column_stack([rng.uniform(0, 500, (false, 2)), sides])]),
        np.concatenate([of.labels[kept], rng.integers(1, 4, false)]),
        np.concatenate([rng.beta(6, 2, len(boxes)), rng.beta(2, 4, false)]),
    )


def rules(of: TruthColumns, found: DetectionColumns) -> list[str]:
    return [reason.rule for reason in dummy_results(IMAGES, of, {CANDIDATE: found}, NAMES)]


@pytest.mark.parametrize(("recall", "jitter"), [(0.9, 0.02), (0.5, 0.1), (0.15, 0.15)])
def test_a_detector_good_or_bad_is_one(recall: float, jitter: float) -> None:
    rng = np.random.default_rng(1)
    of = truth(rng)
    assert rules(of, detector(of, rng, recall, jitter)) == []


def test_random_boxes_belong_to_no_image() -> None:
    rng = np.random.default_rng(2)
    of = truth(rng)
    found = detector(of, rng)
    sides = rng.uniform(30, 120, (len(found.scores), 2))
    boxes = np.column_stack([rng.uniform(0, 500, (len(found.scores), 2)), sides])
    random = DetectionColumns(found.image, boxes, found.labels, found.scores)
    [reason] = dummy_results(IMAGES, of, {CANDIDATE: random}, NAMES)
    assert reason.rule == "trust:dummy_other_images:candidate"
    assert not reason.passed
    assert reason.actual.startswith("the boxes of the model after hit ")
    assert "when they are given to other images" in reason.actual


def test_results_of_images_in_another_order_belong_to_no_image() -> None:
    rng = np.random.default_rng(3)
    of = truth(rng)
    found = detector(of, rng)
    moved = DetectionColumns((found.image + 7) % IMAGES, found.boxes_xywh_px, found.labels, found.scores)
    assert rules(of, moved) == ["trust:dummy_other_images:candidate"]


def test_classes_counted_from_another_number_are_told_as_such() -> None:
    rng = np.random.default_rng(3)
    of = truth(rng)
    found = detector(of, rng)
    labels = np.concatenate([found.labels[: len(found.labels) // 2] % 3 + 1, found.labels[len(found.labels) // 2 :]])
    other = DetectionColumns(found.image, found.boxes_xywh_px, labels, found.scores)
    [reason] = dummy_results(IMAGES, of, {CANDIDATE: other}, NAMES)
    assert "ids of classes in another order" in reason.actual
    assert reason.actual.startswith("the boxes of the model after hit ")


def test_the_same_boxes_in_every_image_depend_on_none() -> None:
    rng = np.random.default_rng(4)
    of = truth(rng)
    box = np.array([[10.0, 10, 100, 100], [200, 200, 80, 60]])
    found = DetectionColumns(
        np.repeat(np.arange(IMAGES), 2), np.tile(box, (IMAGES, 1)), np.tile([1, 2], IMAGES), np.tile([0.9, 0.8], IMAGES)
    )
    assert rules(of, found) == ["trust:dummy_same_everywhere:candidate"]


def test_the_labels_as_results_are_no_detector() -> None:
    rng = np.random.default_rng(5)
    of = truth(rng)
    found = DetectionColumns(of.image, of.boxes_xywh_px, of.labels, rng.uniform(0.5, 1, len(of.labels)))
    assert rules(of, found) == ["trust:dummy_labels:candidate"]


@pytest.mark.parametrize("scores", ["equal", "random"])
def test_scores_without_order_are_no_detector(scores: str) -> None:
    rng = np.random.default_rng(6)
    of = truth(rng)
    found = detector(of, rng)
    written = np.ones(len(found.scores)) if scores == "equal" else rng.random(len(found.scores))
    unordered = DetectionColumns(found.image, found.boxes_xywh_px, found.labels, written)
    assert rules(of, unordered) == ["trust:dummy_scores:candidate"]


def test_of_few_detections_nothing_is_said() -> None:
    rng = np.random.default_rng(7)
    of = truth(rng)
    few = DetectionColumns(np.zeros(5, np.int64), np.ones((5, 4)), np.ones(5, np.int64), np.full(5, 0.5))
    assert rules(of, few) == []


def test_where_all_images_are_labelled_alike_places_tell_nothing() -> None:
    boxes = np.tile([[10.0, 10, 100, 100]], (IMAGES, 1))
    labels = np.ones(IMAGES, np.int64)
    of = TruthColumns(np.arange(IMAGES), boxes, labels, np.full(IMAGES, 1e4), np.zeros(IMAGES, bool))
    rng = np.random.default_rng(8)
    found = DetectionColumns(of.image, boxes + rng.normal(0, 3, boxes.shape), labels, rng.uniform(0.5, 1, IMAGES))
    assert rules(of, found) == []
