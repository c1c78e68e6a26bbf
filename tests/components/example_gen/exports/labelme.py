"""labelme: its scripts examples/bbox_detection/labelme2voc.py and examples/instance_segmentation/labelme2coco.py.

And the package labelme2coco (fcakyon/labelme2coco, which is sahi's writer).
"""

from __future__ import annotations

from pathlib import Path

from tests.components.example_gen.exports.export import Export
from tests.components.example_gen.exports.scenes import CLASSES, TRAIN, VAL, Truth, paint, truth_of
from tests.components.example_gen.exports.writers import coco_document, paint_all, voc_text, write_json, write_text

_TRUTH = {f"JPEGImages/{scene.jpg}": scene for scene in TRAIN}


def voc(directory: Path) -> Truth:
    """`class_names.txt` begins with `_background_`, and drawn pictures lie beside the others."""
    paint_all(directory / "JPEGImages", TRAIN)
    paint_all(directory / "AnnotationsVisualization", TRAIN)
    for scene in TRAIN:
        text = voc_text(scene, scene.jpg, "<folder/>").replace("<truncated>0</truncated>", "<truncated/>")
        write_text(directory / "Annotations" / f"{scene.stem}.xml", text)
    write_text(directory / "class_names.txt", "\n".join(["_background_", *CLASSES]))
    return truth_of(_TRUTH)


def voc_with_labels_file(directory: Path) -> Truth:
    """With the labels file that labelme itself was given, `__ignore__` first."""
    truth = voc(directory)
    (directory / "class_names.txt").unlink()
    write_text(directory / "labels.txt", "\n".join(["__ignore__", "_background_", *CLASSES, ""]))
    return truth


def own_coco(directory: Path) -> Truth:
    """labelme's own script: category 0 is `_background_`, images count from 0."""
    names = [f"JPEGImages/{name}" for name in paint_all(directory / "JPEGImages", TRAIN)]
    paint_all(directory / "Visualization", TRAIN)
    listed = [{"supercategory": None, "id": n, "name": name} for n, name in enumerate(("_background_", *CLASSES))]
    fields = {"license": 0, "url": None, "date_captured": None}
    document = coco_document(TRAIN, names, 0, (1, 2), listed, polygons=True, image_fields=fields)
    write_json(directory / "annotations.json", {**document, "type": "instances"})
    return truth_of(_TRUTH)


def package(directory: Path, folder: str = "/home/me/pictures/") -> Truth:
    """labelme2coco with a train split: `train.json` and `val.json` with absolute names, labelme's files."""
    truth = {}
    for split, scenes in (("train", TRAIN), ("val", VAL)):
        for scene in scenes:
            paint(directory / "pictures" / scene.jpg, scene)
            write_json(directory / "pictures" / f"{scene.stem}.json", _own_file(scene))
            truth[f"pictures/{scene.jpg}"] = scene
        document = coco_document(scenes, [f"{folder}{scene.jpg}" for scene in scenes], 1, (0, 1), polygons=True)
        write_json(directory / f"{split}.json", document)
    return truth_of(truth)


def package_in_one(directory: Path) -> Truth:
    """labelme2coco without a split: `dataset.json`; categories are numbered as they come, from 0."""
    names = paint_all(directory / "pictures", TRAIN)
    categories = [{"id": 0, "name": "nut", "supercategory": "nut"}, {"id": 1, "name": "bolt", "supercategory": "bolt"}]
    document = coco_document(TRAIN, names, 1, (1, 0), categories)
    write_json(directory / "dataset.json", document)
    return truth_of({f"pictures/{scene.jpg}": scene for scene in TRAIN})


def _own_file(scene) -> dict:
    """labelme's own annotation of a picture."""
    shapes = [
        {
            "label": box.name,
            "points": [[box.x, box.y], [box.right, box.bottom]],
            "group_id": None,
            "shape_type": "rectangle",
            "flags": {},
        }
        for box in scene.boxes
    ]
    size = {"imageHeight": scene.height, "imageWidth": scene.width}
    return {"version": "5.4.1", "flags": {}, "shapes": shapes, "imagePath": scene.jpg, "imageData": None, **size}


_SPLIT_OF = tuple(
    (f"pictures/{scene.jpg}", split) for split, scenes in (("train", TRAIN), ("val", VAL)) for scene in scenes
)
EXPORTS = {
    "labelme-voc": Export("labelme", "voc", voc),
    "labelme-voc-labels-file": Export("labelme", "voc", voc_with_labels_file),
    "labelme-own-coco": Export("labelme", "coco", own_coco),
    "labelme2coco-one": Export("labelme2coco", "coco", package_in_one),
    # The pictures of both splits lie in one directory: which split a picture is of, only the JSON files say.
    "labelme2coco-split": Export("labelme2coco", "coco", package, _SPLIT_OF),
}
