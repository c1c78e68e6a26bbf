"""The golden set that an adopted model is measured on: read, ingested and digested as a run does it, without TFX."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ratchet.components.coco.entries import Entries
from ratchet.components.coco.reading import CocoAnnotations
from ratchet.components.example_gen.dataset import Shard, Source, encoded_images, read_source
from ratchet.components.example_gen.ingest import ingest
from ratchet.pipeline.config.pipeline_settings import PipelineSettings
from ratchet.pipeline.run.preflight import schema_file, tell_of
from ratchet.schemas.base.errors import DataError, InputError
from ratchet.schemas.base.files import LOCAL_FILES
from ratchet.schemas.base.progress import Progress
from ratchet.schemas.data.columns import TruthColumns
from ratchet.schemas.data.dataset import dataset_digest, image_digest
from ratchet.schemas.data.records import ImageRecord
from ratchet.schemas.data.tfdv_schema import read_class_names


def read_golden(directory: Path, settings: PipelineSettings) -> Source:
    """The annotations of a golden set.

    Raises:
        DataError: they cannot be used; names file, entry, value and fix.
        InputError: nothing in it counts.
    """
    names, data = read_class_names(schema_file(settings), LOCAL_FILES), settings.data
    source = read_source(
        *(str(directory), LOCAL_FILES, True, names, data.golden_reading.reading, data.exif),
    )
    tell_of(source)
    if not any((~record.truth.is_crowd).any() for record in source.records):
        raise InputError(f"{directory}: holds no object that counts, so nothing can be measured on it; label some")
    return source


class GoldenImages:
    """The images of a golden set, in the order of its records; what they are is digested on the way.

    Args:
        source: the golden set.
        doing: what is done with them, for the progress.

    Attributes:
        digests: of the images that were read, by image id.
        size_bytes: of their files as they are kept.
    """

    def __init__(self, source: Source, doing: str = "measuring") -> None:
        self.source, self._doing = source, doing
        self.digests: dict[int, bytes] = {}
        self.size_bytes = 0

    def __iter__(self) -> Iterator[tuple[ImageRecord, bytes]]:
        """Each image as ExampleGen would keep it.

        Raises:
            DataError: an image cannot be read, or is not what its record says.
        """
        progress, done = Progress(self._doing, len(self.source.records)), 0
        for shard in self.source.shards:
            for (record, content), name in zip(encoded_images(shard), shard.names):
                if isinstance(content, DataError):
                    raise content
                kept = ingest(content, record, name, self.source.exif).encoded
                self.digests[record.image_id] = image_digest(record, kept)
                self.size_bytes += len(kept)
                yield record, kept
                done += 1
                progress.update(done)

    def files_of(self, ids: Iterable[int]) -> list[tuple[str, bytes]]:
        """Name and file of some images, read once more, in the order of the golden set's ids."""
        wanted, found = set(ids), dict[int, tuple[str, bytes]]()
        for shard in self.source.shards:
            rows = [row for row, record in enumerate(shard.records) if record.image_id in wanted]
            if not rows:
                continue
            paths = shard.paths if shard.positions else _rows(shard.paths, rows)
            part = Shard(_rows(shard.records, rows), paths, _rows(shard.positions, rows))
            for (record, content), name in zip(encoded_images(part), part.names):
                if isinstance(content, DataError):
                    raise content
                kept = ingest(content, record, name, self.source.exif).encoded
                found[record.image_id] = (record.file_name, kept)
        return [found[image] for image in sorted(found)]

    def named(self, names: Iterable[str]) -> dict[str, bytes]:
        """Files of some images by name, read once more."""
        ids = {record.file_name: record.image_id for record in self.source.records}
        return dict(self.files_of(ids[name] for name in names))

    @property
    def digest(self) -> str:
        """As a run records it, once all images were read."""
        return dataset_digest(self.source.label_map, self.digests)


def digest_of_golden(directory: Path, settings: PipelineSettings) -> str:
    """What a run records of a golden set, for which all its images are read.

    Raises:
        RatchetError: see `read_golden` and `GoldenImages`.
    """
    images = GoldenImages(read_golden(directory, settings), "comparing the golden set")
    for _ in images:
        pass
    return images.digest


def _rows(values: Sequence[Any], rows: Sequence[int]) -> tuple[Any, ...]:
    return tuple(values[row] for row in rows) if values else ()


def truth_of(source: Source) -> CocoAnnotations:
    """The labels of a golden set as the evaluator on files takes them."""
    records = source.records
    return CocoAnnotations(
        label_map=source.label_map,
        image_ids=np.array([record.image_id for record in records], np.int64),
        file_names=tuple(record.file_name for record in records),
        sizes_px=np.array([(record.width_px, record.height_px) for record in records], np.float64),
        attributes=tuple(dict(record.attributes) for record in records),
        objects=TruthColumns.of([record.truth for record in records]),
        entries=Entries([], "annotations", source.directory),
        mended_areas=source.mended_areas,
    )
