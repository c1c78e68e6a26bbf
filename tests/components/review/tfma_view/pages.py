"""The section on a page with the policy of the review page, seen in a browser."""

from __future__ import annotations

import base64
import hashlib
import importlib.util
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import Browser, ConsoleMessage, Page

from components.pages.style import STYLE
from components.review.tfma_view.section import TfmaSection


def tfma_code() -> str:
    """TFMA's components, found without importing TFMA, which takes half a minute."""
    found = importlib.util.find_spec("tensorflow_model_analysis")
    assert found
    assert found.origin
    return (Path(found.origin).parent / "static" / "vulcanized_tfma.js").read_text(encoding="utf-8")


def page_of(section: TfmaSection, more: str = "") -> str:
    style = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; img-src data:; style-src 'sha256-{style}'; script-src {' '.join(section.script_hashes)}; "
        "base-uri 'none'; form-action 'none'"
    )
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>A review</title><style>{STYLE}</style></head><body><main>{section.html}{more}</main></body></html>"
    )


@dataclass
class Seen:
    """A page in a browser, with what it asked for and what went wrong in it."""

    page: Page
    requests: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def rows(self, place: str) -> dict[str, list[str]]:
        """Texts of a table by the first cell of a row; of a figure with interval the figure alone."""
        texts = self.page.locator(f"#tfma-{place} .gc-table tbody tr").evaluate_all(
            """rows => rows.map(row => [...row.cells].map(cell =>
                 (cell.querySelector("tfma-bounded-value")?.shadowRoot.querySelector("div") ?? cell).textContent))"""
        )
        return {first: rest for first, *rest in texts}


def see(browser: Browser, directory: Path, html: str, width: int = 1200, scheme: str = "light") -> Seen:
    """Loads a page; the section is still closed."""
    file = directory / "page.html"
    file.write_text(html, encoding="utf-8")
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)  # type: ignore[arg-type]
    seen = Seen(context.new_page())

    def console(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            seen.errors.append(message.text)

    seen.page.on("console", console)
    seen.page.on("pageerror", lambda error: seen.errors.append(str(error)))
    seen.page.on("request", lambda request: seen.requests.append(request.url))
    seen.page.goto(file.as_uri())
    return seen


def open_section(seen: Seen) -> Seen:
    """Opens the section and waits for the last thing that is drawn."""
    seen.page.locator("#tfma-view summary").click()
    seen.page.locator("#tfma-series .gc-table tbody tr").first.wait_for()
    return seen
