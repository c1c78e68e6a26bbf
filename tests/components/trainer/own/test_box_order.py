"""Boxes with x before y are told from boxes that are merely bad."""

from __future__ import annotations

import numpy as np

from ratchet.components.trainer.own.box_order import x_comes_first


def scene(images: int = 4) -> list[np.ndarray]:
    draw = np.random.default_rng(3)
    corners = draw.uniform(0, 90, (images, 3, 2))
    return [np.concatenate([corner, corner + draw.uniform(15, 30, (3, 2))], axis=1) for corner in corners]


def scored(boxes: list[np.ndarray]) -> list[tuple[np.ndarray, np.ndarray]]:
    return [(each, np.linspace(0.9, 0.1, len(each))) for each in boxes]


def test_boxes_that_fit_only_with_x_first_are_named_with_counts() -> None:
    objects = scene()
    hits = x_comes_first(scored([boxes[:, [1, 0, 3, 2]] for boxes in objects]), objects)
    assert hits is not None
    as_read, otherwise = hits
    assert otherwise == 12
    assert as_read * 4 <= otherwise


def test_right_boxes_bad_ones_and_none_are_not_accused() -> None:
    objects = scene()
    assert x_comes_first(scored(objects), objects) is None
    assert x_comes_first(scored([np.tile([[0.0, 0.0, 9.0, 9.0]], (3, 1))] * 4), objects) is None
    assert x_comes_first(scored([np.empty((0, 4))] * 4), objects) is None
    assert x_comes_first([], []) is None


def test_a_square_on_the_diagonal_fits_both_orders_and_proves_nothing() -> None:
    objects = [np.array([[10.0, 10.0, 40.0, 40.0]])] * 8
    assert x_comes_first(scored(objects), objects) is None


def test_only_the_surest_detections_count() -> None:
    objects = scene()
    junk = np.tile([[0.0, 0.0, 3.0, 3.0]], (9, 1))
    late = [np.concatenate([junk, boxes[:, [1, 0, 3, 2]]]) for boxes in objects]
    assert x_comes_first(scored(late), objects) is None
