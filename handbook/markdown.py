"""Markdown as GitHub shows it: tables, headings and their anchors, links; pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_FENCE = re.compile(r"^(```|~~~).*?^\1\s*$", re.M | re.S)
_CODE = re.compile(r"(`+)(?!`).+?(?<!`)\1(?!`)", re.S)
_COMMENT = re.compile(r"<!--.*?-->", re.S)
_LINK = re.compile(r"\]\(\s*<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\s*\)")
_HTML_LINK = re.compile(r"<(?:a|img|source|link)\b[^>]*?\b(?:href|src|srcset)=[\"']([^\"']+)[\"']", re.I)
_REFERENCE = re.compile(r"^ {0,3}\[[^\]]+\]:\s+<?(\S+?)>?(?:\s|$)", re.M)
_HEADING = re.compile(r"^ {0,3}#{1,6}\s+(.*?)(?:\s+#+)?\s*$", re.M)
_ID = re.compile(r"<\w+\b[^>]*?\b(?:id|name)=[\"']([^\"']+)[\"']", re.I)


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table; cells are Markdown."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


@dataclass(frozen=True)
class Link:
    """Where a link leads, and the line on which it stands, counted from 1."""

    target: str
    line: int


def links(text: str) -> Iterator[Link]:
    """All links and pictures, but for those in code and comments."""
    bare = _blanked(_blanked(_blanked(text, _COMMENT), _FENCE), _CODE)
    for pattern in (_LINK, _HTML_LINK, _REFERENCE):
        for found in pattern.finditer(bare):
            yield Link(found[1], bare.count("\n", 0, found.start(1)) + 1)


def anchors(text: str) -> set[str]:
    """What a link into a page may name: its headings, as GitHub makes anchors of them, and ids.

    >>> sorted(anchors("# What's new: `a_b`\\n## One & two\\n## One & two\\n"))
    ['one--two', 'one--two-1', 'whats-new-a_b']
    """
    bare = _blanked(_blanked(text, _COMMENT), _FENCE)
    found: dict[str, int] = {}
    every = set(_ID.findall(bare))
    for heading in _HEADING.findall(bare):
        name = anchor(heading)
        times = found[name] = found.get(name, -1) + 1
        every.add(f"{name}-{times}" if times else name)
    return every


def anchor(heading: str) -> str:
    """GitHub's anchor of a heading: in lower case, without marks, blanks as hyphens."""
    words = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "").replace("*", "")
    return re.sub(r"[^\w\- ]", "", words.strip().lower()).replace(" ", "-")


def _blanked(text: str, pattern: re.Pattern[str]) -> str:
    """The text with what a pattern finds blank; lines stay where they are."""
    return pattern.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), text)
