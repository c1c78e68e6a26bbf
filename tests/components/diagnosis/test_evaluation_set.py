"""A flawed evaluation is named as such, by its own checks or by what only the golden set says."""

from __future__ import annotations

from typing import Any

import pytest

from ratchet.components.diagnosis.bundle import Bundle
from ratchet.components.diagnosis.diagnose import diagnose
from ratchet.components.diagnosis.evaluation_set import examine
from ratchet.schemas.artifacts.data_evidence import GOLDEN, GOLDEN_SERVING
from ratchet.schemas.artifacts.decisions import GOLDEN_BUDGET, Reason, Verdict
from ratchet.schemas.artifacts.diagnosis import EVALUATION_SET, CauseFinding, CauseState
from ratchet.schemas.data import features
from tests.components.diagnosis.bundles import bundle, comparison, data_set, delta, evaluation_of, label_evidence

REJECTED: dict[str, Any] = {"candidate": None, "evaluation": None, "golden": None, "verdict": Verdict.DATA_REJECTED}


def the_one(run: Bundle) -> CauseFinding:
    [finding] = examine(run)
    assert finding.cause == EVALUATION_SET
    return finding


def checked(rule: str, passed: bool = False, **fields: Any) -> Bundle:
    """A run with one check of the evaluation."""
    reason = Reason(rule, "", "what was found", passed=passed, images=("golden.jpg",), **fields)
    return bundle(evaluation=evaluation_of({}, Verdict.BLOCKED, [reason]))


@pytest.mark.parametrize(
    ("rule", "detail"),
    [
        ("trust:leak", "leak"),
        ("trust:golden_digest", "exchanged"),
        ("trust:enough", "too_small"),
        ("trust:shuffled_detections:candidate", "broken_metric"),
        ("trust:perfect_detections", "broken_metric"),
        ("map_defined", "broken_metric"),
        ("no_rules", "broken_metric"),
    ],
)
def test_a_failed_check_names_the_flaw(rule: str, detail: str) -> None:
    run = checked(rule)
    finding = the_one(run)
    assert (finding.detail, finding.state) == (detail, CauseState.SUPPORTED)
    assert "what was found" in finding.sentence
    assert finding.images == ("golden.jpg",)
    assert diagnose(run).cause.title == f"evaluation_set:{detail}"


def test_checks_that_pass_and_a_golden_set_like_the_data_clear_it() -> None:
    assert the_one(checked("trust:leak", passed=True)).state is CauseState.REFUTED
    assert the_one(bundle(deltas={"golden": -0.2})).state is CauseState.REFUTED


def test_a_check_that_only_warns_names_nothing() -> None:
    assert the_one(checked("trust:leak", passed=True, warning=True)).state is not CauseState.SUPPORTED


def test_without_records_nothing_can_be_tested() -> None:
    assert the_one(bundle(labels=None, comparisons=[], **REJECTED)).state is CauseState.NOT_TESTABLE


def test_a_spent_budget_is_told_and_breaks_no_evaluation() -> None:
    finding = the_one(checked(GOLDEN_BUDGET))
    assert (finding.detail, finding.state) == ("spent", CauseState.OPEN)


def test_golden_boxes_at_random_are_told_by_what_the_baseline_does_elsewhere() -> None:
    random = evaluation_of({}, golden=data_set(-0.001, baseline=0.004))
    finding = the_one(bundle(evaluation=random, labels=label_evidence(golden_recall=0.1)))
    assert (finding.detail, finding.state) == ("broken_metric", CauseState.SUPPORTED)
    assert "0.004" in finding.sentence


def test_golden_boxes_of_which_some_are_at_random_are_told_although_nothing_fell() -> None:
    halved = evaluation_of({}, golden=data_set(0.0, baseline=0.3))
    labels = label_evidence(golden_recall=0.5)
    run = bundle(evaluation=halved, labels=labels)
    assert diagnose(run).cause.title == "evaluation_set:broken_metric"
    assert "scores 0.300 on the golden set" in diagnose(run).cause.sentence
    # A golden set of harder pictures is no broken one.
    darker = [comparison(features.QA_BRIGHTNESS, 0.6, kind=GOLDEN)]
    assert the_one(bundle(evaluation=halved, labels=labels, comparisons=darker)).state is not CauseState.SUPPORTED


def test_a_wide_interval_is_too_small_a_set_where_nothing_is_clear() -> None:
    wide = {"golden": delta(-0.05, std_error=0.05)}
    clear = {"golden": delta(-0.4, std_error=0.05)}
    assert the_one(bundle(deltas=wide)).detail == "too_small"
    assert the_one(bundle(deltas=clear)).state is CauseState.REFUTED


def test_a_set_with_too_little_of_most_classes_is_too_small_where_it_tells_no_difference() -> None:
    few = {"cat": 3, "dog": 2, "cow": 40}
    within = evaluation_of({}, golden=data_set(delta(-0.012, std_error=0.014), support=few))
    run = bundle(evaluation=within)
    assert (the_one(run).detail, the_one(run).state) == ("too_small", CauseState.SUPPORTED)
    assert diagnose(run).cause.title == "evaluation_set:too_small"
    assert "2 of 3 classes have fewer than 20 objects" in diagnose(run).cause.sentence
    clear = evaluation_of({}, golden=data_set(delta(-0.2, std_error=0.014), support=few))
    assert the_one(bundle(evaluation=clear)).state is not CauseState.SUPPORTED
    enough = evaluation_of(
        {}, golden=data_set(delta(-0.012, std_error=0.014), support={"cat": 50, "dog": 40, "cow": 3})
    )
    assert the_one(bundle(evaluation=enough)).state is CauseState.REFUTED


@pytest.mark.parametrize("kind", [GOLDEN, GOLDEN_SERVING])
def test_a_golden_set_that_looks_otherwise_counts_where_only_it_falls(kind: str) -> None:
    other = [comparison(features.QA_BRIGHTNESS, 0.6, kind=kind)]
    alone = the_one(bundle(comparisons=other, deltas={"golden": -0.1, "earlier": 0.0}))
    all_fall = the_one(bundle(comparisons=other, deltas={"golden": -0.1, "earlier": -0.1}))
    assert (alone.detail, alone.state) == ("unrepresentative", CauseState.SUPPORTED)
    assert all_fall.state is not CauseState.SUPPORTED


@pytest.mark.parametrize(("rule", "detail"), [("leak", "leak"), ("golden_unchanged", "exchanged")])
def test_a_span_that_was_rejected_for_it_names_it(rule: str, detail: str) -> None:
    run = bundle(reasons=[Reason(rule, "", "3 golden images in the span", images=("a.jpg",))], **REJECTED)
    finding = the_one(run)
    assert (finding.detail, finding.state, finding.images) == (detail, CauseState.SUPPORTED, ("a.jpg",))
    assert diagnose(run).cause.title == f"evaluation_set:{detail}"


def test_the_action_says_how_many_golden_images_would_do() -> None:
    finding = the_one(bundle(deltas={"golden": delta(-0.05, std_error=0.05)}))
    images, wanted = (int(part) for part in finding.action.partition("(")[2].partition(" tell")[0].split(" -> "))
    assert wanted == pytest.approx(images * (2.8 * 0.05 / (0.1 * 0.73)) ** 2, rel=0.02)


def test_the_action_says_in_what_the_golden_set_is_apart_and_which_checks_failed() -> None:
    other = [comparison(features.QA_BRIGHTNESS, 0.6, kind=GOLDEN_SERVING)]
    apart = the_one(bundle(comparisons=other, deltas={"golden": -0.1, "earlier": 0.0}))
    assert f"({features.FEATURE_TITLES[features.QA_BRIGHTNESS]}" in apart.action
    assert "(map_defined)" in the_one(checked("map_defined")).action
