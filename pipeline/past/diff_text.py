"""Two runs beside each other, for a terminal; pure."""

from __future__ import annotations

from collections.abc import Sequence

from ratchet.components.pages.numbers import NOTHING
from ratchet.components.run_pages.diff_content import Pair, RunDiff, gist_of_moves
from ratchet.pipeline.terminal.plain_text import cut, one_line, table
from ratchet.schemas.base.differences import measured
from ratchet.schemas.base.formatting import MISSING, and_more, difference_with_interval, score
from ratchet.schemas.base.visible import visible_line

_CELL, _NARROWEST, _SHOWN = 60, 16, 12


def diff_text(diff: RunDiff, width: int | None = None) -> str:
    """What differs, the important first; the page and the JSON have all of it.

    Args:
        diff: what to show.
        width: of the terminal in characters; None for files and pipes.
    """
    cell = _CELL if width is None else max(_NARROWEST, (width - 4) // 3)
    lines = [*_pairs("", diff, diff.overview(), cell), "", *_measured(diff)]
    for title, pairs in (
        ("settings that differ", diff.settings()),
        ("training that differs", diff.records),
        ("data that differ", diff.data()),
        ("rules that failed", diff.rules()),
        ("causes", diff.causes()),
    ):
        apart = [pair for pair in pairs if pair.differs]
        lines += ["", *_pairs(title, diff, apart, cell)] if apart else []
    missing = [*diff.first.missing, *diff.second.missing]
    return "\n".join([*lines, *([""] if missing else []), *map(visible_line, missing)])


def _measured(diff: RunDiff) -> list[str]:
    if diff.delta is None:
        return [visible_line(diff.why_not)]
    moved = diff.moved()
    rows = [
        (visible_line(each.name), score(each.first), score(each.second),
         difference_with_interval(each.delta.value, each.delta.interval))
        for each in moved
        if each.is_clear
    ]  # fmt: skip
    shown = rows[: _SHOWN // 2] + rows[_SHOWN // 2 :][-_SHOWN // 2 :]
    more = and_more(len(rows) - len(shown)).strip()
    head = f"mAP on one golden set: {measured(diff.delta.value, diff.delta.interval)}"
    return [
        head,
        f"classes and slices: {gist_of_moves(moved)}",
        *table(shown, " rr") * bool(shown),
        *([more] * bool(more)),
    ]


def _plain(cell: str) -> str:
    """A cell with the signs that every terminal can show."""
    return one_line(cell).replace(NOTHING, MISSING).replace("\N{MINUS SIGN}", "-")


def _pairs(title: str, diff: RunDiff, pairs: Sequence[Pair], width: int) -> list[str]:
    names = (title, diff.first.run_id, diff.second.run_id)
    rows = [names, *((pair.name, pair.first, pair.second) for pair in pairs[: 2 * _SHOWN])]
    more = and_more(len(pairs) - 2 * _SHOWN).strip()
    return [*table([tuple(cut(_plain(cell), width) for cell in row) for row in rows]), *([more] * bool(more))]
