"""What the last step of a job does, however the others ended: the result, the people who are told, the lease.

On one machine pipeline/run/local.py does that after LocalDagRunner has returned.
"""

from __future__ import annotations

import dataclasses
import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ratchet.components.object_store.files import files_of, read_text
from ratchet.components.registry.lease import release_lease
from ratchet.kubeflow.step.job_lease import holder_of
from ratchet.kubeflow.step.local_view import local_view, show_job
from ratchet.kubeflow.step.places import put_text, remove_all
from ratchet.kubeflow.step.records import as_result, read_records, run_directory
from ratchet.pipeline.config.pipeline_settings import PipelineSettings
from ratchet.pipeline.notify.notifier import Notifier
from ratchet.pipeline.root.step_result import StepResult
from ratchet.pipeline.run.outcome import evaluated, rejected
from ratchet.schemas.artifacts.decisions import Verdict
from ratchet.schemas.artifacts.diagnosis import (
    DIAGNOSIS_FILE,
    DIAGNOSIS_FORMAT,
    DIAGNOSIS_STEP,
    REJECTION_DIAGNOSIS_STEP,
)
from ratchet.schemas.artifacts.review import REJECTION_STEP, REVIEW_FILE, REVIEW_STEP, TFMA_FILE
from ratchet.schemas.artifacts.run_files import CRASH_FILE, CRASH_FORMAT, CrashedRun
from ratchet.schemas.artifacts.run_result import RESULT_FILE, RUN_RESULT_FORMAT, RunResult, utc_now
from ratchet.schemas.artifacts.step_record import StepRecord, StepState
from ratchet.schemas.base.errors import RatchetError, StateError
from ratchet.schemas.base.files import read_regular
from ratchet.schemas.base.progress import LOGGER

_DECIDED = "Pusher"  # nothing after it can take back what was decided


class StepFailedError(RatchetError):
    """A step of the job failed; the message says which and why."""


@dataclass(frozen=True)
class JobEnd:
    """What the last step knows.

    Attributes:
        run_id: names the run.
        root: pipeline root.
        final_status: of all other steps, as the runner tells it: KFP's PipelineTaskFinalStatus.
        settings: of the pipeline.
    """

    run_id: str
    root: str
    final_status: Mapping[str, Any]
    settings: PipelineSettings


def end(job: JobEnd) -> RunResult | None:
    """Writes the result of a run, tells people, gives the lease back.

    Args:
        job: the run.

    Returns:
        How it ended; None of a run that had nothing to do and of which that was told before.

    Raises:
        StepFailedError: a step failed, so that there is no result; people were told.
    """
    notifier = Notifier(job.settings.notify, job.settings.name, local_view(job.root))
    records = read_records(job.root, job.run_id)
    if not records and job.final_status.get("state") == "SUCCEEDED":
        return None  # this step was killed when all was done
    try:
        with notifier.running(job.run_id, _span(records)):
            result = _result(job, records)
    except StepFailedError as error:
        _note_crash(job, records, str(error))
        raise
    finally:
        show_job(job.root)
        release_lease(job.root, holder_of(job.run_id))
    notifier.ended(result)
    if result.verdict is Verdict.NOTHING_NEW:
        remove_all(run_directory(job.root, job.run_id))  # of a schedule that waits for data there would be one a night
    return result


def _result(job: JobEnd, records: Mapping[str, StepRecord]) -> RunResult:
    directory = run_directory(job.root, job.run_id)
    written = f"{directory}/{RESULT_FILE}"
    if files_of(written).exists(written):  # NOTHING_NEW, or this very step before it was killed
        return RUN_RESULT_FORMAT.read(read_text(written), written)
    steps = {name: as_result(record) for name, record in records.items()}
    passed = _passed(steps)
    failed = _failure(job, records)
    last = _DECIDED if passed else REJECTION_STEP
    if passed is None or last not in steps or not steps[last].done:
        raise StepFailedError(failed or f"{last} did not run, and no step says why")
    review = steps.get(REVIEW_STEP if passed else REJECTION_STEP)
    _keep(review, "page", TFMA_FILE, directory)
    page = _keep(review, "page", REVIEW_FILE, directory)
    result = (evaluated if passed else rejected)(steps, _span(records), job.run_id, page or directory)
    diagnosis = _keep(
        steps.get(DIAGNOSIS_STEP if passed else REJECTION_DIAGNOSIS_STEP), "diagnosis", DIAGNOSIS_FILE, directory
    )
    if diagnosis:
        cause = DIAGNOSIS_FORMAT.read(read_text(diagnosis), diagnosis).cause
        result = dataclasses.replace(result, cause=cause)
    if failed:
        LOGGER.warning("%s; the verdict stands", failed)
    put_text(written, RUN_RESULT_FORMAT.write(result))
    return result


def _passed(steps: Mapping[str, StepResult]) -> bool | None:
    """What the data gate decided; None if it did not."""
    gate = steps.get("DataGate")
    return bool(gate.output_properties["decision"]["passed"]) if gate and gate.done else None


def _keep(step: StepResult | None, output: str, name: str, directory: str) -> str | None:
    """A file of a step, copied beside the run's others; None if the step has none."""
    if step is None or not step.done:
        return None
    made, kept = f"{step.outputs[output]}/{name}", f"{directory}/{name}"
    files = files_of(made)
    if not files.exists(made):
        return None
    with files.open(made, "rb") as file:
        put_text(kept, file.read().decode())
    return kept


def _failure(job: JobEnd, records: Mapping[str, StepRecord]) -> str:
    """Why the job failed, in a sentence; empty if it did not."""
    failed = [record for record in records.values() if record.state is StepState.FAILED]
    killed = [record for record in records.values() if record.state is StepState.RUNNING]
    if failed:
        return f"{failed[0].step} failed: {failed[0].error}"
    if killed:
        return f"{killed[0].step} was ended from outside before it could say why (memory, preemption, or by hand)"
    state, error = job.final_status.get("state", ""), job.final_status.get("error") or {}
    if state in ("", "SUCCEEDED", "SKIPPED"):
        return ""
    return f"the job ended as {state}: {error.get('message', 'the runner does not say why')}"


def _span(records: Mapping[str, StepRecord]) -> int:
    start = records.get("RunStart")
    found = start.output_properties.get("start", {}).get("span", 0) if start else 0
    return int(found)


def _note_crash(job: JobEnd, records: Mapping[str, StepRecord], why: str) -> None:
    crash = CrashedRun(utc_now(), why, _span(records))
    put_text(f"{run_directory(job.root, job.run_id)}/{CRASH_FILE}", CRASH_FORMAT.write(crash))


def failures_in_a_row(root: Path) -> int:
    """How many runs have crashed since the last one that ended.

    Args:
        root: pipeline root, of `local_view`.
    """
    directories = (root / "runs").iterdir() if (root / "runs").is_dir() else ()
    ended = [ending for directory in directories if (ending := _ending(directory)) is not None]
    return len(list(itertools.takewhile(lambda ending: ending[1], sorted(ended, reverse=True))))


def _ending(directory: Path) -> tuple[str, bool] | None:
    """When a run ended and whether it crashed; None of one that has not ended, or that cannot be read."""
    result, crash = directory / RESULT_FILE, directory / CRASH_FILE
    try:
        if result.exists():
            return str(json.loads(read_regular(result))["ended_at"]), False
        return CRASH_FORMAT.read(read_regular(crash), str(crash)).at, True
    except (OSError, ValueError, KeyError, TypeError, StateError):
        return None
