"""Trivial comparators: each is as good as it can be made on calibration cases, and no better."""

from __future__ import annotations

from typing import Any

import pytest

from ratchet.pipeline.bench.case_result import CaseResult, GateSaid, Group, Split
from ratchet.pipeline.bench.comparators import RULE_CHANGE_GAP, Comparator, comparators
from ratchet.pipeline.bench.judging import question_of, score
from ratchet.schemas.artifacts.decisions import DataVerdict
from tests.pipeline.bench.cases import case, planted


def of(name: str, cases: list[CaseResult]) -> Comparator:
    return next(each for each in comparators(cases) if each.name == name)


def calibration(number: int, cause: str, **other: Any) -> CaseResult:
    return case(number, split=Split.CALIBRATION, planted=(planted(cause),), **other)


def gate(*failed: str) -> GateSaid:
    return GateSaid(DataVerdict.REJECT, failed[0], failed)


def test_the_most_frequent_cause_is_that_of_calibration_faults_that_cost() -> None:
    cases = [
        *(calibration(number, "forgetting") for number in (1, 2)),
        *(calibration(number, "annotation", truth=0.0) for number in (3, 4, 5)),
        *(case(number, planted=(planted("overfitting"),)) for number in (6, 7, 8)),
        calibration(9, "augmentation"),
    ]
    [answers] = of("most frequent cause", cases).draws
    assert set(answers) == {each.number for each in cases}
    assert set(answers.values()) == {("forgetting", "augmentation")}


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ({"gate": gate("labels:size", "drift:qa/brightness")}, ("annotation", "dataset_shift")),
        ({"gate": gate("labels:size"), "declared_changes": ("replay: 0.5 -> 0",)}, ("annotation", "forgetting")),
        ({"declared_changes": ("learning_rate: peak 0.1 -> 1, above",)}, ("learning_rate_too_high",)),
        ({"declared_changes": ("max_steps: 100 -> 16",)}, ("learning_rate_too_low",)),
        ({"declared_changes": ("batch_size: 16 -> 20",)}, ("nothing_to_explain",)),
        ({"train_sample": 0.9, "held_out": 0.3}, ("overfitting",)),
        ({"train_sample": 0.9, "held_out": 0.7}, ("nothing_to_explain",)),
        ({"train_sample": 0.9}, ("nothing_to_explain",)),
    ],
)
def test_rule_then_declared_change_then_gap(said: dict[str, Any], answer: tuple[str, ...]) -> None:
    fitted_on = [
        calibration(1, "overfitting", train_sample=1.0, held_out=0.5),
        calibration(2, "overfitting", train_sample=1.0, held_out=0.6),
        calibration(3, "annotation", train_sample=1.0, held_out=0.7, gate=gate("labels:size")),
    ]
    [answers] = of(RULE_CHANGE_GAP, [*fitted_on, case(4, **said)]).draws
    assert tuple(answers["004"]) == answer


def test_a_signal_alone_finds_its_limit_on_calibration_cases() -> None:
    seen = [(1, "annotation", 0.1), (2, "annotation", 0.2), (3, "overfitting", 0.7), (4, "overfitting", 0.9)]
    cases = [calibration(number, cause, signals={"gap": value}) for number, cause, value in seen]
    asked = [case(number, signals={"gap": value}) for number, value in ((5, 0.4), (6, 0.5))]
    signal = of("signal gap", [*cases, *asked])
    assert signal.fit == 1.0
    assert [signal.draws[0][each.number][0] for each in asked] == ["annotation", "overfitting"]


def test_a_signal_that_was_not_measured_is_an_answer_of_its_own() -> None:
    seen = [(1, "annotation", 0.1), (2, "annotation", 0.2), (3, "forgetting", None), (4, "forgetting", None)]
    cases = [calibration(number, cause, signals={"gap": value}) for number, cause, value in seen]
    [answers] = of("signal gap", [*cases, case(5, signals={})]).draws
    assert answers["005"][0] == "forgetting"


def test_signals_come_best_on_calibration_first() -> None:
    cases = [
        calibration(1, "annotation", signals={"a": 1.0, "b": 1.0}),
        calibration(2, "overfitting", signals={"a": 1.0, "b": 2.0}),
    ]
    assert [each.name for each in comparators(cases) if each.family == "signal"] == ["signal b", "signal a"]


def test_random_answers_are_right_as_often_as_chance_and_the_same_every_time() -> None:
    cases = [case(number) for number in range(1, 41)]
    chance = of("random", cases)
    assert chance.draws == of("random", cases).draws
    questions = [question_of(each) for each in cases]
    rights = [score(questions, draw).first.hits / 40 for draw in chance.draws]
    assert sum(rights) / len(rights) == pytest.approx(1 / 9, abs=0.01)


def test_without_a_case_and_without_a_fault_nothing_breaks() -> None:
    assert [each.draws[0] for each in comparators([])] == [{}, {}, {}]
    [only] = [case(1, Group.CONTROL, 0.0)]
    assert of("most frequent cause", [only]).draws[0] == {"001": ("nothing_to_explain",)}
