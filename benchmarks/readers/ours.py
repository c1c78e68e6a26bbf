"""Ratchet's own readers on the same deliveries, as `ratchet convert` runs them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from PIL import Image

from benchmarks.readers.cases import painted_red
from benchmarks.readers.deliveries import Delivery
from ratchet.pipeline.data.check_text import remarkable_text
from ratchet.pipeline.data.convert import ConvertRequest, convert
from ratchet.schemas.base.errors import RatchetError


def answer(delivery: Delivery, out: Path) -> dict[str, Any]:
    """What `ratchet convert` makes of a delivery, in the form of `foreign.answer`.

    Args:
        delivery: which.
        out: where to write.
    """
    try:
        converted = convert(ConvertRequest(Path(delivery.directory), out))
    except RatchetError as error:
        return {"error": str(error)}
    document = json.loads((out / "annotations.json").read_text(encoding="utf-8"))
    names = {each["id"]: each["name"] for each in document["categories"]}
    files = {each["id"]: each["file_name"] for each in document["images"]}
    pictures: dict[str, Any] = {name: {"boxes": [], "found": True} for name in files.values()}
    for each in document["annotations"]:
        pictures[files[each["image_id"]]]["boxes"].append((names[each["category_id"]], *each["bbox"]))
    words = [*converted.told, *converted.left_out, remarkable_text(converted.remarkable)]
    return {"pictures": pictures, "classes": list(converted.class_names), "words": words}


def truth_within(out: Path) -> dict[str, Any]:
    """The boxes in red of the pictures that were written, for a delivery that has them in records."""
    images = out / "images"
    return {
        str(path.relative_to(images)): painted_red(Image.open(path)) for path in images.rglob("*") if path.is_file()
    }
