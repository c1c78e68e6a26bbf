"""Small valid data sets in the four formats: two images, cat in the first and dog in the second."""

from __future__ import annotations

import gzip
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import google_crc32c

from tests.builders import HEIGHT_PX, WIDTH_PX, encode, picture, write_span

CAT_XYXY = (10, 5, 30, 35)  # of image a.jpg, 64 x 48 px
DOG_XYXY = (2, 4, 34, 28)  # of image sub/b.jpg

Object = tuple[str, Sequence[Any]]


def voc_xml(filename: str | None, objects: Sequence[Object], size: tuple[Any, Any] = (WIDTH_PX, HEIGHT_PX)) -> str:
    """One annotation file."""
    name = "" if filename is None else f"<filename>{filename}</filename>"
    parts = [
        f"<object><name>{label}</name><difficult>1</difficult><bndbox><xmin>{x1}</xmin><ymin>{y1}</ymin>"
        f"<xmax>{x2}</xmax><ymax>{y2}</ymax></bndbox></object>"
        for label, (x1, y1, x2, y2) in objects
    ]
    sides = f"<size><width>{size[0]}</width><height>{size[1]}</height><depth>3</depth></size>"
    return f"<annotation><folder>x</folder>{name}{sides}{''.join(parts)}</annotation>"


def write_voc(directory: Path, objects: Sequence[Sequence[Object]] | None = None) -> Path:
    """A VOC data set; its images as `write_images`."""
    first, second = objects or ([("cat", CAT_XYXY)], [("dog", DOG_XYXY)])
    write_images(directory / "JPEGImages")
    (directory / "Annotations" / "sub").mkdir(parents=True)
    (directory / "Annotations" / "a.xml").write_text(voc_xml("a.jpg", first))
    (directory / "Annotations" / "sub" / "b.xml").write_text(voc_xml("b.jpg", second))
    return directory


def yolo_line(label: Any, corners: Sequence[float]) -> str:
    """A box's line."""
    x1, y1, x2, y2 = corners
    values = ((x1 + x2) / 2 / WIDTH_PX, (y1 + y2) / 2 / HEIGHT_PX, (x2 - x1) / WIDTH_PX, (y2 - y1) / HEIGHT_PX)
    return " ".join([str(label), *map(str, values)])


def write_yolo(directory: Path, first: str | None = None, names: str = "cat\ndog\n") -> Path:
    """A YOLO data set with `first` in the label file of the first image."""
    write_images(directory / "images")
    (directory / "labels" / "sub").mkdir(parents=True)
    (directory / "labels" / "a.txt").write_text(yolo_line(0, CAT_XYXY) if first is None else first)
    (directory / "labels" / "sub" / "b.txt").write_text(yolo_line(1, DOG_XYXY) + "\n")
    (directory / "classes.txt").write_text(names)
    return directory


def write_images(directory: Path) -> None:
    """The pictures `a.jpg` and `sub/b.jpg`."""
    (directory / "sub").mkdir(parents=True)
    (directory / "a.jpg").write_bytes(encode(picture(seed=1)))
    (directory / "sub" / "b.jpg").write_bytes(encode(picture(seed=2)))


def od_features(name: str, label: str, number: int, corners: Sequence[float], **fields: Any) -> dict[str, Any]:
    """A record's features, as the TF Object Detection API writes them."""
    x1, y1, x2, y2 = corners
    whole = {
        "image/encoded": [encode(picture(seed=number))],
        "image/format": [b"jpeg"],
        "image/height": [HEIGHT_PX],
        "image/width": [WIDTH_PX],
        "image/filename": [name.encode()],
        "image/source_id": [name.encode()],
        "image/object/bbox/xmin": [x1 / WIDTH_PX],
        "image/object/bbox/xmax": [x2 / WIDTH_PX],
        "image/object/bbox/ymin": [y1 / HEIGHT_PX],
        "image/object/bbox/ymax": [y2 / HEIGHT_PX],
        "image/object/class/label": [number],
        "image/object/class/text": [label.encode()],
    }
    return {key: value for key, value in {**whole, **fields}.items() if value is not None}


def two_records(first: dict[str, Any] | None = None) -> list[dict[str, Any]]:
    """The features of both images; `first` changes those of the first, None removes one."""
    return [
        od_features("a.jpg", "cat", 1, CAT_XYXY, **(first or {})),
        od_features("sub/b.jpg", "dog", 2, DOG_XYXY),
    ]


def write_tfrecords(directory: Path, records: Sequence[dict[str, Any]] | None = None, name: str = "a.tfrecord") -> Path:
    """One TFRecord file, gzipped if its name ends so."""
    directory.mkdir(parents=True, exist_ok=True)
    content = b"".join(framed(example(record)) for record in (two_records() if records is None else records))
    (directory / name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    return directory


def framed(data: bytes) -> bytes:
    """A TFRecord."""
    length = struct.pack("<Q", len(data))
    return length + masked_crc(length) + data + masked_crc(data)


def masked_crc(data: bytes) -> bytes:
    crc = google_crc32c.value(data)
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def example(features: dict[str, Any]) -> bytes:
    """A serialised tf.train.Example; lists of bytes, float or int."""
    entries = (field(1, field(1, key.encode()) + field(2, _feature(values))) for key, values in features.items())
    return field(1, b"".join(entries))


def _feature(values: Sequence[Any]) -> bytes:
    if not values:
        return b""
    if isinstance(values[0], bytes):
        return field(1, b"".join(field(1, value) for value in values))
    if isinstance(values[0], float):
        return field(2, field(1, struct.pack(f"<{len(values)}f", *values)))
    return field(3, field(1, b"".join(varint(value & (1 << 64) - 1) for value in values)))


def field(number: int, content: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(content)) + content


def varint(value: int) -> bytes:
    parts = []
    while value > 127:
        parts.append(value & 127 | 128)
        value >>= 7
    return bytes([*parts, value])


WRITERS = {"coco": write_span, "voc": write_voc, "yolo": write_yolo, "tfrecord": write_tfrecords}
