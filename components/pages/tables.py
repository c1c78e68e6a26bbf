"""Tables of a page; what they are given is safe HTML already."""

from __future__ import annotations

from collections.abc import Iterable


def columns(titles: Iterable[str]) -> str:
    """The cells of a table's head."""
    return "".join(f'<th scope="col">{title}</th>' for title in titles)


def table(head: str, rows: Iterable[str], style: str = "", caption: str = "") -> str:
    """A table.

    Args:
        head: cells of its first row.
        rows: each a `tr` element.
        style: its CSS class.
        caption: a `caption` element.
    """
    opened = f'<table class="{style}">' if style else "<table>"
    return f"{opened}{caption}<thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"


def scrolled(label: str, wide: str) -> str:
    """A table that scrolls in its place where it is wider than the page; the label is read to those who cannot see."""
    return f'<div class="scroll" tabindex="0" role="region" aria-label="{label}">{wide}</div>'
