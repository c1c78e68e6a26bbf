"""Counts what is in a data set, from its annotations and from what its images look like; pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ratchet.components.example_gen.endings import class_endings, unlabelled_end
from ratchet.components.imaging.measures import Look
from ratchet.components.imaging.quality import ImageQuality
from ratchet.components.metrics.repeats import repeated_objects
from ratchet.schemas.data import facts
from ratchet.schemas.data.columns import TruthColumns
from ratchet.schemas.data.facts import ClassFact, DataSetFacts, Fact
from ratchet.schemas.data.records import ImageRecord, LabelMap

_SHOWN = 12  # images that a fact names
_SIZES = 3
_INSIDE = 0.5  # part of a box that has to lie on the picture's content


@dataclass(frozen=True)
class ImageFacts:
    """What an image's file says.

    Attributes:
        look: what it shows at all.
        file: equal for files that are equal byte for byte.
    """

    look: Look
    file: str

    @classmethod
    def of(cls, quality: ImageQuality, checksum: int) -> ImageFacts:
        """Of a measured image and a checksum of its file: equal sizes, checksums and hashes are no chance."""
        return cls(
            quality.look, f"{quality.file_bytes}-{checksum}-{np.packbits(quality.hash_bits)[:8].tobytes().hex()}"
        )

    def to_json(self) -> list[object]:
        """A JSON value, short for an image that is like most."""
        look = self.look
        return [self.file, look.blank, look.deep, list(look.content)] if look != Look() else [self.file]

    @classmethod
    def from_json(cls, value: Sequence[Any]) -> ImageFacts:
        """The inverse of `to_json`."""
        file, *look = value
        if not look:
            return cls(Look(), str(file))
        blank, deep, content = look
        left, top, right, bottom = map(float, content)
        return cls(Look(str(blank), bool(deep), (left, top, right, bottom)), str(file))


def facts_of(records: Sequence[ImageRecord], label_map: LabelMap, images: Mapping[int, ImageFacts]) -> DataSetFacts:
    """Counts everything.

    Args:
        records: all images of a data set, by ascending id.
        label_map: its classes.
        images: what their files say, by image id.
    """
    if not records:
        return DataSetFacts()
    truth = TruthColumns.of([record.truth for record in records])
    names = [record.file_name for record in records]
    per_image = np.bincount(truth.image, minlength=len(records))
    own = [images[record.image_id] for record in records]
    return DataSetFacts(
        images=len(records),
        objects=len(truth.labels),
        sizes=dict(Counter(f"{record.width_px}x{record.height_px}" for record in records).most_common(_SIZES)),
        most_objects=int(per_image.max()),
        counts={
            facts.REPEATED_OBJECTS: _repeated(truth, names),
            facts.TWO_CLASSES: _objects(repeated_objects(truth, same_class=False), truth, names),
            facts.CROWDS: _objects(np.flatnonzero(truth.is_crowd), truth, names),
            facts.OUTSIDE_CONTENT: _objects(_outside_content(truth, records, own), truth, names),
            facts.WITHOUT_OBJECTS: _images(per_image == 0, names),
            facts.UNLABELLED_END: _unlabelled_end(per_image == 0, names),
            facts.SAME_FILES: _same_files(own, names),
            facts.BLANK: _blank(own, names),
            facts.BORDERS: _images(np.array([each.look.has_borders for each in own]), names),
            facts.DEEP: _images(np.array([each.look.deep for each in own]), names),
        },
        classes=_classes(truth, names, label_map),
        side_shares=_side_shares(truth, records),
    )


def _objects(rows: np.ndarray, truth: TruthColumns, names: list[str]) -> Fact:
    """Some objects; the images with the most of them show it."""
    most = Counter(truth.image[rows].tolist()).most_common(_SHOWN)
    return Fact(len(rows), len(truth.labels), tuple(names[image] for image, _ in most))


def _repeated(truth: TruthColumns, names: list[str]) -> Fact:
    rows = repeated_objects(truth)
    exact = int(np.count_nonzero(_is_exact(truth, np.unique(truth.image[rows]))[rows]))
    which = "all" if exact == len(rows) else f"{exact:,}"
    told = f"{which} of them with exactly the same box" if exact else ""
    return replace(_objects(rows, truth, names), detail=told)


def _is_exact(truth: TruthColumns, images: np.ndarray) -> np.ndarray:
    """[n] bool, whether an earlier object is the same, number by number; of some images alone, and False in others."""
    rows = np.flatnonzero(np.isin(truth.image, images))
    columns = np.column_stack([truth.image[rows], truth.labels[rows], truth.boxes_xywh_px[rows]])
    _, first = np.unique(columns, axis=0, return_index=True)
    exact = np.zeros(len(truth.image), np.bool_)
    exact[np.delete(rows, first)] = True
    return exact


def _images(shows: np.ndarray, names: list[str]) -> Fact:
    places = np.flatnonzero(shows)
    return Fact(len(places), len(names), tuple(names[place] for place in places[:_SHOWN]))


def _same_files(images: Sequence[ImageFacts], names: list[str]) -> Fact:
    first: dict[str, int] = {}
    pairs = [
        (first[image.file], place) for place, image in enumerate(images) if place != first.setdefault(image.file, place)
    ]
    shown = tuple(dict.fromkeys(names[place] for pair in pairs for place in pair))[:_SHOWN]
    return Fact(len(pairs), len(names), shown)


def _blank(images: Sequence[ImageFacts], names: list[str]) -> Fact:
    found = _images(np.array([bool(image.look.blank) for image in images]), names)
    kinds = Counter(image.look.blank for image in images if image.look.blank)
    words = [f"{count} {kind if kind == 'flat' else f'nearly {kind}'}" for kind, count in sorted(kinds.items())]
    return Fact(found.count, found.of, found.images, ", ".join(words))


def _outside_content(truth: TruthColumns, records: Sequence[ImageRecord], images: Sequence[ImageFacts]) -> np.ndarray:
    """Rows of boxes that lie mostly on a border without content."""
    sizes = np.array([(record.width_px, record.height_px) for record in records], np.float64)[truth.image]
    content = np.array([image.look.content for image in images])[truth.image]  # [n, 4]
    low, sides = truth.boxes_xywh_px[:, :2] / sizes, truth.boxes_xywh_px[:, 2:] / sizes
    inside = np.minimum(low + sides, content[:, 2:]) - np.maximum(low, content[:, :2])
    part = np.maximum(0, inside).prod(axis=1) / np.maximum(1e-12, sides.prod(axis=1))
    return np.flatnonzero(part < _INSIDE)


def _unlabelled_end(is_empty: np.ndarray, names: list[str]) -> Fact:
    for place_of in _orders(names):
        length = unlabelled_end(is_empty[place_of])
        if length:
            last = place_of[-length:]
            return Fact(length, len(names), tuple(names[place] for place in last[:_SHOWN]))
    return Fact(0, len(names))


def _orders(names: list[str]) -> list[np.ndarray]:
    """The images by id and by file name: annotation was done in one of these orders, if in any."""
    parts = [
        [(not part.isdigit(), int(part) if part.isdigit() else 0, part) for part in re.split(r"(\d+)", name)]
        for name in names
    ]
    return [np.arange(len(names)), np.array(sorted(range(len(names)), key=parts.__getitem__))]


def _classes(truth: TruthColumns, names: list[str], label_map: LabelMap) -> tuple[ClassFact, ...]:
    count = len(label_map.names)
    has = np.zeros((count, len(names)), np.bool_)
    has[truth.labels - 1, truth.image] = True
    ends: dict[int, int] = {}
    for place_of in _orders(names):
        ends = class_endings(has[:, place_of]) | ends
    objects = np.bincount(truth.labels - 1, minlength=count)
    crowds = np.bincount(truth.labels[truth.is_crowd] - 1, minlength=count)
    return tuple(
        ClassFact(name, int(objects[label]), int(has[label].sum()), ends.get(label), int(crowds[label]))
        for label, name in enumerate(label_map.names)
    )


def _side_shares(truth: TruthColumns, records: Sequence[ImageRecord]) -> tuple[float, ...]:
    longer = np.array([max(record.width_px, record.height_px) for record in records], np.float64)[truth.image]
    singles = ~truth.is_crowd
    if not singles.any():
        return ()
    shares = np.sqrt(truth.boxes_xywh_px[singles, 2:].prod(axis=1)) / longer[singles]
    return tuple(float(f"{share:.4g}") for share in np.quantile(shares, np.linspace(0, 1, 101)))
