from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.trainer.model.box_shapes import BoxShapes
from schemas.base.errors import DataError

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
