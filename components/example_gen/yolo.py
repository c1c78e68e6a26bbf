"""YOLO text files -> annotations: a line is `class cx cy width height`, or `class` and a polygon, in fractions.

Formats: https://docs.ultralytics.com/datasets/detect and /segment (`images/` and `labels/`), and darknet's
`obj_train_data/` with text files beside the images. A polygon, and an oriented box of four corners, becomes the
upright box around it.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

from ratchet.components.example_gen.class_lists import first_list, label_map_of, read_class_list
from ratchet.components.example_gen.file_names import (
    IMAGE_SUFFIXES,
    check_file_name,
    files_below,
    read_files,
    read_number,
    to_text,
    unreadable,
)
from ratchet.components.example_gen.labelled import YOLO_LINE, Labelled, LabelledBox, LabelledImage
from ratchet.components.imaging.quality import open_image
from ratchet.components.object_store.client import ahead
from ratchet.components.object_store.files import OBJECT_FILES
from ratchet.schemas.base.checked_json import Problems, shown
from ratchet.schemas.base.errors import DataError, StateError
from ratchet.schemas.base.files import Files, refuse_irregular
from ratchet.schemas.data.records import LabelMap

IMAGES, LABELS = "images", "labels"
DARKNET = "obj_train_data"
CLASS_LISTS = ("data.yaml", "obj.names", "classes.txt", f"{LABELS}/classes.txt")

_THREADS = 8  # headers are small and object stores slow
_NOT_LABELS = ("classes.txt",)  # labelImg writes it among the labels

_Line = tuple[int, list[float], str]  # class number from 0, center x, center y, width, height, place


def read_yolo(directory: str, files: Files, class_names: tuple[str, ...] | None = None) -> Labelled:
    """Reads the label files and the headers of the images; image ids follow the file names.

    Classes are those of `data.yaml`, `obj.names` or `classes.txt`; without one `class_names`. An image without a text
    file has no objects.

    Args:
        directory: holds `images/` and `labels/`, or `obj_train_data/`.
        files: the file system.
        class_names: the curated list of classes, in label order.

    Returns:
        The annotations; category id k is class k - 1 of the files.

    Raises:
        DataError: a line is none of YOLO's, a class is unknown, a text file has no image, an image no size, or there
            is no list of classes.
    """
    label_map = _classes(directory, files, class_names)
    darknet = files.isdir(os.path.join(directory, DARKNET))
    top = os.path.join(directory, DARKNET if darknet else IMAGES)
    if not files.isdir(top):
        raise DataError(f"{directory}: no directory {IMAGES}/ in it, beside {LABELS}/; put the image files there")
    labels_top = top if darknet else os.path.join(directory, LABELS)
    lists = label_files(labels_top, files)
    pictures = sorted(check_file_name(name, top) for name in files_below(top, IMAGE_SUFFIXES, files))
    _check_pairs(pictures, lists, labels_top)
    lines, problems = _read_labels(pictures, lists, labels_top, len(label_map.names), files)
    sizes = _read_sizes(pictures, top, files, problems)
    problems.raise_if_any()
    if not any(lines):
        raise DataError(f"{directory}: {len(pictures)} images without one object; a data set needs at least one")
    images = [LabelledImage(n, name, *size, {}) for n, (name, size) in enumerate(zip(pictures, sizes), 1)]
    boxes = [
        LabelledBox(position, number + 1, given, place)
        for position, image_lines in enumerate(lines)
        for number, given, place in image_lines
    ]
    return Labelled.of(label_map, images, boxes, YOLO_LINE, top)


def label_files(directory: str, files: Files) -> set[str]:
    """The text files with boxes below a directory."""
    return {name for name in files_below(directory, (".txt",), files) if name not in _NOT_LABELS}


def _classes(directory: str, files: Files, class_names: tuple[str, ...] | None) -> LabelMap:
    path = first_list(directory, CLASS_LISTS, files)
    if path is not None:
        return read_class_list(path, files)
    if class_names is None:
        raise DataError(f"{directory}: no {', '.join(CLASS_LISTS[:3])} in it; name the classes in one of them")
    return label_map_of(class_names, "the schema's classes")


def _check_pairs(pictures: list[str], lists: set[str], labels_top: str) -> None:
    problems = Problems()
    stems: dict[str, str] = {}
    for name in pictures:
        stem = os.path.splitext(name)[0]
        if stem in stems:
            problems.add(
                f"{labels_top}: {shown(stems[stem])} and {shown(name)} would share {shown(stem + '.txt')}; rename one"
            )
        stems[stem] = name
    for name in sorted(lists):
        if name[: -len(".txt")] not in stems:
            problems.add(
                f"{labels_top}/{name}: no image of that name with .jpg, .jpeg or .png; deliver it or remove the text"
            )
    problems.raise_if_any()


def _read_labels(
    pictures: list[str], lists: set[str], labels_top: str, classes: int, files: Files
) -> tuple[list[list[_Line]], Problems]:
    by_stem = {name[: -len(".txt")]: name for name in lists}
    problems = Problems()
    lines: list[list[_Line]] = []
    named = [by_stem.get(os.path.splitext(picture)[0]) for picture in pictures]
    contents = read_files([os.path.join(labels_top, name) for name in named if name is not None], files)
    for name in named:
        found: list[_Line] = []
        lines.append(found)
        if name is None:
            continue
        try:
            path, content = os.path.join(labels_top, name), next(contents)
            if isinstance(content, DataError):
                raise content
            for number, line in enumerate(to_text(content, path).splitlines(), 1):
                if line.strip():
                    found.append(
                        (*_read_line(line.split(), f"{path}: line {number}", classes), f"{name}: line {number} (")
                    )
        except DataError as error:
            problems.add(str(error))
    return lines, problems


def _read_line(columns: list[str], where: str, classes: int) -> tuple[int, list[float]]:
    if len(columns) == 6:
        raise DataError(
            f"{where}: 6 columns: these are detections with a score, not labels; give class, center x, center y, "
            "width, height"
        )
    if len(columns) < 5 or len(columns) % 2 == 0:
        raise DataError(
            f"{where}: {len(columns)} columns; a box has 5 (class, center x, center y, width, height), a polygon its "
            "class and at least 3 pairs x y"
        )
    number = columns[0]
    if not (number.isascii() and number.isdigit() and len(number) < 10 and int(number) < classes):
        raise DataError(f"{where}: class {shown(number)} must be an integer, 0..{classes - 1}; correct it or the list")
    values = [read_number(text, f"column {column}", where) for column, text in enumerate(columns[1:], 2)]
    if len(values) > 4:
        xs, ys = values[0::2], values[1::2]
        values = [(max(xs) + min(xs)) / 2, (max(ys) + min(ys)) / 2, max(xs) - min(xs), max(ys) - min(ys)]
    return int(number), values


def _read_sizes(pictures: list[str], top: str, files: Files, problems: Problems) -> list[tuple[int, int]]:
    def size(name: str) -> tuple[int, int] | DataError:
        path = os.path.join(top, name)
        try:
            refuse_irregular(path)
            with files.open(path, "rb") as file:
                return open_image(file, path).size
        except DataError as error:
            return error
        except StateError as error:  # of an object store; it says what to do
            return DataError(str(error))
        except Exception as error:  # TFX's fileio raises TensorFlow's own errors, which have no base class but this
            return unreadable(error, path, files, path)

    sizes: list[tuple[int, int]] = []
    with ThreadPoolExecutor(_THREADS) as pool:
        for found in ahead(size, pictures) if files is OBJECT_FILES else pool.map(size, pictures):
            if isinstance(found, DataError):
                problems.add(str(found))
            else:
                sizes.append(found)
    return sizes
