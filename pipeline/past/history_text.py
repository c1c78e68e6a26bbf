"""The history as a table, oldest first, so that the newest stands above the next prompt."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.past.history import History, RunEntry
from pipeline.past.result import RunResult
from pipeline.terminal.plain_text import cut, one_line, visible_line
from pipeline.terminal.tables import table
from schemas.artifacts.overrides import Override, OverrideKind

_HEADER = ("run", "when (UTC)", "span", "verdict", "mAP", "baseline", "difference", "why")
_BARS = "▁▂▃▄▅▆▇█"
_MOST_BARS = 60
_LEAST_REASON = 20  # characters; with less room for it, difference and reason stand on a line of their own
_INDENT = " " * 4


def history_text(history: History, width: int | None) -> str:
    """The table, and above it the served mAP as bars.

    Args:
        history: what to show.
        width: of the terminal in characters; None to cut nothing and draw no bars, for files and pipes.
    """
    if not history.runs:
        return "no run yet"
    dated = [(entry.at, _run_row(entry)) for entry in history.runs]
    dated += [(override.at, _override_row(override, history)) for override in history.overrides]
    # Sorting is stable: an override made in the second in which its run ended stands below it.
    rows = [_HEADER, *(row for _, row in sorted(dated, key=lambda pair: pair[0]))]
    bars = _bars(history.served_maps) if width is not None else []
    return "\n".join([*bars, *_lines(rows, width)])


def when(at: str) -> str:
    """A time of a result or an override for people, in UTC.

    >>> when("2030-01-31T12:34:56+00:00")
    '2030-01-31 12:34'
    """
    return at[:16].replace("T", " ")


def _lines(rows: Sequence[Sequence[str]], width: int | None) -> list[str]:
    whole = table(rows)
    if width is None:
        return whole
    if width - max(map(len, table([row[:-1] for row in rows]))) - 2 >= _LEAST_REASON:
        return [cut(line, width) for line in whole]
    lines = []
    for line, row in zip(table([row[:-2] for row in rows]), rows):
        below = [part for part in row[-2:] if part not in ("", "-")]
        lines += [cut(line, width), cut(_INDENT + "  ".join(below), width)]
    return lines


def _run_row(entry: RunEntry) -> tuple[str, ...]:
    result = entry.result
    if result is None:
        see = f"see {visible_line(str(entry.log))}"
        return visible_line(entry.run_id), when(entry.at), "", entry.state, "", "", "", see
    return (
        visible_line(entry.run_id),
        when(entry.at),
        str(result.span),
        result.verdict.value,
        _number(result.map),
        _number(result.baseline_map),
        _difference(result),
        one_line(result.first_reason),
    )


def _override_row(override: Override, history: History) -> tuple[str, ...]:
    entry = history.run(override.run_id)
    result = entry.result if entry else None
    if override.kind is OverrideKind.APPROVED:
        what = f"by {override.by} until {override.expires}: {override.reason}"
    else:
        what = f"by {override.by}, version {override.restored} again: {override.reason}"
    return (
        visible_line(override.run_id),
        when(override.at),
        str(result.span) if result else "",
        override.kind.value,
        _number(result.map if result else None),
        "",
        "",
        one_line(what),
    )


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"


def _difference(result: RunResult) -> str:
    if result.delta is None:
        return "-"
    if result.delta_ci is None:
        return f"{result.delta:+.4f}"
    low, high = result.delta_ci
    return f"{result.delta:+.4f} [{low:+.4f}, {high:+.4f}]"


def _bars(maps: Sequence[float]) -> list[str]:
    """The served mAP over time; nothing to draw before there are two."""
    shown = maps[-_MOST_BARS:]
    if len(shown) < 2:
        return []
    low, high = min(shown), max(shown)
    scale = (len(_BARS) - 1) / (high - low) if high > low else 0.0
    bars = "".join(_BARS[round((value - low) * scale)] for value in shown)
    return [f"served mAP  {bars}  {shown[0]:.4f} -> {shown[-1]:.4f}", ""]
