"""A page in Debian's chromium, with all that it asked for and all that went wrong in it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import Browser, ConsoleMessage, Page

CHROMIUM = "/usr/bin/chromium"


@dataclass
class Seen:
    """An open page; `requests` has what was loaded beside the page, `errors` what the console reported."""

    page: Page
    requests: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


def see(browser: Browser, directory: Path, html: str, width: int = 1200, scheme: str = "light") -> Seen:
    """Opens a page from a file, as a reader would."""
    file = directory / "review.html"
    file.write_text(html, encoding="utf-8")
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)  # type: ignore[arg-type]
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    seen = Seen(context.new_page())

    def console(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            seen.errors.append(message.text)

    def request(asked: object) -> None:
        url = str(asked.url)  # type: ignore[attr-defined]
        if url != file.as_uri() and not url.startswith("data:"):
            seen.requests.append(url)

    seen.page.on("console", console)
    seen.page.on("pageerror", lambda error: seen.errors.append(str(error)))
    seen.page.on("request", request)
    seen.page.goto(file.as_uri())
    return seen
