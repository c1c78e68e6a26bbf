from __future__ import annotations

import numpy as np
import pytest

from ratchet.components.map_evaluator import probe as probe_module
from ratchet.components.map_evaluator.probe import chosen_images, probe_of
from ratchet.components.metrics.accumulator import Accumulator
from ratchet.components.metrics.matching import match
from ratchet.schemas.artifacts.serving_probe import ServingProbe
from ratchet.schemas.data.columns import DetectionColumns, TruthColumns
from ratchet.schemas.data.records import Detections
from tests.builders import detections, ground_truth

NOTHING = detections([])
FOUND = detections([[1.5, 2, 30, 40], [5, 5, 9, 1 / 3]], [2, 1], [0.75, 0.25])


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


def test_a_probe_goes_to_a_file_and_back() -> None:
    images = [("ä/a.png", b"a"), ("b.png", b"bb\0")]
    whole = probe_of(DetectionColumns.of([FOUND, NOTHING]), images, ["cat", "dog"])
    read = ServingProbe.from_bytes(whole.to_bytes(), "here")
    assert (read.class_names, read.file_names) == (("cat", "dog"), ("ä/a.png", "b.png"))
    assert read.images == (b"a", b"bb\0")
    assert read.detections.image.tolist() == [0, 0]
    assert np.array_equal(read.detections.boxes_xywh_px, FOUND.boxes_xywh_px)
    assert np.array_equal(read.detections.scores, FOUND.scores)


def test_large_images_are_left_out_but_for_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe_module, "_MOST_BYTES", 25)
    images = [(f"{number}.png", b"x" * 10) for number in range(4)]
    probe = probe_of(DetectionColumns.of([FOUND] * 4), images, ["cat", "dog"])
    assert (probe.file_names, probe.detections.image.tolist()) == (("0.png", "1.png"), [0, 0, 1, 1])
    large = probe_of(DetectionColumns.of([FOUND]), [("0.png", b"x" * 30)], ["cat", "dog"])
    assert large.file_names == ("0.png",)
