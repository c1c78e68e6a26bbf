"""The HTML of a whole page: its policy, its head with links to the sections, the sections; pure.

One file with nothing to load. Its scripts and its style are named by their digests in its Content-Security-Policy, so
that nothing else can run or hide anything; every string of data, file or class names is hostile until `text.safe` has
seen it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from ratchet.components.pages.policy import content_security_policy, source_hash
from ratchet.components.pages.style import CHART_STYLE, STYLE

_HERE = Path(__file__).parent
SCRIPT = (_HERE / "page.js").read_text(encoding="utf-8")
PAGE_STYLE = STYLE + CHART_STYLE + (_HERE / "page.css").read_text(encoding="utf-8")


class Section(NamedTuple):
    """A section; its text is safe HTML."""

    name: str
    title: str
    text: str


def document(
    title: str,
    tone: str,
    head: str,
    sections: Sequence[Section],
    footer: str,
    style: str = PAGE_STYLE,
    further_scripts: Sequence[str] = (),
    generator: str = "",
) -> str:
    """The whole page.

    Args:
        title: of the window, safe HTML, as all texts here.
        tone: CSS class of the head.
        head: what stands above the links.
        sections: below it.
        footer: at the end.
        style: its style sheet.
        further_scripts: `source_hash` of the scripts in the sections.
        generator: what wrote the page, for those who look for pages of that kind; may be empty.

    Returns:
        HTML that can be written as UTF-8.
    """
    links = "".join(f'<li><a href="#{name}">{title}</a></li>' for name, title, _ in sections)
    body = "".join(
        f'<section id="{name}" aria-labelledby="{name}-title"><h2 id="{name}-title">{title}</h2>{text}</section>'
        for name, title, text in sections
    )
    policy = content_security_policy(style, [source_hash(SCRIPT), *further_scripts])
    written_by = f'<meta name="generator" content="{generator}">' if generator else ""
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">{written_by}'
        '<meta name="referrer" content="no-referrer">'
        f"<title>{title}</title>"
        f"<style>{style}</style></head><body>"
        f'<header class="verdict {tone}"><div>{head}'
        f'<nav aria-label="Sections"><ul>{links}</ul></nav></div></header><main>{body}</main>'
        f'<footer class="quiet">{footer}</footer><script>{SCRIPT}</script></body></html>\n'
    )
