"""Finds the picture that an annotation means, where tools have changed its name; pure."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import unquote

from ratchet.schemas.base.checked_json import shown
from ratchet.schemas.base.formatting import and_more

# What Label Studio puts before the name of an uploaded file.
_UPLOAD_MARK = re.compile(r"[0-9a-f]{4,12}-")


def plain_name(name: str) -> str:
    """A name without what file systems and tools change in it: case, Unicode form, percent-encoding, backslashes."""
    return unicodedata.normalize("NFC", unquote(name.replace("\\", "/"))).casefold()


def _without_mark(name: str) -> str:
    head, slash, tail = plain_name(name).rpartition("/")
    return head + slash + _UPLOAD_MARK.sub("", tail, count=1)


@dataclass(frozen=True)
class _Likeness:
    """A way in which two names may be one.

    Attributes:
        key: the same of both.
        told: what the difference is.
    """

    key: Callable[[str], str]
    told: str


_LIKENESSES = (
    _Likeness(lambda name: unicodedata.normalize("NFC", name), "in another Unicode form"),
    _Likeness(plain_name, "in another case or percent-encoded"),
    _Likeness(_without_mark, "with a prefix of Label Studio"),
)


class Names:
    """Names that are asked for by spellings of them."""

    def __init__(self, names: Iterable[str]) -> None:
        """Those that are there."""
        self._names = {name: name for name in names}
        self._alike: dict[str, dict[str, list[str]]] = {}
        self.found_otherwise: Counter[str] = Counter()
        self._examples: dict[str, tuple[str, str]] = {}

    def __contains__(self, name: str) -> bool:
        return name in self._names

    def find(self, asked: str) -> str | None:
        """The name that is meant, itself or the only one that is like it; None if there is none or more than one."""
        if asked in self._names:
            return asked
        for likeness in _LIKENESSES:
            found = self._by(likeness).get(likeness.key(asked), [])
            if len(found) == 1:
                self.found_otherwise[likeness.told] += 1
                self._examples.setdefault(likeness.told, (asked, found[0]))
                return found[0]
            if found:
                return None
        return None

    def _by(self, likeness: _Likeness) -> dict[str, list[str]]:
        if likeness.told not in self._alike:
            alike: dict[str, list[str]] = {}
            for name in self._names:
                alike.setdefault(likeness.key(name), []).append(name)
            self._alike[likeness.told] = alike
        return self._alike[likeness.told]

    def told(self) -> tuple[str, ...]:
        """What was found under another spelling, in words."""
        return tuple(
            f"{count} name{'s' if count > 1 else ''} found {how}: {shown(self._examples[how][0])} is "
            f"{shown(self._examples[how][1])}{and_more(count - 1)}"
            for how, count in self.found_otherwise.items()
        )


@dataclass(frozen=True)
class Base:
    """How the names of a file are to be read: so many leading steps fewer, below a directory.

    Attributes:
        dropped: leading steps, with their slash; empty for none.
        directory: below the delivery; '' for itself.
    """

    dropped: str
    directory: str

    def of(self, name: str) -> str | None:
        """The path below the delivery; None for a name that does not begin as all others."""
        name = name.replace("\\", "/")
        if not name.startswith(self.dropped):
            return None
        rest = name[len(self.dropped) :]
        return f"{self.directory}/{rest}" if self.directory else rest


def best_base(names: Sequence[str], pictures: Iterable[str], directories: Iterable[str]) -> Base:
    """Where the most of the named pictures are.

    All names are read in one and the same way, so that none is taken for a picture of the same name elsewhere.

    Args:
        names: of the pictures, as an annotation file has them.
        pictures: those that there are, below the delivery.
        directories: where they may be, the likeliest first.

    Returns:
        The likeliest of the best.
    """
    known = frozenset(pictures)
    bases = [Base(dropped, directory) for dropped in _common_heads(names) for directory in directories]
    few = names if len(names) <= _FEW else names[:: len(names) // _FEW]
    if all(path in known for path in map(bases[0].of, few)):
        return bases[0]
    there = {spelling(name) for name in known for spelling in (plain_name, _without_mark)}

    def found(base: Base) -> int:
        paths = [path for path in map(base.of, few) if path is not None]
        return sum(plain_name(path) in there or _without_mark(path) in there for path in paths)

    return max(bases, key=found)  # the first of equals


_FEW = 2000  # names, which tell as much as all


def _common_heads(names: Sequence[str]) -> list[str]:
    """The leading steps that all names share, none of them, one, ... and all."""
    heads = [name.replace("\\", "/").split("/")[:-1] for name in names]
    steps = [step for step, *others in zip(*heads) if all(other == step for other in others)] if heads else []
    steps = steps[: next((depth for depth, each in enumerate(zip(*heads)) if len(set(each)) > 1), len(steps))]
    return ["".join(f"{step}/" for step in steps[:count]) for count in range(len(steps) + 1)]
