"""The three models that proposals begin with, and what a training step of each takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class StartingPoint:
    """One model with the recipe that it is known to learn by.

    Attributes:
        name: how comments call it.
        why: when it is taken, for a comment.
        model: the settings under `model:` that do not follow from data.
        rate: peak learning rate of Adam at a batch of `rate_batch`.
        rate_batch: images a step that it was found with.
        rate_source: where it comes from.
        batch: images a step and device where memory allows it.
        clip_norm: of the gradients.
        epochs: passes over the training images of a first training.
        steps: fewest and most steps of it.
        steps_source: where these come from.
        retrain: the settings under `training.retrain:`.
        small_strides: of the finest level that a small object is to span.
        min_long_side_px: of the model's input.
        max_long_side_px: of the model's input.
        fixed_bytes: of a training process, without what grows with the batch: TFX, TensorFlow or CUDA, weights,
            gradients and the optimizer's slots.
        pixel_bytes: of an image in a step, for each pixel of the model's input.
        place_bytes: the same for each place of the feature pyramid, in decoder and heads.
        pixel_seconds: of a core, for each pixel of the model's input and image of a step; 0: not measured.
    """

    name: str
    why: str
    model: Mapping[str, Any]
    rate: float
    rate_batch: int
    rate_source: str
    batch: int
    clip_norm: float
    epochs: float
    steps: tuple[int, int]
    steps_source: str
    retrain: Mapping[str, Any]
    small_strides: float
    min_long_side_px: int
    max_long_side_px: int
    fixed_bytes: float
    pixel_bytes: float
    place_bytes: float
    pixel_seconds: float = 0.0

    def image_bytes(self, input_size: tuple[int, int], levels: range, anchors: int, classes: int) -> float:
        """What one image of a batch takes in a training step.

        Args:
            input_size: height and width in px.
            levels: of the feature pyramid.
            anchors: at each place.
            classes: K.
        """
        places = sum(-(-input_size[0] // 2**level) * -(-input_size[1] // 2**level) for level in levels)
        scores = places * anchors * (classes + 1 + 4)  # with the background, and the four numbers of a box
        pixels = input_size[0] * input_size[1]
        return pixels * self.pixel_bytes + places * self.place_bytes + scores * SCORE_BYTES


MIB = float(1 << 20)
# Bytes of a step were measured on a processor, with real steps of these models: tests/pipeline/config/proposal has the
# figures. On GPUs nothing was measured: the same tensors are there, and cuDNN's scratch space besides.
SCORE_BYTES = 62.0  # of an anchor for each class and each side of its box: logits, targets, losses, gradients
TINY = StartingPoint(
    name="a small ResNet",
    why="the images are small; the model of the preset `digits`",
    model={
        "backbone": {"type": "resnet", "options": {"model_id": 10, "depth_multiplier": 0.25}},
        "fpn_filters": 32,
        "head_convs": 1,
        "head_filters": 32,
    },
    rate=0.008,
    rate_batch=16,
    rate_source="the preset `digits`",
    batch=16,
    clip_norm=0.0,
    epochs=20,
    steps=(250, 4000),
    steps_source="as the preset `digits`, and more where there are more images",
    retrain={"learning_rate_fraction": 0.3, "epochs": 3, "min_steps": 100, "max_steps": 4000},
    small_strides=2,
    min_long_side_px=96,
    max_long_side_px=256,
    fixed_bytes=2048 * MIB,
    pixel_bytes=250,
    place_bytes=1500,
    pixel_seconds=4e-7,
)
MOBILE = StartingPoint(
    name="MobileNetV1 at half its width",
    why="photographs, no GPU; the model of the preset `mobile`",
    model={
        "backbone": {"type": "mobilenet", "options": {"model_id": "MobileNetV1", "filter_size_scale": 0.5}},
        "fpn_filters": 48,
        "head_convs": 2,
        "head_filters": 48,
    },
    rate=0.001,
    rate_batch=8,
    rate_source="the preset `mobile`",
    batch=8,
    clip_norm=10.0,
    epochs=20,
    steps=(400, 4000),
    steps_source="the preset `mobile` has 400 for a few hundred images",
    retrain={"learning_rate_fraction": 0.3, "epochs": 20, "min_steps": 150, "max_steps": 2000},
    small_strides=2.5,
    min_long_side_px=256,
    max_long_side_px=1024,
    fixed_bytes=2048 * MIB,
    pixel_bytes=550,
    place_bytes=3500,
    pixel_seconds=2e-6,
)
RESNET50 = StartingPoint(
    name="ResNet-50",
    why="there is a GPU; the model of the preset `retinanet_resnetfpn_coco`",
    model={
        "backbone": {"type": "resnet", "options": {"model_id": 50}},
        "fpn_filters": 256,
        "head_convs": 4,
        "head_filters": 256,
    },
    rate=0.0001,
    rate_batch=16,
    rate_source="RetinaNet with AdamW in mmdetection, configs/resnet_strikes_back",
    batch=16,
    clip_norm=10.0,
    epochs=72,
    steps=(2000, 90_000),
    steps_source="72 epochs is tf-models' schedule for COCO, 90,000 steps Detectron's 1x",
    retrain={"learning_rate_fraction": 0.1, "epochs": 12, "min_steps": 500, "max_steps": 20_000},
    small_strides=4,
    min_long_side_px=512,
    max_long_side_px=1280,
    fixed_bytes=2300 * MIB,
    pixel_bytes=2100,
    place_bytes=25_000,
)
