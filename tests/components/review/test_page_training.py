"""What the page says of how the models were trained."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from components.map_evaluator.training_rules import training_reasons
from components.review.content import ReviewContent
from components.review.sections.cause import cause_section
from components.review.sections.next_steps import advice, next_section
from components.review.sections.verdict import headline, reason_sentence
from schemas.artifacts.decisions import Verdict
from schemas.artifacts.training_record import Diverged, ValidationImages
from tests.builders import asked_training, training_record
from tests.components.review.content import bootstrapped, content, evaluation, reason
from tests.components.review.test_page import FALLEN, NO_FINDINGS, text_of


def retrainings(command: str = "ratchet run", **candidate: Any) -> ReviewContent:
    """A fall between two retrainings of 150 steps, nothing found in the data; the fields change the candidate's."""
    alike = {"mode": "retrain", "asked": asked_training(), "planned_steps": 150, "steps": 150, "best_step": 150}
    return content(
        evaluation=FALLEN,
        data=NO_FINDINGS,
        command=command,
        baseline=training_record(**alike),
        candidate=training_record(**alike | candidate),
    )


def test_trainings_that_are_alike_are_told_so_and_the_span_is_looked_at() -> None:
    shown = retrainings(span=2)
    assert "Both models were trained in the same way; only their data differ." in text_of(cause_section(shown))
    assert "Correct the span" in advice(shown)[0]


def test_fewer_steps_than_the_last_retraining_took_are_no_training_in_the_same_way() -> None:
    shown = retrainings(
        "ratchet run --data spans --set training.retrain.max_steps=80 --set evaluator.batch_size=8",
        planned_steps=80,
        steps=80,
        asked=asked_training(max_steps=80, min_steps=80),
        declared_changes=("min_steps: 100 -> 80", "max_steps: 20000 -> 80"),
    )
    facts = text_of(cause_section(shown))
    assert "in the same way" not in facts
    assert "What differs in how they were trained: planned steps 80 (baseline 150)" in facts
    assert "The training was changed on purpose: max_steps: 20000 -&gt; 80." in facts
    assert advice(shown) == ["Run again without what was changed on purpose; the command below leaves it out."]
    assert "ratchet run --data spans --set evaluator.batch_size=8 Copy" in text_of(next_section(shown))


def test_a_change_that_the_command_did_not_make_is_named_to_be_put_back() -> None:
    shown = retrainings(steps=80, planned_steps=80, declared_changes=("max_steps: 20000 -> 80",))
    assert advice(shown) == ["Put back what was changed (max_steps: 20000 -> 80), and run again."]


def test_steps_that_follow_from_the_size_of_the_span_are_told_as_that_and_do_not_blame_the_span() -> None:
    shown = retrainings(planned_steps=80, steps=80, images=300, span=2)
    facts = text_of(cause_section(shown))
    assert "under the same settings, and what follows from the amount of data differs: planned steps 80" in facts
    assert "on purpose" not in facts
    [step] = advice(shown)
    assert "Correct the span" not in step
    assert "planned steps 80, there 150" in step


@pytest.mark.parametrize(
    "change",
    [
        {"asked": asked_training(patience=1)},
        {"seed": 7},
        {"clip_norm": 1.0},
        {"average": 0.9},
        {"batch_norm_frozen": True},
        {"model": {"input_size": [64, 64]}},
        {"steps": 100},
        {"validation": ()},
    ],
)
def test_nothing_of_how_a_model_is_trained_is_left_out_of_the_comparison(change: dict[str, Any]) -> None:
    facts = text_of(cause_section(retrainings(**change)))
    assert "in the same way" not in facts
    assert "Correct the span" not in advice(retrainings(**change))[0]


def test_a_first_retraining_differs_by_nature_from_what_it_started_from() -> None:
    first = dataclasses.replace(retrainings(), baseline=training_record())
    assert "The first retraining after a first training, which differ by nature" in text_of(cause_section(first))


LOST = Diverged(13, "the loss is nan", 0.1, None, 10.0)


def diverged(mode: str, command: str) -> ReviewContent:
    record = training_record(mode=mode, diverged=LOST, asked=asked_training(peak_learning_rate=0.003), best_step=0)
    return content(
        evaluation=evaluation(*training_reasons(record)), data=NO_FINDINGS, candidate=record, command=command
    )


def test_a_training_that_diverged_says_so_first_and_how_to_lower_the_rate() -> None:
    shown = diverged("retrain", "ratchet run --data spans")
    assert reason_sentence(shown).startswith(
        "The training diverged: the loss is nan at step 13 of 250, learning rate 0.1; the weights measured here are"
    )
    assert advice(shown)[0].startswith("Lower the learning rate and run again; the command below does.")
    seen = text_of(next_section(shown))
    assert "ratchet run --data spans --set training.retrain.learning_rate_fraction=0.125 Copy" in seen


def test_a_first_training_that_diverged_is_run_again_at_a_third_of_its_rate() -> None:
    seen = text_of(next_section(diverged("bootstrap", "ratchet run --set training.bootstrap.peak_learning_rate=0.003")))
    assert "ratchet run --set training.bootstrap.peak_learning_rate=0.001 Copy" in seen


def test_a_rate_that_was_declared_and_diverged_is_left_out() -> None:
    given = "ratchet run --set training.retrain.learning_rate_fraction=9 --set 'training.allow=[learning_rate]'"
    seen = text_of(next_section(diverged("retrain", given)))
    assert "ratchet run Copy" in seen


def test_that_no_checkpoint_could_be_chosen_is_said_in_the_head_of_a_pushed_model_too() -> None:
    record = training_record(validation=(), validation_images=ValidationImages(12, 0, 20))
    shown = bootstrapped(
        candidate=record, evaluation=evaluation(*training_reasons(record), verdict=Verdict.BOOTSTRAPPED)
    )
    assert (
        "No checkpoint could be chosen: 12 validation images where 20 are wanted; the last checkpoint was taken."
        in text_of(headline(shown))
    )


def test_that_a_training_diverged_is_the_first_of_what_is_known_of_the_cause() -> None:
    facts = text_of(cause_section(diverged("retrain", "ratchet run")))
    assert facts.startswith("The training diverged: the loss is nan at step 13 of 250, learning rate 0.1;")


def test_a_change_that_the_sentence_at_the_top_tells_is_not_told_twice() -> None:
    record = training_record(mode="retrain", declared_changes=("epochs: 5 to 1",))
    made = {"data": NO_FINDINGS, "candidate": record, "command": "ratchet run --set training.allow=[epochs]"}
    failed = content(evaluation=evaluation(reason(), *training_reasons(record)), **made)
    pushed = content(evaluation=evaluation(*training_reasons(record), verdict=Verdict.PUSHED), **made)
    assert text_of(headline(failed)).count("epochs: 5 to 1") == 1
    assert text_of(headline(pushed)).count("epochs: 5 to 1") == 1
