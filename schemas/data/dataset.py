"""What the steps after ExampleGen know of a data set: `dataset.json` beside its splits, and its content digest.

Two levels, so that a step that sees the images one by one and in any order can compute the digest again:
one digest an image, and one over those, by ascending image id.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ratchet.schemas.base.persisted import PersistedFormat, Values, renamed
from ratchet.schemas.data.exif import IGNORE, Exif
from ratchet.schemas.data.facts import NOTHING_COUNTED, DataSetFacts
from ratchet.schemas.data.fingerprints import CONTENT_BYTES, FILE_BYTES
from ratchet.schemas.data.records import ImageRecord, LabelMap, record_to_json

DATASET_FILE = "dataset.json"
GOLDEN_STEP = "GoldenExampleGen"  # the node that stores the golden set
FINGERPRINTS = "fingerprints"  # directory of `ratchet.schemas.data.fingerprints` text files, one a split
LOOKS = "looks"  # directory of `ratchet.schemas.data.looks` files, one a split
TRAIN_SPLIT = "train"
EVAL_SPLIT = "eval"  # validation: chooses the checkpoint; all of a golden set
HELD_OUT_SPLIT = "held_out"  # chooses nothing, ever
SPLITS = (TRAIN_SPLIT, EVAL_SPLIT, HELD_OUT_SPLIT)


@dataclass(frozen=True)
class BadBox:
    """One of them, to be drawn.

    Attributes:
        image: file name of its image.
        given_xywh_px: as its numbers say, [x, y, width, height]; sides may be negative.
        meant_xywh_px: as they would be in the guessed format; None without one.
    """

    image: str
    given_xywh_px: tuple[float, float, float, float]
    meant_xywh_px: tuple[float, float, float, float] | None = None


@dataclass(frozen=True)
class BadBoxes:
    """Labelled boxes that cannot be boxes of their image: without area, or outside of it. They were left out.

    Attributes:
        count: how many.
        of: boxes in all, bad ones among them.
        guessed_format: what they would be sound as, in words: `[x1, y1, x2, y2]`; None if nothing explains them.
        examples: some of them in words, each with its annotation, its image, its numbers and what is wrong.
        images: file names of images with bad boxes, the most of them first.
        drawn: a few boxes of the first of these images.
    """

    count: int = 0
    of: int = 0
    guessed_format: str | None = None
    examples: tuple[str, ...] = ()
    images: tuple[str, ...] = ()
    drawn: tuple[BadBox, ...] = ()


@dataclass(frozen=True)
class DataSetInfo:
    """A data set's identity.

    Attributes:
        source: directory it was read from.
        source_format: `coco`, `voc`, `yolo`, `tfrecord` and others.
        span: span number; 0 for the golden set.
        version: of the span, from 1; 1 unless the directory's name says otherwise.
        digest: content digest of annotations and images.
        class_names: in label order, 1..K.
        category_ids: the data set's own ids of those classes.
        images: number of images of each split; one that was written before there was `held_out` lacks it.
        boxes: number of boxes of each split.
        bad_boxes: what was left out.
        mended_areas: which areas contradicted their boxes and are those of the boxes, in words; empty if none did.
        facts: what else was counted in it; nothing in data sets of older versions.
        told: what was read otherwise than it stands there, sentences.
        left_out: what the delivery held beside the data set that was read, sentences.
        exif: what was done about images whose EXIF orientation is not 1; data sets of older versions ignored it.
        oriented: how many images that was; None in data sets of older versions.
        record_files: of each split the names of its TFRecord files, with how many images each holds; None in data sets
            of older versions.
    """

    source: str
    source_format: str
    span: int
    version: int
    digest: str
    class_names: tuple[str, ...]
    category_ids: tuple[int, ...]
    images: dict[str, int]
    boxes: dict[str, int]
    bad_boxes: BadBoxes = BadBoxes()
    mended_areas: str = ""
    facts: DataSetFacts = NOTHING_COUNTED
    told: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    exif: Exif = IGNORE
    oriented: int | None = None
    record_files: dict[str, dict[str, int]] | None = None


def _of_format_0(values: Values) -> Values:
    bad_boxes = renamed(reading="guessed_format")(values["bad_boxes"])
    return {**values, "source_format": values["format"], "bad_boxes": bad_boxes}


DATASET_FORMAT = PersistedFormat(
    DataSetInfo,
    "what ExampleGen wrote",
    1,
    "give the command with --anew",
    {0: _of_format_0},
    # Before files had a number, `format` was that of the data set.
    is_unnumbered=lambda values: isinstance(values.get("format"), str),
    sort_keys=True,
)


def image_digest(record: ImageRecord, encoded: bytes) -> bytes:
    """sha256 (32 bytes) of one image's annotation, whatever the order of its objects, and of its file."""
    annotation = record_to_json(record, in_any_order=True)
    return hashlib.sha256(annotation + b" " + hashlib.sha256(encoded).digest()).digest()


def content_digest(record: ImageRecord, encoded: bytes, class_names: Sequence[str]) -> bytes:
    """What an image is whatever it is called: 16 bytes of sha256 of its file, and 8 of its labels.

    Args:
        record: its annotation.
        encoded: its file.
        class_names: of the labels 1..K, since other data sets number their classes otherwise.
    """
    truth = record.truth
    names = [class_names[label - 1] for label in truth.labels.tolist()]
    rows = sorted(zip(names, truth.boxes_xywh_px.tolist(), truth.is_crowd.tolist()))
    labels = hashlib.sha256(json.dumps(rows).encode()).digest()
    return hashlib.sha256(encoded).digest()[:FILE_BYTES] + labels[: CONTENT_BYTES - FILE_BYTES]


def dataset_digest(label_map: LabelMap, image_digests: Mapping[int, bytes]) -> str:
    """sha256 (hex) of a data set's classes and images.

    Args:
        label_map: its classes.
        image_digests: `image_digest` by image id, in any order.
    """
    digest = hashlib.sha256(b"ratchet data set 2\n")
    digest.update(json.dumps([label_map.category_ids, label_map.names]).encode() + b"\n")
    for image_id in sorted(image_digests):
        digest.update(image_digests[image_id])
    return digest.hexdigest()
