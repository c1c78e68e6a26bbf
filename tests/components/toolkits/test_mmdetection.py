"""What a dumped configuration of MMDetection says, of 2.x and 3.x, in each of its syntaxes."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import yaml

from ratchet.components.toolkits.python_config import parse_python_config
from ratchet.components.toolkits.read_plan import plan_of_text
from ratchet.schemas.base.errors import InputError
from ratchet.schemas.data.training_plan import Kind, RateSchedule, TrainingPlan
from tests.components.toolkits.configs import MMDETECTION_2, MMDETECTION_3, YOLOX_3


def read(text: str, name: str = "config.py") -> TrainingPlan:
    return plan_of_text(text, name)


def rate_of(text: str) -> RateSchedule:
    rate = read(text).rate
    assert rate is not None
    return rate


def old_rate(config: str, epochs: int = 10) -> RateSchedule:
    return rate_of(f"optimizer = dict(type='SGD', lr=1.0)\nlr_config = dict({config})\ntotal_epochs = {epochs}\n")


def new_rate(*schedulers: str) -> RateSchedule:
    loop = "train_cfg = dict(max_epochs=10)\noptim_wrapper = dict(optimizer=dict(type='SGD', lr=1.0))\n"
    return rate_of(f"{loop}param_scheduler = [{', '.join(f'dict({each})' for each in schedulers)}]\n")


def test_a_dump_of_3_is_read() -> None:
    plan = read(MMDETECTION_3)
    assert (plan.toolkit, plan.model, plan.classes) == ("MMDetection", "FasterRCNN ResNet 50", 80)
    assert (plan.class_names, plan.epochs, plan.steps) == (("cat", "dog"), 12, None)
    assert (plan.batch_size, plan.optimizer, plan.weight_decay) == (2, "sgd", 0.0001)
    assert plan.input_size == "shorter side 800, longer side at most 1333"
    assert plan.frozen == ("backbone up to stage 1",)
    assert plan.starts_from == "torchvision://resnet50 (backbone)"
    assert plan.train_data == ("data/coco/annotations/instances_train2017.json",)
    assert plan.eval_data == ("data/coco/annotations/instances_val2017.json",)
    assert plan.augmentations is not None
    assert [(each.name, each.kind, each.parameters) for each in plan.augmentations] == [
        ("RandomFlip", Kind.MIRROR, {"prob": "0.5"})
    ]
    assert plan.matching["train_cfg.rcnn.assigner.pos_iou_thr"] == "0.5"
    assert plan.named["matching.train_cfg.rcnn.assigner.pos_iou_thr"] == "model.train_cfg.rcnn.assigner.pos_iou_thr"
    assert plan.losses["roi_head.bbox_head.loss_cls.type"] == "CrossEntropyLoss"
    assert plan.post_processing["test_cfg.rcnn.nms.iou_threshold"] == "0.5"
    assert "one GPU" in plan.notes[0]


def test_a_warm_up_in_iterations_has_steps_and_no_place_among_epochs() -> None:
    rate = rate_of(MMDETECTION_3)
    assert (rate.kind, rate.warmup_steps) == ("step", 500)
    points = [(0, 0.02), (8 / 12, 0.02), (8 / 12, 0.002), (11 / 12, 0.002), (11 / 12, 0.0002), (1, 0.0002)]
    assert np.array(rate.points) == pytest.approx(np.array(points))


def test_names_and_arithmetic_of_the_file_are_followed() -> None:
    plan = read(YOLOX_3)
    rate = rate_of(YOLOX_3)
    assert (rate.kind, rate.warmup_steps) == ("cosine", None)
    assert (rate.points[0][1], rate.peak, rate.final) == (0.0, pytest.approx(0.01), pytest.approx(0.0005))
    assert plan.model == "mmdet.YOLOX CSPDarknet"
    assert plan.input_size == "640x640"
    assert plan.starts_from == "weights/yolox_s.pth"
    assert plan.train_data == ("data/train.json",)
    assert plan.augmentations is not None
    assert [each.kind for each in plan.augmentations] == [Kind.MIX, Kind.COLOUR, Kind.MIRROR]


def test_a_dump_of_2_is_read() -> None:
    plan = read(MMDETECTION_2)
    assert (plan.batch_size, plan.notes) == (8, ())  # two images on each of four GPUs
    assert plan.epochs == 36  # each of 12 goes over the data three times
    assert (plan.classes, plan.class_names) == (4, ("a", "b", "c", "d"))
    assert plan.input_size == "shorter side 640 to 800, longer side at most 1333"
    assert plan.starts_from == "work_dirs/old/latest.pth"
    assert plan.frozen == ()
    assert plan.train_data == ("data/train.json",)
    assert plan.augmentations is not None
    assert [(each.name, each.kind) for each in plan.augmentations] == [
        ("Resize", Kind.SCALE),
        ("PhotoMetricDistortion", Kind.COLOUR),
    ]
    assert plan.augmentations[1].parameters == {"brightness_delta": "32"}
    assert plan.matching["train_cfg.assigner.neg_iou_thr"] == "0.4"
    rate = rate_of(MMDETECTION_2)
    assert (rate.kind, rate.peak, rate.warmup_steps) == ("step", 0.0025, 500)
    assert rate.final == pytest.approx(0.000025)


@pytest.mark.parametrize("text", [MMDETECTION_3, YOLOX_3, MMDETECTION_2])
def test_one_configuration_is_the_same_in_every_syntax(text: str) -> None:
    values = parse_python_config(text, "config.py")
    plan = replace(read(text), source="")
    assert replace(read(json.dumps(values), "config.json"), source="") == plan
    assert replace(read(json.dumps(values), "config"), source="") == plan
    assert replace(read(yaml.safe_dump(values, sort_keys=False), "config.yaml"), source="") == plan


def test_tuples_of_a_yaml_dump_are_lists() -> None:
    text = "optimizer: {type: SGD, lr: 0.1}\nlr_config: {policy: step, step: !!python/tuple [2, 4]}\ntotal_epochs: 8\n"
    rate = rate_of(text)
    assert np.array(rate.points)[:, 1] == pytest.approx(np.array([0.1, 0.1, 0.01, 0.01, 0.001, 0.001]))


def test_schedules_of_2_are_followed() -> None:
    assert old_rate("policy='fixed'").points == ((0.0, 1.0), (1.0, 1.0))
    assert old_rate("policy='poly', power=1, min_lr=0.2").points == ((0.0, 1.0), (1.0, 0.2))
    assert old_rate("policy='CosineAnnealing', min_lr_ratio=0.1").final == pytest.approx(0.1)
    assert old_rate("policy='step', step=5, gamma=0.5").points == ((0.0, 1.0), (0.5, 1.0), (0.5, 0.5), (1.0, 0.5))
    warm = old_rate("policy='fixed', warmup='linear', warmup_iters=2, warmup_ratio=0.5, warmup_by_epoch=True")
    assert warm.points == ((0.0, 0.5), (0.2, 1.0), (1.0, 1.0))
    assert old_rate("policy='cyclic', target_ratio=(10, 1)").points == ((0.0, 1.0),)


def test_schedules_of_3_are_followed() -> None:
    assert new_rate("type='LinearLR', start_factor=0.5, begin=0, end=5").points == ((0.0, 0.5), (0.5, 1.0), (1.0, 1.0))
    assert new_rate("type='PolyLR', eta_min=0.2, begin=5, end=10").points == ((0.0, 1.0), (0.5, 1.0), (1.0, 0.2))
    assert new_rate("type='ConstantLR', factor=0.1, begin=0, end=5").points == (
        *((0.0, 0.1), (0.5, 0.1)),
        *((0.5, 1.0), (1.0, 1.0)),
    )
    steps = new_rate("type='StepLR', step_size=5, gamma=0.5").points
    assert steps == ((0.0, 1.0), (0.5, 1.0), (0.5, 0.5), (1.0, 0.5))
    assert new_rate("type='ExponentialLR', gamma=0.5").final == pytest.approx(0.5**10)
    assert new_rate("type='OneCycleLR', eta_max=1.0").points == ((0.0, 1.0),)
    assert new_rate("type='MultiStepLR', milestones=[5], by_epoch=False").points == (
        (0.0, 1.0),
    )  # iterations of epochs


def test_a_base_that_is_not_followed_is_said() -> None:
    plan = read("_base_ = ['../faster_rcnn.py']\noptim_wrapper = dict(optimizer=dict(lr=0.01))\n")
    assert "is not followed" in plan.notes[0]
    assert (plan.starts_from, plan.frozen, plan.augmentations) == (None, None, None)


def test_parameters_that_do_not_learn_are_frozen() -> None:
    keys = "paramwise_cfg=dict(custom_keys={'backbone': dict(lr_mult=0.0), 'neck': dict(lr_mult=0.1)})"
    plan = read(f"model = dict(type='DETR', backbone=dict(type='R'))\noptim_wrapper = dict({keys})\n")
    assert plan.frozen == ("backbone",)


def test_what_is_no_literal_is_kept_as_its_text_and_never_run() -> None:
    values = parse_python_config(
        "import os\na = os.getcwd()\nb = [open('x'), -a, 2 * 3.5, 1 / 0]\nc = dict(**b)\n", "c.py"
    )
    assert values == {
        "a": "os.getcwd()",
        "b": ["open('x')", "-a", 7.0, "1 / 0"],
        "c": {"**": ["open('x')", "-a", 7.0, "1 / 0"]},
    }


def test_a_damaged_file_is_refused_with_its_line() -> None:
    with pytest.raises(InputError, match=r"^config\.py: line \d: no Python"):
        read("model = dict(\n  type='X'\n")


def test_a_program_is_no_configuration() -> None:
    with pytest.raises(InputError, match="a Python file that assigns x, y"):
        read("x = 1\ny = 2\nprint(x)\n")
