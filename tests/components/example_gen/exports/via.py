"""VGG Image Annotator 2: `export_project_to_coco_format` in its source (https://gitlab.com/vgg/via).

The file is what the browser saves, `NAME_coco.json`, and pictures are where they were. Every class is an option of an
attribute, which becomes the supercategory; older versions wrote ids as strings.
"""

from __future__ import annotations

from pathlib import Path

from tests.components.example_gen.exports.export import Export
from tests.components.example_gen.exports.scenes import CLASSES, TRAIN, Truth, truth_of
from tests.components.example_gen.exports.writers import coco_document, paint_all, write_json

_INFO = {
    "year": 2024,
    "version": "1.0",
    "description": "VIA project exported to COCO format using VGG Image Annotator "
    "(http://www.robots.ox.ac.uk/~vgg/software/via/)",
    "contributor": "",
    "url": "http://www.robots.ox.ac.uk/~vgg/software/via/",
    "date_created": "Fri Mar 01 2024 10:20:30 GMT+0100",
}


def coco(directory: Path, folder: str = "images", text_ids: bool = False) -> Truth:
    names = paint_all(directory / folder, TRAIN)
    categories = [{"supercategory": "part", "id": number, "name": name} for number, name in enumerate(CLASSES, 1)]
    fields = {"license": 0, "flickr_url": "a.jpg", "coco_url": "a.jpg", "date_captured": ""}
    document = coco_document(TRAIN, names, 1, categories=categories, polygons=True, image_fields=fields)
    for annotation in document["annotations"]:
        annotation["segmentation"] = [[int(n) for n in annotation["segmentation"][0]]]
    document |= {"info": _INFO, "licenses": [{"id": 0, "name": "Unknown License", "url": ""}]}
    if text_ids:
        for key, ids in (
            ("categories", ["id"]),
            ("images", ["id"]),
            ("annotations", ["id", "image_id", "category_id"]),
        ):
            document[key] = [{**entry, **{name: str(entry[name]) for name in ids}} for entry in document[key]]
    write_json(directory / "via_project_1Mar2024_10h20m_coco.json", document)
    return truth_of({str(Path(folder) / scene.jpg): scene for scene in TRAIN})


EXPORTS = {
    "via-coco": Export("VGG Image Annotator", "coco", coco),
    "via-coco-one-folder": Export("VGG Image Annotator", "coco", lambda directory: coco(directory, "")),
    "via-coco-text-ids": Export("VGG Image Annotator", "coco", lambda directory: coco(directory, text_ids=True)),
}
