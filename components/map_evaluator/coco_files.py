"""Ground truth and detections as the COCO files that every other tool reads; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from schemas.records import Detections, ImageRecord


def coco_ground_truth(
    records: Sequence[ImageRecord], class_names: Sequence[str], category_ids: Sequence[int]
) -> dict[str, Any]:
    """A COCO annotation file, with annotation ids from 1 (pycocotools takes 0 for "unmatched").

    Args:
        records: the images.
        class_names: in label order.
        category_ids: the data set's own ids, in label order.
    """
    annotations: list[dict[str, Any]] = []
    for record in records:
        truth = record.truth
        for box, label, area, crowd in zip(truth.boxes_xywh_px, truth.labels, truth.area_px2, truth.is_crowd):
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": record.image_id,
                    "category_id": category_ids[label - 1],
                    "bbox": box.tolist(),
                    "area": float(area),
                    "iscrowd": int(crowd),
                }
            )
    return {
        "images": [
            {"id": r.image_id, "file_name": r.file_name, "width": r.width_px, "height": r.height_px} for r in records
        ],
        "categories": [{"id": number, "name": name} for number, name in zip(category_ids, class_names)],
        "annotations": annotations,
    }


def coco_results(detections: Mapping[int, Detections], category_ids: Sequence[int]) -> list[dict[str, Any]]:
    """A COCO result file.

    Args:
        detections: by image id.
        category_ids: the data set's own ids, in label order.
    """
    return [
        {
            "image_id": image_id,
            "category_id": category_ids[label - 1],
            "bbox": box.tolist(),
            "score": float(score),
        }
        for image_id, found in sorted(detections.items())
        for box, label, score in zip(found.boxes_xywh_px, found.labels, found.scores)
    ]
