"""Open Images: https://storage.googleapis.com/openimages/web/download_v7.html, and as FiftyOne exports it.

Boxes are fractions of the picture; classes are machine identifiers, named in
`class-descriptions-boxable.csv`; the name of a picture has no suffix.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tests.components.example_gen.exports.export import Export
from tests.components.example_gen.exports.scenes import TEST, TRAIN, VAL, Scene, Truth, paint, truth_of
from tests.components.example_gen.exports.writers import paint_all, write_text

MIDS = {"bolt": "/m/0h8n5zk", "nut": "/m/025fsf"}
HEADER = "ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax,IsOccluded,IsTruncated,IsGroupOf,IsDepiction,IsInside"
CLASS_LIST = "".join(f"{mid},{name}\n" for name, mid in MIDS.items())


def rows(scenes: Sequence[Scene], names: Sequence[str], classes: dict[str, str] | None = None) -> list[str]:
    """The rows of the boxes of scenes."""
    found = []
    for scene, name in zip(scenes, names):
        for box in scene.boxes:
            sides = (box.x / scene.width, box.right / scene.width, box.y / scene.height, box.bottom / scene.height)
            numbers = ",".join(f"{side:.8f}" for side in sides)
            found.append(f"{name},xclick,{(classes or MIDS)[box.name]},1,{numbers},0,0,0,0,0")
    return found


def text_of(scenes: Sequence[Scene], names: Sequence[str], classes: dict[str, str] | None = None) -> str:
    return "\n".join([HEADER, *rows(scenes, names, classes), ""])


def own(directory: Path, header: str = "") -> Truth:
    """The three CSV files of the site beside directories of pictures."""
    truth = {}
    files = {
        "train": "oidv6-train-annotations-bbox.csv",
        "validation": "validation-annotations-bbox.csv",
        "test": "test-annotations-bbox.csv",
    }
    for (split, file), scenes in zip(files.items(), (TRAIN, VAL, TEST)):
        ids = [f"{ord(scene.stem):016x}" for scene in scenes]
        for name, scene in zip(ids, scenes):
            paint(directory / split / f"{name}.jpg", scene)
            truth[f"{split}/{name}.jpg"] = scene
        write_text(directory / file, text_of(scenes, ids))
    write_text(directory / "class-descriptions-boxable.csv", header + CLASS_LIST)
    return truth_of(truth)


def one_file(directory: Path) -> Truth:
    """Named classes, names with a suffix, no list of classes: as converters write it."""
    names = paint_all(directory / "images", TRAIN)
    write_text(directory / "annotations.csv", text_of(TRAIN, names, {"bolt": "bolt", "nut": "nut"}))
    return truth_of({f"images/{scene.jpg}": scene for scene in TRAIN})


def fiftyone(directory: Path) -> Truth:
    """`OpenImagesV7Dataset`: `data/`, `labels/detections.csv`, `metadata/classes.csv`."""
    paint_all(directory / "data", TRAIN)
    write_text(directory / "labels" / "detections.csv", text_of(TRAIN, [scene.stem for scene in TRAIN]))
    write_text(directory / "metadata" / "classes.csv", CLASS_LIST)
    write_text(directory / "metadata" / "image_ids.csv", "ImageID,Subset\n")
    return truth_of({f"data/{scene.jpg}": scene for scene in TRAIN})


_FOLDERS = (("train/", "train"), ("validation/", "val"), ("test/", "test"))
EXPORTS = {
    "openimages-own": Export("Open Images", "openimages", own, _FOLDERS),
    "openimages-own-v7": Export(
        *("Open Images", "openimages", lambda directory: own(directory, "LabelName,DisplayName\n")), _FOLDERS
    ),
    "openimages-one-file": Export("Open Images", "openimages", one_file),
    "openimages-fiftyone": Export("FiftyOne", "openimages", fiftyone),
}
