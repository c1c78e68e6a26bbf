from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from ratchet.components.map_evaluator.blessing import decide
from ratchet.components.map_evaluator.settings import EvaluatorSettings, SliceRules
from ratchet.components.map_evaluator.slice_rules import holm, regression_p_value
from ratchet.schemas.artifacts.decisions import Decision, Reason, Verdict
from ratchet.schemas.artifacts.evaluation import (
    DataSetEvaluation,
    Delta,
    Deltas,
    ModelScores,
    PostProcessing,
    Serving,
    ServingFigures,
    Support,
)
from ratchet.schemas.artifacts.training_record import SettingChange

SETTINGS = EvaluatorSettings()
PLENTY = Support(objects=100, images=50)


def failed(decision: Decision) -> list[str]:
    return [reason.rule for reason in decision.failures]


def delta(value: float, std_error: float = 0.01) -> Delta:
    return Delta(value, value - 1.96 * std_error, value + 1.96 * std_error, std_error)


def scores(coco_map: float, per_class: dict[str, float], per_slice: dict[str, float]) -> ModelScores:
    return ModelScores({"AP": coco_map}, per_class, per_slice)


def golden(
    candidate: float,
    baseline: float | None = None,
    interval: tuple[float, float] | None = None,
    classes: dict[str, tuple[float, float]] | None = None,
    slices: dict[str, tuple[float, float]] | None = None,
    support: dict[str, Support] | None = None,
    std_error: float = 0.01,
) -> DataSetEvaluation:
    """Classes and slices are (candidate AP, baseline AP)."""
    classes, slices, support = classes or {}, slices or {}, support or {}
    has_baseline = baseline is not None
    lo, hi = interval or ((candidate - (baseline or 0)) - 0.01, (candidate - (baseline or 0)) + 0.01)
    return DataSetEvaluation(
        images=100,
        candidate=scores(candidate, {k: c for k, (c, _) in classes.items()}, {k: c for k, (c, _) in slices.items()}),
        baseline=scores(baseline, {k: b for k, (_, b) in classes.items()}, {k: b for k, (_, b) in slices.items()})
        if has_baseline
        else None,
        deltas=Deltas(
            overall=Delta(candidate - (baseline or 0), lo, hi, 0.01),
            per_class={name: delta(c - b, std_error) for name, (c, b) in classes.items()},
            per_slice={name: delta(c - b, std_error) for name, (c, b) in slices.items()},
        )
        if has_baseline
        else None,
        class_support={name: support.get(name, PLENTY) for name in classes},
        slice_support={name: support.get(name, PLENTY) for name in slices},
    )


def judged(data: DataSetEvaluation, settings: EvaluatorSettings = SETTINGS, *trust: Reason) -> Decision:
    return decide(data, trust, settings)


CHANGES = (SettingChange("score_threshold", 0.05, 0.5), SettingChange("max_detections", 100, 300))


def reprocessed(candidate: float, baseline: float, as_served: DataSetEvaluation, **settings: Any) -> Decision:
    """Of a candidate beside a baseline that has its post-processing, and beside the one that is served."""
    same = golden(candidate, baseline, classes={"cat": (0.5, 0.5)})
    rules = replace(SETTINGS, **settings)
    return decide(same, [], rules, post_processing=PostProcessing(CHANGES, as_served))


def test_a_candidate_must_not_fall_below_what_is_served_whatever_the_post_processing_does_to_the_baseline() -> None:
    decision = reprocessed(0.46, 0.40, golden(0.46, 0.50, classes={"cat": (0.5, 0.5)}), tolerance=0.5)
    assert (decision.verdict, failed(decision)) == (Verdict.BLOCKED, ["map_drop_as_served"])
    [fall] = decision.failures
    assert fall.expected == "candidate mAP at least the baseline's 0.5000, with the baseline as it is served"
    assert fall.actual == (
        "0.4600 (-0.0400); of it -0.1000 by post-processing (score_threshold 0.05 -> 0.5, max_detections 100 -> 300; "
        "0.5000 to 0.4000), +0.0600 by training (0.4000 to 0.4600)"
    )


def test_what_post_processing_gains_does_not_hide_that_training_lost() -> None:
    decision = reprocessed(0.55, 0.60, golden(0.55, 0.50, classes={"cat": (0.5, 0.5)}), tolerance=0.5)
    assert failed(decision) == ["map_drop"]
    assert reprocessed(0.61, 0.60, golden(0.61, 0.50, classes={"cat": (0.5, 0.5)})).verdict is Verdict.PUSHED


def test_margin_and_tolerance_are_those_of_the_evaluator() -> None:
    below = golden(0.46, 0.50, (-0.06, -0.02), {"cat": (0.5, 0.5)})
    assert failed(reprocessed(0.46, 0.40, below, margin=0.05)) == ["map_interval_as_served"]
    assert reprocessed(0.46, 0.40, below, margin=0.05).verdict is Verdict.INCONCLUSIVE
    assert reprocessed(0.46, 0.40, below, margin=0.05, tolerance=0.1).verdict is Verdict.PUSHED
    assert reprocessed(0.46, 0.40, below, margin=None, tolerance=None).verdict is Verdict.PUSHED


def test_a_class_that_is_served_better_blocks_too() -> None:
    decision = reprocessed(0.55, 0.50, golden(0.55, 0.50, classes={"cat": (0.3, 0.5)}))
    assert failed(decision) == ["class_drop_as_served:cat", "class_and_slice_drops_as_served"]


def test_a_clear_rise_is_pushed() -> None:
    assert judged(golden(0.55, 0.50, (0.03, 0.07))).verdict is Verdict.PUSHED


def test_an_equal_model_is_pushed() -> None:
    assert judged(golden(0.50, 0.50, (0.0, 0.0), {"cat": (0.5, 0.5)}, std_error=0.0)).verdict is Verdict.PUSHED


@pytest.mark.parametrize("candidate", [0.4999, 0.45, 0.02])
def test_any_fall_is_blocked_with_both_figures(candidate: float) -> None:
    decision = judged(golden(candidate, 0.50))
    assert decision.verdict is Verdict.BLOCKED
    reason = decision.failures[0]
    assert reason.rule == "map_drop"
    assert "0.5000" in reason.expected
    assert f"{candidate:.4f}" in reason.actual


def test_a_margin_lets_a_small_fall_pass() -> None:
    assert judged(golden(0.49, 0.50, (-0.02, 0.0)), EvaluatorSettings(margin=0.02)).verdict is Verdict.PUSHED


def test_a_rise_that_may_hide_a_large_fall_is_inconclusive_and_not_served() -> None:
    decision = judged(golden(0.51, 0.50, (-0.2, 0.2)))
    assert decision.verdict is Verdict.INCONCLUSIVE
    assert not decision.verdict.pushes
    assert failed(decision) == ["map_interval"]


def test_an_undefined_interval_is_inconclusive() -> None:
    data = golden(0.51, 0.50)
    undefined = Deltas(Delta(0.01, None, None, None), {}, {})
    data = DataSetEvaluation(data.images, data.candidate, data.baseline, undefined, {}, {})
    assert judged(data).verdict is Verdict.INCONCLUSIVE


def test_a_first_model_is_bootstrapped_only_if_it_learned_something() -> None:
    assert judged(golden(0.3)).verdict is Verdict.BOOTSTRAPPED
    assert failed(judged(golden(0.0))) == ["min_map"]


@pytest.mark.parametrize("value", [-1.0, math.nan, math.inf])
def test_an_undefined_map_blocks(value: float) -> None:
    assert judged(golden(value)).verdict is Verdict.BLOCKED
    assert "map_defined" in failed(judged(golden(0.5, value, (0.0, 0.1))))


def test_a_broken_evaluation_blocks_whatever_was_measured() -> None:
    decision = judged(golden(0.9, 0.1, (0.7, 0.9)), SETTINGS, Reason("trust:leak", "none", "image 3"))
    assert decision.verdict is Verdict.BLOCKED
    assert failed(decision) == ["trust:leak"]


def test_a_warning_does_not_block() -> None:
    warning = Reason("trust:golden_budget", "", "", passed=True, warning=True)
    assert judged(golden(0.55, 0.50), SETTINGS, warning).verdict is Verdict.PUSHED


def test_without_a_rule_nothing_is_blessed() -> None:
    nothing = EvaluatorSettings(margin=None, tolerance=None, class_drop=None, slice_drop=None)
    assert failed(judged(golden(0.9, 0.1), nothing)) == ["no_rules"]
    assert failed(judged(golden(0.9), EvaluatorSettings(min_map=None))) == ["no_rules"]


@pytest.mark.parametrize("rule", ["margin", "tolerance", "class_drop", "slice_drop"])
def test_one_rule_is_enough_to_bless(rule: str) -> None:
    rules: dict = dict.fromkeys(("margin", "tolerance", "class_drop", "slice_drop")) | {rule: 0.05}
    assert judged(golden(0.9, 0.1), EvaluatorSettings(**rules)).verdict is Verdict.PUSHED


def test_a_class_that_falls_significantly_blocks_although_map_rose() -> None:
    decision = judged(golden(0.55, 0.50, classes={"cat": (0.30, 0.50), "dog": (0.80, 0.50)}))
    assert decision.verdict is Verdict.BLOCKED
    assert failed(decision) == ["class_drop:cat", "class_and_slice_drops"]
    assert "from 0.5000 to 0.3000" in decision.failures[0].actual


def test_a_slice_that_falls_significantly_blocks() -> None:
    decision = judged(golden(0.55, 0.50, slices={"camera=north": (0.30, 0.50), "camera=south": (0.7, 0.5)}))
    assert failed(decision)[0] == "slice_drop:camera=north"


def test_a_fall_within_its_limit_passes() -> None:
    assert judged(golden(0.55, 0.50, classes={"cat": (0.46, 0.50)})).verdict is Verdict.PUSHED


def test_a_fall_that_may_be_chance_passes() -> None:
    assert judged(golden(0.55, 0.50, classes={"cat": (0.40, 0.50)}, std_error=0.05)).verdict is Verdict.PUSHED


def test_a_fall_that_is_significant_alone_is_not_among_many() -> None:
    # p = .028 for a fall of .10 beyond the limit of .05 with a standard error of .026.
    alone = golden(0.55, 0.50, classes={"cat": (0.40, 0.50)}, std_error=0.026)
    others = {f"class {i}": (0.5, 0.5) for i in range(9)}
    many = golden(0.55, 0.50, classes={"cat": (0.40, 0.50), **others}, std_error=0.026)
    assert judged(alone).verdict is Verdict.BLOCKED
    assert judged(many).verdict is Verdict.PUSHED


def test_eighty_classes_do_not_hide_a_class_that_is_gone() -> None:
    others = {f"class {i}": (0.5, 0.5) for i in range(79)}
    decision = judged(golden(0.55, 0.50, classes={"cat": (0.0, 0.50), **others}))
    assert failed(decision)[0] == "class_drop:cat"


def test_a_class_with_too_little_ground_truth_is_listed_and_not_tested() -> None:
    few = {"cat": Support(objects=3, images=2)}
    decision = judged(golden(0.55, 0.50, classes={"cat": (0.0, 0.50), "dog": (0.6, 0.5)}, support=few))
    assert decision.verdict is Verdict.PUSHED
    [warning] = decision.warnings
    assert warning.rule == "untestable"
    assert "cat (3 in 2)" in warning.actual


def test_limits_of_one_class_replace_the_general_one() -> None:
    data = golden(0.55, 0.50, classes={"cat": (0.30, 0.50), "dog": (0.47, 0.50)})
    assert judged(data, EvaluatorSettings(per_class={"cat": SliceRules(drop=1.0)})).verdict is Verdict.PUSHED
    stricter = EvaluatorSettings(class_drop=None, per_class={"dog": SliceRules(drop=0.0)})
    assert failed(judged(data, stricter))[0] == "class_drop:dog"


def test_fixed_limits_of_a_class_or_slice_hold_whatever_is_significant() -> None:
    data = golden(0.55, 0.50, classes={"cat": (0.49, 0.50)}, slices={"camera=north": (0.2, 0.2)}, std_error=0.5)
    rules = EvaluatorSettings(
        per_class={"cat": SliceRules(margin=0.0)}, per_slice={"camera=north": SliceRules(min_ap=0.3)}
    )
    assert failed(judged(data, rules)) == ["class_margin:cat", "slice_min_ap:camera=north"]


def test_p_values_are_those_of_students_t() -> None:
    # Quantiles of t with 10 and with very many degrees of freedom, from any table.
    assert regression_p_value(-0.05, 0.01, drop=0.05, units=11) == pytest.approx(0.5)
    assert regression_p_value(-0.05 - 2.228139 * 0.01, 0.01, drop=0.05, units=11) == pytest.approx(0.025, abs=1e-6)
    assert regression_p_value(-0.05 - 1.959964 * 0.01, 0.01, drop=0.05, units=10**9) == pytest.approx(0.025, abs=1e-6)
    assert regression_p_value(-0.05, 0.0, drop=0.05, units=11) == 1
    # However alike the draws are, t is at most the number of units: the most that as many equal ones can show.
    assert regression_p_value(-0.08, 1e-9, drop=0.05, units=5) == pytest.approx(0.00375, abs=1e-5)


def test_holm_stops_at_the_first_test_that_holds() -> None:
    assert holm({"a": 0.02, "b": 0.04, "c": 0.05}, 0.05) == frozenset()
    assert holm({"a": 0.016, "b": 0.04, "c": 0.05}, 0.05) == {"a"}
    assert holm({}, 0.05) == frozenset()


def test_a_model_that_costs_too_much_to_serve_is_blocked_however_good_it_is() -> None:
    serving = Serving(ServingFigures(30.0, 2_000_000), ServingFigures(10.0, 2_000_000))
    limited = replace(SETTINGS, max_latency_ratio=2.0, max_size_ratio=1.0)
    decision = decide(golden(0.9, 0.5), [], limited, serving)
    assert (decision.verdict, failed(decision)) == (Verdict.BLOCKED, ["serving:latency"])
    assert not decision.evaluation_broken
    assert decide(golden(0.9, 0.5), [], SETTINGS, serving).verdict is Verdict.PUSHED


def test_a_limit_that_cannot_be_broken_does_not_cost_the_others_their_significance() -> None:
    # p = .028: significant alone, and not as one of two.
    data = golden(0.55, 0.50, classes={"cat": (0.40, 0.50), "dog": (0.50, 0.50)}, std_error=0.026)
    assert judged(data).verdict is Verdict.PUSHED
    unlimited = EvaluatorSettings(per_class={"dog": SliceRules(drop=1.0)})
    assert failed(judged(data, unlimited))[0] == "class_drop:cat"


def test_a_fall_seen_in_few_images_is_believed_less() -> None:
    # 1.9 standard errors beyond the limit: p = .029 in 1,000 images, .045 in 10 and .065 in 5.
    def with_images(images: int) -> Verdict:
        support = {"cat": Support(objects=100, images=images)}
        settings = EvaluatorSettings(min_object_images=2, significance=0.05)
        data = golden(0.55, 0.50, classes={"cat": (0.412, 0.50)}, support=support, std_error=0.02)
        return judged(data, settings).verdict

    assert [with_images(images) for images in (1000, 10, 5)] == [Verdict.BLOCKED, Verdict.BLOCKED, Verdict.PUSHED]


@pytest.mark.parametrize(
    ("support", "units", "is_tested"),
    [
        (Support(100, 50, groups=5), 5.0, True),
        (Support(100, 50, groups=4), 4.0, False),
        (Support(100, 50, groups=30), 4.9, False),
        (Support(100, 50), 4.9, False),
        (Support(100, 50, groups=4), None, False),
    ],
)
def test_a_class_in_few_independent_units_is_not_tested(support: Support, units: float | None, is_tested: bool) -> None:
    data = golden(0.55, 0.50, classes={"cat": (0.0, 0.50)}, support={"cat": support})
    assert data.deltas is not None
    cat = replace(data.deltas.per_class["cat"], units=units)
    data = replace(data, deltas=replace(data.deltas, per_class={"cat": cat}))
    assert ("class_drop:cat" in failed(judged(data))) is is_tested


def test_what_is_untestable_is_told_in_groups() -> None:
    classes = {"cat": (0.0, 0.50), "dog": (0.5, 0.5), "cow": (0.5, 0.5)}
    support = {"cat": Support(90, 40, 3), "dog": Support(90, 40, 12), "cow": Support(90, 40, 1)}
    data = golden(0.55, 0.50, classes=classes, support=support)
    assert data.deltas is not None
    units = {"cat": 2.7, "dog": 3.21, "cow": 1.0}
    per_class = {name: replace(each, units=units[name]) for name, each in data.deltas.per_class.items()}
    data = replace(data, deltas=replace(data.deltas, per_class=per_class))
    [warning] = judged(data, replace(SETTINGS, bootstrap_by="recording")).warnings
    assert "spread over 5 independent groups (recording)" in warning.expected
    assert warning.actual == (
        "not tested: cat (90 in 40 of 3 groups), dog (90 in 40 of 12 groups, as good as 3.2), cow (90 in 40 of 1 group)"
    )


def test_an_interval_of_too_few_units_says_so() -> None:
    data = golden(0.55, 0.50)
    assert data.deltas is not None
    overall = replace(data.deltas.overall, lo=None, hi=None, std_error=None, units=1.2)
    decision = judged(replace(data, deltas=replace(data.deltas, overall=overall)))
    assert decision.verdict is Verdict.INCONCLUSIVE
    assert "as good as in 1.2 independent units" in decision.failures[0].actual


def test_limits_include_themselves() -> None:
    data = golden(0.5, 0.5, classes={"cat": (0.5, 0.5)}, slices={"camera=north": (0.25, 0.5)}, std_error=0.5)
    rules = EvaluatorSettings(
        min_map=0.5,
        per_class={"cat": SliceRules(min_ap=0.5)},
        per_slice={"camera=north": SliceRules(margin=0.25)},
    )
    assert judged(data, rules).verdict is Verdict.PUSHED


@pytest.mark.parametrize(("objects", "images", "is_tested"), [(20, 10, True), (19, 10, False), (20, 9, False)])
def test_just_enough_ground_truth_is_enough_to_test_a_class(objects: int, images: int, is_tested: bool) -> None:
    data = golden(0.55, 0.50, classes={"cat": (0.1, 0.50)}, support={"cat": Support(objects, images)})
    assert ("class_drop:cat" in failed(judged(data))) is is_tested


def test_an_object_size_that_never_occurs_is_no_gap_of_the_golden_set() -> None:
    nothing = {"object_size=large": Support(0, 0), "auk": Support(0, 0)}
    data = golden(
        0.55, 0.50, classes={"auk": (-1.0, -1.0)}, slices={"object_size=large": (-1.0, -1.0)}, support=nothing
    )
    [warning] = judged(data).warnings
    assert warning.actual == "not tested: auk (0 in 0)"


def test_a_new_class_has_not_fallen_and_is_no_gap_either() -> None:
    known = golden(0.55, 0.50, classes={"cat": (0.6, 0.5)})
    support = {"cat": PLENTY, "fox": PLENTY}
    grown = replace(known, candidate=scores(0.4, {"cat": 0.6, "fox": 0.1}, {}), class_support=support, shared=known)
    decision = judged(grown)
    assert decision.verdict is Verdict.PUSHED
    assert [reason.rule for reason in decision.warnings] == ["new_classes"]


def test_a_difference_within_the_noise_is_called_none_and_blocks_all_the_same() -> None:
    decision = judged(golden(0.4998, 0.50, (-0.0083, 0.0084)))
    assert decision.verdict is Verdict.BLOCKED
    [drop] = [reason for reason in decision.failures if reason.rule == "map_drop"]
    assert drop.actual == "0.4998, no measurable difference: -0.0002 [-0.0083, +0.0084]"
    [kept] = [reason for reason in judged(golden(0.51, 0.50, (-0.01, 0.02))).reasons if reason.rule == "map_drop"]
    assert kept.actual == "0.5100, no measurable difference: +0.0100 [-0.0100, +0.0200]"


def test_a_measured_fall_is_not_called_none() -> None:
    assert failed_text(golden(0.45, 0.50), "map_drop") == "0.4500 (-0.0500)"


def test_a_class_below_its_margin_says_whether_it_is_a_difference() -> None:
    settings = EvaluatorSettings(per_class={"cat": SliceRules(margin=0.0)})
    near, far = golden(0.6, 0.5, classes={"cat": (0.495, 0.5)}), golden(0.6, 0.5, classes={"cat": (0.4, 0.5)})
    shown = [failed_text(data, "class_margin:cat", settings) for data in (near, far)]
    assert shown == ["0.4950, no measurable difference: -0.0050 [-0.0246, +0.0146]", "0.4000 (-0.1000)"]


def failed_text(data: DataSetEvaluation, rule: str, settings: EvaluatorSettings = SETTINGS) -> str:
    return next(reason.actual for reason in judged(data, settings).failures if reason.rule == rule)
