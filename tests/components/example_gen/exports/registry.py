"""All exports by name."""

from __future__ import annotations

from tests.components.example_gen.exports import (
    coco_own,
    cvat,
    datumaro,
    fiftyone,
    huggingface,
    label_studio,
    labelimg,
    labelme,
    makesense,
    openimages,
    roboflow,
    supervisely,
    ultralytics,
    via,
)
from tests.components.example_gen.exports.export import Export

_MODULES = (
    *(coco_own, cvat, datumaro, fiftyone, huggingface, label_studio, labelimg, labelme, makesense, openimages),
    *(roboflow, supervisely, ultralytics, via),
)
EXPORTS: dict[str, Export] = {name: export for module in _MODULES for name, export in module.EXPORTS.items()}
