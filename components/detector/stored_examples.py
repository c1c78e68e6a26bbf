"""The tf.Examples that ExampleGen wrote, read by whoever goes through a split, and counted."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, cast

import tensorflow as tf

from ratchet.components.detector.served import unreadable
from ratchet.schemas.base.errors import StateError
from ratchet.schemas.data import features
from ratchet.schemas.data.examples_artifact import ExamplesArtifact
from ratchet.schemas.data.records import ImageRecord, record_from_json

ReadRecords = Callable[[Sequence[str]], Iterable[bytes]]
_READ_AT_ONCE = 8  # whole images, of many megapixels perhaps


class StoredExample(NamedTuple):
    """One of them.

    Attributes:
        serialized: as it is stored.
        record: its annotation.
        values: its features by key.
    """

    serialized: bytes
    record: ImageRecord
    values: Mapping[str, tf.train.Feature]

    @classmethod
    def parse(cls, serialized: bytes) -> StoredExample:
        """From its bytes."""
        values = tf.train.Example.FromString(serialized).features.feature
        return cls(serialized, record_from_json(values[features.RECORD].bytes_list.value[0]), values)

    @property
    def encoded(self) -> bytes:
        """The image file."""
        return self.values[features.IMAGE_ENCODED].bytes_list.value[0]


def read_records(files: Sequence[str]) -> Iterable[bytes]:
    """The serialized tf.Examples of TFRecord files.

    Raises:
        StateError: a file is not there, or not whole.
    """
    # A step of tf.data's iterator takes longer than reading a record, so a step takes several.
    batches = tf.data.TFRecordDataset(list(files)).batch(_READ_AT_ONCE).as_numpy_iterator()
    try:
        yield from itertools.chain.from_iterable(cast("Iterable[Iterable[bytes]]", batches))
    except tf.errors.OpError as error:
        raise unreadable(files, error) from error


def stored_examples(
    examples: ExamplesArtifact, *splits: str, read: ReadRecords = read_records, most: int | None = None
) -> Iterator[StoredExample]:
    """What `dataset.json` lists of some splits, in the order of their files.

    Args:
        examples: the data set.
        splits: of it.
        read: reads TFRecord files.
        most: of each split at most so many, the first ones; None: all.

    Raises:
        StateError: a split that was read to its end is not what ExampleGen wrote.
    """
    for split in splits:
        found = 0
        try:
            for serialized in itertools.islice(read(examples.record_files(split)), most):
                found += 1
                yield StoredExample.parse(serialized)
        except StateError:
            examples.check_files(split)  # names the file that is cut off
            raise
        if most is None or found < most:
            examples.check_read(split, found)
