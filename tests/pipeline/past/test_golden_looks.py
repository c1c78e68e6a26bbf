"""Every decision is a look at the golden set, whatever became of it."""

from __future__ import annotations

from pathlib import Path

from ratchet.pipeline.past.golden_looks import known_golden_set, looks_at
from ratchet.pipeline.past.run_record import begin_run
from ratchet.pipeline.serving.approve import ApproveRequest, approve
from ratchet.pipeline.serving.rollback import RollbackRequest, rollback
from ratchet.schemas.artifacts.decisions import Verdict
from ratchet.schemas.artifacts.run_files import RunRecord
from tests.builders import recorded_decision
from tests.pipeline.served_root import NOW, blocked_root


def test_every_decision_with_a_golden_set_counts_whatever_it_was() -> None:
    verdicts = ("BOOTSTRAPPED", "PUSHED", "BLOCKED", "INCONCLUSIVE")
    made = [recorded_decision(verdict=verdict, golden_digest="g1") for verdict in verdicts]
    made.append(recorded_decision(golden_digest="g2"))
    assert (looks_at("g1", made), looks_at("g2", made), looks_at("g3", made)) == (4, 1, 0)


def test_approvals_and_rollbacks_give_no_look_back(tmp_path: Path) -> None:
    world = blocked_root(tmp_path / "root")
    world.run("bad 2", Verdict.BLOCKED)
    before = looks_at("golden", world.registry.decisions())
    assert before >= 2
    approve(ApproveRequest("bad 2", world.root, "Ana", "checked", "2026-12-31"), NOW)
    rollback(RollbackRequest(world.root, "Ana", "clients complain"), NOW)
    assert looks_at("golden", world.registry.decisions()) == before


def test_a_golden_set_is_known_by_what_runs_were_asked(tmp_path: Path) -> None:
    run_id = begin_run(tmp_path, RunRecord(1, {"golden": "content"}, None, "", "2030-01-01T00:00:00+00:00", "0"))
    decisions = [recorded_decision(run_id="elsewhere", golden_digest="g0"), recorded_decision(run_id=run_id)]
    assert known_golden_set(tmp_path, "content", decisions) == "golden"
    assert known_golden_set(tmp_path, "another", decisions) is None
