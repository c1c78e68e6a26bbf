"""Dataset shift is named by the property that moved farthest on its own, and cleared where nothing moved."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ratchet.components.diagnosis.bundle import Bundle
from ratchet.components.diagnosis.dataset_shift import examine
from ratchet.schemas.artifacts.data_evidence import EMBEDDING, SKEW
from ratchet.schemas.artifacts.decisions import Reason, Verdict
from ratchet.schemas.artifacts.diagnosis import DATASET_SHIFT, CauseFinding, CauseState
from ratchet.schemas.data import features
from tests.components.diagnosis.bundles import (
    bundle,
    clean_comparisons,
    comparison,
    data_set,
    delta,
    dynamics,
    evaluation_of,
    label_evidence,
    retrained,
)

SHIFTED = {"golden": -0.1, "held_out": 0.08, "earlier": -0.08}
REJECTED: dict[str, Any] = {"candidate": None, "evaluation": None, "golden": None, "verdict": Verdict.DATA_REJECTED}


def moved(feature: str, distance: float = 0.6, **fields: Any) -> list:
    """A clean span but for one feature."""
    others = [each for each in clean_comparisons() if each.feature != feature]
    return [*others, comparison(feature, distance, **fields)]


def the_one(run: Bundle) -> CauseFinding:
    [finding] = examine(run)
    assert finding.cause == DATASET_SHIFT
    return finding


@pytest.mark.parametrize(
    ("feature", "detail"),
    [
        (features.QA_BRIGHTNESS, "lighting"),
        (features.QA_CONTRAST, "lighting"),
        (features.QA_BOX_LOG_AREA, "distance"),
        (features.QA_SHARPNESS, "blur"),
        (features.QA_HUE, "colour"),
        (features.QA_RED_CAST, "colour"),
        (features.QA_NOISE, "noise"),
        (features.BOX_CLASS, "classes"),
        (EMBEDDING, "camera"),
        ("source/camera", "camera"),
    ],
)
def test_the_property_that_moved_is_named(feature: str, detail: str) -> None:
    finding = the_one(bundle(comparisons=moved(feature), deltas=SHIFTED))
    assert (finding.detail, finding.state) == (detail, CauseState.SUPPORTED)
    assert "training.retrain.replay: 0.5 -> 0.75" in finding.action


def test_a_move_little_beyond_what_passes_names_nothing_whatever_the_images_cost() -> None:
    near, far = (the_one(bundle(comparisons=moved(features.QA_NOISE, d), deltas=SHIFTED)) for d in (0.14, 0.22))
    assert (near.state, near.probability) == (CauseState.OPEN, 0.5)
    assert far.state is CauseState.SUPPORTED


def test_a_part_that_moved_little_names_nothing_unless_the_gate_s_word_is_all_there_is() -> None:
    part = Reason("part:drift:qa/contrast", "", "a part is duller", strength=1.3)
    run = bundle(reasons=[part], deltas=SHIFTED)
    assert the_one(run).state is not CauseState.SUPPORTED
    rejected = bundle(reasons=[part], candidate=None, evaluation=None, golden=None, verdict=Verdict.DATA_REJECTED)
    assert (the_one(rejected).detail, the_one(rejected).state) == ("lighting", CauseState.SUPPORTED)


def test_a_span_within_the_noise_is_cleared_whatever_falls() -> None:
    finding = the_one(bundle(deltas=SHIFTED))
    assert (finding.detail, finding.state) == ("", CauseState.REFUTED)


def test_what_was_not_compared_cannot_be_tested() -> None:
    assert the_one(bundle(comparisons=[], deltas=SHIFTED)).state is CauseState.NOT_TESTABLE
    assert the_one(bundle(comparisons=[comparison(kind=SKEW, distance=0.9)])).state is CauseState.NOT_TESTABLE


def test_moves_as_between_earlier_spans_are_no_shift() -> None:
    usual = moved(features.QA_BRIGHTNESS, 0.2, limit=0.25, effect_size=0.3, moved_before=(0.1, 0.4))
    assert the_one(bundle(comparisons=usual, deltas=SHIFTED)).state is CauseState.REFUTED


def test_what_follows_from_another_finding_names_nothing() -> None:
    compared = [comparison(features.QA_BRIGHTNESS, 0.5), comparison(features.QA_SHARPNESS, 0.7)]
    follows = Reason("drift:qa/sharpness", "", "", True, True, strength=5.0, cause="drift:qa/brightness")
    dark = Reason("drift:qa/brightness", "", "half as bright", strength=4.0)
    assert the_one(bundle(comparisons=compared, reasons=[dark, follows], deltas=SHIFTED)).detail == "lighting"


def test_of_properties_that_moved_as_far_the_farthest_comes_first_and_a_slight_one_is_left_out() -> None:
    compared = [
        comparison(features.QA_BRIGHTNESS, 0.4),
        comparison(features.QA_BOX_LOG_AREA, 0.5),
        comparison(features.QA_HUE, 0.12),
    ]
    found = examine(bundle(comparisons=compared, deltas=SHIFTED))
    assert [each.detail for each in found] == ["distance", "lighting"]


def test_boxes_that_are_larger_because_they_are_drawn_so_are_no_distance() -> None:
    compared = moved(features.QA_BOX_LOG_AREA, 0.3)
    follows = Reason("drift:qa/box_log_area", "", "", True, True, strength=3.0, cause="labels:size")
    assert the_one(bundle(comparisons=compared, reasons=[follows], deltas=SHIFTED)).state is CauseState.REFUTED


def test_boxes_whose_area_moved_as_they_are_drawn_are_no_distance_either() -> None:
    compared = moved(features.QA_BOX_LOG_AREA, 0.3, effect_size=0.44)
    loose, tighter = label_evidence(log_width=0.22, log_height=0.22), label_evidence(log_width=0.06, log_height=0.06)
    assert the_one(bundle(comparisons=compared, labels=loose, deltas=SHIFTED)).state is CauseState.REFUTED
    assert the_one(bundle(comparisons=compared, labels=tighter, deltas=SHIFTED)).detail == "distance"


def test_labels_that_a_rule_found_at_fault_speak_against_it_without_figures() -> None:
    compared, wrong = moved(features.QA_BRIGHTNESS), Reason("labels:size", "", "drawn larger")
    finding = the_one(bundle(comparisons=compared, labels=None, reasons=[wrong], deltas=SHIFTED))
    assert [each.supports for each in finding.signals if each.name == "labels_equal"] == [False]


def test_a_baseline_that_is_as_good_in_the_span_speaks_against_it() -> None:
    compared = moved(features.QA_BRIGHTNESS)
    low, equal = (
        the_one(
            bundle(
                comparisons=compared,
                evaluation=evaluation_of(
                    {}, golden=data_set(-0.1, images=4000), held_out=data_set(0.08, baseline=baseline, images=2000)
                ),
            )
        )
        for baseline in (0.4, 0.73)
    )
    assert low.probability > equal.probability
    assert [each.supports for each in low.signals if each.name == "baseline_lower_on_span"] == [True]
    assert [each.supports for each in equal.signals if each.name == "baseline_lower_on_span"] == [False]


def test_labels_that_changed_and_a_fall_from_the_first_step_on_speak_against_it() -> None:
    compared = moved(features.QA_BRIGHTNESS)
    early = retrained(
        old=(0.73, 0.6, 0.4), new=(0.3, 0.4, 0.46), best_step=250, dynamics=dynamics(line=(0.65, 0.5, 0.4))
    )
    alone = the_one(bundle(comparisons=compared, deltas=SHIFTED))
    beside = the_one(
        bundle(comparisons=compared, deltas=SHIFTED, labels=label_evidence(log_width=0.2), candidate=early)
    )
    assert beside.probability < alone.probability


def test_one_moved_feature_alone_names_nothing_where_nothing_looks_like_it() -> None:
    same = {"golden": -0.1, "held_out": delta(-0.1), "earlier": delta(0.03)}
    assert the_one(bundle(comparisons=moved(features.QA_BRIGHTNESS), deltas=same)).state is not CauseState.SUPPORTED


def test_a_rejected_span_names_the_properties_in_the_order_of_the_gate() -> None:
    compared = [comparison(features.QA_BRIGHTNESS, 0.5), comparison(features.QA_NOISE, 0.4)]
    dark = Reason("drift:qa/brightness", "", "half as bright", strength=4.0, images=("dark.jpg",))
    noisy = Reason("drift:qa/noise", "", "noisier", strength=3.0)
    found = examine(bundle(comparisons=compared, reasons=[dark, noisy], **REJECTED))
    assert [each.detail for each in found] == ["lighting", "noise"]
    assert all(each.state is CauseState.SUPPORTED for each in found)
    assert found[0].probability > found[1].probability
    assert found[0].images == ("dark.jpg",)
    assert "data_gate.mode" in found[0].action


def test_a_part_of_the_span_that_drifted_is_named() -> None:
    blurred = Reason("part:drift:qa/sharpness", "", "blurred (only in camera = north)", strength=3.0)
    assert the_one(bundle(reasons=[blurred], **REJECTED)).detail == "blur"


def test_a_mode_that_would_not_let_the_span_pass_is_not_proposed() -> None:
    dark = Reason("drift:qa/brightness", "", "half as bright", strength=4.0)
    stops = Reason("classes:golden_set", "", "no bee in the span")
    finding = the_one(bundle(reasons=[dark, stops], **REJECTED))
    assert "data_gate.mode" not in finding.action
    assert "correct what stops every run (classes:golden_set)" in finding.action


def test_the_size_of_objects_is_told_as_a_share_of_the_image_and_not_as_a_logarithm() -> None:
    [moved_area] = [each for each in moved(features.QA_BOX_LOG_AREA) if each.feature == features.QA_BOX_LOG_AREA]
    medians = [replace(side, median=value) for side, value in ((moved_area.other, -3.19), (moved_area.span, -3.75))]
    told = replace(moved_area, other=medians[0], span=medians[1])
    finding = the_one(bundle(comparisons=[told], deltas=SHIFTED))
    assert "smaller in area, as from farther away: median 2.35 % of the image here, 4.12 % in" in finding.sentence
