"""What a data set holds, as one digest: whether it is the one that was stored before; pure."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from ratchet.components.example_gen.dataset import Source
from ratchet.components.example_gen.file_names import objects_for
from ratchet.components.example_gen.orientations import Oriented, refusal
from ratchet.components.imaging.orientation import UPRIGHT, orientation_in
from ratchet.components.object_store.client import ahead
from ratchet.components.object_store.objects import sha256
from ratchet.components.object_store.uri import is_gs
from ratchet.schemas.base.code_version import code_version
from ratchet.schemas.base.errors import DataError
from ratchet.schemas.base.files import LOCAL_FILES, Files, below
from ratchet.schemas.base.progress import Progress
from ratchet.schemas.data.exif import APPLY, REFUSE
from ratchet.schemas.data.records import record_to_json

_READERS = 2  # reading and hashing work outside Python's lock; more than two cost other work on small machines
_MEASURE_WITH = ("numpy", "pillow")  # what images are measured with, besides our own code


def content_digest(source: Source) -> str:
    """Digest of a data set: of its classes, its annotations and the bytes of every image file.

    It changes with nothing else: not with the place of the data set, nor with the times of its files. Image files of
    this machine are opened for it anyway, so their EXIF orientations are looked at as well.

    Args:
        source: the data set.

    Raises:
        OSError: an image file cannot be read.
        DataError: images have an EXIF orientation that is not 1, and the source refuses them.
    """
    digest = hashlib.sha256()
    labels = source.label_map
    digest.update(json.dumps([source.format, list(labels.names), list(labels.category_ids)]).encode())
    if source.exif == APPLY:  # the same files are other images then
        digest.update(b"exif apply\n")
    for record in source.records:
        digest.update(record_to_json(record) + b"\n")
    paths = [path for shard in source.shards for path in shard.paths]
    looks_for = source.exif == REFUSE and not any(shard.positions for shard in source.shards)
    orientations: dict[str, int] = {}
    progress = Progress("comparing images", len(paths))
    read = partial(_file_digest, orientations=orientations if looks_for else None)
    for done, (path, content) in enumerate(zip(paths, _file_digests(paths, read)), start=1):
        digest.update(f"{os.path.relpath(path, source.directory)}\0{content}\n".encode())
        progress.update(done)
    _refuse(source, orientations)
    return digest.hexdigest()


def _refuse(source: Source, orientations: Mapping[str, int]) -> None:
    """DataError if there are orientations, by path, other than 1."""
    if not orientations:
        return
    found = [
        Oriented(record.file_name, orientations[path])
        for shard in source.shards
        for record, path in zip(shard.records, shard.paths)
        if path in orientations
    ]
    raise DataError(refusal(found, source.directory, len(source.records)))


def cache_key(digest: str) -> str:
    """What a stored data set depends on besides its settings: its content, our code, the libraries that measure images.

    Args:
        digest: `content_digest` of the data set.
    """
    versions = [importlib.metadata.version(name) for name in _MEASURE_WITH]
    return hashlib.sha256(json.dumps([digest, code_version(), versions]).encode()).hexdigest()


def stored_digest(directory: str, files: Files = LOCAL_FILES) -> str:
    """Digest of a stored data set: of every file's relative path and content."""
    digest = hashlib.sha256()
    files = objects_for(directory, files)
    paths = sorted(below(folder, name) for folder, _, names in files.walk(directory) for name in names)
    for path, content in zip(paths, _file_digests(paths, partial(_file_digest, files=files))):
        digest.update(f"{os.path.relpath(path, directory)}\0{content}\n".encode())
    return digest.hexdigest()


def _file_digests(paths: Sequence[str], read: Callable[[str], str]) -> Iterator[str]:
    """Of files of this machine a few at once, of objects many."""
    if paths and is_gs(paths[0]):
        yield from ahead(_object_digest, paths)
        return
    with ThreadPoolExecutor(_READERS) as pool:
        yield from pool.map(read, paths)


def _object_digest(uri: str) -> str:
    content = sha256(uri)
    if content is None:
        raise FileNotFoundError(2, "no such object", uri)
    return content


def _file_digest(path: str, files: Files = LOCAL_FILES, orientations: dict[str, int] | None = None) -> str:
    """Digest of a file, whose orientation is added to those of others where it is not 1."""
    content = hashlib.sha256()
    with files.open(path, "rb") as file:
        if orientations is not None:
            if (orientation := orientation_in(file)) != UPRIGHT:
                orientations[path] = orientation
            file.seek(0)
        while chunk := file.read(1 << 20):
            content.update(chunk)
    return content.hexdigest()
