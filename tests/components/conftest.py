from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.components.browsing import Opener, asked_server, opener


@pytest.fixture
def open_page(browser: Browser, tmp_path: Path) -> Iterator[Opener]:
    with opener(browser, tmp_path) as opens:
        yield opens


@pytest.fixture
def server() -> Iterator[tuple[str, list[str]]]:
    with asked_server() as running:
        yield running
