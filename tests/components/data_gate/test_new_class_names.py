from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratchet.components.data_gate.new_classes import NewClasses, beside_new_classes, boxes_of, shows_only
from ratchet.schemas.artifacts.decisions import Reason
from ratchet.schemas.data import features
from ratchet.schemas.data.feature_sample import FeatureSample

# Four images: a cat and a fox, nothing, two dogs, a fox.
SAMPLE = FeatureSample(
    images={features.QA_NUM_BOXES: np.array([2.0, 0, 2, 1])},
    objects={features.QA_BOX_LOG_AREA: np.array([-1.0, -2, -3, -4, -5])},
    labels=np.array([1, 3, 2, 2, 3]),
    box_counts=np.array([2, 0, 2, 1]),
    embeddings=np.arange(8.0).reshape(4, 2),
)
NAMES = st.lists(st.sampled_from("abcdef"), unique=True)


@given(NAMES, NAMES)
def test_every_class_is_known_new_or_lost(span: list[str], model: list[str]) -> None:
    new_classes = NewClasses.of(span, model)
    assert set(new_classes.known) == set(span) & set(model)
    assert sorted(new_classes.known + new_classes.new) == sorted(span)
    assert sorted(new_classes.known + new_classes.lost) == sorted(model)


def test_without_a_model_nothing_is_new() -> None:
    assert NewClasses.of(("cat",), None) == NewClasses(("cat",), (), ())


def test_boxes_of_some_classes_stay_with_their_images() -> None:
    kept = boxes_of(SAMPLE, [1, 2])
    assert kept.labels.tolist() == [1, 2, 2]
    assert kept.objects[features.QA_BOX_LOG_AREA].tolist() == [-1, -3, -4]
    assert kept.box_counts.tolist() == [1, 0, 2, 0]
    assert len(kept) == len(kept.embeddings) == 4
    assert kept.images[features.QA_NUM_BOXES].tolist() == [2, 0, 2, 1]


def test_boxes_of_all_classes_are_all_boxes() -> None:
    kept = boxes_of(SAMPLE, [1, 2, 3])
    assert kept.labels.tolist() == SAMPLE.labels.tolist()
    assert kept.box_counts.tolist() == SAMPLE.box_counts.tolist()


def test_images_that_show_no_other_class() -> None:
    assert shows_only(SAMPLE, [1, 2]).tolist() == [False, True, True, False]
    assert shows_only(SAMPLE, [1, 2, 3]).all()
    assert shows_only(SAMPLE, []).tolist() == [False, True, False, False]


def drifted(feature: str, passed: bool = False) -> Reason:
    return Reason(f"drift:{feature}", "little", "far", passed=passed, images=("a.jpg",))


def test_without_new_classes_a_rule_says_what_it_said() -> None:
    assert beside_new_classes(drifted("embedding"), (), are_apart=False) == drifted("embedding")


@pytest.mark.parametrize("feature", [features.BOX_CLASS, features.QA_BOX_LOG_AREA])
def test_rules_on_boxes_say_what_was_left_out_and_still_fail(feature: str) -> None:
    reason = beside_new_classes(drifted(feature), ("fox",), are_apart=False)
    assert not reason.passed
    assert reason.expected == "little, boxes of new classes left out"


def test_rules_on_images_stay_as_they_are() -> None:
    dark = drifted(features.QA_BRIGHTNESS)
    assert beside_new_classes(dark, ("fox",), are_apart=False) == dark


def test_images_that_look_different_stop_a_run_only_if_it_is_not_the_new_objects() -> None:
    apart = beside_new_classes(drifted("embedding"), ("fox",), are_apart=True)
    assert (apart.passed, apart.expected) == (False, "little, images with new classes left out")
    mixed = beside_new_classes(drifted("embedding"), ("fox",), are_apart=False)
    assert (mixed.passed, mixed.warning, mixed.images) == (True, True, ("a.jpg",))
    assert "new classes" in mixed.actual
    same = drifted("embedding", passed=True)
    assert beside_new_classes(same, ("fox",), are_apart=False) == same
