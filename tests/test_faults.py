"""The faults that other tests rely on happen where they should."""

from __future__ import annotations

import logging
import sqlite3
from pathlib import Path

from tests.faults import KILL, LIMITED, in_child


def _write_rows(database: Path) -> int:
    connection = sqlite3.connect(database)
    connection.execute("create table rows (text)")
    database.with_suffix(".mark").touch()
    connection.execute("insert into rows values (?)", ["x" * 100_000])
    connection.commit()
    return connection.execute("select count(*) from rows").fetchone()[0]


def test_where_no_file_may_grow_libraries_that_are_not_python_fail_too(tmp_path: Path) -> None:
    assert in_child(lambda: _write_rows(tmp_path / "whole"), tmp_path).value == 1
    limited = in_child(lambda: _write_rows(tmp_path / "limited"), tmp_path, 0, LIMITED)
    assert (limited.killed, limited.kind) == (False, "OperationalError")


def test_a_line_of_the_log_is_a_point(tmp_path: Path) -> None:
    def work() -> None:
        (tmp_path / "before").write_text("")
        logging.getLogger("absl").warning("step %s", 1)
        (tmp_path / "after").write_text("")

    found = in_child(work, tmp_path, log=lambda record: record.getMessage())
    assert found.points == ("open before", "log step 1", "open after")
    (tmp_path / "after").unlink()
    killed = in_child(work, tmp_path, 1, KILL, log=lambda record: record.getMessage())
    assert (killed.killed, killed.points) == (True, ("open before", "log step 1"))
    assert not (tmp_path / "after").exists()
