"""Data sets and result files as people have them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.explain_pairs.detector import Found
from benchmarks.explain_pairs.scenes import CLASSES, HEIGHT, WIDTH, Scene


def write_coco(directory: Path, scenes: Sequence[Scene]) -> Path:
    """`annotations.json` beside `images/`."""
    write_images(directory / "images", scenes)
    write_json(directory / "annotations.json", coco_of(scenes))
    return directory


def write_yolo(directory: Path, scenes: Sequence[Scene]) -> Path:
    """`images/`, `labels/` and `data.yaml`."""
    write_images(directory / "images", scenes)
    (directory / "labels").mkdir(exist_ok=True)
    for scene in scenes:
        lines = [
            f"{label - 1} {(x + w / 2) / WIDTH:.6f} {(y + h / 2) / HEIGHT:.6f} {w / WIDTH:.6f} {h / HEIGHT:.6f}\n"
            for label, (x, y, w, h) in zip(scene.labels.tolist(), scene.boxes_xywh_px.tolist())
        ]
        (directory / "labels" / f"{Path(scene.name).stem}.txt").write_text("".join(lines))
    names = "".join(f"  {number}: {name}\n" for number, name in enumerate(CLASSES))
    (directory / "data.yaml").write_text(f"path: .\ntrain: images\nval: images\nnames:\n{names}")
    return directory


def coco_of(scenes: Sequence[Scene]) -> dict[str, Any]:
    """A COCO file of scenes; image ids follow their order."""
    boxes = [
        (number, label, box)
        for number, scene in enumerate(scenes, start=1)
        for label, box in zip(scene.labels.tolist(), scene.boxes_xywh_px.tolist())
    ]
    return {
        "images": [
            {"id": number, "file_name": scene.name, "width": WIDTH, "height": HEIGHT}
            for number, scene in enumerate(scenes, start=1)
        ],
        "categories": [{"id": number, "name": name} for number, name in enumerate(CLASSES, start=1)],
        "annotations": [
            {
                "id": row,
                "image_id": image,
                "category_id": label,
                "bbox": [round(value, 2) for value in box],
                "area": round(box[2] * box[3], 2),
                "iscrowd": 0,
            }
            for row, (image, label, box) in enumerate(boxes, start=1)
        ],
    }


def write_results(file: Path, found: Sequence[Found]) -> Path:
    """COCO results; image ids follow the order of the images."""
    entries = [
        {
            "image_id": number,
            "category_id": label,
            "bbox": [round(value, 3) for value in box],
            "score": round(score, 5),
        }
        for number, each in enumerate(found, start=1)
        for label, box, score in zip(each.labels.tolist(), each.boxes_xywh_px.tolist(), each.scores.tolist())
    ]
    return write_json(file, entries)


def write_images(directory: Path, scenes: Sequence[Scene]) -> Path:
    """The pictures alone."""
    directory.mkdir(parents=True, exist_ok=True)
    for scene in scenes:
        (directory / scene.name).write_bytes(scene.jpeg)
    return directory


def write_json(file: Path, values: Any) -> Path:
    """Any values."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(values))
    return file
