"""The run that the same command would have gone on with, had nothing changed: why a new one begins."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ratchet.pipeline.past.run_record import has_ended, is_pruned, newest_on_span
from ratchet.schemas.artifacts.run_files import RunRecord
from ratchet.schemas.base.formatting import and_more
from ratchet.schemas.base.visible import visible_line

_NAMED = 3
_LONGEST = 40  # characters of a setting's value
_PARTS = {
    "code": "Ratchet's code",
    "trainer": "the code of training.run_fn",
    "data": "the files of the span",
    "golden": "the golden set",
    "schema": "the schema",
    "init_checkpoint": "the files of training.init_checkpoint",
    "bootstrap": "--bootstrap",
}


def left_behind(root: Path, asked: Mapping[str, Any]) -> str | None:
    """Why an unfinished run on the same span is not gone on with, in a sentence; None where there is none.

    Args:
        root: pipeline root.
        asked: `RunRecord.asked` of now; no unfinished run was asked the same.
    """
    found = newest_on_span(root, asked["span"])
    if found is None or has_ended(root / "runs" / found[0]):
        return None
    run_id, record = found
    if is_pruned(root, run_id):
        return f"run {run_id} did not end, and a pruning has deleted what it had made: a new run begins"
    changes = [*_changes(record, asked)]
    named = ", ".join(changes[:_NAMED]) + and_more(len(changes) - _NAMED)
    return (
        f"run {run_id} did not end and is left, for what it was asked for has changed: {named}; a new run begins (to "
        "go on with the former, stop this one and undo the change)"
    )


def _changes(record: RunRecord, asked: Mapping[str, Any]) -> Iterator[str]:
    then = record.asked
    before, after = (dict(_leaves(values.get("settings"))) for values in (then, asked))
    for name in {**after, **before}:
        if before.get(name) != after.get(name):
            yield f"{visible_line(name)} ({_shown(before.get(name))}, now {_shown(after.get(name))})"
    for name, told in _PARTS.items():
        if then.get(name) != asked.get(name):
            yield told


def _leaves(values: Any, above: str = "") -> Iterator[tuple[str, Any]]:
    """Settings by their whole names."""
    if not isinstance(values, Mapping) or not values:
        yield above, values
        return
    for name, value in values.items():
        yield from _leaves(value, f"{above}.{name}" if above else str(name))


def _shown(value: Any) -> str:
    text = json.dumps(value)
    return visible_line(text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}...")
