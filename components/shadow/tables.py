"""How often two models disagree by camera, hour and class, as tables of a page; pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from markupsafe import Markup

from ratchet.components.pages.html import render
from ratchet.components.shadow import words
from ratchet.schemas.artifacts.shadow import Disagreement, Shadow
from ratchet.schemas.base.formatting import percent

_TITLES = {"camera": "By camera", "hour": "By hour of the day", "class": "By class"}
_LONGEST = 60  # characters of a part's name
_WIDTH, _HEIGHT, _MARGIN = 160, 22, 6  # px of the SVG's own coordinates


@dataclass(frozen=True)
class Table:
    """A table.

    Attributes:
        name: what its rows are: camera, hour or class.
        title: of it.
        text: the table.
        gist: the least and the largest share, in a line.
    """

    name: str
    title: str
    text: Markup
    gist: str


def tables_of(shadow: Shadow) -> list[Table]:
    """The tables of which something is known."""
    return [_table(name, of) for name, of in words.parts(shadow).items()]


def _table(name: str, of: Mapping[str, Disagreement]) -> Table:
    shares = [each.share for each in of.values() if each.share is not None]
    reach = max([*shares, *(each.interval[1] for each in of.values() if each.interval)], default=0.0) or 1.0
    rows = [(_short(part), each, _bar(part, each, reach)) for part, each in of.items()]
    gist = f"{percent(min(shares))} to {percent(max(shares))}" if shares else "no object"
    return Table(name, _TITLES[name], render("shadow/templates/parts.html", rows=rows, name=name), gist)


def _short(part: str) -> str:
    """A camera may be called anything, and the figures are to stay in sight."""
    return part if len(part) <= _LONGEST else f"{part[: _LONGEST - 3]}..."


def _bar(part: str, each: Disagreement, reach: float) -> Markup:
    """The share as a dot and its interval as a whisker, on the axis of the table, which begins at 0."""
    if each.share is None:
        return Markup()
    low, high = each.interval or (each.share, each.share)
    share_x, low_x, high_x = (
        f"{_MARGIN + (_WIDTH - 2 * _MARGIN) * min(share / reach, 1.0):.1f}" for share in (each.share, low, high)
    )
    return render(
        "shadow/templates/bar.html",
        width=_WIDTH,
        height=_HEIGHT,
        margin=_MARGIN,
        share_x=share_x,
        low_x=low_x,
        high_x=high_x,
        label=f"{part}: {percent(each.share)}, {words.ends(each.interval)}",
    )
