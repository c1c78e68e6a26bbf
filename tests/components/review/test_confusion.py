from __future__ import annotations

import dataclasses

import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st

from ratchet.components.metrics.accumulator import Accumulator
from ratchet.components.metrics.coco_rules import unpack_bits
from ratchet.components.metrics.matching import match
from ratchet.components.review.boxes import BoxedImage, Boxes
from ratchet.components.review.changes import Seen, seen_by
from ratchet.components.review.confusion import Confusion, confused, confusion, mixed_up, most_confused
from ratchet.schemas.artifacts.evaluation import CANDIDATE
from ratchet.schemas.data.columns import DetectionColumns, TruthColumns
from ratchet.schemas.data.records import Detections, GroundTruth
from tests.builders import detections, ground_truth
from tests.components.metrics.oracle import data_sets

HERE, THERE, NEAR = [0, 0, 40, 40], [100, 100, 40, 40], [2, 0, 40, 40]
CAT, DOG, EEL = 1, 2, 3


def counts(truth: GroundTruth, found: Detections) -> dict[tuple[int, int], int]:
    objects = TruthColumns.of([truth])
    return dict(confused(objects, Seen.of(objects, DetectionColumns.of([found]))))


def test_what_is_right_mixed_up_missed_and_invented() -> None:
    truth = ground_truth([HERE, THERE, [200, 0, 30, 30]], [CAT, DOG, EEL])
    found = detections([NEAR, THERE, [300, 300, 20, 20]], [CAT, EEL, DOG], [0.9, 0.8, 0.7])
    assert counts(truth, found) == {(CAT, CAT): 1, (DOG, EEL): 1, (EEL, 0): 1, (0, DOG): 1}


def test_an_object_goes_to_its_own_class_although_another_is_surer_and_nearer() -> None:
    found = detections([HERE, NEAR], [DOG, CAT], [0.9, 0.3])
    assert counts(ground_truth([HERE], [CAT]), found) == {(CAT, CAT): 1, (0, DOG): 1}


def test_a_second_detection_of_an_object_is_of_nothing() -> None:
    found = detections([HERE, NEAR], [CAT, CAT], [0.9, 0.8])
    assert counts(ground_truth([HERE], [CAT]), found) == {(CAT, CAT): 1, (0, CAT): 1}


def test_boxes_of_other_images_and_below_half_overlap_do_not_meet() -> None:
    truth = TruthColumns.of([ground_truth([HERE], [CAT]), ground_truth([], [])])
    found = DetectionColumns.of([detections([[0, 0, 40, 19]], [CAT], [0.9]), detections([HERE], [CAT], [0.9])])
    assert dict(confused(truth, Seen.of(truth, found))) == {(CAT, 0): 1, (0, CAT): 2}


def test_a_crowd_is_neither_missed_nor_taken_and_what_lies_in_it_is_left_out() -> None:
    truth = ground_truth([[0, 0, 200, 200]], [CAT], crowd=True)
    found = detections([HERE, THERE, HERE], [CAT, CAT, DOG], [0.9, 0.8, 0.7])
    assert counts(truth, found) == {(0, DOG): 1}


@given(data_sets())
def test_what_is_right_is_what_coco_calls_a_hit_at_half_overlap(images: dict) -> None:
    truth = TruthColumns.of(
        [dataclasses.replace(each, area_px2=np.ones(len(each.labels))) for each, _ in images.values()]
    )
    found = DetectionColumns.of([each for _, each in images.values()])
    assume(all(len(each.labels) <= 100 for _, each in images.values()))  # more would not all count
    seen = confused(truth, Seen.of(truth, found))
    matches = Accumulator.create()
    matches.add(match(np.array(list(images)), truth, found))
    table = matches.table()
    hits = unpack_bits(table.detections["tp"], 0)[:, 0]
    for label in np.unique(truth.labels).tolist():
        assert seen.get((label, label), 0) == int(hits[table.detections["label"] == label].sum())
    assert sum(count for (of, _), count in seen.items() if of) == int(np.count_nonzero(~truth.is_crowd))


def test_only_detections_that_are_sure_enough_for_their_class_count() -> None:
    truth, found = ground_truth([HERE, THERE], [CAT, DOG]), detections([HERE, THERE], [CAT, DOG], [0.5, 0.5])
    images = (BoxedImage(1, "a.jpg", (400, 400)),)
    columns = {CANDIDATE: DetectionColumns.of([found])}
    boxes = Boxes(("cat", "dog", "eel"), images, TruthColumns.of([truth]), columns, 100)
    seen = confusion(boxes, seen_by(boxes, {CANDIDATE: np.array([np.inf, 0.4, 0.6, np.inf])}), 7)
    assert (seen.counts[CANDIDATE], seen.images, seen.of) == ({(CAT, CAT): 1, (DOG, 0): 1}, 1, 7)


def test_of_many_classes_those_that_are_mixed_up_most_are_shown() -> None:
    counts = {(1, 1): 90, (2, 5): 3, (5, 2): 4, (7, 0): 50, (0, 8): 50, (9, 2): 1}
    many = Confusion(tuple("abcdefghij"), {CANDIDATE: counts}, 1, 1)
    assert mixed_up(many, CANDIDATE) == [(5, 2), (2, 5), (9, 2)]
    assert list(most_confused(many, 2)) == [2, 5]
    assert list(most_confused(many, 10)) == list(range(1, 11))


@given(st.integers(0, 3))
def test_nothing_at_all_is_no_error(objects: int) -> None:
    truth = ground_truth([HERE] * objects, [CAT] * objects)
    assert counts(truth, detections([])) == ({(CAT, 0): objects} if objects else {})
