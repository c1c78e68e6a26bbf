"""mAP of what was served as steps over time, and every candidate as a mark: inline SVG without scripts; pure."""

from __future__ import annotations

import datetime
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from ratchet.components.pages.axes import Scale, linear_scale
from ratchet.components.run_pages.index_content import CameToServe, IndexContent, IndexRow
from ratchet.schemas.base.formatting import many, minute, score
from ratchet.schemas.base.visible import visible_line

MOST_MARKS = 2000  # candidates; more could not be told apart, and would make the page slow
_WIDTH, _HEIGHT = 960, 268  # px of the SVG's own coordinates
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 944, 34, 212
_REJECTED_Y = 226  # where candidates stand that were never measured
_LABEL_PX = 96  # room of the name of a golden set
_SHAPES = {
    "PUSHED": '<circle r="4.5"/>',
    "BOOTSTRAPPED": '<path d="M-4.5-4.5h9v9h-9z"/>',
    "BLOCKED": '<path class="open" d="M-4-4l8 8m0-8l-8 8"/>',
    "INCONCLUSIVE": '<path class="hollow" d="M0-5.5l5.5 5.5l-5.5 5.5l-5.5-5.5z"/>',
    "DATA_REJECTED": '<path class="open" d="M-4 0h8"/>',
    "APPROVED": '<path class="hollow" d="M0-7l6 11h-12z"/>',
    "ROLLED_BACK": '<path class="hollow" d="M0 7l6-11h-12z"/>',
    "ADOPTED": '<path class="hollow" d="M-5-5h10v10h-10z"/>',
}
_WORDS = {
    "PUSHED": "pushed",
    "BOOTSTRAPPED": "first model",
    "BLOCKED": "blocked",
    "INCONCLUSIVE": "inconclusive",
    "DATA_REJECTED": "data rejected, nothing trained",
    "APPROVED": "approved by a person",
    "ROLLED_BACK": "rolled back",
    "ADOPTED": "adopted, made elsewhere",
}
_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_STEPS_S = (
    *(_MINUTE * count for count in (1, 2, 5, 10, 30)),
    *(_HOUR * count for count in (1, 3, 6, 12)),
    *(_DAY * count for count in (1, 2, 7, 14)),
)
_MONTHS = (1, 2, 3, 6, 12, 24, 60, 120)
_MOST_TICKS = 9


def seconds(moment: str) -> float:
    """Seconds since 1970 of a moment in ISO 8601; one without a zone is in UTC.

    >>> seconds("1970-01-01T00:01:00+00:00")
    60.0
    """
    parsed = datetime.datetime.fromisoformat(moment)
    return (parsed if parsed.tzinfo else parsed.replace(tzinfo=datetime.timezone.utc)).timestamp()


def date_ticks(first_s: float, last_s: float) -> list[tuple[float, str]]:
    """Round moments of a stretch of time, in UTC, and how they are written.

    >>> [text for _, text in date_ticks(seconds("2030-01-01T00:00:00+00:00"), seconds("2030-06-15T00:00:00+00:00"))]
    ['2030-01', '2030-02', '2030-03', '2030-04', '2030-05', '2030-06']
    >>> [text for _, text in date_ticks(seconds("2030-01-01T10:01:00+00:00"), seconds("2030-01-01T10:04:00+00:00"))]
    ['01-01 10:01', '10:02', '10:03', '10:04']
    """
    for step in _STEPS_S:
        start = -(-first_s // step) * step
        count = int((last_s - start) // step) + 1
        if count <= _MOST_TICKS:
            return _written([start + place * step for place in range(count)], step)
    first, last = _utc(first_s), _utc(last_s)
    months = range(first.year * 12, last.year * 12 + last.month + 1)
    for every in _MONTHS:
        found = [_month(month) for month in months if month % every == 0]
        inside = [moment for moment in found if first_s <= moment <= last_s]
        if len(inside) <= _MOST_TICKS:
            return [(moment, _utc(moment).strftime("%Y" if every >= 12 else "%Y-%m")) for moment in inside]
    return []


def _utc(moment_s: float) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(moment_s, datetime.timezone.utc)


def _month(number: int) -> float:
    return datetime.datetime(number // 12, number % 12 + 1, 1, tzinfo=datetime.timezone.utc).timestamp()


def _written(moments: Sequence[float], step: int) -> list[tuple[float, str]]:
    texts, day = [], ""
    for moment in moments:
        at = _utc(moment)
        today = at.strftime("%Y-%m-%d" if step >= _DAY else "%m-%d")
        clock = at.strftime("%H:%M")
        texts.append(today if step >= _DAY else f"{today} {clock}" if today != day else clock)
        day = today
    return list(zip(moments, texts))


@dataclass(frozen=True)
class _Frame:
    """Where a moment and a score lie."""

    first_s: float
    last_s: float
    up: Scale

    def x(self, moment: str) -> str:
        share = (seconds(moment) - self.first_s) / (self.last_s - self.first_s)
        return f"{_LEFT + (_RIGHT - _LEFT) * max(0.0, min(share, 1.0)):.1f}"

    def y(self, value: float | None) -> str:
        return f"{_BOTTOM - (_BOTTOM - _TOP) * self.up.share(value):.1f}" if value is not None else str(_REJECTED_Y)


def timeline(content: IndexContent) -> Markup:
    """The chart with its legend; a paragraph where there is nothing to draw.

    Args:
        content: of the index.
    """
    marks = [row for row in content.rows if row.verdict in _SHAPES][:MOST_MARKS]
    if not marks and not content.served:
        return Markup('<p class="quiet">No candidate was measured yet.</p>')
    moments = [seconds(entry.at) for entry in (*marks, *content.served)] + [seconds(content.made_at)]
    first, last = min(moments), max(moments)
    pad = max((last - first) * 0.02, 30.0)
    values = [entry.map for entry in (*marks, *content.served) if entry.map is not None and entry.map >= 0]
    frame = _Frame(first - pad, last + pad, linear_scale(values, roomy=True))
    drawn = "".join(
        [
            *_axes(frame),
            *_golden_sets(content, frame),
            *(_mark(row.verdict, row.at, row.map, _told(row), frame, _scale(len(marks))) for row in reversed(marks)),
            *(_steps(list(group), frame, content) for group in _by_golden(content.served)),
            *(
                _mark(entry.how, entry.at, entry.map, _came(entry), frame, 1.0)
                for entry in content.served
                if entry.how in ("APPROVED", "ROLLED_BACK", "ADOPTED")
            ),
        ]
    )
    kinds = {row.verdict for row in marks} | {entry.how for entry in content.served}
    return Markup(
        f'<figure class="chart timeline"><div class="scroll" tabindex="0" role="region" aria-label="the chart">'
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(_in_words(content))}">{drawn}</svg>'
        f"</div>{_legend(kinds, bool(content.served))}</figure>"
    )


def _axes(frame: _Frame) -> Iterator[str]:
    for tick, text in zip(frame.up.ticks, frame.up.texts()):
        y = frame.y(tick)
        yield f'<path class="grid" d="M{_LEFT} {y}H{_RIGHT}"/>'
        yield f'<text x="{_LEFT - 6}" y="{float(y) + 4.5:.1f}" text-anchor="end">{text}</text>'
    yield f'<text class="title" x="1" y="13">mAP</text><path class="axis" d="M{_LEFT} {_BOTTOM}H{_RIGHT}"/>'
    for moment, text in date_ticks(frame.first_s, frame.last_s):
        x = frame.x(_utc(moment).isoformat())
        yield f'<path class="axis" d="M{x} {_BOTTOM}v4"/>'
        yield f'<text x="{x}" y="{_HEIGHT - 8}" text-anchor="middle">{text}</text>'


def _by_golden(served: Sequence[CameToServe]) -> Iterator[Iterator[CameToServe]]:
    """What can be compared: models that were accepted on one golden set, one after the other."""
    for _, group in itertools.groupby(served, key=lambda entry: entry.golden):
        yield group


def _steps(group: Sequence[CameToServe], frame: _Frame, content: IndexContent) -> str:
    after = [entry.at for entry in content.served[content.served.index(group[-1]) + 1 :][:1]]
    end = frame.x(after[0] if after else content.made_at)
    path = f"M{frame.x(group[0].at)} {frame.y(group[0].map)}"
    path += "".join(f"H{frame.x(entry.at)}V{frame.y(entry.map)}" for entry in group[1:])
    return f'<path class="line served" d="{path}H{end}"/>'


def _golden_sets(content: IndexContent, frame: _Frame) -> Iterator[str]:
    """A line where another golden set takes over: figures on either side of it answer two questions."""
    seen = [(entry.at, entry.golden) for entry in content.served]
    seen += [(row.at, row.golden) for row in content.rows if row.golden is not None]
    room = 0.0
    for number in range(1, len(content.goldens) + 1):
        began = min((at for at, golden in seen if golden == number), default=None)
        if began is None or len(content.goldens) < 2:
            continue
        x = float(frame.x(began)) - 6
        yield f'<path class="mark" d="M{x:.1f} 18V{_BOTTOM}"/>' if number > 1 else ""
        if x >= room and x + _LABEL_PX <= _WIDTH:
            yield f'<text class="mark-text" x="{x + 4:.1f}" y="28">golden set {number}</text>'
            room = x + _LABEL_PX


def _scale(marks: int) -> float:
    """Many marks are smaller, so that they do not hide each other."""
    return 1.0 if marks <= 150 else 0.75 if marks <= 400 else 0.5


def _mark(kind: str, at: str, value: float | None, words: str, frame: _Frame, scale: float) -> str:
    place = f"{frame.x(at)} {frame.y(value if value is not None and value >= 0 else None)}"
    return (
        f'<g class="at {kind.lower()}" transform="translate({place}) scale({scale})">{_SHAPES[kind]}'
        f"<title>{escape(visible_line(words)[:300])}</title></g>"
    )


def _told(row: IndexRow) -> str:
    measured = "" if row.map is None else f", mAP {score(row.map)}"
    return f"{minute(row.at)} UTC: {row.run_id}, {_WORDS[row.verdict]}{measured}"


def _came(entry: CameToServe) -> str:
    return f"{minute(entry.at)} UTC: version {entry.version}, {_WORDS[entry.how]}, mAP {score(entry.map)}"


def _legend(kinds: set[str], served: bool) -> str:
    line = (
        '<span><svg viewBox="0 0 26 14" aria-hidden="true"><path class="line served" d="M1 7H25"/></svg>served</span>'
    )
    marks = "".join(
        f'<span><svg viewBox="0 0 26 14" aria-hidden="true"><g class="at {kind.lower()}" '
        f'transform="translate(13 7)">{shape}</g></svg>{_WORDS[kind]}</span>'
        for kind, shape in _SHAPES.items()
        if kind in kinds
    )
    return f'<div class="legend">{line if served else ""}{marks}</div>'


def _in_words(content: IndexContent) -> str:
    measured = sum(row.map is not None for row in content.rows)
    words = f"mAP over time: {many(measured, 'candidate')} of {many(len(content.rows), 'run')}"
    if content.served:
        first, last = content.served[0], content.served[-1]
        words += (
            f"; served: {many(len(content.served), 'version')}, from {score(first.map)} on {first.at[:10]} "
            f"to {score(last.map)} since {last.at[:10]}"
        )
    if len(content.goldens) > 1:
        words += f"; on {len(content.goldens)} golden sets, between which mAP cannot be compared"
    return f"{words}. The table below has every figure."
