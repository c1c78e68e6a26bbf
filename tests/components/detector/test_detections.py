from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ratchet.components.detector.detections import renumbered, renumbering, to_columns
from ratchet.schemas.base.errors import StateError
from ratchet.schemas.data.columns import DetectionColumns


def columns(**changes: Any) -> DetectionColumns:
    """Two images with two and one detections; the rest of each row is padding."""
    found = {
        "boxes_yxyx_px": np.array([[[1, 2, 4, 6], [0, 0, 5, 5]], [[3, 1, 9, 2], [np.nan, 9, 0, 0]]], np.float32),
        "labels": np.array([[3, 1], [2, 0]], np.int32),
        "scores": np.array([[0.5, 0.25], [0.75, np.nan]], np.float32),
        "num_detections": np.array([2, 1], np.int32),
    } | changes
    return to_columns("candidate", np.array([7, 9]), 3, **found)


def test_padding_is_left_out_and_boxes_are_turned() -> None:
    found = columns()
    assert found.image.tolist() == [0, 0, 1]
    assert found.boxes_xywh_px.tolist() == [[2, 1, 4, 3], [0, 0, 5, 5], [1, 3, 1, 6]]
    assert found.labels.tolist() == [3, 1, 2]
    assert found.scores.tolist() == [0.5, 0.25, 0.75]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"boxes_yxyx_px": np.full((2, 2, 4), np.inf)}, "image 7 the box .*inf.* finite"),
        ({"boxes_yxyx_px": np.array([[[4, 2, 1, 6]] * 2] * 2)}, "in the order ymin, xmin, ymax, xmax"),
        ({"scores": np.full((2, 2), np.nan)}, "the score nan"),
        ({"labels": np.array([[3, 1], [4, 0]])}, r"image 9 the label 4, which must be within 1\.\.3"),
        ({"labels": np.array([[0, 1], [2, 0]])}, r"image 7 the label 0"),
    ],
)
def test_nonsense_of_a_model_is_named_with_image_and_value(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(StateError, match=message) as caught:
        columns(**changes)
    assert str(caught.value).startswith("candidate: ")


def test_labels_are_renumbered_by_the_names_of_their_classes() -> None:
    own, wanted = ("dog", "owl", "cat"), ("cat", "fox", "dog")
    numbers = renumbering(own, wanted)
    assert numbers.tolist() == [0, 3, 0, 1]
    found = renumbered(columns(), numbers)  # of labels 3, 1, 2
    assert found.labels.tolist() == [1, 3]
    assert found.image.tolist() == [0, 0]
    assert found.boxes_xywh_px.tolist() == [[2, 1, 4, 3], [0, 0, 5, 5]]
    assert found.scores.tolist() == [0.5, 0.25]


def test_an_equal_label_map_changes_nothing() -> None:
    names = ("cat", "dog", "fox")
    found, before = renumbered(columns(), renumbering(names, names)), columns()
    assert all(np.array_equal(values, vars(before)[name]) for name, values in vars(found).items())


def test_a_batch_without_detections_is_empty() -> None:
    assert columns(num_detections=np.array([0, 0])).boxes_xywh_px.shape == (0, 4)
