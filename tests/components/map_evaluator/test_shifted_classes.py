from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ratchet.components.coco.reading import CocoAnnotations, read_truth
from ratchet.components.map_evaluator.shifted_classes import refuse_shifted_classes
from ratchet.schemas.base.errors import DataError
from ratchet.schemas.data.columns import DetectionColumns
from tests.builders import coco, coco_annotation, coco_image, to_bytes


def truth_of(path: Path, ids: list[int], used: list[int], images: int = 40) -> CocoAnnotations:
    """Two objects an image, whose categories take turns among the used ones."""
    annotations = [
        coco_annotation(
            place, place // 2 + 1, category_id=used[place % len(used)], bbox=[5 + 30 * (place % 2), 5, 20, 9]
        )
        for place in range(2 * images)
    ]
    document = coco(
        categories=[{"id": number, "name": f"c{number}"} for number in ids],
        images=[coco_image(place + 1) for place in range(images)],
        annotations=annotations,
    )
    (path / "g.json").write_bytes(to_bytes(document))
    return read_truth(path / "g.json")


def found_in(
    truth: CocoAnnotations, label: Callable[[np.ndarray], np.ndarray], offset_px: float = 1
) -> DetectionColumns:
    """Every object found under other labels, with an unsure detection of the first class beside each."""
    objects = truth.objects
    count = len(objects.labels)
    return DetectionColumns(
        image=np.tile(objects.image, 2)[::-1],
        boxes_xywh_px=np.tile(objects.boxes_xywh_px + np.array([offset_px, 0, 0, 0]), (2, 1))[::-1],
        labels=np.concatenate([label(objects.labels), np.repeat(label(objects.labels)[:1], count)])[::-1],
        scores=np.repeat([0.9, 0.1], count)[::-1],
    )


def refusal(truth: CocoAnnotations, found: DetectionColumns) -> str:
    with pytest.raises(DataError) as caught:
        refuse_shifted_classes("d.json", truth, found)
    return str(caught.value)


def test_a_file_that_counts_from_0_and_never_finds_the_first_class_is_refused(tmp_path: Path) -> None:
    truth = truth_of(tmp_path, [1, 2, 3, 4], [2, 3, 4])
    message = refusal(truth, found_in(truth, lambda labels: labels - 1))
    assert message.startswith(
        "d.json: the category ids are not those of the ground truth: they count the classes from 0"
    )
    assert (
        "of 80 objects that a detection lies on, it names the category of 0 %, and would name that of 100 %" in message
    )
    assert "; add 1 to each, which docs/evaluation.md shows" in message


def test_a_category_that_stands_for_nothing_hides_no_shift(tmp_path: Path) -> None:
    truth = truth_of(tmp_path, [0, 1, 2, 3], [1, 2, 3])  # as Roboflow writes its categories
    assert "add 1 to each" in refusal(truth, found_in(truth, lambda labels: labels - 1))
    refuse_shifted_classes("d.json", truth, found_in(truth, lambda labels: labels))


def test_a_file_that_counts_from_1_and_never_finds_the_last_class_is_refused(tmp_path: Path) -> None:
    truth = truth_of(tmp_path, [0, 1, 2, 3], [0, 1, 2])
    assert "subtract 1 from each" in refusal(truth, found_in(truth, lambda labels: labels + 1))


def test_places_of_categories_are_told_from_their_ids(tmp_path: Path) -> None:
    truth = truth_of(tmp_path, [1, 2, 3, 5, 6], [3, 5])  # they stand at 2 and 3, and no id is 4
    message = refusal(truth, found_in(truth, lambda labels: labels - 1))
    assert "give each the id at that place" in message


@pytest.mark.parametrize("images", [9, 10])
def test_few_objects_say_nothing(tmp_path: Path, images: int) -> None:
    truth = truth_of(tmp_path, [1, 2, 3, 4], [2, 3, 4], images)
    found = found_in(truth, lambda labels: labels - 1)
    if images == 10:
        assert "20 objects" in refusal(truth, found)
    else:
        refuse_shifted_classes("d.json", truth, found)


def test_boxes_that_lie_on_nothing_say_nothing(tmp_path: Path) -> None:
    truth = truth_of(tmp_path, [1, 2, 3, 4], [2, 3, 4])
    refuse_shifted_classes("d.json", truth, found_in(truth, lambda labels: labels - 1, offset_px=15))


def test_a_bad_model_is_no_shift(tmp_path: Path) -> None:
    truth = truth_of(tmp_path, [1, 2, 3, 4], [2, 3, 4])
    dice = np.random.default_rng(0)
    refuse_shifted_classes("d.json", truth, found_in(truth, lambda labels: dice.integers(1, 4, len(labels))))
    refuse_shifted_classes("d.json", truth, found_in(truth, lambda labels: np.full(len(labels), 1)))
    half = np.arange(80) % 4 > 0  # three quarters are shifted, the others right: some class is confused
    refuse_shifted_classes("d.json", truth, found_in(truth, lambda labels: labels - half))


def test_exchanged_classes_are_no_shift(tmp_path: Path) -> None:
    truth = truth_of(tmp_path, [1, 2], [1, 2])
    refuse_shifted_classes("d.json", truth, found_in(truth, lambda labels: 3 - labels))


def test_crowds_and_no_detections_say_nothing(tmp_path: Path) -> None:
    truth = truth_of(tmp_path, [1, 2, 3, 4], [2, 3, 4])
    found = found_in(truth, lambda labels: labels - 1)
    truth.objects.is_crowd[:] = True
    refuse_shifted_classes("d.json", truth, found)
    empty = DetectionColumns(*(array[:0] for array in vars(found).values()))
    refuse_shifted_classes("d.json", truth, empty)
