"""Where a root lies, and how its files are named: a directory of this machine, or an object store.

Of a remote root the commands have a working copy, a directory of this machine with the small files that they read and
write (working_copy.py). The registry, served models and artifacts stay where they are, and are asked for by their URIs.
"""

from __future__ import annotations

import os
from pathlib import Path

from ratchet.components.object_store.uri import is_gs
from ratchet.pipeline.root.object_path import ObjectPath
from ratchet.pipeline.root.remote_file import read_remote
from ratchet.schemas.base.files import read_regular

Place = Path | ObjectPath
_PARTS = ("registry", "runs", "serving", "artifacts")


def uri_of(root: Path) -> str:
    """The root's own place, as people and files name it: the URI of a working copy, the path of any other root."""
    remote = read_remote(root)
    return remote.uri if remote else str(root)


def is_remote(root: Path) -> bool:
    """Whether this is the working copy of a root in an object store."""
    return read_remote(root) is not None


def home_of(root: Path) -> str:
    """The same as `uri_of`, and absolute: what is written down of a root."""
    remote = read_remote(root)
    return remote.uri if remote else str(root.resolve())


def named(root: Path, path: Path) -> str:
    """How a file below a root is called, for people and for files that outlive this machine."""
    remote = read_remote(root)
    if remote is None or not path.is_relative_to(root):
        return str(path)
    return f"{remote.uri}/{path.relative_to(root)}"


def tree_of(root: Path) -> Place:
    """The whole root: where registry, served models and artifacts lie."""
    remote = read_remote(root)
    return ObjectPath.tree(remote.uri) if remote else root


def part_of(root: Path, name: str) -> Place:
    """A directory of the root by itself, such as `registry`; of a remote one, only what lies below it is listed."""
    remote = read_remote(root)
    return ObjectPath.tree(f"{remote.uri}/{name}") if remote else root / name


def is_there(root: Path) -> bool:
    """Whether there is anything at all where a root is."""
    remote = read_remote(root)
    return root.is_dir() if remote is None else any(part_of(root, name).is_dir() for name in _PARTS)


def read_place(file: Place) -> str:
    """The text of a file, UTF-8.

    Raises:
        OSError: it cannot be read, or is no regular file.
        UnicodeDecodeError: it is no text.
    """
    return file.read_text() if isinstance(file, ObjectPath) else read_regular(file)


def modified_s(file: Place) -> float:
    """When a file was written, or the newest in a directory of an object store; seconds since 1970.

    Raises:
        OSError: it is not there.
    """
    return file.modified_s() if isinstance(file, ObjectPath) else file.stat().st_mtime


def place(uri: str, *below: str, tree: Place | None = None) -> Place:
    """A file or directory that a record names by its path or URI.

    Args:
        uri: of it, or of a directory above it.
        below: names in that directory.
        tree: of `tree_of`, whose listing answers for what lies in it.
    """
    if not is_gs(uri):
        return Path(uri, *below)
    if isinstance(tree, ObjectPath) and uri.startswith(f"{tree}/"):
        return tree.joinpath(uri[len(str(tree)) + 1 :], *below)
    return ObjectPath.tree(os.path.join(uri, *below))
