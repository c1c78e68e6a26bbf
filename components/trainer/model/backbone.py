"""`model.backbone` -> official.vision's configuration, with every option checked by name, type and model id."""

from __future__ import annotations

import dataclasses
import json
import types
import typing
from collections.abc import Mapping
from typing import Any

from official.vision.configs import backbones
from official.vision.modeling.backbones import (
    efficientnet,
    mobiledet,
    mobilenet,
    resnet,
    resnet_deeplab,
    revnet,
    spinenet,
    spinenet_mobile,
    vit_specs,
)

from ratchet.components.trainer.model.model_settings import ModelSettings
from ratchet.schemas.base.errors import ConfigError

# Their patches are the places of a feature level only if their side is a power of two.
_VIT_MODELS = {name: spec for name, spec in vit_specs.VIT_SPECS.items() if spec["patch_size"] in (16, 32)}
# The option that names a model, and the models there are.
_MODELS: dict[str, tuple[str, Mapping[Any, Any]]] = {
    "dilated_resnet": ("model_id", resnet_deeplab.RESNET_SPECS),
    "efficientnet": ("model_id", efficientnet.SCALING_MAP),
    "mobiledet": ("model_id", mobiledet.SUPPORTED_SPECS_MAP),
    "mobilenet": ("model_id", mobilenet.SUPPORTED_SPECS_MAP),
    "resnet": ("model_id", resnet.RESNET_SPECS),
    "revnet": ("model_id", revnet.REVNET_SPECS),
    "spinenet": ("model_id", spinenet.SCALING_MAP),
    "spinenet_mobile": ("model_id", spinenet_mobile.SCALING_MAP),
    "vit": ("model_name", _VIT_MODELS),
}
# Options that are no choice here: the model's levels decide, tf-models overwrites them with those of the named
# model, or a detector cannot use their other values.
_NOT_OPTIONS = {
    "mobilenet": {"output_intermediate_endpoints"},
    "spinenet": {"min_level", "max_level"},
    "spinenet_mobile": {"min_level", "max_level"},
    "vit": {"hidden_size", "patch_size", "transformer", "output_2d_feature_maps", "output_encoded_tokens"},
}
_WORDS = {str: "text", int: "a whole number", float: "a number", bool: "true or false"}


def backbone_config(settings: ModelSettings) -> backbones.Backbone:
    """official.vision's configuration of the model's backbone.

    Raises:
        ConfigError: official.vision has no such option or model, or the value is of the wrong type.
    """
    name, options = settings.backbone.type, settings.backbone.options
    kinds = _option_types(name)
    for option, value in options.items():
        if option not in kinds:
            raise ConfigError(
                f"model.backbone.options.{option}: no option of official.vision's {name}, "
                f"which has {', '.join(sorted(kinds))}"
            )
        if not any(_is(value, kind) for kind in kinds[option]):
            wanted = " or ".join(_WORDS.get(kind, "a list of whole numbers") for kind in kinds[option])
            raise ConfigError(f"model.backbone.options.{option} = {json.dumps(value)}: {name} wants {wanted}")
    config = backbones.Backbone(type=name)
    getattr(config, name).override({**options, **_implied(settings)})
    key, models = _MODELS[name]
    chosen = getattr(getattr(config, name), key)
    if chosen not in models:
        known = ", ".join(json.dumps(model) for model in models)
        raise ConfigError(f"model.backbone.options.{key} = {json.dumps(chosen)}: {name} has {known}")
    return config


def _implied(settings: ModelSettings) -> dict[str, Any]:
    if settings.backbone.type in ("spinenet", "spinenet_mobile"):
        return {"min_level": settings.min_level, "max_level": settings.max_level}
    return {"output_2d_feature_maps": True} if settings.backbone.type == "vit" else {}


def _option_types(name: str) -> dict[str, list[Any]]:
    """Each option's possible types; `list` stands for a list of whole numbers."""
    config = type(getattr(backbones.Backbone(), name))
    hints = typing.get_type_hints(config)
    names = {field.name for field in dataclasses.fields(config)} - _NOT_OPTIONS.get(name, set())
    return {option: _plain(hints[option]) for option in names}


def _plain(hint: Any) -> list[Any]:
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return [kind for part in typing.get_args(hint) if part is not type(None) for kind in _plain(part)]
    return [list if typing.get_origin(hint) in (list, tuple) else hint]


def _is(value: Any, kind: Any) -> bool:
    if kind is float:
        return type(value) in (int, float)
    if kind is list:
        return isinstance(value, (list, tuple))
    return type(value) is kind
