"""The one answer from what is known of every cause."""

from __future__ import annotations

from typing import Any

import pytest

from ratchet.components.diagnosis.answer import answer, ranked
from ratchet.components.diagnosis.bundle import Bundle
from ratchet.components.diagnosis.weighing import weighed
from ratchet.schemas.artifacts.data_evidence import DataEvidence
from ratchet.schemas.artifacts.decisions import DataDecision, Reason, Verdict
from ratchet.schemas.artifacts.diagnosis import (
    ANNOTATION,
    CAUSES,
    DATASET_SHIFT,
    EVALUATION_SET,
    NOTHING,
    OVERFITTING,
    PIPELINE,
    UNKNOWN,
    CauseFinding,
    CauseState,
    DiagnosisState,
    Role,
    Signal,
)
from ratchet.schemas.artifacts.evaluation import Deltas
from tests.builders import training_record
from tests.components.review.content import data_set, delta, evaluation, reason


def signal(supports: bool | None, role: Role = Role.SYMPTOM, sentence: str = "it looks like it") -> Signal:
    return Signal("name", role, 1.0, 1.0, "ratio", supports, sentence)


def finding(cause: str = ANNOTATION, speaks: tuple[bool | None, ...] = (True, True), **fields: Any) -> CauseFinding:
    """A finding whose first signal is what changed."""
    blank = CauseFinding(cause, "", CauseState.OPEN, 0.0, f"{cause} did it.", f"Undo {cause}.")
    roles = [Role.SUSPECT, *[Role.SYMPTOM] * (len(speaks) - 1)]
    found = weighed(blank, [signal(each, role) for each, role in zip(speaks, roles)])
    return CauseFinding(**{**vars(found), **fields})


def bundle(fall: float = -0.1, half: float = 0.02, verdict: Verdict = Verdict.BLOCKED, **fields: Any) -> Bundle:
    """A run whose mAP fell by .1 +- .02."""
    change = delta(fall, half)
    golden = data_set(0.7 + fall, 0.7, deltas=Deltas(change, {}, {}))
    whole: dict[str, Any] = {
        "verdict": verdict,
        "data": DataDecision(True, ()),
        "evidence": DataEvidence(()),
        "candidate": training_record(mode="retrain"),
        "baseline": training_record(),
        "evaluation": evaluation(reason("map_interval"), verdict=verdict, golden=golden),
        "golden": None,
    }
    return Bundle(**whole | fields)


def test_the_likeliest_supported_cause_is_named_with_its_action_and_evidence() -> None:
    cause = answer(bundle(), ranked([finding(DATASET_SHIFT, (True, False)), finding(ANNOTATION, (True, True, True))]))
    assert (cause.name, cause.state, cause.action) == (ANNOTATION, DiagnosisState.NAMED, "Undo annotation.")
    assert cause.evidence
    assert cause.probability > 0.8


def test_a_single_signal_names_nothing() -> None:
    assert answer(bundle(), [finding(ANNOTATION, (True,))]).name == UNKNOWN


def test_signals_that_contradict_each_other_name_nothing() -> None:
    cause = answer(bundle(), [finding(ANNOTATION, (True, False))])
    assert (cause.name, cause.state) == (UNKNOWN, DiagnosisState.UNKNOWN)
    assert "Neither shown nor ruled out: annotation did it." in cause.evidence


def test_what_did_not_change_is_refuted_whatever_it_looks_like() -> None:
    found = finding(ANNOTATION, (False, True, True, True))
    assert (found.state, found.probability) == (CauseState.REFUTED, 0.0)


def test_a_cause_of_which_nothing_was_measured_is_not_testable_and_says_what_would_test_it() -> None:
    found = finding(ANNOTATION, (None, None), action="label 50 images again.")
    assert found.state is CauseState.NOT_TESTABLE
    assert answer(bundle(), [found]).action == "Label 50 images again."


def test_what_the_training_ran_on_is_not_what_is_measured_next() -> None:
    old = finding(PIPELINE, (None,), action="Train with what it ran on before.")
    assert "Train once more on the span that the served model was trained on" in answer(bundle(), [old]).action


def test_a_fall_within_the_noise_without_a_cause_is_nothing_to_explain_and_says_so() -> None:
    cause = answer(bundle(-0.01), [finding(ANNOTATION, (True, False))])
    assert (cause.name, cause.state) == (NOTHING, DiagnosisState.NOTHING)
    assert "no measurable difference" in cause.sentence
    assert "Differences below" in cause.action


def test_a_fall_that_is_likely_and_has_a_strong_cause_is_explained_although_it_may_be_noise() -> None:
    strong = finding(ANNOTATION, (True, True, True))
    assert answer(bundle(-0.019), [strong]).name == ANNOTATION
    assert answer(bundle(-0.001), [strong]).name == NOTHING  # a coin toss whether it fell at all


def test_no_cause_is_named_for_a_clear_fall_of_less_than_a_hundredth_of_the_baseline() -> None:
    strong = finding(ANNOTATION, (True, True, True))
    cause = answer(bundle(-0.006, half=0.002), [strong])
    assert (cause.name, cause.state) == (UNKNOWN, DiagnosisState.UNKNOWN)
    assert "less than 1 % of what the served model scores" in cause.sentence
    assert answer(bundle(-0.009, half=0.002), [strong]).name == ANNOTATION


def test_a_model_that_rose_has_nothing_to_explain_whatever_changed() -> None:
    strong = finding(ANNOTATION, (True, True, True))
    assert answer(bundle(0.05, verdict=Verdict.PUSHED), [strong]).name == NOTHING
    assert answer(bundle(0.01, verdict=Verdict.INCONCLUSIVE), [strong]).name == NOTHING


def test_a_first_model_has_nothing_to_explain() -> None:
    assert answer(bundle(baseline=None), [finding()]).state is DiagnosisState.NOTHING


def test_of_a_broken_evaluation_only_the_evaluation_can_be_named() -> None:
    broken = evaluation(reason("trust:leak"), golden=data_set())
    found = [finding(ANNOTATION, (True, True, True)), finding(EVALUATION_SET, (True, True))]
    assert answer(bundle(evaluation=broken), found).name == EVALUATION_SET
    unknown = answer(bundle(evaluation=broken), found[:1])
    assert unknown.name == UNKNOWN
    assert "what is wrong with it: trust:leak" in unknown.action


def test_a_golden_set_whose_labels_fit_nothing_is_named_although_every_check_passed_and_nothing_fell() -> None:
    broken = finding(EVALUATION_SET, (True, True), detail="broken_metric")
    found = ranked([finding(ANNOTATION, (True, True, True)), broken])
    assert answer(bundle(0.0), found).name == EVALUATION_SET
    assert answer(bundle(0.0), found[:1]).name == NOTHING


def test_a_lost_training_is_to_be_explained_although_the_model_is_the_one_it_started_from() -> None:
    lost = evaluation(reason("training:diverged"), golden=data_set(0.7, 0.7, deltas=Deltas(delta(0.0), {}, {})))
    assert answer(bundle(evaluation=lost), [finding(OVERFITTING)]).name == OVERFITTING


def test_a_rejected_span_is_named_by_what_the_gate_found() -> None:
    rejected = bundle(verdict=Verdict.DATA_REJECTED, evaluation=None, candidate=None)
    assert answer(rejected, [finding(ANNOTATION)]).name == ANNOTATION
    told = Reason("schema:x", "a", "the schema was broken")
    unknown = answer(bundle(evaluation=None, data=DataDecision(False, (told,))), [])
    assert unknown.name == UNKNOWN
    assert "the schema was broken" in unknown.sentence
    assert unknown.action == "Correct what the data gate found (schema:x), and run again."


def test_causes_that_give_back_less_than_half_of_the_fall_leave_it_unknown() -> None:
    little = finding(ANNOTATION, (True, True, True), share=0.2, std_error=0.05)
    cause = answer(bundle(), [little])
    assert (cause.name, cause.evidence[0]) == (UNKNOWN, "annotation did it.")
    assert "20 %" in cause.sentence
    most = finding(ANNOTATION, (True, True, True), share=0.45, std_error=0.05)
    assert answer(bundle(), [most]).name == ANNOTATION
    beside = [little, finding(DATASET_SHIFT, (True, True))]
    assert answer(bundle(), ranked(beside)).name == ANNOTATION  # what the other one costs was not measured


def test_a_second_cause_is_told_beside_the_first() -> None:
    cause = answer(bundle(), ranked([finding(ANNOTATION, (True, True, True)), finding(DATASET_SHIFT)]))
    assert cause.name == ANNOTATION
    assert cause.evidence[-1] == "At work as well: dataset_shift did it."


@pytest.mark.parametrize("cause", CAUSES)
def test_every_cause_can_be_the_answer(cause: str) -> None:
    assert answer(bundle(), [finding(cause)]).name == cause


def test_the_probability_of_unknown_falls_with_what_is_open() -> None:
    alone = answer(bundle(), [])
    leads = answer(bundle(), [finding(ANNOTATION, (True, True, False))])
    assert alone.probability == 1.0
    assert 0 < leads.probability < 1
