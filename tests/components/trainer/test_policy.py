from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from components.trainer.policy import AUGMENTATIONS, learning_rate_at, plan_training
from components.trainer.settings import TrainerSettings
from schemas.errors import ConfigError
from schemas.settings import load
from schemas.training_record import TrainingRecord
from tests.builders import training_record


def settings(**training: Any) -> TrainerSettings:
    return load(TrainerSettings, {"training": training}, "x.yaml")


def baseline(**fields: Any) -> TrainingRecord:
    model = json.loads(json.dumps(dataclasses.asdict(TrainerSettings().model)))
    whole = {"model": model, "augmentation_digest": AUGMENTATIONS["none-v1"].digest}
    return training_record(**whole | fields)


def test_a_first_model_is_trained_at_its_own_peak() -> None:
    plan = plan_training(settings(bootstrap={"peak_learning_rate": 0.01, "steps": 300}), 100, None)
    assert (plan.mode, plan.steps, plan.learning_rate.peak) == ("bootstrap", 300, 0.01)


def test_retraining_takes_its_fraction_of_the_bootstrap_peak_however_often_it_was_retrained() -> None:
    rate = dataclasses.replace(baseline().learning_rate, peak=0.0008, bootstrap_peak=0.008)
    plan = plan_training(settings(retrain={"learning_rate_fraction": 0.1}), 100, baseline(learning_rate=rate))
    assert plan.mode == "retrain"
    assert plan.learning_rate.peak == pytest.approx(0.0008)
    assert plan.learning_rate.bootstrap_peak == 0.008


@pytest.mark.parametrize(("images", "steps"), [(16, 20), (160, 50), (1600, 200)])
def test_steps_follow_the_amount_of_data_within_limits(images: int, steps: int) -> None:
    retrain = {"epochs": 5, "min_steps": 20, "max_steps": 200}
    assert plan_training(settings(batch_size=16, retrain=retrain), images, baseline()).steps == steps


@pytest.mark.parametrize("steps", [1, 7, 100, 20_000])
def test_the_rate_never_exceeds_its_peak_and_ends_near_zero(steps: int) -> None:
    plan = plan_training(settings(bootstrap={"peak_learning_rate": 0.01, "steps": steps}), 100, None)
    rates = [learning_rate_at(step, steps, plan.learning_rate) for step in range(steps)]
    assert max(rates) <= 0.01
    assert min(rates) >= 0.0002 - 1e-12
    if steps >= 100:
        assert rates[0] == pytest.approx(0.0005)
        assert max(rates) == pytest.approx(0.01)
        assert rates[-1] < 0.0003


def test_a_span_smaller_than_a_batch_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"training.batch_size = 16: .*only 9 training images"):
        plan_training(settings(batch_size=16), 9, None)


def test_an_undeclared_change_of_augmentation_is_refused() -> None:
    flipped = load(TrainerSettings, {"augmentation": "flip-v1"}, "x.yaml")
    with pytest.raises(ConfigError, match=r"augmentation = 'flip-v1': .*'none-v1'"):
        plan_training(flipped, 100, baseline())


def test_another_architecture_than_the_baseline_is_refused() -> None:
    other = load(TrainerSettings, {"model": {"fpn_filters": 64}}, "x.yaml")
    with pytest.raises(ConfigError, match=r"model.fpn_filters = 64: .*256"):
        plan_training(other, 100, baseline())


def test_augmentation_digests_tell_all_policies_apart() -> None:
    assert len({augmentation.digest for augmentation in AUGMENTATIONS.values()}) == len(AUGMENTATIONS)


def test_batch_norm_is_frozen_where_pretrained_weights_came_in_and_stays_so() -> None:
    pretrained = settings(init_checkpoint="weights.npz")
    assert not plan_training(settings(), 100, None).freeze_batch_norm
    assert plan_training(pretrained, 100, None).freeze_batch_norm
    assert plan_training(settings(), 100, baseline(batch_norm_frozen=True)).freeze_batch_norm
    assert not plan_training(settings(freeze_batch_norm=False), 100, baseline(batch_norm_frozen=True)).freeze_batch_norm
