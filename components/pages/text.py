"""Text for the page: everything that comes from data is made harmless here."""

from __future__ import annotations

import html
import unicodedata
from collections.abc import Sequence

from ratchet.schemas.base.formatting import and_more

_LONGEST = 600  # characters of one piece of text; a page is for reading, `decision.json` has the rest


def safe(text: str, longest: int = _LONGEST) -> str:
    r"""Text as HTML or SVG content or as a quoted attribute: escaped, cut, and without characters that hide others.

    Controls and characters that turn the direction of writing are shown as escapes, so that a file's name cannot
    pretend to be another one.

    >>> safe("<b>&'\"")
    '&lt;b&gt;&amp;&#x27;&quot;'
    >>> safe("photo\u202egpj.exe")
    'photo\\u202egpj.exe'
    """
    cut = text if len(text) <= longest else f"{text[:longest]}… ({len(text) - longest:,} more characters)"
    return html.escape("".join(_shown(character) for character in cut))


def _shown(character: str) -> str:
    if character in "\n\t":
        return " "
    hidden = unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp")
    return f"\\u{ord(character):04x}" if hidden else character


def safe_list(items: Sequence[str], most: int) -> str:
    """The first items as safe HTML, separated by commas, and how many more there are."""
    return ", ".join(safe(item, 80) for item in items[:most]) + and_more(len(items) - most)
