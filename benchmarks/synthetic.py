"""A made-up data set of COCO's proportions, and what two detectors of different quality found in it.

Classes are Zipf distributed, sizes are 43 / 39 / 17 % small, medium and large, 1.5 % of the objects are crowds with
about four detections on each, an annotation's area is .45 to .95 of its box (as of a mask), scores are float32 and
half of them rounded to two decimals, so that many tie.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ratchet.schemas.data.columns import DetectionColumns, TruthColumns

OBJECTS_PER_IMAGE = 6.8
DETECTIONS_PER_IMAGE = 75
_MOST_DETECTIONS = 101
_IMAGE_SIDE_PX = 640.0
_CROWD_SHARE = 0.015
_DETECTIONS_PER_CROWD = 4
_SIZES_PX = ((4.0, 32.0, 0.43), (32.0, 96.0, 0.40), (96.0, 400.0, 0.17))


@dataclass(frozen=True)
class Quality:
    """How good a detector is.

    Attributes:
        found: share of the objects it finds.
        jitter: median standard deviation of its box sides, as a share of the box.
        surer: how much higher a found object scores than a false alarm.
    """

    found: float
    jitter: float
    surer: float


GOOD = Quality(found=0.72, jitter=0.045, surer=0.22)
WORSE = Quality(found=0.71, jitter=0.047, surer=0.21)


def make_truth(images: int, classes: int, seed: int = 0) -> TruthColumns:
    """Ground truth of images 0, 1, ...

    Args:
        images: number of images.
        classes: number of labels, 1..classes.
        seed: equal seeds give equal data.

    Returns:
        The objects, about 6.8 per image.
    """
    random = np.random.default_rng(seed)
    image = np.repeat(np.arange(images), random.poisson(OBJECTS_PER_IMAGE, images))
    boxes = _boxes(random, len(image))
    crowd = random.random(len(image)) < _CROWD_SHARE
    boxes[crowd, 2:] = np.maximum(boxes[crowd, 2:], 150)
    area = boxes[:, 2] * boxes[:, 3] * random.uniform(0.45, 0.95, len(image))
    return TruthColumns(image, boxes, _labels(random, len(image), classes), area.round(4), crowd)


def make_detections(truth: TruthColumns, images: int, classes: int, quality: Quality, seed: int) -> DetectionColumns:
    """What a detector found in the images of `make_truth`.

    Args:
        truth: the objects.
        images: number of images.
        classes: number of labels.
        quality: of the detector.
        seed: equal seeds give equal data.

    Returns:
        About 75 detections per image, at most 101, those of an image in one run.
    """
    random = np.random.default_rng(seed)
    seen = random.random(len(truth.image)) < quality.found
    # Some objects are found twice, crowds several times.
    times = np.where(truth.is_crowd, _DETECTIONS_PER_CROWD, seen + (random.random(len(seen)) < 0.3) * seen)
    objects = np.repeat(np.arange(len(seen)), times)
    wanted = np.minimum(random.normal(DETECTIONS_PER_IMAGE, 12, images).round(), _MOST_DETECTIONS).astype(np.int64)
    alarms = np.repeat(np.arange(images), np.maximum(wanted - np.bincount(truth.image[objects], minlength=images), 0))

    boxes = np.concatenate([_jittered(random, truth.boxes_xywh_px[objects], quality), _boxes(random, len(alarms))])
    image = np.concatenate([truth.image[objects], alarms])
    labels = np.concatenate([truth.labels[objects], _labels(random, len(alarms), classes)])
    scores = np.concatenate([random.beta(2, 3, len(objects)) + quality.surer, random.beta(1, 6, len(alarms))])
    rounded = random.random(len(scores)) < 0.5
    scores = np.where(rounded, scores.round(2), scores).clip(0, 1).astype(np.float32).astype(np.float64)
    order = np.lexsort((random.random(len(image)), image))
    return DetectionColumns(image[order], boxes[order].round(2), labels[order], scores[order])


def _labels(random: np.random.Generator, count: int, classes: int) -> np.ndarray:
    share = 1 / np.arange(1, classes + 1)
    return random.choice(np.arange(1, classes + 1), count, p=share / share.sum())


def _boxes(random: np.random.Generator, count: int) -> np.ndarray:
    low, high, share = np.array(_SIZES_PX).T
    kind = random.choice(len(share), count, p=share)
    side = np.exp(random.uniform(np.log(low[kind]), np.log(high[kind])))
    stretch = np.exp(random.normal(0, 0.25, count))
    size = np.stack([side * stretch, side / stretch], axis=1)
    corner = random.random((count, 2)) * np.maximum(_IMAGE_SIDE_PX - size, 1)
    return np.hstack([corner, size]).round(2)


def _jittered(random: np.random.Generator, boxes: np.ndarray, quality: Quality) -> np.ndarray:
    jitter = quality.jitter * np.exp(random.normal(0, 0.7, (len(boxes), 1)))  # some boxes are much worse than others
    moved = boxes + random.normal(0, 1, boxes.shape) * np.hstack([boxes[:, 2:], boxes[:, 2:]]) * jitter
    return np.hstack([moved[:, :2], np.maximum(moved[:, 2:], 1)])


def write_truth(path: Path, truth: TruthColumns, images: int, classes: int) -> None:
    """Writes a COCO annotation file; annotations are numbered from 1, as pycocotools needs it."""
    side = int(_IMAGE_SIDE_PX)
    annotations = [
        {"id": i, "image_id": image, "category_id": label, "bbox": box, "area": area, "iscrowd": crowd}
        for i, (image, label, box, area, crowd) in enumerate(
            zip(
                truth.image.tolist(),
                truth.labels.tolist(),
                truth.boxes_xywh_px.tolist(),
                truth.area_px2.tolist(),
                truth.is_crowd.astype(int).tolist(),
                strict=True,
            ),
            start=1,
        )
    ]
    dataset = {
        "info": {},
        "images": [{"id": i, "width": side, "height": side, "file_name": f"{i}.jpg"} for i in range(images)],
        "categories": [{"id": label, "name": f"class {label}"} for label in range(1, classes + 1)],
        "annotations": annotations,
    }
    path.write_text(json.dumps(dataset), encoding="utf-8")


def write_results(path: Path, detections: DetectionColumns) -> None:
    """Writes a COCO result file."""
    columns = (detections.image, detections.labels, detections.boxes_xywh_px, detections.scores)
    rows = zip(*(column.tolist() for column in columns), strict=True)
    names = ("image_id", "category_id", "bbox", "score")
    path.write_text(json.dumps([dict(zip(names, row, strict=True)) for row in rows]), encoding="utf-8")
