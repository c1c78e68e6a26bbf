"""What a data set holds, as one digest: whether it is the one that was stored before; pure."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
from concurrent.futures import ThreadPoolExecutor

from ratchet.components.example_gen.dataset import Source
from ratchet.schemas.base.code_version import code_version
from ratchet.schemas.base.files import LOCAL_FILES, Files
from ratchet.schemas.base.progress import Progress
from ratchet.schemas.data.records import record_to_json

_READERS = 2  # reading and hashing work outside Python's lock; more than two cost other work on small machines
_MEASURE_WITH = ("numpy", "pillow")  # what images are measured with, besides our own code


def content_digest(source: Source) -> str:
    """Digest of a data set: of its classes, its annotations and the bytes of every image file.

    It changes with nothing else: not with the place of the data set, nor with the times of its files.

    Args:
        source: the data set, read from this machine.

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
    with ThreadPoolExecutor(_READERS) as pool:
        for done, (path, content) in enumerate(zip(paths, pool.map(_file_digest, paths)), start=1):
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
    paths = [f"{folder}/{name}" for folder, _, names in files.walk(directory) for name in names]
    for path in sorted(paths):
        digest.update(f"{os.path.relpath(path, directory)}\0{_file_digest(path, files)}\n".encode())
    return digest.hexdigest()


def _file_digest(path: str, files: Files = LOCAL_FILES) -> str:
    content = hashlib.sha256()
    with files.open(path, "rb") as file:
        while chunk := file.read(1 << 20):
            content.update(chunk)
    return content.hexdigest()
