"""A Hugging Face `imagefolder` with boxes -> annotations, line by line.

Format: https://huggingface.co/docs/datasets/image_dataset ("ImageFolder with metadata"). A line of metadata.jsonl, or a
row of metadata.csv with JSON in its columns, is an image: `file_name` below the file's directory, and `objects` as
columns (`{"bbox": [[...]], "categories": [...]}`) or one by one. Boxes are COCO's by convention, x, y, width, height in
pixels; in what other format they are, if they cannot be that, the check of boxes says.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ratchet.components.example_gen.csv_rows import csv_rows
from ratchet.components.example_gen.file_names import check_file_name
from ratchet.components.example_gen.huggingface_classes import names_of_numbers
from ratchet.components.example_gen.huggingface_objects import NOT_ATTRIBUTES, BoxedObject, objects_of
from ratchet.components.example_gen.labelled import COCO_BBOX, Labelled
from ratchet.components.example_gen.layout.huggingface_layouts import is_picture_key
from ratchet.components.example_gen.layout.layouts import Layout, Part, Reading
from ratchet.components.example_gen.layout.missing import missing_picture
from ratchet.components.example_gen.layout.pictures import Names
from ratchet.components.example_gen.layout.split_names import split_of_directory
from ratchet.components.example_gen.layout.tree import Tree
from ratchet.components.example_gen.read_images import (
    Named,
    ReadImage,
    ReadObject,
    first_places,
    labelled_of,
    name_below,
    named_classes,
    not_annotated,
    of_split,
)
from ratchet.components.example_gen.text_lines import text_lines
from ratchet.components.imaging.quality import check_size
from ratchet.schemas.base.checked_json import Problems, is_unicode, kind, load_json, shown
from ratchet.schemas.base.errors import DataError
from ratchet.schemas.data.records import image_attributes

_Row = tuple[ReadImage, list[BoxedObject]]


def read_huggingface(tree: Tree, layout: Layout, reading: Reading, class_names: tuple[str, ...] | None) -> Labelled:
    """Reads the metadata files of all parts; image ids follow the file names.

    Classes that are numbers are named by `--classes`, else by the header of README.md or dataset_infos.json, else by
    `class_names`. Of classes that are names those are the list, and without one the sorted names found.

    Args:
        tree: the delivery.
        layout: where its metadata and pictures are.
        reading: what the user says of it.
        class_names: the curated list of classes, in label order.

    Returns:
        The annotations.

    Raises:
        DataError: a line is no image with boxes, its picture is missing, or a class has no name.
    """
    names, problems = Names(tree.pictures), Problems()
    rows: list[_Row] = []
    for part in layout.parts:
        for where, place, entry in _entries(tree, part, problems):
            try:
                rows.append(_read_row(entry, where, place, tree, part, names))
            except DataError as error:
                problems.add(str(error))
    problems.raise_if_any()
    read, listed = _named(tree, rows, reading, class_names)
    chosen, told = of_split(tree, read, reading)
    label_map = named_classes(first_places(read), listed, reading, class_names, tree.directory)
    labelled = labelled_of(tree, layout, chosen, label_map, COCO_BBOX)
    left_out = not_annotated(tree, [image.picture for image in read], layout.mark)
    return labelled.telling([*names.told(), *told], left_out)


def _entries(tree: Tree, part: Part, problems: Problems) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """The images of a metadata file: the place of each, with and without the delivery, and what it says."""
    path = tree.path(part.annotations)
    lines = _csv_entries(path, tree) if path.lower().endswith(".csv") else _json_entries(path, tree)
    for number, entry in lines:
        where = f"{path}: line {number}"
        if isinstance(entry, DataError):
            problems.add(str(entry))
        elif not isinstance(entry, dict):
            problems.add(f"{where}: expected a JSON object, got {kind(entry)}; export the file again")
        else:
            yield where, f"{part.annotations}: line {number}", entry


def _json_entries(path: str, tree: Tree) -> Iterator[tuple[int, Any]]:
    for number, line in enumerate(text_lines(path, tree.files), 1):
        if line.strip():
            yield number, _parsed(line, f"{path}: line {number}")


def _csv_entries(path: str, tree: Tree) -> Iterator[tuple[int, Any]]:
    header: list[str] = []
    for number, row in csv_rows(path, tree.files):
        if not header:
            header = [name.strip() for name in row]
            continue
        entry: dict[str, Any] = {}
        for name, text in zip(header, row):
            value = _parsed(text, f"{path}: line {number}: {name}") if text.lstrip()[:1] in ("[", "{") else text
            if isinstance(value, DataError):
                yield number, value
                break
            entry[name] = value
        else:
            yield number, entry


def _parsed(text: str, where: str) -> Any:
    """What JSON says, or what is wrong with it."""
    try:
        return load_json(text.encode("utf-8", "surrogatepass"), where)
    except DataError as error:
        return error


def _read_row(entry: dict[str, Any], where: str, place: str, tree: Tree, part: Part, names: Names) -> _Row:
    key = next((key for key in entry if is_picture_key(key)), None)
    value = entry.get(key or "")
    asked = value.get("path") if isinstance(value, dict) else value
    if not isinstance(asked, str) or not asked.strip():
        raise DataError(f"{where}: file_name {shown(asked)} must be the name of a picture; add it")
    picture = _picture(asked, where, tree, part, names)
    attributes = image_attributes({k: v for k, v in entry.items() if k not in (key, *NOT_ATTRIBUTES)})
    for name, text in attributes.items():
        if not is_unicode(name + text):
            raise DataError(f"{where}: {shown(name)} {shown(text)} is no valid Unicode; correct it")
    split = part.split or split_of_directory(picture)
    return ReadImage(picture, _size(entry, where), [], split, attributes), objects_of(entry, where, place)


def _picture(asked: str, where: str, tree: Tree, part: Part, names: Names) -> str:
    steps = [step for step in asked.replace("\\", "/").split("/") if step != "."]
    for images in part.images:
        path = name_below(images, "/".join(steps))
        found = names.find(path)
        if found is not None:
            return check_file_name(found, where)
    path = name_below(part.images[0], "/".join(steps))
    raise DataError(f"{where}: file_name {missing_picture(asked, tree, path)}")


def _size(entry: Mapping[str, Any], where: str) -> tuple[int, int] | None:
    """What the metadata say, else the header does."""
    sides = [entry.get("width"), entry.get("height")]
    numbers = [int(side) if isinstance(side, str) and side.isascii() and side.isdigit() else side for side in sides]
    width, height = numbers
    if type(width) is not int or type(height) is not int or width == height == 0:
        return None
    check_size(width, height, where)
    return width, height


def _named(
    tree: Tree, rows: Sequence[_Row], reading: Reading, class_names: tuple[str, ...] | None
) -> tuple[list[ReadImage], Named | None]:
    """The images with the names of their classes, and the list of these."""
    values = [each for _, objects in rows for each in objects]
    keys = sorted({each.key for each in values})
    asked = keys if reading.class_names is None else []
    listed = next(filter(None, (names_of_numbers(tree, key) for key in asked)), None)
    numbers = next((each for each in values if isinstance(each.value, int)), None)
    texts = next((each for each in values if isinstance(each.value, str)), None)
    if numbers is not None and texts is not None:
        raise DataError(
            f"{tree.directory}: some classes are numbers and others names: {numbers.place}), {texts.place}); give all "
            "alike"
        )
    names = reading.class_names or (listed.names if listed else class_names)
    if numbers is not None and names is None:
        known = sorted({each.value for each in values if isinstance(each.value, int)})
        raise DataError(
            f"{tree.directory}: {numbers.key} are numbers, {known[0]}..{known[-1]}, and neither README.md nor "
            "dataset_infos.json names them; give `ratchet convert --classes FILE` with the names in their order, one a "
            "line"
        )
    return [_with_names(image, objects, names or (), tree.directory) for image, objects in rows], listed


def _with_names(image: ReadImage, objects: Sequence[BoxedObject], names: Sequence[str], top: str) -> ReadImage:
    found = []
    for each in objects:
        if isinstance(each.value, int) and each.value >= len(names):
            raise DataError(
                f"{top}: {each.place}): {each.key} {each.value} must be 0..{len(names) - 1}: there are {len(names)} "
                f"names, {shown(list(names))}; correct it or the list"
            )
        name = names[each.value] if isinstance(each.value, int) else each.value
        found.append(ReadObject(name, each.given, each.place, each.area_px2, each.is_crowd))
    return image._replace(objects=found)
