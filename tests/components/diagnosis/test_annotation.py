"""Annotation is named where labels changed and the candidate learned it, cleared where they did not."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import pytest

from ratchet.components.diagnosis.annotation import examine
from ratchet.components.diagnosis.bundle import Bundle
from ratchet.schemas.artifacts.decisions import Reason, Verdict
from ratchet.schemas.artifacts.diagnosis import ANNOTATION, CauseFinding, CauseState, Role, Signal
from tests.components.diagnosis.bundles import (
    bundle,
    data_set,
    dynamics,
    evaluation_of,
    label_evidence,
    label_measure,
    retrained,
)
from tests.components.diagnosis.golden_scenes import Habit, exchanged, for_some, golden_scenes, moved, resized
from tests.components.labels.scenes import NAMES, Detector

FALL = {"golden": -0.2, "held_out": 0.1}


def fallen(habit: Habit | None = None, sees: Detector | None = None, **fields: Any) -> Bundle:
    """A run whose golden set fell, over the classes of the simulated scenes; `sees` is how well the candidate does."""
    evaluation = evaluation_of(FALL, golden=data_set(-0.2, classes=dict.fromkeys(NAMES, -0.2)))
    whole: dict[str, Any] = {"golden": golden_scenes(habit, candidate=sees), "evaluation": evaluation}
    return bundle(**whole | fields)


def the_one(run: Bundle) -> CauseFinding:
    [finding] = examine(run)
    assert finding.cause == ANNOTATION
    return finding


def signal(finding: CauseFinding, name: str) -> Signal:
    return next(each for each in finding.signals if each.name == name)


@pytest.mark.parametrize(
    ("habit", "measured", "detail"),
    [
        (resized(1.25), {"log_width": 0.22, "log_height": 0.22}, "loose_boxes"),
        (resized(0.85), {"log_width": -0.16, "log_height": -0.16}, "tight_boxes"),
        (resized(1.25, 1.0), {"log_width": 0.22}, "loose_boxes"),
        (moved(0.2, 0.0), {"offset_x": 0.2}, "shifted_boxes"),
        (moved(0.0, -0.2), {"offset_y": -0.2}, "shifted_boxes"),
        (exchanged(1, 2), {"swapped:ant>bee": 0.9, "swapped:bee>ant": 0.9}, "swapped_classes"),
    ],
)
def test_what_changed_in_the_labels_and_was_learned_is_named_and_proved(
    habit: Habit, measured: dict[str, float], detail: str
) -> None:
    finding = the_one(fallen(habit, labels=label_evidence(**measured)))
    assert (finding.detail, finding.state) == (detail, CauseState.SUPPORTED)
    assert finding.probability > 0.9
    assert finding.share is not None
    assert finding.share > 0.5
    assert finding.std_error
    assert finding.images
    assert "span 3" in finding.action
    assert [each.role for each in finding.signals if each.supports].count(Role.PROOF) == 1


@pytest.mark.parametrize(
    ("candidate", "measured", "detail"),
    [
        (Detector(jitter=0.12), {"jitter": 0.12}, "jittered_boxes"),
        (Detector(confuses=0.3), {"noise": 0.3}, "label_noise"),
        (Detector(misses=0.4), {"missing": 0.4}, "missing_labels"),
        (Detector(misses=0.4), {"reading:corners": 0.9}, "box_format"),
        (Detector(misses=0.4), {"found": 0.4}, "misplaced_labels"),
    ],
)
def test_other_faults_are_named_by_what_they_teach(
    candidate: Detector, measured: dict[str, float], detail: str
) -> None:
    finding = the_one(fallen(sees=candidate, labels=label_evidence(**measured)))
    assert (finding.detail, finding.state) == (detail, CauseState.SUPPORTED)
    assert finding.images


def test_two_faults_are_both_named_with_their_own_shares() -> None:
    habit = lambda found: moved(0.15, 0.0)(resized(1.2)(found))  # noqa: E731
    found = examine(fallen(habit, labels=label_evidence(log_width=0.18, log_height=0.18, offset_x=0.15)))
    assert {each.detail for each in found} == {"loose_boxes", "shifted_boxes"}
    assert all(each.state is CauseState.SUPPORTED for each in found)


@pytest.mark.parametrize("candidate", [None, Detector(misses=0.4, confuses=0.3, jitter=0.12)])
def test_labels_that_did_not_change_are_cleared_whatever_the_candidate_does(candidate: Detector | None) -> None:
    finding = the_one(fallen(sees=candidate))
    assert (finding.detail, finding.state, finding.probability) == ("", CauseState.REFUTED, 0.0)
    assert all(each.supports is False for each in finding.signals)


def test_labels_that_did_not_change_are_cleared_though_the_candidate_draws_otherwise() -> None:
    assert the_one(fallen(resized(1.25))).state is CauseState.REFUTED


def test_without_any_measure_nothing_can_be_tested_and_the_action_says_what_would() -> None:
    finding = the_one(fallen(labels=None, golden=None))
    assert finding.state is CauseState.NOT_TESTABLE
    assert "data_gate.labels" in finding.action


@pytest.mark.parametrize("candidate", [Detector(misses=0.4, confuses=0.3), Detector(jitter=0.12)])
def test_labels_that_nobody_measured_are_not_accused_because_the_candidate_is_bad(candidate: Detector) -> None:
    assert the_one(fallen(sees=candidate, labels=None)).state is not CauseState.SUPPORTED


def test_a_habit_of_drawing_speaks_without_a_measure_of_the_labels() -> None:
    finding = the_one(fallen(resized(1.25), labels=None))
    assert (finding.detail, finding.state) == ("loose_boxes", CauseState.SUPPORTED)


def test_a_change_that_the_candidate_did_not_learn_is_not_the_cause() -> None:
    finding = the_one(fallen(labels=label_evidence(log_width=0.22, log_height=0.22), deltas={"held_out": -0.1}))
    assert signal(finding, "learned_loose_boxes").supports is False
    assert finding.state is not CauseState.SUPPORTED


def test_the_match_is_a_ratio_with_its_error() -> None:
    half = the_one(fallen(resized(1.12), labels=label_evidence(log_width=0.22, log_height=0.22)))
    match = signal(half, "learned_loose_boxes")
    assert match.value == pytest.approx(0.5, abs=0.05)
    assert match.std_error
    assert 0 < match.std_error < 0.1


def test_a_model_that_cannot_judge_the_span_neither_accuses_nor_clears_its_labels() -> None:
    lost = dataclasses.replace(label_evidence(noise=0.4), judged=0.0)
    assert the_one(fallen(sees=Detector(confuses=0.3), labels=lost)).state is not CauseState.SUPPORTED
    assert the_one(fallen(labels=dataclasses.replace(label_evidence(), judged=0.0))).state is CauseState.NOT_TESTABLE


def test_a_sure_change_below_the_limit_is_left_to_what_the_candidate_learned() -> None:
    small = label_evidence(log_width=label_measure("log_width", 0.04, std_error=0.005, limit=0.1))
    assert the_one(fallen(resized(1.04), labels=small)).state is not CauseState.REFUTED
    assert the_one(fallen(resized(1.0), labels=small)).state is not CauseState.SUPPORTED


def test_a_part_of_the_span_accuses_though_the_whole_is_within_its_limit() -> None:
    reason = Reason("part:labels:size", "", "boxes are drawn 30% larger (only in camera = north)", strength=6.0)
    finding = the_one(fallen(resized(1.25), reasons=[reason]))
    assert (finding.detail, finding.state) == ("loose_boxes", CauseState.SUPPORTED)


def test_what_falls_from_the_first_quarter_of_the_way_on_speaks_for_a_habit() -> None:
    line = dynamics(line=(0.65, 0.5, 0.4))
    record = retrained(old=(0.73, 0.6, 0.4), new=(0.3, 0.4, 0.46), best_step=250, dynamics=line)
    run = fallen(resized(1.25), labels=label_evidence(log_width=0.22), candidate=record)
    early = signal(the_one(run), "falls_early")
    assert early.supports is True
    assert early.value == pytest.approx(0.08 / 0.33, abs=0.01)


def test_a_rejected_span_names_what_the_gate_holds_for_the_best_explanation() -> None:
    reason = Reason("labels:size", "", "boxes are drawn 25% larger", strength=4.0, images=("a.jpg",))
    other = Reason("labels:noise", "", "about 20% have a wrong class", strength=2.0)
    found = examine(
        bundle(
            labels=label_evidence(log_width=0.22, noise=0.2),
            reasons=[reason, other],
            candidate=None,
            evaluation=None,
            golden=None,
            verdict=Verdict.DATA_REJECTED,
        )
    )
    assert [each.detail for each in found] == ["loose_boxes", "label_noise"]
    assert all(each.state is CauseState.SUPPORTED for each in found)
    assert found[0].probability > found[1].probability
    assert found[0].images == ("a.jpg",)
    assert all(each.share is None for each in found)


@pytest.mark.parametrize("strength", [None, 3.0, math.inf, math.nan])
@pytest.mark.parametrize(
    ("rule", "detail"),
    [
        ("facts:unlabelled_end", "unlabelled_images"),
        ("boxes:sound", "box_format"),
        ("labels:duplicates", "repeated_labels"),
        ("labels:reading", "box_format"),
    ],
)
def test_rules_without_figures_speak_for_a_rejected_span(rule: str, detail: str, strength: float | None) -> None:
    reason = Reason(rule, "", "found it", strength=strength)
    finding = the_one(
        bundle(labels=None, reasons=[reason], candidate=None, evaluation=None, golden=None)  # an evidence of before
    )
    assert (finding.detail, finding.state) == (detail, CauseState.SUPPORTED)
    assert "found it" in finding.sentence


@pytest.mark.parametrize(
    ("habit", "measured", "figures"),
    [
        (resized(1.25), {"log_width": 0.22, "log_height": 0.22}, "(width x 0.80, height x 0.80)"),
        (moved(0.2, 0.0), {"offset_x": 0.2, "offset_y": 0.0}, "(left by 20 % of their width)"),
        (moved(0.0, -0.2), {"offset_y": -0.2}, "(down by 20 % of their height)"),
        (exchanged(1, 2), {"swapped:ant>bee": 0.9}, "(bee -> ant where it looks like ant)"),
    ],
)
def test_the_action_says_by_how_much_to_undo_it(habit: Habit, measured: dict[str, float], figures: str) -> None:
    assert figures in the_one(fallen(habit, labels=label_evidence(**measured))).action


def test_the_action_names_classes_that_lack_labels_and_how_boxes_would_fit() -> None:
    sees = Detector(misses=0.4)
    lacking = the_one(fallen(sees=sees, labels=label_evidence(**{"missing": 0.4, "missing:bee": 0.9})))
    assert "left out in span 3 (bee)" in lacking.action
    read = the_one(fallen(sees=sees, labels=label_evidence(**{"reading:they are read as corners": 0.9})))
    assert "(now they fit only if they are read as corners)" in read.action


@pytest.mark.parametrize(
    ("habit", "measured", "detail"),
    [
        (moved(0.25, 0.25), {"offset_x": 0.25, "offset_y": 0.25}, "shifted_boxes"),
        (resized(1.3), {"log_width": 0.26, "log_height": 0.26}, "loose_boxes"),
    ],
)
def test_a_candidate_that_draws_in_two_ways_learned_it_although_no_one_way_can_be_undone(
    habit: Habit, measured: dict[str, float], detail: str
) -> None:
    finding = the_one(fallen(for_some(habit, 0.4), labels=label_evidence(**measured)))
    assert (finding.detail, finding.state, finding.share) == (detail, CauseState.SUPPORTED, None)
    assert signal(finding, f"learned_{detail}").supports is True
    assert "draws boxes in two ways" in signal(finding, f"learned_{detail}").sentence
    assert signal(finding, f"undone_{detail}").supports is None
