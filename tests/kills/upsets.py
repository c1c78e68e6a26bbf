"""What else happens to a root between two commands, or beside one: altered bytes, other commands, clocks, lost files.

    python -m tests.kills.upsets DIRECTORY [NAME ...]

Each upset starts from a saved root of a real run. Writes DIRECTORY/upsets.json, prints what was wrong with each, and
exits with 1 if anything was.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tests.kills import altered, lost, meanwhile  # noqa: F401 (they add their upsets)
from tests.kills.children import import_everything
from tests.kills.matrix import Prepared
from tests.kills.tiny import BLOCKED, PUSH, Tiny
from tests.kills.upset import UPSETS


def run_upsets(prepared: Prepared, names: Sequence[str]) -> dict[str, list[str]]:
    """What was wrong with each."""
    found: dict[str, list[str]] = {}
    for name in names:
        started = time.monotonic()
        try:
            found[name] = list(UPSETS[name](prepared))
        except Exception as error:  # the others are still worth knowing
            found[name] = [f"{type(error).__name__}: {error}"]
        print(f"{name}: {found[name] or 'as it should be'} ({time.monotonic() - started:.0f} s)", flush=True)
    return found


def main(arguments: Sequence[str]) -> int:
    """Runs them."""
    directory, names = Path(arguments[0]).resolve(), list(arguments[1:]) or list(UPSETS)
    import_everything()
    prepared = Prepared(Tiny(directory))
    prepared.prepare((PUSH, BLOCKED))
    found = run_upsets(prepared, names)
    (directory / "upsets.json").write_text(json.dumps(found, indent=1))
    return int(any(found.values()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
