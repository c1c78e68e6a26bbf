"""The image files of a data set, each decoded once: figures, hashes, and what is wrong with some of them."""

from __future__ import annotations

import itertools
import os
import zlib
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np

from ratchet.components.example_gen.dataset import Shard, encoded_images
from ratchet.components.example_gen.facts import ImageFacts
from ratchet.components.example_gen.ingest import ingest
from ratchet.components.imaging.orientation import UPRIGHT
from ratchet.components.imaging.quality import image_features
from ratchet.schemas.base.errors import DataError
from ratchet.schemas.base.progress import Progress
from ratchet.schemas.data.dataset import content_digest
from ratchet.schemas.data.exif import IGNORE
from ratchet.schemas.data.records import ImageRecord

_AT_ONCE = 8  # images that a thread is given: handing over costs as much as measuring a small one
_MOST_THREADS = 2  # as ExampleGen: more gain nothing, for the rest of the work holds the lock


@dataclass(frozen=True, eq=False)
class Picture:
    """What an image file shows.

    Attributes:
        figures: by feature key; NaN for what it does not have.
        hash_bits: [256] bool, perceptual hash.
        thumbnail: [64, 64] uint8.
        content: 24 bytes, of the file and its labels.
        facts: what is in it at all.
        orientation: what its EXIF says, 1..8; everything else is of the pixels as they are stored.
    """

    figures: dict[str, float]
    hash_bits: np.ndarray
    thumbnail: np.ndarray
    content: bytes
    facts: ImageFacts
    orientation: int = UPRIGHT


@dataclass(frozen=True, eq=False)
class Pictures:
    """Of some images of a data set.

    Attributes:
        seen: by image id.
        problems: by image id, what is wrong with a file, in words.
    """

    seen: dict[int, Picture]
    problems: dict[int, str]


def seen_in(shards: Sequence[Shard], class_names: Sequence[str], title: str, threads: int | None = None) -> Pictures:
    """Decodes image files and measures them as ExampleGen does.

    Args:
        shards: which.
        class_names: of the labels.
        title: of the progress.
        threads: None for as many as there are processors: Pillow and zlib work outside Python's lock.
    """
    total = sum(len(shard.records) for shard in shards)
    seen: dict[int, Picture] = {}
    problems: dict[int, str] = {}
    progress = Progress(title, total)

    def one(item: tuple[ImageRecord, bytes | DataError, str]) -> tuple[int, Picture | str]:
        record, encoded, name = item
        return record.image_id, _picture(record, encoded, name, class_names)

    for done, (image_id, found) in enumerate(_in_threads(one, _files(shards), threads), start=1):
        if isinstance(found, str):
            problems[image_id] = found
        else:
            seen[image_id] = found
        progress.update(done)
    return Pictures(seen, problems)


def _files(shards: Sequence[Shard]) -> Iterator[tuple[ImageRecord, bytes | DataError, str]]:
    for shard in shards:
        for (record, encoded), name in zip(encoded_images(shard), shard.names):
            yield record, encoded, name


def _in_threads(one, items: Iterator, threads: int | None) -> Iterator:
    """Like `map`, but in several threads, and with no more than a few images in memory."""
    count = threads or min(_MOST_THREADS, os.cpu_count() or 1)
    waiting: deque[Future] = deque()
    with ThreadPoolExecutor(count) as pool:
        while several := list(itertools.islice(items, _AT_ONCE)):
            waiting.append(pool.submit(lambda given: [one(item) for item in given], several))
            if len(waiting) > count:
                yield from waiting.popleft().result()
        while waiting:
            yield from waiting.popleft().result()


def _picture(record: ImageRecord, encoded: bytes | DataError, name: str, class_names: Sequence[str]) -> Picture | str:
    if isinstance(encoded, DataError):
        return str(encoded)
    try:
        taken = ingest(encoded, record, name, IGNORE)
    except DataError as error:
        return str(error)
    quality = taken.quality
    return Picture(
        figures=image_features(quality),
        hash_bits=quality.hash_bits,
        thumbnail=quality.thumbnail,
        content=content_digest(record, encoded, class_names),
        facts=ImageFacts.of(quality, zlib.crc32(encoded)),
        orientation=taken.orientation,
    )


def some_of(shards: Sequence[Shard], image_ids: frozenset[int]) -> list[Shard]:
    """The same shards with some of their images alone."""
    kept = []
    for shard in shards:
        rows = [row for row, record in enumerate(shard.records) if record.image_id in image_ids]
        if not rows:
            continue
        records = tuple(shard.records[row] for row in rows)
        if shard.positions:
            kept.append(replace(shard, records=records, positions=tuple(shard.positions[row] for row in rows)))
        else:
            kept.append(replace(shard, records=records, paths=tuple(shard.paths[row] for row in rows)))
    return kept
