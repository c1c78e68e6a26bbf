"""`model.experiment`: what an experiment of official/vision says, as settings; what it says beside that is refused."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from ratchet.components.trainer.model.experiment_tables import BACKBONES, DECODERS, DEFAULTS, EXPERIMENTS
from ratchet.components.trainer.model.experiments import with_experiment
from ratchet.components.trainer.model.model_settings import AnchorSettings, ModelSettings, TwoStageSettings
from ratchet.pipeline.config.pipeline_settings import load_settings
from ratchet.schemas.base.errors import ConfigError


def model_of(named: str, *overrides: str, **beside: Any) -> ModelSettings:
    return load_settings({"model": {"experiment": named, **beside}}, overrides, "mine.yaml").model


def written(path: Path, model: Mapping[str, Any], **task: Any) -> str:
    whole = {"runtime": {"mixed_precision_dtype": "bfloat16"}, "task": {"model": dict(model), **task}}
    path.write_text(yaml.safe_dump(whole))
    return str(path)


def refusal(named: str, **beside: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        model_of(named, **beside)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_faster_rcnn_is_as_its_experiment_has_it() -> None:
    model = model_of("fasterrcnn_resnetfpn_coco")
    assert (model.family, model.input_size, model.experiment) == ("faster_rcnn", (1024, 1024), None)
    assert (model.min_level, model.max_level, model.norm_epsilon) == (2, 6, 1e-4)
    assert model.anchors == AnchorSettings(num_scales=1, aspect_ratios=(0.5, 1.0, 2.0), size=8.0)
    assert model.two_stage == TwoStageSettings()
    assert (model.head_convs, model.head_filters, model.fpn_filters) == (4, 256, 256)


def test_a_mobile_retinanet_is_as_its_experiment_has_it() -> None:
    model = model_of("retinanet_mobile_coco")
    assert (model.family, model.backbone.type, model.decoder) == ("retinanet", "spinenet_mobile", "identity")
    assert model.backbone.options == {"stochastic_depth_drop_rate": 0.2}
    assert (model.activation, model.head_filters, model.head_separable) == ("swish", 48, True)
    assert (model.input_size, model.fixed_anchors.size) == ((384, 384), 3.0)


def test_a_file_says_what_differs_from_its_experiment(tmp_path: Path) -> None:
    file = written(
        tmp_path / "wide.yaml",
        {
            "input_size": [512, 768, 3],
            "backbone": {"type": "mobilenet", "mobilenet": {"model_id": "MobileNetV3Small"}},
            "detection_generator": {"max_num_detections": 50, "nms_version": "v1"},
        },
    )
    model = model_of(f"retinanet_spinenet_coco+{file}")
    assert (model.input_size, model.max_detections, model.activation) == ((512, 768), 50, "swish")
    assert (model.backbone.type, model.backbone.options) == ("mobilenet", {"model_id": "MobileNetV3Small"})
    assert model_of(file).activation == "relu"  # by itself it is a RetinaNet as the task's classes have it


def test_a_file_alone_is_of_the_family_whose_groups_it_has(tmp_path: Path) -> None:
    file = written(tmp_path / "two.yaml", {"input_size": [256, 256, 3], "roi_sampler": {"num_sampled_rois": 128}})
    model = model_of(file)
    assert (model.family, model.two_stage.rois, model.max_level) == ("faster_rcnn", 128, 6)


def test_settings_beside_an_experiment_may_agree_and_those_set_on_top_win() -> None:
    model = model_of("retinanet_resnetfpn_coco", "model.max_detections=7", input_size=[640, 640], anchors={"size": 4.0})
    assert (model.input_size, model.max_detections) == ((640, 640), 7)


@pytest.mark.parametrize(
    ("beside", "told"),
    [
        (
            {"min_level": 4},
            "mine.yaml: model.min_level = 4: the experiment 'retinanet_resnetfpn_coco' says 3",
        ),
        ({"anchors": {"size": 2.0}}, "model.anchors.size = 2.0: the experiment 'retinanet_resnetfpn_coco' says 4.0"),
        ({"input_size": "auto"}, 'model.input_size = "auto": the experiment'),
        ({"family": "faster_rcnn"}, "model.family"),
    ],
)
def test_a_setting_that_contradicts_the_experiment_is_refused(beside: dict[str, Any], told: str) -> None:
    assert told in refusal("retinanet_resnetfpn_coco", **beside)


@pytest.mark.parametrize(
    ("model", "task", "told"),
    [
        ({"head": {"share_level_convs": False}}, {}, "task.model.head.share_level_convs = false: only true"),
        (
            {"roi_sampler": {"cascade_iou_thresholds": [0.6]}},
            {},
            "roi_sampler.cascade_iou_thresholds = [0.6]: only null",
        ),
        ({"roi_generator": {"test_num_proposals": 300}}, {}, "roi_generator.test_num_proposals = 300: only 1000"),
        ({"rpn_head": {"use_separable_conv": True}}, {}, "rpn_head.use_separable_conv = true: only false"),
        ({"heads": {}}, {}, "task.model.heads: no setting of official/vision's detectors"),
        ({"anchor": {"sizes": 3}}, {}, "task.model.anchor.sizes: no setting of official/vision's detectors"),
        ({"anchor": None}, {}, "task.model.anchor = null"),
        ({"detection_head": None}, {}, "task.model.detection_head = null"),
        ({"backbone": {"type": "yolo"}}, {}, 'task.model.backbone.type = "yolo": must be one of resnet, '),
        ({"backbone": {"type": ["resnet"]}}, {}, "must be one of resnet"),
        ({"backbone": {"type": "spinenet", "spinenet": {"min_level": 4}}}, {}, "spinenet.min_level = 4: only 3"),
        ({"input_size": [64, 64]}, {}, "task.model.input_size = [64, 64]: must be [height, width, 3]"),
        ({"min_level": "low"}, {}, 'model.min_level = "low"'),
        ({"min_level": 3}, {"losses": {"focal_loss_gamma": 2.0}}, "task.losses.focal_loss_gamma = 2.0: only 1.5"),
        ({}, {}, "has no group task.model"),
    ],
)
def test_what_cannot_be_trained_here_is_named(
    model: dict[str, Any], task: dict[str, Any], told: str, tmp_path: Path
) -> None:
    said = refusal(written(tmp_path / "x.yaml", model, **task))
    assert told in said
    assert "mine.yaml" in said


@pytest.mark.parametrize(
    ("named", "told"),
    [
        ("retinanet_resnetfpn_cocoa", "did you mean 'retinanet_resnetfpn_coco'?"),
        ("cascadercnn_spinenet_coco", "no experiment that can be trained here"),
        ("nowhere.yaml", "nowhere.yaml: cannot be read: No such file or directory"),
        ("nobody+nowhere.yaml", "cannot be read"),
        ("retinanet+fasterrcnn_resnetfpn_coco", "no YAML file"),
    ],
)
def test_an_experiment_that_is_not_there_is_told(named: str, told: str) -> None:
    assert told in refusal(named)


def test_a_value_in_the_place_of_a_group_is_told(tmp_path: Path) -> None:
    told = refusal(written(tmp_path / "x.yaml", {"backbone": 3}))
    assert "task.model.backbone = 3: must be a group of settings" in told


def test_a_file_that_is_no_text_is_told(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_bytes(b"\xff\xfe\x00")
    assert "x.yaml" in refusal(str(tmp_path / "x.yaml"))
    (tmp_path / "y.yaml").write_text("[1, 2]")
    assert "expected a mapping" in refusal(str(tmp_path / "y.yaml"))


def test_weight_decay_comes_along_where_the_optimizer_is_tf_models_own() -> None:
    model = {"experiment": "retinanet_spinenet_coco"}
    assert load_settings({"model": model}, ()).training.weight_decay == 0
    assert load_settings({"model": model, "training": {"optimizer": "sgd"}}, ()).training.weight_decay == 4e-5
    own = {"optimizer": "sgd", "weight_decay": 0.5}
    assert load_settings({"model": model, "training": own}, ()).training.weight_decay == 0.5


def test_a_configuration_without_one_is_as_it_was() -> None:
    for values in ({}, {"model": {"min_level": 3}}, {"model": None}, {"model": 3}):
        assert with_experiment(values, "x") == values


@pytest.mark.tensorflow
@pytest.mark.parametrize("name", EXPERIMENTS)
def test_experiments_are_as_tf_models_makes_them(name: str, tmp_path: Path) -> None:
    from official.core import exp_factory
    from official.vision.configs import maskrcnn, retinanet

    registered = {retinanet.RetinaNetTask, maskrcnn.MaskRCNNTask}
    assert type(exp_factory.get_exp_config(name).task) in registered
    task = exp_factory.get_exp_config(name).as_dict()["task"]
    dump = tmp_path / "params.yaml"
    dump.write_text(yaml.safe_dump({"task": task}))
    assert model_of(str(dump)) == model_of(name)
    assert set(task["model"]) == set(DEFAULTS[EXPERIMENTS[name][0]]["model"])
    training = {"optimizer": "sgd"}
    mine, theirs = ({"model": {"experiment": one}, "training": training} for one in (name, str(dump)))
    assert load_settings(mine, ()).training == load_settings(theirs, ()).training


# What tf-models 2.16 has not.
OF_2_20 = {"mobilenet": {"flat_stochastic_depth_drop_rate"}, "vit": {"output_attention_scores"}}


@pytest.mark.tensorflow
def test_defaults_are_those_of_tf_models() -> None:
    from official.vision.configs import backbones, decoders, maskrcnn, retinanet

    for kinds, table in ((backbones.Backbone(), BACKBONES), (decoders.Decoder(), DECODERS)):
        for name in table:
            theirs = getattr(kinds, name).as_dict()
            assert theirs == {key: value for key, value in table[name].items() if key in theirs}
            assert set(table[name]) - set(theirs) <= OF_2_20.get(name, set())
    assert {field.name for field in dataclasses.fields(backbones.Backbone)} - {"type"} == set(BACKBONES)
    for task, losses in (("retinanet", retinanet.Losses()), ("maskrcnn", maskrcnn.Losses())):
        assert losses.as_dict() == DEFAULTS[task]["losses"]
