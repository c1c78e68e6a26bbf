"""Settings -> tf-models: the RetinaNet task, its model and the model's anchors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf
from official.vision.configs import common, decoders, retinanet
from official.vision.modeling.backbones import factory
from official.vision.ops import anchor
from official.vision.tasks.retinanet import RetinaNetTask

from ratchet.components.stack.keras2 import keras
from ratchet.components.trainer.model.backbone import backbone_config
from ratchet.components.trainer.model.model_settings import AUTO, ModelSettings
from ratchet.schemas.base.errors import ConfigError


def build_task(
    model: ModelSettings, num_classes: int, sync_batch_norm: bool = False, norm_momentum: float = 0.9
) -> RetinaNetTask:
    """A tf-models RetinaNet task: model and losses, no data.

    Args:
        model: architecture, with `input_size` and `anchors` resolved.
        num_classes: K, without the background.
        sync_batch_norm: share batch-norm statistics among the devices of a strategy.
        norm_momentum: share of the batch-norm statistics that a step keeps.

    Raises:
        ConfigError: see `check_model`.
    """
    norm = common.NormActivation(
        activation=model.activation, use_sync_bn=sync_batch_norm, norm_momentum=norm_momentum, norm_epsilon=1e-3
    )
    return _Task(retinanet.RetinaNetTask(model=_model_config(model, num_classes, norm)))


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


@tf.autograph.experimental.do_not_convert
def build_model(task: RetinaNetTask, settings: ModelSettings) -> keras.Model:
    """The task's model with all its weights in place; tf-models leaves those of the heads to the first call."""
    model = task.build_model()
    size = list(settings.fixed_input_size)
    images = tf.zeros([1, *size, 3])
    if keras.mixed_precision.global_policy().name != "float32":
        # What follows the heads is for float32 alone, and is no part of training.
        features = model.backbone(images, training=False)
        model.head(model.decoder(features, training=False) if model.decoder else features)
        return model
    anchors = {level: boxes[tf.newaxis] for level, boxes in anchor_boxes(settings).items()}
    model(images, image_shape=tf.constant([size], tf.float32), anchor_boxes=anchors, training=False)
    return model


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


class _Task(RetinaNetTask):
    """tf-models' task, with which several devices learn what one would from the same batch.

    tf-models divides the loss of each device by the objects that happen to be in its share of the batch, so that those
    of a share with few count more. Here it is divided by those of the whole batch.
    """

    def build_losses(
        self, outputs: Mapping[str, Any], labels: Mapping[str, Any], aux_losses: Sequence[tf.Tensor] | None = None
    ) -> tuple[tf.Tensor, ...]:
        """Total, of classes, of boxes, and of the model without what `aux_losses` add."""
        replica: Any = tf.distribute.get_replica_context()
        if replica is None or replica.num_replicas_in_sync == 1:
            return super().build_losses(outputs, labels, aux_losses)
        own = tf.reduce_sum(labels["box_weights"])
        of_all = replica.all_reduce(tf.distribute.ReduceOp.SUM, own)
        share = (own + 1) * replica.num_replicas_in_sync / (of_all + 1)  # as tf-models adds 1, never to divide by 0
        total, *parts = (loss * share for loss in super().build_losses(outputs, labels))
        added = self.task_config.losses.loss_weight * tf.reduce_sum(aux_losses) if aux_losses else 0.0
        return total + added, *parts


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


def _model_config(model: ModelSettings, num_classes: int, norm: common.NormActivation) -> retinanet.RetinaNet:
    anchors = model.fixed_anchors
    return retinanet.RetinaNet(
        num_classes=num_classes + 1,  # tf-models counts the background as class 0
        input_size=[*model.fixed_input_size, 3],
        min_level=model.min_level,
        max_level=model.max_level,
        anchor=retinanet.Anchor(
            num_scales=anchors.num_scales,
            aspect_ratios=list(anchors.aspect_ratios),
            anchor_size=anchors.size,
        ),
        backbone=backbone_config(model),
        decoder=_decoder_config(model),
        head=retinanet.RetinaNetHead(num_convs=model.head_convs, num_filters=model.head_filters),
        detection_generator=retinanet.DetectionGenerator(
            nms_version="batched",  # same AP as the default "v2" in a twentieth of its time
            pre_nms_top_k=max(200, 10 * model.max_detections),
            pre_nms_score_threshold=model.score_threshold,
            nms_iou_threshold=model.nms_iou_threshold,
            max_num_detections=model.max_detections,
        ),
        norm_activation=norm,
    )


def _decoder_config(model: ModelSettings) -> decoders.Decoder:
    return decoders.Decoder(
        type=model.decoder,
        fpn=decoders.FPN(num_filters=model.fpn_filters),
        nasfpn=decoders.NASFPN(num_filters=model.fpn_filters, num_repeats=model.nasfpn_repeats),
    )
