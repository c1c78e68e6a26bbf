"""Supervisely: src/functions.py of supervisely-ecosystem/export-to-coco.

A project is a directory of datasets, each with `images/` and `annotations/instances.json`; ids are those of its server,
and a mask is run-length encoded.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tests.components.example_gen.exports.export import Export
from tests.components.example_gen.exports.scenes import CLASSES, TRAIN, VAL, Scene, TrueBox, Truth, truth_of
from tests.components.example_gen.exports.writers import coco_document, paint_all, write_json

_FIRST_ID = 19_489_032


def _run_lengths(scene: Scene, box: TrueBox) -> dict:
    """An uncompressed mask, column by column, beginning with how many pixels are none of it."""
    mask = np.zeros((scene.height, scene.width), int)
    mask[box.y : box.bottom, box.x : box.right] = 1
    flat = mask.ravel(order="F")
    ends = [*(np.flatnonzero(np.diff(flat)) + 1).tolist(), len(flat)]
    return {"counts": np.diff([0, *ends]).tolist(), "size": [scene.height, scene.width]}


def coco(directory: Path, datasets: Sequence[tuple[str, Sequence[Scene]]], masks: bool = False) -> Truth:
    truth, first = {}, _FIRST_ID
    categories = [{"supercategory": name, "id": number, "name": name} for number, name in enumerate(CLASSES, 1)]
    for dataset, scenes in datasets:
        names = paint_all(directory / dataset / "images", scenes)
        fields = {"license": "None", "url": "None", "date_captured": "2024-03-01T10:20:30.000Z"}
        document = coco_document(scenes, names, first, categories=categories, image_fields=fields)
        if masks:
            boxes = [(scene, box) for scene in scenes for box in scene.boxes]
            for annotation, (scene, box) in zip(document["annotations"], boxes):
                annotation["segmentation"] = _run_lengths(scene, box)
        document["licenses"] = [{"url": "None", "id": 0, "name": "None"}]
        write_json(directory / dataset / "annotations" / "instances.json", document)
        truth |= {f"{dataset}/images/{scene.jpg}": scene for scene in scenes}
        first += len(scenes)
    return truth_of(truth)


_SPLITS = (("train", TRAIN), ("val", VAL))
_FOLDERS = (("train/", "train"), ("val/", "val"))
EXPORTS = {
    "supervisely-coco-one-dataset": Export("Supervisely", "coco", lambda directory: coco(directory, [("ds0", TRAIN)])),
    "supervisely-coco-project": Export("Supervisely", "coco", lambda directory: coco(directory, _SPLITS), _FOLDERS),
    "supervisely-coco-masks": Export(
        "Supervisely", "coco", lambda directory: coco(directory, [("ds0", TRAIN)], masks=True)
    ),
}
