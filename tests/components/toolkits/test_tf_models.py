"""What a params.yaml of tf-models says, whole or in part."""

from __future__ import annotations

import numpy as np
import pytest

from ratchet.components.toolkits.read_plan import plan_of_text
from ratchet.schemas.data.training_plan import Kind, TrainingPlan
from tests.components.toolkits.configs import PARTIAL, RETINANET


def read(text: str) -> TrainingPlan:
    return plan_of_text(text, "params.yaml")


def with_rate(rate: str) -> TrainingPlan:
    return read(f"trainer: {{train_steps: 1000, optimizer_config: {{learning_rate: {{{rate}}}}}}}")


def test_a_dumped_experiment_is_read() -> None:
    plan = read(RETINANET)
    assert (plan.toolkit, plan.model, plan.classes) == ("tf-models", "resnet 50 1", 91)
    assert plan.input_size == "512x640"  # width by height
    assert (plan.batch_size, plan.steps, plan.optimizer, plan.weight_decay) == (256, 33264, "sgd", 0.0001)
    assert plan.starts_from == "gs://bucket/resnet50_imagenet/ckpt-28080 (backbone)"
    assert plan.frozen == ()
    assert (plan.train_data, plan.eval_data) == (("coco/train*",), ("coco/val*",))
    assert plan.matching["match_threshold"] == "0.5"
    assert plan.matching["anchor.aspect_ratios"] == "[0.5, 1, 2]"
    assert plan.post_processing == {
        "max_num_detections": "100",
        "nms_iou_threshold": "0.5",
        "pre_nms_score_threshold": "0.05",
    }
    assert plan.losses == {"box_loss_weight": "50", "focal_loss_alpha": "0.25", "focal_loss_gamma": "1.5"}
    assert plan.settings["trainer.optimizer_config.optimizer.sgd.global_clipnorm"] == "10"


def test_the_rate_rises_to_its_steps() -> None:
    rate = read(RETINANET).rate
    assert rate is not None
    assert (rate.kind, rate.warmup_steps) == ("step", 500)
    places = [0, 500, 26334, 26334, 30954, 30954, 33264]
    rates = [0.0067, 0.32, 0.32, 0.032, 0.032, 0.0032, 0.0032]
    assert np.array(rate.points) == pytest.approx(np.array([places, rates]).T / [33264, 1])


def test_augmentations_are_those_that_are_on() -> None:
    augmentations = read(RETINANET).augmentations
    assert augmentations is not None
    assert [(each.name, each.kind) for each in augmentations] == [
        ("aug_rand_hflip", Kind.MIRROR),
        ("aug_scale", Kind.SCALE),
    ]
    assert augmentations[1].parameters == {"aug_scale_min": "0.8", "aug_scale_max": "1.2"}


def test_a_part_of_an_experiment_says_what_it_says() -> None:
    plan = read(PARTIAL)
    assert (plan.starts_from, plan.frozen, plan.classes, plan.optimizer) == ("", None, None, None)
    assert plan.augmentations is not None
    assert [(each.name, each.kind) for each in plan.augmentations] == [("aug_type", Kind.POLICY)]
    assert plan.rate is not None
    assert (plan.rate.kind, plan.rate.warmup_steps) == ("cosine", 1000)
    assert plan.rate.final == pytest.approx(0.001)
    top = 0.001 + 0.009 * 0.5 * (1 + np.cos(0.1 * np.pi))
    assert plan.rate.peak == pytest.approx(top)
    shares = {round(share, 6): rate for share, rate in plan.rate.points}
    assert shares[0.05] == pytest.approx(top / 4)  # a square


def test_overrides_lie_over_defaults() -> None:
    plan = read("defaults: {trainer: {train_steps: 5, validation_interval: 2}}\noverrides: {trainer: {train_steps: 7}}")
    assert plan.steps == 7
    assert plan.settings == {"trainer.train_steps": "7", "trainer.validation_interval": "2"}


def test_every_schedule_is_followed() -> None:
    polynomial = with_rate(
        "type: polynomial, polynomial: {initial_learning_rate: 1, decay_steps: 500, end_learning_rate: 0}"
    )
    assert polynomial.rate is not None
    assert polynomial.rate.points == ((0.0, 1.0), (0.5, 0.0), (1.0, 0.0))
    falling = "initial_learning_rate: 1, decay_steps: 500, decay_rate: 0.5, staircase: true"
    exponential = with_rate(f"type: exponential, exponential: {{{falling}}}")
    assert exponential.rate is not None
    assert exponential.rate.points == ((0.0, 1.0), (0.5, 1.0), (0.5, 0.5), (1.0, 0.5))
    constant = with_rate("type: constant, constant: {learning_rate: 0.1}")
    assert constant.rate is not None
    assert constant.rate.points == ((0.0, 0.1), (1.0, 0.1))


@pytest.mark.parametrize(
    "rate",
    [
        "type: cosine",
        "type: power, power: {initial_learning_rate: 1}",
        "type: stepwise, stepwise: {boundaries: [5], values: [0.1]}",
        "type: stepwise, stepwise: {boundaries: x, values: [[1]]}",
        "type: exponential, exponential: {initial_learning_rate: 1, decay_steps: 0, decay_rate: 2}",
        "type: exponential, exponential: {initial_learning_rate: 1, decay_steps: 3, decay_rate: -0.5}",
        "type: [1]",
    ],
)
def test_a_schedule_that_cannot_be_followed_is_none(rate: str) -> None:
    assert with_rate(rate).rate is None


def test_a_frozen_backbone_is_frozen() -> None:
    frozen = RETINANET.replace("freeze_backbone: false", "freeze_backbone: true").replace(
        "bn_trainable: true", "bn_trainable: false"
    )
    assert read(frozen).frozen == ("backbone", "batch norm of the backbone")
