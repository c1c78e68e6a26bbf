"""A difference whose interval contains 0: the page calls it none, and does not look for its cause."""

from __future__ import annotations

from typing import Any

import pytest

from ratchet.components.review.content import ReviewContent
from ratchet.components.review.page import review_page
from ratchet.components.review.sections.head import headline
from ratchet.components.review.sections.next_steps import advice, next_section
from ratchet.components.review.sections.past import past_section
from ratchet.components.review.sections.verdict import reason_sentence
from ratchet.schemas.artifacts.decisions import DataDecision, Reason, Verdict
from ratchet.schemas.artifacts.diagnosis import DiagnosisState
from ratchet.schemas.artifacts.evaluation import DataSetEvaluation, Delta, Deltas
from ratchet.schemas.artifacts.history import History
from tests.components.review.content import content, data_set, delta, evaluation, past_run, reason, unnamed
from tests.components.review.test_page import text_of

NO_FINDINGS = DataDecision(True, (reason("schema", passed=True),))
DROP = Reason("map_drop", "candidate mAP at least the baseline's 0.7000", "0.6998")
PASSED = reason("min_map", passed=True)
WITHIN_NOISE = unnamed(
    DiagnosisState.NOTHING, sentence="Nothing measurable fell.", action="More golden images would decide it."
)
NONE = "No measurable difference: \u22120.0002 [\u22120.0083, +0.0084] in mAP on 100 golden images"


def golden(value: float = -0.0002, lo: float | None = -0.0083, hi: float | None = 0.0084) -> DataSetEvaluation:
    overall = Delta(value, lo, hi, None)
    return data_set(0.7 + value, deltas=Deltas(overall, {"cat": delta(-0.01), "dog": delta(-0.2)}, {}))


def shown(*reasons: Reason, set_: DataSetEvaluation | None = None, **fields: Any) -> ReviewContent:
    verdict = fields.pop("verdict", Verdict.BLOCKED)
    measured = evaluation(*reasons, verdict=verdict, golden=set_ or golden())
    return content(**{"evaluation": measured, "data": NO_FINDINGS, "diagnosis": WITHIN_NOISE, **fields})


def test_a_block_is_told_as_no_difference() -> None:
    assert reason_sentence(shown(DROP)) == (
        f"{NONE}; the candidate is not served, since the rule expects candidate mAP at least the baseline's 0.7000."
    )
    page = text_of(review_page(shown(DROP)))
    assert "mAP fell" not in page
    assert "fell below" not in page
    assert "What the run found" in page
    assert "No measurable difference of mAP map_drop" in page


def test_a_push_is_told_as_no_difference() -> None:
    pushed = shown(PASSED, verdict=Verdict.PUSHED, set_=golden(0.0002, -0.0083, 0.0087))
    assert reason_sentence(pushed).startswith("No measurable difference: +0.0002 [\u22120.0083, +0.0087] in mAP on 100")
    assert reason_sentence(pushed).endswith("and no rule failed, so the candidate is served now.")


def test_an_inconclusive_run_is_told_as_no_difference() -> None:
    wide = shown(reason("map_interval"), verdict=Verdict.INCONCLUSIVE, set_=golden(0.01, -0.05, 0.07))
    assert reason_sentence(wide) == (
        "No measurable difference: +0.0100 [\u22120.0500, +0.0700] in mAP on 100 golden images; a fall of mAP beyond "
        "the tolerance is not ruled out."
    )


def test_without_an_interval_nothing_is_claimed() -> None:
    unknown = shown(DROP, set_=golden(lo=None, hi=None))
    assert reason_sentence(unknown) == (
        "mAP went from 0.7000 to 0.6998 (\u22120.0002; of unknown interval) on 100 golden images."
    )
    assert "mAP fell" not in text_of(review_page(unknown))


def test_a_fall_whose_interval_leaves_0_out_keeps_its_words() -> None:
    fell = shown(DROP, set_=golden(-0.0002, -0.0003, -0.0001))
    assert reason_sentence(fell).startswith("mAP fell from 0.7000 to 0.6998 (\u22120.0002; 95 % interval")
    assert "mAP fell below the served model" in text_of(review_page(fell))
    assert "stated margin" not in next_section(fell)


def test_a_rise_that_another_bar_blocks_is_no_fall() -> None:
    rose = shown(
        Reason("map_drop", "candidate mAP at least the 0.9 of version 3", "0.8000"), set_=golden(0.1, 0.05, 0.2)
    )
    assert reason_sentence(rose).startswith("mAP went from 0.7000 to 0.8000")


def test_the_advice_is_what_helps_where_nothing_can_be_told_apart() -> None:
    assert advice(shown(DROP, reason("map_interval"))) == ["More golden images would decide it."]
    assert "cause" not in text_of(headline(shown(DROP)))


@pytest.mark.parametrize(
    ("value", "margin"), [(-0.0002, "0.005"), (-0.0062, "0.01"), (-0.03, "0.03"), (-0.04, None), (0.01, None)]
)
def test_the_command_states_the_least_margin_and_what_it_risks(value: float, margin: str | None) -> None:
    rule = DROP if value < 0 else reason("map_interval")
    seen = text_of(next_section(shown(rule, set_=golden(value, -0.1, 0.1))))
    assert ("Run again with a stated margin" in seen) is (margin is not None)
    if margin:
        assert f"--set data_gate.mode=observe --set evaluator.margin={margin} Copy" in seen
        assert f"truly {margin} worse is served every second time" in seen


def test_a_class_that_fell_significantly_is_told_first() -> None:
    of_dog = reason("class_drop:dog", actual="0.6 -> 0.3")
    fell = shown(DROP, reason("class_and_slice_drops"), of_dog)
    assert reason_sentence(fell) == (
        "Class dog got worse: 0.6 -> 0.3; mAP as a whole shows no measurable difference: \u22120.0002 "
        "[\u22120.0083, +0.0084]."
    )
    assert "Also" not in text_of(headline(fell))


def test_a_class_below_its_margin_within_the_noise_did_not_fall() -> None:
    page = text_of(review_page(shown(reason("class_margin:cat", actual="0.79"))))
    assert "Class cat is below its margin, but shows no measurable difference" in page
    assert "Class cat fell" not in page
    assert "Label more golden images of it, or widen its margin" in page
    assert "Class dog fell by more than it may" in text_of(review_page(shown(reason("class_margin:dog"))))


def test_the_head_says_what_the_golden_set_can_tell_apart() -> None:
    head = text_of(headline(shown(DROP)))
    assert "golden set 100 images 180 objects it can tell apart 0.012 mAP a true difference found 8 times in 10" in head
    broken = text_of(headline(shown(reason("trust:leak"), DROP)))
    assert "tell apart" not in broken


def test_a_past_push_within_the_noise_is_marked() -> None:
    runs = (past_run(1, delta=0.001, delta_ci=(-0.01, 0.012)), past_run(2, delta=0.05, delta_ci=(0.01, 0.09)))
    seen = text_of(past_section(content(history=History(runs), evaluation=None)))
    assert seen.count("no measurable difference") == 1
