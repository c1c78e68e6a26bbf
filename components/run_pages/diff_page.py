"""The page of two runs beside each other; pure."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from ratchet.components.pages.bars import interval_bar
from ratchet.components.pages.document import Page, Section, document, footer
from ratchet.components.pages.html import render
from ratchet.components.pages.trail import Link, links
from ratchet.components.run_pages.diff_content import Moved, Pair, RunDiff, gist_of_moves
from ratchet.schemas.base.differences import Clarity
from ratchet.schemas.base.formatting import many

_TABLES = "run_pages/templates/diff_table.html"

_TERMS = ("golden set", "baseline", "candidate", "AP, mAP", "interval", "slice")


def diff_page(diff: RunDiff) -> str:
    """The whole page, as HTML that can be written as UTF-8."""
    moved = diff.moved()
    sections = [
        Section("runs", "Both runs", _pairs(diff, diff.overview(), everything=True), open=True),
        Section("moved", "Classes and slices", _moved(diff, moved), gist_of_moves(moved), open=True),
        _section("settings", "Settings that differ", diff, diff.settings(), "what both were asked for is not known"),
        _section("training", "Training that differs", diff, diff.records, "one of the training records is gone"),
        _section("data", "Data that differ", diff, diff.data(), "one of the spans is not stored any more"),
        _section("rules", "Rules that failed", diff, diff.rules(), "no rule failed in either of them"),
        _section("causes", "Causes", diff, diff.causes(), "there was nothing to explain"),
    ]
    return document(
        Page(
            title=f"{diff.first.run_id} and {diff.second.run_id}",
            tone=_tone(diff),
            head=render("run_pages/templates/diff_head.html", diff=diff, bar=_overall(diff)),
            sections=sections,
            footer=footer("Written by ratchet diff; the same as JSON: --json.", *_TERMS),
            trail=links(Link("index.html", "All runs")),
        )
    )


def _tone(diff: RunDiff) -> str:
    if diff.delta is None or diff.delta.clarity is not Clarity.CLEAR:
        return "fact"
    return "pass" if (diff.delta.value or 0.0) > 0 else "reject"


def _overall(diff: RunDiff) -> Markup:
    delta = diff.delta
    if delta is None:
        return Markup()
    reach = max((abs(end) for end in (delta.value, delta.lo, delta.hi) if end is not None), default=0.0)
    return Markup(interval_bar(delta.value, delta.lo, delta.hi, reach, "difference of mAP"))


def _section(name: str, title: str, diff: RunDiff, pairs: Sequence[Pair], nothing: str) -> Section:
    apart = sum(pair.differs for pair in pairs)
    gist = many(apart, "entry") if pairs else nothing
    return Section(name, title, _pairs(diff, pairs, nothing=nothing), gist)


def _pairs(diff: RunDiff, pairs: Sequence[Pair], everything: bool = False, nothing: str = "") -> Markup:
    return render(
        _TABLES,
        names=(diff.first.run_id, diff.second.run_id),
        apart=[pair for pair in pairs if pair.differs or everything],
        alike=[pair for pair in pairs if not pair.differs and not everything],
        nothing=nothing,
    )


def _moved(diff: RunDiff, moved: Sequence[Moved]) -> Markup:
    ends = [abs(end) for each in moved for end in (each.delta.interval or ())]
    reach = max(ends, default=0.0)
    rows = [
        (each, Markup(interval_bar(each.delta.value, each.delta.lo, each.delta.hi, reach, each.name))) for each in moved
    ]
    return render(
        "run_pages/templates/diff_moved.html",
        names=(diff.first.run_id, diff.second.run_id),
        clear=[row for row in rows if row[0].is_clear],
        others=[row for row in rows if not row[0].is_clear],
        why_not=diff.why_not,
    )
