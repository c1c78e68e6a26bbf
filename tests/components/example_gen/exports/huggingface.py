"""Hugging Face `imagefolder` for object detection: https://huggingface.co/docs/datasets/image_dataset#imagefolder.

Boxes are COCO's, x, y, width, height in pixels. Numbers of classes are named in the header of README.md.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tests.components.example_gen.exports.export import Export
from tests.components.example_gen.exports.scenes import CLASSES, EMPTY, TRAIN, VAL, Scene, Truth, truth_of
from tests.components.example_gen.exports.writers import paint_all, write_text

README = """---
license: cc0-1.0
dataset_info:
  features:
  - name: image
    dtype: image
  - name: objects
    sequence:
    - name: bbox
      sequence: float32
      length: 4
    - name: {key}
      dtype:
        class_label:
          names:
            '0': bolt
            '1': nut
---
# Nuts and bolts
"""


def columns(scene: Scene, key: str = "categories", named: bool = False) -> dict[str, list[Any]]:
    """The objects of a picture, a list for each of their fields."""
    return {
        "id": list(range(len(scene.boxes))),
        "area": [box.width * box.height for box in scene.boxes],
        "bbox": [[box.x, box.y, box.width, box.height] for box in scene.boxes],
        key: [box.name if named else CLASSES.index(box.name) for box in scene.boxes],
    }


def entries(scene: Scene) -> list[dict[str, Any]]:
    """The objects of a picture, one after the other."""
    return [{"bbox": [*map(float, box[1:])], "label": box.name} for box in scene.boxes]


def lines(scenes: Sequence[Scene], names: Sequence[str], objects: Callable[[Scene], Any] = columns) -> str:
    """A metadata.jsonl."""
    rows = [{"file_name": name, "objects": objects(scene)} for name, scene in zip(names, scenes)]
    return "".join(json.dumps(row) + "\n" for row in rows)


def by_split(directory: Path) -> Truth:
    """A directory for each split, with its own metadata."""
    truth = {}
    for split, scenes in (("train", (*TRAIN, EMPTY)), ("validation", VAL)):
        names = paint_all(directory / split, scenes)
        write_text(directory / split / "metadata.jsonl", lines(scenes, names))
        truth |= {f"{split}/{scene.jpg}": scene for scene in scenes}
    write_text(directory / "README.md", README.format(key="categories"))
    return truth_of(truth)


def at_top(directory: Path) -> Truth:
    """One file for all splits; objects are listed one by one, with names."""
    names, scenes = [], [*TRAIN, *VAL]
    for split, part in (("train", TRAIN), ("test", VAL)):
        names += [f"{split}/{name}" for name in paint_all(directory / split, part)]
    write_text(directory / "metadata.jsonl", lines(scenes, names, entries))
    return truth_of(dict(zip(names, scenes)))


def autotrain(directory: Path) -> Truth:
    """All in one directory, `category`, no names of the classes."""
    names = paint_all(directory, TRAIN)
    write_text(directory / "metadata.jsonl", lines(TRAIN, names, lambda scene: columns(scene, "category")))
    return truth_of(dict(zip(names, TRAIN)))


def csv_file(directory: Path) -> Truth:
    """metadata.csv with JSON in a column."""
    names = paint_all(directory / "train", TRAIN)
    rows = ["file_name,objects"]
    for name, scene in zip(names, TRAIN):
        text = json.dumps(columns(scene, "label", named=True)).replace('"', '""')
        rows.append(f'{name},"{text}"')
    write_text(directory / "train" / "metadata.csv", "\n".join([*rows, ""]))
    return truth_of({f"train/{name}": scene for name, scene in zip(names, TRAIN)})


EXPORTS = {
    "huggingface-by-split": Export(
        *("Hugging Face", "huggingface", by_split), (("train/", "train"), ("validation/", "val"))
    ),
    "huggingface-at-top": Export("Hugging Face", "huggingface", at_top, (("train/", "train"), ("test/", "test"))),
    "huggingface-autotrain": Export("Hugging Face", "huggingface", autotrain, unnamed_classes=True),
    "huggingface-csv": Export("Hugging Face", "huggingface", csv_file),
}
