"""Any of the formats -> a COCO span directory, its images byte for byte as they were or turned upright."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ratchet.components.coco.writing import image_lines, join_ground_truth
from ratchet.components.data_gate.fact_rules import DUPLICATES, fact_reasons
from ratchet.components.data_gate.settings import FactLimits
from ratchet.components.example_gen.class_lists import read_class_list
from ratchet.components.example_gen.dataset import Source, read_source
from ratchet.components.example_gen.facts import facts_of
from ratchet.components.example_gen.file_names import objects_for
from ratchet.components.example_gen.layout.coco_layouts import ANNOTATIONS, IMAGES
from ratchet.components.example_gen.layout.layouts import AS_FOUND, Reading
from ratchet.components.pages.fact_words import fact_rows
from ratchet.pipeline.data.resumable import resumable_directory
from ratchet.pipeline.data.write_images import asked_for, write_images
from ratchet.schemas.artifacts.decisions import Reason
from ratchet.schemas.base.checked_json import shown
from ratchet.schemas.base.errors import ConfigError, DataError
from ratchet.schemas.base.files import LOCAL_FILES
from ratchet.schemas.base.formatting import many
from ratchet.schemas.data.dataset import BadBoxes
from ratchet.schemas.data.exif import REFUSE, Exif
from ratchet.schemas.data.facts import NOTHING_COUNTED, REPEATED_OBJECTS, DataSetFacts
from ratchet.schemas.data.records import COCO_IMAGE_KEYS, ImageRecord


@dataclass(frozen=True)
class ConvertRequest:
    """What a user asks for.

    Attributes:
        source: the data set's directory, here or on gs://.
        out: the span directory to write; must not exist or be empty.
        reading: how it is to be read, apart from its classes; what is not said is found out.
        classes: file with the class names, which win over those of the data set.
        attributes: name of an attribute -> pattern that finds its value in the file name: the first group, or all of
            it.
        strict: whether a box that cannot be a box of its image is an error instead of being left out.
        exif: what is done about images whose EXIF orientation is not 1.
    """

    source: str | Path
    out: Path
    reading: Reading = AS_FOUND
    classes: Path | None = None
    attributes: Mapping[str, re.Pattern[str]] = field(default_factory=dict)
    strict: bool = False
    exif: Exif = REFUSE


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
        told: what was read otherwise than it stands there, sentences.
        left_out: what the data set holds beside what was read, sentences.
        turned: how many images were turned upright.
    """

    directory: str
    format: str
    class_names: tuple[str, ...]
    images: int
    boxes: int
    bad_boxes: BadBoxes
    mended_areas: str = ""
    facts: DataSetFacts = NOTHING_COUNTED
    told: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    turned: int = 0

    @property
    def remarkable(self) -> list[Reason]:
        """What the data gate would say of it before a first model, from what needs neither model nor settings.

        An object that is labelled twice is a contradiction however few there are, so it is a warning here.
        """
        reasons = fact_reasons(self.facts, None, None, None, FactLimits())
        twice = self.facts.of(REPEATED_OBJECTS)
        return [
            replace(reason, warning=True, images=twice.images)
            if reason.rule == DUPLICATES and reason.passed and twice.count
            else reason
            for reason in reasons
        ]

    def to_text(self) -> str:
        """One line."""
        turned = f", {many(self.turned, 'image')} turned upright" if self.turned else ""
        return (
            f"{self.directory}: {self.images} images, {self.boxes} boxes, {len(self.class_names)} classes "
            f"(from {self.format}{turned})"
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
            "turned": self.turned,
            "facts": dict(fact_rows(self.facts)),
            "bad_boxes": left_out | {"examples": list(bad.examples)},
            "told": list(self.told),
            "left_out": list(self.left_out),
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
    reading = replace(request.reading, class_names=class_names)
    files = objects_for(str(request.source), LOCAL_FILES)
    source = read_source(str(request.source), files, request.strict, reading=reading, exif=request.exif)
    boxes = sum(len(record.truth.labels) for record in source.records)
    if not boxes:
        raise DataError(f"{source.directory}: {bad_boxes_text(source.bad_boxes)}\nno box is left; correct the boxes")
    records = [_with_attributes(record, request.attributes) for record in source.records]
    with resumable_directory(out, asked_for(source)) as begun:
        written = write_images(source, files, os.path.join(begun.directory, IMAGES), begun)
        write_coco(source, records, os.path.join(begun.directory, ANNOTATIONS))
    names, facts = source.label_map.names, facts_of(source.records, source.label_map, written.facts)
    return Converted(
        *(out, source.format, names, len(records), boxes, source.bad_boxes, source.mended_areas, facts),
        *(source.told, source.left_out, written.turned),
    )


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
