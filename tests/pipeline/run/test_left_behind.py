"""A run that did not end, and with which the same command cannot go on any more."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from ratchet.pipeline.past.run_record import begin_run, newest_on_span
from ratchet.pipeline.run.left_behind import left_behind
from ratchet.schemas.artifacts.decisions import Verdict
from ratchet.schemas.artifacts.run_files import ABANDONED_FILE, PRUNED_FILE, REQUEST_FILE, RunRecord
from tests.pipeline.roots import add_run
from tests.pipeline.run.test_nothing_new import ASKED, another


def begun(root: Path, day: int = 5, span: int = 5, **changed: Any) -> str:
    """A run that was killed."""
    asked = {**ASKED, "span": span, **changed}
    return begin_run(root, RunRecord(span, asked, None, "ratchet run", f"2030-01-{day:02}T00:00:00+00:00", "0.1"))


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"code": "0.1, source abc"}, "Ratchet's code"),
        ({"data": "data-6"}, "the files of the span"),
        ({"golden": "golden-2"}, "the golden set"),
        ({"schema": "schema-2"}, "the schema"),
        ({"init_checkpoint": "weights"}, "the files of training.init_checkpoint"),
        ({"trainer": "sha-2"}, "the code of training.run_fn"),
        ({"bootstrap": True}, "--bootstrap"),
        ({"settings": another("evaluator", margin=0.01)}, "evaluator.margin (0.0, now 0.01)"),
        ({"settings": another("model", input_size=[64, 64])}, "model.input_size ([512, 512], now [64, 64])"),
        (
            {"code": "0.2", "settings": another("evaluator", margin=0.01)},
            "evaluator.margin (0.0, now 0.01), Ratchet's code",
        ),
    ],
)
def test_what_has_changed_is_named(tmp_path: Path, changed: dict[str, Any], told: str) -> None:
    run_id = begun(tmp_path)
    assert left_behind(tmp_path, {**ASKED, **changed}) == (
        f"run {run_id} did not end and is left, for what it was asked for has changed: {told}; a new run begins (to "
        "go on with the former, stop this one and undo the change)"
    )


def test_of_many_settings_the_first_are_named(tmp_path: Path) -> None:
    begun(tmp_path, settings={"evaluator": {"margin": 0.3}})
    assert " and 1" in (left_behind(tmp_path, ASKED) or "")
    assert len(left_behind(tmp_path, ASKED) or "") < 400


def test_of_runs_that_began_within_one_second_the_later_is_the_newest(tmp_path: Path) -> None:
    runs = [begun(tmp_path, code=code) for code in ("0.2", "0.2", "0.3")]
    for place, run_id in enumerate(runs):
        os.utime(tmp_path / "runs" / run_id / REQUEST_FILE, ns=(0, 1000 + place))
    found = newest_on_span(tmp_path, 5)
    assert found is not None
    assert found[0] == runs[-1]


def test_only_the_newest_run_on_the_span_is_one_to_go_on_with(tmp_path: Path) -> None:
    assert left_behind(tmp_path, ASKED) is None
    begun(tmp_path, span=55, code="0.2")
    begun(tmp_path, span=4, code="0.2")
    assert left_behind(tmp_path, ASKED) is None
    begun(tmp_path, day=7, golden="golden-2")
    newest = begun(tmp_path, day=8, data="data-2")
    assert f"run {newest} did not end" in (left_behind(tmp_path, ASKED) or "")
    ended = begun(tmp_path, day=9, code="0.3")
    record = (tmp_path / "runs" / ended / "request.json").read_text()
    (tmp_path / "runs" / ended / "request.json").unlink()
    (tmp_path / "runs" / ended).rmdir()
    add_run(tmp_path, ended, Verdict.BLOCKED, 9)
    (tmp_path / "runs" / ended / "request.json").write_text(record)
    assert left_behind(tmp_path, ASKED) is None


def test_what_was_given_up_is_not_missed_and_what_was_pruned_is(tmp_path: Path) -> None:
    run_id = begun(tmp_path)
    (tmp_path / "runs" / run_id / PRUNED_FILE).write_text("{}")
    assert left_behind(tmp_path, ASKED) == (
        f"run {run_id} did not end, and a pruning has deleted what it had made: a new run begins"
    )
    (tmp_path / "runs" / run_id / ABANDONED_FILE).write_text("{}")
    assert left_behind(tmp_path, ASKED) is None
