"""What the page says of how the models were trained."""

from __future__ import annotations

import dataclasses
from typing import Any

from ratchet.components.map_evaluator.training_rules import training_reasons
from ratchet.components.review.content import ReviewContent
from ratchet.components.review.sections.head import headline
from ratchet.components.review.sections.lineage import lineage_section
from ratchet.components.review.sections.next_steps import advice, next_section
from ratchet.components.review.sections.training import rows
from ratchet.components.review.sections.verdict import reason_sentence
from ratchet.schemas.artifacts.decisions import Verdict
from ratchet.schemas.artifacts.training_dynamics import Diverged
from ratchet.schemas.artifacts.training_record import NumericsRecord, ValidationImages
from tests.builders import asked_training, training_record
from tests.components.diagnosis.trainings import dynamics, environment_of
from tests.components.review.content import RELABEL, bootstrapped, content, diagnosis, evaluation, reason, unnamed
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


def test_settings_that_were_declared_are_left_out_of_the_command() -> None:
    shown = retrainings(
        "ratchet run --data spans --set training.retrain.max_steps=80 --set evaluator.batch_size=8",
        planned_steps=80,
        steps=80,
        asked=asked_training(max_steps=80, min_steps=80),
        declared_changes=("min_steps: 100 -> 80", "max_steps: 20000 -> 80"),
    )
    assert "ratchet run --data spans --set evaluator.batch_size=8 Copy" in text_of(next_section(shown))


LOST = Diverged(13, "the loss is nan", 0.1, None, 10.0)


def diverged(mode: str, command: str) -> ReviewContent:
    record = training_record(mode=mode, diverged=LOST, asked=asked_training(peak_learning_rate=0.003), best_step=0)
    return content(
        evaluation=evaluation(*training_reasons(record)),
        data=NO_FINDINGS,
        candidate=record,
        command=command,
        diagnosis=unnamed(),
    )


def test_of_a_training_that_diverged_the_named_cause_says_what_to_do() -> None:
    shown = dataclasses.replace(diverged("retrain", "ratchet run --data spans"), diagnosis=diagnosis())
    assert advice(shown) == [RELABEL]
    assert "With a third of the learning rate" not in text_of(next_section(shown))


def test_a_training_that_diverged_says_so_first_and_how_to_lower_the_rate() -> None:
    shown = diverged("retrain", "ratchet run --data spans")
    assert reason_sentence(shown).startswith(
        "The training diverged: the loss is nan at step 13 of 250, learning rate 0.1; the weights measured here are"
    )
    assert advice(shown)[0].startswith("Run again with a lower learning rate, as the command below does;")
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


def test_a_change_that_the_sentence_at_the_top_tells_is_not_told_twice() -> None:
    record = training_record(mode="retrain", declared_changes=("epochs: 5 to 1",))
    made = {"data": NO_FINDINGS, "candidate": record, "command": "ratchet run --set training.allow=[epochs]"}
    failed = content(evaluation=evaluation(reason(), *training_reasons(record)), **made)
    pushed = content(evaluation=evaluation(*training_reasons(record), verdict=Verdict.PUSHED), **made)
    assert text_of(headline(failed)).count("epochs: 5 to 1") == 1
    assert text_of(headline(pushed)).count("epochs: 5 to 1") == 1


def test_how_a_step_was_computed_and_on_what_stands_beside_the_baseline_s() -> None:
    numerics = NumericsRecord("mixed_bfloat16", True, "sgd", 0.9, 0.0001, 4)
    environment = environment_of(device="GPU NVIDIA A100", libraries={"tensorflow": "2.16.2"})
    candidate = training_record(numerics=numerics, devices=2, dynamics=dynamics(environment=environment))
    apart = {row.name: (row.candidate, row.baseline) for row in rows(candidate, training_record()) if row.differs}
    assert apart == {
        "optimizer": ("SGD, momentum 0.9", "Adam"),
        "weight decay": ("0.0001", "none"),
        "a batch goes through the model": ("in 4 parts", "whole"),
        "precision": ("mixed_bfloat16", "float32"),
        "step compiled by XLA": ("yes", "no"),
        "device": ("2 x GPU NVIDIA A100, TensorFlow 2.16.2", "1"),  # of an old record no more is known
    }
    shown = text_of(lineage_section(content(candidate=candidate)))
    assert "candidate trained on 2 x GPU NVIDIA A100, TensorFlow 2.16.2" in shown
