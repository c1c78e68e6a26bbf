"""Logs with a JSON object a line -> series; pure.

MMDetection 2 (`*.log.json`), MMDetection 3 and what else is built on MMEngine (`vis_data/scalars.json`), Detectron2
(`metrics.json`), DETR and what was made from it (`log.txt`, a row an epoch). Where rows say when they were written:

- MMDetection 2 counts `iter` anew in every epoch if it trains by epochs. In a row of validation `iter` is the number of
  validation batches.
- MMEngine counts `step` through, but in a row of validation it is the epoch.
- Detectron2 counts `iteration` through, and adds what it validates to the row of training.

So a row of validation is taken to be of the row of training before it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

import orjson

from ratchet.components.toolkits.curves_series import EPOCH, STEP, VALIDATION, Log, Row, series_of
from ratchet.components.toolkits.curves_tags import is_known
from ratchet.schemas.base.checked_json import kind
from ratchet.schemas.base.errors import DataError

_COUNTERS = ("iteration", "step", "global_step", "iter")
_LARGEST_STEP = 1e15
_VOC = {"mAP": "pascal_voc/mAP"}  # MMDetection 2 calls so what it measures on VOC, at IoU .50
_Entry = dict[str, Any]


def read_json_log(parts: Sequence[tuple[str, bytes]], source: str) -> Log:
    """Reads files with a JSON object a line, of one training that was begun again or not.

    The last line of each may be torn, as a training that runs or was killed leaves it. Lines that are of no step are
    passed over: MMDetection 2 begins with one about the machine.

    Args:
        parts: path and content of each file, in the order in which they were begun.
        source: what they are together, for messages.

    Raises:
        DataError: a line is no JSON object, or none is of a step.
    """
    entries = [entry for name, content in parts for entry in _entries(content, name)]
    by_mode = [entry for entry in entries if entry.get("mode") in ("train", "val")]
    unit, rows = _by_mode(by_mode) if by_mode else _by_counter(entries)
    if not rows:
        raise DataError(
            f"{source}: no line of it says {', '.join(_COUNTERS)} or epoch; give the log that MMDetection "
            "(*.log.json, vis_data/scalars.json) or Detectron2 (metrics.json) writes"
        )
    return Log(source, unit, {name: [] for name in entries[-1]} | series_of(rows))


def first_entry(content: bytes) -> Mapping[str, Any]:
    """What the first line holds; empty if that is no JSON object."""
    try:
        value = _loads(content.lstrip().partition(b"\n")[0])
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _entries(content: bytes, source: str) -> Iterator[_Entry]:
    lines = content.split(b"\n")
    last = max((number for number, line in enumerate(lines, 1) if line.strip()), default=0)
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            value = _loads(line)
        except (ValueError, RecursionError) as error:
            if number == last > 1:
                return
            raise DataError(
                f"{source}: line {number} is no JSON ({error}); expected is a JSON object a line, as MMDetection and "
                "Detectron2 write it; remove the line, or give the log"
            ) from error
        if not isinstance(value, dict):
            raise DataError(
                f"{source}: line {number} is {kind(value)}; expected is a JSON object a line, as MMDetection and "
                "Detectron2 write it; give the log"
            )
        yield value


def _loads(line: bytes) -> Any:
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError:
        return json.loads(line)  # NaN and Infinity, which it lets through


def _by_mode(entries: Sequence[_Entry]) -> tuple[str, list[Row]]:
    """Rows of MMDetection 2."""
    placed = [(entry, _count(entry, "epoch"), _count(entry, "iter")) for entry in entries]
    trained = [(epoch, step) for entry, epoch, step in placed if entry["mode"] == "train" and epoch and step]
    begins_anew = any(later > epoch and again <= step for (epoch, step), (later, again) in pairwise(trained))
    longest = max((step for _, step in trained), default=1.0)  # of the logged ones, a bit fewer than an epoch has
    rows: list[Row] = []
    unit = EPOCH if begins_anew or not trained else STEP
    for entry, epoch, step in placed:
        is_training = entry["mode"] == "train"
        if unit == EPOCH and epoch:
            at = epoch - 1 + step / longest if is_training and step else epoch
        elif unit == STEP:
            at = step if is_training else rows[-1][0] if rows else None
        else:
            at = None
        if at is not None:
            rows.append((at, _figures({_VOC.get(name, name): value for name, value in entry.items()}, not is_training)))
    return unit, rows


def _by_counter(entries: Sequence[_Entry]) -> tuple[str, list[Row]]:
    """Rows of MMEngine and Detectron2."""
    counter = next((name for name in _COUNTERS if any(_count(entry, name) is not None for entry in entries)), None)
    unit, counter = (STEP, counter) if counter else (EPOCH, "epoch")
    rows: list[Row] = []
    trained: float | None = None
    for entry in entries:
        at = _count(entry, counter)
        if at is None:
            continue
        is_training = counter != "step" or any("loss" in name.lower() or name == "lr" for name in entry)
        trained = at if is_training else trained
        rows.append((max(at, trained or 0.0) if not is_training else at, _figures(entry, False)))
    return unit, rows


def _figures(entry: Mapping[str, Any], is_validation: bool) -> dict[str, float]:
    """The numbers of a row under names that are known."""
    found: dict[str, float] = {}
    for name, value in entry.items():
        number = _number(value[0] if isinstance(value, list) and value else value)
        if number is not None and is_known(name):
            found[f"{VALIDATION}{name}" if is_validation else name] = number
    return found


def _number(value: Any) -> float | None:
    if type(value) not in (int, float):
        return None
    try:
        return float(value)
    except OverflowError:  # an integer of more than 308 digits
        return math.inf


def _count(entry: Mapping[str, Any], name: str) -> float | None:
    """A number from 0 on under a name."""
    number = _number(entry.get(name))
    return number if number is not None and 0 <= number <= _LARGEST_STEP else None
