"""A candidate with another post-processing: the page shows both baselines, and which difference is whose doing."""

from __future__ import annotations

import dataclasses
from typing import Any

from ratchet.components.review.content import ReviewContent
from ratchet.components.review.page import review_page
from ratchet.components.review.sections.cause import cause_section
from ratchet.components.review.sections.head import headline
from ratchet.components.review.sections.next_steps import advice
from ratchet.components.review.sections.verdict import reason_sentence
from ratchet.schemas.artifacts.decisions import DataDecision, Reason, Verdict
from ratchet.schemas.artifacts.evaluation import Delta, Deltas, PostProcessing
from ratchet.schemas.artifacts.training_record import SettingChange
from tests.builders import training_record
from tests.components.review.content import content, data_set, evaluation, reason
from tests.components.review.test_page import text_of

CHANGE = SettingChange("score_threshold", 0.05, 0.5)
DROP = Reason("map_drop_as_served", "candidate mAP at least the baseline's 0.7000", "0.5600 (-0.1400)")
SENTENCE = (
    "from 0.7000 to 0.5600 (\u22120.1400): by the post-processing to 0.5000 (\u22120.2000), by the training to 0.5600 "
    "(+0.0600)"
)


def shown(*reasons: Reason, verdict: Verdict = Verdict.BLOCKED, **served: Any) -> ReviewContent:
    """A candidate of mAP .56 beside a baseline of .5 that has its post-processing, and is served with .7."""
    measured = evaluation(*reasons, verdict=verdict, golden=data_set(0.56, 0.5))
    post_processing = PostProcessing((CHANGE,), data_set(0.56, 0.7, **served))
    candidate = training_record(
        mode="retrain",
        declared_changes=(CHANGE.declared,),
        post_processing=(CHANGE,),
        model={"score_threshold": 0.5},
    )
    return content(
        evaluation=dataclasses.replace(measured, post_processing=post_processing),
        data=DataDecision(True, (reason("schema", passed=True),)),
        candidate=candidate,
        baseline=training_record(mode="retrain", model={"score_threshold": 0.05}),
    )


def test_the_sentence_says_what_came_from_the_post_processing_and_what_from_the_training() -> None:
    blocked = shown(DROP)
    assert reason_sentence(blocked) == f"mAP fell below what is served, {SENTENCE}; on 100 golden images."
    assert any("score_threshold" in step for step in advice(blocked))


def test_all_three_figures_stand_in_the_head_and_among_the_facts_of_a_push_too() -> None:
    pushed = shown(reason("min_map", passed=True), verdict=Verdict.PUSHED)
    head, facts = text_of(headline(pushed)), text_of(cause_section(pushed))
    assert "candidate mAP 0.5600" in head
    assert "baseline mAP 0.5000 as the candidate is exported: score_threshold 0.05" in head
    assert "baseline as served 0.7000" in head
    assert SENTENCE in facts


def test_it_is_no_change_of_the_training() -> None:
    assert "changed on purpose" not in text_of(review_page(shown(DROP)))


def test_a_fall_below_what_is_served_that_cannot_be_measured_is_told_as_none() -> None:
    near = shown(DROP, deltas=Deltas(Delta(-0.001, -0.01, 0.008, 0.005), {}, {}))
    assert reason_sentence(near).startswith(
        "No measurable difference: \u22120.0010 [\u22120.0100, +0.0080] in mAP from"
    )
