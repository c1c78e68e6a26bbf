"""Images that are set aside while a data set is read once."""

from __future__ import annotations

import tempfile
from collections.abc import Collection
from dataclasses import dataclass

from ratchet.components.detector.stored_examples import ReadRecords, read_records, stored_examples
from ratchet.schemas.data.examples_artifact import ExamplesArtifact
from ratchet.schemas.data.records import ImageRecord

_IN_MEMORY_BYTES = 64_000_000  # of image files; more wait on the disk


@dataclass(frozen=True)
class Asked:
    """What is set aside of a data set.

    Attributes:
        image_ids: of images that are kept when they are read.
        file_names: of more such images.
        named: ids of images of which the file name alone is kept.
    """

    image_ids: frozenset[int] = frozenset()
    file_names: frozenset[str] = frozenset()
    named: frozenset[int] = frozenset()

    def keeps(self, record: ImageRecord) -> bool:
        """Whether an image is kept."""
        return record.image_id in self.image_ids or record.file_name in self.file_names

    def __bool__(self) -> bool:
        return bool(self.image_ids or self.file_names or self.named)


class KeptImages:
    """Images with their annotations by file name, beside memory once they are large.

    Args:
        image_ids: as in `Asked`.
        file_names: the same.
        named: the same.
    """

    def __init__(
        self, image_ids: Collection[int] = (), file_names: Collection[str] = (), named: Collection[int] = ()
    ) -> None:
        self.names: dict[int, str] = {}  # file names by image id, of `named`
        self.asked = Asked(frozenset(image_ids), frozenset(file_names), frozenset(named))
        self._places: dict[str, tuple[ImageRecord, int, int]] = {}
        self._file = tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES)  # noqa: SIM115 (closed with this object)

    def __contains__(self, file_name: str) -> bool:
        return file_name in self._places

    def __getitem__(self, file_name: str) -> tuple[ImageRecord, bytes]:
        record, start, length = self._places[file_name]
        self._file.seek(start)
        return record, self._file.read(length)

    @property
    def are_all_here(self) -> bool:
        """Whether every image that was asked for was read."""
        asked, ids = self.asked, {record.image_id for record, _, _ in self._places.values()}
        return asked.named <= self.names.keys() and asked.image_ids <= ids and asked.file_names <= self._places.keys()

    def offer(self, record: ImageRecord, encoded: bytes, keep: bool = False) -> None:
        """Keeps what was asked for of an image, or all of it."""
        if record.image_id in self.asked.named:
            self.names[record.image_id] = record.file_name
        if keep or self.asked.keeps(record):
            self._places[record.file_name] = (record, self._file.seek(0, 2), len(encoded))
            self._file.write(encoded)


def images_of(
    examples: ExamplesArtifact, names: Collection[str], *splits: str, read: ReadRecords = read_records
) -> dict[str, tuple[ImageRecord, bytes]]:
    """Some images by file name, with their annotations.

    Args:
        examples: the data set.
        names: of the images.
        splits: where they may be.
        read: reads TFRecord files.

    Raises:
        StateError: a split is not what ExampleGen wrote.
    """
    kept = KeptImages(file_names=names)
    for example in stored_examples(examples, *splits, read=read) if names else ():
        kept.offer(example.record, example.encoded)
    return {name: kept[name] for name in names if name in kept}
