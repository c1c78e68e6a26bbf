"""makesense.ai: src/logic/export/ of SkalskiP/make-sense; it exports annotations only, no pictures."""

from __future__ import annotations

from pathlib import Path

from tests.components.example_gen.exports.export import Export
from tests.components.example_gen.exports.scenes import CLASSES, TRAIN, Truth, truth_of
from tests.components.example_gen.exports.writers import (
    coco_document,
    paint_all,
    voc_text,
    write_json,
    write_text,
    yolo_text,
)

_FOLDER = "labels_my-project-name_2024-03-01-10-20-30"
_TRUTH = {f"images/{scene.jpg}": scene for scene in TRAIN}


def yolo(directory: Path, with_list: bool = False) -> Truth:
    """Older ones wrote no list of classes."""
    paint_all(directory / "images", TRAIN)
    for scene in TRAIN:
        write_text(directory / _FOLDER / f"{scene.stem}.txt", yolo_text(scene).rstrip("\n"))
    if with_list:
        write_text(directory / _FOLDER / "labels.txt", "\n".join(CLASSES))
    return truth_of(_TRUTH)


def voc(directory: Path) -> Truth:
    paint_all(directory / "images", TRAIN)
    for scene in TRAIN:
        head = f"<folder>my-project-name</folder><path>/my-project-name/{scene.jpg}</path>"
        text = voc_text(scene, scene.jpg, head, "Unspecified")
        write_text(directory / _FOLDER / f"{scene.stem}.xml", text)
    return truth_of(_TRUTH)


def coco(directory: Path) -> Truth:
    names = paint_all(directory / "images", TRAIN)
    categories = [{"id": number, "name": name} for number, name in enumerate(CLASSES, 1)]
    document = coco_document(TRAIN, names, 0, categories=categories, polygons=True)
    write_json(directory / f"{_FOLDER}.json", {**document, "info": {"description": "my-project-name"}})
    return truth_of(_TRUTH)


EXPORTS = {
    "makesense-yolo": Export("makesense.ai", "yolo", yolo, unnamed_classes=True),
    "makesense-yolo-with-list": Export("makesense.ai", "yolo", lambda directory: yolo(directory, True)),
    "makesense-voc": Export("makesense.ai", "voc", voc),
    "makesense-coco": Export("makesense.ai", "coco", coco),
}
