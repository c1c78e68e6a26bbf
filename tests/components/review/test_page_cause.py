"""What the page says of why mAP fell: nothing that the diagnosis does not say."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from ratchet.components.review.content import ReviewContent
from ratchet.components.review.page import review_page
from ratchet.components.review.sections.cause import cause_section, cause_title_of
from ratchet.components.review.sections.head import headline
from ratchet.components.review.sections.next_steps import advice, next_section
from ratchet.schemas.artifacts.decisions import Reason, Verdict
from ratchet.schemas.artifacts.diagnosis import CauseState, DiagnosisState
from tests.components.review.content import (
    RELABEL,
    bootstrapped,
    content,
    data_set,
    diagnosis,
    evaluation,
    finding,
    reason,
    rejected,
    signal,
    unnamed,
)
from tests.components.review.test_page import FALLEN, NO_FINDINGS, text_of


def test_the_first_screen_names_the_cause_with_its_signals_its_evidence_and_what_to_do() -> None:
    seen = text_of(headline(content()))
    assert (
        "Very likely cause: the new span is labelled in another way: loose boxes (3 of 4 signals speak for it) : The "
        "span's boxes are drawn 25% larger, and the candidate learned to draw them so."
    ) in seen.replace("&#x27;", "'")
    assert "Boxes of the span are drawn 25% larger" in seen
    assert f"Next: {RELABEL}" in seen
    assert "unit weights" not in seen


def test_a_cause_of_two_signals_is_likely_and_no_more() -> None:
    found = diagnosis()
    less = finding(probability=0.73, signals=(signal(), signal("learned")))
    cause = type(found.cause)(**{**vars(found.cause), "probability": 0.73})
    seen = text_of(headline(content(diagnosis=diagnosis(cause=cause, findings=(less,)))))
    assert "Likely cause: the new span is labelled in another way: loose boxes (2 of 2 signals speak for it)" in seen


def test_an_unknown_cause_is_said_in_the_head_with_the_next_measurement() -> None:
    seen = text_of(headline(content(diagnosis=unnamed())))
    assert "Cause unknown : mAP fell, and no cause is more likely than not." in seen
    assert "Next: Train once more" in seen


def test_a_diagnosis_that_failed_says_so_even_above_a_pushed_model() -> None:
    failed = unnamed(DiagnosisState.FAILED, sentence="The diagnosis itself failed (KeyError: 'x').", action="")
    pushed = evaluation(reason(passed=True), verdict=Verdict.PUSHED, golden=data_set(0.8))
    assert "The diagnosis itself failed" in text_of(headline(content(evaluation=pushed, diagnosis=failed)))
    assert "The diagnosis itself failed" in text_of(cause_section(content(diagnosis=failed)))


def test_where_nothing_fell_the_head_speaks_of_no_cause() -> None:
    assert "cause" not in text_of(headline(bootstrapped())).lower()


@pytest.mark.parametrize(
    ("shown", "title"),
    [
        (content(), "Why mAP fell"),
        (content(diagnosis=unnamed()), "Why mAP fell"),
        (content(diagnosis=unnamed(DiagnosisState.NOTHING)), "What the run found"),
        (bootstrapped(), "What the run found"),
        (rejected(), "What is known of the cause"),
    ],
)
def test_the_section_is_called_by_what_there_is_to_explain(shown: ReviewContent, title: str) -> None:
    assert cause_title_of(shown) == title


def test_every_cause_is_listed_by_what_is_known_of_it() -> None:
    seen = text_of(cause_section(content()))
    order = ("supported: the new span", "1 cause neither shown nor ruled out: forgetting", "1 cause ruled out: augmen")
    places = [seen.index(part) for part in (*order, "1 cause not testable: overfitting")]
    assert places == sorted(places)
    assert "undoing it gives back 76 % ± 4 % of the fall" in seen
    assert "how sure 3 of 4 signals speak for it; 0.88 if all weigh alike, not calibrated" in seen


def test_a_signal_is_shown_with_value_error_threshold_and_what_it_says() -> None:
    html = cause_section(content())
    rows = [text_of(row) for row in html.split("<tr>") if "<code" in row]
    assert any("label_size what changed 0.22 ± 0.01 0.05 ln of box size for it" in row for row in rows)
    assert any("noise what it looks like 0.22 ± 0.01 0.05 ln of box size against it" in row for row in rows)
    assert any("skew what changed \u2013 0.05 ln of box size nothing" in row for row in rows)


def test_images_of_golden_set_and_span_are_shown_and_the_others_named() -> None:
    html = cause_section(content())
    assert html.count("<figure") == 2
    seen = text_of(html)
    assert "000001.jpg , golden set" in seen
    assert "7.jpg , new span: 2 labels" in seen
    assert "Also: gone.jpg" in seen


def test_names_and_sentences_of_a_diagnosis_cannot_break_out_of_the_page() -> None:
    attack = "<script>alert(1)</script>"
    hostile = finding(
        sentence=attack, action=attack, detail=attack, images=(attack,), signals=(signal(attack, sentence=attack),)
    )
    cause = type(diagnosis().cause)(**{**vars(diagnosis().cause), "sentence": attack, "evidence": (attack,)})
    page = review_page(content(diagnosis=diagnosis(cause=cause, findings=(hostile,))))
    assert attack not in page


def test_the_advice_is_the_action_of_each_cause_that_is_supported_once() -> None:
    second = finding(detail="shifted_boxes", action="Move the boxes back.")
    shown = content(evaluation=FALLEN, diagnosis=diagnosis(findings=(finding(), second)))
    assert advice(shown) == [RELABEL, "Move the boxes back."]


def test_where_no_cause_is_known_the_span_is_not_blamed_and_the_measurement_is_the_advice() -> None:
    shown = content(evaluation=FALLEN, data=NO_FINDINGS, diagnosis=unnamed())
    assert advice(shown) == ["Train once more on the earlier span."]


def test_a_rule_that_is_about_something_else_keeps_its_advice() -> None:
    slow = evaluation(reason(), reason("serving:latency"))
    assert advice(content(evaluation=slow))[0] == RELABEL
    assert "Choose a smaller model" in advice(content(evaluation=slow))[1]


def test_of_a_rejected_span_the_data_gate_says_what_to_do() -> None:
    assert any("train on it in observe mode" in step for step in advice(rejected()))


def test_of_a_rejected_span_that_no_mode_lets_pass_observing_is_not_proposed() -> None:
    shown = rejected()
    failed = (*shown.data.reasons, Reason("classes:served_model", "all classes", "no cat", passed=False))
    stopped = dataclasses.replace(shown, data=dataclasses.replace(shown.data, reasons=failed))
    assert "observe mode" not in " ".join(advice(stopped))


DENIALS = (
    "trained in the same way",
    "only their data differ",
    "Correct the span",
    "train on it in observe mode",
    "No clear pattern",
    "learned them by heart",
    "it forgets",
    "error that grew most",
    "boxes fit worse",
)


@pytest.mark.parametrize("held_out", [0.4, 0.5, 0.6])
@pytest.mark.parametrize("found", [diagnosis(), unnamed(), unnamed(DiagnosisState.FAILED)])
def test_nothing_but_the_diagnosis_names_or_denies_a_cause(found: object, held_out: float) -> None:
    sets: Any = {"held_out": data_set(held_out, 0.5), "train_sample": data_set(0.7, 0.5), "earlier": data_set(0.4, 0.5)}
    shown = content(evaluation=evaluation(reason(), **sets), diagnosis=found)
    seen = text_of(headline(shown)) + text_of(cause_section(shown)) + text_of(next_section(shown))
    assert [words for words in DENIALS if words in seen] == []


def test_a_refuted_cause_is_folded_away() -> None:
    html = cause_section(content())
    assert html.index("<details") < html.index("Augmentation is as it was.")
    assert CauseState.REFUTED.value not in text_of(headline(content()))
