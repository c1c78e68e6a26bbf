"""Backbone, decoder and anchors, which are alike in all kinds of detectors; whether tf-models can build them."""

from __future__ import annotations

from collections.abc import Mapping

import tensorflow as tf
from official.vision.configs import common, decoders
from official.vision.modeling.backbones import factory
from official.vision.ops import anchor

from ratchet.components.stack.keras2 import keras
from ratchet.components.trainer.model.backbone import backbone_config
from ratchet.components.trainer.model.model_settings import AUTO, ModelSettings
from ratchet.schemas.base.errors import ConfigError


@tf.autograph.experimental.do_not_convert
def check_model(settings: ModelSettings) -> None:
    """Refuses, before any data is read, a model that tf-models could not build; builds the backbone to find out.

    Args:
        settings: architecture; `input_size` and `anchors` may still be `auto`.

    Raises:
        ConfigError: official.vision has no such backbone, or its features are not those that the decoder needs.
    """
    config = backbone_config(settings)
    side = max(128, 2**settings.max_level)
    size = (side, side) if settings.input_size == AUTO else settings.fixed_input_size
    named = f"model.backbone = {settings.backbone.type} {settings.backbone.options}"
    try:
        backbone = factory.build_backbone(
            input_specs=keras.layers.InputSpec(shape=[None, *size, 3]),
            backbone_config=config,
            norm_activation_config=common.NormActivation(activation=settings.activation),
        )
    except (ArithmeticError, AssertionError, AttributeError, LookupError, TypeError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise ConfigError(f"{named}: official.vision cannot build it: {type(error).__name__}: {reason}") from error
    _check_features(settings, size, {int(level): tuple(shape)[1:] for level, shape in backbone.output_specs.items()})


def norm_activation(settings: ModelSettings, sync_batch_norm: bool, norm_momentum: float) -> common.NormActivation:
    """Activation and batch norm of all parts of a detector.

    Args:
        settings: architecture.
        sync_batch_norm: share batch-norm statistics among the devices of a strategy.
        norm_momentum: share of the batch-norm statistics that a step keeps.
    """
    return common.NormActivation(
        activation=settings.activation,
        use_sync_bn=sync_batch_norm,
        norm_momentum=norm_momentum,
        norm_epsilon=settings.norm_epsilon,
    )


def decoder_config(model: ModelSettings) -> decoders.Decoder:
    """official.vision's configuration of the model's decoder."""
    return decoders.Decoder(
        type=model.decoder,
        fpn=decoders.FPN(num_filters=model.fpn_filters, use_separable_conv=model.fpn_separable),
        nasfpn=decoders.NASFPN(
            num_filters=model.fpn_filters,
            num_repeats=model.nasfpn_repeats,
            use_separable_conv=model.fpn_separable,
        ),
    )


def anchor_boxes(settings: ModelSettings) -> dict[str, tf.Tensor]:
    """Anchor boxes of each level, [rows, columns, anchors * 4] yxyx in px of the model's input."""
    anchors = settings.fixed_anchors
    generate = anchor.build_anchor_generator(
        min_level=settings.min_level,
        max_level=settings.max_level,
        num_scales=anchors.num_scales,
        aspect_ratios=list(anchors.aspect_ratios),
        anchor_size=anchors.size,
    )
    return generate(image_size=list(settings.fixed_input_size))


def _check_features(
    settings: ModelSettings, size: tuple[int, int], features: Mapping[int, tuple[int, int, int]]
) -> None:
    """Refuses features, (rows, columns, channels) of each level, that the decoder cannot use."""
    name, decoder = settings.backbone.type, settings.decoder
    wanted = range(settings.min_level, settings.max_level + 1)
    given = f"{name} has levels {', '.join(map(str, sorted(features)))}"
    if settings.min_level not in features:
        raise ConfigError(f"model.min_level = {settings.min_level}: {given}; choose one of these")
    for level in sorted(set(wanted) & set(features)):
        places = tuple(-(-side // 2**level) for side in size)
        if features[level][:2] != places:
            raise ConfigError(
                f"model.backbone = {name}: its level {level} has {features[level][:2]} places and the anchors "
                f"{places}; choose another model"
            )
    if decoder == "identity" and not set(wanted) <= set(features):
        raise ConfigError(f"model.max_level = {settings.max_level}: {given}, and decoder 'identity' adds none")
    if decoder == "identity" and len({features[level][2] for level in wanted}) > 1:
        raise ConfigError(
            f"model.decoder = 'identity': the levels of {name} differ in their channels, and the heads need equal "
            "ones; choose 'fpn'"
        )
