"""What a reader made of an export, as its truth is written."""

from __future__ import annotations

import os

from ratchet.components.example_gen.labelled import Labelled
from tests.components.example_gen.exports.scenes import TrueBox, Truth


def boxes_read(labelled: Labelled, directory: str) -> Truth:
    """The boxes of all pictures by their path below the delivery, rounded to a hundredth of a pixel."""
    below = os.path.relpath(labelled.directory, directory)
    top = "" if below == "." else f"{below}/"
    truth: Truth = {f"{top}{image.file_name}": [] for image in labelled.images}
    names, objects = labelled.label_map.names, labelled.objects
    for image, label, box in zip(objects.image, objects.labels, objects.boxes_xywh_px):
        numbers = [whole if abs((whole := round(n)) - n) < 0.01 else n for n in box.tolist()]
        truth[f"{top}{labelled.images[image].file_name}"].append(TrueBox(names[label - 1], *numbers))
    return {name: sorted(boxes) for name, boxes in truth.items()}


def of_split(truth: Truth, export, split: str) -> Truth:
    """The part of a truth that is a split."""
    return {name: boxes for name, boxes in truth.items() if export.split_of(name) == split}
