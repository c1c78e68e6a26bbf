"""`model.experiment`: a detector of official/vision, by name or as its YAML file, in the words of these settings; pure.

Of an experiment the model is taken, and its weight decay; how it is trained is Ratchet's own. What the model has and
these settings have no word for must be as tf-models has it by default, so that nothing is left out in silence.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ratchet.components.trainer.model.experiment_tables import (
    BACKBONES,
    DECODERS,
    DEFAULTS,
    EXPERIMENTS,
    MASK_RCNN,
    RETINANET,
    Tree,
)
from ratchet.schemas.base.closest import closest
from ratchet.schemas.base.errors import ConfigError
from ratchet.schemas.base.files import read_regular, reason_of
from ratchet.schemas.base.settings import parse_yaml

KEY = "experiment"
_AND = "+"
_SUFFIXES = (".yaml", ".yml")
_FAMILIES = {RETINANET: "retinanet", MASK_RCNN: "faster_rcnn"}
# Settings under `model` by their place in `task.model`.
_PLACES = {
    "min_level": "min_level",
    "max_level": "max_level",
    "anchor.num_scales": "anchors.num_scales",
    "anchor.aspect_ratios": "anchors.aspect_ratios",
    "anchor.anchor_size": "anchors.size",
    "decoder.type": "decoder",
    "decoder.fpn.num_filters": "fpn_filters",
    "decoder.fpn.use_separable_conv": "fpn_separable",
    "decoder.nasfpn.num_filters": "fpn_filters",
    "decoder.nasfpn.num_repeats": "nasfpn_repeats",
    "decoder.nasfpn.use_separable_conv": "fpn_separable",
    "head.num_convs": "head_convs",
    "head.num_filters": "head_filters",
    "head.use_separable_conv": "head_separable",
    "rpn_head.num_convs": "two_stage.rpn_convs",
    "rpn_head.num_filters": "two_stage.rpn_filters",
    "detection_head.num_convs": "head_convs",
    "detection_head.num_filters": "head_filters",
    "detection_head.use_separable_conv": "head_separable",
    "detection_head.num_fcs": "two_stage.fcs",
    "detection_head.fc_dims": "two_stage.fc_dims",
    "roi_generator.num_proposals": "two_stage.proposals",
    "roi_sampler.num_sampled_rois": "two_stage.rois",
    "roi_aligner.crop_size": "two_stage.crop_size",
    "detection_generator.max_num_detections": "max_detections",
    "detection_generator.nms_iou_threshold": "nms_iou_threshold",
    "detection_generator.pre_nms_score_threshold": "score_threshold",
    "norm_activation.activation": "activation",
    "norm_activation.norm_epsilon": "norm_epsilon",
}
# What changes no box of a trained model, or is decided here by the data or by what the machine can do. Masks are no
# boxes: of Mask R-CNN all but they is trained.
_OUR_OWN = (
    "num_classes",
    "include_mask",
    "mask_head",
    "mask_sampler",
    "mask_roi_aligner",
    "norm_activation.use_sync_bn",
    "norm_activation.norm_momentum",
    "detection_generator.nms_version",
    "detection_generator.pre_nms_top_k",
    "detection_generator.use_cpu_nms",
    "detection_generator.tflite_post_processing",
    "roi_generator.use_batched_nms",
)
# What follows from another place here: that place, and how many times its value it is.
_FOLLOWING = {
    "rpn_head.use_separable_conv": ("detection_head.use_separable_conv", 1),
    "roi_generator.pre_nms_top_k": ("roi_generator.num_proposals", 2),
    "roi_generator.test_pre_nms_top_k": ("roi_generator.num_proposals", 1),
    "roi_generator.test_num_proposals": ("roi_generator.num_proposals", 1),
}
_OF_MASK_RCNN = set(DEFAULTS[MASK_RCNN]["model"]) - set(DEFAULTS[RETINANET]["model"])


def with_experiment(values: Mapping[str, Any], source: str) -> dict[str, Any]:
    """A configuration with the settings of its `model.experiment` in the place of that; without one, as it is.

    Args:
        values: of the configuration, as YAML gives them.
        source: what to call it in messages.

    Raises:
        ConfigError: there is no such experiment, it cannot be trained here, or a setting beside it contradicts it.
    """
    model = values.get("model")
    if not isinstance(model, Mapping) or model.get(KEY) is None:
        return dict(values)
    named, beside = model[KEY], {key: value for key, value in model.items() if key != KEY}
    if not isinstance(named, str):
        raise ConfigError(f"{source}: model.{KEY} = {json.dumps(named)}: must be a name or a YAML file, as text")
    task, tree = _read(named, source)
    where = f"{source}: model.{KEY} = {named!r}"
    found = _settings(task, tree, where)
    _check_beside(beside, found, f"{source}: model", named)
    return {**values, "model": _merged(found, beside), **_training(values, tree)}


def _read(named: str, source: str) -> tuple[str, Tree]:
    """The task of an experiment, and all of its `model` and `losses`."""
    name, _, file = named.rpartition(_AND) if _AND in named else ("", "", named)
    if not file.endswith(_SUFFIXES):
        if name or file not in EXPERIMENTS:
            known = ", ".join(EXPERIMENTS)
            raise ConfigError(
                f"{source}: model.{KEY} = {named!r}: no experiment that can be trained here, and no YAML file; give "
                f"one of {known}, a file .yaml, or NAME{_AND}FILE.yaml{closest(file, EXPERIMENTS)}"
            )
        task, own = EXPERIMENTS[file]
        return task, _merged(DEFAULTS[task], own)
    given = _task_of(file, source)
    if name:
        task, tree = _read(name, source)
        return task, _merged(tree, given)
    task = MASK_RCNN if _OF_MASK_RCNN & set(given["model"]) else RETINANET
    return task, _merged(DEFAULTS[task], given)


def _task_of(file: str, source: str) -> Tree:
    where = f"{source}: model.{KEY}: {file}"
    try:
        whole = parse_yaml(read_regular(Path(file)), where)
    except (OSError, ValueError) as error:
        raise ConfigError(f"{where}: cannot be read: {reason_of(error)}; give an experiment's YAML file") from error
    task = whole.get("task")
    parts = {name: task.get(name) or {} for name in ("model", "losses")} if isinstance(task, Mapping) else {}
    if not parts or not all(isinstance(part, Mapping) for part in parts.values()) or not parts["model"]:
        raise ConfigError(f"{where}: has no group task.model; give an experiment's YAML file of official/vision")
    return parts


def _settings(task: str, tree: Tree, where: str) -> dict[str, Any]:
    """The settings under `model` of a whole tree."""
    model = tree["model"]
    found: dict[str, Any] = {"family": _FAMILIES[task], **_input_size(model, where)}
    found["backbone"] = _backbone(model, where)
    decoder = _one_of("decoder", model["decoder"], DECODERS, where)
    defaults = {**DEFAULTS[task]["model"], "decoder": {"type": None, **DECODERS}}
    places = dict(_leaves({**model, "decoder": decoder}, defaults))
    for place, value in places.items():
        if place in _PLACES:
            _put(found, _PLACES[place], value)
        elif place in _FOLLOWING:
            other, times = _FOLLOWING[place]
            followed = places.get(other, value)  # another group in the place of its own is told as that
            _check(f"task.model.{place}", value, followed * times if type(followed) is int else followed, where)
        elif place.split(".")[0] not in ("backbone", "input_size") and not _is_ours(place):
            _check(f"task.model.{place}", value, _at(defaults, place, f"task.model.{place}", where), where)
    for place, value in _leaves(tree["losses"], DEFAULTS[task]["losses"]):
        if place != "l2_weight_decay":
            wanted = _at(DEFAULTS[task]["losses"], place, f"task.losses.{place}", where)
            _check(f"task.losses.{place}", value, wanted, where)
    return found


def _input_size(model: Tree, where: str) -> dict[str, Any]:
    size = model["input_size"]
    if not size:
        return {}
    if not isinstance(size, (list, tuple)) or len(size) != 3 or size[2] != 3:
        raise ConfigError(f"{where}: task.model.input_size = {json.dumps(size)}: must be [height, width, 3]")
    return {"input_size": list(size[:2])}


def _backbone(model: Tree, where: str) -> dict[str, Any]:
    """Type and options that differ from tf-models' defaults; the levels are the model's."""
    chosen = _one_of("backbone", model["backbone"], BACKBONES, where)
    kind = chosen["type"]
    levels = {"min_level": model["min_level"], "max_level": model["max_level"]}
    options = {}
    for name, value in chosen[kind].items():
        if name in levels:
            _check(f"task.model.backbone.{kind}.{name}", value, levels[name], where)
        elif name not in BACKBONES[kind] or value != BACKBONES[kind][name]:
            options[name] = value
    return {"type": kind, "options": options}


def _one_of(name: str, group: Any, kinds: Mapping[str, Tree], where: str) -> Tree:
    """The chosen kind of a group, filled up with its defaults."""
    if not isinstance(group, Mapping):
        shown = json.dumps(group, default=str)
        raise ConfigError(f"{where}: task.model.{name} = {shown}: must be a group of settings, of which one is type")
    kind = group.get("type")
    if not isinstance(kind, str) or kind not in kinds:
        raise ConfigError(f"{where}: task.model.{name}.type = {json.dumps(kind)}: must be one of {', '.join(kinds)}")
    own = group.get(kind) or {}
    if not isinstance(own, Mapping):
        raise ConfigError(f"{where}: task.model.{name}.{kind}: must be a group of settings")
    return {"type": kind, kind: {**kinds[kind], **own}}


def _training(values: Mapping[str, Any], tree: Tree) -> dict[str, Any]:
    """The group `training` with the experiment's weight decay, where the optimizer is SGD, as with tf-models."""
    training = values.get("training")
    if not isinstance(training, Mapping) or training.get("optimizer") != "sgd" or "weight_decay" in training:
        return {}
    return {"training": {**training, "weight_decay": tree["losses"]["l2_weight_decay"]}}


def _check_beside(beside: Mapping[str, Any], found: Mapping[str, Any], key: str, named: str) -> None:
    for name, value in beside.items():
        if name not in found:
            continue
        there = found[name]
        if isinstance(value, Mapping) and isinstance(there, Mapping) and name != "options":
            _check_beside(value, there, f"{key}.{name}", named)
        elif value != there:
            raise ConfigError(
                f"{key}.{name} = {json.dumps(value, default=str)}: the experiment {named!r} says {json.dumps(there)}; "
                f"take one of them out, or say it in a file: model.{KEY}: NAME{_AND}FILE.yaml"
            )


def _check(place: str, value: Any, wanted: Any, where: str) -> None:
    if value != wanted:
        raise ConfigError(
            f"{where}: {place} = {json.dumps(value, default=str)}: only {json.dumps(wanted)} can be trained here; "
            "leave it out of the file"
        )


def _is_ours(place: str) -> bool:
    return any(place == own or place.startswith(f"{own}.") for own in _OUR_OWN)


def _leaves(tree: Mapping[str, Any], defaults: Any, above: str = "") -> Iterator[tuple[str, Any]]:
    """Places and values; a group that is none by default is a value."""
    for name, value in tree.items():
        below = defaults.get(name) if isinstance(defaults, Mapping) else None
        if isinstance(value, Mapping) and isinstance(below, Mapping):
            yield from _leaves(value, below, f"{above}{name}.")
        else:
            yield f"{above}{name}", value


def _at(tree: Any, place: str, named: str, where: str) -> Any:
    for part in place.split("."):
        if not isinstance(tree, Mapping) or part not in tree:
            raise ConfigError(f"{where}: {named}: no setting of official/vision's detectors; correct it")
        tree = tree[part]
    return tree


def _put(settings: dict[str, Any], path: str, value: Any) -> None:
    *groups, last = path.split(".")
    for group in groups:
        settings = settings.setdefault(group, {})
    settings[last] = value


def _merged(lower: Mapping[str, Any], upper: Mapping[str, Any]) -> dict[str, Any]:
    """Two trees, the upper one over the lower."""
    merged = dict(lower)
    for name, value in upper.items():
        below = merged.get(name)
        both = isinstance(value, Mapping) and isinstance(below, Mapping)
        merged[name] = _merged(dict(below or {}), value) if both else value
    return merged
