"""Writes a data set as TFRecords of tf.Examples; one Beam pass reads, checks, measures and converts its images."""

from __future__ import annotations

import base64
import dataclasses
import itertools
import json
import zlib
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
import numpy as np
from apache_beam.io.textio import WriteToText
from apache_beam.io.tfrecordio import WriteToTFRecord
from apache_beam.pvalue import TaggedOutput
from tfx.dsl.io import fileio

from ratchet.components.example_gen.convert import to_example
from ratchet.components.example_gen.dataset import Shard, Source, encoded_images, read_source
from ratchet.components.example_gen.facts import ImageFacts, facts_of
from ratchet.components.example_gen.file_names import objects_for
from ratchet.components.example_gen.ingest import ingest
from ratchet.components.example_gen.layout.layouts import AS_FOUND, Reading
from ratchet.components.example_gen.orientations import Oriented, OrientedImageError, refusal
from ratchet.components.example_gen.splits import splits_of
from ratchet.components.imaging.orientation import UPRIGHT
from ratchet.schemas.base.checked_json import Problems
from ratchet.schemas.base.errors import DataError
from ratchet.schemas.base.files import files_for
from ratchet.schemas.base.progress import Progress
from ratchet.schemas.data.dataset import (
    DATASET_FILE,
    DATASET_FORMAT,
    FINGERPRINTS,
    LOOKS,
    SPLITS,
    DataSetInfo,
    content_digest,
    dataset_digest,
    image_digest,
)
from ratchet.schemas.data.examples_artifact import split_directory
from ratchet.schemas.data.exif import REFUSE, Exif
from ratchet.schemas.data.facts import DataSetFacts
from ratchet.schemas.data.fingerprints import Fingerprints, line_of
from ratchet.schemas.data.looks import Looks, relative_boxes, thumbnails_of
from ratchet.schemas.data.records import ImageRecord, LabelMap

_LINES = "lines"
_THREADS = 2  # that inspect images: Pillow and zlib work outside Python's lock, the rest gains nothing by more
_TOGETHER = 8  # images that a thread is given at once: handing over costs as much as building an Example


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
        requests: what to read, each with the directory to write into.
        pipeline: not yet run; one for all, since starting it takes longer than a few hundred images.

    Raises:
        DataError: a data set contradicts itself, or an image is not what its annotation says.
    """
    reads = [_Read.of(request, out) for request, out in requests]
    with pipeline:
        for number, read in enumerate(reads):
            read.add_to(pipeline, str(number))
    return [read.finish() for read in reads]


@dataclass(frozen=True)
class _Read:
    """A data set whose annotations were read, and the split of each image by its id."""

    request: GenRequest
    source: Source
    splits: Mapping[int, str]
    out: str

    @classmethod
    def of(cls, request: GenRequest, out: str) -> _Read:
        files = objects_for(request.directory, fileio)
        source = read_source(
            *(request.directory, files, request.strict, request.class_names, request.reading, request.exif)
        )
        splits = splits_of(source.records, request.eval_fraction, request.held_out_fraction, request.group_by)
        return cls(request, source, splits, out)

    def add_to(self, pipeline: beam.Pipeline, name: str) -> None:
        splits, convert = self.splits, _Convert(self.source.label_map, len(self.source.records), self.source.exif)
        shards = [(shard, [splits[record.image_id] for record in shard.records]) for shard in self.source.shards]
        converted = (
            pipeline
            | f"Shards/{name}" >> beam.Create(shards)
            | f"Spread/{name}" >> beam.Reshuffle()
            | f"Convert/{name}" >> beam.ParDo(convert).with_outputs(_LINES, main="images")
        )
        _ = converted[_LINES] | f"WriteLines/{name}" >> WriteToText(f"{self.out}/{_LINES}")
        for split in SPLITS:
            fileio.makedirs(split_directory(self.out, split))
        for split in sorted(set(splits.values())):
            _ = (
                converted["images"]
                | f"Pick/{name}/{split}" >> beam.Filter(lambda image, wanted: image[0] == wanted, split)
                | f"Example/{name}/{split}" >> beam.Values()
                # Uncompressed: JPEG and PNG cannot be made smaller, and trying costs more than all the rest.
                | f"Write/{name}/{split}" >> WriteToTFRecord(f"{split_directory(self.out, split)}/data_tfrecord")
            )

    def finish(self) -> DataSetInfo:
        lines = _read_lines(self.out, self.source.directory)
        for split in SPLITS:
            prints = [line["fingerprint"] + "\n" for line in lines if line["split"] == split]
            _write(f"{self.out}/{FINGERPRINTS}/{split}", prints)
            looks = _looks([line for line in lines if line["split"] == split], self.request.span)
            _write_bytes(f"{self.out}/{LOOKS}/{split}.npz", looks.to_bytes())
        digests = {line["image_id"]: bytes.fromhex(line["digest"]) for line in lines}
        said = {line["image_id"]: ImageFacts.from_json(line["facts"]) for line in lines}
        facts = facts_of(self.source.records, self.source.label_map, said)
        oriented = sum(line.get("orientation", UPRIGHT) != UPRIGHT for line in lines)
        info = self._info(dataset_digest(self.source.label_map, digests), facts, oriented)
        _write(f"{self.out}/{DATASET_FILE}", [DATASET_FORMAT.write(info)])
        return info

    def _info(self, digest: str, facts: DataSetFacts, oriented: int) -> DataSetInfo:
        request, source = self.request, self.source
        images = Counter(self.splits.values())
        boxes: Counter[str] = Counter()
        for record in source.records:
            boxes[self.splits[record.image_id]] += len(record.truth.labels)
        return DataSetInfo(
            source=source.directory,
            source_format=source.format,
            span=request.span,
            version=request.version,
            digest=digest,
            class_names=source.label_map.names,
            category_ids=source.label_map.category_ids,
            images={split: images[split] for split in SPLITS},
            boxes={split: boxes[split] for split in SPLITS},
            bad_boxes=source.bad_boxes,
            mended_areas=source.mended_areas,
            told=source.told,
            left_out=source.left_out,
            facts=facts,
            exif=source.exif,
            oriented=oriented,
        )


class _Convert(beam.DoFn):
    """A shard -> (split, tf.Example) of each image, and a line of JSON an image: what it is, or what is wrong with it.

    Errors travel as data: runners wrap exceptions beyond recognition, and one alone would hide the others.
    """

    def __init__(self, label_map: LabelMap, images: int, exif: Exif) -> None:
        self._label_map = label_map
        self._images = images
        self._exif: Exif = exif

    def setup(self) -> None:
        """See the base class."""
        self._progress = Progress("reading images", self._images)
        self._done = 0
        self._pool = ThreadPoolExecutor(_THREADS)

    def teardown(self) -> None:
        """See the base class."""
        self._pool.shutdown()

    def process(self, element: tuple[Shard, list[str]]) -> Iterator[Any]:
        """See the base class."""
        shard, splits = element
        files = files_for(shard.paths[0], objects_for(shard.paths[0], fileio))
        images = zip(encoded_images(shard, files), shard.names, splits)
        for line, example in _in_order(self._pool, self._convert, images):
            if example is not None:
                yield line["split"], example
            yield TaggedOutput(_LINES, json.dumps(line))
            self._done += 1
            self._progress.update(self._done)

    def _convert(
        self, image: tuple[tuple[ImageRecord, bytes | DataError], str, str]
    ) -> tuple[dict[str, Any], bytes | None]:
        (record, encoded), name, split = image
        line: dict[str, Any] = {"image_id": record.image_id, "split": split}
        try:
            if isinstance(encoded, DataError):
                raise encoded
            taken = ingest(encoded, record, name, self._exif)
        except OrientedImageError as error:
            return line | {"refused": dataclasses.astuple(error.found)}, None
        except DataError as error:
            return line | {"problem": str(error)}, None
        encoded, quality = taken.encoded, taken.quality
        if taken.orientation != UPRIGHT:
            line["orientation"] = taken.orientation
        content = content_digest(record, encoded, self._label_map.names)
        fingerprint = line_of(record.image_id, quality.hash_bits, content)
        line |= {"digest": image_digest(record, encoded).hex(), "fingerprint": fingerprint}
        thumbnail = base64.b64encode(quality.thumbnail.tobytes()).decode()
        line |= {"thumbnail": thumbnail, "boxes": relative_boxes(record).tolist()}
        line |= {"facts": ImageFacts.of(quality, zlib.crc32(encoded)).to_json()}
        return line, to_example(record, encoded, quality, self._label_map).SerializeToString(deterministic=True)


def _in_order(pool: ThreadPoolExecutor, function: Any, items: Iterator[Any]) -> Iterator[Any]:
    """Like `pool.map`, but no more than a few items are in memory at once."""

    def each(several: list[Any]) -> list[Any]:
        return [function(item) for item in several]

    waiting: deque[Future[list[Any]]] = deque()
    while several := list(itertools.islice(items, _TOGETHER)):
        waiting.append(pool.submit(each, several))
        if len(waiting) > _THREADS:
            yield from waiting.popleft().result()
    while waiting:
        yield from waiting.popleft().result()


def _read_lines(out: str, source: str) -> list[dict[str, Any]]:
    """What the pass said of every image of a data set, by ascending image id.

    Raises:
        DataError: an image is not what its annotation says.
    """
    lines = []
    for path in sorted(map(str, fileio.glob(f"{out}/{_LINES}-*"))):
        with fileio.open(path, "r") as file:
            lines += [json.loads(line) for line in file]
        fileio.remove(path)
    lines.sort(key=lambda line: line["image_id"])
    problems = Problems()
    refused = [Oriented(*line["refused"]) for line in lines if "refused" in line]
    if refused:
        problems.add(refusal(refused, source, len(lines)))
    for line in lines:
        if "problem" in line:
            problems.add(line["problem"])
    problems.raise_if_any()
    return lines


def _looks(lines: Sequence[Mapping[str, Any]], span: int) -> Looks:
    return Looks(
        prints=Fingerprints.parse([line["fingerprint"] for line in lines], span),
        thumbnails=thumbnails_of([base64.b64decode(line["thumbnail"]) for line in lines]),
        box_counts=np.array([len(line["boxes"]) for line in lines], np.int64),
        boxes_xywh=np.array([box for line in lines for box in line["boxes"]], np.float32).reshape(-1, 4),
    )


def _write_bytes(path: str, content: bytes) -> None:
    fileio.makedirs(path.rpartition("/")[0])
    with fileio.open(path, "wb") as file:
        file.write(content)


def _write(path: str, texts: list[str]) -> None:
    fileio.makedirs(path.rpartition("/")[0])
    with fileio.open(path, "w") as file:
        file.write("".join(texts))
