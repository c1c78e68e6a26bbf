"""Text of others with escapes for what a terminal or a page would obey and nobody would see; the same everywhere."""

from __future__ import annotations

import unicodedata

# Control and formatting characters, lone surrogates, separators of lines and paragraphs.
_OBEYED = frozenset(("Cc", "Cf", "Cs", "Zl", "Zp"))
_KEPT = frozenset("\n\t\u200c\u200d")  # the last two join letters, in many scripts and in emoji


def visible(text: str) -> str:
    """The text with an escape for everything that a terminal would obey; line breaks and tabs stay.

    Bytes of a file name that are no text, which Python carries as lone surrogates, are shown as such.

    >>> print(visible("\\x1b[2Jcat\\r\\u202e\\udcff, crème 猫"))
    \\x1b[2Jcat\\r\\u202e\\xff, crème 猫
    """
    return text if text.isascii() and text.isprintable() else "".join(map(_visible, text))


def visible_line(text: str) -> str:
    """`visible`, with escapes for line breaks and tabs too: for names that others gave, inside of our lines."""
    return text if text.isprintable() else visible(text).replace("\n", "\\n").replace("\t", "\\t")


def _visible(character: str) -> str:
    if character in _KEPT or unicodedata.category(character) not in _OBEYED:
        return character
    if "\udc80" <= character <= "\udcff":
        return f"\\x{ord(character) - 0xDC00:02x}"
    return character.encode("unicode_escape").decode()
