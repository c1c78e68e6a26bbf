"""Configurations in the syntaxes of four toolkits, as their own tools write them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from string import Template

from benchmarks.explain_pairs.templates import ARGS, DUMP, PARAMS, PIPELINE

_MIRROR, _CROP, _COLOUR = "random_horizontal_flip", "random_crop_image", "random_adjust_hue"


def pipeline_config(
    peak: float = 0.04,
    steps: int = 5000,
    warmup: int = 500,
    checkpoint: str = "pretrained/ssd_mobilenet_v2_fpnlite_coco17/checkpoint/ckpt-0",
    augmentations: Sequence[str] = (_MIRROR, _CROP, _COLOUR),
    matched: tuple[float, float] = (0.5, 0.5),
    train: str = "data/shapes_train.record",
    evaluated: str = "data/shapes_val.record",
) -> str:
    """`pipeline.config` of the TF Object Detection API, an SSD with a cosine schedule.

    Args:
        peak: base learning rate.
        steps: of the training, and of the decay.
        warmup: steps.
        checkpoint: it starts from.
        augmentations: names of data augmentation options.
        matched: matched and unmatched threshold of the argmax matcher.
        train: what is trained on.
        evaluated: what is evaluated on.
    """
    options = "".join(f"  data_augmentation_options {{\n    {name} {{\n    }}\n  }}\n" for name in augmentations)
    return Template(PIPELINE).substitute(
        peak=peak,
        first=peak / 3,
        steps=steps,
        warmup=warmup,
        checkpoint=checkpoint,
        options=options,
        matched=matched[0],
        unmatched=matched[1],
        train=train,
        evaluated=evaluated,
    )


def params_yaml(
    peak: float = 0.02,
    steps: int = 4000,
    batch: int = 16,
    checkpoint: str = "gs://tf_model_garden/vision/retinanet/retinanet-resnet50fpn-coco",
    train: str = "data/train-*.tfrecord",
    evaluated: str = "data/val-*.tfrecord",
) -> str:
    """`params.yaml` of tf-models, a RetinaNet.

    Args:
        peak: initial learning rate of the cosine.
        steps: of the training.
        batch: images a step.
        checkpoint: it starts from.
        train: what is trained on.
        evaluated: what is evaluated on.
    """
    values = {"peak": peak, "steps": steps, "batch": batch, "checkpoint": checkpoint}
    return Template(PARAMS).substitute(values, train=train, evaluated=evaluated)


@dataclass(frozen=True)
class Strengths:
    """Augmentation of Ultralytics: the defaults."""

    hsv_h: float = 0.015
    hsv_s: float = 0.7
    hsv_v: float = 0.4
    translate: float = 0.1
    scale: float = 0.5
    fliplr: float = 0.5
    mosaic: float = 1.0


NO_STRENGTHS = Strengths(*[0.0] * 7)


def args_yaml(
    peak: float = 0.01,
    epochs: int = 60,
    model: str = "yolov8n.pt",
    data: str = "shapes.yaml",
    strengths: Strengths = Strengths(),
) -> str:
    """`args.yaml` of Ultralytics.

    Args:
        peak: lr0.
        epochs: of the training.
        model: it starts from.
        data: the data.yaml.
        strengths: of the augmentations.
    """
    values = {"peak": peak, "epochs": epochs, "model": model, "data": data}
    return Template(ARGS).substitute(values, **vars(strengths))


def mmdetection_config(
    peak: float = 0.02,
    epochs: int = 12,
    load_from: str = "https://download.openmmlab.com/mmdetection/v2.0/retinanet/retinanet_r50_fpn_1x_coco.pth",
    train: str = "annotations/train.json",
    evaluated: str = "annotations/val.json",
) -> str:
    """A dumped configuration of MMDetection 3, a RetinaNet.

    Args:
        peak: learning rate of the optimizer.
        epochs: of the training.
        load_from: weights that it starts from.
        train: annotation file of the training images.
        evaluated: annotation file of the validation images.
    """
    values = {"peak": peak, "epochs": epochs, "load_from": load_from, "train": train, "evaluated": evaluated}
    return Template(DUMP).substitute(values, late=round(epochs * 2 / 3), later=round(epochs * 11 / 12))
