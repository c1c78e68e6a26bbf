from __future__ import annotations

from typing import Any

import pytest

from ratchet.components.data_gate.coping import Behaviour, Coping
from ratchet.components.data_gate.drift_rules import drift_reason, lineage_reason, too_few, unknown_to_model
from ratchet.components.data_gate.settings import DataGateSettings
from ratchet.schemas.artifacts.data_evidence import EMBEDDING, Comparison, Distribution
from ratchet.schemas.artifacts.decisions import State
from ratchet.schemas.base.errors import ConfigError
from ratchet.schemas.base.settings import load
from ratchet.schemas.data import features

SETTINGS = DataGateSettings()


def numbers(median: float) -> Distribution:
    return Distribution(shares=(1.0,), edges=(0.0, 255.0), values=100, median=median)


def comparison(**parts: Any) -> Comparison:
    whole: dict[str, Any] = {
        "kind": "drift",
        "feature": features.QA_BRIGHTNESS,
        "measure": "jensen shannon divergence",
        "distance": 0.9,
        "limit": 0.1,
        "noise": 0.05,
        "other": numbers(63.0),
        "span": numbers(21.0),
        "effect_size": 1.1,
    }
    return Comparison(**whole | parts)


def test_what_moved_and_passed_says_why_it_passed() -> None:
    beyond = {"distance": 0.2, "limit": 0.1}
    within = drift_reason(comparison(**beyond, effect_size=0.05), SETTINGS)
    harmless = drift_reason(comparison(**beyond, feature=features.QA_NOISE, effect_size=0.9), SETTINGS)
    assert (within.state, harmless.state) == (State.PASSED, State.PASSED)
    assert within.actual.endswith("; that is within what is allowed")
    assert harmless.actual.endswith("; less of it is no fault")


def test_a_dark_span_fails_in_plain_words() -> None:
    reason = drift_reason(comparison(), SETTINGS, ("dark.jpg",))
    assert (reason.rule, reason.passed, reason.images) == ("drift:qa/brightness", False, ("dark.jpg",))
    assert reason.actual == "the images are 67 % darker: median brightness 21 of 255 here, 63 in training"
    assert reason.expected == "brightness within 11 % of the training data"
    assert reason.measure == (
        "Jensen-Shannon divergence 0.9, limit 0.1, of which chance reaches 0.05; effect size 1.1, 0.12 stops a run"
    )


@pytest.mark.parametrize(
    ("parts", "passed", "warning"),
    [
        ({"distance": 0.05}, True, False),  # within its limit, however far it moved
        ({"effect_size": 0.12}, False, False),  # just what a person would notice
        ({"effect_size": 0.11}, True, True),  # too little to stop a run, enough to look at
        ({"effect_size": 0.05}, True, False),  # beyond chance, and yet nothing that a person would notice
        ({"feature": features.QA_NUM_BOXES}, True, True),  # never stops a run
        ({"feature": EMBEDDING, "effect_size": 0.05}, False, False),
        ({"feature": EMBEDDING, "effect_size": 0.03}, True, True),
        ({"feature": features.BOX_CLASS, "distance": 0.3, "effect_size": None}, False, False),
        ({"feature": features.BOX_CLASS, "distance": 0.2, "effect_size": None}, True, True),
        ({"feature": "source/camera", "distance": 0.5, "effect_size": None}, False, False),
    ],
)
def test_distance_and_effect_size_decide_together(parts: dict[str, Any], passed: bool, warning: bool) -> None:
    reason = drift_reason(comparison(**parts), SETTINGS)
    assert (reason.passed, reason.warning) == (passed, warning)


def test_the_minimum_effect_can_be_set_for_a_feature() -> None:
    settings = load(DataGateSettings, {"minimum_effect": {"qa/brightness": 1.5}}, "test")
    assert drift_reason(comparison(), settings).passed
    assert not drift_reason(comparison(feature=features.QA_CONTRAST), settings).passed


def test_an_unknown_feature_in_the_settings_is_named() -> None:
    with pytest.raises(ConfigError, match="qa/brightnes"):
        load(DataGateSettings, {"minimum_effect": {"qa/brightnes": 0.5}}, "test")


def test_a_new_category_is_named() -> None:
    new = comparison(
        feature="source/camera",
        other=Distribution((1.0,), categories=("north",)),
        span=Distribution((0.6, 0.4), categories=("south", "north")),
        effect_size=None,
    )
    assert drift_reason(new, SETTINGS).actual == (
        "camera south is new: 60 % of the images; camera north: 40 % of the images here, 100 % in training"
    )


def test_skew_is_against_the_logged_requests() -> None:
    reason = drift_reason(comparison(kind="skew"), SETTINGS)
    assert reason.rule == "skew:qa/brightness"
    assert reason.expected == "brightness within 11 % of the requests to the served model"
    assert reason.actual.endswith("21 of 255 here, 63 in the requests")


def test_too_few_images_are_reported_as_untested_not_as_drift() -> None:
    reason = too_few("drift", 12, 600, 20)
    assert (reason.passed, reason.warning, reason.tested) == (True, True, False)
    assert reason.state is State.NOT_TESTED


def test_how_far_beyond_its_limit_a_feature_is() -> None:
    assert drift_reason(comparison(effect_size=0.36), SETTINGS).strength == pytest.approx(3.0)
    within = drift_reason(comparison(distance=0.05, effect_size=0.36), SETTINGS)
    assert within.strength == pytest.approx(0.5)  # far, and no farther than samples this small differ by chance
    assert "differ as much by chance" in within.actual
    assert drift_reason(comparison(feature=features.QA_NUM_BOXES), SETTINGS).strength is None


def coping(recall: float) -> Coping:
    """Of a model that finds 80 % in golden images like the span's."""
    return Coping(Behaviour(recall, 0.9, recall, 0.01, 0.01), Behaviour(0.8, 0.9, 0.8, 0.01, 0.01), 0.1)


@pytest.mark.parametrize(
    ("recall", "effect", "passed", "warning"),
    [
        (0.8, 0.4, True, True),  # a world that moves
        (0.5, 0.4, False, False),  # the model agrees that something is wrong
        (0.5, 0.25, True, True),  # no farther than natural spans move: a world that the model does not know yet
        (0.8, 0.7, False, False),  # beyond the wide limit, whatever the model finds
        (0.8, 0.05, True, False),
        (0.5, 0.05, True, False),  # a model that does badly is no drift
    ],
)
def test_a_drift_that_the_served_model_copes_with_is_a_warning(
    recall: float, effect: float, passed: bool, warning: bool
) -> None:
    reason = drift_reason(comparison(effect_size=effect), SETTINGS, coping=coping(recall))
    assert (reason.passed, reason.warning) == (passed, warning)


def test_what_the_model_makes_of_a_drift_is_told() -> None:
    fine, lost = (drift_reason(comparison(effect_size=0.4), SETTINGS, coping=coping(recall)) for recall in (0.8, 0.5))
    assert "; the served model copes: it finds 80 % of the labelled objects" in fine.actual
    assert "0.6 where the served model copes" in fine.measure
    assert "; the served model does not cope: it finds 50 % of the labelled objects" in lost.actual


def test_the_wide_limit_can_be_set_and_is_no_narrower_than_the_first() -> None:
    wide = load(DataGateSettings, {"wide_effect": {"qa/brightness": 2}}, "test")
    assert drift_reason(comparison(), wide, coping=coping(0.8)).passed
    narrow = load(DataGateSettings, {"wide_effect": {"qa/brightness": 0.01}}, "test")
    assert narrow.wide_effect_of("qa/brightness") == narrow.minimum_effect_of("qa/brightness")
    with pytest.raises(ConfigError, match=r"data_gate\.wide_effect\.qa/brightnes"):
        load(DataGateSettings, {"wide_effect": {"qa/brightnes": 0.5}}, "test")


def test_the_requests_say_nothing_of_what_the_model_copes_with() -> None:
    assert not drift_reason(comparison(kind="skew", effect_size=0.4), SETTINGS, coping=coping(0.8)).passed


@pytest.mark.parametrize(
    ("from_first", "recall", "passed", "warning"),
    [
        (0.2, 0.5, True, False),
        (0.4, 0.8, True, True),
        (0.4, 0.5, True, True),
        (0.7, 0.8, True, True),
        (0.7, 0.5, False, False),
    ],
)
def test_spans_cannot_creep_away_from_the_first_unnoticed(
    from_first: float, recall: float, passed: bool, warning: bool
) -> None:
    step = comparison(distance=0.05, effect_size=0.1, first="span 1", from_first=from_first)
    assert drift_reason(step, SETTINGS).passed
    [reason] = lineage_reason([step], SETTINGS, coping(recall))
    assert (reason.rule, reason.passed, reason.warning) == ("drift:first_span", passed, warning)
    assert "since span 1" in reason.expected


def test_a_first_span_is_not_compared_with_itself() -> None:
    assert lineage_reason([comparison(distance=0.05, first="span 1")], SETTINGS, None) == []


def test_without_knowing_how_the_model_does_creeping_is_a_warning() -> None:
    [reason] = lineage_reason([comparison(distance=0.05, first="span 1", from_first=2.0)], SETTINGS, None)
    assert (reason.passed, reason.warning) == (True, True)


def test_what_has_drifted_by_itself_is_not_told_a_second_time() -> None:
    assert lineage_reason([comparison(first="span 1", from_first=2.0)], SETTINGS, coping(0.5)) == []


@pytest.mark.parametrize(("feature", "passed"), [(EMBEDDING, True), ("source/camera", True), ("qa/other", False)])
def test_a_world_that_looks_new_is_no_fault_by_itself(feature: str, passed: bool) -> None:
    settings = load(DataGateSettings, {}, "test")
    settings.minimum_effect["qa/other"] = 0.3  # of which nobody knows how far natural spans move
    reason = drift_reason(comparison(feature=feature, effect_size=0.9), settings, coping=coping(0.5))
    assert (reason.passed, reason.warning) == (passed, passed)


@pytest.mark.parametrize(("here", "passed"), [(12.0, False), (0.1, True)])
def test_only_more_pixel_noise_stops_a_run(here: float, passed: bool) -> None:
    sides = {"other": Distribution((1.0,), median=0.9), "span": Distribution((1.0,), median=here)}
    reason = drift_reason(comparison(feature=features.QA_NOISE, effect_size=0.8, **sides), SETTINGS)
    assert (reason.passed, reason.warning) == (passed, False)
    assert (
        reason.actual.startswith("the images have more pixel noise: median deviation of 12 levels here") is not passed
    )


def test_what_the_model_was_never_measured_for_is_not_tested() -> None:
    reason = unknown_to_model("drift", features.QA_HUE)
    assert (reason.rule, reason.passed, reason.warning, reason.tested) == ("drift:qa/hue", True, False, False)
