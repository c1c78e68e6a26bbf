"""A directory of cases: directories with a `case.md` and an `input/`, whose pictures show their objects in red.

What no pixel shows is said here, by the name of the case.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps
from scipy import ndimage

from benchmarks.readers.deliveries import PICTURES, Box, Delivery, classes_of, data_file_of, parts_of

CASES, CONTRADICTIONS = "cases", "cases that contradict themselves"
_RED = 60  # more than blue: JPEG makes edges of a picture softer
_NOISE_PX = 9


@dataclass(frozen=True)
class _Known:
    """What pixels do not show of a case.

    Attributes:
        classes: in the order of their numbers; empty if its lists say so.
        word: see `Delivery.word`.
        unlabelled: pictures whose object has no label.
    """

    classes: tuple[str, ...] = ()
    word: str = ""
    unlabelled: tuple[str, ...] = ()


_KNOWN: Mapping[str, _Known] = {
    "all-crowd-coco": _Known(word="crowd"),
    "doubled-labels-yolo": _Known(word="twice|duplicate|repeat"),
    "png-checksum": _Known(word="(?i)checksum|crc|damaged"),
    "bmp-yolo": _Known(unlabelled=("images/empty.bmp",)),
    "yolo-angle": _Known(word="angle"),
    "two-class-lists-yolo": _Known(word=r"classes\.txt"),
    "voc-class-case-twins": _Known(("nut",), word="(?s)Nut.*NUT|NUT.*Nut"),
    "group-category-coco": _Known(("bass", "wrasse")),
    "group-category-same-name-coco": _Known(("weld",)),
}


def cases(directory: Path, copies: Path) -> Iterator[Delivery]:
    """The cases that are data sets to be read.

    Args:
        directory: of the cases.
        copies: where to lay them, because a reader may write beside what it reads.
    """
    for case in sorted(path.parent for path in directory.glob("*/case.md")):
        source, form = case / "input", _form_of(case.name)
        if not source.is_dir() or not form:
            continue
        shutil.copytree(case, copies / case.name)
        _link(copies / case.name)
        yield _delivery(case.name, copies / case.name / "input", form)


def painted_red(image: Image.Image, name: str = "") -> list[Box]:
    """The red rectangles of a picture."""
    pixels = np.asarray(image.convert("RGB")).astype(int)
    spots = np.zeros(pixels.shape[:2], int)
    ndimage.label(pixels[..., 0] - pixels[..., 2] > _RED, output=spots)
    boxes = [(name, x.start, y.start, x.stop - x.start, y.stop - y.start) for y, x in ndimage.find_objects(spots)]
    return [box for box in boxes if box[3] * box[4] > _NOISE_PX]


def _form_of(name: str) -> str:
    """The format is a word of a case's name."""
    if name.startswith("eval-"):
        return ""
    words = name.split("-")
    by_tool = {"labelimg": "yolo", "classes": "yolo", "url": "yolo", "symlinked": "yolo", "png": "coco"}
    return next((word for word in ("coco", "voc", "yolo", "tfrecord") if word in words), by_tool.get(words[0], ""))


def _link(case: Path) -> None:
    """Directories that lie in the `store/` of a case become links to it, as its text says."""
    for of in ("images", "labels"):
        if (case / "store" / of).is_dir():
            linked = case / "input" / of / "cam1"
            shutil.rmtree(linked)
            linked.symlink_to(Path("../../store") / of)


def _delivery(name: str, directory: Path, form: str) -> Delivery:
    known = _KNOWN.get(name, _Known())
    classes = known.classes or classes_of(directory) or _named_in(directory)
    truth: dict[str, list[Box]] = {}
    upright: dict[str, tuple[tuple[int, int], list[Box]]] = {}
    for file in _pictures(directory):
        picture = str(file.relative_to(directory))
        with Image.open(file) as image:
            truth[picture] = [] if picture in known.unlabelled else painted_red(image)
            turned = ImageOps.exif_transpose(image)
            if turned.size != image.size:
                upright[picture] = (turned.size, painted_red(turned))
    parts, data_file = parts_of(directory, form, list(truth)), data_file_of(directory)
    group = CONTRADICTIONS if known.word else CASES
    return Delivery(
        group, name, str(directory), form, truth, classes, parts, data_file, known.word, upright
    ).with_data_file()


def _pictures(directory: Path) -> Iterator[Path]:
    """All that are meant: what is hidden is not."""
    for folder, folders, names in os.walk(directory, followlinks=True):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if Path(name).suffix.lower() in PICTURES and not name.startswith("."):
                yield Path(folder) / name


def _named_in(directory: Path) -> tuple[str, ...]:
    """Names that stand in COCO's categories or VOC's objects."""
    texts = [path.read_text(encoding="utf-8") for path in sorted(directory.rglob("*")) if path.suffix == ".xml"]
    names = {name for text in texts for name in re.findall(r"<name>([^<]*)</name>", text)}
    for path in directory.rglob("*.json"):
        categories = re.search(r'"categories":\s*\[(.*?)\]', path.read_text(encoding="utf-8"), re.S)
        names |= set(re.findall(r'"name":\s*"([^"]*)"', categories[1])) if categories else set()
    return tuple(sorted(names))
