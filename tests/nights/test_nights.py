"""Many nights in a row: what each of them asks of files and ML Metadata does not grow with their number."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.nightly import often
from tests.nights.nights import LIMITS, WARM_UP, Usage, growth, median

REPOSITORY = Path(__file__).resolve().parents[2]
_PART = 9  # three times as many as there are candidates to one that is pushed
_COUNTS = ("operations", "questions", "kept_files", "kept_bytes")


@pytest.mark.tensorflow
def test_of_many_nights_the_last_need_no_more_operations_questions_or_room_than_the_first(tmp_path: Path) -> None:
    """In a process of its own, for the stand-ins stay in the process that was given them."""
    command = [sys.executable, "-m", "tests.nights.nights", str(tmp_path / "world")]
    command += ["--runs", str(often(WARM_UP + 2 * _PART, 100))]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False)
    file = tmp_path / "world" / "nights.json"
    assert file.exists(), done.stdout[-1000:] + done.stderr[-2000:]
    nights = [Usage(**night) for night in json.loads(file.read_text())["nights"]]
    first, last = nights[WARM_UP : WARM_UP + _PART], nights[-_PART:]
    grown = {name: median(last, name) / median(first, name) for name in _COUNTS}
    assert max(grown.values()) <= 1.02, grown
    assert median(last, "added_bytes") <= 1.5 * median(first, "added_bytes")


def usage(operations: int) -> Usage:
    return Usage(1.0, 1.0, operations, 100, 10, 1000, 10, 10, 100.0)


def test_growth_is_that_of_the_last_third_over_the_first_after_the_warm_up() -> None:
    nights = [usage(10**6) for _ in range(WARM_UP)] + [usage(100 + number) for number in range(90)]
    grown = growth(nights)
    assert grown["operations"] == pytest.approx(174.5 / 114.5)
    assert grown["operations"] > LIMITS["operations"]
    assert grown["questions"] == 1.0
