"""Reports that several files of tests look at."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.components.browsing import Opener, OpenPage, opener
from tests.components.review.tfma_view.pages import html, open_all, open_view


@pytest.fixture(scope="module")
def opened(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenPage]:
    """Shared by tests that change nothing on it."""
    with opener(browser, tmp_path_factory.mktemp("page")) as opens:
        yield open_all(open_view(opens(html())))


@pytest.fixture
def fresh(open_page: Opener) -> OpenPage:
    """Opened anew, for a test that changes something."""
    return open_all(open_view(open_page(html())))
