"""Identity and size of a SavedModel."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping

from ratchet.schemas.base.files import Files, below, refuse_irregular


def model_digest(directory: str, files: Files) -> str:
    """Digest of a SavedModel: of every file's relative path and content."""
    contents = {}
    for path in _paths(directory, files):
        content = hashlib.sha256()
        refuse_irregular(path)
        with files.open(path, "rb") as file:
            while chunk := file.read(1 << 20):
                content.update(chunk)
        contents[os.path.relpath(path, directory)] = content.hexdigest()
    return digest_of(contents)


def digest_of(contents: Mapping[str, str]) -> str:
    """The same, of files whose contents are hashed already.

    Args:
        contents: sha256 in hexadecimal digits by the path below the directory.
    """
    digest = hashlib.sha256()
    for path in sorted(contents):
        digest.update(f"{path}\0{contents[path]}\n".encode())
    return digest.hexdigest()


def is_intact(directory: str, digest: str, files: Files) -> bool:
    """Whether a directory holds the SavedModel with that digest."""
    return files.exists(f"{directory}/saved_model.pb") and model_digest(directory, files) == digest


def model_size(directory: str, files: Files) -> int:
    """Bytes of all files of a SavedModel."""
    size = 0
    for path in _paths(directory, files):
        with files.open(path, "rb") as file:
            file.seek(0, os.SEEK_END)
            size += file.tell()
    return size


def _paths(directory: str, files: Files) -> list[str]:
    return sorted(below(folder, name) for folder, _, names in files.walk(directory) for name in names)
