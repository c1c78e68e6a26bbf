"""Text of others, such as class names and reasons, made harmless for a line of a terminal, a mail or a message."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence


def one_line(text: str) -> str:
    """The text on one line, without characters that move a cursor, end a header or turn the reading direction.

    >>> one_line("cat\\r\\nBcc: all@example.org"), one_line("\\x1b[2Jdog\\u202e")
    ('cat Bcc: all@example.org', '[2Jdog')
    """
    shown = (character if unicodedata.category(character)[0] not in "CZ" else " " for character in text)
    return " ".join("".join(shown).split())


def cut(text: str, limit: int) -> str:
    """The text, with `...` for its end if it is longer than so many characters; at least 3.

    >>> cut("0123456789", 10), cut("0123456789", 8)
    ('0123456789', '01234...')
    """
    return text if len(text) <= limit else text[: limit - 3].rstrip() + "..."


def table(rows: Sequence[Sequence[str]], right: str = "") -> list[str]:
    """The lines of a table without rules: columns two blanks apart, as wide as their widest cell.

    Args:
        rows: all of the same length, made harmless by `visible.visible_line`; the first may be a header.
        right: a letter for each column from the first, `r` for one whose cells stand at its right end.

    >>> print("\\n".join(table([("class", "AP"), ("cat", "0.5"), ("aeroplane", "-")], right=" r")))
    class       AP
    cat        0.5
    aeroplane    -
    """
    if all(cell.isascii() and cell.isprintable() for row in rows for cell in row):
        return _aligned([[cell.strip() for cell in row] for row in rows], right)
    import tabulate  # knows how wide other letters are; as long to import as the rest of a light command

    ends = ["right" if letter == "r" else "left" for letter in right]
    text = tabulate.tabulate(rows, tablefmt="plain", disable_numparse=True, colalign=ends or None)
    return [line.rstrip() for line in text.split("\n")]


def _aligned(rows: Sequence[Sequence[str]], right: str) -> list[str]:
    columns = []
    for cells, letter in zip(zip(*rows), right.ljust(len(rows[0]) if rows else 0)):
        width = max(map(len, cells))
        columns.append([cell.rjust(width) if letter == "r" else cell.ljust(width) for cell in cells])
    return ["  ".join(line).rstrip() for line in zip(*columns)] or [""]
