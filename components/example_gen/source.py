"""A data set as it was delivered: its annotations, and where the images are. No image has been decoded yet."""

from __future__ import annotations

from dataclasses import dataclass, field

from schemas.data.dataset import BadBoxes
from schemas.data.records import ImageRecord, LabelMap


@dataclass(frozen=True)
class Shard:
    """Images that are read one after the other.

    Attributes:
        records: their annotations.
        paths: their files; or, for images inside a TFRecord file, that file and nothing else.
        positions: places of the records in the TFRecord file, from 0, ascending; empty for image files.
    """

    records: tuple[ImageRecord, ...]
    paths: tuple[str, ...]
    positions: tuple[int, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """What to call each image's file in a message."""
        return tuple(f"{self.paths[0]}, record {place}" for place in self.positions) or self.paths


@dataclass(frozen=True)
class Source:
    """A data set's annotations, found sound.

    Attributes:
        directory: where it was read.
        format: `coco`, `voc`, `yolo` or `tfrecord`.
        label_map: its classes.
        records: its images, ascending by image id.
        shards: the same records, as they are to be read.
        bad_boxes: labelled boxes that were left out, because they cannot be boxes of their image.
    """

    directory: str
    format: str
    label_map: LabelMap
    records: tuple[ImageRecord, ...] = field(repr=False)
    shards: tuple[Shard, ...] = field(repr=False)
    bad_boxes: BadBoxes
