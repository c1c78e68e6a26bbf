from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.example_gen.box_check import explain, is_sound
from components.example_gen.dataset import read_source
from components.example_gen.labelled import COCO_BBOX, TFRECORD_BBOX, VOC_BNDBOX, YOLO_LINE, BoxField
from schemas.data.dataset import BadBoxes
from tests.builders import coco, coco_annotation, coco_image, write_span
from tests.components.example_gen.deliveries import write_voc

WIDTH, HEIGHT = 640, 400


def true_boxes(count: int = 60, seed: int = 3) -> np.ndarray:
    """[n, 4] COCO boxes, twice as wide as high, anywhere in an image of 640 x 400 px."""
    random = np.random.default_rng(seed)
    height = random.uniform(20, 120, count)
    width = height * random.uniform(1.6, 2.4, count)
    x, y = random.uniform(0, WIDTH - width), random.uniform(0, HEIGHT - height)
    return np.stack([x, y, width, height], axis=1)


def coco_faults() -> dict[str, Callable[..., tuple[Any, ...]]]:
    return {
        "[x1, y1, x2, y2]": lambda x, y, w, h: (x, y, x + w, y + h),
        "x, y, width, height that were taken for corners": lambda x, y, w, h: (x, y, w - x, h - y),
        "[y, x, height, width]": lambda x, y, w, h: (y, x, h, w),
        "[y1, x1, y2, x2]": lambda x, y, w, h: (y, x, y + h, x + w),
        "[center x, center y, width, height]": lambda x, y, w, h: (x + w / 2, y + h / 2, w, h),
    }


def bad_boxes_of(tmp_path: Path, boxes: np.ndarray) -> BadBoxes:
    images = [coco_image(1, width=WIDTH, height=HEIGHT)]
    annotations = [coco_annotation(n, 1, bbox=box) for n, box in enumerate(boxes.tolist(), 1)]
    for annotation in annotations:
        del annotation["area"]
    return read_source(str(write_span(tmp_path / "span", coco(images=images, annotations=annotations)))).bad_boxes


def format_of(bad: np.ndarray, good: np.ndarray | None = None, size: tuple[int, int] = (WIDTH, HEIGHT)) -> str | None:
    """What COCO boxes of one image are explained as."""
    good = np.zeros((0, 4)) if good is None else good
    return explain(bad, bad, np.full((len(bad), 2), size), good, COCO_BBOX)


@pytest.mark.parametrize(
    ("box", "sound"),
    [
        ([0, 0, WIDTH + 1, HEIGHT], True),
        ([0, 0, WIDTH, HEIGHT + 1.1], False),
        ([-1, -1, 5, 5], True),
        ([-1.1, 0, 5, 5], False),
        ([WIDTH, 0, 1, 5], False),
        ([5, 5, 0, 3], False),
        ([5, 5, 3, -3], False),
    ],
)
def test_a_box_has_an_area_and_may_be_a_pixel_over_the_border(box: list[float], sound: bool) -> None:
    assert is_sound(np.array([box], np.float64), np.array([[WIDTH, HEIGHT]], np.float64)).tolist() == [sound]


@pytest.mark.parametrize("fault", coco_faults())
def test_boxes_in_another_order_are_explained(tmp_path: Path, fault: str) -> None:
    boxes = np.stack(coco_faults()[fault](*true_boxes().T), axis=1)
    bad = bad_boxes_of(tmp_path, np.concatenate([true_boxes(30, seed=4), boxes]))
    assert (bad.count >= 3, bad.of, bad.guessed_format) == (True, 90, fault)


def test_boxes_that_are_all_in_another_order_are_explained(tmp_path: Path) -> None:
    x, y, w, h = true_boxes().T
    assert bad_boxes_of(tmp_path, np.stack([x, y, x + w, y + h], axis=1)).guessed_format == "[x1, y1, x2, y2]"


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda x, y, w, h: (x, y, w, h), "fractions of the image, 0..1"),
        (lambda x, y, w, h: (x, y, x + w, y + h), "[x1, y1, x2, y2] as fractions of the image, 0..1"),
    ],
)
def test_fractions_are_bad_all_together_and_explained(
    tmp_path: Path, make: Callable[..., tuple[Any, ...]], expected: str
) -> None:
    boxes = np.stack(make(*(true_boxes() / [WIDTH, HEIGHT, WIDTH, HEIGHT]).T), axis=1)
    if expected.startswith("["):
        boxes = boxes[(boxes[:, :2] + boxes[:, 2:] <= 1).all(axis=1)]  # the others end outside of the first pixel
    bad = bad_boxes_of(tmp_path, boxes)
    assert (bad.count, bad.of) == (len(boxes), len(boxes))
    assert "fractions of the image, 0..1" in str(bad.guessed_format)
    assert "ends within the image's first pixel" in bad.examples[0]


def test_noise_is_not_explained(tmp_path: Path) -> None:
    boxes = np.random.default_rng(0).uniform(-900, 900, (200, 4))
    bad = bad_boxes_of(tmp_path, boxes)
    assert bad.count > 150
    assert bad.guessed_format is None


def test_fewer_than_three_boxes_explain_nothing() -> None:
    x, y, w, h = true_boxes().T
    corners = np.stack([x, y, x + w, y + h], axis=1)
    corners = corners[~is_sound(corners, np.full((len(corners), 2), [WIDTH, HEIGHT]))]
    assert format_of(corners[:2]) is None
    assert format_of(corners[:3]) == "[x1, y1, x2, y2]"


def test_nine_tenths_of_the_boxes_are_enough_and_less_is_not() -> None:
    junk = np.array([[-500.0, -500, -500, -500]])
    x, y, w, h = true_boxes().T
    corners = np.stack([x, y, x + w, y + h], axis=1)
    for junk_count, expected in ((6, "[x1, y1, x2, y2]"), (7, None)):
        mixed = np.concatenate([corners[:54], np.repeat(junk, junk_count, axis=0)])
        assert format_of(mixed) == expected


def test_of_two_equal_formats_the_one_like_the_good_boxes_is_taken() -> None:
    x, y, w, h = true_boxes().T
    good = true_boxes(30, seed=5)
    for boxes, expected in (((x, y, x + w, y + h), "[x1, y1, x2, y2]"), ((y, x, y + h, x + w), "[y1, x1, y2, x2]")):
        # In a square image swapped corners are sound as well.
        assert format_of(np.stack(boxes, axis=1), good, size=(640, 640)) == expected


@pytest.mark.parametrize("shift", [3, 10, 20, -10])
def test_boxes_that_are_a_little_outside_are_not_taken_for_centered_ones(shift: float) -> None:
    boxes = true_boxes(300) + np.array([shift, shift, 0, 0])
    is_bad = ~is_sound(boxes, np.full((300, 2), [WIDTH, HEIGHT]))
    assert is_bad.sum() > 3
    assert format_of(boxes[is_bad], boxes[~is_bad]) is None


@pytest.mark.parametrize(
    ("form", "make", "expected"),
    [
        (VOC_BNDBOX, lambda x, y, w, h: (x, y, w, h), "[x, y, width, height]"),
        (VOC_BNDBOX, lambda x, y, w, h: (x + w, y + h, x, y), "[x2, y2, x1, y1]"),
        (VOC_BNDBOX, lambda x, y, w, h: (y, x, y + h, x + w), "[y1, x1, y2, x2]"),
        (
            VOC_BNDBOX,
            lambda x, y, w, h: (x, y, 2 * x + w, 2 * y + h),
            "corners that were taken for x, y, width, height",
        ),
        (YOLO_LINE, lambda x, y, w, h: (x + w / 2, y + h / 2, w, h), "pixels"),
        (YOLO_LINE, lambda x, y, w, h: (x / WIDTH, y / HEIGHT, w / WIDTH, h / HEIGHT), "[x, y, width, height]"),
        (
            YOLO_LINE,
            lambda x, y, w, h: (x / WIDTH, y / HEIGHT, (x + w) / WIDTH, (y + h) / HEIGHT),
            "[x1, y1, x2, y2]",
        ),
        (TFRECORD_BBOX, lambda x, y, w, h: (x, y, x + w, y + h), "pixels"),
        (TFRECORD_BBOX, lambda x, y, w, h: (x / WIDTH, y / HEIGHT, w / WIDTH, h / HEIGHT), "[x, y, width, height]"),
        (
            TFRECORD_BBOX,
            lambda x, y, w, h: ((x + w) / WIDTH, (y + h) / HEIGHT, x / WIDTH, y / HEIGHT),
            "[x2, y2, x1, y1]",
        ),
    ],
)
def test_faults_of_the_other_formats_are_explained(
    form: BoxField, make: Callable[..., tuple[Any, ...]], expected: str
) -> None:
    given_boxes = np.stack(make(*true_boxes().T), axis=1)
    sizes = np.full((len(given_boxes), 2), [WIDTH, HEIGHT])
    boxes = form.format.boxes(given_boxes, sizes)
    is_bad = ~is_sound(boxes, sizes)
    assert is_bad.sum() >= 3
    good = true_boxes(30, seed=6)
    assert explain(given_boxes[is_bad], boxes[is_bad], sizes[is_bad], good, form) == expected


def test_swapped_corners_in_xml_are_explained(tmp_path: Path) -> None:
    corners = [(30 + n, 35, 10 + n, 5) for n in range(4)]
    span = write_voc(tmp_path / "span", [[("cat", box) for box in corners], [("dog", (2, 4, 34, 28))]])
    assert read_source(str(span)).bad_boxes.guessed_format == "[x2, y2, x1, y1]"


@given(st.lists(st.floats(-1e9, 1e9), min_size=4, max_size=4), st.integers(1, 65_535), st.integers(1, 65_535))
def test_no_number_makes_a_format_fail(numbers: list[float], width: int, height: int) -> None:
    for form in (COCO_BBOX, VOC_BNDBOX, YOLO_LINE, TFRECORD_BBOX):
        boxes = np.array([numbers] * 3)
        names = [meant.beside(form.format) for meant in form.mistaken]
        assert explain(boxes, boxes, np.array([[width, height]] * 3), np.ones((1, 4)), form) in (None, *names)
