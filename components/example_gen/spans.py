"""Deliveries by number, version and format: `span-3` is the first version of span 3, `span-3-version-2` its second."""

from __future__ import annotations

import os
import re
from typing import NamedTuple

from ratchet.components.example_gen.layout.detect import layouts_of
from ratchet.components.example_gen.layout.split_names import split_of_directory
from ratchet.components.example_gen.layout.tree import list_tree
from ratchet.schemas.base.errors import DataError
from ratchet.schemas.base.files import LOCAL_FILES, Files

_SPAN = re.compile(r"span-([0-9]+)(?:-version-([0-9]+))?")
_LISTED_SPANS = 10


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


def find_span(data_dir: str, span: int | None, files: Files = LOCAL_FILES, marker: str | None = None) -> FoundSpan:
    """Finds the newest delivery, or the newest version of a delivery.

    Args:
        data_dir: holds the directories `span-N` and `span-N-version-V`.
        span: N; None for the newest, that is the largest.
        files: the file system.
        marker: a file that is written last into a delivery, which is not there yet without it; None: there is none.

    Returns:
        The largest version of the span.

    Raises:
        DataError: there is no such span, or two directories claim the same number and version.
    """
    if not files.isdir(data_dir):
        raise DataError(f"{data_dir}: no such directory; give the directory that holds the span-N directories")
    spans = spans_in(data_dir, files)
    if not spans:
        hint = "this is itself a span: give its parent" if is_delivery(data_dir, files) else ""
        raise DataError(f"{data_dir}: no span-N directory in it; {hint or 'name the deliveries span-1, span-2, ...'}")
    if marker is not None:
        spans = _complete(data_dir, spans, span, files, marker)
    number = max(spans)[0] if span is None else span
    versions = [version for found, version in spans if found == number]
    if not versions:
        raise DataError(f"{data_dir}: no span-{number}; it holds {listed(spans)}")
    names = spans[number, max(versions)]
    if len(names) != 1:
        raise DataError(f"{data_dir}: {' and '.join(names)} are the same span: rename one; it holds {listed(spans)}")
    return FoundSpan(number, max(versions), os.path.join(data_dir, names[0]))


def spans_in(directory: str, files: Files) -> dict[tuple[int, int], list[str]]:
    """The span directories in a directory, by number and version; more than one name is a contradiction."""
    spans: dict[tuple[int, int], list[str]] = {}
    for entry in sorted(files.listdir(directory)):
        name = entry.rstrip("/")  # object stores list directories with a slash
        match = _SPAN.fullmatch(name)
        if match and files.isdir(os.path.join(directory, name)):
            spans.setdefault((int(match[1]), int(match[2] or 1)), []).append(name)
    return spans


def _complete(
    data_dir: str, spans: dict[tuple[int, int], list[str]], span: int | None, files: Files, marker: str
) -> dict[tuple[int, int], list[str]]:
    """The deliveries that have their marker; asked for from the newest back, as far as it is needed."""
    wanted = [key for key in sorted(spans, reverse=True) if span in (None, key[0])]
    for key in wanted:
        if all(files.exists(os.path.join(data_dir, name, marker)) for name in spans[key]):
            return {other: names for other, names in spans.items() if other <= key}
    what = f"span-{span}" if span is not None else listed(spans)
    if not wanted:
        return spans
    raise DataError(
        f"{data_dir}: no {marker} in {what}, so nothing is delivered whole yet; write it when the upload is done, or "
        "change data.marker"
    )


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
