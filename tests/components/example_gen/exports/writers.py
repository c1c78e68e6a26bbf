"""Annotation files of scenes, as most tools write them; what a tool does otherwise is said by arguments."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.components.example_gen.exports.scenes import CLASSES, Scene, TrueBox, paint


def write_text(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def write_json(path: Path, document: Any) -> None:
    write_text(path, json.dumps(document, indent=1))


def paint_all(directory: Path, scenes: Sequence[Scene], names: Sequence[str] | None = None) -> list[str]:
    """The pictures of scenes in a directory, under their own or under other names; those names."""
    names = [scene.jpg for scene in scenes] if names is None else list(names)
    for name, scene in zip(names, scenes):
        paint(directory / name, scene)
    return names


def corners(box: TrueBox) -> list[float]:
    """The corners of a box as a polygon, clockwise: x, y, x, y, ..."""
    return [float(n) for n in (box.x, box.y, box.right, box.y, box.right, box.bottom, box.x, box.bottom)]


def coco_document(
    scenes: Sequence[Scene],
    names: Sequence[str],
    first_id: int = 1,
    category_ids: Sequence[int] = (1, 2),
    categories: Sequence[dict[str, Any]] | None = None,
    polygons: bool = False,
    image_fields: dict[str, Any] | None = None,
    box_fields: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """A COCO file of scenes under the names that it gives their pictures.

    Args:
        scenes: in the order of their ids.
        names: `file_name` of each.
        first_id: of images and annotations.
        category_ids: of bolt and nut.
        categories: the list as the tool writes it, if it is not simply that.
        polygons: whether boxes have a segmentation.
        image_fields: what the tool writes beside COCO's own fields.
        box_fields: the same of annotations.
    """
    ids: dict[str, int] = dict(zip(CLASSES, category_ids))
    plain = [{"id": number, "name": name, "supercategory": ""} for name, number in ids.items()]
    images, annotations = [], []
    for number, (scene, name) in enumerate(zip(scenes, names), first_id):
        size = {"width": scene.width, "height": scene.height}
        images.append({"id": number, **size, "file_name": name, **(image_fields or {})})
        for box in scene.boxes:
            annotations.append(
                {
                    "id": len(annotations) + first_id,
                    "image_id": number,
                    "category_id": ids[box.name],
                    "bbox": [box.x, box.y, box.width, box.height],
                    "area": box.width * box.height,
                    "iscrowd": 0,
                    "segmentation": [corners(box)] if polygons else [],
                    **(box_fields or {}),
                }
            )
    categories = plain if categories is None else list(categories)
    return {
        "info": {"year": 2024},
        "licenses": [],
        "images": images,
        "annotations": annotations,
        "categories": categories,
    }


def voc_text(scene: Scene, filename: str, head: str = "<folder>images</folder>", flag: str = "0") -> str:
    """A VOC file of a scene: with `head` before and after `filename`, `flag` as what is truncated or difficult."""
    objects = "".join(
        f"<object><name>{box.name}</name><pose>Unspecified</pose><truncated>{flag}</truncated>"
        f"<difficult>{flag}</difficult><bndbox><xmin>{box.x}</xmin><ymin>{box.y}</ymin><xmax>{box.right}</xmax>"
        f"<ymax>{box.bottom}</ymax></bndbox></object>\n"
        for box in scene.boxes
    )
    size = f"<size><width>{scene.width}</width><height>{scene.height}</height><depth>3</depth></size>"
    return (
        f"<annotation>\n{head}<filename>{filename}</filename>\n{size}<segmented>0</segmented>\n{objects}</annotation>\n"
    )


def yolo_text(scene: Scene, classes: Sequence[str] = CLASSES) -> str:
    """A YOLO file of a scene."""
    return "".join(" ".join(map(str, (classes.index(box.name), *fractions(scene, box)))) + "\n" for box in scene.boxes)


def fractions(scene: Scene, box: TrueBox) -> list[float]:
    """Center x, center y, width, height as fractions of the picture."""
    numbers = (box.x + box.width / 2, box.y + box.height / 2, box.width, box.height)
    return [round(n / side, 6) for n, side in zip(numbers, (scene.width, scene.height) * 2)]


def polygon_text(scene: Scene) -> str:
    """A YOLO segmentation file: the four corners of each box, as fractions."""
    lines = []
    for box in scene.boxes:
        points = [round(n / side, 6) for n, side in zip(corners(box), (scene.width, scene.height) * 4)]
        lines.append(" ".join(map(str, (CLASSES.index(box.name), *points))) + "\n")
    return "".join(lines)


def write_yolo_pair(images: Path, labels: Path, scenes: Sequence[Scene], text=yolo_text) -> None:
    """Pictures and their text files, of which a scene without boxes has an empty one."""
    paint_all(images, scenes)
    for scene in scenes:
        write_text(labels / f"{scene.stem}.txt", text(scene))
