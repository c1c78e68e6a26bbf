"""Text of others as Markdown that shows it and does nothing else, on GitHub as on GitLab."""

from __future__ import annotations

import re
import string
from collections.abc import Iterable, Sequence

from ratchet.schemas.base.visible import visible_line

# What begins something somewhere in Markdown or HTML; the rest of ASCII's punctuation is only read.
_KEPT = frozenset(string.ascii_letters + string.digits + " .,;:/()=>%+-?'")
_LINKS = re.compile(r"(?<=[A-Za-z])\.(?=\w)|/(?=/)")  # in what becomes a link unasked: www.a.b, http://a
_REFERS = "@#"  # "@name" would tell somebody, "#12" link another issue
_BLANK = "&#8203;"  # of no width


def prose(text: str, longest: int) -> str:
    r"""Text between other text or in a table's cell.

    >>> prose("a|b <i>*c*", 100), prose("@ada", 100), prose("0123456789", 8)
    ('a&#124;b &#60;i>&#42;c&#42;', '&#64;&#8203;ada', '01234...')
    >>> prose("http://a.example/b, www.c.example, 0.25.", 100)
    'http:&#47;/a&#46;example/b, www&#46;c&#46;example, 0.25.'
    """
    shown = "".join(map(_shown, _cut(visible_line(text), longest)))
    return _LINKS.sub(lambda found: f"&#{ord(found.group())};", shown)


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 3].rstrip()}..."


def _shown(character: str) -> str:
    if character in _KEPT or not character.isascii():
        return character
    return f"&#{ord(character)};" + (_BLANK if character in _REFERS else "")


def name(text: str, longest: int = 60) -> str:
    r"""A name, as code.

    >>> name("traffic light"), name("a|b`c"), name("<b>\n")
    ('`traffic light`', '<code>a&#124;b&#96;c</code>', '`<b>\\n`')
    """
    shown = _cut(visible_line(text), longest)
    if not shown.strip() or "`" in shown or "|" in shown or shown.endswith("\\"):
        return f"<code>{prose(shown, longest)}</code>"
    return f"`{shown}`"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Lines of a table, its first column to the left and the others to the right; cells are Markdown."""
    ruler = ["---", *("--:" for _ in head[1:])]
    return [f"| {' | '.join(cells)} |" for cells in (head, ruler, *rows)]
