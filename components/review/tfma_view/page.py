"""The TFMA report: the figures of TFMA's files as tables and charts, and TFMA's own view beside them; pure.

Everything is there without a script, on a phone and on paper; TFMA's view starts when a reader unfolds it, and nothing
has to be loaded for it.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from pathlib import Path

from markupsafe import Markup

from ratchet.components.pages import numbers
from ratchet.components.pages.bars import interval_bar
from ratchet.components.pages.document import Page, Section, document, footer
from ratchet.components.pages.html import render
from ratchet.components.pages.trail import Link, links
from ratchet.components.review.tfma_view.figures import LESS, ComponentData, component_data, script_json
from ratchet.components.review.tfma_view.results import TfmaResults
from ratchet.components.review.tfma_view.run_chart import run_chart, styles_of
from ratchet.components.review.tfma_view.tables import (
    Held,
    Row,
    class_rows,
    crossed_tables,
    held_rows,
    overall_rows,
    series_rows,
    slice_rows,
)
from ratchet.schemas.artifacts.evaluation import BASELINE
from ratchet.schemas.base.formatting import joined, many

_TEMPLATES = "review/tfma_view/templates"
_CHARTS = ("google_charts.js", "google_charts_table.js", "google_charts_svg.js")
_DRAWN = ("AP", "AP50", "AP75")
_SEARCHED = 10  # rows, from which on they can be searched
_WIDE_PX, _NARROW_PX, _NARROW_RUNS = 840, 360, 40  # of the charts
_MOST_ROWS, _MOST_CROSSED, _MOST_RUNS, _MOST_HELD = 1_000, 200, 200, 300
# The one style attribute in TFMA's templates, of the view of plots, which Ratchet's results do not have. The page's
# policy allows no such attribute, and the browser would report it.
_STYLED = ('<div style="position:relative">', "<div>")


def tfma_page(results: TfmaResults, code: str, pipeline: str, review: str | None = None) -> str:
    """The report of a run as a page.

    Args:
        results: what TFMA read.
        code: TFMA's components as JavaScript.
        pipeline: its name.
        review: address of the run's review page; None without one.

    Returns:
        HTML that can be written as UTF-8.
    """
    whole, has_baseline = overall_rows(results)[0], BASELINE in results.models
    scripts = [_file("report.js"), *_scripts(code)]
    page = Page(
        title=f"TFMA report: {pipeline[:80]} {results.run.run_id}",
        tone="pass" if results.validation.passed else "reject",
        head=_shown("head", results=results, pipeline=pipeline, whole=whole, has_baseline=has_baseline),
        sections=list(_sections(results, component_data(results), scripts)),
        trail=links(Link(review, "Review of this run")) if review else Markup(),
        footer=footer(
            "Written by Ratchet from eval_config.json, metrics and validations of the evaluation.",
            *("AP, mAP", "IoU", "interval", "slice"),
        ),
        scripts=scripts,
    )
    return document(page)


_HEIGHT_PX = 900


def tfma_frame(page: str) -> str:
    """The report inside of another page, such as a notebook's, from which it is kept apart."""
    # In an element, because IPython warns of a bare iframe.
    return str(_shown("frame", page=page, height_px=_HEIGHT_PX))


def _sections(results: TfmaResults, data: ComponentData, scripts: Sequence[str]) -> Iterator[Section]:
    held, has_baseline = held_rows(results), BASELINE in results.models
    failed = [row for row in held if row.state == "failed"]
    yield Section(
        "validation",
        "Thresholds",
        _shown("validation", results=results, rows=held[:_MOST_HELD], omitted=max(0, len(held) - _MOST_HELD)),
        _outcome(held),
        open=True,
        tone="reject" if failed else "pass",
    )
    yield Section(
        "whole", "The whole golden set", _table("whole", "figure", overall_rows(results), has_baseline), open=True
    )
    yield Section("runs", "All runs", _runs(results), f"{many(len(results.past) + 1, 'run')}", open=True)
    classes, slices = class_rows(results), slice_rows(results)
    yield Section("classes", "Classes", _table("by-class", "class", classes, has_baseline), _worst(classes))
    if slices:
        yield Section("slices", "Sizes, attributes, other data", _slices(slices, has_baseline), _worst(slices))
    crossed = crossed_tables(results, _MOST_CROSSED)
    if crossed:
        columns = joined([table.column.replace("_", " ") for table in crossed])
        text = _shown("crossed", tables=crossed, has_baseline=has_baseline)
        yield Section("crossed", "Classes within slices", text, f"each class by {columns}")
    view = _components(data, results, scripts)
    yield Section("tfma-view", "TFMA's own view", view, "sorted, filtered and drawn anew")


def _outcome(held: Sequence[Held]) -> str:
    counts = [(state, sum(row.state == state for row in held)) for state in ("failed", "passed", "not tested")]
    return ", ".join(f"{count} {state}" for state, count in counts if count)


def _worst(rows: Sequence[Row]) -> str:
    if not rows or rows[0].difference.value is None:
        return str(len(rows))
    return f"{len(rows)}, the largest fall: {rows[0].name[:60]} {numbers.change(rows[0].difference.value)}"


def _slices(rows: Sequence[Row], has_baseline: bool) -> Markup:
    """Slices of the golden set, and the other data sets as wholes, whose figures are none of the golden set's."""
    others = [row for row in rows if row.name.startswith("data_set:")]
    golden = [row for row in rows if row not in others]
    tables = (("by-slice", golden, "Of the golden set"), ("by-data", others, "Other data sets"))
    return Markup().join(_table(name, "slice", part, has_baseline, title) for name, part, title in tables if part)


def _table(name: str, thing: str, rows: Sequence[Row], has_baseline: bool, title: str = "") -> Markup:
    differences = [row.difference for row in rows]
    ends = [end for of in differences for end in (of.value, of.lo, of.hi) if end is not None]
    scale = max(map(abs, ends), default=0.0)
    bars = [Markup(interval_bar(of.value, of.lo, of.hi, scale, row.name)) for row, of in zip(rows, differences)]
    return _shown(
        "slices",
        id=name,
        title=title,
        thing=thing,
        rows=list(zip(rows, bars))[:_MOST_ROWS],
        omitted=max(0, len(rows) - _MOST_ROWS),
        has_baseline=has_baseline,
        has_support=thing != "figure",
        searched=len(rows) >= _SEARCHED and thing != "figure",
    )


def _runs(results: TfmaResults) -> Markup:
    names, rows = series_rows(results)
    newest = rows[-_MOST_RUNS:]
    drawn = [name for name in _DRAWN if name in names]
    return _shown(
        "runs",
        wide=run_chart(newest, names, drawn, _WIDE_PX),
        narrow=run_chart(newest[-_NARROW_RUNS:], names, drawn, _NARROW_PX),
        lines=styles_of(drawn),
        names=names,
        rows=newest[::-1],
        omitted=len(rows) - len(newest),
        skipped=list(results.skipped),
    )


def _components(data: ComponentData, results: TfmaResults, scripts: Sequence[str]) -> Markup:
    loader, *started = scripts
    views = {"overall": "The whole golden set", "classes": "Classes"}
    views |= {"slices": "Sizes, attributes, other data"} if slice_rows(results) else {}
    views |= {"crossed": "Classes within slices"} if crossed_tables(results, 1) else {}
    return _shown(
        "components",
        data=data,
        views=[*views.items(), ("series", "All runs")],
        parts=Markup(script_json({"style": _file("view.css"), "scripts": started})),
        json=Markup(data.json.replace("<", LESS)),
        loader=Markup(loader),
    )


def _scripts(code: str) -> list[str]:
    return ["\n".join(map(_file, _CHARTS)), code.replace(*_STYLED)]


def _shown(name: str, **values: object) -> Markup:
    return render(f"{_TEMPLATES}/{name}.html", **values)


@functools.cache
def _file(name: str) -> str:
    return Path(__file__).with_name(name).read_text(encoding="utf-8")
