"""Writes a data set as TFRecords of tf.Examples; one Beam pass reads, checks, measures and converts its images."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import apache_beam as beam
from tfx.dsl.io import fileio

from ratchet.components.example_gen.converting import ConvertGroup
from ratchet.components.example_gen.dataset import Source, read_source
from ratchet.components.example_gen.facts import facts_of
from ratchet.components.example_gen.file_names import objects_for
from ratchet.components.example_gen.layout.layouts import AS_FOUND, Reading
from ratchet.components.example_gen.outcomes import Outcomes, outcome_path
from ratchet.components.example_gen.splits import splits_of
from ratchet.components.example_gen.staging import STAGING, About, groups_of, stage
from ratchet.components.object_store.emptying import empty
from ratchet.schemas.base.errors import StateError
from ratchet.schemas.data.dataset import (
    DATASET_FILE,
    DATASET_FORMAT,
    FINGERPRINTS,
    LOOKS,
    SPLITS,
    DataSetInfo,
    dataset_digest,
)
from ratchet.schemas.data.examples_artifact import split_directory
from ratchet.schemas.data.exif import REFUSE, Exif
from ratchet.schemas.data.looks import SIDE, relative_boxes, write_looks
from ratchet.schemas.data.records import ImageRecord

# What a broken try may have left, also one of an older version; `dataset.json` says that the rest is whole.
_OWN = (DATASET_FILE, "Split-*", STAGING, FINGERPRINTS, LOOKS, "lines-*", "beam-temp-*")


@dataclass(frozen=True)
class GenRequest:
    """What to read.

    Attributes:
        directory: the data set.
        span: its number; 0 for the golden set.
        version: of the span.
        strict: whether a box that cannot be one is an error, or is left out and counted.
        eval_fraction: share of images, 0..1, for validation.
        held_out_fraction: share of images, 0..1, that nothing is chosen by.
        group_by: attribute of images that stay together; None: every image by itself.
        class_names: the curated classes, for data sets that list none.
        reading: how it is to be read.
        exif: what is done about images whose EXIF orientation is not 1.
    """

    directory: str
    span: int
    version: int
    strict: bool
    eval_fraction: float
    held_out_fraction: float
    group_by: str | None
    class_names: tuple[str, ...] | None
    reading: Reading = AS_FOUND
    exif: Exif = REFUSE


def generate(requests: Sequence[tuple[GenRequest, str]], pipeline: beam.Pipeline) -> list[DataSetInfo]:
    """Writes a directory `Split-NAME/` a split, fingerprints and DATASET_FILE of one or more data sets.

    Args:
        requests: what to read, each with the directory to write into, on a file system that Beam's workers share;
            what an earlier try has left there is deleted.
        pipeline: not yet run; one for all, since starting it takes longer than a few hundred images.

    Raises:
        DataError: a data set contradicts itself, or an image is not what its annotation says.
        StateError: the workers did not do all of their work.
    """
    reads = [_Read.of(request, out) for request, out in requests]
    with pipeline:
        for number, read in enumerate(reads):
            read.add_to(pipeline, str(number))
    return [read.finish() for read in reads]


@dataclass(frozen=True)
class _Read:
    """A data set whose annotations were read and written for the workers, and the split of each image by its id."""

    request: GenRequest
    source: Source
    splits: Mapping[int, str]
    groups: int
    out: str

    @classmethod
    def of(cls, request: GenRequest, out: str) -> _Read:
        files = objects_for(request.directory, fileio)
        source = read_source(
            *(request.directory, files, request.strict, request.class_names, request.reading, request.exif)
        )
        splits = splits_of(source.records, request.eval_fraction, request.held_out_fraction, request.group_by)
        empty(out, _OWN)
        for directory in (f"{out}/{STAGING}", *(split_directory(out, split) for split in SPLITS)):
            fileio.makedirs(directory)
        groups = groups_of(source.shards)
        about = About(source.label_map, source.exif, len(source.records), len(groups))
        stage(f"{out}/{STAGING}", about, groups, splits, fileio)
        return cls(request, source, splits, len(groups), out)

    def add_to(self, pipeline: beam.Pipeline, name: str) -> None:
        _ = (
            pipeline
            | f"Groups/{name}" >> beam.Create(range(self.groups))
            | f"Spread/{name}" >> beam.Reshuffle()
            | f"Convert/{name}" >> beam.ParDo(ConvertGroup(self.out))
        )

    def finish(self) -> DataSetInfo:
        outcomes = Outcomes(SIDE * SIDE)
        for group in range(self.groups):
            outcomes.read(outcome_path(f"{self.out}/{STAGING}", group), fileio)
        outcomes.raise_problems(self.source.directory, len(self.source.records))
        if outcomes.images.keys() != self.splits.keys():
            raise StateError(
                f"{self.out}: Beam's workers said what became of {len(outcomes.images)} images of {len(self.splits)}; "
                "run the step again"
            )
        for split in SPLITS:
            self._write_prints(split, outcomes)
        info = self._info(outcomes)
        _write(f"{self.out}/{DATASET_FILE}", [DATASET_FORMAT.write(info)])
        empty(self.out, (STAGING,))
        return info

    def _write_prints(self, split: str, outcomes: Outcomes) -> None:
        records = [record for record in self.source.records if self.splits[record.image_id] == split]
        ids = [record.image_id for record in records]
        _write(f"{self.out}/{FINGERPRINTS}/{split}", [outcomes.images[i].fingerprint + "\n" for i in ids])
        boxes = [relative_boxes(record) for record in records]
        place = f"{self.out}/{LOOKS}/{split}.npz"
        fileio.makedirs(f"{self.out}/{LOOKS}")
        with tempfile.NamedTemporaryFile() as file:
            write_looks(file, ids, outcomes.thumbnails(ids), [len(each) for each in boxes], boxes)
            file.flush()
            fileio.copy(file.name, place, overwrite=True)

    def _info(self, outcomes: Outcomes) -> DataSetInfo:
        request, source, said = self.request, self.source, outcomes.images
        images = Counter(self.splits.values())
        return DataSetInfo(
            source=source.directory,
            source_format=source.format,
            span=request.span,
            version=request.version,
            digest=dataset_digest(source.label_map, {image_id: of.digest for image_id, of in said.items()}),
            class_names=source.label_map.names,
            category_ids=source.label_map.category_ids,
            images={split: images[split] for split in SPLITS},
            boxes=_boxes(source.records, self.splits),
            bad_boxes=source.bad_boxes,
            mended_areas=source.mended_areas,
            told=source.told,
            left_out=source.left_out,
            facts=facts_of(source.records, source.label_map, {image_id: of.facts for image_id, of in said.items()}),
            exif=source.exif,
            oriented=sum(of.is_turned for of in said.values()),
            record_files={split: dict(sorted(outcomes.record_files.get(split, {}).items())) for split in SPLITS},
        )


def _boxes(records: Sequence[ImageRecord], splits: Mapping[int, str]) -> dict[str, int]:
    boxes: Counter[str] = Counter()
    for record in records:
        boxes[splits[record.image_id]] += len(record.truth.labels)
    return {split: boxes[split] for split in SPLITS}


def _write(path: str, texts: list[str]) -> None:
    fileio.makedirs(path.rpartition("/")[0])
    with fileio.open(path, "w") as file:
        file.write("".join(texts))
