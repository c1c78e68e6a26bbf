"""Small pictures of coloured rectangles with their labels, as a COCO data set."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

SIDE = 64
CLASSES = ("cup", "plate", "spoon")
_COLOURS = ((210, 60, 50), (60, 190, 80), (70, 90, 220))
Document = dict[str, Any]


def scene(rng: np.random.Generator) -> tuple[np.ndarray, list[tuple[int, list[float]]]]:
    """Levels [64, 64, 3] of a picture, and class and box of what is in it."""
    coarse = rng.integers(70, 170, (9, 9, 3)).astype(np.uint8)
    levels = np.asarray(Image.fromarray(coarse).resize((SIDE, SIDE), Image.Resampling.BICUBIC)).astype(np.float64)
    objects = []
    for left in rng.permutation([2, 22, 42])[: rng.integers(1, 4)].tolist():
        kind, (width, height) = int(rng.integers(3)), rng.integers(9, 18, 2).tolist()
        x, y = left + int(rng.integers(0, 4)), int(rng.integers(2, SIDE - 22))
        levels[y : y + height, x : x + width] = _COLOURS[kind]
        objects.append((kind, [float(x), float(y), float(width), float(height)]))
    return levels + rng.normal(0, 4, levels.shape), objects


def write_scenes(
    directory: Path,
    images: int = 60,
    seed: int = 0,
    looks: Callable[[np.ndarray], np.ndarray] = lambda levels: levels,
    boxes: Callable[[list[float]], list[float]] = lambda box: box,
    quality: int = 90,
) -> Path:
    """Writes a COCO data set.

    Args:
        directory: to make.
        images: how many.
        seed: of what is in them.
        looks: what the camera makes of a picture.
        boxes: how its boxes are drawn.
        quality: of the JPEGs.
    """
    rng = np.random.default_rng(seed)
    (directory / "images").mkdir(parents=True)
    entries, labels = [], []
    for number in range(1, images + 1):
        levels, objects = scene(rng)
        name = f"{seed:02}-{number:04}.jpg"
        pixels = np.clip(looks(levels), 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(directory / "images" / name, quality=quality)
        entries.append({"id": number, "file_name": name, "width": SIDE, "height": SIDE})
        for kind, box in objects:
            drawn = boxes(box)
            label = {"id": len(labels) + 1, "image_id": number, "category_id": kind + 1, "bbox": drawn, "iscrowd": 0}
            labels.append({**label, "area": drawn[2] * drawn[3]})
    write_document(directory, {"images": entries, "annotations": labels, "categories": categories()})
    return directory


def categories() -> list[dict[str, Any]]:
    """The classes as COCO has them."""
    return [{"id": number, "name": name} for number, name in enumerate(CLASSES, start=1)]


def document_of(directory: Path) -> Document:
    """The annotations of a data set."""
    return json.loads((directory / "annotations.json").read_text(encoding="utf-8"))


def write_document(directory: Path, document: Document) -> None:
    """Writes the annotations of a data set."""
    (directory / "annotations.json").write_text(json.dumps(document), encoding="utf-8")


def encoded_again(path: Path, quality: int) -> bytes:
    """An image file compressed once more."""
    out = io.BytesIO()
    with Image.open(path) as image:
        image.save(out, "JPEG", quality=quality)
    return out.getvalue()
