"""A place in an object store, by the names that `pathlib` has for a place on this machine.

It is no `os.PathLike`, so nothing that opens files of this machine can take it for one.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property, total_ordering

from ratchet.components.object_store import objects
from ratchet.components.object_store.objects import ObjectInfo

_ANY = {"**/": "(?:.*/)?", "*": "[^/]*", "?": "[^/]"}
_SIGNS = re.compile(r"\*\*/|\*|\?|\[[^\]]*\]")


@dataclass
class Listing:
    """What lies below a URI, listed once, when the first question is asked."""

    uri: str

    @cached_property
    def files(self) -> dict[str, ObjectInfo]:
        """The objects, by their names below the URI; markers of empty directories are left out."""
        below = len(self.uri) + 1
        listed = objects.list_below(self.uri)
        return {one.uri[below:]: one for one in listed if one.uri[below:] and not one.uri.endswith("/")}

    @cached_property
    def directories(self) -> dict[str, list[str]]:
        """The names in each directory, by its name below the URI; the URI itself is the empty name."""
        found: dict[str, set[str]] = {}
        for name in self.files:
            parts = name.split("/")
            for depth in range(len(parts)):
                found.setdefault("/".join(parts[:depth]), set()).add(parts[depth])
        return {name: sorted(names) for name, names in found.items()}


@total_ordering
@dataclass(frozen=True, eq=False)
class ObjectPath:
    """An object or a directory of an object store.

    Attributes:
        listing: of the tree that it is in; what was changed since is not seen.
        below: its name in there; empty for the tree itself.
    """

    listing: Listing = field(repr=False)
    below: str = ""

    @classmethod
    def tree(cls, uri: str) -> ObjectPath:
        """All below a URI."""
        return cls(Listing(uri.rstrip("/")))

    def __str__(self) -> str:
        return f"{self.listing.uri}/{self.below}" if self.below else self.listing.uri

    def __truediv__(self, name: str) -> ObjectPath:
        return self.joinpath(name)

    def joinpath(self, *names: str) -> ObjectPath:
        """A place below."""
        parts = [part for name in (self.below, *names) for part in name.split("/") if part]
        return ObjectPath(self.listing, "/".join(parts))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ObjectPath) and str(self) == str(other)

    def __lt__(self, other: ObjectPath) -> bool:
        return str(self) < str(other)

    def __hash__(self) -> int:
        return hash(str(self))

    @property
    def name(self) -> str:
        """The last part."""
        return str(self).rpartition("/")[2]

    @property
    def parent(self) -> ObjectPath:
        """The directory that it is in."""
        if self.below:
            return ObjectPath(self.listing, self.below.rpartition("/")[0])
        return ObjectPath.tree(str(self).rpartition("/")[0])

    def exists(self) -> bool:
        """Whether there is an object or a directory."""
        return self.is_file() or self.is_dir()

    def is_file(self) -> bool:
        """Whether it is an object."""
        if not self.below:  # a URI by itself: nothing was listed for it
            return objects.read(str(self)) is not None
        return self.below in self.listing.files

    def is_dir(self) -> bool:
        """Whether objects lie below it."""
        return self.below in self.listing.directories

    def info(self) -> ObjectInfo | None:
        """What the listing says of an object; None of a directory, or where there is nothing."""
        return self.listing.files.get(self.below)

    def modified_s(self) -> float:
        """When an object, or the newest in a directory, was written; seconds since 1970."""
        own = self.info()
        return max((seconds_of(one) for one in ([own] if own else [info for _, info in self._all()])), default=0.0)

    def size_bytes(self) -> int:
        """Of an object, or of all in a directory."""
        own = self.info()
        return own.size if own else sum(info.size for _, info in self._all())

    def read_bytes(self) -> bytes:
        """The content of an object.

        Raises:
            FileNotFoundError: there is none.
        """
        found = objects.read(str(self))
        if found is None:
            raise FileNotFoundError(2, "No such object", str(self))
        return found.data

    def read_text(self, encoding: str = "utf-8") -> str:
        """The same as text.

        Raises:
            FileNotFoundError: there is none.
            UnicodeDecodeError: it is no text.
        """
        return self.read_bytes().decode(encoding)

    def iterdir(self) -> Iterator[ObjectPath]:
        """What is in a directory."""
        return iter([self.joinpath(name) for name in self.listing.directories.get(self.below, ())])

    def glob(self, pattern: str) -> Iterator[ObjectPath]:
        """The objects and directories below that match a pattern."""
        prefix = f"{self.below}/" if self.below else ""
        fits = re.compile(re.escape(prefix) + _expression(pattern))
        names = (*self.listing.files, *filter(None, self.listing.directories))
        return iter([ObjectPath(self.listing, name) for name in sorted({one for one in names if fits.fullmatch(one)})])

    def is_relative_to(self, other: object) -> bool:
        """Whether it lies below another place."""
        return f"{self}/".startswith(f"{other}/")

    def relative_to(self, other: object) -> str:
        """Its name below another place."""
        return str(self)[len(str(other)) + 1 :]

    def _all(self) -> Iterator[tuple[str, ObjectInfo]]:
        prefix = f"{self.below}/" if self.below else ""
        return ((name, info) for name, info in self.listing.files.items() if name.startswith(prefix))


def _expression(pattern: str) -> str:
    parts, end = [], 0
    for sign in _SIGNS.finditer(pattern):
        parts += [re.escape(pattern[end : sign.start()]), _ANY.get(sign[0], sign[0])]
        end = sign.end()
    return "".join([*parts, re.escape(pattern[end:])])


def seconds_of(info: ObjectInfo) -> float:
    """When an object was written; seconds since 1970."""
    updated = info.updated
    return updated.timestamp() if isinstance(updated, datetime.datetime) else float(updated or 0)
