from __future__ import annotations

import numpy as np
import pytest

from components.map_evaluator.coco_files import coco_ground_truth, coco_results
from components.map_evaluator.evaluate import compare, run_models
from components.map_evaluator.settings import EvaluatorSettings
from schemas.errors import StateError
from schemas.records import Detections, GroundTruth, ImageRecord, record_to_json

BOXES = np.array([[10.0, 10.0, 30.0, 30.0], [60.0, 20.0, 20.0, 40.0]])
LABELS = np.array([1, 2])


def moved(pixels: float) -> np.ndarray:
    return BOXES + np.array([pixels, 0.0, 0.0, 0.0])


def record(image_id: int) -> ImageRecord:
    truth = GroundTruth(moved(image_id), LABELS, np.array([900.0, 800.0]), np.zeros(2, bool))
    return ImageRecord(image_id, f"{image_id}.jpg", 100, 100, truth)


def batch(*image_ids: int) -> list[tuple[bytes, bytes]]:
    return [(record_to_json(record(image_id)), str(image_id).encode()) for image_id in image_ids]


BATCHES = [batch(4, 2), batch(9)]


class Shifted:
    """Finds every object, `offset_px` too far right."""

    def __init__(self, offset_px: float) -> None:
        self._offset_px = offset_px

    def detect(self, encoded: list[bytes]) -> list[Detections]:
        return [Detections(moved(int(name) + self._offset_px), LABELS, np.array([0.9, 0.8])) for name in encoded]


def test_every_model_is_scored_on_the_same_images() -> None:
    runs, records = run_models({"candidate": Shifted(0), "baseline": Shifted(8)}, BATCHES, 3)
    assert [record.image_id for record in records] == [2, 4, 9]
    candidate, baseline = (runs[name].scores(("cat", "dog")) for name in ("candidate", "baseline"))
    assert candidate.coco["AP"] == pytest.approx(1.0)
    assert candidate.per_class == {"cat": pytest.approx(1.0), "dog": pytest.approx(1.0)}
    # 8 px of 30: IoU .579, two thresholds of ten; 8 px of 20: IoU .429, none.
    assert baseline.per_class == {"cat": pytest.approx(0.2), "dog": pytest.approx(0.0)}
    delta = compare(runs["candidate"], runs["baseline"], EvaluatorSettings(resamples=100))
    assert delta.value == pytest.approx(0.9)
    assert delta.lo <= 0.9 <= delta.hi


def test_a_class_without_ground_truth_is_undefined_not_zero() -> None:
    runs, _ = run_models({"candidate": Shifted(0)}, BATCHES, 3)
    assert runs["candidate"].scores(("cat", "dog", "fox")).per_class["fox"] == -1.0


@pytest.mark.parametrize("expected", [2, 4])
def test_a_lost_or_surplus_image_is_an_error_not_another_score(expected: int) -> None:
    with pytest.raises(StateError, match=f"3 images were read where ExampleGen wrote {expected}"):
        run_models({"candidate": Shifted(0)}, BATCHES, expected)


def test_coco_files_carry_the_data_sets_own_category_ids_and_annotation_ids_from_1() -> None:
    truth = coco_ground_truth([record(4)], ("cat", "dog"), (3, 7))
    assert truth["categories"] == [{"id": 3, "name": "cat"}, {"id": 7, "name": "dog"}]
    assert [(a["id"], a["category_id"], a["bbox"]) for a in truth["annotations"]] == [
        (1, 3, [14.0, 10.0, 30.0, 30.0]),
        (2, 7, [64.0, 20.0, 20.0, 40.0]),
    ]
    [first, second] = coco_results({4: Shifted(0).detect([b"4"])[0]}, (3, 7))
    assert first == {"image_id": 4, "category_id": 3, "bbox": [14.0, 10.0, 30.0, 30.0], "score": 0.9}
    assert second["category_id"] == 7
