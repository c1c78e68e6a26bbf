"""Areas that contradict their boxes are replaced and told of; masks, whatever their shape, are not."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from ratchet.components.coco.areas import MendedAreas, mend_areas

RANDOM = np.random.default_rng(0)
BOXES = np.hstack([RANDOM.uniform(0, 500, (200, 2)), np.exp(RANDOM.uniform(1.6, 5.5, (200, 2)))])  # sides 5 to 245 px
OF_BOX = BOXES[:, 2] * BOXES[:, 3]
IMAGE_PX2 = RANDOM.choice([640 * 480, 1920 * 1080, 1280 * 720], 200)


def mended(
    area: np.ndarray, outlined: bool = False, boxes: np.ndarray = BOXES, crowd: np.ndarray | None = None
) -> MendedAreas:
    is_crowd = np.zeros(len(area), np.bool_) if crowd is None else crowd
    return mend_areas(
        *(boxes, np.asarray(area, np.float64), is_crowd, lambda index: f"annotations[{index}]"),
        (lambda: np.ones(len(area), np.bool_)) if outlined else None,
    )


WRONG: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "fractions of the image": lambda of_box: of_box / IMAGE_PX2,
    "fractions of one size of image": lambda of_box: of_box / (640 * 480),
    "nothing": np.zeros_like,
    "one": np.ones_like,
    "one number for all": lambda of_box: np.full_like(of_box, 2500.0),
    "of an image half as wide": lambda of_box: of_box / 4,
    "of an image twice as wide": lambda of_box: of_box * 4,
    "of images of other sizes": lambda of_box: of_box * RANDOM.choice([1.6, 2.5, 4.0], len(of_box)),
    "square millimetres": lambda of_box: of_box * 0.0007,
}


@pytest.mark.parametrize(
    ("kind", "outlined"),
    # With outlines, a quarter of the box may be a shape.
    [(kind, outlined) for kind in WRONG for outlined in (False, True) if not outlined or "half as wide" not in kind],
)
def test_areas_that_are_none_in_pixels_are_those_of_the_boxes(kind: str, outlined: bool) -> None:
    found = mended(WRONG[kind](OF_BOX), outlined)
    np.testing.assert_allclose(found.area_px2, OF_BOX, rtol=0.02)  # one number may be a few objects' own
    assert "of 200 objects have an area that contradicts their box" in found.told


@pytest.mark.parametrize("outlined", [False, True])
def test_areas_of_a_few_percent_of_their_boxes_are_shapes_only_with_outlines(outlined: bool) -> None:
    area = OF_BOX * RANDOM.uniform(0.015, 0.04, 200)
    expected = np.where(area > 1, area, OF_BOX) if outlined else OF_BOX  # what has no pixel is no shape either
    large = OF_BOX > 100  # of smaller ones a few percent are no whole pixel
    np.testing.assert_array_equal(mended(area[large], outlined, BOXES[large]).area_px2, expected[large])


MASKS: dict[str, np.ndarray] = {
    "the boxes' own": OF_BOX,
    "rounded": np.round(OF_BOX),
    "with one pixel more on each side": (BOXES[:, 2] + 1) * (BOXES[:, 3] + 1),
    "as in COCO": OF_BOX * RANDOM.beta(6, 4, 200),
    "circles": OF_BOX * np.pi / 4,
    "triangles": OF_BOX / 2,
    "thin and thick": OF_BOX * RANDOM.uniform(0.02, 1, 200),
}


@pytest.mark.parametrize("outlined", [False, True])
@pytest.mark.parametrize("kind", MASKS)
def test_areas_of_masks_stay_without_a_word(kind: str, outlined: bool) -> None:
    found = mended(MASKS[kind], outlined)
    np.testing.assert_array_equal(found.area_px2, MASKS[kind])
    assert not found.told


def test_a_few_odd_outlines_in_a_thousand_are_let_be() -> None:
    """As in COCO's own files."""
    boxes = np.tile(BOXES, (10, 1))
    area = boxes[:, 2] * boxes[:, 3] * 0.6
    area[[3, 700]] = [0, 1e6]
    assert not mended(area, outlined=True, boxes=boxes).told
    assert mended(area, boxes=boxes).told.startswith("2 of 2000 objects")


def test_single_annotations_are_mended_and_the_sound_ones_kept() -> None:
    area = OF_BOX * 0.6
    area[[4, 9, 150]] = [0, 1, 40 * OF_BOX[150]]
    found = mended(area)
    expected = OF_BOX * 0.6
    expected[[4, 9, 150]] = OF_BOX[[4, 9, 150]]
    np.testing.assert_array_equal(found.area_px2, expected)
    assert found.told == (
        "3 of 200 objects have an area that contradicts their box, whose own is used instead: "
        f"annotations[4] has area 0 in a box of {OF_BOX[4]:g} px^2; "
        "give areas in square pixels of the image, or leave them out"
    )


def test_half_a_file_of_fractions_beside_sound_areas_is_mended() -> None:
    area = OF_BOX * 0.6
    area[::2] = OF_BOX[::2] / IMAGE_PX2[::2]
    found = mended(area)
    np.testing.assert_array_equal(found.area_px2[::2], OF_BOX[::2])
    np.testing.assert_array_equal(found.area_px2[1::2], OF_BOX[1::2] * 0.6)


def test_crowds_and_boxes_without_area_keep_theirs() -> None:
    boxes = np.array([[0, 0, 100, 100], [0, 0, 0, 10.0]])
    area = np.array([3.0, 5.0])
    found = mended(area, boxes=boxes, crowd=np.array([True, False]))
    assert (found.area_px2.tolist(), found.told) == ([3.0, 5.0], "")


def test_a_crowd_keeps_the_area_that_an_object_would_not() -> None:
    area = OF_BOX.copy()
    area[:5] = OF_BOX[:5] * 3  # larger than the box
    crowd = np.arange(len(area)) < 5

    np.testing.assert_array_equal(mended(area, crowd=crowd).area_px2, area)
    np.testing.assert_array_equal(mended(area).area_px2, OF_BOX)


def test_inputs_stay_as_they_are() -> None:
    area = np.zeros(200)
    mended(area)
    assert not area.any()
