"""Takes the review page of a demo's blocked run into the documents: a picture of its head.

python -m handbook.pictures ROOT [--docs docs]

    docs/images/review.png      the head of the page, light, 1280 px wide

The page itself is too large to be kept with every version of the documents; docs/review.md says where one lies.
"""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from ratchet.pipeline.past.history import page_of, read_history
from ratchet.schemas.artifacts.decisions import Verdict
from ratchet.schemas.base.errors import InputError, RatchetError

WIDTH_PX, HEIGHT_PX = 1280, 860
COLOURS = 256
MAX_PNG_BYTES = 200_000
CHROMIUM = "/usr/bin/chromium"


def blocked_page(root: Path) -> Path:
    """The page of the newest blocked run.

    Raises:
        InputError: there is none in this root.
    """
    runs = read_history(root, ()).runs
    pages = [page_of(root, run.run_id) for run in runs if run.result and run.result.verdict is Verdict.BLOCKED]
    if not pages or not pages[-1].is_file():
        raise InputError(f"{root}: no blocked run with a page; run `make demo` first, and give the demo's root")
    return pages[-1]


def photographed(page: Path) -> Image.Image:
    """What a browser shows of a page when it is opened, in light colours.

    Args:
        page: an HTML file.
    """
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        opened = browser.new_page(viewport={"width": WIDTH_PX, "height": HEIGHT_PX}, color_scheme="light")
        opened.goto(page.resolve().as_uri())
        taken = opened.screenshot(animations="disabled")
        browser.close()
    return Image.open(io.BytesIO(taken)).convert("RGB")


def palette_png(picture: Image.Image) -> bytes:
    """A picture as a small PNG.

    Raises:
        InputError: it is too large for a document all the same.
    """
    file = io.BytesIO()
    picture.quantize(COLOURS, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE).save(file, "PNG", optimize=True)
    if len(file.getvalue()) > MAX_PNG_BYTES:
        raise InputError(f"the picture: {len(file.getvalue())} bytes, of at most {MAX_PNG_BYTES}; nothing was written")
    return file.getvalue()


def write_picture(root: Path, docs: Path) -> None:
    """Writes the picture.

    Args:
        root: a pipeline root as the demo leaves it.
        docs: the directory of the documents.

    Raises:
        InputError: no run was blocked, or the picture is too large.
    """
    content = palette_png(photographed(blocked_page(root)))
    file = docs / "images" / "review.png"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)


def main(arguments: Sequence[str] | None = None) -> int:
    """Takes the picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root", type=Path, metavar="ROOT", help="the demo's pipeline root")
    parser.add_argument("--docs", type=Path, default=Path(__file__).resolve().parent.parent / "docs")
    options = parser.parse_args(arguments)
    try:
        write_picture(options.root, options.docs)
    except RatchetError as error:
        print(f"pictures: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
