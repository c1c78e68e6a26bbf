"""The site: README is its first page, every document has a place in it, and nothing in it comes from elsewhere."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from handbook.site.pages import decision_list, page_of, relinked, title_of
from tests.components.browsing import PATIENCE_MS
from tests.nightly import by_night

TREE = Path(__file__).resolve().parents[2]
CONFIG = (TREE / "handbook/site/mkdocs.yml").read_text(encoding="utf-8")
TITLES = {"docs/data.md": "Data sets", "docs/decisions/0001-x.md": "1. X", "ARCHITECTURE.md": "Architecture"}


@pytest.mark.parametrize(
    ("file", "text", "on_the_site"),
    [
        ("README.md", "[the data](docs/data.md#spans)", "[the data](data.md#spans)"),
        ("README.md", "[docs/data.md](docs/data.md)", "[Data sets](data.md)"),
        ("README.md", "[why](docs/decisions/)", "[why](decisions/index.md)"),
        ("README.md", "![it](docs/images/demo.svg)", "![it](images/demo.svg)"),
        ("README.md", '<img src="docs/images/review.png">', '<img src="images/review.png">'),
        ("README.md", "[x](#here) [y](https://example.com)", "[x](#here) [y](https://example.com)"),
        ("docs/data.md", "[r](../README.md) [a](../ARCHITECTURE.md#x)", "[r](index.md) [a](architecture.md#x)"),
        ("docs/decisions/0001-x.md", "[data.md](../data.md#x)", "[Data sets](../data.md#x)"),
        ("docs/decisions/0001-x.md", "[1](0001-x.md)", "[1](0001-x.md)"),
    ],
)
def test_links_of_the_repository_become_links_of_the_site(file: str, text: str, on_the_site: str) -> None:
    assert relinked(text, file, TITLES) == on_the_site


def test_every_document_has_a_place_in_the_navigation() -> None:
    named = set(re.findall(r"(\S+\.md)$", CONFIG.partition("\nnav:\n")[2], re.M))
    there = {page_of(file.relative_to(TREE).as_posix()) for file in (TREE / "docs").rglob("*.md")}
    decisions = {page for page in there if page.startswith("decisions/")}
    assert named == there - decisions | {"index.md", "architecture.md", "changelog.md"}


def test_decisions_are_listed_by_number() -> None:
    listed = decision_list({"0002-b.md": "# 2. B\n\ntext", "0001-a.md": "# 1. A\n"})
    assert listed.index("[1. A](0001-a.md)") < listed.index("[2. B](0002-b.md)")
    assert title_of("<!-- made -->\n\n# Settings\n") == "Settings"


def test_nothing_is_asked_of_the_network() -> None:
    assert "font: false" in CONFIG
    assert "analytics" not in CONFIG.replace("no analytics", "")
    assert not re.search(r"https?://", CONFIG)
    assets = [file.read_text(encoding="utf-8") for file in (TREE / "handbook/site/assets").iterdir()]
    assert [found for text in assets for found in re.findall(r"https?://[^\"' ]+", text)] == [
        "http://www.w3.org/2000/svg"
    ]


def test_the_lock_of_the_tools_has_a_hash_for_every_package() -> None:
    lines = (TREE / "requirements/docs-lock.txt").read_text(encoding="utf-8").replace("\\\n", " ").splitlines()
    pinned = [line for line in lines if line and not line.startswith("#")]
    assert {"mkdocs-material", "termtosvg-ng"} <= {line.partition("==")[0] for line in pinned}
    assert [line[:40] for line in pinned if not re.match(r"^\S+==\S+.* --hash=sha256:[0-9a-f]{64}", line)] == []


@by_night  # the links are looked at every time, and this installs MkDocs
def test_it_is_built_and_its_search_works_from_a_file(browser: Browser) -> None:
    done = subprocess.run(["make", "-C", TREE, "docs"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    page = browser.new_page()
    page.set_default_timeout(PATIENCE_MS)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto((TREE / "build/site/index.html").as_uri())
    page.click(".md-search__input")
    page.keyboard.type("golden_budget", delay=20)
    page.get_by_text("matching documents").wait_for()
    assert "settings.html" in " ".join(
        page.locator(".md-search-result__link").evaluate_all("all => all.map(a => a.href)")
    )
    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []
