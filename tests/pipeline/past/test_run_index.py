"""What a run asks of the runs before it costs the same whether there is one or there are thousands."""

from __future__ import annotations

import datetime
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from ratchet.pipeline.config.pipeline_settings import RetentionSettings
from ratchet.pipeline.past.golden_looks import known_golden_set
from ratchet.pipeline.past.history import read_history
from ratchet.pipeline.past.run_index import entry_of, forget, forget_all, known_runs, run_on_disk
from ratchet.pipeline.past.run_record import unfinished_run, unreported_run
from ratchet.pipeline.past.shown import show_runs
from ratchet.pipeline.past.status import read_status
from ratchet.pipeline.retention.plan import plan
from ratchet.pipeline.retention.survey import survey
from ratchet.pipeline.run.nothing_new import decided_before
from ratchet.schemas.artifacts.decisions import Verdict
from tests.operations import operations
from tests.pipeline.many_runs import asked, ended, many_runs, run_id
from tests.pipeline.roots import add_run, add_unfinished

TODAY = datetime.date(2036, 1, 1)
ENOUGH = 25  # runs that make a root with each kind of them


def start(root: Path, number: int) -> None:
    """What a run asks of those before it, from its start to its end."""
    from tests.pipeline.roots import registry_in

    registry = registry_in(root)
    unreported_run(root, number, "key")
    unfinished_run(root, number, "key")
    decisions = registry.decisions()
    decided_before(root, asked(number), registry.served(), decisions)
    known_golden_set(root, "another golden set", decisions)
    show_runs(root)
    facts = survey(root, root)
    plan(facts, RetentionSettings(), datetime.datetime.fromisoformat(ended(number)).timestamp(), lambda _: _nothing())
    show_runs(root)
    read_status(root, TODAY)


def _nothing() -> Any:
    from ratchet.pipeline.retention.facts import RunArtifacts

    return RunArtifacts(None, ())


def counts_of_a_start(root: Path, count: int) -> Mapping[str, int]:
    many_runs(root, count)
    show_runs(root)  # as the end of the run before has done
    with operations() as asked_for:
        start(root, count + 1)
    return dict(asked_for)


def test_a_start_costs_as_many_file_operations_after_two_thousand_runs(tmp_path: Path) -> None:
    few, many = (counts_of_a_start(tmp_path / str(count), count) for count in (ENOUGH, 2000))
    assert many == few
    assert sum(few.values()) < 1500


def test_the_page_of_all_runs_stays_as_large(tmp_path: Path) -> None:
    sizes = []
    for count in (600, 1200):
        many_runs(tmp_path / str(count), count)
        show_runs(tmp_path / str(count))
        sizes.append((tmp_path / str(count) / "runs" / "index.html").stat().st_size)
    assert sizes[1] < sizes[0] * 1.01
    assert "700 runs before these" in (tmp_path / "1200" / "runs" / "index.html").read_text()


def test_the_index_says_what_the_directories_say(tmp_path: Path) -> None:
    many_runs(tmp_path, ENOUGH)
    show_runs(tmp_path)
    assert (tmp_path / "runs" / "index.json").exists()
    known = known_runs(tmp_path)
    assert len(known.looked_at) < 10
    assert known.runs == tuple(run_on_disk(tmp_path, run.run_id) for run in known.runs)
    for run, whole in zip(known.runs, read_history(tmp_path, ()).runs):
        entry = entry_of(tmp_path, run, str(tmp_path))
        assert (entry.run_id, entry.at, entry.page, entry.state) == (whole.run_id, whole.at, whole.page, whole.state)
        assert entry.result is not None
        assert whole.result is not None
        assert (entry.result.verdict, entry.result.first_reason) == (whole.result.verdict, whole.result.first_reason)
        assert entry.result.report == whole.result.report


@pytest.mark.parametrize("content", [None, "", "{", "[]", '{"format": 99, "runs": []}', '{"format": 1, "runs": [7]}'])
def test_an_index_that_is_gone_torn_or_newer_is_made_anew(tmp_path: Path, content: str | None) -> None:
    many_runs(tmp_path, ENOUGH)
    show_runs(tmp_path)
    index = tmp_path / "runs" / "index.json"
    before, whole = known_runs(tmp_path).runs, index.read_text()
    index.unlink()
    if content is not None:
        index.write_text(content)
    assert known_runs(tmp_path).runs == before
    show_runs(tmp_path)
    assert index.read_text() == whole


def test_what_is_not_over_is_looked_at_every_time(tmp_path: Path) -> None:
    many_runs(tmp_path, ENOUGH)
    add_unfinished(tmp_path, "span-900-aa-1", 1)
    show_runs(tmp_path)
    assert known_runs(tmp_path).by_id["span-900-aa-1"].state == "unfinished"
    shutil.rmtree(tmp_path / "runs" / "span-900-aa-1")
    add_run(tmp_path, "span-900-aa-1", Verdict.PUSHED, 1)
    assert known_runs(tmp_path).by_id["span-900-aa-1"].state == "finished"


def test_a_run_whose_directory_is_gone_is_gone_from_the_index(tmp_path: Path) -> None:
    many_runs(tmp_path, ENOUGH)
    show_runs(tmp_path)
    shutil.rmtree(tmp_path / "runs" / run_id(3))
    assert run_id(3) not in known_runs(tmp_path).by_id
    show_runs(tmp_path)
    assert run_id(3) not in (tmp_path / "runs" / "index.json").read_text()


def test_what_was_forgotten_is_looked_at_again(tmp_path: Path) -> None:
    many_runs(tmp_path, ENOUGH)
    show_runs(tmp_path)
    (tmp_path / "runs" / run_id(3) / "review.html").unlink()
    assert known_runs(tmp_path).by_id[run_id(3)].page
    forget(tmp_path, {run_id(3)})
    assert not known_runs(tmp_path).by_id[run_id(3)].page
    assert run_id(3) in known_runs(tmp_path).looked_at
    assert run_id(4) not in known_runs(tmp_path).looked_at
    forget_all(tmp_path)
    assert run_id(4) in known_runs(tmp_path).looked_at


def test_what_an_old_run_has_decided_is_found_by_the_index_as_by_its_directory(tmp_path: Path) -> None:
    from ratchet.pipeline.config.pipeline_settings import load_settings
    from ratchet.schemas.base import settings as settings_io

    registry = many_runs(tmp_path, ENOUGH)
    settings = json.loads(settings_io.to_json(load_settings({}, ())))
    file = tmp_path / "runs" / run_id(2) / "request.json"
    values = json.loads(file.read_text())
    wanted = {**asked(2), "settings": settings}
    file.write_text(json.dumps({**values, "asked": wanted}))
    for _ in range(2):  # without an index, and with one
        found = decided_before(tmp_path, wanted, registry.served(), registry.decisions())
        assert found is not None
        assert found.entry.run_id == run_id(2)
        assert found.entry.result is not None
        assert found.entry.result.seconds  # the whole result, not the one in short
        other = {**wanted, "data": "new"}
        assert decided_before(tmp_path, other, registry.served(), registry.decisions()) is None
        show_runs(tmp_path)
