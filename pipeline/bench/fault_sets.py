"""Faults of whole sets: copies, deliveries made twice, frames of a fixed camera."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ratchet.pipeline.bench.planting import Entry, Planted, keep_images, open_image, set_box

_COPY_QUALITY = 85
_FRAME_NOISE = 2.0  # standard deviation of a sensor's noise, of 255 grey levels
_FRAME_WIDTHS = (0.05, 0.12)  # of an object that came into view, of the image's width
_DRAWS = 50
_SEEN = 0.6  # of a box; what is seen less of in a cropped copy is not labelled
TURNS: dict[str, Image.Transpose | None] = {
    "none": None,
    "mirror": Image.Transpose.FLIP_LEFT_RIGHT,
    "flip": Image.Transpose.FLIP_TOP_BOTTOM,
    "90": Image.Transpose.ROTATE_90,
    "180": Image.Transpose.ROTATE_180,
    "270": Image.Transpose.ROTATE_270,
    "transpose": Image.Transpose.TRANSPOSE,
    "transverse": Image.Transpose.TRANSVERSE,
}


def copied(planted: Planted, strength: float, turn: str = "none", crop: float = 0.0, resize: float = 1.0) -> None:
    """A share of the golden images is in the span too, re-encoded, with labels that are true of the copy.

    Args:
        planted: the span.
        strength: share of the golden images.
        turn: one of TURNS.
        crop: share of the width and of the height that is cut off, in all.
        resize: factor of the copy's size.
    """
    for entry, image, labels in _some_golden(planted, strength):
        shown, boxes = _transformed(image, [label["bbox"] for label in labels], turn, crop, resize)
        copies = [{**label} for label in labels]
        for copy, box in zip(copies, boxes):
            set_box(copy, box, shown.size)
        seen = [copy for copy, (_, _, w, h) in zip(copies, boxes) if copy["area"] > _SEEN * w * h]
        planted.add(shown, entry, seen, _COPY_QUALITY)


def _transformed(
    image: Image.Image, boxes: list[list[float]], turn: str, crop: float, resize: float
) -> tuple[Image.Image, list[list[float]]]:
    transpose = TURNS[turn]
    corners = np.array(boxes, np.float64).reshape(-1, 4)
    corners[:, 2:] += corners[:, :2]
    if transpose is not None:
        corners = _turned(corners, *image.size, transpose)
        image = image.transpose(transpose)
    left, top = crop / 2 * image.width, crop / 2 * image.height
    size = max(8, round((image.width - 2 * left) * resize)), max(8, round((image.height - 2 * top) * resize))
    if size != image.size:
        area = (left, top, image.width - left, image.height - top)
        image = image.resize(size, Image.Resampling.LANCZOS, box=area)
        corners = (corners - [left, top, left, top]) * resize
    corners[:, 2:] -= corners[:, :2]
    return image, corners.tolist()


def _turned(corners: np.ndarray, width: int, height: int, transpose: Image.Transpose) -> np.ndarray:
    """Corners [n, 4] of boxes x1, y1, x2, y2 in the turned image."""
    points = corners.reshape(-1, 2)
    x, y = points[:, 0], points[:, 1]
    moved = {
        Image.Transpose.FLIP_LEFT_RIGHT: (width - x, y),
        Image.Transpose.FLIP_TOP_BOTTOM: (x, height - y),
        Image.Transpose.ROTATE_90: (y, width - x),
        Image.Transpose.ROTATE_180: (width - x, height - y),
        Image.Transpose.ROTATE_270: (height - y, x),
        Image.Transpose.TRANSPOSE: (y, x),
        Image.Transpose.TRANSVERSE: (height - y, width - x),
    }[transpose]
    pairs = np.stack(moved, axis=-1).reshape(-1, 2, 2)
    return np.concatenate([pairs.min(axis=1), pairs.max(axis=1)], axis=1)


def frames(planted: Planted, strength: float) -> None:
    """Other frames of the scenes of some golden images: as many objects as the strength says came into view.

    No fault: a fixed camera delivers such images, and none is a copy.
    """
    cuttings = [
        planted.open(entry).crop((x, y, x + w, y + h))
        for entry in planted.images
        for x, y, w, h in (label["bbox"] for label in planted.labels if label["image_id"] == entry["id"])
        if min(w, h) >= 8
    ]
    for entry, image, labels in _some_golden(planted, 0.1):
        category = labels[0]["category_id"] if labels else planted.document["categories"][0]["id"]
        boxes = []
        for _ in range(int(strength)):
            cutting = cuttings[planted.rng.integers(len(cuttings))]
            width = round(image.width * planted.rng.uniform(*_FRAME_WIDTHS))
            cutting = cutting.resize((width, max(4, round(width * cutting.height / cutting.width))))
            x, y = _place(planted.rng, image.size, cutting.size, [label["bbox"] for label in labels])
            image.paste(cutting, (x, y))
            boxes.append([float(x), float(y), float(cutting.width), float(cutting.height)])
        pixels = np.asarray(image, np.float32) + planted.rng.normal(0, _FRAME_NOISE, (image.height, image.width, 3))
        frame = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
        new = [{"category_id": category, "iscrowd": 0, "bbox": box, "area": box[2] * box[3]} for box in boxes]
        planted.add(frame, entry, [*labels, *new])


def _place(
    rng: np.random.Generator, size: tuple[int, int], own: tuple[int, int], taken: list[list[float]]
) -> tuple[int, int]:
    """A random place that covers little of what is there."""

    def covered(x: int, y: int) -> float:
        return sum(
            max(0.0, min(x + own[0], left + w) - max(x, left)) * max(0.0, min(y + own[1], top + h) - max(y, top))
            for left, top, w, h in taken
        )

    drawn = [
        (int(rng.integers(max(1, size[0] - own[0]))), int(rng.integers(max(1, size[1] - own[1]))))
        for _ in range(_DRAWS)
    ]
    return min(drawn, key=lambda place: covered(*place))


def repeated(planted: Planted, strength: float) -> None:
    """A share of the span's images are in it a second time, re-encoded."""
    for entry in planted.some(strength):
        labels = [label for label in planted.labels if label["image_id"] == entry["id"]]
        planted.add(planted.open(entry), entry, labels, _COPY_QUALITY)


def delivered_again(planted: Planted, strength: float, trained: Path | None = None) -> None:
    """So large a share of the span is what the served model was trained on; 1: all of it, byte by byte."""
    if trained is None:
        raise ValueError("delivered-again: needs the data set that the served model was trained on: --trained DIR")
    document = json.loads((trained / "annotations.json").read_text())
    if strength >= 1:
        planted.document = document
        for entry in document["images"]:
            shutil.copyfile(trained / "images" / entry["file_name"], planted.directory / "images" / entry["file_name"])
        return
    own = planted.images
    count = min(len(document["images"]), round(strength * len(own)))
    planted.drop_images({entry["id"] for entry in own[len(own) - count :]})
    for row in sorted(planted.rng.permutation(len(document["images"]))[:count].tolist()):
        entry = document["images"][row]
        labels = [label for label in document["annotations"] if label["image_id"] == entry["id"]]
        added = planted.add(open_image(trained / "images" / entry["file_name"]), entry, labels)
        target = planted.directory / "images" / f"added-{added['id']}{Path(entry['file_name']).suffix}"
        (planted.directory / "images" / added["file_name"]).unlink()
        shutil.copyfile(trained / "images" / entry["file_name"], target)
        added["file_name"] = target.name


def fewer(planted: Planted, strength: float) -> None:
    """So many images are left, drawn at random."""
    keep_images(planted.document, int(strength), planted.rng)


def exchanged(planted: Planted, strength: float, trained: Path | None = None) -> None:
    """So large a share of the images, with their labels, is another data set's.

    Args:
        planted: the data set.
        strength: the share.
        trained: the other data set.
    """
    if trained is None:
        raise ValueError("exchanged: needs another data set")
    own = planted.images
    count = max(1, round(strength * len(own)))
    document = json.loads((trained / "annotations.json").read_text())
    rows = planted.rng.permutation(len(document["images"]))[:count]
    for entry in [document["images"][row] for row in sorted(rows.tolist())]:
        labels = [label for label in document["annotations"] if label["image_id"] == entry["id"]]
        planted.add(open_image(trained / "images" / entry["file_name"]), entry, labels)
    planted.drop_images({entry["id"] for entry in own[len(own) - count :]})


def golden_holds_it(planted: Planted, change: Callable[[Planted, float], None], strength: float) -> None:
    """Changes the span, and half of a copy of the golden set alike: what harms nobody, since it is asked for.

    Args:
        planted: the span.
        change: one of the faults of images.
        strength: of it.
    """
    change(planted, strength)
    out = planted.directory.parent / "golden"
    golden = Planted.copy_of(planted.golden, planted.golden, out, planted.rng, None)
    golden.chosen = frozenset(entry["id"] for entry in golden.some(0.5))
    change(golden, strength)
    golden.write()
    planted.other_golden = out


def _some_golden(planted: Planted, share: float) -> list[tuple[Entry, Image.Image, list[Entry]]]:
    """A share of the golden images, at least one, with attributes and labels."""
    document: dict[str, Any] = json.loads((planted.golden / "annotations.json").read_text())
    images = document["images"]
    found = []
    for row in planted.rng.permutation(len(images))[: max(1, round(share * len(images)))].tolist():
        labels = [label for label in document["annotations"] if label["image_id"] == images[row]["id"]]
        found.append((images[row], open_image(planted.golden / "images" / images[row]["file_name"]), labels))
    return found


SET_FAULTS: dict[str, Callable[..., None]] = {
    "copied": copied,
    "frames": frames,
    "repeated": repeated,
    "delivered-again": delivered_again,
    "fewer": fewer,
    "exchanged": exchanged,
}
