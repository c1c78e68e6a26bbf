"""What the candidate's training record says for or against it."""

from __future__ import annotations

from typing import Any

import pytest

from ratchet.components.map_evaluator.blessing import decide
from ratchet.components.map_evaluator.settings import EvaluatorSettings
from ratchet.components.map_evaluator.training_rules import sound_detections, training_reasons
from ratchet.schemas.artifacts.decisions import Reason, Verdict
from ratchet.schemas.artifacts.training_dynamics import Diverged
from ratchet.schemas.artifacts.training_record import ValidationImages
from tests.builders import training_record
from tests.components.map_evaluator.test_blessing import golden

LOST = Diverged(13, "the loss is nan", 0.1, None, 10.0)


def found(**record: Any) -> dict[str, Reason]:
    return {reason.rule: reason for reason in training_reasons(training_record(**record))}


@pytest.mark.parametrize("baseline", [0.5, None])
def test_a_training_that_diverged_blocks_however_good_its_last_sound_weights_are(baseline: float | None) -> None:
    data, settings = golden(0.9, baseline), EvaluatorSettings()
    assert decide(data, training_reasons(training_record()), settings).verdict.pushes
    decision = decide(data, training_reasons(training_record(diverged=LOST)), settings)
    assert decision.verdict is Verdict.BLOCKED
    assert decision.failures[0].rule == "training:diverged"
    assert not decision.evaluation_broken


@pytest.mark.parametrize(("best_step", "kept"), [(0, "those it started from"), (6, "those after step 6")])
def test_what_is_measured_of_a_training_that_diverged_is_said(best_step: int, kept: str) -> None:
    reason = found(diverged=LOST, best_step=best_step, planned_steps=60)["training:diverged"]
    assert reason.actual == (
        f"the loss is nan at step 13 of 60, learning rate 0.1; the weights measured here are {kept}"
    )


@pytest.mark.parametrize(
    ("images", "chosen", "text"),
    [
        (ValidationImages(12, 0, 20), False, "12 validation images where 20 are wanted; the last checkpoint was taken"),
        (
            ValidationImages(7, 40, 20, pooled=True),
            True,
            "47 validation images (7 of the new span, 40 of earlier ones), all counting alike",
        ),
        (ValidationImages(30, 0, 20), True, "30 validation images"),
    ],
)
def test_a_checkpoint_that_nothing_chose_is_a_warning(images: ValidationImages, chosen: bool, text: str) -> None:
    record = {} if chosen else {"validation": ()}
    reason = found(validation_images=images, **record)["training:checkpoint"]
    assert (reason.passed, reason.warning, reason.actual) == (True, not chosen, text)


def test_nothing_is_said_of_a_checkpoint_whose_choice_was_not_recorded() -> None:
    assert list(found()) == ["training:diverged"]


def test_what_was_changed_on_purpose_is_a_warning() -> None:
    reason = found(declared_changes=("min_steps: 100 -> 80", "epochs: 5 -> 1"))["training:changed"]
    assert (reason.passed, reason.warning) == (True, True)
    assert reason.actual == "min_steps: 100 -> 80; epochs: 5 -> 1"


def test_detections_that_are_no_numbers_block() -> None:
    assert sound_detections([]) == []
    [reason] = sound_detections(["candidate: returns for image 7 the box [nan]", "another"])
    assert (reason.rule, reason.passed) == ("training:detections", False)
    assert reason.actual == "candidate: returns for image 7 the box [nan]; batches with such: 2"
