from __future__ import annotations

import numpy as np
import pytest

from ratchet.components.example_gen.endings import class_endings, unlabelled_end


def empty_images(images: int, share: float, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random(images) < share


@pytest.mark.parametrize("share", [0.0, 0.05, 0.2])
def test_the_images_after_the_last_label_are_counted(share: float) -> None:
    is_empty = empty_images(300, share)
    is_empty[239] = False
    is_empty[240:] = True
    assert unlabelled_end(is_empty) == 60


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("share", [0.01, 0.3, 0.9, 0.98])
def test_empty_images_in_any_order_are_no_end(share: float, seed: int) -> None:
    assert unlabelled_end(empty_images(400, share, seed)) == 0


def test_scenes_without_objects_that_come_and_go_are_no_end() -> None:
    """A fixed camera by day and night, and the span ends at night."""
    assert unlabelled_end(np.tile(np.repeat([False, True], [40, 30]), 4)) == 0


def test_a_data_set_without_labels_and_one_without_images_have_no_end() -> None:
    assert unlabelled_end(np.ones(50, np.bool_)) == 0
    assert unlabelled_end(np.zeros(0, np.bool_)) == 0


def shown(images: int = 300, classes: int = 5, share: float = 0.3) -> np.ndarray:
    return np.random.default_rng(3).random((classes, images)) < share


def test_a_class_that_stops_while_the_others_go_on_is_told_with_its_last_image() -> None:
    has_class = shown()
    has_class[2, 179], has_class[2, 180:] = True, False
    assert class_endings(has_class) == {2: 180}


def test_labels_that_stop_altogether_are_no_end_of_a_class() -> None:
    has_class = shown()
    has_class[:, 200:] = False
    assert class_endings(has_class) == {}


def test_images_that_are_sorted_by_class_are_no_unfinished_labels() -> None:
    has_class = np.repeat(np.eye(6, dtype=np.bool_), 50, axis=1)
    assert class_endings(has_class) == {}
    assert class_endings(has_class[:2, :100]) == {}


def test_a_rare_class_ends_by_chance() -> None:
    has_class = shown()
    has_class[1] = False
    has_class[1, [5, 40, 90, 95, 120]] = True
    assert class_endings(has_class) == {}
