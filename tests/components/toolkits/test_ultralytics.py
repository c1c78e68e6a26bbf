"""What an args.yaml of Ultralytics says, and an opt.yaml of YOLOv5."""

from __future__ import annotations

import numpy as np
import pytest

from ratchet.components.toolkits.read_plan import plan_of_text
from ratchet.schemas.data.training_plan import Kind, TrainingPlan
from tests.components.toolkits.configs import ULTRALYTICS, YOLOV5


def read(text: str) -> TrainingPlan:
    return plan_of_text(text, "args.yaml")


def test_an_args_yaml_is_read() -> None:
    plan = read(ULTRALYTICS)
    assert (plan.toolkit, plan.model, plan.starts_from) == ("Ultralytics", "yolov8n", "yolov8n.pt")
    assert (plan.epochs, plan.batch_size, plan.input_size, plan.optimizer) == (100, 16, "640x640", "sgd")
    assert (plan.weight_decay, plan.frozen, plan.steps) == (0.0005, (), None)
    assert (plan.train_data, plan.label_map) == (("data/animals.yaml",), "data/animals.yaml")
    assert plan.losses == {"box": "7.5", "cls": "0.5", "dfl": "1.5"}
    assert plan.post_processing == {"iou": "0.7", "max_det": "300"}
    assert plan.notes == ()
    assert plan.settings["momentum"] == "0.937"


def test_the_rate_falls_on_a_line_from_lr0_to_lrf_of_it_after_the_warm_up() -> None:
    plan = read(ULTRALYTICS)
    assert plan.rate is not None
    assert plan.rate.kind == "linear"
    assert np.array(plan.rate.points) == pytest.approx(
        np.array([(0.0, 0.0), (0.03, 0.01 * (1 - 0.03 * 0.99)), (1.0, 0.0001)])
    )
    assert plan.rate.warmup_steps is None  # an epoch's steps are not said
    assert plan.named["rate.peak"] == "lr0"
    cosine = read(ULTRALYTICS.replace("cos_lr: false", "cos_lr: true")).rate
    assert cosine is not None
    assert (cosine.kind, cosine.final) == ("cosine", pytest.approx(0.0001))


def test_an_augmentation_of_strength_nothing_is_not_there() -> None:
    augmentations = read(ULTRALYTICS).augmentations
    assert augmentations is not None
    assert {each.name: each.kind for each in augmentations} == {
        "hsv_h": Kind.COLOUR,
        "hsv_s": Kind.COLOUR,
        "hsv_v": Kind.COLOUR,
        "translate": Kind.CROP,
        "scale": Kind.SCALE,
        "fliplr": Kind.MIRROR,
        "mosaic": Kind.MIX,
    }
    assert next(each for each in augmentations if each.name == "mosaic").parameters == {
        "mosaic": "1",
        "close_mosaic": "10",
    }


def test_erasing_and_policies_are_there_for_a_classifier_alone() -> None:
    augmentations = read(ULTRALYTICS.replace("task: detect", "task: classify")).augmentations
    assert augmentations is not None
    assert {"erasing", "auto_augment"} <= {each.name for each in augmentations}


def test_a_rate_that_the_toolkit_chooses_is_none() -> None:
    plan = read(ULTRALYTICS.replace("optimizer: SGD", "optimizer: auto"))
    assert plan.rate is None
    assert "lr0 as it is written is not used" in plan.notes[0]


@pytest.mark.parametrize("batch", ["-1", "0.7"])
def test_a_batch_that_the_toolkit_chooses_is_none(batch: str) -> None:
    plan = read(ULTRALYTICS.replace("batch: 16", f"batch: {batch}"))
    assert plan.batch_size is None
    assert plan.notes[0].startswith(f"batch: {batch} ")


@pytest.mark.parametrize(
    ("changed", "start"),
    [
        ("model: yolov8n.yaml", ""),
        ("model: runs/train2/weights/last.pt", "runs/train2/weights/last.pt"),
        ("model: yolov8n.yaml\npretrained: old.pt", "old.pt"),
        ("model: yolov8n.pt\nresume: runs/last.pt", "runs/last.pt"),
    ],
)
def test_what_it_starts_from_is_found(changed: str, start: str) -> None:
    kept = [line for line in ULTRALYTICS.splitlines() if line.split(":")[0] not in ("model", "pretrained", "resume")]
    assert read("\n".join([changed, *kept])).starts_from == start


def test_weights_of_a_training_do_not_say_which_model_it_is() -> None:
    assert read(ULTRALYTICS.replace("yolov8n.pt", "runs/train2/weights/best.pt")).model is None
    assert read(ULTRALYTICS.replace("yolov8n.pt", "C:\\\\models\\\\yolo11s.pt")).model == "yolo11s"


@pytest.mark.parametrize(
    ("freeze", "frozen"),
    [("10", ("layers 0 to 9",)), ("[0, 1, 5]", ("layer 0", "layer 1", "layer 5")), ("0", ()), ("null", ())],
)
def test_frozen_layers_are_named(freeze: str, frozen: tuple[str, ...]) -> None:
    assert read(ULTRALYTICS.replace("freeze: null", f"freeze: {freeze}")).frozen == frozen


def test_an_opt_yaml_of_yolov5_is_read() -> None:
    plan = read(YOLOV5)
    assert (plan.batch_size, plan.input_size, plan.epochs) == (32, "416x416", 50)
    assert plan.starts_from == "runs/exp/weights/last.pt"
    assert plan.frozen == ("layers 0 to 9",)
    assert plan.augmentations is not None
    assert [each.name for each in plan.augmentations] == ["fliplr"]
    assert plan.matching == {"anchor_t": "4"}
    assert plan.rate is not None
    assert (plan.rate.peak, plan.rate.final, plan.rate.warmup_steps) == (0.02, pytest.approx(0.002), 0)
