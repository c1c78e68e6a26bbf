"""A small RetinaNet of random weights, made to find something: as it is built, no score passes the limit."""

from __future__ import annotations

from typing import Any

import numpy as np

from ratchet.components.trainer.model.model_settings import AnchorSettings, BackboneSettings, ModelSettings

CLASS_NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nün")


def small_settings() -> ModelSettings:
    """As those of the digits preset."""
    return ModelSettings(
        input_size=(128, 128),
        backbone=BackboneSettings(type="resnet", options={"model_id": 10, "depth_multiplier": 0.25}),
        min_level=3,
        max_level=4,
        fpn_filters=32,
        head_convs=1,
        head_filters=32,
        anchors=AnchorSettings(num_scales=2, aspect_ratios=(0.66,), size=2.5),
        max_detections=20,
    )


def small_model(settings: ModelSettings, seed: int) -> Any:
    """A built model of 10 classes; the same for the same seed."""
    import tf_keras

    from ratchet.components.trainer.model.retinanet import RETINANET

    tf_keras.utils.set_random_seed(seed)
    model = RETINANET.build_model(RETINANET.build_task(settings, len(CLASS_NAMES)), settings)
    excite(model, seed)
    return model


def excite(model: Any, seed: int) -> None:
    """New random weights for the layers that predict classes and boxes."""
    random = np.random.default_rng(seed)
    for weight in model.head.trainable_weights:
        if "scores" in weight.name or "boxes" in weight.name:
            weight.assign(random.normal(0, 0.2, weight.shape))
