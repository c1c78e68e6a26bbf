"""Tables for a terminal or a file."""

from __future__ import annotations

from collections.abc import Sequence


def table(rows: Sequence[Sequence[str]], right: str = "") -> list[str]:
    """The lines of a table without rules: columns two blanks apart, as wide as their widest cell.

    Args:
        rows: all of the same length, made harmless by `visible_line`; the first may be a header.
        right: a letter for each column from the first, `r` for one whose cells stand at its right end.

    >>> print("\\n".join(table([("class", "AP"), ("cat", "0.5"), ("aeroplane", "-")], right=" r")))
    class       AP
    cat        0.5
    aeroplane    -
    """
    import tabulate  # as long to import as the rest of a light command

    ends = ["right" if letter == "r" else "left" for letter in right]
    text = tabulate.tabulate(rows, tablefmt="plain", disable_numparse=True, colalign=ends or None)
    return [line.rstrip() for line in text.split("\n")]
