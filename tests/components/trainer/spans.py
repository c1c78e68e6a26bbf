"""Spans of digit scenes as ExampleGen writes them, and a model small enough to be trained in a test."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from ratchet.components.trainer.settings import TrainerSettings
from ratchet.pipeline.config.pipeline_settings import load_settings
from ratchet.pipeline.demo.digits import DigitsOptions, write_digits
from tests.nightly import NIGHTLY

TINY: dict[str, Any] = {
    "model": {
        "input_size": [64, 64],
        "backbone": {"type": "resnet", "options": {"model_id": 10, "depth_multiplier": 0.25}},
        "min_level": 3,
        "max_level": 3,
        "fpn_filters": 16,
        "head_convs": 1,
        "head_filters": 16,
        "anchors": {"num_scales": 2, "aspect_ratios": [0.66], "size": 1.6},
        "max_detections": 20,
    },
    "training": {
        "batch_size": 8,
        "bootstrap": {"peak_learning_rate": 0.008, "steps": 24},
        "retrain": {"min_steps": 12, "max_steps": 12, "learning_rate_fraction": 0.3},
        "validation": {"rounds": 4, "min_images": 3},
    },
}


def settings(*overrides: str) -> TrainerSettings:
    """TINY with changes such as `training.seed=1`."""
    return load_settings(TINY, overrides).trainer


# The same with a second stage.
TWO_STAGES: dict[str, Any] = {
    "family": "faster_rcnn",
    "anchors": {"num_scales": 1, "aspect_ratios": [0.66], "size": 2.0},
    "score_threshold": 0.001,
    "two_stage": {"rpn_filters": 16, "proposals": 64, "rois": 32, "crop_size": 4, "fc_dims": 64},
}


def two_stage_settings(*overrides: str) -> TrainerSettings:
    """A Faster R-CNN as small as TINY, with changes."""
    return load_settings({**TINY, "model": TINY["model"] | TWO_STAGES}, overrides).trainer


def write_examples(
    directory: Path, span: int, images: int, without: tuple[str, ...] = (), turned: bool = False, **digits: Any
) -> str:
    """Generates a span, leaves classes out of its labels, and reads it as the pipeline does; returns the URI.

    `turned` has the classes in reverse order.
    """
    import apache_beam as beam

    from ratchet.components.example_gen.generate import GenRequest, generate

    data = directory / f"span-{span}"
    write_digits(str(data), DigitsOptions(span=span, images=images, **digits))
    _forget_classes(data / "annotations.json", without)
    if turned:
        _turn_classes(data / "annotations.json")
    out = str(directory / f"examples-{span}")
    generate([(GenRequest(str(data), span, 1, False, 0.2, 0.0, None, None), out)], beam.Pipeline())
    return out


def _forget_classes(file: Path, names: tuple[str, ...]) -> None:
    document = json.loads(file.read_text())
    document["categories"] = [entry for entry in document["categories"] if entry["name"] not in names]
    kept = {entry["id"] for entry in document["categories"]}
    document["annotations"] = [entry for entry in document["annotations"] if entry["category_id"] in kept]
    file.write_text(json.dumps(document))


def _turn_classes(file: Path) -> None:
    document = json.loads(file.read_text())
    last = max(entry["id"] for entry in document["categories"])
    for entry in document["categories"]:
        entry["id"] = last + 1 - entry["id"]
    for entry in document["annotations"]:
        entry["category_id"] = last + 1 - entry["category_id"]
    file.write_text(json.dumps(document))


# At which `forked.py` kills a training: every time where most can go wrong.
MOMENTS = ("checkpoint", *(("step", "export", "sigterm") if NIGHTLY else ()))


def weights_of(model: Path) -> list[np.ndarray]:
    """In the order in which the detector names them."""
    import tensorflow as tf

    reader = tf.train.load_checkpoint(str(model / "variables" / "variables"))
    names = [name for name in reader.get_variable_to_shape_map() if name.startswith("weights/")]
    return [reader.get_tensor(name) for name in sorted(names, key=lambda name: int(name.split("/")[1]))]
