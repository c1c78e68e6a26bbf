"""Small valid inputs, any part of which a test can replace."""

from __future__ import annotations

import dataclasses
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ratchet.components.registry.registry import Registry
from ratchet.schemas.artifacts.diagnosis import Cause, DiagnosisState
from ratchet.schemas.artifacts.registry_entries import Pointer, RecordedDecision, ServedModel
from ratchet.schemas.artifacts.training_record import (
    AskedTraining,
    ContinualLearningRecord,
    LearningRateRecord,
    TrainedData,
    TrainingRecord,
    ValidationPoint,
)
from ratchet.schemas.data.dataset import DataSetInfo
from ratchet.schemas.data.records import Detections, GroundTruth, ImageRecord

WIDTH_PX, HEIGHT_PX = 64, 48


def coco_image(image_id: int = 1, **fields: Any) -> dict[str, Any]:
    """An entry of COCO `images`."""
    return {"id": image_id, "file_name": f"{image_id}.jpg", "width": WIDTH_PX, "height": HEIGHT_PX} | fields


def coco_annotation(annotation_id: int = 1, image_id: int = 1, **fields: Any) -> dict[str, Any]:
    """An entry of COCO `annotations`."""
    entry = {"id": annotation_id, "image_id": image_id, "category_id": 3, "bbox": [10.5, 5.25, 20.0, 30.0]}
    return entry | {"area": 600.0, "iscrowd": 0} | fields


def coco(**parts: Any) -> dict[str, Any]:
    """A COCO file of two images with one object each; categories 3 (cat) and 7 (dog)."""
    whole = {
        "categories": [{"id": 3, "name": "cat"}, {"id": 7, "name": "dog"}],
        "images": [coco_image(1), coco_image(2)],
        "annotations": [coco_annotation(1, 1), coco_annotation(2, 2, category_id=7)],
    }
    return whole | parts


def to_bytes(document: Any) -> bytes:
    """JSON as it stands in a file."""
    return json.dumps(document).encode()


def picture(width: int = WIDTH_PX, height: int = HEIGHT_PX, seed: int = 0) -> Image.Image:
    """Coloured noise, the same for the same seed."""
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    return Image.fromarray(pixels)


def encode(image: Image.Image, form: str = "JPEG", **options: Any) -> bytes:
    """The image as a file's content."""
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def record(width: int = WIDTH_PX, height: int = HEIGHT_PX, image_id: int = 17) -> ImageRecord:
    """An image without objects."""
    none = np.zeros(0)
    return ImageRecord(image_id, f"{image_id}.jpg", width, height, GroundTruth(none.reshape(0, 4), none, none, none))


def write_span(directory: Path, document: dict[str, Any] | None = None, images: dict[str, bytes] | None = None) -> Path:
    """Writes a span directory.

    Args:
        directory: where; made with its parents.
        document: content of annotations.json; `coco()` when None.
        images: content by file name; a picture of its own for every entry of the document when None.
    """
    document = coco() if document is None else document
    if images is None:
        images = {entry["file_name"]: encode(picture(seed=entry["id"])) for entry in document["images"]}
    (directory / "images").mkdir(parents=True)
    (directory / "annotations.json").write_bytes(to_bytes(document))
    for name, content in images.items():
        (directory / "images" / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / "images" / name).write_bytes(content)
    return directory


def trained_data(**fields: Any) -> TrainedData:
    """A span of 600 images of cats and dogs that was trained on."""
    whole: dict[str, Any] = {
        "span": 1,
        "version": 1,
        "digest": "data",
        "images": 600,
        "class_names": ("cat", "dog"),
        "examples": "examples/1",
    }
    return TrainedData(**whole | fields)


def training_record(**fields: Any) -> TrainingRecord:
    """The record of a first model made with the default settings; of `trained_data` with the fields that it knows."""
    names = {field.name for field in dataclasses.fields(TrainedData)}
    data = trained_data(**{key: fields.pop(key) for key in list(fields) if key in names})
    whole: dict[str, Any] = {
        "mode": "bootstrap",
        "data": (data,),
        "category_ids": (3, 7),
        "model": {},
        "augmentation": "none-v1",
        "augmentation_digest": "augmentation",
        "learning_rate": LearningRateRecord(0.008, 0.008, 25, 0.0004, 0.00016),
        "continual": ContinualLearningRecord(),
        "planned_steps": 250,
        "steps": 250,
        "best_step": 250,
        "batch_size": 16,
        "clip_norm": 0.0,
        "average": 0.0,
        "seed": 0,
        "devices": 1,
        "init_checkpoint": None,
        "batch_norm_frozen": False,
        "baseline_digest": None,
        "declared_changes": (),
        "loss_curve": ((0, 1.5), (249, 0.25)),
        "validation": (ValidationPoint(250, 0.5, 0.5, None),),
        "weight_distance": 0.5,
        "ratchet_version": "0",
    }
    return TrainingRecord(**whole | fields)


def asked_training(**fields: Any) -> AskedTraining:
    """What the default settings ask of a retraining."""
    whole: dict[str, Any] = {
        "batch_size": 16,
        "peak_learning_rate": 0.0008,
        "replay": 0.5,
        "steps": None,
        "epochs": 5.0,
        "min_steps": 100,
        "max_steps": 20_000,
        "rounds": 8,
        "patience": 4,
        "min_validation_images": 20,
        "max_validation_images": 200,
    }
    return AskedTraining(**whole | fields)


def dataset_info(**fields: Any) -> DataSetInfo:
    """A span of 600 images of cats and dogs."""
    whole: dict[str, Any] = {
        "source": "data/span-2",
        "source_format": "coco",
        "version": 1,
        "span": 2,
        "digest": "span-digest",
        "class_names": ("cat", "dog"),
        "category_ids": (3, 7),
        "images": {"train": 540, "eval": 60},
        "boxes": {"train": 1000, "eval": 100},
    }
    return DataSetInfo(**whole | fields)


def ground_truth(boxes_xywh_px: Any, labels: Any = None, crowd: bool = False) -> GroundTruth:
    """Objects from plain lists; of class 1 unless said otherwise, their area that of the box."""
    boxes = np.array(boxes_xywh_px, dtype=np.float64).reshape(-1, 4)
    labels = np.ones(len(boxes), np.int64) if labels is None else np.array(labels, np.int64)
    return GroundTruth(boxes, labels, boxes[:, 2] * boxes[:, 3], np.full(len(boxes), crowd))


def detections(boxes_xywh_px: Any, labels: Any = None, scores: Any = None) -> Detections:
    """Detections from plain lists; of class 1 with score .9 unless said otherwise."""
    boxes = np.array(boxes_xywh_px, dtype=np.float64).reshape(-1, 4)
    labels = np.ones(len(boxes), np.int64) if labels is None else np.array(labels, np.int64)
    return Detections(boxes, labels, np.full(len(boxes), 0.9) if scores is None else np.array(scores, np.float64))


def cause(**fields: Any) -> Cause:
    """Loose boxes, by three signals and none against it."""
    whole: dict[str, Any] = {
        "name": "annotation",
        "detail": "loose_boxes",
        "probability": 0.88,
        "state": DiagnosisState.NAMED,
        "sentence": "The span's boxes are drawn 25% larger, and the candidate learned to draw them so.",
        "evidence": ("boxes are 25% larger", "the candidate draws them 24% larger", "76% comes back", "a fourth"),
        "action": "Draw the span's boxes as the golden set's are drawn.",
    }
    return Cause(**whole | fields)


def recorded_decision(**fields: Any) -> RecordedDecision:
    """A candidate that was blocked on span 2."""
    whole: dict[str, Any] = {
        "run_id": "span-2-0123abcd-1",
        "span": 2,
        "span_version": 1,
        "data_digest": "data",
        "golden_digest": "golden",
        "verdict": "BLOCKED",
        "map": 0.4,
        "baseline_map": 0.5,
        "decided_at": "2026-01-01T00:00:00+00:00",
        "model": "artifacts/model/2",
        "model_digest": "candidate",
        "baseline_version": "100",
        "baseline_digest": "baseline",
        "evaluation": "artifacts/evaluation/2",
        "delta": -0.1,
        "delta_ci": (-0.15, -0.05),
        "reason": "map_drop: expected at least 0.5; found 0.4",
        "evaluation_broken": False,
    }
    return RecordedDecision(**whole | fields)


def record_served(registry: Registry, model: ServedModel) -> None:
    """Makes a model the served one, as a publication does at its end."""
    registry.swap(registry.pointer(), Pointer(registry.record_version(model)))
