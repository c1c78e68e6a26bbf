from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratchet.components.coco.wrong_format import find_wrong_format

ORDERS = {
    "[x1, y1, x2, y2]": lambda b: np.hstack([b[:, :2], b[:, :2] + b[:, 2:]]),
    "[y1, x1, y2, x2]": lambda b: np.hstack([b[:, 1::-1], (b[:, :2] + b[:, 2:])[:, ::-1]]),
    "[y, x, height, width]": lambda b: b[:, [1, 0, 3, 2]],
}


def sizes(count: int, width: float = 640, height: float = 480) -> np.ndarray:
    return np.tile([float(width), float(height)], (count, 1))


def inside(count: int, sizes_px: np.ndarray, seed: int = 0) -> np.ndarray:
    """Boxes [n, 4] within their images, of up to half of their sides."""
    random = np.random.default_rng(seed)
    sides = random.uniform(0.02, 0.5, (count, 2)) * sizes_px
    return np.hstack([random.random((count, 2)) * (sizes_px - sides), sides])


def overhanging(count: int, over: int, share: float) -> np.ndarray:
    """Corner boxes of which `over` reach, read as sides, beyond a 100 px image by a share of it."""
    boxes = np.tile([10.0, 10, 40, 40], (count, 1))
    boxes[:over] = [10 + 100 * share, 10, 90, 40]
    return boxes


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("size", [(640, 480), (375, 500), (1920, 1080)])
def test_wrong_orders_are_recognised(order: str, size: tuple[int, int]) -> None:
    size_px = sizes(100, *size)
    wrong = find_wrong_format(ORDERS[order](inside(100, size_px)), size_px)
    assert wrong is not None
    assert wrong.looks_like == order
    assert "of the 100 boxes stick out of their image by more than 5%" in wrong.because


def test_in_square_images_both_orders_of_corners_are_named() -> None:
    size_px = sizes(50, 300, 300)
    wrong = find_wrong_format(ORDERS["[x1, y1, x2, y2]"](inside(50, size_px)), size_px)
    assert wrong is not None
    assert wrong.looks_like == "[x1, y1, x2, y2] or [y1, x1, y2, x2]"


def test_the_example_is_the_first_box_that_sticks_out() -> None:
    boxes = overhanging(10, 5, 0.2)[::-1]
    wrong = find_wrong_format(boxes, sizes(10, 100, 100))
    assert wrong is not None
    assert wrong.example == 5


@pytest.mark.parametrize(
    ("boxes", "suspected"),
    [
        (overhanging(10, 3, 0.051), True),
        (overhanging(10, 2, 0.051), False),  # a fifth is not more than a fifth
        (overhanging(10, 3, 0.049), False),
        (overhanging(9, 9, 0.3), False),  # too few boxes
        (np.vstack([overhanging(30, 20, 0.3), [[50, 50, 50, 60]]]), False),  # x2 = x1 cannot be a corner
        (np.vstack([overhanging(30, 20, 0.3), [[50, 50, 101, 60]]]), True),  # rounded outwards
        (np.vstack([overhanging(30, 20, 0.3), [[50, 50, 101.1, 60]]]), False),  # sticks out as corners too
        (np.vstack([overhanging(30, 20, 0.3), [[-1.1, 50, 60, 60]]]), False),
    ],
)
def test_limits_of_the_suspicion(boxes: np.ndarray, suspected: bool) -> None:
    assert (find_wrong_format(boxes, sizes(len(boxes), 100, 100)) is not None) == suspected


def test_one_unknown_size_ends_the_suspicion() -> None:
    size_px = sizes(40, 100, 100)
    boxes = overhanging(40, 30, 0.3)
    assert find_wrong_format(boxes, size_px) is not None
    size_px[7, 1] = np.nan
    assert find_wrong_format(boxes, size_px) is None


def test_fractions_of_the_image_are_recognised() -> None:
    boxes = inside(10, sizes(10, 1, 1))
    wrong = find_wrong_format(boxes, sizes(10, 16, 16))
    assert wrong is not None
    assert wrong.looks_like == "fractions of the image, 0..1"
    assert find_wrong_format(boxes, sizes(10, 16, 15)) is None
    assert find_wrong_format(boxes[:9], sizes(9, 16, 16)) is None
    stray = [[0, 0, 1.6, 1]]
    assert find_wrong_format(np.vstack([boxes, stray]), sizes(11)) is None
    many = find_wrong_format(np.vstack([inside(99, sizes(99, 1, 1)), stray]), sizes(100))
    assert many is not None
    assert many.because == "no number of 99 of the 100 boxes is over 1.5"


def test_boxes_of_a_detector_that_finds_nothing_are_no_fractions() -> None:
    assert find_wrong_format(np.zeros((20, 4)), sizes(20)) is None
    assert find_wrong_format(np.tile([0.0, 0, 1, 1], (20, 1)), sizes(20)) is None


def test_no_boxes_are_not_suspected() -> None:
    assert find_wrong_format(np.empty((0, 4)), np.empty((0, 2))) is None


@given(st.integers(0, 2**32 - 1), st.integers(10, 60), st.integers(16, 2000), st.integers(16, 2000))
def test_boxes_that_barely_leave_the_image_are_never_suspected(seed: int, count: int, width: int, height: int) -> None:
    size_px = sizes(count, width, height)
    start, end = np.sort(np.random.default_rng(seed).uniform(-0.049, 1.049, (2, count, 2)), axis=0) * size_px
    assert find_wrong_format(np.hstack([start, end - start]), size_px) is None


@given(
    st.integers(0, 2**32 - 1),
    st.integers(30, 200),
    st.sampled_from([(640, 480), (480, 640), (600, 640), (416, 416), (1920, 1080)]),
    st.floats(0.2, 1.0),
)
def test_boxes_drawn_over_the_border_are_not_suspected(
    seed: int, count: int, size: tuple[int, int], largest: float
) -> None:
    """A detector without clipping: centres anywhere in the image, sides up to a share of it."""
    size_px = sizes(count, *size)
    random = np.random.default_rng(seed)
    sides = random.random((count, 2)) * largest * size_px
    centres = random.random((count, 2)) * size_px
    assert find_wrong_format(np.hstack([centres - sides / 2, sides]), size_px) is None
