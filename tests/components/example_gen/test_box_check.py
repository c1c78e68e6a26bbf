from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratchet.components.example_gen.box_guess import explain, is_sound, larger_image
from ratchet.components.example_gen.dataset import read_source
from ratchet.components.example_gen.labelled import COCO_BBOX, TFRECORD_BBOX, VOC_BNDBOX, YOLO_LINE, BoxField
from ratchet.schemas.base.errors import DataError
from ratchet.schemas.data.dataset import BadBoxes
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
    assert (bad.count >= 3, bad.of) == (True, 90)
    turned = ", or as boxes of the picture turned by 90 degrees"  # they leave the image alike
    assert bad.guessed_format == fault + (turned if fault == "[y, x, height, width]" else "")


def test_boxes_that_are_all_in_another_order_are_explained(tmp_path: Path) -> None:
    x, y, w, h = true_boxes().T
    assert bad_boxes_of(tmp_path, np.stack([x, y, x + w, y + h], axis=1)).guessed_format == "[x1, y1, x2, y2]"


@pytest.mark.parametrize(
    ("make", "first"),
    [
        (lambda x, y, w, h: (x + w / 2, y + h / 2, w, h), "[center x, center y, width, height] as fractions"),
        (lambda x, y, w, h: (x, y, x + w, y + h), "[x1, y1, x2, y2] as fractions of the image, 0..1"),
        (lambda x, y, w, h: (x, y, w, h), "fractions of the image, 0..1"),
    ],
    ids=["yolo", "corners", "coco"],
)
def test_fractions_are_bad_all_together_and_explained(
    tmp_path: Path, make: Callable[..., tuple[Any, ...]], first: str
) -> None:
    boxes = np.stack(make(*(true_boxes() / [WIDTH, HEIGHT, WIDTH, HEIGHT]).T), axis=1)
    bad = bad_boxes_of(tmp_path, boxes)
    assert (bad.count, bad.of) == (len(boxes), len(boxes))
    assert str(bad.guessed_format).startswith(first)
    assert "has no number above 1, as if they were fractions, in an image of 640x400 px" in bad.examples[0]


@pytest.mark.parametrize("share", [0.02, 0.5, 0.98])
def test_fractions_among_pixels_are_found_one_by_one(tmp_path: Path, share: float) -> None:
    pixels, others = true_boxes(200), true_boxes(200, seed=4) / [WIDTH, HEIGHT, WIDTH, HEIGHT]
    others[:, :2] += others[:, 2:] / 2
    count = round(share * 200)
    bad = bad_boxes_of(tmp_path, np.concatenate([pixels[count:], others[:count]]))
    assert (bad.count, bad.of) == (count, 200)
    assert str(bad.guessed_format).startswith("[center x, center y, width, height] as fractions of the image, 0..1")


def test_whole_numbers_and_the_boxes_of_tiny_images_are_no_fractions(tmp_path: Path) -> None:
    assert bad_boxes_of(tmp_path, np.array([[0.0, 0, 1, 1], [10, 10, 20, 20], [1, 1, 1, 1]])).count == 0
    boxes = np.full((30, 4), 0.5)
    images = [coco_image(1, width=15, height=20)]
    annotations = [coco_annotation(n, 1, bbox=box, area=0.25) for n, box in enumerate(boxes.tolist(), 1)]
    span = write_span(tmp_path / "tiny", coco(images=images, annotations=annotations))
    assert read_source(str(span)).bad_boxes.count == 0


@pytest.mark.parametrize("make", [lambda b: b, lambda b: np.hstack([b[:, :2] + b[:, 2:] / 2, b[:, 2:]])])
def test_percent_of_the_image_are_bad_all_together(tmp_path: Path, make: Callable[[np.ndarray], np.ndarray]) -> None:
    boxes = make(true_boxes(200) / [WIDTH, HEIGHT, WIDTH, HEIGHT] * 100)
    bad = bad_boxes_of(tmp_path, boxes)
    assert (bad.count, bad.of) == (200, 200)
    assert "percent of the image, 0..100" in str(bad.guessed_format)
    assert "has no number above 100" in bad.examples[0]


def test_objects_in_a_corner_of_the_image_are_no_percent(tmp_path: Path) -> None:
    boxes = true_boxes(200) / [WIDTH, HEIGHT, WIDTH, HEIGHT] * 100
    assert bad_boxes_of(tmp_path, boxes * 0.7).count == 0  # they do not fill the hundred
    assert bad_boxes_of(tmp_path / "few", boxes[:19]).count == 0


def test_boxes_that_are_mostly_smaller_than_a_pixel_are_bad(tmp_path: Path) -> None:
    boxes = np.concatenate([true_boxes(40), true_boxes(60) * [1, 1, 0, 0] + [0, 0, 0.4, 0.3]])
    bad = bad_boxes_of(tmp_path, boxes)
    assert (bad.count, bad.guessed_format) == (60, None)
    assert "is smaller than a pixel, as most boxes here" in bad.examples[0]
    assert bad_boxes_of(tmp_path / "fewer", boxes[:70]).count == 0


@pytest.mark.parametrize("seed", range(6))
def test_of_corners_on_square_images_both_orders_are_named_the_usual_one_first(tmp_path: Path, seed: int) -> None:
    x, y, w, h = (true_boxes(seed=seed) * [1, 1, 0.6, 0.6]).T
    images = [coco_image(1, width=WIDTH, height=WIDTH)]
    corners = np.stack([x, y, x + w, y + h], axis=1)
    annotations = [coco_annotation(n, 1, bbox=box) for n, box in enumerate(corners.tolist(), 1)]
    for annotation in annotations:
        del annotation["area"]
    span = write_span(tmp_path / "span", coco(images=images, annotations=annotations))
    assert read_source(str(span)).bad_boxes.guessed_format == "[x1, y1, x2, y2] or [y1, x1, y2, x2]"


def test_an_example_never_contradicts_what_the_boxes_are_told_to_be(tmp_path: Path) -> None:
    x, y, w, h = true_boxes().T
    bad = bad_boxes_of(tmp_path, np.stack([y, x, y + h, x + w], axis=1))
    assert bad.guessed_format == "[y1, x1, y2, x2]"
    assert "looks like x1" not in str(bad.examples)
    bad = bad_boxes_of(tmp_path / "corners", np.stack([x, y, x + w, y + h], axis=1))
    assert "it looks like x1, y1, x2, y2" in str(bad.examples)


@pytest.mark.parametrize("factors", [(2.0, 2.0), (1.5, 1.2), (1.0, 1.6)])
def test_boxes_of_a_larger_image_are_told_with_its_size(factors: tuple[float, float]) -> None:
    boxes = true_boxes(300) * np.tile(factors, 2)
    words = larger_image(boxes, np.full((300, 2), [WIDTH, HEIGHT]))
    assert words is not None
    across, down = (float(text) for text in words.split("about ")[1].split(" px")[0].split("x"))
    assert (across / WIDTH, down / HEIGHT) == (pytest.approx(factors[0], rel=0.03), pytest.approx(factors[1], rel=0.03))


def test_a_few_boxes_far_outside_are_not_those_of_a_larger_image() -> None:
    boxes = true_boxes(300)
    boxes[:5] *= 2
    assert larger_image(boxes, np.full((300, 2), [WIDTH, HEIGHT])) is None


def test_a_golden_set_in_fractions_is_refused_with_the_format_and_the_fix(tmp_path: Path) -> None:
    boxes = true_boxes() / [WIDTH, HEIGHT, WIDTH, HEIGHT]
    boxes[:, :2] += boxes[:, 2:] / 2
    bad_boxes_of(tmp_path, boxes)
    with pytest.raises(DataError) as caught:
        read_source(str(tmp_path / "span"), strict=True)
    told = str(caught.value).splitlines()[0]
    assert "60 of 60 boxes make sense as [center x, center y, width, height] as fractions of the image, 0..1" in told
    assert told.endswith("a bbox is x, y, width, height in pixels: convert them")


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
    corners = [(60 + n, 46, 40 + n, 26) for n in range(4)]  # as sides they would reach beyond the image
    span = write_voc(tmp_path / "span", [[("cat", box) for box in corners], [("dog", (2, 4, 34, 28))]])
    assert read_source(str(span)).bad_boxes.guessed_format == "[x2, y2, x1, y1]"


@given(st.lists(st.floats(-1e9, 1e9), min_size=4, max_size=4), st.integers(1, 65_535), st.integers(1, 65_535))
def test_no_number_makes_a_format_fail(numbers: list[float], width: int, height: int) -> None:
    for form in (COCO_BBOX, VOC_BNDBOX, YOLO_LINE, TFRECORD_BBOX):
        boxes = np.array([numbers] * 3)
        names = [meant.beside(form.format) for meant in form.mistaken]
        found = explain(boxes, boxes, np.array([[width, height]] * 3), np.ones((1, 4)), form)
        assert found is None or set(found.split(" or ")) <= set(names)
        larger_image(np.repeat(boxes, 4, axis=0), np.array([[width, height]] * 12))


def test_a_few_bad_boxes_are_kept_to_be_drawn_as_given_and_as_they_are_meant(tmp_path: Path) -> None:
    true = true_boxes()
    found = bad_boxes_of(tmp_path, np.column_stack(coco_faults()["[x1, y1, x2, y2]"](*true.T)))
    assert 0 < len(found.drawn) <= 12 < found.count  # of one image
    meant = np.array([box.meant_xywh_px for box in found.drawn])
    assert all(np.isclose(true, box, atol=0.01).all(axis=1).any() for box in meant)
    given = np.array([box.given_xywh_px for box in found.drawn])
    np.testing.assert_allclose(given[:, 2:], meant[:, :2] + meant[:, 2:], atol=0.02)


def test_bad_boxes_that_nothing_explains_are_drawn_as_given_alone(tmp_path: Path) -> None:
    found = bad_boxes_of(tmp_path, np.array([[10.0, 10, 20, 20], [630.0, 10, 1e8, 20]]))
    [box] = found.drawn
    assert box.meant_xywh_px is None
    assert box.given_xywh_px == (630.0, 10.0, 1e6, 20.0)
