"""Recomputes the mAP of pushed SavedModels with TensorFlow and pycocotools alone; prints them.

    python recompute.py GOLDEN SAVED_MODEL...

It shares no code with the project: it is what anyone else would write.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
from pathlib import Path
from typing import Any


def main(saved_model: str, golden: str) -> float:
    import tensorflow as tf
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    document = json.loads(Path(golden, "annotations.json").read_text())
    category_ids = sorted(category["id"] for category in document["categories"])
    signature = tf.saved_model.load(saved_model).signatures["serving_default"]
    results: Any = []
    for image in document["images"]:
        found = signature(image_bytes=tf.constant([Path(golden, "images", image["file_name"]).read_bytes()]))
        for i in range(int(found["num_detections"][0])):
            ymin, xmin, ymax, xmax = (float(value) for value in found["detection_boxes"][0][i])
            results.append(
                {
                    "image_id": image["id"],
                    "category_id": category_ids[int(found["detection_classes"][0][i]) - 1],
                    "bbox": [xmin, ymin, xmax - xmin, ymax - ymin],
                    "score": float(found["detection_scores"][0][i]),
                }
            )
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO()
        truth.dataset = document
        truth.createIndex()
        evaluation = COCOeval(truth, truth.loadRes(results), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return float(evaluation.stats[0])


if __name__ == "__main__":
    for model in sys.argv[2:]:
        print(main(model, sys.argv[1]))
