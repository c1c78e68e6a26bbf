"""labelImg: https://github.com/HumanSignal/labelImg; annotations beside the pictures, or where its user says."""

from __future__ import annotations

from pathlib import Path

from tests.components.example_gen.exports.export import Export
from tests.components.example_gen.exports.scenes import CLASSES, EMPTY, TRAIN, Truth, truth_of
from tests.components.example_gen.exports.writers import paint_all, voc_text, write_text, yolo_text

_ALL = (*TRAIN, EMPTY)
_LIST = "".join(f"{name}\n" for name in CLASSES)


def yolo(directory: Path, images: str = "", labels: str = "", classes: str = "") -> Truth:
    """A picture that nobody opened has no text file."""
    paint_all(directory / images, _ALL)
    for scene in TRAIN:
        write_text(directory / labels / f"{scene.stem}.txt", yolo_text(scene))
    write_text(directory / classes / "classes.txt", _LIST)
    return truth_of({str(Path(images) / scene.jpg): scene for scene in _ALL})


def voc(directory: Path, images: str = "", labels: str = "") -> Truth:
    """A picture that nobody opened has no XML file, and is no part of the data set."""
    paint_all(directory / images, _ALL)
    for scene in TRAIN:
        head = f"<folder>pictures</folder><path>C:\\Users\\me\\pictures\\{scene.jpg}</path>"
        write_text(directory / labels / f"{scene.stem}.xml", voc_text(scene, scene.jpg, head))
    return truth_of({str(Path(images) / scene.jpg): scene for scene in TRAIN})


EXPORTS = {
    "labelimg-yolo-one-folder": Export("labelImg", "yolo", yolo),
    "labelimg-yolo-one-folder-below": Export("labelImg", "yolo", lambda directory: yolo(directory, *["set 1"] * 3)),
    "labelimg-yolo-two-folders": Export(
        "labelImg", "yolo", lambda directory: yolo(directory, "images", "labels", "labels")
    ),
    "labelimg-yolo-list-above": Export("labelImg", "yolo", lambda directory: yolo(directory, "images", "images", "")),
    "labelimg-yolo-other-names": Export(
        "labelImg", "yolo", lambda directory: yolo(directory, "pictures", "boxes", "boxes")
    ),
    "labelimg-voc-one-folder": Export("labelImg", "voc", voc),
    "labelimg-voc-two-folders": Export("labelImg", "voc", lambda directory: voc(directory, "images", "annotations")),
    "labelimg-voc-other-names": Export("labelImg", "voc", lambda directory: voc(directory, "pictures", "boxes")),
}
