from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.components.browsing import CHROMIUM, PATIENCE_MS, Opener, asked_server, opener


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"], timeout=PATIENCE_MS)
        yield running
        running.close()


@pytest.fixture
def open_page(browser: Browser, tmp_path: Path) -> Iterator[Opener]:
    with opener(browser, tmp_path) as opens:
        yield opens


@pytest.fixture
def server() -> Iterator[tuple[str, list[str]]]:
    with asked_server() as running:
        yield running
