"""Images and labels to look at as a COCO file, which CVAT, Label Studio and FiftyOne import; pure.

Every label of an image is in it, so that an export from there can take the place of the image's labels. What speaks
against an image or a box stands beside it, in keys that readers of COCO pass over.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from ratchet.components.review.content import SuspectImage
from ratchet.schemas.data.dataset import DataSetInfo


def relabel_coco(images: Sequence[SuspectImage], info: DataSetInfo, run_id: str) -> bytes:
    """A COCO annotation file.

    Args:
        images: of one data set.
        info: the data set, whose own ids of classes are kept.
        run_id: the run that doubts them, for the description.
    """
    ids = dict(zip(info.class_names, info.category_ids))
    annotations: list[dict[str, Any]] = []
    for number, image in enumerate(images, start=1):
        for box in image.boxes:
            x, y, width, height = box.xywh_px
            entry = {
                "id": len(annotations) + 1,  # pycocotools takes 0 for "unmatched"
                "image_id": number,
                "category_id": ids[box.class_name],
                "bbox": [x, y, width, height],
                "area": width * height,
                "iscrowd": int(box.is_crowd),
            }
            annotations.append({**entry, "doubt": box.why} if box.why else entry)
    document = {
        "info": {"description": f"Labels to look at, by run {run_id}: {info.source}"},
        "categories": [{"id": number, "name": name} for name, number in ids.items()],
        "images": [_image(number, image) for number, image in enumerate(images, start=1)],
        "annotations": annotations,
    }
    return orjson.dumps(document, option=orjson.OPT_INDENT_2)


def _image(number: int, image: SuspectImage) -> dict[str, Any]:
    width, height = image.size_px
    entry = {
        "id": number,
        "file_name": image.file_name,
        "width": width,
        "height": height,
        "doubt": "; ".join(image.why),
    }
    return {**entry, "original": image.original} if image.original else entry
