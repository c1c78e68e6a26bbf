"""Data sets whose boxes are known, with the paths that a user would give to a reader that wants paths."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from tests.components.example_gen.exports.registry import EXPORTS
from tests.components.example_gen.exports.scenes import CLASSES

PICTURES = (".jpg", ".jpeg", ".png", ".bmp")
_NAME_LISTS = ("obj.names", "classes.txt", "labels.txt", "_darknet.labels")
_FILES = {"cvat": "*.xml", "openimages": "*bbox*.csv"}
_BESIDE = ("captions_", "person_keypoints_")  # COCO's files of other tasks

Box = tuple[str, float, float, float, float]  # class, x, y, width, height in pixels


@dataclass(frozen=True)
class Part:
    """A split, or all there is.

    Attributes:
        images: directory of its pictures.
        annotations: its file, or the directory of its files.
        suffixes: of its pictures.
    """

    images: str
    annotations: str
    suffixes: tuple[str, ...] = (".jpg",)


@dataclass(frozen=True)
class Delivery:
    """A data set as it arrives.

    Attributes:
        group: the row of the table that it counts for.
        name: of the export or case.
        directory: where it is.
        form: its format.
        truth: boxes of every picture, by the picture's path below the directory.
        classes: in the order of their numbers.
        parts: the paths that a user would give.
        data_file: its data.yaml; if it has none, one that somebody has written beside it.
        word: of a delivery that contradicts itself, a pattern that what is said about it has to hold; else empty.
        upright: the truth of pictures that EXIF turns, after turning, and their turned sizes.
    """

    group: str
    name: str
    directory: str
    form: str
    truth: dict[str, list[Box]]
    classes: tuple[str, ...]
    parts: tuple[Part, ...] = ()
    data_file: str = ""
    word: str = ""
    upright: dict[str, tuple[tuple[int, int], list[Box]]] = field(default_factory=dict)

    def with_data_file(self) -> Delivery:
        """With a data.yaml beside the directory where a YOLO data set has none; it lists the classes."""
        if self.data_file or self.form != "yolo":
            return self
        path = Path(f"{self.directory}.yaml")
        path.write_text(yaml.safe_dump({"names": list(self.classes)}), encoding="utf-8")
        return replace(self, data_file=str(path))

    def to_json(self) -> dict[str, Any]:
        """What a reader is told: all but what is right."""
        known = asdict(self)
        return {key: known[key] for key in ("name", "directory", "form", "classes", "parts", "data_file")}


def exports(directory: Path) -> Iterator[Delivery]:
    """Writes the exports of the tests, each into a directory of its own."""
    for name, export in EXPORTS.items():
        truth = export.build(directory / name)
        boxes: dict[str, list[Box]] = {
            path: [(box.name, box.x, box.y, box.width, box.height) for box in found] for path, found in truth.items()
        }
        yield Delivery(
            *("exports", name, str(directory / name), export.form, boxes),
            *(classes_of(directory / name) or CLASSES, parts_of(directory / name, export.form, list(truth))),
            data_file_of(directory / name),
        ).with_data_file()


def parts_of(directory: Path, form: str, pictures: list[str]) -> tuple[Part, ...]:
    """The paths of annotations and pictures that somebody would give who has looked into the directory."""
    if form == "coco":
        return tuple(_coco_parts(directory))
    folders = sorted({(directory / path).parent for path in pictures})
    suffixes = tuple(sorted({Path(path).suffix for path in pictures}))
    if form in ("voc", "yolo"):
        ending = ".xml" if form == "voc" else ".txt"
        return tuple(
            Part(str(folder), beside, suffixes) for folder in folders if (beside := _texts(directory, folder, ending))
        )
    files = sorted(directory.rglob(_FILES[form])) if form in _FILES else []
    if len(files) == 1:
        return (Part(os.path.commonpath(folders), str(files[0]), suffixes),)
    pairs = [(folder, file) for file in files for folder in folders if folder.name in file.name]
    return tuple(Part(str(folder), str(file), suffixes) for folder, file in pairs)


def data_file_of(directory: Path) -> str:
    """The data.yaml of a YOLO data set."""
    found = sorted(path for path in directory.iterdir() if path.suffix in (".yaml", ".yml"))
    return str(found[0]) if found else ""


def classes_of(directory: Path) -> tuple[str, ...]:
    """Names of the classes as the first list says that is there; empty without one."""
    data_file = data_file_of(directory)
    if data_file:
        names = yaml.safe_load(Path(data_file).read_text(encoding="utf-8")).get("names", ())
        return tuple(names.values() if isinstance(names, dict) else names)
    lists = sorted(path for path in directory.rglob("*") if path.name in _NAME_LISTS)
    return tuple(lists[0].read_text(encoding="utf-8").split()) if lists else ()


def _coco_parts(directory: Path) -> Iterator[Part]:
    folders = [directory, *sorted(path for path in directory.rglob("*") if path.is_dir())]
    for file in sorted(directory.rglob("*.json")):
        document = json.loads(file.read_text(encoding="utf-8"))
        if file.name.startswith(_BESIDE) or not isinstance(document, dict) or "annotations" not in document:
            continue
        names = [str(image["file_name"]).replace("\\", "/") for image in document["images"]]
        found = [sum((folder / name).is_file() for name in names) for folder in folders]
        # Of equals the nearest: splits may have pictures of one name.
        near = [-len(os.path.relpath(folder, file.parent)) - 100 * (not _alike(folder, file)) for folder in folders]
        best = max(range(len(folders)), key=lambda n: (found[n], near[n]))
        yield Part(str(folders[best]), str(file))


def _alike(folder: Path, file: Path) -> bool:
    return folder.name in file.stem or folder == file.parent


def _texts(directory: Path, folder: Path, ending: str) -> str:
    """The directory of the texts of a directory's pictures: that with most of their names, the likest of equals."""
    names = {f"{path.stem}{ending}" for path in folder.iterdir() if path.suffix.lower() in PICTURES}
    below = [directory, *sorted(path for path in directory.rglob("*") if path.is_dir())]
    counts = {path: sum((path / name).is_file() for name in names) for path in below}
    likest = str(folder.relative_to(directory)).replace("images", "labels")
    best = max(below, key=lambda path: (counts[path], str(path.relative_to(directory)) == likest, path == folder))
    if counts[best]:
        return str(best)
    return next((str(path) for path in below if any(path.glob(f"*{ending}"))), "")  # names are written otherwise
