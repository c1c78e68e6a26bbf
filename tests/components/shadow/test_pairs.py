"""What two models find, paired off."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from ratchet.components.metrics.boxes import iou_xywh
from ratchet.components.shadow.pairs import LEAST_IOU, NOBODY, Paired, pair_detections
from ratchet.schemas.data.columns import DetectionColumns
from ratchet.schemas.data.records import Detections
from tests.builders import detections

HALF = np.full(4, 0.5)


def found(*rows: tuple[float, int, float], images: int = 1) -> DetectionColumns:
    """Boxes of 10 x 10 px: how far to the right, label, score; all in the last of the images."""
    boxes = [[right, 0.0, 10.0, 10.0] for right, _, _ in rows]
    own = detections(boxes, [label for _, label, _ in rows], [score for _, _, score in rows])
    return DetectionColumns.of([detections([])] * (images - 1) + [own])


def paired(served: DetectionColumns, candidate: DetectionColumns, images: int = 1) -> Paired:
    return pair_detections(served, candidate, HALF, HALF, images)


def test_a_box_that_overlaps_by_half_is_the_same_object_and_one_that_overlaps_less_is_not() -> None:
    near, far = 10 / 3 - 1e-6, 10 / 3 + 1e-6  # IoU of boxes moved by d: (10 - d) / (10 + d)
    assert paired(found((0, 1, 0.9)), found((near, 1, 0.9))).served_partner.tolist() == [0]
    assert paired(found((0, 1, 0.9)), found((far, 1, 0.9))).served_partner.tolist() == [NOBODY]


def test_a_partner_of_the_same_class_comes_before_one_that_overlaps_more() -> None:
    pairs = paired(found((0, 1, 0.9)), found((0, 2, 0.99), (2, 1, 0.6)))
    assert pairs.served_partner.tolist() == [1]
    assert pairs.candidate_partner.tolist() == [NOBODY, 0]
    assert pairs.same_class.tolist() == [True]


def test_what_overlaps_in_another_class_is_paired_and_told_apart() -> None:
    pairs = paired(found((0, 1, 0.9)), found((0, 2, 0.9)))
    assert (pairs.served_partner.tolist(), pairs.same_class.tolist()) == ([0], [False])


def test_each_detection_has_one_partner_and_the_closest_one_is_taken() -> None:
    pairs = paired(found((0, 1, 0.9), (2, 1, 0.9)), found((2, 1, 0.9)))
    assert pairs.served_partner.tolist() == [NOBODY, 0]


def test_a_detection_counts_from_its_own_models_own_score_for_its_class_on() -> None:
    served_points, candidate_points = np.array([1, 0.8, 0.1, 1]), np.array([1, 0.2, 0.9, 1])
    served, candidate = found((0, 1, 0.8), (50, 2, 0.09)), found((0, 1, 0.2), (50, 2, 0.9))
    pairs = pair_detections(served, candidate, served_points, candidate_points, 1)
    assert pairs.served.labels.tolist() == [1]
    assert pairs.candidate.labels.tolist() == [1, 2]
    assert (pairs.served_partner.tolist(), pairs.candidate_partner.tolist()) == ([0], [0, NOBODY])
    assert pairs.candidate_faint.tolist() == [False, True]


def test_a_faint_detection_of_another_class_does_not_count_as_found_faintly() -> None:
    pairs = paired(found((0, 1, 0.9), (50, 1, 0.9)), found((0, 2, 0.3), (50, 1, 0.25)))
    assert pairs.served_faint.tolist() == [False, True]


def test_boxes_of_different_images_are_never_paired() -> None:
    pairs = paired(found((0, 1, 0.9)), found((0, 1, 0.9), images=2), 2)
    assert pairs.served_partner.tolist() == pairs.candidate_partner.tolist() == [NOBODY]


def test_joined_batches_are_the_same_as_all_images_at_once() -> None:
    rng = np.random.default_rng(3)
    lists = [[_random(rng) for _ in range(9)] for _ in range(2)]
    whole = paired(DetectionColumns.of(lists[0]), DetectionColumns.of(lists[1]), 9)
    cuts = [(0, 2), (2, 2), (2, 7), (7, 9)]
    parts = [
        paired(DetectionColumns.of(lists[0][start:stop]), DetectionColumns.of(lists[1][start:stop]), stop - start)
        for start, stop in cuts
    ]
    joined = Paired.join(parts)
    assert joined.images == whole.images
    assert (whole.served_partner != NOBODY).any()
    assert whole.served_faint.any()
    for name in ("served_partner", "candidate_partner", "served_faint", "candidate_faint"):
        assert getattr(joined, name).tolist() == getattr(whole, name).tolist(), name
    assert joined.served.image.tolist() == whole.served.image.tolist()
    assert joined.candidate.scores.tolist() == whole.candidate.scores.tolist()


def test_no_images_join_to_nothing() -> None:
    assert Paired.join([]).images == 0


def _random(rng: np.random.Generator) -> Detections:
    count = int(rng.integers(0, 7))
    corners = rng.uniform(0, 25, (count, 2))
    boxes = np.concatenate([corners, rng.uniform(8, 20, (count, 2))], axis=1)
    return Detections(boxes, rng.integers(1, 4, count), rng.uniform(0.2, 1, count))


@pytest.mark.parametrize("seed", range(20))
def test_pairs_are_those_of_a_plain_loop(seed: int) -> None:
    rng = np.random.default_rng(seed)
    images = [(_random(rng), _random(rng)) for _ in range(6)]
    served, candidate = (DetectionColumns.of(list(side)) for side in zip(*images))
    pairs = paired(served, candidate, 6)
    assert _by_boxes(pairs) == set(itertools.chain.from_iterable(_plainly(*each) for each in images))


def _by_boxes(pairs: Paired) -> set[tuple[tuple[float, ...], tuple[float, ...]]]:
    rows = np.flatnonzero(pairs.served_partner != NOBODY)
    return {
        (
            tuple(pairs.served.boxes_xywh_px[row]),
            tuple(pairs.candidate.boxes_xywh_px[pairs.served_partner[row]]),
        )
        for row in rows
    }


def _plainly(one: Detections, other: Detections) -> set[tuple[tuple[float, ...], tuple[float, ...]]]:
    boxes, others = np.asarray(one.boxes_xywh_px), np.asarray(other.boxes_xywh_px)
    overlap = iou_xywh(boxes.reshape(-1, 4), others.reshape(-1, 4), np.zeros(len(others), np.bool_))
    wanted = [
        (one.labels[i] != other.labels[j], -overlap[i, j], i, j)
        for i in range(len(boxes))
        for j in range(len(others))
        if one.scores[i] >= 0.5 and other.scores[j] >= 0.5 and overlap[i, j] >= LEAST_IOU
    ]
    taken: set[tuple[int, int]] = set()
    for _, _, i, j in sorted(wanted):
        if all(i != used and j != other_used for used, other_used in taken):
            taken.add((i, j))
    return {(tuple(boxes[i]), tuple(others[j])) for i, j in taken}


def test_what_has_less_than_half_of_the_score_that_counts_is_not_found_at_all() -> None:
    assert paired(found((0, 1, 0.9)), found((0, 1, 0.25))).served_faint.tolist() == [True]
    assert paired(found((0, 1, 0.9)), found((0, 1, 0.24))).served_faint.tolist() == [False]


def test_from_a_score_of_zero_on_everything_counts() -> None:
    nothing = np.zeros(4)
    pairs = pair_detections(found((0, 1, 0.0)), found((0, 1, 0.3), (50, 1, 0.0)), nothing, nothing, 1)
    assert (pairs.served_partner.tolist(), pairs.candidate_partner.tolist()) == ([0], [0, NOBODY])
