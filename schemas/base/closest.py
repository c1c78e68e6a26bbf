"""What a misspelled word was probably meant to be."""

from __future__ import annotations

from collections.abc import Iterable


def closest(word: str, known: Iterable[str]) -> str:
    """`; did you mean ...?` for a misspelled word; empty if nothing is like it.

    Args:
        word: what was given.
        known: what there is.

    >>> closest("stauts", ["run", "status"]), closest("roll", ["run", "rollback"]), closest("xyz", ["run", "status"])
    ("; did you mean 'status'?", "; did you mean 'rollback'?", '')
    """
    import difflib  # only where something is wrong

    names = list(known)
    found = difflib.get_close_matches(word, names, n=1) or difflib.get_close_matches(word.lower(), names, n=1)
    found = found or [name for name in names if len(word) > 2 and word in name][:1]
    return f"; did you mean {found[0]!r}?" if found else ""
