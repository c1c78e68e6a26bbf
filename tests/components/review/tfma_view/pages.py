"""The section on a page with the policy of the review page, seen in a browser."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from ratchet.components.pages.policy import content_security_policy
from ratchet.components.pages.style import STYLE
from ratchet.components.review.tfma_view.section import TfmaSection
from tests.components.browsing import OpenPage


def tfma_code() -> str:
    """TFMA's components, found without importing TFMA, which takes half a minute."""
    found = importlib.util.find_spec("tensorflow_model_analysis")
    assert found
    assert found.origin
    return (Path(found.origin).parent / "static" / "vulcanized_tfma.js").read_text(encoding="utf-8")


def page_of(section: TfmaSection, more: str = "") -> str:
    policy = content_security_policy(STYLE, section.script_hashes)
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>A review</title><style>{STYLE}</style></head><body><main>{section.html}{more}</main></body></html>"
    )


def rows(opened: OpenPage, place: str) -> dict[str, list[str]]:
    """Texts of a table by the first cell of a row; of a figure with interval the figure alone."""
    texts = opened.page.locator(f"#tfma-{place} .gc-table tbody tr").evaluate_all(
        """rows => rows.map(row => [...row.cells].map(cell =>
             (cell.querySelector("tfma-bounded-value")?.shadowRoot.querySelector("div") ?? cell).textContent))"""
    )
    return {first: rest for first, *rest in texts}


def open_section(opened: OpenPage) -> OpenPage:
    """Opens the section and waits for the last thing that is drawn."""
    opened.page.locator("#tfma-view summary").click()
    opened.page.locator("#tfma-series .gc-table tbody tr").first.wait_for()
    return opened
