"""Boxes in another order than COCO's are told by the objects that they would lie on; bad detectors are let in."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ratchet.components.coco.box_formats import XYXY, YXHW, YXYX
from ratchet.components.coco.reading import CocoAnnotations, read_truth
from ratchet.components.map_evaluator.evaluate_files import evaluate_files
from ratchet.components.map_evaluator.other_boxes import refuse_other_boxes
from ratchet.components.map_evaluator.settings import EvaluatorSettings
from ratchet.schemas.base.errors import DataError
from ratchet.schemas.data.columns import DetectionColumns
from tests.builders import coco, coco_annotation, coco_image, to_bytes

WIDTH_PX, HEIGHT_PX, IMAGES = 400.0, 300.0, 60


def truth_of(path: Path, sizes: bool = True) -> CocoAnnotations:
    """Three objects an image, anywhere in it."""
    dice = np.random.default_rng(0)
    annotations = []
    for place in range(3 * IMAGES):
        width, height = dice.uniform(30, 120, 2)
        corner = dice.uniform(0, [WIDTH_PX - width, HEIGHT_PX - height])
        box = [*corner.tolist(), width, height]
        annotations.append(coco_annotation(place, place // 3 + 1, bbox=box, area=width * height))
    size = {"width": WIDTH_PX, "height": HEIGHT_PX} if sizes else {"width": 0, "height": 0}
    images = [coco_image(place + 1, **size) for place in range(IMAGES)]
    (path / "g.json").write_bytes(to_bytes(coco(images=images, annotations=annotations)))
    return read_truth(path / "g.json")


def detector(truth: CocoAnnotations, seen: float = 0.7, wrong: int = 100) -> DetectionColumns:
    """A part of the objects, drawn over the border here and there, and boxes that lie anywhere."""
    dice = np.random.default_rng(1)
    rows = np.flatnonzero(dice.random(len(truth.objects.labels)) < seen)
    boxes = truth.objects.boxes_xywh_px[rows] + dice.normal(0, 4, (len(rows), 4))
    size = dice.uniform(20, 150, (wrong, 2))
    corner = dice.uniform(0, 1, (wrong, 2)) * (np.array([WIDTH_PX, HEIGHT_PX]) - size)
    return columns(
        np.concatenate([truth.objects.image[rows], dice.integers(0, IMAGES, wrong)]),
        np.concatenate([boxes, np.column_stack([corner, size])]),
    )


def columns(image: np.ndarray, boxes: np.ndarray) -> DetectionColumns:
    count = len(image)
    return DetectionColumns(image, boxes, np.ones(count, np.int64), np.linspace(0.9, 0.1, count))


def written(found: DetectionColumns, order: str) -> DetectionColumns:
    x, y, width, height = found.boxes_xywh_px.T
    numbers = {
        XYXY.order: (x, y, x + width, y + height),
        YXYX.order: (y, x, y + height, x + width),
        YXHW.order: (y, x, height, width),
    }
    return columns(found.image, np.stack(numbers[order], axis=1))


def refusal(truth: CocoAnnotations, found: DetectionColumns) -> str:
    with pytest.raises(DataError) as caught:
        refuse_other_boxes("d.json", truth, found)
    return str(caught.value)


@pytest.mark.parametrize("sizes", [True, False])
@pytest.mark.parametrize("order", [XYXY.order, YXYX.order, YXHW.order])
def test_another_order_is_told_with_or_without_sizes_of_images(tmp_path: Path, order: str, sizes: bool) -> None:
    truth = truth_of(tmp_path, sizes)
    refuse_other_boxes("d.json", truth, detector(truth))
    message = refusal(truth, written(detector(truth), order))
    assert message.startswith(f"d.json: the boxes look like {order}, where COCO has [x, y, width, height] in pixels: ")
    entry = re.search(r"the first such entry is (\d+) \(image (\d+)\): bbox \[", message)
    assert entry
    assert int(entry[2]) == truth.image_ids[detector(truth).image[int(entry[1])]]
    assert "convert the boxes to [x, y, width, height]" in message
    assert ("% of the boxes leave their image" in message) == sizes


@pytest.mark.parametrize("sizes", [True, False])
def test_corners_of_a_weak_detector_are_told(tmp_path: Path, sizes: bool) -> None:
    truth = truth_of(tmp_path, sizes)
    assert XYXY.order in refusal(truth, written(detector(truth, seen=0.35, wrong=400), XYXY.order))
    assert XYXY.order in refusal(truth, written(detector(truth, seen=0.15, wrong=10), XYXY.order))


@pytest.mark.parametrize("sizes", [True, False])
@pytest.mark.parametrize("wrong", [20, 300, 6_000])
def test_a_bad_detector_is_let_in(tmp_path: Path, wrong: int, sizes: bool) -> None:
    truth = truth_of(tmp_path, sizes)
    for seen in (0.0, 0.1, 0.3):
        refuse_other_boxes("d.json", truth, detector(truth, seen, wrong))
    found = detector(truth, 1.0, wrong)
    for factor in (0.3, 0.6, 1.6, 3.0):  # too tight and too loose, so that many leave their image
        x, y, width, height = found.boxes_xywh_px.T
        grown = x + width / 2 * (1 - factor), y + height / 2 * (1 - factor), width * factor, height * factor
        refuse_other_boxes("d.json", truth, columns(found.image, np.stack(grown, axis=1)))
    for offset in ([20, 0, 0, 0], [0, 60, 0, 0], [60, 60, 0, 0]):  # as of a border that was not taken off
        refuse_other_boxes("d.json", truth, columns(found.image, found.boxes_xywh_px + np.array(offset)))
    half = np.array([0.5, 0.5, 0, 0]) * np.tile(found.boxes_xywh_px[:, 2:], 2)
    refuse_other_boxes("d.json", truth, columns(found.image, found.boxes_xywh_px + half))
    refuse_other_boxes("d.json", truth, columns((found.image + 1) % IMAGES, found.boxes_xywh_px))
    everything = np.tile([0.0, 0.0, WIDTH_PX, HEIGHT_PX], (len(found.image), 1))
    refuse_other_boxes("d.json", truth, columns(found.image, everything))


@pytest.mark.parametrize("count", [19, 20])
def test_few_detections_say_nothing(tmp_path: Path, count: int) -> None:
    truth = truth_of(tmp_path, sizes=False)
    whole = written(detector(truth, 1.0, 0), XYXY.order)
    found = DetectionColumns(*(values[:count] for values in vars(whole).values()))
    if count == 20:
        assert XYXY.order in refusal(truth, found)
    else:
        refuse_other_boxes("d.json", truth, found)


@pytest.mark.parametrize("model", ["candidate", "baseline"])
def test_either_file_is_refused_by_its_name(tmp_path: Path, model: str) -> None:
    truth = truth_of(tmp_path)
    files = {}
    for name, found in {"right": detector(truth), "corners": written(detector(truth), XYXY.order)}.items():
        files[name] = tmp_path / f"{name}.json"
        files[name].write_text(json.dumps(entries(truth, found)))
    names = ("corners", "right") if model == "candidate" else ("right", "corners")
    candidate, baseline = (files[name] for name in names)
    with pytest.raises(DataError, match=r"corners\.json: the boxes look like \[x1, y1, x2, y2\]"):
        evaluate_files(tmp_path / "g.json", candidate, baseline, EvaluatorSettings())


def entries(truth: CocoAnnotations, found: DetectionColumns) -> list[dict[str, Any]]:
    ids = truth.image_ids[found.image].tolist()
    return [
        {"image_id": image, "category_id": 3, "bbox": box, "score": score}
        for image, box, score in zip(ids, found.boxes_xywh_px.tolist(), found.scores.tolist())
    ]


def test_objects_in_the_corner_where_both_orders_are_the_same_say_nothing(tmp_path: Path) -> None:
    truth = truth_of(tmp_path)
    truth.objects.boxes_xywh_px[:, :2] = 0
    found = detector(truth, 0.15, 0)
    found.boxes_xywh_px[:, :2] = 0
    refuse_other_boxes("d.json", truth, found)


def test_a_detector_that_is_off_to_the_left_is_let_in(tmp_path: Path) -> None:
    truth = truth_of(tmp_path)
    truth.objects.boxes_xywh_px[:] = [0, 0, 100, 80]
    boxes = np.tile([-50.0, 0, 100, 80], (len(truth.objects.image), 1))  # as corners they would be on the objects
    refuse_other_boxes("d.json", truth, columns(truth.objects.image, boxes))
