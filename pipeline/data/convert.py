"""Any of the four formats -> a COCO span directory, its images byte for byte as they were."""

from __future__ import annotations

import os
import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ratchet.components.coco.writing import image_lines, join_ground_truth
from ratchet.components.data_gate.fact_rules import fact_reasons
from ratchet.components.data_gate.settings import FactLimits
from ratchet.components.example_gen.class_lists import read_class_list
from ratchet.components.example_gen.coco import ANNOTATIONS, IMAGES
from ratchet.components.example_gen.dataset import Source, encoded_images, inspect_image, read_source
from ratchet.components.example_gen.facts import ImageFacts, facts_of
from ratchet.components.pages.fact_words import fact_rows
from ratchet.schemas.artifacts.decisions import Reason
from ratchet.schemas.base.checked_json import Problems, shown
from ratchet.schemas.base.errors import ConfigError, DataError
from ratchet.schemas.base.files import LOCAL_FILES, whole_directory
from ratchet.schemas.base.progress import Progress
from ratchet.schemas.data.dataset import BadBoxes
from ratchet.schemas.data.facts import NOTHING_COUNTED, DataSetFacts
from ratchet.schemas.data.records import COCO_IMAGE_KEYS, ImageRecord


@dataclass(frozen=True)
class ConvertRequest:
    """What a user asks for.

    Attributes:
        source: the data set's directory.
        out: the span directory to write; must not exist or be empty.
        format: `coco`, `voc`, `yolo` or `tfrecord`; None for what the directory holds.
        classes: file with the class names, for a data set that lists none.
        attributes: name of an attribute -> pattern that finds its value in the file name: the first group, or all of
            it.
        strict: whether a box that cannot be a box of its image is an error instead of being left out.
    """

    source: Path
    out: Path
    format: str | None = None
    classes: Path | None = None
    attributes: Mapping[str, re.Pattern[str]] = field(default_factory=dict)
    strict: bool = False


@dataclass(frozen=True)
class Converted:
    """What was written.

    Attributes:
        directory: where.
        format: what was read.
        class_names: in label order.
        images: how many.
        boxes: how many.
        bad_boxes: what was left out.
        mended_areas: which areas contradicted their boxes, in words; empty if none did.
        facts: what was counted in it.
    """

    directory: str
    format: str
    class_names: tuple[str, ...]
    images: int
    boxes: int
    bad_boxes: BadBoxes
    mended_areas: str = ""
    facts: DataSetFacts = NOTHING_COUNTED

    @property
    def remarkable(self) -> list[Reason]:
        """What the data gate would say of it before a first model, from what needs neither model nor settings."""
        return fact_reasons(self.facts, None, None, None, FactLimits())

    def to_text(self) -> str:
        """One line."""
        return (
            f"{self.directory}: {self.images} images, {self.boxes} boxes, {len(self.class_names)} classes "
            f"(from {self.format})"
        )

    def to_json(self) -> dict[str, Any]:
        """A JSON object with the fields."""
        bad = self.bad_boxes
        left_out = {"count": bad.count, "of": bad.of, "reading": bad.guessed_format, "images": list(bad.images)}
        return {
            "directory": self.directory,
            "format": self.format,
            "classes": list(self.class_names),
            "images": self.images,
            "boxes": self.boxes,
            "facts": dict(fact_rows(self.facts)),
            "bad_boxes": left_out | {"examples": list(bad.examples)},
        }


def convert(request: ConvertRequest) -> Converted:
    """Reads a data set, checks every image and writes it as a COCO span: all of it or nothing.

    Args:
        request: what from where to where.

    Returns:
        What was written.

    Raises:
        DataError: the data set contradicts itself, an image is broken, or no sound box is left.
        InputError: the directory holds something already, or cannot be written.
    """
    out = str(request.out)
    class_names = read_class_list(str(request.classes), LOCAL_FILES).names if request.classes else None
    source = read_source(str(request.source), LOCAL_FILES, request.strict, class_names, request.format)
    boxes = sum(len(record.truth.labels) for record in source.records)
    if not boxes:
        raise DataError(f"{source.directory}: {bad_boxes_text(source.bad_boxes)}\nno box is left; correct the boxes")
    records = [_with_attributes(record, request.attributes) for record in source.records]
    with whole_directory(out) as made:
        looks = _write_images(source, os.path.join(made, IMAGES))
        write_coco(source, records, os.path.join(made, ANNOTATIONS))
    names, facts = source.label_map.names, facts_of(source.records, source.label_map, looks)
    return Converted(out, source.format, names, len(records), boxes, source.bad_boxes, source.mended_areas, facts)


def parse_attributes(texts: Sequence[str]) -> dict[str, re.Pattern[str]]:
    """Reads `NAME=REGEX` texts.

    Args:
        texts: such as `camera=^(cam[0-9]+)_`.

    Returns:
        Pattern by name.

    Raises:
        ConfigError: another form, a name that COCO defines or that is there twice, or no regular expression.
    """
    patterns: dict[str, re.Pattern[str]] = {}
    for text in texts:
        name, separator, pattern = text.partition("=")
        if not separator or not name.isidentifier() or not pattern:
            raise ConfigError(f"--attribute {text!r}: give NAME=REGEX, such as camera='^(cam[0-9]+)_'")
        if name in COCO_IMAGE_KEYS or name in patterns:
            why = "COCO defines that key itself" if name in COCO_IMAGE_KEYS else "it is given twice"
            raise ConfigError(f"--attribute {name}: {why}; choose another name")
        try:
            patterns[name] = re.compile(pattern)
        except (re.error, RecursionError, OverflowError) as error:
            raise ConfigError(f"--attribute {name}: {pattern!r} is no regular expression: {error}") from error
    return patterns


def bad_boxes_text(bad: BadBoxes) -> str:
    """What was left out, for a person."""
    meant = f"; they would be sound as {bad.guessed_format}" if bad.guessed_format else ""
    more = [f"and {bad.count - len(bad.examples)} more"] if bad.count > len(bad.examples) else []
    return "\n  ".join(
        [f"{bad.count} of {bad.of} boxes left out, they are no boxes of their images{meant}:", *bad.examples, *more]
    )


def write_coco(source: Source, records: Sequence[ImageRecord], path: str) -> None:
    """Writes the annotations of a data set; image ids and category ids stay, annotations are numbered anew."""
    lines = image_lines(records, {}, source.label_map.category_ids)
    with open(path, "w", encoding="utf-8") as file:
        join_ground_truth(lines, source.label_map, file, f"Converted from {source.format} by `ratchet convert`")


def _with_attributes(record: ImageRecord, patterns: Mapping[str, re.Pattern[str]]) -> ImageRecord:
    found = {}
    for name, pattern in patterns.items():
        match = pattern.search(record.file_name)
        value = match and (match[1] if pattern.groups else match[0])
        if not value:
            raise DataError(
                f"image {record.image_id} {shown(record.file_name)}: {name}={pattern.pattern} finds nothing in its "
                "file name; correct the pattern"
            )
        found[name] = value
    return replace(record, attributes={**record.attributes, **found})


def _write_images(source: Source, directory: str) -> dict[int, ImageFacts]:
    """Checks and writes every image; what each says, by its id."""
    looks: dict[int, ImageFacts] = {}
    progress, problems, done = Progress("converting", len(source.records)), Problems(), 0
    os.makedirs(directory)
    for shard in source.shards:
        for (record, encoded), name in zip(encoded_images(shard), shard.names):
            try:
                if isinstance(encoded, DataError):
                    raise encoded
                looks[record.image_id] = ImageFacts.of(inspect_image(encoded, record, name), zlib.crc32(encoded))
                _write_image(os.path.join(directory, record.file_name), encoded)
            except DataError as error:
                problems.add(str(error))
            done += 1
            progress.update(done)
    problems.raise_if_any()
    return looks


def _write_image(path: str, encoded: bytes) -> None:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "xb") as file:
        file.write(encoded)
