"""The worker's part of ExampleGen: a group of annotated images -> TFRecord files of tf.Examples."""

from __future__ import annotations

import base64
import dataclasses
import itertools
import json
import uuid
import zlib
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import apache_beam as beam
from tfx.dsl.io import fileio

from ratchet.components.example_gen.convert import to_example
from ratchet.components.example_gen.dataset import encoded_images
from ratchet.components.example_gen.facts import ImageFacts
from ratchet.components.example_gen.file_names import objects_for
from ratchet.components.example_gen.ingest import ingest
from ratchet.components.example_gen.orientations import OrientedImageError
from ratchet.components.example_gen.outcomes import end_line, outcome_path
from ratchet.components.example_gen.staging import STAGING, read_about, read_group
from ratchet.components.example_gen.tfrecords import framed
from ratchet.components.imaging.orientation import UPRIGHT
from ratchet.schemas.base.errors import DataError
from ratchet.schemas.base.files import files_for
from ratchet.schemas.base.progress import Progress
from ratchet.schemas.data.dataset import content_digest, image_digest
from ratchet.schemas.data.examples_artifact import split_directory
from ratchet.schemas.data.fingerprints import line_of
from ratchet.schemas.data.records import ImageRecord

_THREADS = 2  # that inspect images: Pillow and zlib work outside Python's lock, the rest gains nothing by more
_TOGETHER = 8  # images that a thread is given at once: handing over costs as much as building an Example


class ConvertGroup(beam.DoFn):
    """The number of a group -> its TFRecord files, one a split, and a file that says what each image is.

    Nothing comes out: what is written under the name of a group is the same whoever writes it, and however often.
    Errors travel in the file: runners wrap exceptions beyond recognition, and one alone would hide the others.

    Args:
        out: directory of the data set; below it lies what `staging.stage` wrote.
    """

    def __init__(self, out: str) -> None:
        self._out = out

    def setup(self) -> None:
        """See the base class."""
        self._about = read_about(f"{self._out}/{STAGING}", fileio)
        self._progress = Progress("reading images", self._about.images)
        self._done = 0
        self._pool = ThreadPoolExecutor(_THREADS)

    def teardown(self) -> None:
        """See the base class."""
        self._pool.shutdown()

    def process(self, element: int) -> Iterator[Any]:
        """See the base class."""
        writer = _GroupWriter(self._out, element, self._about.groups)
        for shard, splits in read_group(f"{self._out}/{STAGING}", element, fileio):
            files = files_for(shard.paths[0], objects_for(shard.paths[0], fileio))
            images = zip(encoded_images(shard, files), shard.names, splits)
            for line, split, example in _in_order(self._pool, self._convert, images):
                writer.add(line, split, example)
                self._done += 1
                self._progress.update(self._done)
        writer.publish()
        return iter(())

    def _convert(
        self, image: tuple[tuple[ImageRecord, bytes | DataError], str, str]
    ) -> tuple[dict[str, Any], str, bytes | None]:
        (record, encoded), name, split = image
        line: dict[str, Any] = {"image_id": record.image_id}
        label_map = self._about.label_map
        try:
            if isinstance(encoded, DataError):
                raise encoded
            taken = ingest(encoded, record, name, self._about.exif)
        except OrientedImageError as error:
            return line | {"refused": dataclasses.astuple(error.found)}, split, None
        except DataError as error:
            return line | {"problem": str(error)}, split, None
        encoded, quality = taken.encoded, taken.quality
        if taken.orientation != UPRIGHT:
            line["orientation"] = taken.orientation
        content = content_digest(record, encoded, label_map.names)
        fingerprint = line_of(record.image_id, quality.hash_bits, content)
        line |= {"digest": image_digest(record, encoded).hex(), "fingerprint": fingerprint}
        line |= {"thumbnail": base64.b64encode(quality.thumbnail.tobytes()).decode()}
        line |= {"facts": ImageFacts.of(quality, zlib.crc32(encoded)).to_json()}
        example = to_example(record, encoded, quality, label_map).SerializeToString(deterministic=True)
        return line, split, example


class _GroupWriter:
    """Writes the files of a group beside their places, and moves them there once they are whole."""

    def __init__(self, out: str, group: int, groups: int) -> None:
        self._out, self._group = out, group
        self._name = f"data_tfrecord-{group:05d}-of-{groups:05d}"
        # Another try of the same group may be at work, on a worker that its runner has given up.
        self._try = f"{out}/{STAGING}/{group:05d}-{uuid.uuid4().hex}"
        self._writers: dict[str, Any] = {}
        self._images: dict[str, int] = {}
        self._lines = 0
        self._outcome = fileio.open(f"{self._try}-outcome", "w")

    def add(self, line: dict[str, Any], split: str, example: bytes | None) -> None:
        """Adds what is said of an image, and the image if it is sound."""
        self._outcome.write(json.dumps(line) + "\n")
        self._lines += 1
        if example is None:
            return
        if split not in self._writers:
            # Uncompressed: JPEG and PNG cannot be made smaller, and trying costs more than all the rest.
            self._writers[split] = fileio.open(f"{self._try}-{split}", "wb")
        self._writers[split].write(framed(example))
        self._images[split] = self._images.get(split, 0) + 1

    def publish(self) -> None:
        """Moves everything into place, last of all what says that the rest is there."""
        for split, writer in self._writers.items():
            writer.close()
            place = f"{split_directory(self._out, split)}/{self._name}"
            fileio.rename(f"{self._try}-{split}", place, overwrite=True)
        self._outcome.write(end_line(self._lines, {split: (self._name, n) for split, n in self._images.items()}))
        self._outcome.close()
        fileio.rename(f"{self._try}-outcome", outcome_path(f"{self._out}/{STAGING}", self._group), overwrite=True)


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
