"""A pipeline root with runs in it, and nothing that took a training."""

from __future__ import annotations

import datetime
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ratchet.components.registry.registry import Registry
from ratchet.components.registry.storage import DiskStorage
from ratchet.schemas.artifacts.decisions import Reason, Verdict
from ratchet.schemas.artifacts.overrides import Override, OverrideKind
from ratchet.schemas.artifacts.registry_entries import ServedModel
from ratchet.schemas.artifacts.run_result import RUN_RESULT_FORMAT, RunResult
from ratchet.schemas.base.files import LOCAL_FILES
from ratchet.schemas.base.model_digest import model_digest
from tests.builders import record_served

PASSED = Reason("map_drop", "candidate mAP at least the baseline's 0.5000", "0.6000 (+0.1000)", passed=True)
DROP = Reason("map_drop", "candidate mAP at least the baseline's 0.6000", "0.4000 (-0.2000)")


def add_run(root: Path, run_id: str, verdict: Verdict, day: int, page: bool = True, **fields: Any) -> RunResult:
    """A finished run.

    Args:
        root: pipeline root.
        run_id: its name.
        verdict: how it ended.
        day: of January 2030, on which it ended.
        page: whether it has a review page.
        fields: of the result, instead of those made up here.
    """
    whole: dict[str, Any] = {
        "reasons": (PASSED,) if verdict.pushes else (DROP,),
        "map": 0.6,
        "baseline_map": 0.5,
        "delta": 0.1,
        "delta_ci": (0.05, 0.15),
        "model": "m",
        "pushed_version": None,
        "report": f"runs/{run_id}/review.html",
        "run_id": run_id,
        "span": day,
        "seconds": {},
        "ended_at": f"2030-01-{day:02}T12:00:00+00:00",
    }
    result = RunResult(verdict=verdict, **whole | fields)
    directory = add_unfinished(root, run_id, day)
    (directory / "result.json").write_text(RUN_RESULT_FORMAT.write(result))
    if page:
        (directory / "review.html").write_text("<!doctype html>")
    return result


def add_unfinished(root: Path, run_id: str, day: int) -> Path:
    """A run that has only a log; the directory."""
    directory = root / "runs" / run_id
    directory.mkdir(parents=True)
    log = directory / "log.txt"
    log.write_text("starting")
    time = datetime.datetime(2030, 1, day, 12, tzinfo=datetime.timezone.utc).timestamp()
    os.utime(log, (time, time))
    return directory


def registry_in(root: Path) -> Registry:
    """The registry of a root whose pipeline is called `digits`."""
    return Registry(DiskStorage(f"{root}/registry", f"{root}/serving/digits"))


def serve(
    root: Path, version: str, run_id: str, day: int, files: Mapping[str, str] | None = None, **fields: Any
) -> ServedModel:
    """Pushes a model with some files in it, as the run of that name did on that day of January 2030."""
    directory = root / "serving" / "digits" / version
    directory.mkdir(parents=True)
    (directory / "saved_model.pb").write_bytes(version.encode())
    for name, text in (files or {}).items():
        (directory / name).parent.mkdir(exist_ok=True)
        (directory / name).write_text(text)
    whole: dict[str, Any] = {
        "version": version,
        "path": str(directory),
        "digest": model_digest(str(directory), LOCAL_FILES),
        "span": day,
        "golden_digest": "0123456789abcdef",
        "map": 0.6,
        "verdict": "PUSHED",
        "run_id": run_id,
        "pushed_at": f"2030-01-{day:02}T12:00:00+00:00",
        "blessed": True,
    }
    model = ServedModel(**whole | fields)
    record_served(registry_in(root), model)
    return model


def approval(**fields: Any) -> Override:
    """Mrs Moss lets run `span-3-cc-1` into service as version 300, until the end of February 2030."""
    whole: dict[str, Any] = {
        "kind": OverrideKind.APPROVED,
        "at": "2030-01-03T15:00:00+00:00",
        "by": "moss",
        "reason": "the new camera is worth it",
        "run_id": "span-3-cc-1",
        "version": "300",
        "previous_version": "200",
        "model_digest": "digest",
        "golden_digest": "0123456789abcdef",
        "expires": "2030-02-28",
    }
    return Override(**whole | fields)


def rollback(**fields: Any) -> Override:
    """Mr Reed goes back from version 300 to 200, which is served as version 400."""
    whole: dict[str, Any] = {
        "kind": OverrideKind.ROLLED_BACK,
        "at": "2030-01-04T09:00:00+00:00",
        "by": "reed",
        "reason": "false alarms",
        "run_id": "span-2-bb-1",
        "version": "400",
        "previous_version": "300",
        "restored": "200",
        "expires": None,
    }
    return approval(**whole | fields)
