"""Directories of objects: their digest, and copies within the service, many objects at once."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence

from ratchet.components.object_store import objects
from ratchet.components.object_store.client import in_pool
from ratchet.components.object_store.objects import GenerationError, ObjectInfo
from ratchet.components.object_store.uri import is_gs
from ratchet.schemas.base.files import LOCAL_FILES, refuse_irregular
from ratchet.schemas.base.model_digest import digest_of

# A generation never changes its content, so what was hashed once is known, and so is what was copied from it.
_known: dict[tuple[str, int], str] = {}
_lock = threading.Lock()


def tree_digest(uri: str) -> str:
    """`model_digest` of the objects below a prefix.

    Raises:
        GenerationError: one of them was changed meanwhile.
    """
    return digest_of_all(objects.list_below(uri))


def digest_of_all(found: Sequence[ObjectInfo]) -> str:
    """`model_digest` of the objects of a listing.

    Raises:
        GenerationError: one of them was changed meanwhile.
    """
    return digest_of({each.name: content for each, content in zip(found, in_pool(_hashed, found))})


def copy_tree(source: str, target: str) -> list[ObjectInfo]:
    """Copies all objects below a prefix to another one, within the service; directories of this machine are sent.

    Args:
        source: a URI, or a directory of this machine.
        target: a URI; nothing below it is deleted.

    Returns:
        What was copied, as it was at its source.

    Raises:
        FileNotFoundError: there is nothing.
        GenerationError: an object of the source was changed meanwhile.
    """
    if not is_gs(source):
        return _send_tree(source, target)
    found = objects.list_below(source)
    if not found:
        raise FileNotFoundError(2, "nothing lies below it", source)
    in_pool(lambda each: copy_known(each, f"{target}/{each.name}", None), found)
    return found


def copy_known(source: ObjectInfo, target: str, generation: int | None) -> None:
    """Copies an object as it was listed, and no other content.

    Raises:
        GenerationError: the target is not that of the generation, or the source was changed.
    """
    try:
        made = objects.copy(source.uri, target, generation, source.generation)
    except FileNotFoundError as error:
        raise GenerationError(f"{source.uri}: it was deleted meanwhile") from error
    if (made.size, made.crc32c) != (source.size, source.crc32c):
        raise GenerationError(f"{target}: other bytes arrived than those of {source.uri}")
    with _lock:
        content = _known.get((source.uri, source.generation))
        if content is not None:
            _known[made.uri, made.generation] = content


def _hashed(each: ObjectInfo) -> str:
    with _lock:
        known = _known.get((each.uri, each.generation))
    if known is not None:
        return known
    content = objects.sha256(each.uri, each.generation)
    if content is None:
        raise GenerationError(f"{each.uri}: it was changed while it was read; run the same again")
    with _lock:
        _known[each.uri, each.generation] = content
    return content


def _send_tree(source: str, target: str) -> list[ObjectInfo]:
    paths = [f"{folder}/{name}" for folder, _, names in LOCAL_FILES.walk(source) for name in names]
    if not paths:
        raise FileNotFoundError(2, "no such directory, or an empty one", source)
    names = {path: os.path.relpath(path, source).replace(os.sep, "/") for path in paths}
    in_pool(lambda path: _send(path, f"{target}/{names[path]}"), paths)
    return []


def _send(path: str, uri: str) -> None:
    refuse_irregular(path)
    with open(path, "rb") as file:
        objects.write(uri, file.read())
