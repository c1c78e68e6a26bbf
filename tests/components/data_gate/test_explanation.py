from __future__ import annotations

import pytest

from components.data_gate.explanation import in_order_of_explanation
from schemas.artifacts.data_evidence import EMBEDDING
from schemas.artifacts.decisions import Reason


def rule(name: str, passed: bool = False) -> Reason:
    return Reason(name, "", "far", passed=passed)


def test_light_explains_sharpness_and_small_objects_explain_contrast() -> None:
    names = ["qa/contrast", "qa/sharpness", "qa/box_log_area", "qa/brightness", EMBEDDING]
    ordered = in_order_of_explanation([], [rule(f"drift:{name}") for name in names])
    assert [reason.rule for reason in ordered] == [
        "drift:qa/brightness",
        "drift:qa/box_log_area",
        "drift:qa/sharpness",
        "drift:qa/contrast",
        "drift:embedding",
    ]


def test_boxes_drawn_loosely_explain_larger_boxes() -> None:
    reasons = in_order_of_explanation(
        [rule("labels:size")], [rule("drift:qa/box_log_area"), rule("drift:qa/box_center_x")]
    )
    assert [(reason.rule, reason.passed) for reason in reasons] == [
        ("labels:size", False),
        ("drift:qa/box_log_area", True),
        ("drift:qa/box_center_x", False),
    ]
    assert reasons[1].actual == "far (explained by labels:size)"


@pytest.mark.parametrize("feature", ["qa/brightness", "qa/sharpness", EMBEDDING])
def test_on_drifted_images_the_model_is_no_judge_of_labels(feature: str) -> None:
    reasons = in_order_of_explanation([rule("labels:size")], [rule(f"drift:{feature}"), rule("drift:qa/box_log_area")])
    assert {reason.rule: (reason.passed, reason.warning) for reason in reasons} == {
        "labels:size": (True, True),
        f"drift:{feature}": (False, False),
        "drift:qa/box_log_area": (False, False),
    }
    assert "doubtful" in reasons[0].actual


def test_boxes_in_another_order_are_no_matter_of_the_images() -> None:
    reasons = in_order_of_explanation(
        [rule("labels:reading")], [rule("drift:qa/brightness"), rule("drift:qa/box_log_aspect")]
    )
    assert [(reason.rule, reason.passed) for reason in reasons] == [
        ("labels:reading", False),
        ("drift:qa/brightness", False),
        ("drift:qa/box_log_aspect", True),
    ]


def test_a_passed_label_rule_explains_nothing() -> None:
    reasons = in_order_of_explanation([rule("labels:size", passed=True)], [rule("drift:qa/box_log_area")])
    assert not reasons[1].passed


def test_boxes_that_were_left_out_are_not_missing_labels_as_well() -> None:
    reasons = in_order_of_explanation(
        [rule("boxes:sound"), rule("labels:missing")], [rule("drift:image/object/class/text")]
    )
    assert [(reason.rule, reason.passed) for reason in reasons] == [
        ("boxes:sound", False),
        ("labels:missing", True),
        ("drift:image/object/class/text", True),
    ]
    assert "explained by boxes:sound" in reasons[1].actual


def test_unsound_boxes_fail_on_whatever_images() -> None:
    reasons = in_order_of_explanation([rule("boxes:sound")], [rule("drift:qa/brightness")])
    assert not reasons[0].passed


def test_missing_labels_explain_the_warning_that_there_are_fewer() -> None:
    warning = Reason("drift:qa/num_boxes", "", "lower", passed=True, warning=True)
    reasons = in_order_of_explanation([rule("labels:missing")], [warning])
    assert (reasons[1].passed, reasons[1].warning) == (True, False)
    assert reasons[1].actual == "lower (explained by labels:missing)"


@pytest.mark.parametrize(
    ("cause", "explained"),
    [
        ("labels:noise", "image/object/class/text"),
        ("labels:classes", "image/object/class/text"),
        ("labels:offset", "qa/num_truncated"),
        ("labels:size", "qa/box_log_aspect"),
        ("labels:missing", "qa/num_boxes"),
    ],
)
def test_a_fault_of_the_labels_is_told_once(cause: str, explained: str) -> None:
    reasons = in_order_of_explanation([rule(cause)], [rule(f"drift:{explained}")])
    assert [reason.passed for reason in reasons] == [False, True]
    assert reasons[1].actual == f"far (explained by {cause})"
