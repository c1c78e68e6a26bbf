"""Text for the page: everything that comes from data is made harmless here."""

from __future__ import annotations

import html

from ratchet.schemas.base.visible import visible_line

_LONGEST = 600  # characters of one piece of text; a page is for reading, `decision.json` has the rest


def safe(text: str, longest: int = _LONGEST) -> str:
    r"""Text as HTML or SVG content or as a quoted attribute: escaped, cut, and without characters that hide others.

    Controls and characters that turn the direction of writing are shown as escapes, as in a terminal, so that a file's
    name cannot pretend to be another one. What would not be shorter for it is not cut.

    >>> safe("<b>&'\"")
    '&lt;b&gt;&amp;&#x27;&quot;'
    >>> safe("photo\u202egpj.exe")
    'photo\\u202egpj.exe'
    """
    shown = visible_line(text)
    rest = f"… ({len(shown) - longest:,} more characters)"
    return html.escape(shown[:longest] + rest if longest + len(rest) < len(shown) else shown)
