"""What a data set holds, as one digest: whether it is the one that was stored before; pure."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from ratchet.components.example_gen.dataset import Source
from ratchet.components.example_gen.file_names import objects_for
from ratchet.components.object_store.client import ahead
from ratchet.components.object_store.objects import sha256
from ratchet.components.object_store.uri import is_gs
from ratchet.schemas.base.code_version import code_version
from ratchet.schemas.base.files import LOCAL_FILES, Files, below
from ratchet.schemas.base.progress import Progress
from ratchet.schemas.data.records import record_to_json

_READERS = 2  # reading and hashing work outside Python's lock; more than two cost other work on small machines
_MEASURE_WITH = ("numpy", "pillow")  # what images are measured with, besides our own code


def content_digest(source: Source) -> str:
    """Digest of a data set: of its classes, its annotations and the bytes of every image file.

    It changes with nothing else: not with the place of the data set, nor with the times of its files.

    Args:
        source: the data set.

    Raises:
        OSError: an image file cannot be read.
    """
    digest = hashlib.sha256()
    labels = source.label_map
    digest.update(json.dumps([source.format, list(labels.names), list(labels.category_ids)]).encode())
    for record in source.records:
        digest.update(record_to_json(record) + b"\n")
    paths = [path for shard in source.shards for path in shard.paths]
    progress = Progress("comparing images", len(paths))
    for done, (path, content) in enumerate(zip(paths, _file_digests(paths)), start=1):
        digest.update(f"{os.path.relpath(path, source.directory)}\0{content}\n".encode())
        progress.update(done)
    return digest.hexdigest()


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
    for path, content in zip(paths, _file_digests(paths, files)):
        digest.update(f"{os.path.relpath(path, directory)}\0{content}\n".encode())
    return digest.hexdigest()


def _file_digests(paths: Sequence[str], files: Files = LOCAL_FILES) -> Iterator[str]:
    """Of files of this machine a few at once, of objects many."""
    if paths and is_gs(paths[0]):
        yield from ahead(_object_digest, paths)
        return
    with ThreadPoolExecutor(_READERS) as pool:
        yield from pool.map(partial(_file_digest, files=files), paths)


def _object_digest(uri: str) -> str:
    content = sha256(uri)
    if content is None:
        raise FileNotFoundError(2, "no such object", uri)
    return content


def _file_digest(path: str, files: Files = LOCAL_FILES) -> str:
    content = hashlib.sha256()
    with files.open(path, "rb") as file:
        while chunk := file.read(1 << 20):
            content.update(chunk)
    return content.hexdigest()
