"""Datumaro: https://openvinotoolkit.github.io/datumaro/stable/docs/data-formats/formats/index.html."""

from __future__ import annotations

from pathlib import Path

from tests.components.example_gen.exports import cvat
from tests.components.example_gen.exports.export import Export
from tests.components.example_gen.exports.scenes import TEST, TRAIN, VAL, Truth, truth_of
from tests.components.example_gen.exports.writers import coco_document, paint_all, voc_text, write_json, write_text

_SUBSETS = (("train", TRAIN), ("val", VAL), ("test", TEST))


def coco(directory: Path) -> Truth:
    """`datum convert -f coco_instances -- --save-media`; sizes and ids as CVAT's, which uses it."""
    truth = {}
    for subset, scenes in _SUBSETS:
        names = paint_all(directory / "images" / subset, scenes)
        fields = {"license": 0, "flickr_url": "", "coco_url": "", "date_captured": 0}
        document = coco_document(scenes, names, image_fields=fields, box_fields={"attributes": {"occluded": False}})
        write_json(directory / "annotations" / f"instances_{subset}.json", document)
        truth |= {f"images/{subset}/{scene.jpg}": scene for scene in scenes}
    return truth_of(truth)


def voc(directory: Path) -> Truth:
    """`datum convert -f voc -- --save-media`: one directory of pictures, subsets only as lists; corners are floats."""
    truth = {}
    for subset, scenes in _SUBSETS:
        paint_all(directory / "JPEGImages", scenes)
        for scene in scenes:
            text = voc_text(scene, scene.jpg, "<folder></folder><source><database>Unknown</database></source>")
            for box in scene.boxes:
                text = text.replace(f"<xmax>{box.right}</xmax>", f"<xmax>{box.right}.0</xmax>")
            write_text(directory / "Annotations" / f"{scene.stem}.xml", text)
        names = "".join(f"{scene.stem}\n" for scene in scenes)
        write_text(directory / "ImageSets" / "Main" / f"{subset}.txt", names)
        truth |= {f"JPEGImages/{scene.jpg}": scene for scene in scenes}
    write_text(directory / "labelmap.txt", "# label:color_rgb:parts:actions\nbackground:0,0,0::\nbolt:::\nnut:::\n")
    return truth_of(truth)


EXPORTS = {
    "datumaro-coco": Export(
        *("Datumaro", "coco", coco), tuple((f"images/{subset}/", subset) for subset, _ in _SUBSETS)
    ),
    "datumaro-voc": Export("Datumaro", "voc", voc),
    "datumaro-yolo": Export(
        *("Datumaro", "yolo", lambda directory: cvat.yolo(directory, [("train", TRAIN), ("valid", VAL)], "data/")),
        (("obj_train_data/", "train"), ("obj_valid_data/", "val")),
    ),
}
