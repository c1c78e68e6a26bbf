"""Each run's page in `runs/` leads to the pages of the runs before and after it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from ratchet.components.pages.trail import Link, trail, with_trail
from ratchet.pipeline.past.history import RunEntry
from ratchet.pipeline.past.run_index import entry_of, known_runs
from ratchet.pipeline.root.holding import whole
from ratchet.pipeline.root.places import is_remote, uri_of
from ratchet.schemas.artifacts.review import REVIEW_FILE
from ratchet.schemas.artifacts.shadow import SHADOW_FILE
from ratchet.schemas.base.files import read_regular, write_durably

_HEAD_BYTES = 256 << 10  # of a page: style sheet and links lie there
_NEWEST = 3  # pages of a remote root that are looked at; the others were linked when they were the newest


def link_pages(root: Path) -> None:
    """Gives the pages in `runs/` their links to the runs before and after, as far as those have pages.

    A page without a place for links, of an older version, stays as it is, and so does one that has the right ones.

    Raises:
        OSError: a page cannot be read or written.
    """
    home, known = uri_of(root), known_runs(root)
    entries = [entry_of(root, run, home) for run in known.runs if run.page]
    # Those that are linked when they are the newest need no look once others have come.
    first = max(0, len(entries) - _NEWEST) if is_remote(root) else 0
    for place in range(first, len(entries)):
        near = {entry.run_id for entry in entries[max(0, place - 1) : place + 2]}
        if place == first or near & known.looked_at:  # what was before the first one may have been pruned
            _link(root, entries, place)


def link_page(root: Path, run_id: str) -> None:
    """Gives the page of one run its links; see `link_pages`."""
    home = uri_of(root)
    entries = [entry_of(root, run, home) for run in known_runs(root).runs if run.page]
    for place, entry in enumerate(entries):
        if entry.run_id == run_id:
            _link(root, entries, place)


def _link(root: Path, entries: Sequence[RunEntry], place: int) -> None:
    page = entries[place].page
    assert page is not None
    links = trail(
        _to(entries[place - 1]) if place else None,
        _to(entries[place + 1]) if place + 1 < len(entries) else None,
        Link(SHADOW_FILE, "On logged requests") if page.with_name(SHADOW_FILE).is_file() else None,
    )
    page = whole(root, page)
    with open(page, "rb") as file:
        head = file.read(_HEAD_BYTES).decode(errors="replace")
    if with_trail(head, links) in (None, head):
        return
    linked = with_trail(read_regular(page), links)
    if linked is not None:
        write_durably(page, linked)


def _to(entry: RunEntry) -> Link:
    result = entry.result
    words = f"span {result.span}, {result.verdict.value}" if result else entry.run_id
    return Link(f"../{quote(entry.run_id)}/{REVIEW_FILE}", f"{words}, {entry.at[:10]}")
