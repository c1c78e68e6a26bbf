"""Faster R-CNN (Ren et al. 2015, arXiv:1506.01497) with a feature pyramid: tf-models' Mask R-CNN without its masks.

The first stage proposes boxes at anchors, the second tells what is in them and where exactly.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from official.vision.configs import common, maskrcnn
from official.vision.modeling import factory
from official.vision.modeling.layers.roi_generator import MultilevelROIGenerator
from official.vision.ops import box_ops, preprocess_ops
from official.vision.tasks.maskrcnn import MaskRCNNTask

from ratchet.components.stack.keras2 import keras
from ratchet.components.stack.tf_models import proposal_predictors
from ratchet.components.stack.tf_models_sampling import SeededAnchorLabeler, draw_by_matches
from ratchet.components.trainer.images.figures import objects_of
from ratchet.components.trainer.model.backbone import backbone_config
from ratchet.components.trainer.model.family import MAX_OBJECTS, ClassWeights, Family, Parse, on_all_devices
from ratchet.components.trainer.model.features import anchor_boxes, decoder_config, norm_activation
from ratchet.components.trainer.model.model_settings import ModelSettings

_WITH_OBJECT = 0.25  # of the proposals that an image is trained with, as tf-models has it


class FasterRcnn(Family):
    """See the base class."""

    def build_task(
        self, settings: ModelSettings, num_classes: int, sync_batch_norm: bool = False, norm_momentum: float = 0.9
    ) -> MaskRCNNTask:
        """See the base class."""
        norm = norm_activation(settings, sync_batch_norm, norm_momentum)
        return _Task(maskrcnn.MaskRCNNTask(model=_model_config(settings, num_classes, norm)))

    @tf.autograph.experimental.do_not_convert
    def build_model(self, task: MaskRCNNTask, settings: ModelSettings) -> keras.Model:
        """See the base class; the parts are called one by one, because what lies between them is for float32 alone."""
        size = list(settings.fixed_input_size)
        model: Any = factory.build_maskrcnn(
            keras.layers.InputSpec(shape=[None, *size, 3]), model_config=task.task_config.model
        )
        model.roi_generator = _Proposals.from_config(model.roi_generator.get_config())
        for sampler in model.roi_sampler:
            draw_by_matches(sampler, settings.two_stage.rois, _WITH_OBJECT)
        features = model.backbone(tf.zeros([1, *size, 3]), training=False)
        features = model.decoder(features, training=False) if model.decoder else features
        model.rpn_head(features)
        channels = features[str(settings.min_level)].shape[-1]
        crop = settings.two_stage.crop_size
        model.detection_head[0](tf.zeros([1, 1, crop, crop, channels]), training=False)
        return model

    def parser(self, settings: ModelSettings) -> Parse:
        """See the base class; the seed decides which anchors are looked at, half as many as proposals in tf-models."""
        size, looked_at = list(settings.fixed_input_size), max(1, settings.two_stage.rois // 2)

        def parse(decoded: dict[str, tf.Tensor], seed: tf.Tensor) -> tuple[tf.Tensor, Any]:
            image, geometry, boxes, classes = _letter_box(decoded, size)
            anchors = anchor_boxes(settings)
            labeler = SeededAnchorLabeler(seed, looked_at)
            scores, targets = labeler.label_anchors(anchors, boxes, tf.cast(classes[:, tf.newaxis], tf.float32))
            return image, {
                "anchor_boxes": anchors,
                "image_info": geometry,
                "rpn_score_targets": scores,
                "rpn_box_targets": targets,
                "gt_boxes": preprocess_ops.clip_or_pad_to_fixed_size(boxes, MAX_OBJECTS, -1),
                "gt_classes": preprocess_ops.clip_or_pad_to_fixed_size(classes, MAX_OBJECTS, -1),
            }

        return parse

    def outputs(self, model: keras.Model, images: tf.Tensor, labels: Any) -> Any:
        """See the base class."""
        known = {name: labels[name] for name in ("anchor_boxes", "gt_boxes", "gt_classes")}
        return model(images, image_shape=labels["image_info"][:, 1, :], **known, training=True)

    def losses(self, task: MaskRCNNTask, outputs: Any, labels: Any) -> Sequence[tf.Tensor]:
        """See the base class."""
        losses = task.build_losses(outputs, labels)
        return [losses["total_loss"], losses["cls_loss"], losses["box_loss"]]

    def divisor(self, labels: Any) -> tf.Tensor:
        """The images: losses of classes are means over them. Those of boxes are means over the objects that the second
        stage was shown, which a part of a batch cannot know of the others."""
        return on_all_devices(tf.cast(tf.shape(labels["gt_classes"])[0], tf.float32))

    def detect(
        self, model: keras.Model, images: tf.Tensor, shapes: tf.Tensor, anchors: Mapping[str, tf.Tensor]
    ) -> tuple[Mapping[str, tf.Tensor], Mapping[str, tf.Tensor]]:
        """See the base class."""
        found = model(images, image_shape=shapes, anchor_boxes=anchors, training=False)
        return _without_empty(found), found["backbone_features"]

    def heads(self, model: Any) -> dict[str, keras.layers.Layer]:
        """See the base class."""
        return {"rpn_head": model.rpn_head, "detection_head": model.detection_head[0]}

    def class_weights(self, model: Any) -> list[ClassWeights]:
        """The second stage's layers: a score, and the four sides of a box, of each class."""
        scores, boxes = proposal_predictors(model.detection_head[0])
        return [
            *(ClassWeights(weight) for weight in scores.weights),
            *(ClassWeights(weight, values=4) for weight in boxes.weights),
        ]

    def boxes(self, labels: Mapping[str, Any]) -> list[np.ndarray]:
        """See the base class."""
        return objects_of(labels)


FASTER_RCNN = FasterRcnn()


class _Task(MaskRCNNTask):
    """tf-models' task, which tells the losses of both stages as one of classes and one of boxes."""

    def build_losses(
        self, outputs: Mapping[str, Any], labels: Mapping[str, Any], aux_losses: Any | None = None
    ) -> dict[str, tf.Tensor]:
        """tf-models' losses by name, and two more."""
        losses = super().build_losses(outputs, labels, aux_losses)
        return losses | {
            "cls_loss": losses["rpn_score_loss"] + losses["frcnn_cls_loss"],
            "box_loss": losses["rpn_box_loss"] + losses["frcnn_box_loss"],
        }


class _Proposals(MultilevelROIGenerator):
    """tf-models' choice of proposals, in float32: half of the bits are not enough for the sides of boxes in px."""

    def call(
        self,
        raw_boxes: Mapping[str, tf.Tensor],
        raw_scores: Mapping[str, tf.Tensor],
        anchor_boxes: Mapping[str, tf.Tensor],
        image_shape: tf.Tensor,
        training: bool | None = None,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """See the base class."""
        boxes, scores = (
            {level: tf.cast(values, tf.float32) for level, values in raw.items()} for raw in (raw_boxes, raw_scores)
        )
        proposed: Any = super().call(boxes, scores, anchor_boxes, image_shape, training)
        return proposed


def _letter_box(decoded: dict[str, tf.Tensor], size: list[int]) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]:
    """Image, its geometry, and boxes in px and classes of the objects that are still in it, without crowds."""
    alone = tf.logical_not(decoded["groundtruth_is_crowd"])
    boxes, classes = (tf.boolean_mask(decoded[f"groundtruth_{name}"], alone) for name in ("boxes", "classes"))
    boxes = box_ops.denormalize_boxes(boxes, tf.shape(decoded["image"])[:2])
    image = preprocess_ops.normalize_image(decoded["image"])
    image, geometry = preprocess_ops.resize_and_crop_image(image, size, padded_size=size)
    boxes = preprocess_ops.resize_and_crop_boxes(boxes, geometry[2], geometry[1], geometry[3])
    there = box_ops.get_non_empty_box_indices(boxes)
    return image, geometry, tf.gather(boxes, there), tf.gather(classes, there)


def _without_empty(found: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    """Detections with those without an area behind all others and not counted: they come of proposals that fill up."""
    boxes, scores = found["detection_boxes"], found["detection_scores"]
    counted = tf.sequence_mask(found["num_detections"], tf.shape(scores)[1])
    lower, upper = tf.split(boxes, 2, axis=-1)
    good = counted & tf.reduce_all(upper > lower, axis=-1)
    order = tf.argsort(tf.cast(good, tf.int32), axis=1, direction="DESCENDING", stable=True)
    names = ("detection_boxes", "detection_classes", "detection_scores")
    moved = {name: tf.gather(found[name], order, batch_dims=1) for name in names}
    kept = tf.reduce_sum(tf.cast(good, tf.int32), axis=1)
    inside = tf.sequence_mask(kept, tf.shape(scores)[1])
    moved["detection_scores"] = tf.where(inside, moved["detection_scores"], 0.0)
    moved["detection_boxes"] = tf.where(tf.expand_dims(inside, -1), moved["detection_boxes"], 0.0)
    return moved | {"num_detections": kept}


def _model_config(model: ModelSettings, num_classes: int, norm: common.NormActivation) -> maskrcnn.MaskRCNN:
    anchors, stages = model.fixed_anchors, model.two_stage
    return maskrcnn.MaskRCNN(
        num_classes=num_classes + 1,  # tf-models counts the background as class 0
        input_size=[*model.fixed_input_size, 3],
        min_level=model.min_level,
        max_level=model.max_level,
        anchor=maskrcnn.Anchor(
            num_scales=anchors.num_scales, aspect_ratios=list(anchors.aspect_ratios), anchor_size=anchors.size
        ),
        include_mask=False,
        mask_head=None,
        mask_sampler=None,
        mask_roi_aligner=None,
        backbone=backbone_config(model),
        decoder=decoder_config(model),
        rpn_head=maskrcnn.RPNHead(
            num_convs=stages.rpn_convs, num_filters=stages.rpn_filters, use_separable_conv=model.head_separable
        ),
        detection_head=maskrcnn.DetectionHead(
            num_convs=model.head_convs,
            num_filters=model.head_filters,
            use_separable_conv=model.head_separable,
            num_fcs=stages.fcs,
            fc_dims=stages.fc_dims,
        ),
        roi_generator=maskrcnn.ROIGenerator(
            pre_nms_top_k=2 * stages.proposals,
            num_proposals=stages.proposals,
            test_pre_nms_top_k=stages.proposals,
            test_num_proposals=stages.proposals,
            use_batched_nms=True,
        ),
        roi_sampler=maskrcnn.ROISampler(num_sampled_rois=stages.rois, foreground_fraction=_WITH_OBJECT),
        roi_aligner=maskrcnn.ROIAligner(crop_size=stages.crop_size),
        detection_generator=maskrcnn.DetectionGenerator(
            nms_version="batched",
            pre_nms_score_threshold=model.score_threshold,
            nms_iou_threshold=model.nms_iou_threshold,
            max_num_detections=model.max_detections,
        ),
        norm_activation=norm,
    )
