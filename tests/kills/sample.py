"""What `make test` takes of `make faults`: a push that dies at some points (more by night), and the quick upsets.

    python -m tests.kills.sample DIRECTORY

Writes DIRECTORY/sample.json: what was wrong, by case.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from tests.faults import FAILING, FULL, KILL, LIMITED
from tests.kills.children import import_everything
from tests.kills.matrix import Prepared
from tests.kills.tiny import PUSH, Tiny
from tests.kills.upsets import run_upsets
from tests.nightly import NIGHTLY

_MOST = {KILL: 8, FULL: 3, FAILING: 3, LIMITED: 4} if NIGHTLY else {KILL: 2, FULL: 1}  # cases of each fault
_QUICK = ["staged_copy_altered", "ml_metadata_lost"]
if NIGHTLY:
    _QUICK += ["clock_back_at_the_push", "baseline_copy_altered", "data_touched"]


def main(directory: Path) -> None:
    """Runs them."""
    import_everything()
    prepared = Prepared(Tiny(directory))
    prepared.prepare((PUSH,))
    found = {
        f"{case.fault} at {case.point} {case.name}": list(case.complaints)
        for fault, most in _MOST.items()
        for case in prepared.cases(PUSH, [fault], most)
    }
    found |= run_upsets(prepared, _QUICK)
    (directory / "sample.json").write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
