"""The images that rules name, drawn; pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from components.imaging.drawing import detections_layer, draw_boxes, labels_layer
from components.pages.parts import MOST_PICTURES
from schemas.artifacts.data_evidence import Picture
from schemas.artifacts.decisions import Reason
from schemas.base.formatting import many
from schemas.data.records import Detections, ImageRecord

SIDE_PX = 360
_SURE = 0.3  # scores of the detections that are drawn; all of them would hide the image


@dataclass(frozen=True)
class Drawable:
    """An image that can be drawn.

    Attributes:
        record: its annotation.
        encoded: its file.
        found: what the served model detects in it; None if it was not asked.
        caption: what to see in it.
    """

    record: ImageRecord
    encoded: bytes
    found: Detections | None = None
    caption: str = ""


def pictured_rules(reasons: Iterable[Reason]) -> dict[str, tuple[str, ...]]:
    """File names of the images to draw, by rule: those of rules that failed or warned."""
    return {
        reason.rule: reason.images[:MOST_PICTURES]
        for reason in reasons
        if reason.images and (not reason.passed or reason.warning)
    }


def draw_pictures(
    rules: Mapping[str, tuple[str, ...]], images: Mapping[str, Drawable], class_names: tuple[str, ...]
) -> dict[str, tuple[Picture, ...]]:
    """Draws labels and detections.

    Args:
        rules: of `pictured_rules`.
        images: by file name; one that is missing is left out.
        class_names: in label order.
    """
    return {
        rule: tuple(_picture(images[name], class_names) for name in names if name in images)
        for rule, names in rules.items()
    }


def _picture(image: Drawable, class_names: tuple[str, ...]) -> Picture:
    truth = image.record.truth
    layers = [labels_layer(truth.boxes_xywh_px, [class_names[label - 1] for label in truth.labels])]
    caption = image.caption or many(len(truth.labels), "label")
    if image.found is not None:
        sure = image.found.scores >= _SURE
        names = [
            f"{class_names[label - 1]} {score:.0%}"
            for label, score in zip(image.found.labels[sure], image.found.scores[sure])
        ]
        layers.append(detections_layer(image.found.boxes_xywh_px[sure], names))
        caption += f", {many(int(np.count_nonzero(sure)), 'detection')}"
    return Picture(image.record.file_name, draw_boxes(image.encoded, layers, SIDE_PX), caption)
