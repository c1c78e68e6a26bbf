"""What is counted of a page: only what is shown, and on paper all of it."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Browser

from handbook.measure import length_of


def test_what_is_folded_is_no_word_and_no_screen_but_is_printed(browser: Browser, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    style = "<style>p { height: 900px; margin: 0 }</style>"
    style += (
        "<style>@media print { details::details-content { content-visibility: visible; block-size: auto } }</style>"
    )
    page.write_text(
        f"{style}<p>one two</p><svg><text>three</text></svg><script>four</script>"
        f"<details><summary>five</summary>{'<p>six seven</p>' * 20}</details>"
    )
    folded = length_of(browser, page)
    page.write_text(page.read_text().replace("<details>", "<details open>"))
    opened = length_of(browser, page)
    assert (folded.words, opened.words) == (3, 43)
    assert folded.screens < 2 < opened.screens
    assert folded.sheets >= 2
    assert 0 < folded.megabytes < 0.1
    assert folded.seconds > 0
