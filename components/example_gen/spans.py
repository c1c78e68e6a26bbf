"""Deliveries by number, version and wholeness: `span-3` is the first version of span 3, `span-3-version-2` its second.

Whole     with its marker, where one is asked for, and with every file of the list of files that it has (manifests.py);
          an empty directory is the first moment of a copy
Newest    the largest number, and of that the largest version; one that is not whole yet is passed over
"""

from __future__ import annotations

import os
from typing import NamedTuple

from ratchet.components.example_gen.layout.detect import layouts_of
from ratchet.components.example_gen.layout.split_names import split_of_directory
from ratchet.components.example_gen.layout.tree import holds_files, list_tree
from ratchet.components.example_gen.manifests import Known, lack_of
from ratchet.components.example_gen.span_names import parse_span, span_text
from ratchet.schemas.base.errors import DataError
from ratchet.schemas.base.files import LOCAL_FILES, Files
from ratchet.schemas.base.formatting import and_more
from ratchet.schemas.base.progress import LOGGER

_LISTED_SPANS = 10
_TOLD_LACKS = 3
_EMPTY = "no file in it, so copy the delivery into it or delete it"


class NotDeliveredError(DataError):
    """What is asked for has not arrived, or not whole yet; nothing is wrong with what is there."""


class FoundSpan(NamedTuple):
    """One delivery.

    Attributes:
        number: N of `span-N`.
        version: V of `span-N-version-V`; 1 without it.
        directory: its path.
    """

    number: int
    version: int
    directory: str


class Unfinished(NamedTuple):
    """A delivery that is not whole yet.

    Attributes:
        name: of its directory.
        lack: what is not there yet.
    """

    name: str
    lack: str


def find_span(
    data_dir: str, span: int | None, files: Files = LOCAL_FILES, marker: str | None = None, digests: bool = True
) -> FoundSpan:
    """Finds the newest delivery that is whole, or the newest whole version of a delivery.

    Args:
        data_dir: holds the directories `span-N` and `span-N-version-V`.
        span: N; None for the newest, that is the largest.
        files: the file system.
        marker: a file that is written last into a delivery, which is not there yet without it; None: there is none.
        digests: whether the files of a delivery that lists them are compared with their digests.

    Returns:
        The largest version of the span.

    Raises:
        NotDeliveredError: there is no such span, or it is not whole yet.
        DataError: there is no such directory, or two directories claim the same number and version.
    """
    if not files.isdir(data_dir):
        raise DataError(f"{data_dir}: no such directory; give the directory that holds the span-N directories")
    named = _named(data_dir, files)
    unfinished: list[Unfinished] = []
    for key in sorted(named, reverse=True):
        names = [name for name in named[key] if files.isdir(os.path.join(data_dir, name))]
        if span not in (None, key[0]) or not names:
            continue
        if len(names) != 1:
            there = listed(spans_in(data_dir, files))
            raise DataError(f"{data_dir}: {' and '.join(names)} are the same span: rename one; it holds {there}")
        found = FoundSpan(*key, os.path.join(data_dir, names[0]))
        lack = lack_in(found, files, marker, digests)
        if lack is None:
            _tell(unfinished, names[0])
            return found
        unfinished.append(Unfinished(names[0], lack))
    raise _nothing(data_dir, span, files, unfinished, marker)


def lack_in(
    span: FoundSpan, files: Files, marker: str | None = None, digests: bool = True, known: Known | None = None
) -> str | None:
    """What a delivery lacks to be whole; None: nothing.

    Args:
        span: the delivery.
        files: the file system.
        marker: see `find_span`.
        digests: see `find_span`.
        known: see `manifests.lack_of`.
    """
    if marker is not None and not files.exists(os.path.join(span.directory, marker)):
        return f"no {marker}"
    lack = lack_of(span.directory, files, digests, known)
    return _EMPTY if lack is None and not holds_files(span.directory, files) else lack


def spans_in(directory: str, files: Files) -> dict[tuple[int, int], list[str]]:
    """The span directories in a directory, by number and version; more than one name is a contradiction."""
    spans: dict[tuple[int, int], list[str]] = {}
    for key, names in _named(directory, files).items():
        there = [name for name in names if files.isdir(os.path.join(directory, name))]
        if there:
            spans[key] = there
    return spans


def _named(directory: str, files: Files) -> dict[tuple[int, int], list[str]]:
    """What is called like spans, which may be files."""
    named: dict[tuple[int, int], list[str]] = {}
    for entry in sorted(files.listdir(directory)):
        name = entry.rstrip("/")  # object stores list directories with a slash
        try:
            key = parse_span(name)
        except DataError as error:
            raise DataError(f"{directory}: {error}") from error
        if key is not None:
            named.setdefault(key, []).append(name)
    return named


def _tell(unfinished: list[Unfinished], taken: str) -> None:
    for each in unfinished[:_TOLD_LACKS]:
        LOGGER.info("%s is not whole yet (%s); %s is taken", each.name, each.lack, taken)


def _nothing(
    data_dir: str, span: int | None, files: Files, unfinished: list[Unfinished], marker: str | None
) -> DataError:
    """Why there is no delivery to be had."""
    if unfinished:
        lacks = "; ".join(f"{each.name}: {each.lack}" for each in unfinished[:_TOLD_LACKS])
        lacks += and_more(len(unfinished) - _TOLD_LACKS)
        is_unmarked = any(each.lack == f"no {marker}" for each in unfinished)
        hint = "; write it when the upload is done, or change data.marker" if is_unmarked else ""
        return NotDeliveredError(f"{data_dir}: nothing is delivered whole yet: {lacks}{hint}")
    spans = spans_in(data_dir, files)
    if spans:
        return NotDeliveredError(f"{data_dir}: no span-{span_text(span or 0)}; it holds {listed(spans)}")
    if is_delivery(data_dir, files):
        return DataError(f"{data_dir}: no span-N directory in it; this is itself a span: give its parent")
    return NotDeliveredError(f"{data_dir}: no span-N directory in it; name the deliveries span-1, span-2, ...")


def listed(spans: dict[tuple[int, int], list[str]]) -> str:
    """The spans for a message, in their order; of many only the first and the last."""
    names = [name for key in sorted(spans) for name in spans[key]]
    if len(names) > _LISTED_SPANS:
        return f"{len(names)} spans, {names[0]} to {names[-1]}"
    return ", ".join(names)


def is_delivery(directory: str, files: Files) -> bool:
    """Whether a directory holds a data set itself, and not only others that are called otherwise than spans."""
    marks = [layout.mark for layout in layouts_of(list_tree(directory, files))]
    return any(
        "/" not in mark.rstrip("/") or mark.startswith("annotations/") or split_of_directory(mark) for mark in marks
    )
