from __future__ import annotations

from markupsafe import Markup

from ratchet.components.pages.document import Page, Section, document
from ratchet.components.pages.trail import Link, trail, with_trail, without_trail


def page(links: Markup) -> str:
    text = Markup("<nav class='mine'>a section's own</nav>")
    return document(Page("title", "pass", Markup("<h1>head</h1>"), [Section("a", "A", text)], trail=links))


def test_a_page_gets_other_links_and_nothing_else_changes() -> None:
    links = trail(Link("../a/review.html", "span 1, PUSHED"), Link("../c/review.html", "span 3, BLOCKED"))
    assert with_trail(page(trail()), links) == page(links)
    assert with_trail(page(links), trail()) == page(trail())
    assert without_trail(page(links).encode()) == without_trail(page(trail()).encode()) != page(trail()).encode()


def test_a_page_of_an_older_version_has_no_place_for_links() -> None:
    assert with_trail("<header>no links</header>", trail()) is None
    assert without_trail(b"<header>no links</header>") == b"<header>no links</header>"


def test_links_to_the_index_and_to_neighbours_are_relative_and_hostile_names_stay_text() -> None:
    links = trail(Link("../%22a/review.html", '"><script>alert(1)</script>'))
    assert 'href="../index.html"' in links
    assert 'rel="prev" href="../%22a/review.html"' in links
    assert "<script>" not in links
    assert 'rel="next"' not in links


def test_what_a_page_shows_cannot_pass_for_its_links() -> None:
    shown = '<nav class="trail" aria-label="Runs">'
    hostile = document(Page(shown, "pass", Markup("<h1>{}</h1>").format(shown), [], trail=trail()))
    linked = with_trail(hostile, trail(Link("../a/review.html", "before")))
    assert linked is not None
    assert linked.count('rel="prev"') == 1
    assert linked.index('rel="prev"') < linked.index("<h1>")
