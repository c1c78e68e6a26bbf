"""Text for the page: everything that comes from data is made harmless here, numbers are made readable."""

from __future__ import annotations

import html
import math
import unicodedata
from collections.abc import Sequence

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


def number(value: float) -> str:
    r"""Three significant digits.

    >>> [number(value) for value in (0.123456, -12.0, 1234.5, float("nan"))]
    ['0.123', '\u221212', '1,230', 'unknown']
    """
    if not math.isfinite(value):
        return "unknown"
    short = f"{value:.3g}" if abs(value) < 999.5 else f"{float(f'{value:.3g}'):,.0f}"
    return short.replace("-", "\N{MINUS SIGN}")


def percent(share: float) -> str:
    """A share, 0..1, for people.

    >>> percent(0.12345), percent(0.00001), percent(0.0), percent(1.0)
    ('12 %', '< 0.1 %', '0 %', '100 %')
    """
    if 0 < share < 0.001:
        return "< 0.1 %"
    return f"{100 * share:.1f} %" if 0 < share < 0.0995 else f"{100 * share:.0f} %"


def many(count: int, thing: str) -> str:
    """A number of things.

    >>> many(1, "image"), many(1200, "box")
    ('1 image', '1,200 boxes')
    """
    plural = thing + ("es" if thing.endswith("x") else "s")
    return f"{count:,} {thing if count == 1 else plural}"


def listed(items: Sequence[str], most: int) -> str:
    """The first items as safe HTML, separated by commas, and how many more there are."""
    more = f" and {len(items) - most:,} more" if len(items) > most else ""
    return ", ".join(safe(item, 80) for item in items[:most]) + more
