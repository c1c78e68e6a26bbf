from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratchet.components.trainer.model.data_fit import BoxShapes, coverage, fit_input_size, resolve
from ratchet.components.trainer.model.model_settings import AnchorSettings, ModelSettings
from ratchet.schemas.base.errors import DataError
from ratchet.schemas.base.settings import from_json, to_json

FIXED = ModelSettings(min_level=3, max_level=5, input_size=(256, 320))
BOTH_AUTO = dataclasses.replace(FIXED, input_size="auto", anchors="auto")


def shapes(image: tuple[int, int], boxes: Sequence[tuple[float, float]], images: int = 1) -> BoxShapes:
    """Equal images, all boxes in the first."""
    return BoxShapes(np.array([image] * images), np.array(boxes), np.zeros(len(boxes), dtype=int))


NO_BOXES = BoxShapes(np.array([[100, 100]]), np.zeros((0, 2)), np.zeros(0))


def test_small_boxes_span_two_strides_of_the_finest_level() -> None:
    # The boxes are 20 px wide: 16 px at a scale of .8, and 960 * .8 = 768.
    assert fit_input_size(shapes((640, 960), [(40, 20)] * 10), 3, 5) == (512, 768)


def test_a_finer_level_needs_fewer_pixels() -> None:
    assert fit_input_size(shapes((640, 960), [(40, 20)] * 10), 2, 5) == (256, 384)


def test_large_boxes_leave_the_smallest_usual_input() -> None:
    assert fit_input_size(shapes((600, 800), [(400, 400)]), 3, 5) == (192, 256)


def test_tiny_boxes_do_not_enlarge_the_image() -> None:
    assert fit_input_size(shapes((480, 640), [(3, 3)]), 3, 5) == (480, 640)


def test_a_little_less_scale_is_better_than_a_row_of_places_more() -> None:
    # 384 x 640 would enlarge it; 384 x 512 shows it at .952 and 256 x 512 at .948.
    assert fit_input_size(shapes((270, 538), [(3, 3)]), 3, 7) == (256, 512)


def test_much_less_scale_is_not() -> None:
    # 512 x 640 would enlarge it; 384 x 640 shows it at .96, 512 x 512 and 384 x 512 at .85.
    assert fit_input_size(shapes((400, 600), [(3, 3)]), 3, 7) == (384, 640)


def test_tiny_boxes_in_huge_images_stop_at_the_limit() -> None:
    assert fit_input_size(shapes((3000, 4000), [(3, 3)]), 3, 7) == (768, 1024)


def test_an_image_smaller_than_one_place_gets_one_place() -> None:
    assert fit_input_size(shapes((28, 28), [(20, 10)]), 3, 7) == (128, 128)


def test_one_box_in_eleven_is_not_what_small_means() -> None:
    few_tiny = shapes((640, 640), [(4, 4)] + [(200, 200)] * 20)
    assert fit_input_size(few_tiny, 3, 5) == (256, 256)


def test_the_typical_image_is_the_median_one() -> None:
    sizes = np.array([[304, 400]] * 6 + [[3000, 3000]] * 4)
    assert fit_input_size(BoxShapes(sizes, np.full((10, 2), 5.0), np.arange(10)), 3, 4) == (304, 400)


@given(
    st.tuples(st.integers(20, 3000), st.integers(20, 3000)),
    st.floats(0.01, 1),
    st.integers(2, 4),
    st.integers(4, 8),
)
def test_the_size_is_a_multiple_within_limits(
    image: tuple[int, int], box_share: float, min_level: int, max_level: int
) -> None:
    box = (image[0] * box_share, image[1] * box_share)
    size = fit_input_size(shapes(image, [box]), min_level, max_level)
    stride = 2**max_level
    assert all(type(side) is int and side >= stride and side % stride == 0 for side in size)
    assert max(size) <= 1024
    scale = min(size[0] / image[0], size[1] / image[1])
    assert scale <= 1 or size == (stride, stride) or min(image) < stride
    ModelSettings(input_size=size, min_level=min_level, max_level=max_level)


def test_everything_auto_is_derived_and_nothing_else_is_touched() -> None:
    data = shapes((480, 640), [(60, 40), (90, 60), (150, 100)] * 30)
    fitted = resolve(BOTH_AUTO, data)
    assert fitted.fixed_input_size == (192, 256)
    assert fitted.fixed_anchors.aspect_ratios == pytest.approx((0.667,), rel=0.01)
    back = dataclasses.replace(fitted, input_size="auto", anchors="auto")
    assert back == BOTH_AUTO
    assert coverage(fitted, data).covered > 0.95


def test_what_is_given_is_kept() -> None:
    data = shapes((480, 640), [(60, 40)] * 9)
    assert resolve(dataclasses.replace(FIXED, anchors="auto"), data).input_size == FIXED.input_size
    assert resolve(dataclasses.replace(FIXED, input_size="auto"), data).anchors == FIXED.anchors


def test_anchors_are_fitted_to_boxes_as_large_as_in_the_input() -> None:
    original = shapes((512, 640), [(60, 40), (90, 60)] * 30)
    shrunk = shapes((256, 320), [(30, 20), (45, 30)] * 30)
    model = dataclasses.replace(FIXED, anchors="auto")
    assert resolve(model, original) == resolve(model, shrunk)


def test_settings_without_auto_need_no_boxes() -> None:
    assert resolve(FIXED, NO_BOXES) is FIXED


@pytest.mark.parametrize("name", ["input_size", "anchors"])
def test_nothing_is_derived_from_no_boxes(name: str) -> None:
    with pytest.raises(DataError, match=rf"^model\.{name} = 'auto': .* no boxes .* set model\.{name} yourself"):
        resolve(dataclasses.replace(FIXED, **{name: "auto"}), NO_BOXES)


@pytest.mark.parametrize("seed", range(3))
def test_a_record_gives_back_exactly_what_was_derived(seed: int) -> None:
    rng = np.random.default_rng(seed)
    data = BoxShapes(rng.integers(90, 900, (40, 2)), np.exp(rng.normal(3, 1, (90, 2))), rng.integers(0, 40, 90))
    fitted = resolve(BOTH_AUTO, data)
    assert from_json(ModelSettings, to_json(fitted)) == fitted
    assert isinstance(fitted.anchors, AnchorSettings)
    assert all(len(f"{number:g}") <= 6 for number in (*fitted.anchors.aspect_ratios, fitted.anchors.size))


SIDE = st.integers(1, 4000)


def test_boxes_shrink_with_their_own_image() -> None:
    shapes = BoxShapes(
        np.array([[100, 200], [400, 100]]), np.array([[10, 20], [40, 8], [30, 30]]), np.array([0, 1, 0])
    )  # into 100 x 100: by 1/2 and by 1/4
    assert shapes.letterboxed_px((100, 100)).tolist() == [[5, 10], [10, 2], [15, 15]]


@given(st.tuples(SIDE, SIDE), st.tuples(SIDE, SIDE))
def test_a_box_as_large_as_its_image_fits_and_touches_two_sides(image: tuple[int, int], size: tuple[int, int]) -> None:
    height, width = BoxShapes(np.array([image]), np.array([image]), np.array([0])).letterboxed_px(size)[0]
    assert height / width == pytest.approx(image[0] / image[1])
    assert max(height / size[0], width / size[1]) == pytest.approx(1)


@pytest.mark.parametrize("bad", [0.0, -3.0, np.nan, np.inf])
@pytest.mark.parametrize("name", ["image", "box"])
def test_a_size_that_is_no_size_is_named(name: str, bad: float) -> None:
    sizes = {"image": np.full((3, 2), 50.0), "box": np.full((3, 2), 5.0)}
    sizes[name][1, 1] = bad
    with pytest.raises(DataError, match=rf"^{name} 1 of the training spans: .*width {bad:g} px"):
        BoxShapes(sizes["image"], sizes["box"], np.arange(3))


@pytest.mark.parametrize(
    ("boxes", "rows", "message"),
    [
        (np.ones((2, 2)), [0], r"image_of_box: expected shape \(2,\), got \(1,\)"),
        (np.ones((2, 2)), [0, 1], "image_of_box: 0 to 1, but there are 1 images"),
        (np.ones((2, 2)), [-1, 0], "image_of_box: -1 to 0"),
        (np.ones((2, 4)), [0, 0], r"box_sizes_px: expected shape \(n, 2\), got \(2, 4\)"),
    ],
)
def test_arrays_that_do_not_belong_together_are_refused(boxes: np.ndarray, rows: list[int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        BoxShapes(np.ones((1, 2)), boxes, np.array(rows))


def test_images_without_boxes_are_allowed() -> None:
    shapes = BoxShapes(np.ones((3, 2)), np.zeros((0, 2)), np.array([]))
    assert shapes.letterboxed_px((8, 8)).shape == (0, 2)
