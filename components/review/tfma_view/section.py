"""TFMA's own view of a run, as a part of the review page or as a page of its own; nothing has to be loaded; pure."""

from __future__ import annotations

import html
from dataclasses import dataclass
from pathlib import Path

from ratchet.components.pages.policy import content_security_policy, source_hash
from ratchet.components.pages.style import STYLE
from ratchet.components.pages.text import safe_list
from ratchet.components.review.tfma_view.figures import LESS, TfmaData, script_json
from ratchet.schemas.base.formatting import many

_CHARTS = ("google_charts.js", "google_charts_table.js", "google_charts_svg.js")
_MOST_NAMED = 5
# The one style attribute in TFMA's templates, of the view of plots, which Ratchet's results do not have. The page's
# policy allows no such attribute, and the browser would report it.
_STYLED = ('<div style="position:relative">', "<div>")


@dataclass(frozen=True)
class TfmaSection:
    """A part of a page.

    Attributes:
        html: the part.
        script_hashes: what `script-src` of the page's Content-Security-Policy has to allow.
    """

    html: str
    script_hashes: tuple[str, ...]


def tfma_section(data: TfmaData, code: str) -> TfmaSection:
    """TFMA's tables, charts and time series, closed until a reader opens them.

    Args:
        data: what they show.
        code: TFMA's components as JavaScript.
    """
    loader = _file("loader.js")
    scripts = ["\n".join(map(_file, _CHARTS)), code.replace(*_STYLED)]
    parts = script_json({"style": _file("view.css"), "scripts": scripts})
    shown = (
        '<details id="tfma-view"><summary>Tables, charts and time series of TensorFlow Model Analysis</summary>'
        '<p id="tfma-message" role="status">This view needs JavaScript, which does not run here.</p>'
        f"{_notes(data)}{_views(data)}</details>"
        f'<script type="application/json" id="tfma-parts">{parts}</script>'
        f'<script type="application/json" id="tfma-data">{data.json.replace("<", LESS)}</script>'
        f"<script>{loader}</script>"
    )
    return TfmaSection(shown, tuple(map(source_hash, (loader, *scripts))))


def _views(data: TfmaData) -> str:
    views = [
        ("overall", "The golden set as a whole"),
        ("classes", "Classes"),
        *([("slices", "Sizes, attributes and other data sets")] if data.has_slices else []),
        ("series", "All runs"),
    ]
    return "".join(
        f'<h3 id="tfma-{name}-title">{title}</h3>'
        f'<div id="tfma-{name}" class="tfma-place" role="region" tabindex="0" aria-labelledby="tfma-{name}-title">'
        "</div>"
        for name, title in views
    )


def _notes(data: TfmaData) -> str:
    notes = []
    if data.omitted:
        notes.append(f"The {many(data.omitted, 'slice')} with the smallest fall of AP are left out here.")
    if data.skipped:
        notes.append(
            f"{many(len(data.skipped), 'past run')} could not be read and {'is' if len(data.skipped) == 1 else 'are'} "
            f"missing from the time series: {safe_list(data.skipped, _MOST_NAMED)}."
        )
    return "".join(f'<p class="quiet">{note}</p>' for note in notes)


def _file(name: str) -> str:
    return Path(__file__).with_name(name).read_text(encoding="utf-8")


_CLOSED, _OPEN = '<details id="tfma-view">', '<details id="tfma-view" open>'
_HEIGHT_PX = 900


def tfma_page(section: TfmaSection) -> str:
    """A page that shows the section opened, and that may neither load nor run anything else."""
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{content_security_policy(STYLE, section.script_hashes)}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>TensorFlow Model Analysis</title><style>{STYLE}</style></head>"
        f"<body><main>{section.html.replace(_CLOSED, _OPEN, 1)}</main></body></html>"
    )


def tfma_frame(section: TfmaSection) -> str:
    """The same inside of another page, such as a notebook's, from which it is kept apart."""
    page = html.escape(tfma_page(section))
    size = f'width="100%" height="{_HEIGHT_PX}"'
    # In an element, because IPython warns of a bare iframe.
    return f'<div><iframe srcdoc="{page}" {size} title="TensorFlow Model Analysis"></iframe></div>'
