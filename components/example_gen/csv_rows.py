"""CSV files of any size, row by row."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator

from ratchet.components.example_gen.text_lines import LONGEST_LINE, text_lines
from ratchet.schemas.base.errors import DataError
from ratchet.schemas.base.files import Files

_DELIMITERS = ",;\t"


def csv_rows(path: str, files: Files) -> Iterator[tuple[int, list[str]]]:
    """Reads a CSV file without holding it.

    Args:
        path: with commas, semicolons or tabs between the columns.
        files: the file system.

    Yields:
        The rows that are not blank, each with the number of its last line.

    Raises:
        DataError: the file cannot be read, or is no CSV.
    """
    try:
        yield from ((line, row) for line, row in parsed_rows(text_lines(path, files)) if any(row))
    except csv.Error as error:
        raise DataError(f"{path}: no CSV: {error}; export or copy the file again") from error


def parsed_rows(lines: Iterable[str]) -> Iterator[tuple[int, list[str]]]:
    """Rows with the number of their last line; the delimiter is the one that the first line has the most of.

    >>> list(parsed_rows(["a;b\\n", "'1,5';2\\n"]))
    [(1, ['a', 'b']), (2, ["'1,5'", '2'])]
    """
    csv.field_size_limit(max(csv.field_size_limit(), LONGEST_LINE))  # the objects of an image may be one field
    lines = iter(lines)
    first = next(lines, "")
    delimiter = max(_DELIMITERS, key=first.count)  # the comma of equals

    def all_lines() -> Iterator[str]:
        yield first
        yield from lines

    reader = csv.reader(all_lines(), delimiter=delimiter)
    for row in reader:
        yield reader.line_num, row


def header_of(text: str) -> list[str]:
    """The columns of the first row of a text, stripped; none if that is no CSV."""
    try:
        return [name.strip() for name in next(parsed_rows(text.split("\n", 1)[:1]), (0, []))[1]]
    except csv.Error:
        return []
