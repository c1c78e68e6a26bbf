"""A data set read for a diagnosis: labels in any layout, and what its images look like where there are any."""

from __future__ import annotations

import dataclasses
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ratchet.components.example_gen.coco import parse_annotations
from ratchet.components.example_gen.dataset import Source, read_source, source_of
from ratchet.components.example_gen.facts import ImageFacts, facts_of
from ratchet.components.example_gen.figures import box_counts, box_shapes
from ratchet.components.example_gen.file_names import read_file
from ratchet.components.example_gen.layout.coco_layouts import ANNOTATIONS, IMAGES
from ratchet.components.example_gen.layout.layouts import Reading
from ratchet.components.example_gen.spans import is_delivery
from ratchet.components.imaging.measures import Look
from ratchet.components.imaging.orientation import UPRIGHT
from ratchet.pipeline.explain.pictures import Picture, Pictures, seen_in, some_of
from ratchet.schemas.base.errors import DataError, InputError
from ratchet.schemas.base.files import LOCAL_FILES, reason_of
from ratchet.schemas.base.formatting import listed, many
from ratchet.schemas.base.sampling import fraction_of
from ratchet.schemas.base.visible import visible_line
from ratchet.schemas.data import facts as counted
from ratchet.schemas.data.dataset import BadBoxes
from ratchet.schemas.data.exif import IGNORE
from ratchet.schemas.data.facts import DataSetFacts
from ratchet.schemas.data.feature_sample import FeatureSample
from ratchet.schemas.data.features import COUNT_FEATURES, IMAGE_FEATURES, OBJECT_FEATURES
from ratchet.schemas.data.fingerprints import Fingerprints, line_of
from ratchet.schemas.data.looks import SIDE, Looks, relative_boxes
from ratchet.schemas.data.records import ImageRecord

MOST_COMPARED = 2_000  # images of which figures are compared; more make no distance surer
MOST_LOOKED_AT = 20_000  # images that are decoded
_PURPOSE = "explain"
_NAMED = 5  # images that a note names
# What only the files of images can tell.
_OF_FILES = (counted.OUTSIDE_CONTENT, counted.SAME_FILES, counted.BLANK, counted.BORDERS, counted.DEEP)


@dataclass(frozen=True, eq=False)
class ReadDataSet:
    """A data set, as far as it could be read.

    Attributes:
        title: what to call it.
        path: where it was read.
        format: `coco`, `voc`, `yolo` or `tfrecord`.
        class_names: in label order.
        records: its images with their labels, by ascending id.
        bad_boxes: labelled boxes that cannot be boxes of their image; they are left out.
        mended_areas: which areas contradict their boxes, in words; empty if none does.
        compared: the images whose figures are compared, in the order of their file names.
        sample: the figures of `compared`; without figures of images where no image could be read.
        looks: of the images that could be read, for copies; None where none was looked at.
        facts: what was counted in it, without what only image files tell where there are none.
        unreadable: by file name, what is wrong with images that could not be read; those that were looked at.
        notes: what a person should know of this reading.
    """

    title: str
    path: str
    format: str
    class_names: tuple[str, ...]
    records: tuple[ImageRecord, ...]
    bad_boxes: BadBoxes
    mended_areas: str
    compared: tuple[ImageRecord, ...]
    sample: FeatureSample
    looks: Looks | None
    facts: DataSetFacts
    unreadable: dict[str, str]
    notes: tuple[str, ...]

    @property
    def has_images(self) -> bool:
        """Whether any of its images could be read."""
        return self.looks is not None


def read_data(
    path: Path,
    title: str,
    images: Path | None = None,
    labels_only: bool = False,
    class_names: tuple[str, ...] | None = None,
    most_compared: int = MOST_COMPARED,
    most_looked_at: int = MOST_LOOKED_AT,
) -> ReadDataSet:
    """Reads a data set, and each of its images at most once.

    Args:
        path: a directory that `ratchet convert` reads, or a COCO file.
        title: what to call it, such as `the training data before`.
        images: directory of the images of a COCO file; None: looked for beside it.
        labels_only: whether the images are left alone.
        class_names: the classes in label order, for data sets that list none.
        most_compared: images whose figures are compared.
        most_looked_at: images that are decoded.

    Raises:
        DataError: the labels cannot be read, or contradict themselves.
        InputError: there is no such file or directory.
    """
    source, notes = _source(path, images, labels_only, class_names)
    looked_at = _evenly(source.records, most_looked_at)
    pictures = Pictures({}, {})
    if not labels_only and source.shards:
        shards = some_of(source.shards, frozenset(record.image_id for record in looked_at))
        pictures = seen_in(shards, source.label_map.names, f"reading {title}")
        notes += _notes_of_images(source, looked_at, pictures)
    readable = [record for record in looked_at if record.image_id in pictures.seen]
    compared = sorted(_evenly(readable or source.records, most_compared), key=lambda record: record.file_name)
    names = {record.image_id: record.file_name for record in source.records}
    return ReadDataSet(
        title=title,
        path=str(path),
        format=source.format,
        class_names=source.label_map.names,
        records=source.records,
        bad_boxes=source.bad_boxes,
        mended_areas=source.mended_areas,
        compared=tuple(compared),
        sample=sample_of(compared, pictures.seen),
        looks=_looks(readable, pictures.seen) if readable else None,
        facts=_facts(source, readable, pictures.seen),
        unreadable={names[image_id]: problem for image_id, problem in pictures.problems.items()},
        notes=tuple(notes),
    )


def _evenly(records: Sequence[ImageRecord], most: int) -> list[ImageRecord]:
    """At most so many, whatever their order: those whose file names give the least numbers."""
    if len(records) <= most:
        return list(records)
    order = np.argsort([fraction_of(record.file_name, _PURPOSE) for record in records], kind="stable")
    return [records[row] for row in sorted(order[:most].tolist())]


def sample_of(records: Sequence[ImageRecord], pictures: dict[int, Picture]) -> FeatureSample:
    """Figures of images, as ExampleGen writes and the data gate reads them.

    Args:
        records: of which images.
        pictures: what their files show, by image id; none for those that were not read.
    """
    shapes = [box_shapes(record) for record in records]
    counts = [box_counts(record) for record in records]
    figures = {key: np.array([each[key][0] for each in counts], np.float64) for key in COUNT_FEATURES}
    if any(record.image_id in pictures for record in records):
        none = dict.fromkeys(IMAGE_FEATURES, np.nan)
        own = [pictures[each.image_id].figures if each.image_id in pictures else none for each in records]
        figures = {key: _stored([each[key] for each in own]) for key in IMAGE_FEATURES} | figures
    return FeatureSample(
        images=figures,
        objects={key: _stored([value for each in shapes for value in each[key]]) for key in OBJECT_FEATURES},
        labels=np.concatenate([np.empty(0, np.int64), *(record.truth.labels for record in records)]),
        box_counts=np.array([len(record.truth.labels) for record in records], np.int64),
        embeddings=np.empty((len(records), 0), np.float32),
    )


def _stored(values: Sequence[float]) -> np.ndarray:
    """To the digit that a tf.Example keeps."""
    return np.array(values, np.float32).astype(np.float64)


def _looks(records: Sequence[ImageRecord], pictures: dict[int, Picture]) -> Looks:
    own = [pictures[record.image_id] for record in records]
    lines = [line_of(each.image_id, of.hash_bits, of.content) for each, of in zip(records, own)]
    boxes = [relative_boxes(record) for record in records]
    return Looks(
        prints=Fingerprints.parse(lines, 1),
        thumbnails=np.array([each.thumbnail for each in own], np.uint8).reshape(-1, SIDE, SIDE),
        box_counts=np.array([len(each) for each in boxes], np.int64),
        boxes_xywh=np.concatenate([np.empty((0, 4), np.float32), *boxes]),
    )


def _facts(source: Source, readable: Sequence[ImageRecord], pictures: dict[int, Picture]) -> DataSetFacts:
    """All labels are counted, and what only files tell in those that were read."""
    said = {record.image_id: ImageFacts(Look(), str(record.image_id)) for record in source.records}
    said |= {image_id: picture.facts for image_id, picture in pictures.items()}
    found = facts_of(source.records, source.label_map, said)
    of_files = found if len(readable) == len(source.records) else facts_of(readable, source.label_map, said)
    counts = {name: fact for name, fact in found.counts.items() if name not in _OF_FILES}
    counts |= {name: of_files.counts[name] for name in _OF_FILES if name in of_files.counts}
    return dataclasses.replace(found, counts=counts)


def _notes_of_images(source: Source, looked_at: Sequence[ImageRecord], pictures: Pictures) -> list[str]:
    notes = []
    if len(looked_at) < len(source.records):
        notes.append(f"{len(looked_at):,} of its {len(source.records):,} images were looked at, chosen evenly")
    notes += _notes_of_orientations(looked_at, pictures)
    if not pictures.problems:
        return notes
    bad, of = len(pictures.problems), many(len(looked_at), "image")
    examples = [text for _, text in sorted(pictures.problems.items())][:1]
    if not pictures.seen:
        return [*notes, f"none of its {of} could be read, such as {examples[0]}; its labels alone were compared"]
    return [*notes, f"{bad:,} of {of} could not be read and are left out, such as {examples[0]}"]


def _notes_of_orientations(looked_at: Sequence[ImageRecord], pictures: Pictures) -> list[str]:
    """Nobody says here what boxes were drawn on, so the pixels that TensorFlow reads are compared, and that is told."""
    turned = [
        f"{visible_line(record.file_name)} ({pictures.seen[record.image_id].orientation})"
        for record in looked_at
        if record.image_id in pictures.seen and pictures.seen[record.image_id].orientation != UPRIGHT
    ]
    if not turned:
        return []
    return [
        f"{len(turned):,} of {many(len(looked_at), 'image')} {'has' if len(turned) == 1 else 'have'} an EXIF "
        f"orientation other than 1, which TensorFlow does not apply: {listed(turned, _NAMED)}; they were compared as "
        "their pixels are stored, where boxes that were drawn on the upright picture do not fit them"
    ]


def _source(
    path: Path, images: Path | None, labels_only: bool, class_names: tuple[str, ...] | None
) -> tuple[Source, list[str]]:
    file = _coco_file(path)
    if file is None:
        reading = Reading(without_pictures=True)
        return read_source(str(path), LOCAL_FILES, class_names=class_names, reading=reading, exif=IGNORE), []
    labelled = parse_annotations(read_file(str(file), LOCAL_FILES), str(file), str(images or ""))
    names = [image.file_name for image in labelled.images]
    found = None if labels_only else _images_of(file, images, names)
    source = source_of(labelled, str(found or file.parent), "coco", str(file), exif=IGNORE)
    if found is None:
        notes = [] if labels_only else [f"its images were not found beside {file}; its labels alone were compared"]
        return replace(source, shards=()), notes
    shards = [
        replace(shard, paths=tuple(_image_file(found, record.file_name) for record in shard.records))
        for shard in source.shards
    ]
    return replace(source, shards=tuple(shards)), []


def _coco_file(path: Path) -> Path | None:
    """The COCO file that is meant, of a layout that has more of it than `convert` reads; None for what that reads."""
    try:
        if not path.exists():
            raise InputError(f"{path}: no such file or directory; correct the path")
        if not path.is_dir():
            return path
        if (path / ANNOTATIONS).is_file() and not (path / IMAGES).is_dir():
            return path / ANNOTATIONS
        if is_delivery(str(path), LOCAL_FILES):
            return None
        files = sorted(path.glob("*.json"))
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {reason_of(error)}; correct the path") from error
    except ValueError as error:
        raise InputError(f"{str(path)!r}: not a path ({error}); correct it") from error
    return files[0] if len(files) == 1 else None


def _images_of(file: Path, images: Path | None, names: Sequence[str]) -> Path | None:
    """The directory in which the images of a COCO file are; None if none of them is in any that comes to mind."""
    if images is not None and not images.is_dir():
        raise InputError(f"{images}: no such directory; give the one that holds the images of {file}")
    beside = (file.parent / IMAGES, file.parent, file.parent.parent / IMAGES, file.parent.parent / file.stem)
    asked = names[:: max(1, len(names) // _NAMED)]
    for directory in [images] if images is not None else beside:
        if any(os.path.exists(_image_file(directory, name)) for name in asked):
            return directory
    if images is not None:
        raise DataError(f"{images}: none of the images of {file} is in it, such as {asked[0]}; give their directory")
    return None


def _image_file(directory: Path, name: str) -> str:
    """Where an image lies: by its whole name, else by the last step of it."""
    whole = os.path.join(directory, name)
    last = os.path.join(directory, os.path.basename(name))
    return last if last != whole and not os.path.exists(whole) and os.path.exists(last) else whole


def objects_of_classes(data: ReadDataSet) -> dict[str, int]:
    """How many objects of each class a data set has, in label order."""
    labels = np.concatenate([np.empty(0, np.int64), *(record.truth.labels for record in data.records)])
    counts = np.bincount(labels, minlength=len(data.class_names) + 1)[1:]
    return {name: int(count) for name, count in zip(data.class_names, counts)}


def image_sizes(data: ReadDataSet) -> dict[tuple[int, int], int]:
    """How many images have each size, width and height in pixels, the most frequent first."""
    return dict(Counter((record.width_px, record.height_px) for record in data.records).most_common())
