"""Plants the faults of a case into copies of span and golden set; nothing but what was planted tells it from others.

All images of all spans are decoded, changed without a loss, and encoded once, alike; files are numbered; a span with
added images gives up as many of its own; nothing but images, boxes, classes and attributes of images is written.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ratchet.pipeline.bench.fault_images import IMAGE_FAULTS
from ratchet.pipeline.bench.fault_labels import LABEL_FAULTS
from ratchet.pipeline.bench.fault_sets import SET_FAULTS
from ratchet.pipeline.bench.planting import Entry, Planted, Tables, open_image, save_image

PLANTERS = {**IMAGE_FAULTS, **LABEL_FAULTS, **SET_FAULTS}
OF_ANOTHER = ("delivered-again", "exchanged")  # planters that need another data set
_QUALITY = 95  # of JPEGs made of PNGs
_KEPT = ("id", "file_name", "width", "height")


@dataclass(frozen=True)
class Planting:
    """One edit of images or labels.

    Attributes:
        plant: what plants it, of PLANTERS.
        strength: in the unit of that.
        of: what is edited, `span` or `golden`.
        options: more for what plants it.
    """

    plant: str
    strength: float
    of: str = "span"
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Sources:
    """Clean data that a case is made of, COCO directories.

    Attributes:
        span: what its span is made of.
        golden: the golden set.
        trained: what the baseline was trained on.
        others: images that no model was trained on, for an exchanged golden set.
    """

    span: Path
    golden: Path
    trained: Path
    others: Path


def plant_span(sources: Sources, edits: Sequence[Planting], out: Path, seed: int, images: int | None) -> None:
    """Writes the span of a case.

    Args:
        sources: what it is made of.
        edits: what is planted; none for a control.
        out: the directory to make.
        seed: which images are drawn, the same with and without a fault.
        images: how many; None: all.
    """
    planted = Planted.copy_of(sources.span, sources.golden, out, np.random.default_rng([seed, 0]), images)
    tables = _tables(planted)
    _make_lossless(planted)
    planted.rng = np.random.default_rng([seed, 1])
    own = len(planted.document["images"])
    for edit in edits:
        _plant(planted, edit, sources.trained)
    _write_neutral(planted, own, tables)


def plant_golden(sources: Sources, edits: Sequence[Planting], out: Path, seed: int) -> None:
    """Writes the golden set of a case; without an edit it is the golden set byte by byte.

    Args:
        sources: what it is made of.
        edits: what is planted.
        out: the directory to make.
        seed: of all that is random.
    """
    planted = Planted.copy_of(sources.golden, sources.golden, out, np.random.default_rng([seed, 2]), None)
    for edit in edits:
        _plant(planted, edit, sources.others)
    if not edits:
        (out / "annotations.json").write_bytes((sources.golden / "annotations.json").read_bytes())
    else:
        planted.document.pop("info", None)
        _number_added(planted)
        planted.write()


def _number_added(planted: Planted) -> None:
    """Gives images that came along names like those of others."""
    for entry in planted.document["images"]:
        if entry["file_name"].startswith("added-"):
            source = planted.directory / "images" / entry["file_name"]
            entry["file_name"] = f"{entry['id']:06}.jpg"
            source.rename(planted.directory / "images" / entry["file_name"])


def _plant(planted: Planted, edit: Planting, another: Path) -> None:
    planted.chosen = frozenset(entry["id"] for entry in planted.document["images"])
    more = {"trained": another} if edit.plant in OF_ANOTHER else {}
    PLANTERS[edit.plant](planted, edit.strength, **more, **edit.options)


def _tables(planted: Planted) -> Tables | None:
    """How the first image of a data set was compressed, so that all of it is written again much as it was delivered."""
    with Image.open(planted.directory / "images" / planted.document["images"][0]["file_name"]) as image:
        return getattr(image, "quantization", None)


def _make_lossless(planted: Planted) -> None:
    directory = planted.directory / "images"
    for number, entry in enumerate(planted.document["images"]):
        image = open_image(directory / entry["file_name"])
        (directory / entry["file_name"]).unlink()
        entry["file_name"] = f"{number}.png"
        save_image(image, directory / entry["file_name"])


def _write_neutral(planted: Planted, own: int, tables: Tables | None) -> None:
    """Numbers files and annotations in an order that tells nothing of what was added, and encodes all images alike."""
    images = _mixed(planted, own)
    numbers = {entry["id"]: number for number, entry in enumerate(images, start=1)}
    directory = planted.directory / "images"
    written: list[Entry] = []
    for entry in images:
        image = planted.open(entry)
        name = f"{numbers[entry['id']]:06}.jpg"
        save_image(image, directory / f".{name}", _QUALITY, tables)
        attributes = {key: value for key, value in entry.items() if key not in _KEPT}
        written.append(
            {"id": numbers[entry["id"]], "file_name": name, "width": image.width, "height": image.height, **attributes}
        )
    for path in directory.iterdir():
        if not path.name.startswith("."):
            path.unlink()
    for entry in written:
        (directory / f".{entry['file_name']}").rename(directory / entry["file_name"])
    labels = [label for label in planted.document["annotations"] if label["image_id"] in numbers]
    labels.sort(key=lambda label: numbers[label["image_id"]])
    document = {
        "images": written,
        "annotations": [
            {**label, "id": place, "image_id": numbers[label["image_id"]]}
            for place, label in enumerate(labels, start=1)
        ],
        "categories": planted.document["categories"],
    }
    (planted.directory / "annotations.json").write_text(json.dumps(document))


def _mixed(planted: Planted, own: int) -> list[Entry]:
    """The images, added ones at random places, without as many of the others."""
    images = planted.document["images"]
    surplus = len(images) - own
    if surplus <= 0:
        return list(images)
    added = {entry["id"] for entry in images[own:]}
    rows = set(planted.rng.permutation(own)[:surplus].tolist())
    kept = [entry for row, entry in enumerate(images[:own]) if row not in rows] + images[own:]
    draws = planted.rng.random(len(kept)).tolist()
    places = np.argsort([draws[row] if entry["id"] in added else row / own for row, entry in enumerate(kept)])
    return [kept[place] for place in places.tolist()]
