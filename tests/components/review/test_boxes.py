"""Boxes come back from the evaluator's files as they went in."""

from __future__ import annotations

import pytest

from components.review.boxes import read_detections, read_ground_truth
from schemas.artifacts.evaluation import CANDIDATE
from schemas.base.errors import StateError
from tests.builders import detections, ground_truth
from tests.components.review.golden import files_of, image

TRICKY = '{"a": [1]}],\n"annotations": [.jpg'


def golden():
    records = [
        image(4, ground_truth([[1, 2, 30, 40], [5, 6, 7, 8]], [1, 3])),
        image(11, ground_truth([])),
        image(12, ground_truth([[9, 9, 9, 9]], [2], crowd=True), file_name=TRICKY),
    ]
    found = [detections([[1, 2, 3, 4]], [2], [0.5]), detections([]), detections([[5, 5, 5, 5]] * 2, [1, 3], [0.9, 0.1])]
    return files_of(records, {CANDIDATE: found})


def test_objects_and_images_of_the_ids_asked_for() -> None:
    read = read_ground_truth(golden().truth(), [4, 11, 12])
    assert read.class_names == ("cat", "dog", "eel")
    assert [entry.file_name for entry in read.images] == ["000004.jpg", "000011.jpg", TRICKY]
    assert read.images[0].size_px == (640, 480)
    assert read.truth.image.tolist() == [0, 0, 2]
    assert read.truth.labels.tolist() == [1, 3, 2]
    assert read.truth.boxes_xywh_px.tolist() == [[1, 2, 30, 40], [5, 6, 7, 8], [9, 9, 9, 9]]
    assert read.truth.is_crowd.tolist() == [False, False, True]


def test_positions_follow_the_order_asked_for() -> None:
    read = read_ground_truth(golden().truth(), [12, 4])
    assert read.truth.image.tolist() == [1, 1, 0]


def test_detections_of_the_images_asked_for() -> None:
    files = golden()
    labels = read_ground_truth(files.truth(), [12]).labels
    found = read_detections(files.found[CANDIDATE](), [12], labels)
    assert found.image.tolist() == [0, 0]
    assert found.labels.tolist() == [1, 3]
    assert found.scores.tolist() == [0.9, 0.1]


def test_nothing_found_is_no_detections() -> None:
    files = files_of([image(1, ground_truth([[0, 0, 9, 9]]))], {CANDIDATE: [detections([])]})
    found = read_detections(files.found[CANDIDATE](), [1], {3: 1})
    assert found.boxes_xywh_px.shape == (0, 4)


def test_an_image_that_the_file_does_not_name_is_an_error() -> None:
    with pytest.raises(StateError, match="image 5 was evaluated"):
        read_ground_truth(golden().truth(), [4, 5])
