"""A registry's storage that remembers what it was asked during one look: checks ask the same again and again."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any, TypeVar

from ratchet.components.registry.storage import Content, Storage, Token

T = TypeVar("T")


class RememberedStorage:
    """See `Storage`; within `look`, a question is asked once until something is changed through it.

    On gs:// each question is a request or more. Outside of `look`, as in a repair, everything is asked.

    Args:
        storage: the one that is asked.
    """

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._answers: dict[tuple[Any, ...], Any] = {}
        self._looking = False
        self.root = storage.root
        self.registry_directory = storage.registry_directory
        self.serving_directory = storage.serving_directory

    @contextlib.contextmanager
    def look(self) -> Iterator[None]:
        """Remembers answers, also those of a look before; outside of it every question is asked."""
        self._looking = True
        try:
            yield
        finally:
            self._looking = False

    def forget(self) -> None:
        """The next look begins anew."""
        self._answers.clear()

    def is_as_seen(self, name: str) -> bool:
        """Whether a file is still the one that the last look saw, or it was not looked at."""
        key = ("read", name)
        return key not in self._answers or self._storage.read(name) == self._answers[key]

    def read(self, name: str) -> Content | None:
        """See `Storage`."""
        return self._once(("read", name), lambda: self._storage.read(name))

    def read_all(self, directory: str) -> dict[str, Content]:
        """See `Storage`."""
        return dict(self._once(("read_all", directory), lambda: self._storage.read_all(directory)))

    def read_many(self, names: Sequence[str]) -> list[Content | None]:
        """See `Storage`."""
        return list(self._once(("read_many", *names), lambda: self._storage.read_many(names)))

    def names(self, directory: str = "") -> list[str]:
        """See `Storage`."""
        return list(self._once(("names", directory), lambda: self._storage.names(directory)))

    def served(self) -> list[str]:
        """See `Storage`."""
        return list(self._once(("served",), self._storage.served))

    def orphans(self) -> list[str]:
        """See `Storage`."""
        return list(self._once(("orphans",), self._storage.orphans))

    def holds(self, name: str, digest: str) -> bool:
        """See `Storage`."""
        return self._once(("holds", name, digest), lambda: self._storage.holds(name, digest))

    def exclusive(self, wait_s: float | None = None) -> AbstractContextManager[None]:
        """See `Storage`."""
        return self._storage.exclusive() if wait_s is None else self._storage.exclusive(wait_s)

    def write(self, name: str, text: str, token: str | Token = Token.ANY) -> str:
        """See `Storage`."""
        with self._changing():
            return self._storage.write(name, text, token)

    def delete(self, name: str) -> None:
        """See `Storage`."""
        with self._changing():
            self._storage.delete(name)

    def stage(self, source: str, digest: str) -> str:
        """See `Storage`."""
        with self._changing():
            return self._storage.stage(source, digest)

    def publish(self, staged: str, version: str) -> None:
        """See `Storage`."""
        with self._changing():
            self._storage.publish(staged, version)

    def set_aside(self, name: str) -> None:
        """See `Storage`."""
        with self._changing():
            self._storage.set_aside(name)

    def remove(self, staged: str) -> None:
        """See `Storage`."""
        with self._changing():
            self._storage.remove(staged)

    def _once(self, question: tuple[Any, ...], ask: Callable[[], T]) -> T:
        if not self._looking:
            return ask()
        if question not in self._answers:
            self._answers[question] = ask()
        return self._answers[question]

    @contextlib.contextmanager
    def _changing(self) -> Iterator[None]:
        """Also of a change that fails: somebody else may have come first."""
        try:
            yield
        finally:
            self.forget()
