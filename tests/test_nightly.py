"""What is left to the night is said, and is all there at night."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from tests import nightly

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "testing.md"
LEFT_TO_THE_NIGHT = re.compile(r"^@by_night|, by_night\]|\bat_night\(|\bif NIGHTLY\b", re.MULTILINE)


def left_to_the_night() -> set[str]:
    """Files of tests, some of whose cases are tried by night only."""
    files = {path for path in (ROOT / "tests").rglob("*.py") if path.name not in ("nightly.py", Path(__file__).name)}
    return {
        path.relative_to(ROOT).as_posix()
        for path in files
        if LEFT_TO_THE_NIGHT.search(path.read_text(encoding="utf-8"))
    }


def test_the_page_names_every_file_of_which_a_part_is_left_to_the_night() -> None:
    named = set(re.findall(r"^\| `(tests/[\w/]+\.py)` \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE))
    assert named == left_to_the_night()


def test_some_points_are_spread_from_the_first_to_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nightly, "NIGHTLY", False)
    assert list(nightly.spread(range(41), 5)) == [0, 10, 20, 30, 40]
    assert list(nightly.spread(range(3), 5)) == [0, 1, 2]


def test_by_night_it_is_all_points(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nightly, "NIGHTLY", True)
    assert list(nightly.spread(range(41), 5)) == list(range(41))
    assert nightly.often(3, nightly=70) == 70


def test_only_an_open_file_can_be_flushed(tmp_path: Path) -> None:
    with open(tmp_path / "file", "wb") as file:
        os.fsync(file)
        os.fsync(file.fileno())
        closed = os.dup(file.fileno())
    os.close(closed)
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fsync(closed)
