"""TFRecords with the keys of the TF Object Detection API -> annotations; streamed, so no more than an image is held.

Keys: object_detection/g3doc/using_your_own_dataset.md and data_decoders/tf_example_decoder.py of tensorflow/models.
Boxes are fractions of the image in float32, so they come back within 1e-4 px or so. `group_of` stands for `is_crowd`
where that is missing; `truncated`, `difficult`, masks, keypoints and weights are left out.
"""

from __future__ import annotations

import io
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from ratchet.components.coco.box_formats import XYXY
from ratchet.components.example_gen.class_lists import Classes, check_class_name, read_pbtxt
from ratchet.components.example_gen.file_names import is_plain_path
from ratchet.components.example_gen.labelled import TFRECORD_BBOX, FileOrientation, Labelled, LabelledBox, LabelledImage
from ratchet.components.example_gen.layout.choosing import is_wanted, refuse_unknown_split, splits_told
from ratchet.components.example_gen.layout.layouts import Layout, Reading
from ratchet.components.example_gen.layout.tfrecord_layouts import record_files, split_of_records
from ratchet.components.example_gen.layout.tree import Tree
from ratchet.components.example_gen.tfrecords import TFRECORD_NAME, Feature, parse_example, read_records
from ratchet.components.imaging.orientation import stored_orientation
from ratchet.components.imaging.quality import PNG_MAGIC, check_size, open_image
from ratchet.schemas.base.checked_json import MAX_ID, Problems, check_number, shown
from ratchet.schemas.base.errors import DataError
from ratchet.schemas.base.files import Files
from ratchet.schemas.base.formatting import and_more
from ratchet.schemas.data.records import COCO_IMAGE_KEYS

_ENCODED = "image/encoded"
_BBOX = "image/object/bbox/"
_CORNERS = ("xmin", "ymin", "xmax", "ymax")
# Defined by the API of an image; other scalars are the data set's own attributes.
_API_KEYS = frozenset(("encoded", "format", "height", "width", "filename", "source_id", "colorspace", "channels"))


class _Box(NamedTuple):
    corners: list[float]
    label: int | None
    text: str | None
    area_px2: float | None
    is_crowd: bool
    place: str


class _Record(NamedTuple):
    path: str
    position: int
    file_name: str | None
    source_id: str
    suffix: str
    width_px: int
    height_px: int
    attributes: dict[str, str]
    boxes: list[_Box]
    orientation: FileOrientation


def read_tfrecords(
    tree: Tree, layout: Layout, reading: Reading, class_names: tuple[str, ...] | None = None
) -> Labelled:
    """Reads the annotations in all TFRecord files of a delivery.

    Classes are those of the `*.pbtxt` label map; without one `class_names`, by `class/text`; without
    that the pairs of `class/label` and `class/text` in the records, or the sorted texts.

    Args:
        tree: the delivery.
        layout: not needed.
        reading: what the user says of it.
        class_names: the curated list of classes, in label order.

    Returns:
        The annotations. Image ids are the source ids if all of them are different integers, else they follow the file
        names. An image without a usable `image/filename` of its own is called after its source id or its place.

    Raises:
        DataError: a file is damaged, a record has no image, values contradict each other, or a class is unknown.
    """
    directory = tree.directory
    splits = {name: split_of_records(name) for name in record_files(tree)}
    refuse_unknown_split(reading.split, splits.values(), directory)
    names = [name for name, split in splits.items() if is_wanted(split, reading.split)]
    _check_complete(names, directory)
    problems = Problems()
    records: list[_Record] = []
    keys: Counter[str] = Counter()
    for name in names:
        path = tree.path(name)
        try:
            for position, data in enumerate(read_records(path, tree.files)):
                try:
                    records.append(_read_record(data, path, position, keys))
                except DataError as error:
                    problems.add(str(error))
        except DataError as error:
            problems.add(str(error))
    problems.raise_if_any()
    if not any(record.boxes for record in records):
        raise DataError(f"{directory}: {len(records)} records without one object; {_other_keys(keys)}")
    read = _to_labelled(records, _classes(tree, reading.class_names or class_names), directory)
    counts = [splits[record.path[len(directory) + 1 :]] for record in records]
    return read.telling(splits_told(counts, reading.split))


def _other_keys(keys: Counter[str]) -> str:
    """What to say of records without a box: of what their keys are."""
    alike = sorted(key for key in keys if ("box" in key or "object" in key) and not key.startswith(_BBOX))
    if not alike:
        return "a data set needs at least one"
    wanted = ", ".join(f"{_BBOX}{corner}" for corner in _CORNERS)
    return f"their keys are {', '.join(alike[:6])}; boxes are read from {wanted}, classes from image/object/class/text"


def record_images(path: str, positions: tuple[int, ...], files: Files) -> Iterator[bytes]:
    """Streams the images at some places of a TFRecord file.

    Args:
        path: the file.
        positions: places of records, from 0, ascending.
        files: the file system.

    Yields:
        The encoded image of each.

    Raises:
        DataError: the file is damaged, or ends too early.
    """
    wanted = iter(positions)
    next_wanted = next(wanted, None)
    for position, data in enumerate(read_records(path, files)):
        if next_wanted is None:
            return
        if position == next_wanted:
            where = f"{path}: record {position}"
            yield _scalar(parse_example(data, where), _ENCODED, "bytes", where)
            next_wanted = next(wanted, None)
    if next_wanted is not None:
        raise DataError(f"{path}: record {next_wanted} is gone: the file changed while it was read; start again")


def _check_complete(names: list[str], directory: str) -> None:
    groups: dict[tuple[str, int], set[int]] = {}
    for name in names:
        match = TFRECORD_NAME.fullmatch(name)
        if match and (match["shards"] or match["beam_shards"]):
            stem, total = match["stem"] or match["beam"], int(match["shards"] or match["beam_shards"])
            groups.setdefault((stem, total), set()).add(int(match["shard"] or match["beam_shard"]))
    for (stem, total), shards in groups.items():
        missing = sorted(set(range(total)) - shards)
        if missing:
            raise DataError(
                f"{directory}: of the {total} files {stem}...-of-{total:05} number {missing[0]:05} is missing"
                f"{and_more(len(missing) - 1)}; deliver all of them"
            )


def _read_record(data: bytes, path: str, position: int, keys: Counter[str]) -> _Record:
    where = f"{path}: record {position}"
    features = parse_example(data, where)
    keys.update(features.keys())
    if features.get(_ENCODED, Feature("", [])).values in ([], [b""]):
        raise DataError(f"{where}: no {_ENCODED}; write the image's file into the record")
    encoded = _scalar(features, _ENCODED, "bytes", where)
    is_size_said = {"image/width", "image/height"} <= features.keys()
    if is_size_said:
        size = _scalar(features, "image/width", "int", where), _scalar(features, "image/height", "int", where)
        check_size(*size, where)
    else:
        size = open_image(io.BytesIO(encoded), where).size
    name, source_id = (_name(features, key) for key in ("image/filename", "image/source_id"))
    suffix = ".png" if encoded.startswith(PNG_MAGIC) else ".jpg"
    place = f"{os.path.basename(path)}: record {position}"
    boxes = _read_boxes(features, where, place)
    file_name = name if is_plain_path(name) else None
    orientation = FileOrientation(stored_orientation(encoded), gives_size=not is_size_said)
    attributes = _attributes(features, where)
    return _Record(path, position, file_name, source_id, suffix, *size, attributes, boxes, orientation)


def _read_boxes(features: dict[str, Feature], where: str, place: str) -> list[_Box]:
    corners = [_list(features, f"{_BBOX}{key}", "float", where) for key in _CORNERS]
    count = len(corners[0])
    for key, values in zip(_CORNERS, corners):
        _check_length(f"{_BBOX}{key}", len(values), count, where)
    optional = {
        key: _list(features, f"image/object/{key}", kind, where)
        for key, kind in (
            ("class/label", "int"),
            ("class/text", "bytes"),
            ("area", "float"),
            ("is_crowd", "int"),
            ("group_of", "int"),
        )
    }
    for key, values in optional.items():
        if values:
            _check_length(f"image/object/{key}", len(values), count, where)
    crowd = optional["is_crowd"] or optional["group_of"] or [0] * count
    boxes = []
    for index in range(count):
        at = f"{where}: object[{index}]"
        box = [check_number(corner[index], key, at) for key, corner in zip(_CORNERS, corners)]
        label = optional["class/label"][index] if optional["class/label"] else None
        text = _class_text(optional["class/text"][index], at) if optional["class/text"] else None
        area = check_number(optional["area"][index], "area", at) if optional["area"] else None
        if area is not None and area < 0:
            raise DataError(f"{at}: area {area} must be at least 0 px^2; correct it or leave it out")
        if crowd[index] not in (0, 1):
            raise DataError(f"{at}: is_crowd or group_of {crowd[index]} must be 0 or 1; correct it or leave it out")
        if label is None and text is None:
            raise DataError(f"{at}: neither class/label nor class/text; write one of them into the record")
        boxes.append(_Box(box, label, text, area, bool(crowd[index]), f"{place}, object[{index}]"))
    return boxes


def _class_text(value: bytes, where: str) -> str:
    try:
        return check_class_name(value.decode(), where)
    except UnicodeDecodeError as error:
        raise DataError(f"{where}: class/text {shown(value)} is no UTF-8 text; correct it") from error


def _attributes(features: dict[str, Feature], where: str) -> dict[str, str]:
    attributes = {}
    for key, feature in features.items():
        name = key.removeprefix("image/")
        if name == key or "/" in name or name in _API_KEYS or name in COCO_IMAGE_KEYS:
            continue
        if feature.kind in ("bytes", "int") and len(feature.values) == 1:
            [value] = feature.values
            try:
                attributes[name] = value.decode() if isinstance(value, bytes) else str(value)
            except UnicodeDecodeError as error:
                raise DataError(f"{where}: {key} {shown(value)} is no UTF-8 text; correct it") from error
    return attributes


def _name(features: dict[str, Feature], key: str) -> str:
    values = features.get(key, Feature("", [])).values
    if len(values) != 1:
        return ""
    try:
        return values[0].decode() if isinstance(values[0], bytes) else str(values[0])
    except UnicodeDecodeError:
        return ""


def _scalar(features: dict[str, Feature], key: str, kind: str, where: str) -> Any:
    values = _list(features, key, kind, where)
    _check_length(key, len(values), 1, where)
    return values[0]


def _list(features: dict[str, Feature], key: str, kind: str, where: str) -> list[Any]:
    feature = features.get(key, Feature("", []))
    if feature.values and feature.kind != kind:
        raise DataError(f"{where}: {key} is a list of {feature.kind}, expected is one of {kind}; write it as such")
    return feature.values


def _check_length(key: str, length: int, expected: int, where: str) -> None:
    if length != expected:
        raise DataError(f"{where}: {key} has {length} values, expected {expected}; write one for every object")


def _classes(tree: Tree, class_names: tuple[str, ...] | None) -> Classes:
    maps = tree.ending(".pbtxt")
    contents = [(name, read_pbtxt(tree.path(name), tree.files)) for name in maps]
    named = [each for each in contents if os.path.basename(each[0]) == "label_map.pbtxt"] or contents
    for name, items in named[1:]:
        if items != named[0][1]:
            raise DataError(f"{tree.path(name)}: other classes than in {tree.path(named[0][0])}; keep one of them")
    if named:
        return Classes.of_items(named[0][1], named[0][0])
    return Classes.of_names(class_names) if class_names else Classes()


def _to_labelled(records: list[_Record], classes: Classes, directory: str) -> Labelled:
    label_map, labels = classes.resolve(
        [(box.label, box.text, f"{directory}: {box.place}") for record in records for box in record.boxes], directory
    )
    names = _file_names(records)
    images = [
        LabelledImage(image_id, name, record.width_px, record.height_px, record.attributes)
        for image_id, name, record in zip(_image_ids(records, names), names, records)
    ]
    owners = [(position, box) for position, record in enumerate(records) for box in record.boxes]
    boxes = [
        LabelledBox(
            position, label, box.corners, f"{box.place} ({shown(label_map.name(label))}", box.area_px2, box.is_crowd
        )
        for (position, box), label in zip(owners, labels)
    ]
    places = [(record.path, record.position) for record in records]
    labelled = Labelled.of(label_map, images, boxes, TFRECORD_BBOX, records=places, to_xywh_px=_to_xywh_px)
    return replace(labelled, orientations=[record.orientation for record in records])


def _to_xywh_px(corners: np.ndarray, sizes_px: np.ndarray) -> np.ndarray:
    # Scaled before they are subtracted, not after: the last bits of a box are part of a data set's digest.
    return XYXY.boxes(corners * np.tile(sizes_px, 2), sizes_px)


def _file_names(records: list[_Record]) -> list[str]:
    names = Counter(record.file_name for record in records)
    source_ids = Counter(record.source_id for record in records)
    chosen = []
    for index, record in enumerate(records):
        name = f"{record.source_id}{record.suffix}"
        if record.file_name is not None and names[record.file_name] == 1:
            name = record.file_name
        elif not record.source_id or source_ids[record.source_id] > 1 or not is_plain_path(name):
            name = f"{index}{record.suffix}"
        chosen.append(name)
    return chosen


def _image_ids(records: list[_Record], names: list[str]) -> list[int]:
    texts = [record.source_id for record in records]
    if len(set(texts)) == len(texts) and all(text.isascii() and text.isdigit() and len(text) < 20 for text in texts):
        ids = [int(text) for text in texts]
        if len(set(ids)) == len(ids) and max(ids) <= MAX_ID:
            return ids
    places = {name: place for place, name in enumerate(sorted(names), 1)}
    return [places[name] for name in names]
