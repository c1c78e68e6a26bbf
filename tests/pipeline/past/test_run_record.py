"""A run is found again by what was asked for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ratchet.pipeline.past.run_record import begin_run, unfinished_run, unreported_run
from ratchet.schemas.artifacts.run_files import RunRecord

ASKED = {"data": "abc", "golden": "def", "settings": {"margin": 0.0}}


def record(**changed: Any) -> RunRecord:
    return RunRecord(3, {**ASKED, **changed}, ("100", "digest"), "ratchet run", "2030-01-01T00:00:00+00:00", "0")


def finish(root: Path, run_id: str) -> None:
    (root / "runs" / run_id / "result.json").write_text("{}")


def test_an_unfinished_run_is_found_by_its_request_and_a_finished_one_is_not(tmp_path: Path) -> None:
    key = record().key
    assert unfinished_run(tmp_path, 3, key) is None
    first = begin_run(tmp_path, record())
    assert first == f"span-3-{key[:8]}-1"
    assert unfinished_run(tmp_path, 3, key) == first
    finish(tmp_path, first)
    assert unfinished_run(tmp_path, 3, key) is None
    assert begin_run(tmp_path, record()) == f"span-3-{key[:8]}-2"


def test_another_request_is_another_run(tmp_path: Path) -> None:
    begin_run(tmp_path, record())
    assert unfinished_run(tmp_path, 3, record(data="other").key) is None


def test_what_was_served_is_no_part_of_the_request() -> None:
    served = RunRecord(3, ASKED, None, "other command", "later", "1")
    assert served.key == record().key


def test_a_run_that_was_left_for_a_new_one_is_not_found_again(tmp_path: Path) -> None:
    begin_run(tmp_path, record())
    anew = begin_run(tmp_path, record())
    assert unfinished_run(tmp_path, 3, record().key) == anew
    finish(tmp_path, anew)
    assert unfinished_run(tmp_path, 3, record().key) is None


def test_the_tenth_attempt_comes_after_the_ninth(tmp_path: Path) -> None:
    attempts = [begin_run(tmp_path, record()) for _ in range(11)]
    assert unfinished_run(tmp_path, 3, record().key) == attempts[-1]


def test_a_run_whose_artifacts_were_pruned_is_not_found_again(tmp_path: Path) -> None:
    run_id = begin_run(tmp_path, record())
    (tmp_path / "runs" / run_id / "pruned.json").write_text("{}")
    assert unfinished_run(tmp_path, 3, record().key) is None


def test_a_run_that_ended_without_saying_so_is_found_until_it_is_reported_or_left(
    tmp_path: Path,
) -> None:
    run_id = begin_run(tmp_path, record())
    directory = tmp_path / "runs" / run_id
    (directory / "unreported").touch()
    assert unreported_run(tmp_path, 3, record().key) is None  # it has work to do
    assert unfinished_run(tmp_path, 3, record().key) == run_id
    finish(tmp_path, run_id)
    assert unreported_run(tmp_path, 3, record().key) == run_id
    (directory / "unreported").unlink()
    assert unreported_run(tmp_path, 3, record().key) is None
    (directory / "unreported").touch()
    begin_run(tmp_path, record())
    assert unreported_run(tmp_path, 3, record().key) is None


@pytest.mark.parametrize("content", [None, "", "{", "[]", '{"format": 1}'])
def test_a_run_that_was_killed_before_it_could_say_what_it_was_is_left_alone(
    tmp_path: Path, content: str | None
) -> None:
    run_id = begin_run(tmp_path, record())
    file = tmp_path / "runs" / run_id / "request.json"
    file.unlink() if content is None else file.write_text(content)
    assert unfinished_run(tmp_path, 3, record().key) is None
    assert begin_run(tmp_path, record()) != run_id


def test_the_file_says_what_was_asked_and_what_was_served(tmp_path: Path) -> None:
    run_id = begin_run(tmp_path, record())
    values = json.loads((tmp_path / "runs" / run_id / "request.json").read_text())
    assert (values["format"], values["asked"], values["baseline"]) == (2, ASKED, ["100", "digest"])
