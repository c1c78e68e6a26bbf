"""Which cases count as what, and when an answer is right."""

from __future__ import annotations

from dataclasses import replace

import pytest
from scipy.stats import binomtest

from ratchet.pipeline.bench.case_result import CaseResult, Group, Measured, Split
from ratchet.pipeline.bench.judging import (
    Answers,
    CountsAs,
    Question,
    Scores,
    counts_as,
    question_of,
    ranking_of,
    score,
    unconverged,
    verdicts,
)
from ratchet.pipeline.bench.shares import Share, chance_of
from ratchet.schemas.artifacts.evaluation import Delta
from tests.pipeline.bench.cases import case, measured, outcome, planted


def judged(cases: list[CaseResult]) -> Scores:
    answers: Answers = {each.number: ranking_of(each.observing) for each in cases if each.observing}
    return score([question_of(each) for each in cases], answers)


def question(counts: CountsAs, *accepted: tuple[str, ...], fall: float = -0.1, number: str = "001") -> Question:
    return Question(number, counts, Split.SCORE, False, accepted, fall)


@pytest.mark.parametrize(
    ("truth", "counts"),
    [
        (measured(-0.01, half=0.009), CountsAs.FAULT),
        (measured(-0.0099, half=0.001), CountsAs.HARMLESS),
        (measured(-0.2, half=0.2), CountsAs.HARMLESS),
        (measured(-0.2, half=0.21), CountsAs.HARMLESS),
        (measured(0.1), CountsAs.HARMLESS),
        (measured(None), CountsAs.LEFT_OUT),
        (Measured(1000, 0.5, 0.7, Delta(-0.2, None, None, None)), CountsAs.HARMLESS),
    ],
)
def test_a_fault_counts_only_where_it_cost_a_hundredth_and_the_interval_says_so(
    truth: Measured, counts: CountsAs
) -> None:
    assert counts_as(replace(case(), truth=truth)) is counts


@pytest.mark.parametrize(
    ("group", "truth", "counts"),
    [
        (Group.PAIR, -0.1, CountsAs.PAIR),
        (Group.PAIR, 0.0, CountsAs.HARMLESS),
        (Group.STRANGER, -0.1, CountsAs.STRANGER),
        (Group.STRANGER, 0.0, CountsAs.HARMLESS),
        (Group.CONTROL, 0.0, CountsAs.HARMLESS),
        (Group.DECOY, 0.02, CountsAs.HARMLESS),
        (Group.DECOY, -0.1, CountsAs.LEFT_OUT),
        (Group.CONTROL, -0.1, CountsAs.LEFT_OUT),
    ],
)
def test_what_did_not_cost_is_harmless_and_what_fell_without_a_fault_is_left_out(
    group: Group, truth: float, counts: CountsAs
) -> None:
    assert counts_as(case(group=group, truth=truth)) is counts


def test_a_flawed_golden_set_is_a_fault_though_the_candidate_is_as_good_as_ever() -> None:
    flawed = case(truth=0.002, planted=(planted("evaluation_set:leak"),))
    either = case(truth=0.002, planted=(planted("evaluation_set", "annotation"),))
    assert counts_as(flawed) is CountsAs.FAULT
    assert counts_as(either) is CountsAs.HARMLESS


def test_a_failed_case_is_left_out() -> None:
    assert counts_as(case(error="the training failed")) is CountsAs.LEFT_OUT


@pytest.mark.parametrize(
    ("ranking", "first", "first_two", "detail"),
    [
        (("annotation:loose_boxes",), 1, 1, 1),
        (("annotation:shifted_boxes",), 1, 1, 0),
        (("annotation",), 1, 1, 0),
        (("forgetting", "annotation:loose_boxes"), 0, 1, 0),
        (("forgetting", "dataset_shift", "annotation:loose_boxes"), 0, 0, 0),
        (("dataset_shift:light", "dataset_shift:blur", "annotation"), 0, 1, 0),
        (("unknown", "annotation:loose_boxes"), 0, 1, 0),
        (("unknown",), 0, 0, 0),
        ((), 0, 0, 0),
        (("nothing_to_explain",), 0, 0, 0),
    ],
)
def test_when_an_answer_to_a_fault_is_right(ranking: tuple[str, ...], first: int, first_two: int, detail: int) -> None:
    scores = score([question(CountsAs.FAULT, ("annotation:loose_boxes",))], {"001": ranking})
    assert (scores.first.hits, scores.first_two.hits, scores.detail.hits) == (first, first_two, detail)


def test_any_accepted_cause_is_right_and_a_whole_cause_stands_for_its_details() -> None:
    asked = [question(CountsAs.FAULT, ("dataset_shift", "forgetting:far"))]
    for ranking in (("dataset_shift:blur",), ("forgetting:far",)):
        assert score(asked, {"001": ranking}).detail.hits == 1
    assert score(asked, {"001": ("forgetting:near",)}).detail.hits == 0


def test_where_no_detail_was_written_down_none_is_counted() -> None:
    scores = score([question(CountsAs.FAULT, ("annotation",))], {"001": ("annotation:nonsense",)})
    assert (scores.first, scores.detail) == (Share(1, 1), Share(0, 0))


@pytest.mark.parametrize(
    ("ranking", "right"),
    [
        (("annotation", "overfitting"), 1),
        (("overfitting", "forgetting", "annotation"), 1),
        (("overfitting", "forgetting", "dataset_shift", "annotation"), 0),
        (("forgetting", "overfitting", "annotation"), 0),
        (("annotation",), 0),
        (("unknown", "annotation", "overfitting"), 0),
    ],
)
def test_a_pair_is_right_with_one_first_and_both_among_three(ranking: tuple[str, ...], right: int) -> None:
    asked = [question(CountsAs.PAIR, ("annotation",), ("overfitting",))]
    assert score(asked, {"001": ranking}).pairs == Share(right, 1)


def test_a_cause_named_for_nothing_counts_against_and_unknown_does_not() -> None:
    for answer, wrong in (("annotation:loose_boxes", 1), ("unknown", 0), ("nothing_to_explain", 0)):
        assert score([question(CountsAs.HARMLESS)], {"001": [answer]}).harmless_named.hits == wrong


def test_of_strangers_only_unknown_is_right() -> None:
    for answer, right in (("annotation", 0), ("unknown", 1), ("nothing_to_explain", 0)):
        assert score([question(CountsAs.STRANGER)], {"001": [answer]}).strangers_unknown.hits == right


def test_what_else_was_accepted_of_a_stranger_before_the_run_is_right_too() -> None:
    asked = [question(CountsAs.STRANGER, ("unknown", "annotation"))]
    assert score(asked, {"001": ["annotation:swapped_classes"]}).strangers_unknown.hits == 1
    assert score(asked, {"001": ["forgetting"]}).strangers_unknown.hits == 0


def test_mild_faults_are_counted_apart() -> None:
    asked = [
        question(CountsAs.FAULT, ("annotation",), fall=fall, number=number)
        for number, fall in (("001", -0.2), ("002", -0.05), ("003", -0.049))
    ]
    scores = score(asked, {each.case: ["annotation"] for each in asked})
    assert (scores.first, scores.mild) == (Share(3, 3), Share(1, 1))


def test_all_unknown_is_wrong_for_faults_and_right_for_strangers_and_harmless() -> None:
    scores = judged([case(1), case(2, Group.CONTROL, 0.0), case(3, Group.STRANGER)])
    assert (scores.first, scores.harmless_named, scores.strangers_unknown) == (Share(0, 1), Share(0, 1), Share(1, 1))


def test_without_a_case_every_share_is_of_none() -> None:
    scores = score([], {})
    assert set(vars(scores).values()) == {Share(0, 0)}
    assert str(scores.first) == "no case"


def test_a_ranking_begins_with_the_answer_and_leaves_out_what_is_ruled_out() -> None:
    said = outcome("unknown", "annotation:loose_boxes", "forgetting", ruled_out=("augmentation",))
    assert ranking_of(said) == ("unknown", "annotation:loose_boxes", "forgetting")
    assert ranking_of(outcome("forgetting", "annotation"))[0] == "forgetting"


def test_regressions_pushed_and_good_candidates_blocked() -> None:
    cases = [
        case(1, truth=-0.1, said=outcome("annotation", pushed=True)),
        case(2, truth=-0.1),
        case(3, Group.CONTROL, 0.01),
        case(4, Group.CONTROL, 0.0099),
        case(5, truth=0.02, planted=(planted("evaluation_set"),)),
        case(6, truth=-0.1, error="no model"),
    ]
    found = verdicts(cases, {each.number: each.observing for each in cases if each.observing})
    assert (found.regressions_pushed, found.good_blocked) == (Share(1, 2), Share(1, 1))
    assert found.pushed == Share(1, 5)


def test_controls_away_from_their_baseline_are_found() -> None:
    cases = [case(1, Group.CONTROL, 0.011), case(2, Group.CONTROL, -0.01), case(3, Group.DECOY, 0.1)]
    assert [each.number for each in unconverged(cases)] == ["001"]


@pytest.mark.parametrize(("hits", "n"), [(0, 60), (45, 60), (60, 60), (1, 2), (1, 1000)])
def test_wilson_intervals_are_those_of_scipy(hits: int, n: int) -> None:
    other = binomtest(hits, n).proportion_ci(method="wilson")
    assert Share(hits, n).interval == pytest.approx((other.low, other.high), abs=1e-7)


@pytest.mark.parametrize(("hits", "n", "share"), [(0, 5, 0.3), (4, 5, 0.3), (12, 40, 0.2)])
def test_the_chance_of_so_many_hits_is_that_of_scipy(hits: int, n: int, share: float) -> None:
    assert chance_of(hits, n, share) == pytest.approx(binomtest(hits, n, share, alternative="greater").pvalue)


def test_a_share_shows_its_cases_and_its_interval() -> None:
    assert str(Share(3, 4)) == "3 of 4: 75 % [30, 95]"
    assert str(Share(7.25, 60)) == "7.2 of 60: 12 % [6, 23]"
