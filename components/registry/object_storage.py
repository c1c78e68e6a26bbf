"""Registry and served models on gs://.

The token of a file is the generation of its object. A write is one request that depends on it, so a file is always one
that somebody wrote whole, and of two writers who have seen the same, one wins. There is no lock: whoever finds a
publication that has begun does what is missing of it, also beside the process that has begun it, and every step of it
may be done by several at once.

A version appears with its first object and is whole with `saved_model.pb`, which is copied last and only where there is
none. Nothing here makes an object that stands for a directory, for TensorFlow Serving would take that for a version.
"""

from __future__ import annotations

import contextlib
import datetime
import os
import uuid
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager

from ratchet.components.object_store import objects
from ratchet.components.object_store.client import in_pool
from ratchet.components.object_store.objects import GenerationError, ObjectInfo
from ratchet.components.object_store.trees import copy_known, copy_tree, digest_of_all, tree_digest
from ratchet.components.object_store.uri import is_gs
from ratchet.components.registry.storage import STAGED, ChangedError, Content, Token, check_copied
from ratchet.schemas.artifacts.registry_entries import is_version
from ratchet.schemas.base.errors import StateError

# Longer than any publication takes: whether a process of another machine lives cannot be asked.
LEFT_AFTER = datetime.timedelta(hours=6)
MODEL_FILE = "saved_model.pb"


class ObjectStorage:
    """See `Storage`.

    Args:
        registry_directory: a URI.
        serving_directory: a URI.
        left_after: how old what nobody finishes has to be before it is taken for left by the dead.
    """

    def __init__(
        self, registry_directory: str, serving_directory: str, left_after: datetime.timedelta = LEFT_AFTER
    ) -> None:
        for directory in (registry_directory, serving_directory):
            if not is_gs(directory):
                raise StateError(f"{directory}: registry and served models lie both on gs://, or none of them does")
        self.registry_directory = registry_directory.rstrip("/")
        self.serving_directory = serving_directory.rstrip("/")
        self.left_after = left_after
        self.root = os.path.dirname(self.registry_directory)

    def exclusive(self, wait_s: float = 0.0) -> AbstractContextManager[None]:
        """See `Storage`; here tokens alone keep writers apart."""
        return contextlib.nullcontext()

    def read(self, name: str) -> Content | None:
        """See `Storage`."""
        found = objects.read(f"{self.registry_directory}/{name}")
        return found and _content(found)

    def read_all(self, directory: str) -> dict[str, Content]:
        """See `Storage`."""
        names = [name for name in self.names(directory) if name.endswith(".json")]
        found = objects.read_many([f"{self.registry_directory}/{directory}/{name}" for name in names])
        return {name: _content(each) for name, each in zip(names, found) if each is not None}

    def read_many(self, names: Sequence[str]) -> list[Content | None]:
        """See `Storage`."""
        return [found and _content(found) for found in objects.read_many([self._uri(name) for name in names])]

    def delete(self, name: str) -> None:
        """See `Storage`."""
        objects.delete(self._uri(name))

    def write(self, name: str, text: str, token: str | Token = Token.ANY) -> str:
        """See `Storage`."""
        over = {Token.ANY: None, Token.ABSENT: 0}[token] if isinstance(token, Token) else int(token)
        try:
            return str(objects.write(f"{self.registry_directory}/{name}", text.encode(), over))
        except GenerationError as error:
            raise ChangedError(name) from error

    def names(self, directory: str = "") -> list[str]:
        """See `Storage`."""
        return [name.rstrip("/") for name in objects.children(f"{self.registry_directory}/{directory}".rstrip("/"))]

    def _uri(self, name: str) -> str:
        return f"{self.registry_directory}/{name}"

    def served(self) -> list[str]:
        """See `Storage`."""
        return [
            name for name, found in self._directories().items() if not is_version(name) or self._is_whole(name, found)
        ]

    def holds(self, name: str, digest: str) -> bool:
        """See `Storage`."""
        found = objects.list_below(f"{self.serving_directory}/{name}")
        if not self._is_whole(name, found):
            return False
        try:
            return digest_of_all(found) == digest
        except GenerationError:  # taken away while it was read
            return False

    def stage(self, source: str, digest: str) -> str:
        """See `Storage`."""
        name = f"{STAGED}{digest[:12]}-{uuid.uuid4().hex}"
        staged = f"{self.serving_directory}/{name}"
        try:
            if is_gs(source):  # looked at first, once: of what is known, the copy is known
                check_copied(source, digest_of_all(_all_below(source)), digest)
            copy_tree(source, staged)
            check_copied(source, tree_digest(staged), digest)
        except BaseException:
            objects.delete_below(staged)
            raise
        return name

    def publish(self, staged: str, version: str) -> None:
        """See `Storage`."""
        source, target = f"{self.serving_directory}/{staged}", f"{self.serving_directory}/{version}"
        new = {each.name: each for each in objects.list_below(source)}
        if MODEL_FILE not in new:
            raise FileNotFoundError(2, "what was staged is gone", source)
        there = {each.name: each for each in objects.list_below(target)}
        if MODEL_FILE not in there:
            self._copy_all(list(new.values()), there, target)
        elif not _same(there[MODEL_FILE], new[MODEL_FILE]):
            raise ChangedError(version)
        self.remove(staged)

    def _copy_all(self, new: Sequence[ObjectInfo], there: dict[str, ObjectInfo], target: str) -> None:
        """Copies what is missing; what an earlier try has left is there already, or is none of it."""

        def copy_one(each: ObjectInfo) -> None:
            old = there.get(each.name)
            if old is None or not _same(old, each):
                copy_known(each, f"{target}/{each.name}", old.generation if old else 0)

        try:
            _delete([there[name] for name in there.keys() - {each.name for each in new}])
            in_pool(copy_one, [each for each in new if each.name != MODEL_FILE])
            in_pool(copy_one, [each for each in new if each.name == MODEL_FILE])
        except GenerationError as error:
            raise ChangedError(target) from error

    def set_aside(self, name: str) -> None:
        """See `Storage`; it is out of service before it is gone from there."""
        found = objects.list_below(f"{self.serving_directory}/{name}")
        aside = f"{self.serving_directory}/set-aside-{name}-{uuid.uuid4().hex[:8]}"
        try:
            in_pool(lambda each: copy_known(each, f"{aside}/{each.name}", 0), found)
            _delete([each for each in found if each.name == MODEL_FILE])
            _delete([each for each in found if each.name != MODEL_FILE])
        except GenerationError as error:
            raise ChangedError(name) from error

    def orphans(self) -> list[str]:
        """See `Storage`: what was staged, and versions that were begun, whose newest object is hours old."""
        now = datetime.datetime.now(datetime.timezone.utc)
        left = {
            name: found
            for name, found in self._directories().items()
            if now - max(each.updated for each in found) > self.left_after
        }
        return [
            name
            for name, found in left.items()
            if name.startswith(STAGED) or (is_version(name) and not self._is_whole(name, found))
        ]

    def remove(self, staged: str) -> None:
        """See `Storage`; never a version that is whole."""
        found = objects.list_below(f"{self.serving_directory}/{staged}")
        if is_version(staged) and self._is_whole(staged, found):
            return
        with contextlib.suppress(GenerationError):  # somebody writes there, so it is no orphan
            _delete(found)

    def _directories(self) -> dict[str, list[ObjectInfo]]:
        found: dict[str, list[ObjectInfo]] = {}
        for each in objects.list_below(self.serving_directory):
            name, slash, _ = each.name.partition("/")
            if slash:
                found.setdefault(name, []).append(each)
        return found

    def _is_whole(self, name: str, found: Iterable[ObjectInfo]) -> bool:
        return f"{self.serving_directory}/{name}/{MODEL_FILE}" in {each.uri for each in found}


def _content(found: objects.Read) -> Content:
    return Content(found.data.decode("utf-8", errors="replace"), str(found.generation))


def _all_below(uri: str) -> list[ObjectInfo]:
    found = objects.list_below(uri)
    if not found:
        raise FileNotFoundError(2, "nothing lies below it", uri)
    return found


def _delete(found: Sequence[ObjectInfo]) -> None:
    """Deletes objects as they were listed.

    Raises:
        GenerationError: one of them is another one by now.
    """
    in_pool(lambda each: objects.delete(each.uri, each.generation), found)


def _same(one: ObjectInfo, other: ObjectInfo) -> bool:
    return (one.size, one.crc32c) == (other.size, other.crc32c)
