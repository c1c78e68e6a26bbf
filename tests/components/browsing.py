"""A page in Debian's chromium, with all that it asked for and all that went wrong in it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, ConsoleMessage, Page, Request, expect

CHROMIUM = "/usr/bin/chromium"
PATIENCE_MS = 120_000  # for whatever has to happen on a page; a machine may be many times slower than another
expect.set_options(timeout=PATIENCE_MS)


@dataclass
class OpenPage:
    """An open page; `requests` has what was loaded beside the page, `errors` what the console reported."""

    page: Page
    requests: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def settle(self) -> None:
        """Waits until the page has handled the events so far and drawn, and until its reports have arrived here."""
        self.page.evaluate("new Promise(done => requestAnimationFrame(() => setTimeout(done)))")

    def unfold(self) -> OpenPage:
        """The page with everything open, as a reader would who wants all of it."""
        self.page.evaluate("document.querySelectorAll('details').forEach(details => { details.open = true })")
        self.settle()
        return self

    def faults(self) -> list[str]:
        """All that the page asked for and reported; empty for a page that is complete and sound."""
        self.settle()
        return [*self.errors, *self.requests]


@dataclass
class Opener:
    """Opens pages in one browser, from files, as a reader would."""

    browser: Browser
    directory: Path
    closing: ExitStack

    def __call__(self, html: str, width: int = 1200, scheme: Any = "light", scripts: bool = True) -> OpenPage:
        """A page once everything in it is loaded."""
        file = self.directory / "page.html"
        file.write_text(html, encoding="utf-8")
        context = self.browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, java_script_enabled=scripts
        )
        self.closing.callback(context.close)
        context.set_default_timeout(PATIENCE_MS)
        context.grant_permissions(["clipboard-read", "clipboard-write"])
        opened = OpenPage(context.new_page())

        def console(message: ConsoleMessage) -> None:
            if message.type in ("error", "warning"):
                opened.errors.append(message.text)

        def request(asked: Request) -> None:
            if asked.url != file.as_uri() and not asked.url.startswith("data:"):
                opened.requests.append(asked.url)

        opened.page.on("console", console)
        opened.page.on("pageerror", lambda error: opened.errors.append(str(error)))
        opened.page.on("request", request)
        opened.page.goto(file.as_uri())
        return opened


@contextmanager
def opener(browser: Browser, directory: Path) -> Iterator[Opener]:
    """Opens pages, and closes them in the end."""
    with ExitStack() as closing:
        yield Opener(browser, directory, closing)


@contextmanager
def asked_server() -> Iterator[tuple[str, list[str]]]:
    """Address of a server on this machine, and the paths that it was asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}", asked
        running.shutdown()
