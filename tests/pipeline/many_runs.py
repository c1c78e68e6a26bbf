"""A root with the runs of years, made in a moment: each was blocked, on a delivery of its own."""

from __future__ import annotations

import datetime
import json
from pathlib import Path

from ratchet.components.registry.entry_index import index_text
from ratchet.components.registry.registry import Registry
from ratchet.schemas.artifacts.decisions import Verdict
from ratchet.schemas.artifacts.registry_entries import RECORDED_DECISION_FORMAT
from ratchet.schemas.artifacts.run_files import PRUNED_FORMAT, RUN_RECORD_FORMAT, PrunedRun, RunRecord
from ratchet.schemas.artifacts.run_result import RUN_RESULT_FORMAT, RunResult
from tests.builders import recorded_decision
from tests.pipeline.roots import DROP, registry_in, serve

FIRST = datetime.datetime(2026, 1, 1, 3, tzinfo=datetime.timezone.utc)
KEPT_WHOLE = 20  # runs that no pruning has touched


def run_id(number: int) -> str:
    """The name of a run."""
    return f"span-{number}-0123abcd-1"


def asked(number: int) -> dict[str, object]:
    """What it was asked for."""
    return {"span": number, "data": f"delivery {number}", "golden": "content of the golden set", "settings": {}}


def ended(number: int) -> str:
    """When it ended."""
    return (FIRST + datetime.timedelta(days=number)).isoformat(timespec="seconds")


def many_runs(root: Path, count: int) -> Registry:
    """Makes the root."""
    served = serve(root, "100", "span-1-aa-1", 1, golden_digest="golden")
    decisions = {}
    for number in range(count):
        _run(root, number, served.digest, is_pruned=number < count - KEPT_WHOLE)
        made = recorded_decision(
            run_id=run_id(number),
            evaluation=f"artifacts/MapEvaluator/evaluation/{number}",
            model=f"artifacts/DetectorTrainer/model/{number}",
            decided_at=ended(number),
            baseline_digest=served.digest,
        )
        decisions[f"{number:016x}.json"] = json.loads(RECORDED_DECISION_FORMAT.write(made))
    index = root / "registry" / "decisions" / "index.json"
    index.parent.mkdir()
    index.write_text(index_text(decisions))
    return registry_in(root)


def _run(root: Path, number: int, baseline: str, is_pruned: bool) -> None:
    directory = root / "runs" / run_id(number)
    directory.mkdir(parents=True)
    record = RunRecord(number, asked(number), ("100", baseline), "ratchet run", ended(number), "code")
    result = RunResult(
        verdict=Verdict.BLOCKED,
        reasons=(DROP,),
        map=0.4,
        baseline_map=0.5,
        delta=-0.1,
        delta_ci=(-0.15, -0.05),
        model=f"{root}/artifacts/DetectorTrainer/model/{number}",
        pushed_version=None,
        report=f"{directory}/review.html",
        run_id=run_id(number),
        span=number,
        seconds={"DataGate": 1.0},
        ended_at=ended(number),
    )
    files = {
        "request.json": RUN_RECORD_FORMAT.write(record),
        "result.json": RUN_RESULT_FORMAT.write(result),
        "review.html": "<!doctype html>",
        "log.txt": "done",
        **({"pruned.json": PRUNED_FORMAT.write(PrunedRun(ended(number), ()))} if is_pruned else {}),
    }
    for name, text in files.items():
        (directory / name).write_text(text)
