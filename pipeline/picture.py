"""A picture of the golden images that changed most: ground truth, baseline and candidate side by side."""

from __future__ import annotations

import io
import json
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from components.imaging.drawing import Layer, with_boxes
from components.metrics.boxes import iou_xywh
from schemas.evaluation import BASELINE_FILE, CANDIDATE_FILE, GROUND_TRUTH_FILE

ROWS, COLUMNS, TILE_PX, GAP_PX, HEAD_PX = 4, 2, 220, 6, 26
MIN_SCORE = 0.3  # surer boxes only: all of them would hide the image
MIN_IOU = 0.5
_COLOURS = {"ground truth": "#00a000", "baseline": "#2060ff", "candidate": "#e02020"}


ReadImages = Callable[[Collection[str]], Mapping[str, bytes]]


@dataclass(frozen=True)
class _Boxes:
    boxes_xywh_px: np.ndarray
    names: list[str]

    @classmethod
    def of(cls, entries: list[dict[str, Any]], names: dict[int, str]) -> _Boxes:
        boxes = np.array([entry["bbox"] for entry in entries], dtype=float).reshape(-1, 4)
        return cls(boxes, [names[entry["category_id"]] for entry in entries])


def draw_report(evaluation: Path, read_images: ReadImages, out: Path, title: str) -> None:
    """Draws the golden images on which candidate and baseline differ most.

    Args:
        evaluation: the golden set's directory in a ModelEvaluation artifact.
        read_images: gives the golden set's image files by name, of the names that it is asked for.
        out: PNG to write.
        title: the line above the picture.
    """
    truth = json.loads((evaluation / GROUND_TRUTH_FILE).read_text(encoding="utf-8"))
    names = {category["id"]: category["name"] for category in truth["categories"]}
    panels = {"ground truth": _by_image(truth["annotations"], names)}
    for name, file in (("baseline", BASELINE_FILE), ("candidate", CANDIDATE_FILE)):
        if (evaluation / file).exists():
            found = json.loads((evaluation / file).read_text(encoding="utf-8"))
            panels[name] = _by_image([entry for entry in found if entry["score"] >= MIN_SCORE], names)
    chosen = _most_changed(truth["images"], panels)[: ROWS * COLUMNS]
    files = read_images({image["file_name"] for image in chosen})
    _draw(chosen, panels, files, title).save(out)


def _by_image(entries: list[dict[str, Any]], names: dict[int, str]) -> dict[int, _Boxes]:
    grouped: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for entry in entries:
        grouped[entry["image_id"]].append(entry)
    return {image_id: _Boxes.of(group, names) for image_id, group in grouped.items()}


def _most_changed(images: list[dict[str, Any]], panels: dict[str, dict[int, _Boxes]]) -> list[dict[str, Any]]:
    def change(image: dict[str, Any]) -> tuple[float, int]:
        truth = panels["ground truth"].get(image["id"], _NOTHING)
        candidate = _errors(truth, panels["candidate"].get(image["id"], _NOTHING))
        baseline = _errors(truth, panels["baseline"].get(image["id"], _NOTHING)) if "baseline" in panels else 0
        return -abs(candidate - baseline), image["id"]

    return sorted(images, key=change)


def _errors(truth: _Boxes, found: _Boxes) -> int:
    """Objects missed plus detections that match none, by class at IoU .5."""
    iou = iou_xywh(found.boxes_xywh_px, truth.boxes_xywh_px, np.zeros(len(truth.names), bool))
    same = np.array(found.names, dtype=object)[:, None] == np.array(truth.names, dtype=object)[None, :]
    hits = (iou >= MIN_IOU) & same
    return int((~hits.any(axis=0)).sum() + (~hits.any(axis=1)).sum())


def _draw(
    chosen: list[dict[str, Any]], panels: dict[str, dict[int, _Boxes]], files: Mapping[str, bytes], title: str
) -> Image.Image:
    block_px = len(panels) * TILE_PX + GAP_PX
    rows = -(-len(chosen) // COLUMNS)
    sheet = Image.new("RGB", (COLUMNS * block_px + GAP_PX, 2 * HEAD_PX + rows * (TILE_PX + GAP_PX)), "white")
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(size=15)
    draw.text((GAP_PX, 4), title, fill="black", font=font)
    for column in range(COLUMNS):
        for position, name in enumerate(panels):
            left = GAP_PX + column * block_px + position * TILE_PX
            draw.text((left, HEAD_PX + 4), name, fill=_COLOURS[name], font=font)
    for index, image in enumerate(chosen):
        row, column = divmod(index, COLUMNS)
        for position, (name, boxes) in enumerate(panels.items()):
            tile = _tile(files[image["file_name"]], boxes.get(image["id"], _NOTHING), _COLOURS[name])
            left = GAP_PX + column * block_px + position * TILE_PX
            sheet.paste(tile, (left, 2 * HEAD_PX + row * (TILE_PX + GAP_PX)))
    return sheet


def _tile(encoded: bytes, found: _Boxes, colour: str) -> Image.Image:
    with Image.open(io.BytesIO(encoded)) as image:
        return with_boxes(image, [Layer("", colour, found.boxes_xywh_px, tuple(found.names))], TILE_PX - 4)


_NOTHING = _Boxes(np.zeros((0, 4)), [])
