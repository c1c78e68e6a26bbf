"""Roboflow: https://roboflow.com/formats; every split is a directory, `valid` may be missing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tests.components.example_gen.deliveries import example, framed
from tests.components.example_gen.exports.export import Export
from tests.components.example_gen.exports.scenes import CLASSES, TEST, TRAIN, VAL, Scene, Truth, paint, truth_of
from tests.components.example_gen.exports.writers import (
    coco_document,
    voc_text,
    write_json,
    write_text,
    yolo_text,
)

_SPLITS = (("train", TRAIN), ("valid", VAL), ("test", TEST))
_README = "nuts - v2\n\nThis dataset was exported via roboflow.com\n"


def _name(scene: Scene) -> str:
    return f"{scene.stem}_jpg.rf.{ord(scene.stem):032x}.jpg"


def _readme(directory: Path) -> None:
    write_text(directory / "README.roboflow.txt", _README)
    write_text(directory / "README.dataset.txt", _README)


def coco(directory: Path, splits: Sequence[tuple[str, Sequence[Scene]]] = _SPLITS, project: str = "hardware") -> Truth:
    """A grouping category with id 0, called after the project, comes first."""
    truth = {}
    group = [{"id": 0, "name": project, "supercategory": "none"}]
    categories = group + [{"id": n, "name": name, "supercategory": project} for n, name in enumerate(CLASSES, 1)]
    for split, scenes in splits:
        names = [_name(scene) for scene in scenes]
        for name, scene in zip(names, scenes):
            paint(directory / split / name, scene)
        fields = {"license": 1, "date_captured": "2024-03-01T10:20:30+00:00", "extra": {"name": "a.jpg"}}
        document = coco_document(scenes, names, 0, (1, 2), categories, image_fields=fields)
        write_json(directory / split / "_annotations.coco.json", document)
        truth |= {f"{split}/{name}": scene for name, scene in zip(names, scenes)}
    _readme(directory)
    return truth_of(truth)


def yolo(directory: Path, splits: Sequence[tuple[str, Sequence[Scene]]] = _SPLITS) -> Truth:
    """data.yaml names all three splits, also those that are not there, by a path that leads beside the data set."""
    truth = {}
    for split, scenes in splits:
        for scene in scenes:
            paint(directory / split / "images" / _name(scene), scene)
            stem = _name(scene).removesuffix(".jpg")
            write_text(directory / split / "labels" / f"{stem}.txt", yolo_text(scene).rstrip("\n"))
            truth[f"{split}/images/{_name(scene)}"] = scene
    text = "train: ../train/images\nval: ../valid/images\ntest: ../test/images\n\nnc: 2\nnames: ['bolt', 'nut']\n\n"
    write_text(directory / "data.yaml", text + "roboflow:\n  workspace: me\n  project: hardware\n  version: 2\n")
    _readme(directory)
    return truth_of(truth)


def darknet(directory: Path) -> Truth:
    """YOLO Darknet: text files beside the pictures, `_darknet.labels` in each split."""
    truth = {}
    for split, scenes in _SPLITS:
        for scene in scenes:
            paint(directory / split / _name(scene), scene)
            write_text(directory / split / f"{_name(scene).removesuffix('.jpg')}.txt", yolo_text(scene))
            truth[f"{split}/{_name(scene)}"] = scene
        write_text(directory / split / "_darknet.labels", "\n".join(CLASSES))
    _readme(directory)
    return truth_of(truth)


def voc(directory: Path) -> Truth:
    truth = {}
    for split, scenes in _SPLITS:
        for scene in scenes:
            name = _name(scene)
            paint(directory / split / name, scene)
            head = f"<folder></folder><path>{name}</path><source><database>roboflow.com</database></source>"
            write_text(directory / split / f"{name.removesuffix('.jpg')}.xml", voc_text(scene, name, head))
            truth[f"{split}/{name}"] = scene
    _readme(directory)
    return truth_of(truth)


def tfrecord(directory: Path) -> Truth:
    """Pictures lie in the records: the truth's names are those that the records give them, below their split."""
    truth = {}
    for split, scenes in _SPLITS:
        records = []
        for scene in scenes:
            path = directory / "kept" / _name(scene)
            paint(path, scene)
            records.append(framed(example(_features(scene, path))))
            path.unlink()
            truth[f"{split}/{_name(scene)}"] = scene
        (directory / split).mkdir()
        (directory / split / "Nuts.tfrecord").write_bytes(b"".join(records))
        items = "".join(f'item {{\n name: "{name}",\n id: {n}\n}}\n' for n, name in enumerate(CLASSES, 1))
        write_text(directory / split / "Nuts_label_map.pbtxt", items)
    (directory / "kept").rmdir()
    _readme(directory)
    return truth_of(truth)


def _features(scene: Scene, path: Path) -> dict:
    return {
        "image/encoded": [path.read_bytes()],
        "image/format": [b"jpg"],
        "image/height": [scene.height],
        "image/width": [scene.width],
        "image/filename": [path.name.encode()],
        "image/object/bbox/xmin": [box.x / scene.width for box in scene.boxes],
        "image/object/bbox/xmax": [box.right / scene.width for box in scene.boxes],
        "image/object/bbox/ymin": [box.y / scene.height for box in scene.boxes],
        "image/object/bbox/ymax": [box.bottom / scene.height for box in scene.boxes],
        "image/object/class/label": [CLASSES.index(box.name) + 1 for box in scene.boxes],
        "image/object/class/text": [box.name.encode() for box in scene.boxes],
    }


def csv_of_boxes(directory: Path) -> Truth:
    """Tensorflow Object Detection CSV."""
    truth = {}
    for split, scenes in _SPLITS:
        lines = ["filename,width,height,class,xmin,ymin,xmax,ymax"]
        for scene in scenes:
            paint(directory / split / _name(scene), scene)
            truth[f"{split}/{_name(scene)}"] = scene
            for box in scene.boxes:
                size = f"{scene.width},{scene.height}"
                lines.append(f"{_name(scene)},{size},{box.name},{box.x},{box.y},{box.right},{box.bottom}")
        write_text(directory / split / "_annotations.csv", "\n".join([*lines, ""]))
    _readme(directory)
    return truth_of(truth)


_FOLDERS = (("train/", "train"), ("valid/", "val"), ("test/", "test"))
_TRAIN_ONLY, _NO_VALID = _SPLITS[:1], (_SPLITS[0], _SPLITS[2])
EXPORTS = {
    "roboflow-coco": Export("Roboflow", "coco", coco, _FOLDERS),
    "roboflow-coco-train-only": Export("Roboflow", "coco", lambda directory: coco(directory, _TRAIN_ONLY)),
    "roboflow-coco-project-called-as-class": Export(
        "Roboflow", "coco", lambda directory: coco(directory, _SPLITS, "nut"), _FOLDERS
    ),
    "roboflow-yolo": Export("Roboflow", "yolo", yolo, _FOLDERS),
    "roboflow-yolo-without-valid": Export(
        "Roboflow", "yolo", lambda directory: yolo(directory, _NO_VALID), _FOLDERS[::2]
    ),
    "roboflow-yolo-train-only": Export("Roboflow", "yolo", lambda directory: yolo(directory, _TRAIN_ONLY)),
    "roboflow-darknet": Export("Roboflow", "yolo", darknet, _FOLDERS),
    "roboflow-voc": Export("Roboflow", "voc", voc, _FOLDERS),
    "roboflow-tfrecord": Export("Roboflow", "tfrecord", tfrecord, _FOLDERS),
}
# What is read only if there is a reader of it.
CSV = {"roboflow-csv": Export("Roboflow", "csv", csv_of_boxes, _FOLDERS)}
