"""The page of all runs: mAP over time, what is served, and a table that leads to the page of every run; pure."""

from __future__ import annotations

import functools
import shlex
from pathlib import Path

from markupsafe import Markup

from ratchet.components.pages.bars import interval_bar
from ratchet.components.pages.document import Page, Section, document, footer
from ratchet.components.pages.html import render
from ratchet.components.run_pages.index_content import IndexContent, IndexRow
from ratchet.components.run_pages.timeline import timeline
from ratchet.schemas.base.formatting import many

OPEN_ROWS = 200  # the newest; the rest is folded
MOST_ROWS = 500  # so that the page is as large in ten years as in two
_SOURCES = "Written by Ratchet after every run, approval, rollback and pruning; as text: ratchet history."
_TERMS = ("span", "golden set", "baseline", "candidate", "AP, mAP", "interval")


def index_page(content: IndexContent) -> str:
    """The whole page, as HTML that can be written as UTF-8."""
    return document(
        Page(
            title=f"Runs of {content.pipeline}",
            tone="warn" if content.problem else "pass" if content.serving else "fact",
            head=render("run_pages/templates/index_head.html", content=content),
            sections=[
                Section("over-time", "mAP over time", _chart(content), _chart_gist(content), open=True),
                Section("runs", "Runs", _runs(content), _gist(content), open=True),
                Section("compare", "Compare two runs", _compare(content.root), "ratchet diff RUN_A RUN_B"),
            ],
            footer=footer(_SOURCES, *_TERMS),
            scripts=[script()],
        )
    )


@functools.cache
def script() -> str:
    """The script of the table."""
    return (Path(__file__).parent / "index.js").read_text(encoding="utf-8")


def _chart(content: IndexContent) -> Markup:
    several = len(content.goldens) > 1
    return render("run_pages/templates/index_chart.html", chart=timeline(content), several=several)


def _chart_gist(content: IndexContent) -> str:
    return f"{many(len(content.served), 'version')} came into service"


def _gist(content: IndexContent) -> str:
    return many(content.count, "run")


def _runs(content: IndexContent) -> Markup:
    shown = content.rows[:MOST_ROWS]
    ends = [abs(end) for row in shown[:OPEN_ROWS] for end in (row.interval or ((row.delta,) if row.delta else ()))]
    reach = max(ends, default=0.0) or 1e-4
    newest, earlier = ([(row, _bar(row, reach)) for row in part] for part in (shown[:OPEN_ROWS], shown[OPEN_ROWS:]))
    return render(
        "run_pages/templates/index_runs.html",
        newest=newest,
        earlier=earlier,
        left_out=content.count - len(shown),
        several=len(content.goldens) > 1,
        verdicts=sorted({row.verdict for row in shown}),
        causes=sorted({(row.cause, row.cause_words.partition(":")[0]) for row in shown if row.cause}),
    )


def _bar(row: IndexRow, reach: float) -> Markup:
    if row.interval is None:
        return Markup()
    return Markup(interval_bar(row.delta, *row.interval, reach, "difference of mAP"))


def _compare(root: str) -> Markup:
    command = f"ratchet diff RUN_A RUN_B --root {shlex.quote(root)} --open"
    return render("run_pages/templates/index_compare.html", command=command, script=Markup(script()))
