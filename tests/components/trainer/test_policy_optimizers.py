"""Optimizers and batches: what a retraining may change, and what has to be declared."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from ratchet.components.trainer.policy import plan_training
from ratchet.components.trainer.settings import TrainerSettings
from ratchet.schemas.artifacts.training_record import (
    NumericsRecord,
)
from ratchet.schemas.base.errors import ConfigError
from tests.components.trainer.test_policy import baseline, retrained, settings, span


@pytest.mark.parametrize("images", [1, 4, 9, 15])
def test_a_first_span_smaller_than_a_batch_makes_batches_and_rate_smaller(images: int) -> None:
    plan = plan_training(settings(batch_size=16), span(images), None)
    assert plan.batch_size == images
    assert plan.asked.batch_size == 16
    assert plan.learning_rate.peak == pytest.approx(0.008 * (images / 16) ** 0.5)
    assert plan.learning_rate.bootstrap_peak == 0.008


def test_of_a_small_span_no_more_images_are_in_a_batch_than_there_are_and_replayed_ones_fill_up() -> None:
    plan = plan_training(settings(batch_size=16, retrain={"min_steps": 1, "epochs": 5}), span(3), baseline())
    assert plan.batch_size * (1 - plan.continual.replay) == pytest.approx(3)
    assert (plan.batch_size, plan.steps) == (16, 5)
    assert plan.learning_rate.peak == pytest.approx(0.0008)
    assert plan.declared_changes == ()


def test_without_replay_a_small_span_makes_batches_smaller() -> None:
    plan = plan_training(settings(batch_size=16, retrain={"replay": 0.0}), span(4), baseline())
    assert (plan.batch_size, plan.continual.replay) == (4, 0.0)
    assert plan.learning_rate.peak == pytest.approx(0.0004)


def test_the_batch_of_a_small_span_is_shared_out_evenly_among_devices() -> None:
    sizes = [plan_training(settings(batch_size=16), span(images), None, devices=4).batch_size for images in (3, 9, 40)]
    assert sizes == [4, 8, 16]


SGD = NumericsRecord(optimizer="sgd", momentum=0.9)


def with_optimizer(optimizer: str, peak: float, **training: Any) -> TrainerSettings:
    """Settings of a lineage that is, or is to be, trained by an optimizer."""
    return settings(optimizer=optimizer, bootstrap={"peak_learning_rate": peak}, **training)


@pytest.mark.parametrize(("before", "now"), [(NumericsRecord(), "sgd"), (SGD, "adam")])
@pytest.mark.parametrize("mode", ["bootstrap", "retrain"])
def test_another_optimizer_is_refused_with_what_has_to_be_set(before: NumericsRecord, now: str, mode: str) -> None:
    with pytest.raises(ConfigError) as caught:
        plan_training(settings(optimizer=now), span(), baseline(mode=mode, numerics=before))
    told = str(caught.value)
    assert told.startswith(f"training.optimizer = '{now}': the served model was trained with '{before.optimizer}'")
    assert "training.bootstrap.peak_learning_rate" in told
    assert told.endswith("training.allow: [optimizer]")
    assert "\n" not in told


def test_a_declared_optimizer_begins_with_a_peak_of_its_own_and_later_retrainings_go_on_from_it() -> None:
    changed = with_optimizer("sgd", 0.2, allow=["optimizer"])
    plan = plan_training(changed, span(), baseline())
    assert (plan.learning_rate.peak, plan.learning_rate.bootstrap_peak) == (pytest.approx(0.02), 0.2)
    assert plan.numerics == SGD
    assert plan.declared_changes == ("optimizer: adam -> sgd, at a peak of 0.02, which is not like the rates before",)
    after = baseline(mode="retrain", learning_rate=plan.learning_rate, asked=plan.asked, numerics=plan.numerics)
    later = plan_training(with_optimizer("sgd", 0.008), span(span=3, digest="third"), after)
    assert (later.learning_rate.peak, later.declared_changes) == (pytest.approx(0.02), ())
    faster = with_optimizer("sgd", 0.2, retrain={"learning_rate_fraction": 0.5})
    with pytest.raises(ConfigError, match=r"learning_rate_fraction = 0\.5: a peak of 0\.1 is above the 0\.02"):
        plan_training(faster, span(span=3, digest="third"), after)


def test_a_record_from_before_there_was_a_choice_is_of_adam_in_float32() -> None:
    assert baseline().numerics == NumericsRecord("float32", False, "adam", None, 0.0, 1)
    assert plan_training(settings(), span(), baseline()).numerics == baseline().numerics


def test_momentum_of_sgd_is_compared() -> None:
    before = dataclasses.replace(retrained(0.0008), numerics=SGD)
    plan = plan_training(settings(optimizer="sgd", momentum=0.8), span(), before)
    assert "momentum: 0.9 -> 0.8" in plan.declared_changes


def test_a_smaller_batch_lowers_the_rate_of_sgd_in_proportion() -> None:
    plan = plan_training(with_optimizer("sgd", 0.2, batch_size=16), span(4), None)
    assert plan.learning_rate.peak == pytest.approx(0.05)


def test_a_batch_has_no_more_parts_than_images_on_a_device() -> None:
    few = plan_training(settings(batch_size=16, accumulate=8), span(3), None)
    assert (few.batch_size, few.numerics.accumulate, few.asked.accumulate) == (3, 3, 8)
    shared = plan_training(settings(batch_size=16, accumulate=8), span(100), None, devices=4)
    assert shared.numerics.accumulate == 4


def test_xla_is_for_one_device() -> None:
    assert plan_training(settings(xla=True), span(), None).numerics.xla
    with pytest.raises(ConfigError, match=r"training\.xla = true: .* there are 2; set training\.xla: false"):
        plan_training(settings(xla=True), span(), None, devices=2)
