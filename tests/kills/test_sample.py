"""The end of a real run, killed and out of room: the same command finishes it; `make faults` takes every point."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.nightly import often

_REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.mark.tensorflow
def test_whatever_happens_at_the_end_of_a_run_the_same_command_ends_it_as_it_would_have_ended(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.kills.sample", str(tmp_path)]
    done = subprocess.run(command, cwd=_REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads((tmp_path / "sample.json").read_text())
    assert len(found) >= often(5, 23)
    assert {case: wrong for case, wrong in found.items() if wrong} == {}
