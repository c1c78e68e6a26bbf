"""What can be taken along from a page: the run as Markdown, and files for spreadsheets and labelling tools; pure.

The files stand in the page as `data:` links, so that a page that was mailed has them, too.
"""

from __future__ import annotations

import base64
from typing import NamedTuple

from markupsafe import Markup

from ratchet.components.pages.html import render
from ratchet.components.review.content import ReviewContent
from ratchet.components.review.exports.markdown import run_markdown
from ratchet.components.review.exports.relabel import relabel_coco
from ratchet.components.review.exports.suspects import GOLDEN, SPAN
from ratchet.components.review.exports.worst_images import worst_images_csv
from ratchet.schemas.base.formatting import many


class Download(NamedTuple):
    """A file that stands in the page.

    Attributes:
        file_name: what it is saved as.
        words: what it holds.
        kind: its media type.
        content: of it.
    """

    file_name: str
    words: str
    kind: str
    content: bytes

    @property
    def address(self) -> Markup:
        """The whole file as an address; base64 has no character that HTML knows."""
        return Markup(f"data:{self.kind};base64,{base64.b64encode(self.content).decode()}")


def downloads(content: ReviewContent) -> list[Download]:
    """The files of a page; none of what there is nothing to say about."""
    found = []
    if content.analysis is not None and content.analysis.gallery:
        words = f"worst images as CSV ({many(len(content.analysis.gallery), 'image')})"
        text = worst_images_csv(content.analysis)
        found.append(Download("worst_images.csv", words, "text/csv", text.encode()))
    for data_set, info in ((SPAN, content.lineage.span), (GOLDEN, content.lineage.golden)):
        images = content.suspects.get(data_set, ())
        if images:
            of = f"span {info.span}" if data_set == SPAN else "the golden set"
            words = f"what to relabel of {of} as COCO ({many(len(images), 'image')})"
            text = relabel_coco(images, info, content.run_id)
            found.append(Download(f"relabel_{data_set}.json", words, "application/json", text))
    return found


def exports_gist(content: ReviewContent) -> str:
    """What can be taken along, in a line."""
    return ", ".join(["Markdown", *(file.file_name for file in downloads(content))])


def exports_links(content: ReviewContent) -> Markup:
    """A line of buttons and links, and below it folds that need no script."""
    originals = [image for images in content.suspects.values() for image in images if image.original]
    return render(
        "review/exports/templates/exports.html",
        downloads=downloads(content),
        lines=run_markdown(content).splitlines(),
        originals=originals[:200],
    )
