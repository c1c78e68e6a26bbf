from __future__ import annotations

import pytest

from ratchet.components.data_gate.explanation import COMPARABLE, in_order_of_explanation
from ratchet.schemas.artifacts.data_evidence import EMBEDDING
from ratchet.schemas.artifacts.decisions import DataDecision, Reason

DARK, CAST, FAR, BLUR, FLAT = (
    f"drift:qa/{name}" for name in ("brightness", "red_cast", "box_log_area", "sharpness", "contrast")
)
STRANGE = f"drift:{EMBEDDING}"
CLASSES = "drift:image/object/class/text"


def failed(name: str, strength: float | None = None) -> Reason:
    return Reason(name, "near", "far", strength=strength)


def warned(name: str, strength: float | None = None) -> Reason:
    return Reason(name, "near", "far", passed=True, warning=True, strength=strength)


def told(*reasons: Reason) -> dict[str, str | None]:
    """The rules in their order, each with its cause."""
    return {reason.rule: reason.cause for reason in in_order_of_explanation(reasons)}


def test_what_is_farthest_beyond_its_limit_comes_first_with_what_follows_from_it() -> None:
    blurred = told(failed(FAR, 1.3), failed(FLAT, 1.2), failed("labels:size", 3.0), failed(BLUR, 7.2))
    assert list(blurred.items()) == [(BLUR, None), (FAR, BLUR), (FLAT, BLUR), ("labels:size", BLUR)]


def test_of_comparable_findings_less_light_is_the_cause_of_less_contrast_and_not_the_other_way_round() -> None:
    dark = told(failed(STRANGE, 2.4), failed(FLAT, 4.0), failed(BLUR, 3.5), failed(DARK, 3.0))
    assert next(iter(dark)) == DARK
    assert set(dark.values()) == {None, DARK}


def test_small_objects_explain_a_comparable_loss_of_detail_and_follow_from_a_much_stronger_one() -> None:
    assert told(failed(BLUR, 3.9), failed(FAR, 2.0)) == {FAR: None, BLUR: FAR}
    assert told(failed(BLUR, 4.1), failed(FAR, 2.0)) == {BLUR: None, FAR: BLUR}


def test_a_weak_cause_does_not_explain_a_much_stronger_finding() -> None:
    # A little darker than usual, and half of the classes are wrong.
    both = told(failed(DARK, 1.1), failed("labels:classes", 1.1 * COMPARABLE + 0.01))
    assert list(both.items()) == [("labels:classes", None), (DARK, None)]
    assert told(failed(DARK, 1.1), failed("labels:classes", 1.1 * COMPARABLE))["labels:classes"] == DARK


@pytest.mark.parametrize("image_drift", [DARK, CAST, BLUR, STRANGE])
def test_where_the_images_have_drifted_the_model_is_no_judge_of_labels(image_drift: str) -> None:
    reasons = in_order_of_explanation([failed("labels:noise", 1.5), failed(image_drift, 1.5)])
    assert [(reason.rule, reason.passed, reason.warning, reason.cause) for reason in reasons] == [
        (image_drift, False, False, None),
        ("labels:noise", True, True, image_drift),
    ]


def test_boxes_that_are_drawn_loosely_are_larger_boxes_and_no_nearer_objects() -> None:
    assert told(failed(FAR, 3.2), failed("labels:size", 4.4)) == {"labels:size": None, FAR: "labels:size"}
    assert told(failed(FAR), failed("labels:size")) == {"labels:size": None, FAR: "labels:size"}


@pytest.mark.parametrize(
    ("cause", "follows"),
    [
        ("labels:noise", CLASSES),
        ("labels:classes", CLASSES),
        ("labels:offset", "drift:qa/num_truncated"),
        ("labels:size", "drift:qa/box_log_aspect"),
        ("labels:missing", "drift:qa/num_boxes"),
        ("labels:reading", "labels:offset"),
        (FAR, "drift:qa/num_boxes"),
        (BLUR, FLAT),
        (CAST, "drift:qa/blue_cast"),
        (DARK, "drift:first_span"),
        ("facts:unlabelled_end", "labels:missing"),
        ("facts:missing_classes", CLASSES),
        ("boxes:sound", "facts:small_objects"),
    ],
)
def test_a_fault_is_told_once(cause: str, follows: str) -> None:
    assert told(warned(follows), failed(cause)) == {cause: None, follows: cause}
    assert told(failed(follows), failed(cause)) == {cause: None, follows: cause}


def test_a_warning_never_explains_a_failure_away() -> None:
    reasons = in_order_of_explanation([warned(DARK, 0.9), failed(FLAT, 1.1)])
    assert [(reason.rule, reason.passed) for reason in reasons] == [(FLAT, False), (DARK, True)]
    assert told(warned(DARK, 0.9), failed("labels:size", 1.2))["labels:size"] is None


def test_warnings_explain_warnings() -> None:
    assert told(warned(FLAT, 0.6), warned(DARK, 0.7)) == {DARK: None, FLAT: DARK}


def test_what_the_model_sees_is_told_by_the_figure_that_explains_it() -> None:
    assert told(failed("drift:qa/noise", 1.5), failed(STRANGE, 2.9), failed("labels:size", 1.2)) == {
        "drift:qa/noise": None,
        STRANGE: "drift:qa/noise",
        "labels:size": "drift:qa/noise",
    }
    assert next(iter(told(failed(BLUR, 1.2), failed(STRANGE, 3.0)))) == STRANGE  # a slight blur is not all of it


def test_facts_come_before_what_was_measured_and_what_makes_an_evaluation_impossible_before_all() -> None:
    order = told(failed(DARK, 9.0), failed("leak"), failed("boxes:sound", 1.2), failed("golden_boxes"))
    assert list(order) == ["golden_boxes", "boxes:sound", "leak", DARK]


def test_boxes_that_were_left_out_are_not_missing_labels_as_well() -> None:
    assert told(failed("labels:missing", 4.0), failed(CLASSES, 1.5), failed("boxes:sound", 30.0)) == {
        "boxes:sound": None,
        "labels:missing": "boxes:sound",
        CLASSES: "boxes:sound",
    }


def test_boxes_in_another_format_are_no_matter_of_dark_images() -> None:
    order = told(failed("labels:reading", 20.0), failed(DARK, 3.0), failed("drift:qa/box_log_aspect", 3.0))
    assert order == {"labels:reading": None, "drift:qa/box_log_aspect": "labels:reading", DARK: None}


def test_a_rule_that_passed_explains_nothing_and_follows_from_nothing() -> None:
    fine = Reason("labels:size", "", "", passed=True)
    assert told(fine, failed(FAR, 2.0)) == {FAR: None, "labels:size": None}


def test_requests_are_other_images_than_the_span() -> None:
    assert told(failed("skew:qa/brightness", 3.0), failed("labels:size", 2.0), failed(FLAT, 2.0)) == {
        "skew:qa/brightness": None,
        FLAT: None,
        "labels:size": FLAT,
    }
    assert told(failed("skew:qa/brightness", 3.0), failed("skew:qa/contrast", 2.0))["skew:qa/contrast"] is not None


def test_a_part_of_a_span_is_no_cause_of_what_the_whole_shows_as_clearly() -> None:
    assert told(failed("part:labels:size", 9.0), failed(FAR, 4.0)) == {"part:labels:size": None, FAR: None}
    assert told(failed("part:labels:size", 5.0), failed(DARK, 9.0)) == {DARK: None, "part:labels:size": DARK}


def test_what_was_not_tested_is_neither_failed_nor_passed() -> None:
    untested = Reason("labels:noise", "enough", "too few", tested=False)
    reasons = in_order_of_explanation([Reason("schema", "", "", passed=True), untested, warned(FLAT), failed(DARK)])
    assert [reason.rule for reason in reasons] == [DARK, FLAT, "labels:noise", "schema"]
    decision = DataDecision(False, tuple(reasons))
    assert [reason.rule for reason in decision.failures] == [DARK]
    assert [reason.rule for reason in decision.following_from(decision.failures[0])] == [FLAT]
    assert [reason.rule for reason in decision.untested] == ["labels:noise"]
    assert {state.value: count for state, count in decision.counts.items()} == {
        "failed": 1,
        "follows": 1,
        "warning": 0,
        "not tested": 1,
        "passed": 1,
    }


def test_borders_that_light_made_even_follow_from_the_light() -> None:
    bright = told(failed("facts:outside_content", 4.5), failed(DARK, 2.8))
    assert next(iter(bright)) == DARK


def test_objects_that_are_small_for_the_detector_are_never_told_before_what_happened() -> None:
    assert next(iter(told(warned("facts:small_objects", 2.0), warned(DARK, 1.5)))) == DARK


def test_what_the_whole_shows_faintly_follows_from_the_part_that_shows_it_clearly() -> None:
    loose = told(failed("labels:jitter", 2.1), failed("part:labels:size", 6.0), warned(FAR, 1.3))
    assert list(loose.items()) == [
        ("part:labels:size", None),
        ("labels:jitter", "part:labels:size"),
        (FAR, "part:labels:size"),
    ]
