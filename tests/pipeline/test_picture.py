from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path

import numpy as np
from PIL import Image

from pipeline.picture import draw_report
from tests.builders import encode, picture

BOX = [10.0, 10.0, 20.0, 20.0]


def write(directory: Path, name: str, value: object) -> None:
    (directory / name).write_text(json.dumps(value))


def test_the_image_that_changed_most_comes_first_with_boxes_of_each_model(tmp_path: Path) -> None:
    images = [{"id": i, "file_name": f"{i}.jpg", "width": 64, "height": 48} for i in range(1, 13)]
    write(
        tmp_path,
        "ground_truth.json",
        {
            "images": images,
            "categories": [{"id": 3, "name": "cat"}],
            "annotations": [{"image_id": i["id"], "category_id": 3, "bbox": BOX} for i in images],
        },
    )
    found = [{"image_id": i["id"], "category_id": 3, "bbox": BOX, "score": 0.9} for i in images]
    write(tmp_path, "baseline_detections.json", found)
    write(tmp_path, "candidate_detections.json", [entry for entry in found if entry["image_id"] != 12])
    asked: list[int] = []

    def read_images(names: Collection[str]) -> dict[str, bytes]:
        asked.append(len(names))
        return {name: encode(picture(seed=1)) for name in names}

    draw_report(tmp_path, read_images, tmp_path / "out.png", "a title")
    assert asked == [8]  # once, and only those that are drawn

    sheet = np.asarray(Image.open(tmp_path / "out.png")).astype(int)
    first, later = sheet[52:275, 6:666], sheet[278:500, 6:666]  # the first row's left block, the second row's
    red = [is_near(part, (224, 32, 32)).sum() for part in (first, later)]
    blue = [is_near(part, (32, 96, 255)).sum() for part in (first, later)]
    assert red[0] == 0  # the candidate lost image 12's object
    assert red[1] > 100
    assert min(blue) > 100


def is_near(pixels: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    return (np.abs(pixels - np.array(colour)) <= 2).all(axis=-1)
