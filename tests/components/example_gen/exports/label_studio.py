"""Label Studio: label_studio_converter/converter.py of HumanSignal/label-studio-converter.

An uploaded picture gets eight hexadecimal digits before its name. COCO numbers images, categories and annotations from
0; the `filename` of VOC has no suffix; pictures without annotation are in none of the files.
"""

from __future__ import annotations

from pathlib import Path

from tests.components.example_gen.exports.export import Export
from tests.components.example_gen.exports.scenes import CLASSES, TRAIN, Truth, paint, truth_of
from tests.components.example_gen.exports.writers import (
    coco_document,
    paint_all,
    voc_text,
    write_json,
    write_text,
    yolo_text,
)

_NAMES = ["7f1c22ab-a.jpg", "91ab00ee-b.jpg", "0d5e77c1-été 1.jpg"]
_TRUTH = {f"images/{name}": scene for name, scene in zip(_NAMES, TRAIN)}
_CATEGORIES = [{"id": number, "name": name} for number, name in enumerate(CLASSES)]


def coco(directory: Path, separator: str = "/", names: list[str] | None = None) -> Truth:
    paint_all(directory / "images", TRAIN, _NAMES)
    told = [f"images{separator}{name}" for name in _NAMES] if names is None else names
    fields = {"ignore": 0}
    document = coco_document(TRAIN, told, 0, (0, 1), _CATEGORIES, box_fields=fields)
    write_json(directory / "result.json", document)
    return truth_of(_TRUTH)


def coco_without_pictures(directory: Path) -> Truth:
    """Exported without pictures, which were put beside it under the names that they had before the upload."""
    plain = [name.split("-", 1)[1] for name in _NAMES]
    for name, scene in zip(plain, TRAIN):
        paint(directory / "images" / name, scene)
    told = [f"../../label-studio/data/media/upload/3/{name}" for name in _NAMES]
    write_json(directory / "result.json", coco_document(TRAIN, told, 0, (0, 1), _CATEGORIES))
    return truth_of({f"images/{name}": scene for name, scene in zip(plain, TRAIN)})


def yolo(directory: Path, encoded: bool = False) -> Truth:
    """`encoded`: as older ones wrote it, with percent-encoded names of the text files."""
    paint_all(directory / "images", TRAIN, _NAMES)
    for name, scene in zip(_NAMES, TRAIN):
        stem = name.removesuffix(".jpg")
        stem = stem.replace("é", "%C3%A9").replace(" ", "%20") if encoded else stem
        write_text(directory / "labels" / f"{stem}.txt", yolo_text(scene))
    write_text(directory / "classes.txt", "".join(f"{name}\n" for name in CLASSES))
    info = {"year": 2024, "version": "1.0", "contributor": "Label Studio"}
    write_json(directory / "notes.json", {"categories": _CATEGORIES, "info": info})
    return truth_of(_TRUTH)


def voc(directory: Path) -> Truth:
    paint_all(directory / "images", TRAIN, _NAMES)
    for name, scene in zip(_NAMES, TRAIN):
        stem = name.removesuffix(".jpg")
        head = "<folder>images</folder><source><database>MyDatabase</database></source>"
        write_text(directory / "Annotations" / f"{stem}.xml", voc_text(scene, stem, head))
    return truth_of(_TRUTH)


EXPORTS = {
    "label-studio-coco": Export("Label Studio", "coco", coco),
    "label-studio-coco-of-windows": Export("Label Studio", "coco", lambda directory: coco(directory, "\\")),
    "label-studio-coco-bare-names": Export("Label Studio", "coco", lambda directory: coco(directory, names=_NAMES)),
    "label-studio-coco-without-pictures": Export("Label Studio", "coco", coco_without_pictures),
    "label-studio-yolo": Export("Label Studio", "yolo", yolo),
    "label-studio-yolo-encoded": Export("Label Studio", "yolo", lambda directory: yolo(directory, True)),
    "label-studio-voc": Export("Label Studio", "voc", voc),
}
