"""The links from the page of a run to the runs before and after it, and to the index of all; pure.

A page is written before the next run exists. So its links stand in one element, and the copy of the page beside the
run's log gets that element anew when there is more to link to; the page in the artifacts stays as it was written.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from markupsafe import Markup

from ratchet.components.pages.html import render

INDEX_FILE = "index.html"  # beside the directories of the runs
# What a page shows of data is escaped, so an element can only be the skeleton's own.
_OPENED = '<nav class="trail" aria-label="Runs">'
_TRAIL = re.compile(f"{re.escape(_OPENED)}(.*?)</nav>", re.DOTALL)
_TRAIL_BYTES = re.compile(_TRAIL.pattern.encode(), re.DOTALL)


class Link(NamedTuple):
    """A page to go to.

    Attributes:
        href: relative to the page with the link.
        text: what it is.
    """

    href: str
    text: str


def trail(previous: Link | None = None, following: Link | None = None, beside: Link | None = None) -> Markup:
    """The links of a page in a directory of `runs/`; of one whose neighbours are not known yet, that to the index.

    Args:
        previous: the page of the run before.
        following: that of the run after.
        beside: another page about the same run.
    """
    index = f"../{INDEX_FILE}"
    return render("pages/templates/trail.html", previous=previous, following=following, beside=beside, index=index)


def links(*found: Link) -> Markup:
    """The links of a page that no run has written, in the place of the trail."""
    return render("pages/templates/links.html", links=found)


def with_trail(page: str, links: Markup) -> str | None:
    """A page with other links; None if it has none, as a page of an older version.

    Args:
        page: of `document`.
        links: of `trail`.
    """
    found = _TRAIL.search(page)
    return None if found is None else f"{page[: found.start(1)]}{links}{page[found.end(1) :]}"


def without_trail(page: bytes) -> bytes:
    """A page without its links: copies of one page are the same but for these.

    >>> without_trail(b'a<nav class="trail" aria-label="Runs">x</nav>b<nav>c</nav>')
    b'a<nav class="trail" aria-label="Runs"></nav>b<nav>c</nav>'
    """
    return _TRAIL_BYTES.sub(f"{_OPENED}</nav>".encode(), page, count=1)
