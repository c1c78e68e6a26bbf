"""Every image of a data set checked and written, several at once; those that a killed run has written are not again."""

from __future__ import annotations

import hashlib
import os
import zlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from ratchet.components.example_gen.dataset import Shard, Source, encoded_images
from ratchet.components.example_gen.facts import ImageFacts
from ratchet.components.example_gen.ingest import ingest
from ratchet.components.example_gen.orientations import Oriented, OrientedImageError, refusal
from ratchet.components.object_store.objects import list_below
from ratchet.components.object_store.uri import is_gs
from ratchet.pipeline.data.resumable import Begun
from ratchet.schemas.base.checked_json import Problems
from ratchet.schemas.base.code_version import code_version
from ratchet.schemas.base.errors import DataError
from ratchet.schemas.base.files import Files
from ratchet.schemas.base.progress import LOGGER, Progress
from ratchet.schemas.data.exif import Exif
from ratchet.schemas.data.records import ImageRecord

_THREADS = min(8, os.cpu_count() or 1)  # Pillow and zlib work outside Python's lock


@dataclass
class Written:
    """What was found in the images.

    Attributes:
        facts: what each says, by its id.
        turned: how many were turned upright.
        refused: those whose orientation is refused.
        problems: what is wrong with others.
    """

    facts: dict[int, ImageFacts] = field(default_factory=dict)
    turned: int = 0
    refused: list[Oriented] = field(default_factory=list)
    problems: Problems = field(default_factory=Problems)

    def raise_if_any(self, source: Source) -> None:
        """DataError about all that is wrong."""
        if self.refused:
            self.problems.add_first(refusal(self.refused, source.directory, len(source.records)))
        self.problems.raise_if_any()


def asked_for(source: Source) -> str:
    """What images are written for a data set, as a digest of names and sizes, and of the code that checks them."""
    digest = hashlib.sha256(f"{source.directory}\n{source.exif}\n{code_version()}\n".encode())
    for record in source.records:
        digest.update(f"{record.image_id} {record.width_px} {record.height_px} {record.file_name}\n".encode())
    return digest.hexdigest()


def write_images(source: Source, files: Files, directory: str, begun: Begun) -> Written:
    """Checks every image and writes it.

    Args:
        source: the data set.
        files: where it is.
        directory: to write into.
        begun: what was written before, and the journal of what is.

    Raises:
        DataError: images are broken, or not what their annotations say; all are looked at first.
    """
    states = _States(source)
    written, done = Written(), {line.get("id"): line for line in begun.done}
    progress, count = Progress("converting", len(source.records)), 0
    kept = 0
    with ThreadPoolExecutor(_THREADS) as pool:
        for shard in source.shards:
            paths = {record.image_id: path for record, path in zip(shard.records, _paths(shard))}
            known = {
                record.image_id
                for record in shard.records
                if _is_written(record, done.get(record.image_id), states.of(paths[record.image_id]), directory)
            }
            for image_id in known:
                _take(written, done[image_id], image_id)
            count, kept = count + len(known), kept + len(known)
            left = _without(shard, known)
            write = partial(_write, exif=source.exif, directory=directory)
            for line in pool.map(write, encoded_images(left, files), left.names):
                image_id = line.get("id")
                if image_id is not None:
                    begun.note({**line, "state": states.of(paths[image_id])})
                    _take(written, line, image_id)
                elif "refused" in line:
                    written.refused.append(line["refused"])
                else:
                    written.problems.add(line["problem"])
                count += 1
                progress.update(count)
    if kept:
        LOGGER.info("%d of %d images had been written before and were kept", kept, len(source.records))
    written.raise_if_any(source)
    return written


def _take(written: Written, line: dict[str, Any], image_id: int) -> None:
    written.facts[image_id] = ImageFacts.from_json(line["facts"])
    written.turned += bool(line["turned"])


def _write(read: tuple[ImageRecord, bytes | DataError], name: str, exif: Exif, directory: str) -> dict[str, Any]:
    """What is noted of an image that was written, or what is wrong with it."""
    record, encoded = read
    try:
        if isinstance(encoded, DataError):
            raise encoded
        taken = ingest(encoded, record, name, exif)
    except OrientedImageError as error:
        return {"refused": error.found}
    except DataError as error:
        return {"problem": str(error)}
    path = os.path.join(directory, record.file_name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(taken.encoded)
    checksum = zlib.crc32(taken.encoded)
    facts = ImageFacts.of(taken.quality, checksum).to_json()
    return {"id": record.image_id, "crc": checksum, "facts": facts, "turned": taken.encoded is not encoded}


class _States:
    """In what state the files of a data set are: size and time here, the generation in an object store."""

    def __init__(self, source: Source) -> None:
        self._generations = (
            {each.uri: each.generation for each in list_below(source.directory)} if is_gs(source.directory) else None
        )

    def of(self, path: str) -> list[int]:
        """That of a file; empty if it is not there."""
        if self._generations is not None:
            return [self._generations.get(path, 0)]
        try:
            found = os.stat(path)
        except OSError:
            return []
        return [found.st_size, found.st_mtime_ns]


def _paths(shard: Shard) -> tuple[str, ...]:
    """The file of each image."""
    return shard.paths * len(shard.records) if shard.positions else shard.paths


def _is_written(record: ImageRecord, line: dict[str, Any] | None, state: list[int], directory: str) -> bool:
    if line is None or not state or line.get("state") != state:
        return False
    try:
        with open(os.path.join(directory, record.file_name), "rb") as file:
            return zlib.crc32(file.read()) == line["crc"]
    except OSError:
        return False


def _without(shard: Shard, known: set[int]) -> Shard:
    """The images of a shard that are left to write."""
    places = [place for place, record in enumerate(shard.records) if record.image_id not in known]

    def left(values: tuple[Any, ...]) -> tuple[Any, ...]:
        return tuple(values[place] for place in places)

    if shard.positions:
        return Shard(left(shard.records), shard.paths, left(shard.positions))
    return Shard(left(shard.records), left(shard.paths))
