"""The embedded data: span directories of generated digit scenes, with faults to plant in images and labels."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from functools import partial

import numpy as np

from ratchet.components.coco.writing import image_lines, join_ground_truth
from ratchet.pipeline.demo.digit_scenes import SIDE_PX, Look, draw_scene
from ratchet.pipeline.demo.label_faults import Labelled, parse_fault, plant_fault
from ratchet.schemas.base.errors import ConfigError
from ratchet.schemas.base.files import whole_directory
from ratchet.schemas.data.records import GroundTruth, ImageRecord, LabelMap

_JPEG_QUALITY = 92
_CLASSES = LabelMap(tuple(map(str, range(10))), tuple(range(1, 11)))
_LIMITS = {
    "span": (0, 10**6),
    "images": (1, 999_999),
    "seed": (0, 2**32 - 1),
    "lighting": (0.01, 4.0),
    "scale": (0.25, 1.5),
    "clutter": (0.0, 10.0),
}


@dataclass(frozen=True)
class DigitsOptions:
    """What to generate; checked when it is made.

    Attributes:
        span: number of the delivery; other numbers give other scenes.
        golden: the frozen evaluation set instead of a span; its digits occur in no span.
        images: number of scenes.
        seed: everything that is random follows from it, from `span` and from `golden`.
        lighting: factor on all pixel values, 1 = normal, 0.33 = dark.
        scale: size of everything in the scene, 1 = normal, 0.6 = camera farther away.
        clutter: amount of unlabelled bars and blobs, 1 = normal, 0 = none, 2 = double.
        labels: planted label fault, one of the forms of `label_faults.parse_fault`.
    """

    span: int = 1
    golden: bool = False
    images: int = 300
    seed: int = 0
    lighting: float = 1.0
    scale: float = 1.0
    clutter: float = 1.0
    labels: str = "ok"

    def __post_init__(self) -> None:
        """Raises ConfigError for an impossible value."""
        for name, (lowest, highest) in _LIMITS.items():
            value = getattr(self, name)
            if not lowest <= value <= highest:
                raise ConfigError(f"digits: {name} {value} must be within {lowest}..{highest}")
        parse_fault(self.labels)


def write_digits(directory: str, options: DigitsOptions, half: int | None = None) -> None:
    """Writes a span directory: `annotations.json` (COCO) and `images/000001.jpg` ...; all of it or nothing.

    Args:
        directory: where; made with its parents, must not exist or be empty.
        options: what.
        half: see `digit_scenes.digit_samples`.

    Raises:
        InputError: the directory holds something already, or cannot be written.
    """
    with whole_directory(directory) as made:
        _write_span(made, options, half)


def _write_span(directory: str, options: DigitsOptions, half: int | None) -> None:
    os.makedirs(os.path.join(directory, "images"))
    look = Look(options.lighting, options.scale, options.clutter)
    scenes = []
    for index in range(options.images):
        scene = draw_scene(partial(_stream, options, index), look, options.golden, half)
        scene.image.save(os.path.join(directory, "images", _file_name(index)), quality=_JPEG_QUALITY)
        scenes.append(scene.objects)
    faulty = plant_fault(scenes, parse_fault(options.labels), SIDE_PX, _stream(options, 0, "labels"))
    with open(os.path.join(directory, "annotations.json"), "w", encoding="utf-8") as file:
        lines = image_lines(list(map(_record, range(len(faulty)), faulty)), {}, _CLASSES.category_ids)
        join_ground_truth(lines, _CLASSES, file, _description(options))


def _file_name(index: int) -> str:
    return f"{index + 1:06}.jpg"


def _record(index: int, objects: list[Labelled]) -> ImageRecord:
    boxes = np.array([each.box_xywh_px for each in objects], np.float64).reshape(-1, 4)
    labels = np.array([each.digit + 1 for each in objects], np.int64)
    truth = GroundTruth(boxes, labels, boxes[:, 2] * boxes[:, 3], np.zeros(len(objects)))
    return ImageRecord(index + 1, _file_name(index), SIDE_PX, SIDE_PX, truth)


def _description(options: DigitsOptions) -> str:
    knobs = ", ".join(f"{name}={value}" for name, value in asdict(options).items())
    return f"Handwritten digits (scikit-learn load_digits) on generated backgrounds, by `ratchet digits`: {knobs}"


def _stream(options: DigitsOptions, index: int, use: str) -> np.random.Generator:
    """An independent random stream for one use in one scene."""
    delivery = 0 if options.golden else options.span
    return np.random.default_rng([options.seed, int(options.golden), delivery, index, *use.encode()])
