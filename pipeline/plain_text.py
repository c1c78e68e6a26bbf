"""Text of others, such as class names and reasons, made harmless for one line of a terminal, a mail or a message."""

from __future__ import annotations

import unicodedata


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
