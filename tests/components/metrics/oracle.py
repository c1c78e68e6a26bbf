"""What the metrics are held against: pycocotools, and data sets that are hard on a matcher.

The only place that imports pycocotools.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import strategies as st
from pycocotools import mask
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from ratchet.components.metrics.accumulator import Accumulator
from ratchet.components.metrics.matching import Matches, match
from ratchet.schemas.data.columns import DetectionColumns, TruthColumns
from ratchet.schemas.data.records import Detections, GroundTruth

Images = Mapping[int, tuple[GroundTruth, Detections]]

FIGURES = ("AP", "AP50", "AP75", "APs", "APm", "APl", "AR1", "AR10", "AR100", "ARs", "ARm", "ARl")


@dataclass(frozen=True)
class OracleMetrics:
    """What pycocotools says of a data set: its 12 figures, and its arrays at the last limit of detections."""

    coco: dict[str, float]
    precision: np.ndarray
    recall: np.ndarray


def pycocotools_iou(detected_xywh: np.ndarray, truth_xywh: np.ndarray, is_crowd: np.ndarray) -> np.ndarray:
    """IoU [m, n] as pycocotools computes it."""
    iou = mask.iou(detected_xywh.tolist(), truth_xywh.tolist(), is_crowd.astype(int).tolist())
    return np.asarray(iou, dtype=np.float64).reshape(len(detected_xywh), len(truth_xywh))


def pycocotools_metrics(images: Images, num_classes: int, max_detections: int = 100) -> OracleMetrics:
    """Evaluate with pycocotools, category ids being the labels.

    Without 100 among its limits, summarize has no first figure: the mean of `precision` is it.
    """
    truth: list[dict] = []
    results: Any = []  # loadRes also takes a list, against its annotation
    for image_id, (objects, found) in images.items():
        for box, label, area, crowd in zip(
            objects.boxes_xywh_px.tolist(), objects.labels, objects.area_px2, objects.is_crowd, strict=True
        ):
            # From 1: pycocotools takes a match with annotation 0 for no match.
            row = {"id": len(truth) + 1, "image_id": image_id, "category_id": int(label)}
            truth.append({**row, "bbox": box, "area": float(area), "iscrowd": int(crowd)})
        for box, label, score in zip(found.boxes_xywh_px.tolist(), found.labels, found.scores, strict=True):
            results.append({"image_id": image_id, "category_id": int(label), "bbox": box, "score": float(score)})
    with contextlib.redirect_stdout(io.StringIO()):
        expected = _coco(images, num_classes, truth)
        # loadRes fails on an empty list.
        results_or_none = expected.loadRes(results) if results else _coco(images, num_classes, [])
        return _evaluated(expected, results_or_none, max_detections)


def pycocotools_on_files(ground_truth: Path, detections: Path) -> OracleMetrics:
    """Evaluate COCO files with pycocotools."""
    with contextlib.redirect_stdout(io.StringIO()):
        expected = COCO(str(ground_truth))
        return _evaluated(expected, expected.loadRes(str(detections)))


def _evaluated(expected: COCO, found: COCO, max_detections: int = 100) -> OracleMetrics:
    evaluation = COCOeval(expected, found, "bbox")
    evaluation.params.maxDets = [1, 10, max_detections]
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    precision = evaluation.eval["precision"][..., 2]
    names = [name.replace("AR100", f"AR{max_detections}") for name in FIGURES]
    figures = dict(zip(names, np.asarray(evaluation.stats).tolist(), strict=True))
    if max_detections != 100:
        defined = precision[:, :, :, 0][precision[:, :, :, 0] > -1]
        figures["AP"] = float(np.mean(defined)) if defined.size else -1.0
    return OracleMetrics(
        coco=figures,
        precision=precision,
        recall=evaluation.eval["recall"],
    )


def _coco(images: Images, num_classes: int, annotations: list[dict]) -> COCO:
    dataset: Any = {
        "info": {},
        "images": [{"id": image_id} for image_id in images],
        "categories": [{"id": label} for label in range(1, num_classes + 1)],
        "annotations": annotations,
    }
    coco = COCO()
    coco.dataset = dataset
    coco.createIndex()
    return coco


def truth_of(*rows: tuple, crowd: bool = False) -> GroundTruth:
    """Ground truth from rows of (label, x, y, width, height), the area being the box's."""
    table = np.array(rows, dtype=np.float64).reshape(-1, 5)
    return GroundTruth(table[:, 1:], table[:, 0], table[:, 3] * table[:, 4], np.full(len(table), crowd))


def found(*rows: tuple) -> Detections:
    """Detections from rows of (label, score, x, y, width, height)."""
    table = np.array(rows, dtype=np.float64).reshape(-1, 6)
    return Detections(table[:, 2:], table[:, 0], table[:, 1])


def accumulated(images: Images, max_detections: int = 100) -> Accumulator:
    """Match all images in one call and add them."""
    accumulator = Accumulator.create()
    accumulator.add(matched(images, max_detections))
    return accumulator


def matched(images: Images, max_detections: int = 100) -> Matches:
    """Match all images in one call."""
    truth = TruthColumns.of([objects for objects, _ in images.values()])
    detections = DetectionColumns.of([detected for _, detected in images.values()])
    return match(np.array(list(images), dtype=np.int64), truth, detections, max_detections)


def matched_one(truth: GroundTruth, detections: Detections, image_id: int = 7) -> Matches:
    """Match a single image."""
    return matched({image_id: (truth, detections)})


@st.composite
def data_sets(draw: st.DrawFn, ties: bool = True, min_images: int = 0, max_images: int = 4) -> dict:
    """A small data set and its detections, full of corner cases.

    Boxes on a coarse grid (equal IoUs, duplicates, zero areas), areas on COCO's limits, crowds, images without
    objects or detections, classes without objects, more than 100 detections of a class, ids in no order, tied scores.
    """
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    ids = random.permutation(50)[: draw(st.integers(min_images, max_images))].tolist()
    classes = draw(st.integers(1, 3))
    crowd_share, noise = draw(st.sampled_from([0.0, 0.2, 0.6])), draw(st.sampled_from([0, 1, 4]))
    limits = {i: (draw(st.sampled_from([0, 1, 4, 9])), draw(st.sampled_from([0, 1, 6, 20, 250]))) for i in ids}
    images, scores = {}, iter(random.permutation(10_000) / 10_000)
    for image_id, (objects, detections) in limits.items():
        # Few sizes on a grid, and detections half a step off: many overlap two objects equally.
        sizes = random.choice([0, 8, 16, 32, 96], 2)
        truth = _some_truth(random, objects, classes, crowd_share, sizes)
        boxes = _some_boxes(random, detections, sizes)
        if objects:
            near = random.random(detections) < 0.7
            boxes[near] = truth.boxes_xywh_px[random.integers(objects, size=near.sum())]
            boxes[near] += noise * random.integers(-1, 2, (near.sum(), 4)) * [1, 1, noise < 4, noise < 4]
        boxes[:, 2:] = np.maximum(boxes[:, 2:], 0)
        labels = random.integers(1, classes + 1, detections)
        score = random.integers(0, 6, detections) / 5 if ties else np.array([next(scores) for _ in range(detections)])
        images[image_id] = (truth, Detections(boxes, labels, score))
    return images


def _some_truth(
    random: np.random.Generator, count: int, classes: int, crowd_share: float, sizes: np.ndarray
) -> GroundTruth:
    boxes = _some_boxes(random, count, sizes)
    limits = random.choice([0, 1024, 9216, 1023.9, 9216.1, 1e10, 2e10], count)
    areas = np.where(random.random(count) < 0.5, limits, boxes[:, 2] * boxes[:, 3])
    # Label 2 is detected and never there.
    labels = random.choice([label for label in range(1, classes + 1) if label != 2], count)
    return GroundTruth(boxes, labels, areas, random.random(count) < crowd_share)


def _some_boxes(random: np.random.Generator, count: int, sizes: np.ndarray) -> np.ndarray:
    corners = random.integers(0, 4, (count, 2)) * 8
    return np.hstack([corners, random.choice(sizes, (count, 2))]).astype(np.float64)
