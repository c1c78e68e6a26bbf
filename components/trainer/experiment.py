"""Settings -> tf-models: the RetinaNet task, its data and its model."""

from __future__ import annotations

import tensorflow as tf
import tf_keras
from official.vision.configs import backbones, common, decoders, retinanet
from official.vision.ops import anchor
from official.vision.tasks.retinanet import RetinaNetTask

from components.trainer.policy import Augmentation
from components.trainer.settings import BackboneSettings, ModelSettings, TrainingSettings

SHUFFLE_BUFFER = 2048  # encoded images held in memory while shuffling


def build_task(
    model: ModelSettings,
    training: TrainingSettings,
    augmentation: Augmentation,
    num_classes: int,
    train_files: list[str],
) -> RetinaNetTask:
    """A tf-models RetinaNet task.

    Args:
        model: architecture.
        training: batch size and seed.
        augmentation: what happens to training images.
        num_classes: K, without the background.
        train_files: patterns of TFRecord files with the keys of `schemas.features`.
    """
    config = retinanet.RetinaNetTask(
        model=_model_config(model, num_classes), train_data=_data_config(training, augmentation, train_files)
    )
    return RetinaNetTask(config)


# AutoGraph would rewrite all of tf-models' and Keras' code, which takes longer than everything else that
# happens before the first step, and finds no tensor-dependent Python in it to convert.
@tf.autograph.experimental.do_not_convert
def training_batches(task: RetinaNetTask) -> tf.data.Dataset:
    """The task's endless training batches."""
    return task.build_inputs(task.task_config.train_data)


@tf.autograph.experimental.do_not_convert
def build_model(task: RetinaNetTask, settings: ModelSettings) -> tf_keras.Model:
    """The task's model with all its weights in place; tf-models leaves those of the heads to the first call."""
    model = task.build_model()
    size = list(settings.input_size)
    anchors = {level: boxes[tf.newaxis] for level, boxes in anchor_boxes(settings).items()}
    model(tf.zeros([1, *size, 3]), image_shape=tf.constant([size], tf.float32), anchor_boxes=anchors, training=False)
    return model


def leaf_layers(model: tf_keras.Model) -> list[tf_keras.layers.Layer]:
    """The layers that hold no other layer, in the order in which the model holds them."""
    layers = model._flatten_layers(include_self=False)
    return [layer for layer in layers if not list(layer._flatten_layers(include_self=False))]


def anchor_boxes(settings: ModelSettings) -> dict[str, tf.Tensor]:
    """Anchor boxes of each level, [rows, columns, anchors * 4] yxyx in px of the model's input."""
    generate = anchor.build_anchor_generator(
        min_level=settings.min_level,
        max_level=settings.max_level,
        num_scales=settings.anchors.num_scales,
        aspect_ratios=list(settings.anchors.aspect_ratios),
        anchor_size=settings.anchors.size,
    )
    return generate(image_size=list(settings.input_size))


def _model_config(model: ModelSettings, num_classes: int) -> retinanet.RetinaNet:
    return retinanet.RetinaNet(
        num_classes=num_classes + 1,  # tf-models counts the background as class 0
        input_size=[*model.input_size, 3],
        min_level=model.min_level,
        max_level=model.max_level,
        anchor=retinanet.Anchor(
            num_scales=model.anchors.num_scales,
            aspect_ratios=list(model.anchors.aspect_ratios),
            anchor_size=model.anchors.size,
        ),
        backbone=_backbone_config(model.backbone),
        decoder=decoders.Decoder(type="fpn", fpn=decoders.FPN(num_filters=model.fpn_filters)),
        head=retinanet.RetinaNetHead(num_convs=model.head_convs, num_filters=model.head_filters),
        detection_generator=retinanet.DetectionGenerator(
            nms_version="batched",  # same AP as the default "v2" in a twentieth of its time
            pre_nms_top_k=max(200, 10 * model.max_detections),
            pre_nms_score_threshold=model.score_threshold,
            nms_iou_threshold=model.nms_iou_threshold,
            max_num_detections=model.max_detections,
        ),
        norm_activation=common.NormActivation(use_sync_bn=False, norm_momentum=0.9, norm_epsilon=1e-3),
    )


def _backbone_config(backbone: BackboneSettings) -> backbones.Backbone:
    if backbone.type == "resnet":
        resnet = backbones.ResNet(model_id=int(backbone.model_id), depth_multiplier=backbone.width)
        return backbones.Backbone(type="resnet", resnet=resnet)
    mobilenet = backbones.MobileNet(model_id=backbone.model_id, filter_size_scale=backbone.width)
    return backbones.Backbone(type="mobilenet", mobilenet=mobilenet)


def _data_config(training: TrainingSettings, augmentation: Augmentation, files: list[str]) -> retinanet.DataConfig:
    return retinanet.DataConfig(
        input_path=list(files),
        file_type="tfrecord",
        is_training=True,
        global_batch_size=training.batch_size,
        dtype="float32",
        shuffle_buffer_size=SHUFFLE_BUFFER,
        seed=training.seed,
        deterministic=True,
        parser=retinanet.Parser(
            aug_rand_hflip=augmentation.horizontal_flip,
            aug_scale_min=augmentation.scale_min,
            aug_scale_max=augmentation.scale_max,
            max_num_instances=500,  # tf-models' default of 100 drops ground truth of crowded images
        ),
    )
