"""A case's records as files that know nothing of Ratchet: configurations, logs, COCO files, images; pure."""

from __future__ import annotations

import csv
import io
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from ratchet.pipeline.bench.material import ANNOTATIONS, BASELINE, CANDIDATE, GOLDEN, IMAGES, sampled
from ratchet.schemas.artifacts.evaluation import BASELINE_FILE, CANDIDATE_FILE, GROUND_TRUTH_FILE
from ratchet.schemas.artifacts.training_record import TrainingRecord

_BOX_KEYS = ("id", "image_id", "category_id", "bbox", "area", "iscrowd")
_LOG_HEAD = ("step", "loss", "validation_map", "validation_map_new_data", "validation_map_earlier_data")


def config_yaml(record: TrainingRecord, is_blind: bool) -> str:
    """How a model was trained, as YAML.

    Args:
        record: of the model.
        is_blind: whether what ran is kept back, which would tell what the configuration does not.
    """
    rate, held = record.learning_rate, record.continual
    values: dict[str, Any] = {
        "starts_from": "random or pretrained weights" if record.mode == "bootstrap" else "the served model",
        "model": record.model,
        "augmentation": {"policy": record.augmentation, "parameters_digest": record.augmentation_digest[:12]},
        "learning_rate": {
            "peak": rate.peak,
            "warmup_steps": rate.warmup_steps,
            "warmup_start": rate.warmup_start,
            "final": rate.final,
            "decay": "cosine",
        },
        "steps": record.planned_steps,
        "exported_after_step": record.best_step,
        "batch_size": record.batch_size,
        "images_of_new_data": record.images,
        "share_of_earlier_data_in_a_batch": held.replay,
        "pull_to_start": held.l2_sp,
        "batch_norm": held.batch_norm,
        "freeze_backbone": held.freeze_backbone,
        "freeze_batch_norm": record.batch_norm_frozen,
        "clip_norm": record.clip_norm,
        "weights_average": record.average,
        "optimizer": record.numerics.optimizer,
        "momentum": record.numerics.momentum,
        "weight_decay": record.numerics.weight_decay,
        "precision": record.numerics.precision,
        "seed": record.seed,
    }
    if record.dynamics and not is_blind:
        ran_on = record.dynamics.environment
        values["environment"] = {"code": ran_on.code[:12], "device": ran_on.device, "libraries": ran_on.libraries}
    return yaml.safe_dump(json.loads(json.dumps(values)), sort_keys=False)


def log_csv(record: TrainingRecord) -> str:
    """Loss and validation of a training by step; what was not measured at a step is empty."""
    losses, points = dict(record.loss_curve), {point.step: point for point in record.validation}
    out = io.StringIO()
    rows = csv.writer(out, lineterminator="\n")
    rows.writerow(_LOG_HEAD)
    for step in sorted({*losses, *points}):
        point = points.get(step)
        validation = (point.map, point.new, point.old) if point else (None, None, None)
        rows.writerow([step, losses.get(step), *validation])
    return out.getvalue()


def are_whole(kept: Path) -> bool:
    """Whether all boxes of a data set lie on whole pixels: then a planted one beside them would show by its fractions.

    Args:
        kept: what was kept of it.
    """
    path = kept / ANNOTATIONS
    boxes = json.loads(path.read_text(encoding="utf-8"))["annotations"] if path.is_file() else []
    return all(float(value).is_integer() for box in boxes for value in box["bbox"])


def write_golden(evaluation: Path, kept: Path, out: Path, whole: bool) -> None:
    """Writes truth and results of the golden set, and a sample of its images.

    Args:
        evaluation: the evaluator's directory of the golden set.
        kept: what was kept of the golden set's images.
        out: directory of the case.
        whole: whether boxes are put on whole pixels; see `are_whole`.
    """
    document = json.loads((evaluation / GROUND_TRUTH_FILE).read_text(encoding="utf-8"))
    names = _plain_names(document)
    _write_json(out / "golden.json", _plain_coco(document, names, whole))
    numbers = _numbers(document)
    for file, name in ((CANDIDATE_FILE, CANDIDATE), (BASELINE_FILE, BASELINE)):
        found = json.loads((evaluation / file).read_text(encoding="utf-8"))
        renumbered = [{**each, "image_id": numbers[each["image_id"]]} for each in found]
        _write_json(out / f"{name}_detections.json", renumbered)
    _copy_images(kept / IMAGES, out / IMAGES / GOLDEN, names)


def write_labels(kept: Path, name: str, out: Path, whole: bool) -> None:
    """Writes the labels of a training, and a sample of its images.

    Args:
        kept: what was kept of them.
        name: BASELINE or CANDIDATE.
        out: directory of the case.
        whole: whether boxes are put on whole pixels; see `are_whole`.
    """
    document = json.loads((kept / ANNOTATIONS).read_text(encoding="utf-8"))
    names = _plain_names(document)
    _write_json(out / f"{name}_labels.json", _plain_coco(document, names, whole))
    chosen = {file_name: names[file_name] for file_name in sampled(document)}
    _copy_images(kept / IMAGES, out / IMAGES / name, chosen)


def _numbers(document: Mapping[str, Any]) -> dict[int, int]:
    """New ids of images, in the order of their ids: a set that was exchanged would show by its own."""
    return {old: new for new, old in enumerate(sorted(entry["id"] for entry in document["images"]), start=1)}


def _plain_names(document: Mapping[str, Any]) -> dict[str, str]:
    """New names of image files, by their new ids."""
    numbers = _numbers(document)
    return {
        entry["file_name"]: f"{numbers[entry['id']]:06}{Path(entry['file_name']).suffix.lower()}"
        for entry in sorted(document["images"], key=lambda entry: entry["id"])
    }


def _plain_coco(document: Mapping[str, Any], names: Mapping[str, str], whole: bool) -> dict[str, Any]:
    """Images, boxes and classes alone: no attribute that a tool of ours or of a user's added."""
    numbers = _numbers(document)
    return {
        "images": [
            {
                "id": numbers[entry["id"]],
                "file_name": names[entry["file_name"]],
                "width": entry["width"],
                "height": entry["height"],
            }
            for entry in document["images"]
        ],
        "annotations": [
            {**_plain_box(box, whole), "id": number, "image_id": numbers[box["image_id"]]}
            for number, box in enumerate(document["annotations"], start=1)
        ],
        "categories": [{"id": entry["id"], "name": entry["name"]} for entry in document["categories"]],
    }


def _plain_box(box: Mapping[str, Any], whole: bool) -> dict[str, Any]:
    plain = {key: box[key] for key in _BOX_KEYS if key in box}
    if whole:
        x, y, width, height = (float(round(value)) for value in box["bbox"])
        width, height = max(1.0, width), max(1.0, height)
        plain |= {"bbox": [x, y, width, height], "area": width * height}
    return plain


def _copy_images(source: Path, out: Path, names: Mapping[str, str]) -> None:
    out.mkdir(parents=True)
    for old, new in names.items():
        if (source / old).is_file():
            shutil.copyfile(source / old, out / new)


def _write_json(path: Path, document: Any) -> None:
    path.write_text(json.dumps(document), encoding="utf-8")
