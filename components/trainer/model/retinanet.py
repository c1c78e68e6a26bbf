"""RetinaNet (Lin et al. 2017, arXiv:1708.02002): classes and boxes at every anchor, in one stage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from official.vision.configs import common, retinanet
from official.vision.dataloaders.retinanet_input import Parser
from official.vision.tasks.retinanet import RetinaNetTask

from ratchet.components.stack.keras2 import keras
from ratchet.components.stack.tf_models import class_predictor
from ratchet.components.trainer.images.figures import boxes_of
from ratchet.components.trainer.model.backbone import backbone_config
from ratchet.components.trainer.model.family import MAX_OBJECTS, ClassWeights, Family, Parse, on_all_devices
from ratchet.components.trainer.model.features import anchor_boxes, decoder_config, norm_activation
from ratchet.components.trainer.model.model_settings import ModelSettings


class RetinaNet(Family):
    """See the base class."""

    def build_task(
        self, settings: ModelSettings, num_classes: int, sync_batch_norm: bool = False, norm_momentum: float = 0.9
    ) -> RetinaNetTask:
        """See the base class."""
        norm = norm_activation(settings, sync_batch_norm, norm_momentum)
        return _Task(retinanet.RetinaNetTask(model=_model_config(settings, num_classes, norm)))

    @tf.autograph.experimental.do_not_convert
    def build_model(self, task: RetinaNetTask, settings: ModelSettings) -> keras.Model:
        """See the base class; tf-models leaves the weights of the heads to the first call."""
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

    def parser(self, settings: ModelSettings) -> Parse:
        """See the base class; nothing is drawn."""
        parse: Any = Parser(
            output_size=list(settings.fixed_input_size),
            min_level=settings.min_level,
            max_level=settings.max_level,
            num_scales=settings.fixed_anchors.num_scales,
            aspect_ratios=list(settings.fixed_anchors.aspect_ratios),
            anchor_size=settings.fixed_anchors.size,
            max_num_instances=MAX_OBJECTS,
            dtype="float32",
        ).parse_fn(True)
        return lambda decoded, seed: parse(decoded)

    def outputs(self, model: keras.Model, images: tf.Tensor, labels: Any) -> Any:
        """See the base class."""
        return model(images, training=True)

    def losses(self, task: RetinaNetTask, outputs: Any, labels: Any) -> Sequence[tf.Tensor]:
        """See the base class."""
        return task.build_losses(outputs, labels)[:3]

    def divisor(self, labels: Any) -> tf.Tensor:
        """The anchors that have an object, and one more, so that it is never 0."""
        return on_all_devices(tf.reduce_sum(labels["box_weights"])) + 1.0

    def detect(
        self, model: keras.Model, images: tf.Tensor, shapes: tf.Tensor, anchors: Mapping[str, tf.Tensor]
    ) -> tuple[Mapping[str, tf.Tensor], Mapping[str, tf.Tensor]]:
        """See the base class."""
        found = model(
            images, image_shape=shapes, anchor_boxes=anchors, output_intermediate_features=True, training=False
        )
        named = "backbone_"
        return found, {name.removeprefix(named): maps for name, maps in found.items() if name.startswith(named)}

    def heads(self, model: Any) -> dict[str, keras.layers.Layer]:
        """See the base class."""
        return {"head": model.head}

    def class_weights(self, model: Any) -> list[ClassWeights]:
        """The layers that predict classes: their channels are those of one anchor after the other, and of each anchor
        the background's, then the classes' (`MultilevelDetectionGenerator._decode_multilevel_outputs` of tf-models
        reads them so)."""
        anchors = model.head.get_config()["num_anchors_per_location"]
        return [ClassWeights(weight, groups=anchors) for weight in class_predictor(model.head)]

    def boxes(self, labels: Mapping[str, Any]) -> list[np.ndarray]:
        """See the base class."""
        return boxes_of(labels)


RETINANET = RetinaNet()


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
        decoder=decoder_config(model),
        head=retinanet.RetinaNetHead(
            num_convs=model.head_convs, num_filters=model.head_filters, use_separable_conv=model.head_separable
        ),
        detection_generator=retinanet.DetectionGenerator(
            nms_version="batched",  # same AP as the default "v2" in a twentieth of its time
            pre_nms_top_k=max(200, 10 * model.max_detections),
            pre_nms_score_threshold=model.score_threshold,
            nms_iou_threshold=model.nms_iou_threshold,
            max_num_detections=model.max_detections,
        ),
        norm_activation=norm,
    )
