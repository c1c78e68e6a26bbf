"""Logs that are CSV files -> series; pure.

Ultralytics' `results.csv` (https://docs.ultralytics.com, YOLOv5's too, whose column names are padded and whose epochs
begin at 0), Lightning's `metrics.csv`, and the table that `ratchet bench export` writes. What was not measured at a
step is empty.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence

from ratchet.components.toolkits.curves_series import EPOCH, STEP, Log, Row, series_of
from ratchet.components.toolkits.curves_tags import is_known, plain
from ratchet.schemas.base.checked_json import shown
from ratchet.schemas.base.errors import DataError

_STEPS = {"step": STEP, "iteration": STEP, "iter": STEP, "global_step": STEP, "epoch": EPOCH}
_LARGEST_STEP = 1e15  # a double still counts up to there


def read_csv_log(text: str, source: str) -> Log:
    """Reads a CSV file with a row a step.

    The last row may be torn, as a training that runs or was killed leaves it.

    Args:
        text: of the file.
        source: its path, for messages.

    Raises:
        DataError: it is no such file, or a figure is no number.
    """
    rows = csv.reader(io.StringIO(text, newline=""), skipinitialspace=True)
    try:
        head = [name.strip() for name in next(rows, [])]
        column, unit = _step_column(head, source)
        is_torn = not text.endswith(("\n", "\r"))
        lines = [(rows.line_num, [cell.strip() for cell in row]) for row in rows if any(map(str.strip, row))]
    except csv.Error as error:
        raise DataError(f"{source}: line {rows.line_num} is no CSV ({error}); copy the file again") from error
    if lines and (len(lines[-1][1]) < len(head) or is_torn):
        complete = len(lines[-1][1]) == len(head) and all(map(_is_figure, lines[-1][1]))
        lines = lines if complete else lines[:-1]
    return Log(source, unit, {name: [] for name in head} | series_of(_rows(lines, head, column, source)))


def _step_column(head: Sequence[str], source: str) -> tuple[int, str]:
    names = [plain(name) for name in head]
    for name, unit in _STEPS.items():
        if name in names and len(names) > 1:
            return names.index(name), unit
    raise DataError(
        f"{source}: its first line {shown(','.join(head))} names no column {', '.join(_STEPS)}; give a CSV file with a "
        "row a step, as Ultralytics' results.csv"
    )


def _rows(lines: Sequence[tuple[int, list[str]]], head: Sequence[str], column: int, source: str) -> Iterator[Row]:
    for number, cells in lines:
        if cells == list(head):  # a training that was begun again in the same directory
            continue
        where = f"{source}: line {number}"
        if len(cells) != len(head):
            raise DataError(f"{where}: {len(cells)} columns, the first line names {len(head)}; correct or remove it")
        if not cells[column]:  # Lightning writes rows that are of no step
            continue
        step = _figure(cells[column], head[column], where)
        if not 0 <= step <= _LARGEST_STEP:  # NaN compares false
            raise DataError(f"{where}: {head[column]} {shown(cells[column])} must be a number from 0 on; correct it")
        named = zip(head, cells)
        yield step, {name: _figure(cell, name, where) for name, cell in named if cell and is_known(name)}


def _figure(text: str, name: str, where: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise DataError(f"{where}: {shown(name)} {shown(text)} must be a number; correct it") from error


def _is_figure(text: str) -> bool:
    try:
        return not text or float(text) is not None
    except ValueError:
        return False
