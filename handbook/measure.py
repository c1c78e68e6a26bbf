"""How long pages are, as a reader meets them: screens, words that are open, bytes, sheets of paper, seconds to open.

python -m handbook.measure PAGE [PAGE ...]

The table of docs/review.md is what this prints of the pages of `make demo`.
"""

from __future__ import annotations

import argparse
import re
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tabulate import tabulate

from handbook.pictures import CHROMIUM

WIDTH_PX, SCREEN_PX, PHONE_PX = 1280, 900, 390
# Words of texts that are shown: what is folded or hidden is not, and neither are the figures of charts.
_WORDS = """() => {
  let count = 0;
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const within = texts.currentNode.parentElement;
    if (within.closest("script, style, svg")) continue;
    if (!within.checkVisibility({ contentVisibilityAuto: true, visibilityProperty: true })) continue;
    count += texts.currentNode.textContent.trim().split(/\\s+/).filter(Boolean).length;
  }
  return count;
}"""


class Length(NamedTuple):
    """How long a page is.

    Attributes:
        page: its file.
        screens: of 1280 x 900 px.
        words: that are shown when it is opened.
        phone: its height on a phone, px.
        sheets: of A4, on which all of it is.
        megabytes: of the file.
        seconds: until it is loaded.
    """

    page: str
    screens: float
    words: int
    phone: int
    sheets: int
    megabytes: float
    seconds: float


def length_of(browser: Any, page: Path) -> Length:
    """Measures a page.

    Args:
        browser: of Playwright.
        page: an HTML file.
    """
    opened = browser.new_page(viewport={"width": WIDTH_PX, "height": SCREEN_PX})
    started = time.monotonic()
    opened.goto(page.resolve().as_uri())
    seconds = time.monotonic() - started
    height, words = (opened.evaluate(each) for each in ("document.documentElement.scrollHeight", f"({_WORDS})()"))
    sheets = len(re.findall(rb"/Type\s*/Page\b", opened.pdf(format="A4")))
    opened.set_viewport_size({"width": PHONE_PX, "height": SCREEN_PX})
    phone = opened.evaluate("document.documentElement.scrollHeight")
    opened.close()
    return Length(str(page), round(height / SCREEN_PX, 1), words, phone, sheets, page.stat().st_size / 1e6, seconds)


def measured(pages: Sequence[Path]) -> list[Length]:
    """Measures pages in one browser."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        found = [length_of(browser, page) for page in pages]
        browser.close()
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pages", type=Path, nargs="+", metavar="PAGE")
    titles = ("page", "screens", "words", "px on a phone", "sheets", "MB", "s")
    print(tabulate(measured(parser.parse_args(arguments).pages), titles, tablefmt="github", floatfmt=".2g"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
