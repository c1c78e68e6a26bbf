"""COCO as its own site offers it: https://cocodataset.org/#download."""

from __future__ import annotations

from pathlib import Path

from tests.components.example_gen.exports.export import Export
from tests.components.example_gen.exports.scenes import EMPTY, TRAIN, VAL, Scene, Truth, truth_of
from tests.components.example_gen.exports.writers import coco_document, paint_all, write_json


def _build(directory: Path, top: str = "", with_others: bool = True) -> Truth:
    truth: dict[str, Scene] = {}
    for split, scenes in (("train2017", (*TRAIN, EMPTY)), ("val2017", VAL)):
        names = [f"{number:012}.jpg" for number in range(1, len(scenes) + 1)]
        paint_all(directory / top / split, scenes, names)
        document = coco_document(scenes, names, category_ids=(7, 90), polygons=True, image_fields={"license": 4})
        write_json(directory / "annotations" / f"instances_{split}.json", document)
        if with_others:
            _write_others(directory / "annotations", split, document)
        truth |= {f"{top}{split}/{name}": scene for name, scene in zip(names, scenes)}
    return truth_of(truth)


def _write_others(directory: Path, split: str, document: dict) -> None:
    """The captions and the key points of the same pictures, which are no boxes to learn."""
    captions = [{"id": 1, "image_id": 1, "caption": "A red nut."}]
    write_json(
        directory / f"captions_{split}.json",
        {"info": {}, "licenses": [], "images": document["images"], "annotations": captions},
    )
    person = {"id": 1, "name": "person", "supercategory": "person", "keypoints": ["nose"], "skeleton": [[1, 1]]}
    points = [{**document["annotations"][0], "category_id": 1, "keypoints": [12, 9, 2], "num_keypoints": 1}]
    write_json(
        directory / f"person_keypoints_{split}.json", {**document, "categories": [person], "annotations": points}
    )


EXPORTS = {
    "coco-2017": Export("COCO", "coco", _build, (("train2017", "train"), ("val2017", "val"))),
    "coco-2017-instances-only": Export(
        *("COCO", "coco", lambda directory: _build(directory, with_others=False)),
        (("train2017", "train"), ("val2017", "val")),
    ),
    "coco-2017-in-images": Export(
        *("COCO", "coco", lambda directory: _build(directory, "images/", False)),
        (("images/train2017", "train"), ("images/val2017", "val")),
    ),
}
