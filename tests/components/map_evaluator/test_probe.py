from __future__ import annotations

import io

import numpy as np
import pytest

from components.map_evaluator import probe as probe_module
from components.map_evaluator.coco_files import image_lines, join_detections
from components.map_evaluator.probe import chosen_images, found_in, probe_of
from components.metrics.accumulator import Accumulator
from components.metrics.matching import match
from schemas.artifacts.serving_probe import ServingProbe
from schemas.data.columns import DetectionColumns, TruthColumns
from schemas.data.records import Detections, ImageRecord
from tests.builders import detections, ground_truth

NOTHING = detections([])
FOUND = detections([[1.5, 2, 30, 40], [5, 5, 9, 1 / 3]], [2, 1], [0.75, 0.25])
CATEGORY_IDS = (9, 3)


def chosen(found: dict[int, Detections]) -> list[int]:
    matches = Accumulator.create()
    truth = TruthColumns.of([ground_truth([[1, 1, 20, 20]])] * len(found))
    matches.add(match(np.array(list(found)), truth, DetectionColumns.of(list(found.values()))))
    return chosen_images(matches.table())


def test_images_are_spread_over_the_set_and_the_same_every_time() -> None:
    found = dict.fromkeys(range(100, 180), FOUND)
    assert chosen(found) == list(range(100, 180, 10)) == chosen(found)


def test_images_in_which_something_was_found_come_first() -> None:
    unsure = detections([[1, 1, 20, 20]], scores=[0.04])
    found = {image_id: FOUND if image_id % 10 == 3 else unsure for image_id in range(50)}
    assert [image_id for image_id in chosen(found) if image_id % 10 == 3] == [3, 13, 23, 33, 43]
    assert len(chosen(found)) == 8


def test_a_small_set_is_taken_whole() -> None:
    assert chosen({4: NOTHING, 2: FOUND, 9: FOUND}) == [2, 4, 9]


def test_detections_are_read_as_they_were_measured() -> None:
    records = [ImageRecord(image_id, f"{image_id}.png", 64, 64, ground_truth([])) for image_id in (7, 8, 9, 10)]
    found = [FOUND, NOTHING, FOUND, detections([[0, 0, 1, 1]])]
    text = io.StringIO()
    join_detections(image_lines(records, {"candidate": DetectionColumns.of(found)}, CATEGORY_IDS), 0, text)
    read = found_in(io.StringIO(text.getvalue()), [7, 8, 10], CATEGORY_IDS)
    assert list(read) == [7, 8, 10]
    for image_id, expected in ((7, FOUND), (8, NOTHING), (10, found[3])):
        for name, values in vars(expected).items():
            assert np.array_equal(getattr(read[image_id], name), values)


def test_no_detections_at_all_can_be_read() -> None:
    text = io.StringIO()
    join_detections(iter([]), 0, text)
    assert len(found_in(io.StringIO(text.getvalue()), [7], CATEGORY_IDS)[7].labels) == 0


def test_a_probe_goes_to_a_file_and_back() -> None:
    images = {8: ("b.png", b"bb\0"), 7: ("ä/a.png", b"a")}
    whole = probe_of({7: FOUND, 8: NOTHING}, images, ["cat", "dog"])
    read = ServingProbe.from_bytes(whole.to_bytes(), "here")
    assert (read.class_names, read.file_names) == (("cat", "dog"), ("ä/a.png", "b.png"))
    assert read.images == (b"a", b"bb\0")
    assert read.detections.image.tolist() == [0, 0]
    assert np.array_equal(read.detections.boxes_xywh_px, FOUND.boxes_xywh_px)
    assert np.array_equal(read.detections.scores, FOUND.scores)


def test_large_images_are_left_out_but_for_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe_module, "_MOST_BYTES", 25)
    images = {image_id: (f"{image_id}.png", b"x" * 10) for image_id in range(4)}
    found = dict.fromkeys(range(4), FOUND)
    assert probe_of(found, images, ["cat", "dog"]).file_names == ("0.png", "1.png")
    assert probe_of(found, {0: ("0.png", b"x" * 30)}, ["cat", "dog"]).file_names == ("0.png",)
