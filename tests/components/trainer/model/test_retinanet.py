"""Every backbone of official.vision makes a detector, or says why not; presets are what they are named after."""

from __future__ import annotations

import dataclasses
import typing
from typing import Any

import numpy as np
import pytest

from ratchet.components.trainer.model.model_settings import BackboneSettings, ModelSettings
from ratchet.pipeline.config.pipeline_settings import load_config
from ratchet.schemas.base.errors import ConfigError
from ratchet.schemas.base.settings import load
from tests.nightly import at_night

pytestmark = pytest.mark.tensorflow

SIDE = 64
BY_DAY = ("mobilenet", "resnet")  # those of the presets
# A small model of each type, and what else it needs.
BACKBONES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "dilated_resnet": ({"model_id": 50}, {}),
    "efficientnet": ({"model_id": "b0"}, {"activation": "swish"}),
    "mobiledet": ({"filter_size_scale": 0.25}, {}),
    "mobilenet": ({"model_id": "MobileNetV3Small", "filter_size_scale": 0.5}, {}),
    "resnet": ({"model_id": 10, "depth_multiplier": 0.25}, {"max_level": 6}),
    "revnet": ({"model_id": 38}, {}),
    "spinenet": ({"model_id": "49S"}, {"decoder": "identity"}),
    "spinenet_mobile": ({"model_id": "49XS"}, {"decoder": "identity"}),
    "vit": ({"model_name": "vit-ti16"}, {"min_level": 4}),
}


def settings(type_: str, options: dict[str, Any], **changes: Any) -> ModelSettings:
    small = {
        "input_size": [SIDE, SIDE],
        "backbone": {"type": type_, "options": options},
        "min_level": 3,
        "max_level": 5,
        "fpn_filters": 16,
        "head_convs": 1,
        "head_filters": 16,
        "anchors": {"num_scales": 2, "aspect_ratios": [1.0]},
        "max_detections": 5,
    }
    return load(ModelSettings, small | changes, "test")


def build(model: ModelSettings) -> Any:
    from ratchet.components.trainer.model.retinanet import RETINANET

    return RETINANET.build_model(RETINANET.build_task(model, 3), model)


def refusal(model: ModelSettings) -> str:
    from ratchet.components.trainer.model.features import check_model

    with pytest.raises(ConfigError) as caught:
        check_model(model)
    return str(caught.value)


def test_all_of_official_visions_backbones_are_known_and_tried() -> None:
    from official.vision.configs import backbones

    there = {field.name for field in dataclasses.fields(backbones.Backbone)} - {"type"}
    allowed = typing.get_args(typing.get_type_hints(BackboneSettings)["type"])
    assert set(allowed) == there == set(BACKBONES)


@pytest.mark.parametrize("type_", [one if one in BY_DAY else at_night(one) for one in sorted(BACKBONES)])
def test_each_backbone_makes_a_detector(type_: str) -> None:
    import tensorflow as tf

    from ratchet.components.trainer.model.features import anchor_boxes, check_model
    from ratchet.components.trainer.model.weights import ordered_weights

    options, changes = BACKBONES[type_]
    model_settings = settings(type_, options, **changes)
    check_model(model_settings)
    model = build(model_settings)
    assert ordered_weights(model)  # all of them, or it raises
    image, shape = tf.random.normal([1, SIDE, SIDE, 3], seed=1), tf.constant([[SIDE, SIDE]], tf.float32)
    found = model(image, image_shape=shape, training=False)
    assert found["detection_boxes"].shape == (1, 5, 4)
    anchors = anchor_boxes(model_settings)
    assert list(anchors) == [str(level) for level in range(model_settings.min_level, model_settings.max_level + 1)]
    for level, boxes in anchors.items():
        rows, columns, _ = boxes.shape
        assert found["cls_outputs"][level].shape == (1, rows, columns, 2 * (3 + 1))


def test_the_models_levels_are_a_spinenets_own() -> None:
    from ratchet.components.trainer.model.backbone import backbone_config

    config = backbone_config(settings("spinenet", {}, min_level=4, max_level=6, decoder="identity")).spinenet
    assert (config.min_level, config.max_level) == (4, 6)


def test_nasfpn_makes_a_detector() -> None:
    small = settings("resnet", {"model_id": 10, "depth_multiplier": 0.25}, decoder="nasfpn", nasfpn_repeats=1,
                     input_size=[128, 128], max_level=7)  # fmt: skip
    model = build(small)
    assert type(model.decoder).__name__ == "NASFPN"
    assert model.decoder.get_config()["num_repeats"] == 1


@pytest.mark.parametrize(
    ("type_", "options", "message"),
    [
        ("resnet", {"depth": 1}, "backbone.options.depth: no option of .* resnet, which has bn_trainable, depth_multi"),
        ("resnet", {"model_id": 11}, r"backbone.options.model_id = 11: resnet has 10, 18, 26, .*420"),
        ("resnet", {"model_id": "10"}, 'backbone.options.model_id = "10": resnet wants a whole number'),
        ("resnet", {"model_id": True}, "backbone.options.model_id = true: resnet wants a whole number"),
        ("resnet", {"depth_multiplier": "1"}, 'backbone.options.depth_multiplier = "1": resnet wants a number'),
        ("resnet", {"resnetd_shortcut": 1}, "backbone.options.resnetd_shortcut = 1: resnet wants true or false"),
        ("resnet", {"stem_type": "v9"}, "resnet .*official.vision cannot build it: .*v9"),
        ("dilated_resnet", {"multigrid": 3}, "backbone.options.multigrid = 3: dilated_resnet wants a list of whole"),
        ("spinenet", {"model_id": 49}, "backbone.options.model_id = 49: spinenet wants text"),
        ("spinenet", {"min_level": 3}, "backbone.options.min_level: no option"),
        ("mobilenet", {"model_id": "MobileNetV9"}, 'model_id = "MobileNetV9": mobilenet has "MobileNetV1"'),
        ("vit", {"model_name": "vit-b8"}, 'backbone.options.model_name = "vit-b8": vit has "vit-ti16"'),
        ("vit", {"model_name": "vit-h14"}, 'backbone.options.model_name = "vit-h14": vit has "vit-ti16"'),
        ("vit", {"hidden_size": 8}, "backbone.options.hidden_size: no option"),
    ],
)
def test_an_option_that_official_vision_does_not_have_is_refused(
    type_: str, options: dict[str, Any], message: str
) -> None:
    import re

    assert re.search(message, refusal(settings(type_, options)))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"min_level": 6, "max_level": 6}, "model.min_level = 6: resnet has levels 2, 3, 4, 5; choose one of these"),
        ({"decoder": "identity"}, "model.decoder = 'identity': the levels of resnet differ in their channels"),
        (
            {"decoder": "identity", "min_level": 5, "max_level": 6},
            "model.max_level = 6: resnet has levels 2, 3, 4, 5",
        ),
    ],
)
def test_levels_that_a_backbone_cannot_give_are_refused(changes: dict[str, Any], message: str) -> None:
    assert message in refusal(settings("resnet", {"model_id": 10, "depth_multiplier": 0.25}, **changes))


def test_features_that_do_not_lie_where_the_anchors_do_are_refused() -> None:
    from ratchet.components.trainer.model.features import _check_features

    mobilenet = settings("mobilenet", {}, min_level=4)
    _check_features(mobilenet, (64, 96), {4: (4, 6, 8), 5: (2, 3, 8)})
    with pytest.raises(ConfigError, match=r"its level 5 has \(4, 6\) places and the anchors \(2, 3\)"):
        _check_features(mobilenet, (64, 96), {4: (4, 6, 8), 5: (4, 6, 8)})


def test_a_size_that_the_data_will_decide_can_be_checked() -> None:
    from ratchet.components.trainer.model.features import check_model
    from ratchet.components.trainer.model.retinanet import RETINANET

    options = {"model_id": 10, "depth_multiplier": 0.25}
    undecided = settings("resnet", options, input_size="auto", anchors="auto")
    check_model(undecided)
    assert "min_level = 6" in refusal(settings("resnet", options, input_size="auto", min_level=6, max_level=6))
    with pytest.raises(ConfigError, match="not derived from the data yet"):
        RETINANET.build_task(undecided, 3)


def test_the_task_is_told_classes_norm_and_activation() -> None:
    from ratchet.components.trainer.model.retinanet import RETINANET

    task = RETINANET.build_task(settings("resnet", {}, activation="swish"), 3, sync_batch_norm=True, norm_momentum=0.99)
    model = task.task_config.model
    assert (model.num_classes, model.input_size) == (4, [SIDE, SIDE, 3])
    norm = model.norm_activation
    assert (norm.use_sync_bn, norm.norm_momentum, norm.activation) == (True, 0.99, "swish")


def test_anchors_are_as_large_as_the_settings_say() -> None:
    from ratchet.components.trainer.model.features import anchor_boxes

    boxes = anchor_boxes(settings("resnet", {}, anchors={"num_scales": 1, "aspect_ratios": [2.0], "size": 3.0}))
    height, width = np.ptp(boxes["4"].numpy()[0, 0].reshape(2, 2), axis=0)
    assert width / height == pytest.approx(2)
    assert width * height == pytest.approx((3 * 16) ** 2)


def test_the_coco_preset_is_tf_models_experiment() -> None:
    from official.vision.configs.retinanet import retinanet_resnetfpn_coco

    from ratchet.components.trainer.model.retinanet import RETINANET

    preset, theirs = load_config("retinanet_resnetfpn_coco"), retinanet_resnetfpn_coco()
    ours = RETINANET.build_task(preset.model, 90).task_config.model
    model: Any = theirs.task.model
    for part in ("num_classes", "input_size", "min_level", "max_level", "anchor", "backbone", "head"):
        assert getattr(ours, part) == getattr(model, part), part
    assert ours.decoder.get() == model.decoder.get()
    for part in ("max_num_detections", "nms_iou_threshold", "pre_nms_score_threshold"):
        assert getattr(ours.detection_generator, part) == getattr(model.detection_generator, part), part
    assert preset.training.bootstrap.steps == theirs.trainer.train_steps
    assert preset.training.batch_size == theirs.task.train_data.global_batch_size


@pytest.mark.parametrize(
    ("preset", "expected"),
    [
        ("digits", {"type": "resnet", "resnet": {"model_id": 10, "depth_multiplier": 0.25}}),
        ("mobile", {"type": "mobilenet", "mobilenet": {"model_id": "MobileNetV1", "filter_size_scale": 0.5}}),
    ],
)
def test_a_presets_backbone_reaches_official_vision(preset: str, expected: dict[str, Any]) -> None:
    from ratchet.components.trainer.model.backbone import backbone_config

    config: Any = backbone_config(load_config(preset).model).as_dict()
    assert config["type"] == expected["type"]
    assert expected[config["type"]].items() <= config[config["type"]].items()
