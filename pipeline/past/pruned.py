"""`runs/ID/pruned.json`: that a run's artifacts are gone, and which are left; such a run is never resumed."""

from __future__ import annotations

import datetime
import json
from collections.abc import Sequence
from pathlib import Path

from schemas.base.errors import StateError
from schemas.base.files import write_durably

PRUNED_FILE = "pruned.json"
_FORMAT = 1


def is_pruned(root: Path, run_id: str) -> bool:
    """Whether artifacts of a run are gone, or were about to be: then it must not be resumed."""
    return _file(root, run_id).exists()


def read_left(root: Path, run_id: str) -> tuple[str, ...] | None:
    """The artifacts that a pruning has left of a run, as paths relative to the root; None if it was never pruned.

    Raises:
        StateError: the file makes no sense.
    """
    file = _file(root, run_id)
    try:
        values = json.loads(file.read_text(encoding="utf-8"))
        if values["format"] > _FORMAT:
            raise StateError(f"{file}: format {values['format']} is of a newer Ratchet, this one knows {_FORMAT}")
        return tuple(str(path) for path in values["left"])
    except FileNotFoundError:
        return None
    except (ValueError, LookupError, TypeError) as error:
        raise StateError(
            f"{file}: not what a pruning wrote ({error}); delete it, the next pruning makes it anew"
        ) from (error)


def write_left(root: Path, run_id: str, left: Sequence[str], now: datetime.datetime) -> None:
    """Notes what is left of a run, or what may be left while it is being pruned."""
    values = {"format": _FORMAT, "at": now.isoformat(timespec="seconds"), "left": list(left)}
    write_durably(_file(root, run_id), json.dumps(values, indent=1))


def _file(root: Path, run_id: str) -> Path:
    return root / "runs" / run_id / PRUNED_FILE
