"""FiftyOne: https://docs.voxel51.com/user_guide/export_datasets.html."""

from __future__ import annotations

from pathlib import Path

from tests.components.example_gen.exports.cvat import images_xml
from tests.components.example_gen.exports.export import Export
from tests.components.example_gen.exports.scenes import CLASSES, EMPTY, TRAIN, VAL, Truth, truth_of
from tests.components.example_gen.exports.writers import (
    coco_document,
    paint_all,
    voc_text,
    write_json,
    write_text,
    write_yolo_pair,
)

_ALL = (*TRAIN, EMPTY)
_TRUTH = {f"data/{scene.jpg}": scene for scene in _ALL}


def coco(directory: Path, first_id: int = 1) -> Truth:
    """`COCODetectionDataset`; older ones number categories from 0."""
    names = paint_all(directory / "data", _ALL)
    categories = [{"id": n, "name": name, "supercategory": None} for n, name in enumerate(CLASSES, first_id)]
    fields = {"license": None, "coco_url": None}
    document = coco_document(*(_ALL, names, 1, (first_id, first_id + 1)), categories=categories, image_fields=fields)
    write_json(directory / "labels.json", document)
    return truth_of(_TRUTH)


def yolov4(directory: Path) -> Truth:
    write_yolo_pair(directory / "data", directory / "data", _ALL)
    write_text(directory / "obj.names", "\n".join(CLASSES))
    write_text(directory / "images.txt", "\n".join(f"data/{scene.jpg}" for scene in _ALL))
    return truth_of(_TRUTH)


def yolov5(directory: Path) -> Truth:
    """`path` is the directory on the machine that exported it; a picture without objects has no text file."""
    truth = {}
    for split, scenes in (("train", _ALL), ("val", VAL)):
        write_yolo_pair(directory / "images" / split, directory / "labels" / split, scenes)
        truth |= {f"images/{split}/{scene.jpg}": scene for scene in scenes}
    (directory / "labels" / "train" / f"{EMPTY.stem}.txt").unlink()
    names = "".join(f"  {n}: {name}\n" for n, name in enumerate(CLASSES))
    text = f"names:\n{names}path: /home/somebody/exports/nuts\ntrain: ./images/train/\nval: ./images/val/\n"
    write_text(directory / "dataset.yaml", text)
    return truth_of(truth)


def voc(directory: Path) -> Truth:
    paint_all(directory / "data", _ALL)
    for scene in _ALL:
        head = f"<folder></folder><path>/home/somebody/{scene.jpg}</path><source><database></database></source>"
        write_text(directory / "labels" / f"{scene.stem}.xml", voc_text(scene, scene.jpg, head))
    return truth_of(_TRUTH)


def cvat(directory: Path) -> Truth:
    names = paint_all(directory / "data", _ALL)
    write_text(directory / "labels.xml", images_xml(_ALL, names))
    return truth_of(_TRUTH)


EXPORTS = {
    "fiftyone-coco": Export("FiftyOne", "coco", coco),
    "fiftyone-coco-ids-from-0": Export("FiftyOne", "coco", lambda directory: coco(directory, 0)),
    "fiftyone-yolov4": Export("FiftyOne", "yolo", yolov4),
    "fiftyone-yolov5": Export(*("FiftyOne", "yolo", yolov5), (("images/train/", "train"), ("images/val/", "val"))),
    "fiftyone-voc": Export("FiftyOne", "voc", voc),
    "fiftyone-cvat": Export("FiftyOne", "cvat", cvat),
}
