"""The skeleton of all pages: policy, head, rail of sections, sections, footer; pure.

One file with nothing to load. Its scripts and its style are named by their digests in its Content-Security-Policy, so
that nothing else can run or hide anything. Everything can be read without its script, and is opened on paper.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from markupsafe import Markup

from ratchet.components.pages.glossary import glossary
from ratchet.components.pages.html import render
from ratchet.components.pages.policy import content_security_policy, source_hash

_HERE = Path(__file__).parent
_SCRIPTS = ("page.js", "gallery.js")


class Section(NamedTuple):
    """A section of a page.

    Attributes:
        name: its anchor.
        title: text.
        text: its content.
        gist: what is inside, in one line that is read while the section is folded; text.
        open: whether it is unfolded at first.
        tone: its mark in the rail: reject, warn, pass, or nothing.
    """

    name: str
    title: str
    text: Markup
    gist: str = ""
    open: bool = False
    tone: str = ""


@dataclass(frozen=True)
class Page:
    """A page.

    Attributes:
        title: of the window; text.
        tone: CSS class of the head: reject, warn, pass, or nothing.
        head: what stands above the sections.
        sections: in the order of reading.
        footer: at the end.
        trail: links to other pages.
        links: other files that belong to the page: address and text of each.
        generator: what wrote the page, for those who look for pages of that kind.
        scripts: sources of further scripts, which stand in sections.
    """

    title: str
    tone: str
    head: Markup
    sections: Sequence[Section]
    footer: Markup = field(default_factory=Markup)
    trail: Markup = field(default_factory=Markup)
    links: Sequence[tuple[str, str]] = ()
    generator: str = ""
    scripts: Sequence[str] = ()


def document(page: Page) -> str:
    """The whole page, as HTML that can be written as UTF-8."""
    hashes = [source_hash(text) for text in (script(), *page.scripts)]
    policy = content_security_policy(style(), hashes)
    return str(
        render(
            "pages/templates/page.html",
            page=page,
            policy=policy,
            style=Markup(style()),
            script=Markup(script()),
        )
    )


def footer(sources: str, *terms: str) -> Markup:
    """The end of a page: what its words mean, and where the same figures are.

    Args:
        sources: who wrote the page, and which files hold the same.
        terms: of the glossary; all of them if none is named.
    """
    return render("pages/templates/footer.html", terms=glossary(*terms), sources=sources)


@functools.cache
def style() -> str:
    """The one style sheet."""
    return (_HERE / "page.css").read_text(encoding="utf-8")


@functools.cache
def script() -> str:
    """The one script."""
    return "\n".join((_HERE / name).read_text(encoding="utf-8") for name in _SCRIPTS)
