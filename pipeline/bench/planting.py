"""A COCO data set that a fault is planted into."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

JPEG_QUALITY = 90
_THUMBNAIL = (8, 8)
Box = list[float]
Entry = dict[str, Any]
Tables = dict[int, list[int]]  # of a JPEG: how coarsely each frequency is kept


@dataclass
class Planted:
    """A copy of a data set, on the disk, that may be changed.

    Attributes:
        directory: `images/` and, once it is written, `annotations.json`.
        document: the annotations.
        golden: the golden set; a fault that needs another one leaves it in `other_golden`.
        rng: of all that is random.
        chosen: ids of the images that are changed.
        other_golden: the golden set to judge with instead; None: `golden`.
    """

    directory: Path
    document: dict[str, Any]
    golden: Path
    rng: np.random.Generator
    chosen: frozenset[int]
    other_golden: Path | None = None

    @classmethod
    def copy_of(cls, source: Path, golden: Path, out: Path, rng: np.random.Generator, images: int | None) -> Planted:
        """Copies a data set, or so many of its images, drawn at random, in their order."""
        document = json.loads((source / "annotations.json").read_text())
        keep_images(document, images, rng)
        (out / "images").mkdir(parents=True)
        for entry in document["images"]:
            shutil.copyfile(source / "images" / entry["file_name"], out / "images" / entry["file_name"])
        return cls(out, document, golden, rng, frozenset(entry["id"] for entry in document["images"]))

    @property
    def images(self) -> list[Entry]:
        """Images that are changed."""
        return [entry for entry in self.document["images"] if entry["id"] in self.chosen]

    @property
    def labels(self) -> list[Entry]:
        """Annotations of the images that are changed."""
        return [entry for entry in self.document["annotations"] if entry["image_id"] in self.chosen]

    @property
    def sizes(self) -> dict[int, tuple[int, int]]:
        """Width and height of each image by its id, in pixels."""
        return {entry["id"]: (entry["width"], entry["height"]) for entry in self.document["images"]}

    def some(self, share: float) -> list[Entry]:
        """A random share of the images that are changed, at least one, in their order."""
        images = self.images
        rows = self.rng.permutation(len(images))[: max(1, round(share * len(images)))]
        return [images[row] for row in sorted(rows.tolist())]

    def some_labels(self, share: float) -> Iterator[Entry]:
        """Annotations of the images that are changed, each with the chance `share`."""
        return (entry for entry in self.labels if self.rng.random() < share)

    def drop_labels(self, dropped: Callable[[Entry], bool]) -> None:
        """Leaves annotations out."""
        self.document["annotations"] = [entry for entry in self.document["annotations"] if not dropped(entry)]

    def drop_images(self, ids: set[int]) -> None:
        """Leaves images out, with their annotations."""
        self.document["images"] = [entry for entry in self.document["images"] if entry["id"] not in ids]
        self.drop_labels(lambda entry: entry["image_id"] in ids)

    def open(self, entry: Entry) -> Image.Image:
        """An image in RGB."""
        return open_image(self.directory / "images" / entry["file_name"])

    def change(self, entry: Entry, image: Image.Image, quality: int = JPEG_QUALITY) -> None:
        """Writes an image anew, in its format."""
        save_image(image, self.directory / "images" / entry["file_name"], quality)
        entry["width"], entry["height"] = image.size

    def add(self, image: Image.Image, entry: Entry, labels: list[Entry], quality: int = JPEG_QUALITY) -> Entry:
        """Adds an image under a name of its own.

        Args:
            image: what it shows.
            entry: attributes of its own beside id, name and size.
            labels: its annotations; ids and the image's id are given anew.
            quality: of the JPEG.
        """
        number = max((each["id"] for each in self.document["images"]), default=0) + 1
        width, height = image.size
        added = {**entry, "id": number, "file_name": f"added-{number}.jpg", "width": width, "height": height}
        save_image(image, self.directory / "images" / added["file_name"], quality)
        self.document["images"].append(added)
        label = max((each["id"] for each in self.document["annotations"]), default=0)
        for place, each in enumerate(labels, start=label + 1):
            self.document["annotations"].append({**each, "id": place, "image_id": number})
        return added

    def write(self) -> None:
        """Writes the annotations, and takes away images that none speaks of."""
        (self.directory / "annotations.json").write_text(json.dumps(self.document))
        names = {entry["file_name"] for entry in self.document["images"]}
        for path in (self.directory / "images").iterdir():
            if path.name not in names:
                path.unlink()

    def narrow_to(self, share: float, by: str) -> None:
        """Changes only a part of the span from here on.

        Args:
            share: of its images.
            by: `attribute`: images whose `annotator` is "one" (of the others it is "other"); `look`: those most alike
                to one of them; `order`: images that follow each other; `chance`: here and there.
        """
        images, count = self.document["images"], max(1, round(share * len(self.document["images"])))
        if by == "look":
            order = self._by_likeness(images)
        elif by == "order":
            start = int(self.rng.integers(len(images) - count + 1))
            order = np.arange(start, start + count)
        else:
            order = self.rng.permutation(len(images))
        self.chosen = frozenset(images[row]["id"] for row in order[:count].tolist())
        if by == "attribute":
            for entry in images:
                entry["annotator"] = "one" if entry["id"] in self.chosen else "other"

    def _by_likeness(self, images: list[Entry]) -> np.ndarray:
        small = np.stack([np.asarray(self.open(each).resize(_THUMBNAIL), np.float32).ravel() for each in images])
        return np.argsort(np.square(small - small[self.rng.integers(len(small))]).sum(axis=1))


def keep_images(document: dict[str, Any], images: int | None, rng: np.random.Generator) -> None:
    """Keeps so many images, drawn at random, in their order; None keeps all."""
    entries = document["images"]
    if images is not None and images < len(entries):
        document["images"] = [entries[row] for row in sorted(rng.permutation(len(entries))[:images].tolist())]
    ids = {entry["id"] for entry in document["images"]}
    document["annotations"] = [entry for entry in document["annotations"] if entry["image_id"] in ids]


def open_image(path: Path) -> Image.Image:
    """An image in RGB, whose file is closed again."""
    return Image.open(io.BytesIO(path.read_bytes())).convert("RGB")


def save_image(image: Image.Image, path: Path, quality: int = JPEG_QUALITY, tables: Tables | None = None) -> None:
    """Writes an image in the format that its name says, a JPEG with quantization tables if some are given."""
    if path.suffix.lower() == ".png":
        image.save(path, "PNG", compress_level=1)
    elif tables:
        image.save(path, "JPEG", qtables=tables)
    else:
        image.save(path, "JPEG", quality=quality)


def set_box(entry: Entry, box: Box, size: tuple[int, int] | None) -> None:
    """With a size, clipped to the image; without, as it is."""
    x, y, w, h = box
    if size is not None:
        right, bottom = min(float(size[0]), x + w), min(float(size[1]), y + h)
        x, y = min(max(0.0, x), size[0] - 1.0), min(max(0.0, y), size[1] - 1.0)
        w, h = max(1.0, right - x), max(1.0, bottom - y)
    entry["bbox"], entry["area"] = [x, y, w, h], max(0.0, w * h)
