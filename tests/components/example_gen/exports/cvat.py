"""CVAT: https://docs.cvat.ai/docs/dataset_management/formats/.

A task exports one subset, `default`, or that which it is in; a project all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tests.components.example_gen.exports.export import Export
from tests.components.example_gen.exports.scenes import CLASSES, EMPTY, TRAIN, VAL, Scene, Truth, truth_of
from tests.components.example_gen.exports.writers import (
    coco_document,
    corners,
    paint_all,
    polygon_text,
    voc_text,
    write_json,
    write_text,
    write_yolo_pair,
    yolo_text,
)

_IMAGE = {"license": 0, "flickr_url": "", "coco_url": "", "date_captured": 0}
_BOX = {"attributes": {"occluded": False}}
_TASK = (*TRAIN, EMPTY)


def coco_task(directory: Path) -> Truth:
    names = paint_all(directory / "images" / "default", _TASK)
    document = coco_document(_TASK, names, image_fields=_IMAGE, box_fields=_BOX)
    write_json(directory / "annotations" / "instances_default.json", document)
    return truth_of({f"images/default/{scene.jpg}": scene for scene in _TASK})


def coco_task_older(directory: Path) -> Truth:
    """As CVAT wrote it before subsets had their own directories; names with the directories of the upload."""
    names = [f"line 1/{scene.jpg}" for scene in _TASK]
    paint_all(directory / "images", _TASK, names)
    document = coco_document(_TASK, names, image_fields=_IMAGE, box_fields=_BOX)
    write_json(directory / "annotations" / "instances_default.json", document)
    return truth_of({f"images/{name}": scene for name, scene in zip(names, _TASK)})


def coco_project(directory: Path) -> Truth:
    truth = {}
    for subset, scenes in (("Train", TRAIN), ("Validation", VAL)):
        names = paint_all(directory / "images" / subset, scenes)
        document = coco_document(scenes, names, image_fields=_IMAGE, box_fields=_BOX)
        write_json(directory / "annotations" / f"instances_{subset}.json", document)
        truth |= {f"images/{subset}/{scene.jpg}": scene for scene in scenes}
    return truth_of(truth)


def yolo(directory: Path, subsets: Sequence[tuple[str, Sequence[Scene]]], prefix: str = "data/") -> Truth:
    """YOLO 1.1."""
    data, truth = [f"classes = {len(CLASSES)}"], {}
    for subset, scenes in subsets:
        folder = f"obj_{subset}_data"
        write_yolo_pair(directory / folder, directory / folder, scenes)
        write_text(directory / f"{subset}.txt", "".join(f"{prefix}{folder}/{scene.jpg}\n" for scene in scenes))
        data.append(f"{subset} = {prefix}{subset}.txt")
        truth |= {f"{folder}/{scene.jpg}": scene for scene in scenes}
    write_text(directory / "obj.data", "\n".join([*data, f"names = {prefix}obj.names", "backup = backup/", ""]))
    write_text(directory / "obj.names", "".join(f"{name}\n" for name in CLASSES))
    return truth_of(truth)


def ultralytics(directory: Path, text=yolo_text) -> Truth:
    """Ultralytics YOLO 1.0: the list of the pictures is what data.yaml names."""
    lines = ["path: ./", "names:", *(f"  {n}: {name}" for n, name in enumerate(CLASSES))]
    truth = {}
    for key, subset, scenes in (("train", "Train", TRAIN), ("val", "Validation", VAL)):
        write_yolo_pair(directory / "images" / subset, directory / "labels" / subset, scenes, text)
        write_text(directory / f"{subset}.txt", "".join(f"images/{subset}/{scene.jpg}\n" for scene in scenes))
        lines.insert(1, f"{key}: {subset}.txt")
        truth |= {f"images/{subset}/{scene.jpg}": scene for scene in scenes}
    write_text(directory / "data.yaml", "\n".join([*lines, ""]))
    return truth_of(truth)


def voc(directory: Path) -> Truth:
    """Pascal VOC 1.1."""
    paint_all(directory / "JPEGImages", _TASK)
    head = "<folder></folder><source><database>Unknown</database></source>"
    for scene in _TASK:
        write_text(directory / "Annotations" / f"{scene.stem}.xml", voc_text(scene, scene.jpg, head))
    write_text(directory / "ImageSets" / "Main" / "default.txt", "".join(f"{scene.stem}\n" for scene in _TASK))
    labels = ["# label:color_rgb:parts:actions", "background:0,0,0::", "bolt:128,0,0::", "nut:0,128,0::", ""]
    write_text(directory / "labelmap.txt", "\n".join(labels))
    return truth_of({f"JPEGImages/{scene.jpg}": scene for scene in _TASK})


def voc_project(directory: Path) -> Truth:
    """Of a project: pictures and annotations of all subsets lie in subdirectories."""
    truth = {}
    for subset, scenes in (("Train", TRAIN), ("Validation", VAL)):
        paint_all(directory / "JPEGImages" / subset, scenes)
        for scene in scenes:
            path = directory / "Annotations" / subset / f"{scene.stem}.xml"
            write_text(path, voc_text(scene, f"{subset}/{scene.jpg}"))
        names = "".join(f"{subset}/{scene.stem}\n" for scene in scenes)
        write_text(directory / "ImageSets" / "Main" / f"{subset}.txt", names)
        truth |= {f"JPEGImages/{subset}/{scene.jpg}": scene for scene in scenes}
    return truth_of(truth)


def images_xml(
    scenes: Sequence[Scene], names: Sequence[str], subset: str = "", polygons: bool = False, project: bool = False
) -> str:
    """The `annotations.xml` of "CVAT for images 1.1": https://docs.cvat.ai/docs/manual/advanced/xml_format/."""
    labels = "".join(
        f"<label><name>{name}</name><color>#ff0000</color><type>any</type><attributes></attributes></label>"
        for name in CLASSES
    )
    images = []
    for number, (scene, name) in enumerate(zip(scenes, names)):
        shapes = []
        for box in scene.boxes:
            common = f'label="{box.name}" source="manual" occluded="0"'
            if polygons:
                points = corners(box)
                pairs = ";".join(f"{x:.2f},{y:.2f}" for x, y in zip(points[0::2], points[1::2]))
                shapes.append(f'<polygon {common} points="{pairs}" z_order="0"></polygon>')
            else:
                sides = f'xtl="{box.x:.2f}" ytl="{box.y:.2f}" xbr="{box.right:.2f}" ybr="{box.bottom:.2f}"'
                shapes.append(f'<box {common} {sides} z_order="0"><attribute name="rusty">no</attribute></box>')
        of_subset = f' subset="{subset}"' if subset else ""
        size = f'width="{scene.width}" height="{scene.height}"'
        images.append(f'<image id="{number}" name="{name}"{of_subset} {size}>{"".join(shapes)}</image>')
    kind = "project" if project else "task"
    meta = f"<meta><{kind}><id>1</id><name>nuts</name><mode>annotation</mode><labels>{labels}</labels></{kind}></meta>"
    return '<?xml version="1.0" encoding="utf-8"?>\n<annotations><version>1.1</version>' + "\n".join(
        [meta, *images, "</annotations>\n"]
    )


def images_task(directory: Path, polygons: bool = False) -> Truth:
    names = paint_all(directory / "images", _TASK)
    write_text(directory / "annotations.xml", images_xml(_TASK, names, polygons=polygons))
    return truth_of({f"images/{scene.jpg}": scene for scene in _TASK})


def images_project(directory: Path) -> Truth:
    """Of a project: every image says its subset, and names may be the same in two of them."""
    truth, parts = {}, []
    for subset, scenes in (("Train", TRAIN), ("Validation", VAL)):
        names = paint_all(directory / "images" / subset, scenes)
        parts.append(images_xml(scenes, names, subset, project=True))
        truth |= {f"images/{subset}/{scene.jpg}": scene for scene in scenes}
    first, second = parts
    start = second.index("<image ")
    write_text(directory / "annotations.xml", first.replace("</annotations>\n", "") + second[start:])
    return truth_of(truth)


_SUBSETS = (("train", TRAIN), ("valid", VAL))
_FOLDERS = (("images/Train/", "train"), ("images/Validation/", "val"))
EXPORTS = {
    "cvat-coco-task": Export("CVAT", "coco", coco_task),
    "cvat-coco-task-older": Export("CVAT", "coco", coco_task_older),
    "cvat-coco-project": Export("CVAT", "coco", coco_project, _FOLDERS),
    "cvat-yolo-task": Export("CVAT", "yolo", lambda directory: yolo(directory, [("train", _TASK)])),
    "cvat-yolo-task-newer": Export("CVAT", "yolo", lambda directory: yolo(directory, [("train", _TASK)], "")),
    "cvat-yolo-project": Export(
        *("CVAT", "yolo", lambda directory: yolo(directory, _SUBSETS)),
        (("obj_train_data/", "train"), ("obj_valid_data/", "val")),
    ),
    "cvat-yolo-project-own-subset-names": Export(
        *("CVAT", "yolo", lambda directory: yolo(directory, [("Train", TRAIN), ("Validation", VAL)])),
        (("obj_Train_data/", "train"), ("obj_Validation_data/", "val")),
    ),
    "cvat-ultralytics": Export("CVAT", "yolo", ultralytics, _FOLDERS),
    "cvat-ultralytics-segmentation": Export(
        "CVAT", "yolo", lambda directory: ultralytics(directory, polygon_text), _FOLDERS
    ),
    "cvat-voc-task": Export("CVAT", "voc", voc),
    "cvat-voc-project": Export(
        "CVAT", "voc", voc_project, (("JPEGImages/Train/", "train"), ("JPEGImages/Validation/", "val"))
    ),
    "cvat-images-task": Export("CVAT", "cvat", images_task),
    "cvat-images-polygons": Export("CVAT", "cvat", lambda directory: images_task(directory, polygons=True)),
    "cvat-images-project": Export("CVAT", "cvat", images_project, _FOLDERS),
}
