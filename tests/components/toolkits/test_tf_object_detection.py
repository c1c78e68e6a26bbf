"""What a pipeline.config of the TF Object Detection API says, with the defaults of its protos."""

from __future__ import annotations

import numpy as np
import pytest

from ratchet.components.toolkits.read_plan import plan_of_text
from ratchet.schemas.base.errors import InputError
from ratchet.schemas.data.training_plan import Kind, RateSchedule, TrainingPlan
from tests.components.toolkits.configs import CENTER_NET, FASTER_RCNN, SSD

COSINE = "train_config.optimizer.momentum_optimizer.learning_rate.cosine_decay_learning_rate"


def read(text: str) -> TrainingPlan:
    return plan_of_text(text, "pipeline.config")


def rate_of(schedule: str, steps: int = 1000) -> RateSchedule:
    text = f"train_config {{ num_steps: {steps} optimizer {{ adam_optimizer {{ learning_rate {{ {schedule} }} }} }} }}"
    rate = read(text).rate
    assert rate is not None
    return rate


def at(rate: RateSchedule, share: float) -> float:
    """The rate between two points."""
    for (start, first), (end, last) in zip(rate.points, rate.points[1:]):
        if start <= share < end:
            return first + (last - first) * (share - start) / (end - start)
    return rate.final


def test_an_ssd_with_cosine_decay_is_read() -> None:
    plan = read(SSD)
    assert plan.toolkit == "TF Object Detection API"
    assert plan.model == "ssd ssd_mobilenet_v2_keras"
    assert (plan.classes, plan.batch_size, plan.steps, plan.optimizer) == (3, 24, 50000, "momentum")
    assert plan.input_size == "320x320"
    assert plan.starts_from == "PATH/checkpoint/ckpt-0 (detection)"
    assert plan.frozen == ("FeatureExtractor/Conv", "FeatureExtractor/expanded")
    assert plan.label_map == "data/label_map.pbtxt"
    assert plan.train_data == ("data/train-00000-of-00002", "data/train-00001-of-00002")
    assert plan.eval_data == ("data/val",)
    assert plan.weight_decay == pytest.approx(4e-5)
    assert plan.rate is not None
    assert (plan.rate.kind, plan.rate.warmup_steps) == ("cosine", 2000)
    assert plan.rate.peak == pytest.approx(0.04)
    assert plan.rate.points[0] == pytest.approx((0.0, 0.013333))
    assert at(plan.rate, 0.52) == pytest.approx(0.02, rel=1e-3)  # half of the fall
    assert plan.rate.final == pytest.approx(0.0, abs=1e-9)


def test_augmentations_come_with_the_defaults_that_were_left_out() -> None:
    augmentations = read(SSD).augmentations
    assert augmentations is not None
    assert [(each.name, each.kind) for each in augmentations] == [
        ("random_horizontal_flip", Kind.MIRROR),
        ("ssd_random_crop", Kind.CROP),
        ("random_adjust_brightness", Kind.COLOUR),
    ]
    assert augmentations[0].parameters == {"probability": "0.5"}
    assert augmentations[2].parameters == {"max_delta": "0.3"}


def test_every_attribute_says_which_setting_is_behind_it() -> None:
    plan = read(SSD)
    assert plan.named["rate.peak"] == f"{COSINE}.learning_rate_base"
    assert plan.settings[plan.named["rate.peak"]] == "4e-2"
    assert plan.settings[plan.named["batch_size"]] == "24"
    assert (
        plan.named["matching.argmax_matcher.matched_threshold"] == "model.ssd.matcher.argmax_matcher.matched_threshold"
    )
    assert plan.settings["train_config.data_augmentation_options[2].random_adjust_brightness.max_delta"] == "0.3"
    for attribute, path in plan.named.items():
        assert "model." in path or "train_config" in path or "_input_reader" in path, attribute


def test_matching_losses_and_post_processing_have_the_protos_defaults() -> None:
    plan = read(SSD)
    assert plan.matching["argmax_matcher.force_match_for_each_row"] == "true"
    assert plan.losses["loss.classification_loss.weighted_sigmoid_focal.gamma"] == "2.0"
    assert plan.losses["loss.classification_loss.weighted_sigmoid_focal.alpha"] == "0.75"
    assert plan.losses["loss.classification_weight"] == "1.0"
    assert "hard_example_miner.num_hard_examples" not in plan.losses
    assert plan.post_processing["batch_non_max_suppression.max_detections_per_class"] == "100"
    assert plan.post_processing["score_converter"] == "SIGMOID"
    mined = read(SSD.replace("localization_weight: 1.0", "hard_example_miner { }")).losses
    assert mined["hard_example_miner.num_hard_examples"] == "64"


def test_a_faster_rcnn_with_steps_is_read() -> None:
    plan = read(FASTER_RCNN)
    assert plan.rate is not None
    assert plan.rate.kind == "step"
    assert np.array(plan.rate.points) == pytest.approx(
        np.array([(0.0, 3e-4), (0.45, 3e-4), (0.45, 3e-5), (0.6, 3e-5), (0.6, 3e-6), (1.0, 3e-6)])
    )
    assert plan.named["rate.peak"].endswith("manual_step_learning_rate.initial_learning_rate")
    assert plan.input_size == "shorter side 800, longer side at most 1333, padded to a square"
    assert plan.starts_from == "resnet50/model.ckpt (detection)"
    assert plan.frozen == ()
    assert plan.matching["second_stage_balance_fraction"] == "0.25"
    assert plan.post_processing["first_stage_max_proposals"] == "300"
    assert plan.post_processing["batch_non_max_suppression.max_total_detections"] == "300"


def test_a_center_net_with_exponential_decay_is_read() -> None:
    plan = read(CENTER_NET)
    assert plan.rate is not None
    assert (plan.optimizer, plan.rate.kind) == ("adam", "exponential")
    assert np.array(plan.rate.points) == pytest.approx(np.array([(0.0, 1e-3), (0.5, 1e-3), (0.5, 1e-4), (1.0, 1e-4)]))
    assert plan.starts_from == ""
    assert plan.matching == {"object_center_params.min_box_overlap_iou": "0.7"}
    assert plan.post_processing == {"object_center_params.max_box_predictions": "100"}
    assert plan.losses["object_detection_task.scale_loss_weight"] == "0.1"
    assert plan.augmentations is not None
    assert plan.augmentations[0].parameters["scale_min"] == "0.5"
    assert plan.augmentations[0].parameters["scale_max"] == "1.3"


def test_a_cosine_that_is_longer_than_the_training_never_comes_down() -> None:
    rate = rate_of("cosine_decay_learning_rate { learning_rate_base: 0.1 total_steps: 2000 warmup_steps: 0 }")
    assert rate.final == pytest.approx(0.05)
    assert rate.warmup_steps == 0


def test_a_cosine_that_is_shorter_than_the_training_stays_at_nothing() -> None:
    rate = rate_of("cosine_decay_learning_rate { learning_rate_base: 0.1 total_steps: 500 warmup_steps: 100 }")
    assert at(rate, 0.5) == pytest.approx(0.0, abs=1e-9)
    assert rate.final == 0.0


def test_the_rate_is_held_before_it_falls() -> None:
    held = (
        "learning_rate_base: 0.1 total_steps: 1000 warmup_steps: 100 hold_base_rate_steps: 400 warmup_learning_rate: 0"
    )
    rate = rate_of(f"cosine_decay_learning_rate {{ {held} }}")
    assert [at(rate, share) for share in (0.0, 0.05, 0.1, 0.49, 0.75)] == pytest.approx(
        [0, 0.05, 0.1, 0.1, 0.05], rel=1e-3
    )


def test_what_a_schedule_leaves_out_is_the_protos_default() -> None:
    rate = rate_of("cosine_decay_learning_rate { }", steps=20_000)
    assert (rate.points[0][1], rate.warmup_steps) == (0.0002, 10_000)
    assert rate.peak == pytest.approx(0.002)
    assert rate.final == pytest.approx(0.002, rel=1e-3)  # of 4,000,000 steps, 20,000 were made
    assert rate_of("constant_learning_rate { }").points == ((0.0, 0.002), (1.0, 0.002))
    assert rate_of("manual_step_learning_rate { schedule { step: 500 } }").points == ((0.0, 0.002), (1.0, 0.002))


def test_steps_with_a_warm_up_rise_to_the_first_of_them() -> None:
    steps = (
        "initial_learning_rate: 0 schedule { step: 100 learning_rate: 0.1 } schedule { step: 500 learning_rate: 0.01 }"
    )
    rate = rate_of(f"manual_step_learning_rate {{ {steps} warmup: true }}")
    assert np.array(rate.points) == pytest.approx(
        np.array([(0.0, 0.0), (0.1, 0.1), (0.5, 0.1), (0.5, 0.01), (1.0, 0.01)])
    )
    assert rate.warmup_steps == 100
    rates = f"learning_rate {{ manual_step_learning_rate {{ {steps} }} }}"
    plan = read(f"train_config {{ optimizer {{ adam_optimizer {{ {rates} }} }} }}")
    assert plan.named["rate.peak"].endswith("manual_step_learning_rate.schedule[0].learning_rate")


def test_of_a_training_without_end_the_peak_alone_is_known() -> None:
    plan = read(FASTER_RCNN.replace("num_steps: 200000", ""))
    assert plan.steps is None
    assert plan.rate is not None
    assert np.array(plan.rate.points) == pytest.approx(np.array([(0.0, 3e-4)]))


def test_a_burn_in_and_the_least_rate_are_followed() -> None:
    given = "initial_learning_rate: 0.1 decay_steps: 100 decay_factor: 0.5 burnin_learning_rate: 0.01 burnin_steps: 200"
    rate = rate_of(f"exponential_decay_learning_rate {{ {given} min_learning_rate: 0.02 }}")
    assert [at(rate, share) for share in (0.1, 0.25, 0.35, 0.95)] == pytest.approx([0.02, 0.1, 0.05, 0.02])


def test_only_some_variables_trained_are_all_others_frozen() -> None:
    plan = read("train_config { update_trainable_variables: 'BoxPredictor' } model { ssd { freeze_batchnorm: true } }")
    assert plan.frozen == ("all but BoxPredictor", "batch norm")
    assert plan.batch_size == 32


def test_a_file_that_holds_a_model_alone_says_nothing_of_its_training() -> None:
    plan = read("model { ssd { num_classes: 2 } }")
    assert (plan.classes, plan.batch_size, plan.augmentations, plan.frozen, plan.starts_from) == (
        2,
        None,
        None,
        None,
        None,
    )


def test_a_label_map_is_no_configuration() -> None:
    with pytest.raises(InputError, match="protobuf text without `model` and `train_config`"):
        read("item { id: 1 name: 'cat' }")


def test_a_damaged_file_is_refused_with_its_line() -> None:
    with pytest.raises(InputError, match=r"^pipeline.config: line 3: "):
        read("model {\n  ssd { num_classes: \n")
