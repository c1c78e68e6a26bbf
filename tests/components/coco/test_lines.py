"""Boxes come back from the evaluator's files as they went in."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import pytest

from ratchet.components.coco.lines import annotations_in, results_in
from ratchet.components.coco.writing import image_lines, join_detections, join_ground_truth
from ratchet.schemas.base.errors import StateError
from ratchet.schemas.data.columns import DetectionColumns
from ratchet.schemas.data.records import Detections, GroundTruth, ImageRecord, LabelMap
from tests.builders import detections, ground_truth

TRICKY = '{"a": [1]}],\n"annotations": [.jpg'
LABEL_MAP = LabelMap(("cat", "dog", "eel"), (3, 7, 9))


def image(image_id: int, truth: GroundTruth, file_name: str = "") -> ImageRecord:
    return ImageRecord(image_id, file_name or f"{image_id:06}.jpg", 640, 480, truth)


RECORDS = [
    image(12, ground_truth([[9, 9, 9, 9]], [2], crowd=True), file_name=TRICKY),
    image(4, ground_truth([[1, 2, 30, 40], [5, 6, 7, 8]], [1, 3])),
    image(11, ground_truth([])),
]
FOUND = [detections([[5, 5, 5, 1 / 3]] * 2, [1, 3], [0.9, 0.1]), detections([[1, 2, 3, 4]], [2], [0.5]), detections([])]


def text_of(write: Callable[[io.StringIO], None]) -> list[str]:
    out = io.StringIO()
    write(out)
    return out.getvalue().splitlines(keepends=True)


def truth_lines() -> list[str]:
    lines = image_lines(RECORDS, {}, LABEL_MAP.category_ids)
    return text_of(lambda out: join_ground_truth(lines, LABEL_MAP, out))


def result_lines(found: list[Detections], records: list[ImageRecord]) -> list[str]:
    lines = image_lines(records, {"candidate": DetectionColumns.of(found)}, LABEL_MAP.category_ids)
    return text_of(lambda out: join_detections(lines, 0, out))


def test_objects_and_images_of_the_ids_asked_for() -> None:
    read = annotations_in(truth_lines(), [4, 11, 12], "gt.json")
    assert read.label_map == LABEL_MAP
    assert read.image_ids.tolist() == [4, 11, 12]
    assert read.file_names == ("000004.jpg", "000011.jpg", TRICKY)
    assert read.sizes_px[0].tolist() == [640, 480]
    assert read.objects.image.tolist() == [2, 0, 0]
    assert read.objects.labels.tolist() == [2, 1, 3]
    assert read.objects.boxes_xywh_px.tolist() == [[9, 9, 9, 9], [1, 2, 30, 40], [5, 6, 7, 8]]
    assert read.objects.is_crowd.tolist() == [True, False, False]


def test_other_images_are_left_out() -> None:
    read = annotations_in(truth_lines(), [12], "gt.json")
    assert (read.file_names, read.objects.labels.tolist()) == ((TRICKY,), [2])


def test_detections_of_the_images_asked_for_come_image_by_image() -> None:
    found = results_in(result_lines(FOUND, RECORDS), [4, 12], LABEL_MAP, "dt.json")
    assert found.image.tolist() == [0, 1, 1]
    assert found.labels.tolist() == [2, 1, 3]
    assert found.scores.tolist() == [0.5, 0.9, 0.1]
    assert found.boxes_xywh_px[1:].tolist() == [[5, 5, 5, 1 / 3]] * 2


def test_nothing_found_is_no_detections() -> None:
    for lines in (result_lines([detections([])], RECORDS[:1]), result_lines([], [])):
        assert results_in(lines, np.array([12]), LABEL_MAP, "dt.json").boxes_xywh_px.shape == (0, 4)


def test_an_image_that_the_file_does_not_name_is_an_error() -> None:
    with pytest.raises(StateError, match="image 5 was evaluated"):
        annotations_in(truth_lines(), [4, 5], "gt.json")
