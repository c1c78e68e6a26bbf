"""Plants faults into a COCO data set, at three strengths, to see whether the data gate finds and names them."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageFilter

JPEG_QUALITY = 90


@dataclass(frozen=True)
class Fault:
    """A fault at a strength.

    Attributes:
        name: what it is.
        strength: 1 (weak) to 3.
        finds: rules, by their beginnings, any of which names it rightly.
    """

    name: str
    strength: int
    finds: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.name}-{self.strength}"


# By strength. Factors for light, colours and size; shares of boxes for labels.
_LIGHT = {"dark": (0.7, 0.5, 0.3), "bright": (1.3, 1.6, 2.0)}
_BLUR_PX = (1.0, 1.6, 2.5)  # at a longer side of 128 px
_FAR = (0.8, 0.65, 0.5)
_CAST = (1.2, 1.35, 1.6)
_CAMERA = (0.35, 0.65, 1.0)
_LOOSE = (0.15, 0.25, 0.5)
_SHIFTED = (0.1, 0.25, 0.5)
_SWAPPED = (0.5, 0.75, 1.0)  # of the objects of two classes
_MISSING = (0.2, 0.35, 0.5)
_RANDOM = (0.2, 0.3, 0.4)
_MISREAD = (0.25, 0.5, 1.0)  # of the boxes
_LEAKED = (0.02, 0.05, 0.1)  # of the golden images

FINDS: dict[str, tuple[str, ...]] = {
    "dark": ("drift:qa/brightness",),
    "bright": ("drift:qa/brightness",),
    "blurred": ("drift:qa/sharpness",),
    "far": ("drift:qa/box_log_area",),
    "cast": ("drift:qa/red_cast", "drift:qa/blue_cast"),
    "camera": ("drift:",),
    "loose": ("labels:size",),
    "shifted": ("labels:offset",),
    "swapped": ("labels:classes",),
    "missing": ("labels:missing",),
    "random": ("labels:noise",),
    "yx": ("labels:reading", "boxes:"),
    "corners": ("labels:reading", "boxes:"),
    "taken-for-corners": ("labels:reading", "boxes:"),
    "leaked": ("leak",),
}


def all_faults() -> list[Fault]:
    """Every fault at every strength."""
    return [Fault(name, strength, finds) for name, finds in FINDS.items() for strength in (1, 2, 3)]


def plant(fault: Fault, source: Path, golden: Path, out: Path, seed: int = 0) -> None:
    """Writes a copy of a data set with the fault in it.

    Args:
        fault: what to plant.
        source: a COCO span directory.
        golden: the golden set, of which images can be leaked.
        out: the span directory to make.
        seed: of all that is random.
    """
    rng = np.random.default_rng([seed, *fault.name.encode(), fault.strength])
    shutil.copytree(source, out)
    document = json.loads((out / "annotations.json").read_text())
    at = fault.strength - 1
    if fault.name == "leaked":
        _leak(document, golden, out, _LEAKED[at], rng)
    elif fault.name in _IMAGE_FAULTS:
        for entry in document["images"]:
            path = out / "images" / entry["file_name"]
            image = _IMAGE_FAULTS[fault.name](Image.open(io.BytesIO(path.read_bytes())).convert("RGB"), at, rng)
            image.save(path, "PNG" if path.suffix == ".png" else "JPEG", quality=JPEG_QUALITY)
        if fault.name == "far":
            _shrink_boxes(document, _FAR[at])
    else:
        sizes = {entry["id"]: (entry["width"], entry["height"]) for entry in document["images"]}
        document["annotations"] = _LABEL_FAULTS[fault.name](document, sizes, at, rng)
    (out / "annotations.json").write_text(json.dumps(document))


def _pixels(image: Image.Image, change: Callable[[np.ndarray], np.ndarray]) -> Image.Image:
    return Image.fromarray(np.clip(change(np.asarray(image, np.float32)), 0, 255).astype(np.uint8))


def _lit(name: str) -> Callable[[Image.Image, int, np.random.Generator], Image.Image]:
    return lambda image, at, rng: _pixels(image, lambda pixels: pixels * _LIGHT[name][at])


def _blurred(image: Image.Image, at: int, rng: np.random.Generator) -> Image.Image:
    return image.filter(ImageFilter.GaussianBlur(_BLUR_PX[at] * max(image.size) / 128))


def _far(image: Image.Image, at: int, rng: np.random.Generator) -> Image.Image:
    """The scene smaller, on a strongly blurred copy of itself."""
    small = image.resize((round(image.width * _FAR[at]), round(image.height * _FAR[at])), Image.Resampling.LANCZOS)
    canvas = image.filter(ImageFilter.GaussianBlur(max(image.size) / 10))
    canvas.paste(small, ((image.width - small.width) // 2, (image.height - small.height) // 2))
    return canvas


def _cast(image: Image.Image, at: int, rng: np.random.Generator) -> Image.Image:
    factor = _CAST[at]
    return _pixels(image, lambda pixels: pixels * np.array([factor, 1.0, 1 / factor], np.float32))


def _camera(image: Image.Image, at: int, rng: np.random.Generator) -> Image.Image:
    """Another sensor: other tone curve, noise, vignette and less detail; about as bright."""
    amount = _CAMERA[at]
    detail = max(8, round(image.width * (1 - 0.5 * amount))), max(8, round(image.height * (1 - 0.5 * amount)))
    image = image.resize(detail, Image.Resampling.BILINEAR).resize(image.size, Image.Resampling.BILINEAR)
    y, x = np.mgrid[-1 : 1 : image.height * 1j, -1 : 1 : image.width * 1j]
    shade = (1 - 0.35 * amount * (x**2 + y**2))[..., None]

    def change(pixels: np.ndarray) -> np.ndarray:
        mean = pixels.mean()
        curved = mean + (pixels - mean) * (1 - 0.4 * amount)
        return curved * shade * (mean / max(1, (curved * shade).mean())) + rng.normal(0, 10 * amount, pixels.shape)

    return _pixels(image, change)


_IMAGE_FAULTS = {
    "dark": _lit("dark"),
    "bright": _lit("bright"),
    "blurred": _blurred,
    "far": _far,
    "cast": _cast,
    "camera": _camera,
}


def _shrink_boxes(document: dict[str, Any], factor: float) -> None:
    sizes = {entry["id"]: (entry["width"], entry["height"]) for entry in document["images"]}
    for entry in document["annotations"]:
        width, height = sizes[entry["image_id"]]
        left, top = (width - round(width * factor)) // 2, (height - round(height * factor)) // 2
        x, y, w, h = entry["bbox"]
        _set_box(entry, [left + x * factor, top + y * factor, w * factor, h * factor], (width, height))


def _set_box(entry: dict[str, Any], box: list[float], size: tuple[int, int] | None) -> None:
    """With a size, clipped to the image; without, as it is."""
    x, y, w, h = box
    if size is not None:
        right, bottom = min(size[0], x + w), min(size[1], y + h)
        x, y = max(0.0, x), max(0.0, y)
        w, h = max(1.0, right - x), max(1.0, bottom - y)
    entry["bbox"], entry["area"] = [x, y, w, h], max(0.0, w * h)


def _moved(change: Callable[[list[float], int], list[float]], clip: bool = True, shares: tuple[float, ...] = ()) -> Any:
    """A label fault that changes boxes: all of them, or a share that grows with the strength."""

    def plant_in(document: dict[str, Any], sizes: Any, at: int, rng: np.random.Generator) -> list[dict[str, Any]]:
        for entry in document["annotations"]:
            if not shares or rng.random() < shares[at]:
                _set_box(entry, change(entry["bbox"], at), sizes[entry["image_id"]] if clip else None)
        return document["annotations"]

    return plant_in


def _loose(box: list[float], at: int) -> list[float]:
    x, y, w, h = box
    extra = _LOOSE[at]
    return [x - w * extra / 2, y - h * extra / 2, w * (1 + extra), h * (1 + extra)]


def _shifted(box: list[float], at: int) -> list[float]:
    return [box[0] + _SHIFTED[at] * box[2], box[1] + _SHIFTED[at] * box[3], box[2], box[3]]


def _yx(box: list[float], at: int) -> list[float]:
    return [box[1], box[0], box[3], box[2]]


def _corners(box: list[float], at: int) -> list[float]:
    return [box[0], box[1], box[0] + box[2], box[1] + box[3]]


def _taken_for_corners(box: list[float], at: int) -> list[float]:
    return [box[0], box[1], box[2] - box[0], box[3] - box[1]]


def _swapped(document: dict[str, Any], sizes: Any, at: int, rng: np.random.Generator) -> list[dict[str, Any]]:
    counts = {category["id"]: 0 for category in document["categories"]}
    for entry in document["annotations"]:
        counts[entry["category_id"]] += 1
    one, other = sorted(counts, key=lambda category: -counts[category])[:2]
    for entry in document["annotations"]:
        if entry["category_id"] in (one, other) and rng.random() < _SWAPPED[at]:
            entry["category_id"] = one + other - entry["category_id"]
    return document["annotations"]


def _missing(document: dict[str, Any], sizes: Any, at: int, rng: np.random.Generator) -> list[dict[str, Any]]:
    return [entry for entry in document["annotations"] if rng.random() >= _MISSING[at]]


def _random(document: dict[str, Any], sizes: Any, at: int, rng: np.random.Generator) -> list[dict[str, Any]]:
    ids = [category["id"] for category in document["categories"]]
    for entry in document["annotations"]:
        if rng.random() < _RANDOM[at]:
            entry["category_id"] = int(rng.choice([number for number in ids if number != entry["category_id"]]))
    return document["annotations"]


_LABEL_FAULTS: dict[str, Any] = {
    "loose": _moved(_loose),
    "shifted": _moved(_shifted),
    "swapped": _swapped,
    "missing": _missing,
    "random": _random,
    "yx": _moved(_yx, clip=False, shares=_MISREAD),
    "corners": _moved(_corners, clip=False, shares=_MISREAD),
    "taken-for-corners": _moved(_taken_for_corners, clip=False, shares=_MISREAD),
}


def _leak(document: dict[str, Any], golden: Path, out: Path, share: float, rng: np.random.Generator) -> None:
    """Copies golden images into the span, re-encoded, with their labels."""
    other = json.loads((golden / "annotations.json").read_text())
    chosen = rng.permutation(len(other["images"]))[: max(1, round(share * len(other["images"])))]
    image_id = max(entry["id"] for entry in document["images"])
    label_id = max(entry["id"] for entry in document["annotations"])
    for place in chosen.tolist():
        entry = other["images"][place]
        image_id += 1
        image = Image.open(golden / "images" / entry["file_name"]).convert("RGB")
        image.save(out / "images" / f"leaked-{image_id}.jpg", quality=JPEG_QUALITY - 5)
        document["images"].append({**entry, "id": image_id, "file_name": f"leaked-{image_id}.jpg"})
        for label in other["annotations"]:
            if label["image_id"] == entry["id"]:
                label_id += 1
                document["annotations"].append({**label, "id": label_id, "image_id": image_id})
