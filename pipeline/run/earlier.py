"""The newest run of a root that trained: how long its steps took, and what they had to do."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from ratchet.components.object_store.files import files_of
from ratchet.components.trainer.model.model_settings import recorded_model
from ratchet.pipeline.past.run_record import read_record
from ratchet.pipeline.run.estimate import EarlierRun
from ratchet.pipeline.run.workload import LINE_POINTS, Workload
from ratchet.schemas.artifacts.run_result import RESULT_FILE, RUN_RESULT_FORMAT, RunResult
from ratchet.schemas.artifacts.training_record import TrainingRecord, read_training_record
from ratchet.schemas.base.errors import RatchetError
from ratchet.schemas.base.files import read_regular

_LOOKED_AT = 20  # of the newest runs; none further back says how fast this machine is now
_SERVED = "Format-Serving"  # the SavedModel in a Model artifact of TFX


def earlier_run(root: Path, work: Workload, golden_digest: str) -> EarlierRun | None:
    """The newest run that trained and whose candidate is still there; None where there is none.

    What no file says of it is taken to have been as now: sizes of images, the evaluator's settings, and, unless the
    golden set is another one by its digest, that.

    Args:
        root: pipeline root, which need not be there.
        work: of the run that is estimated.
        golden_digest: of its golden set.
    """
    runs = root / "runs"
    ended = [(_ended_at(path), path.name) for path in runs.glob("span-*")] if runs.is_dir() else []
    newest = [name for at, name in sorted(ended, reverse=True) if at][:_LOOKED_AT]
    return next((run for run in (_read(root, name, work, golden_digest) for name in newest) if run), None)


def golden_is_stored(root: Path, run: EarlierRun | None, golden_digest: str) -> bool:
    """Whether an earlier run of this root has read the same golden set, which is not read again then.

    Args:
        root: pipeline root.
        run: of `earlier_run`.
        golden_digest: of the golden set.
    """
    return run is not None and _golden_of(root, run.run_id) == golden_digest


def _ended_at(directory: Path) -> float:
    """When the result was written; 0 where there is none."""
    try:
        return (directory / RESULT_FILE).stat().st_mtime
    except OSError:
        return 0.0


def _read(root: Path, run_id: str, work: Workload, golden_digest: str) -> EarlierRun | None:
    file = root / "runs" / run_id / RESULT_FILE
    try:
        result = RUN_RESULT_FORMAT.read(read_regular(file), str(file))
        record = _record(root, result)
        then = None if record is None else _work(record, work, result.baseline_map is not None)
    except (OSError, ValueError, RatchetError):  # an estimate does without it
        return None
    if record is None or record.trainer or then is None or not result.seconds.get("DetectorTrainer"):
        return None
    stored = result.seconds.get("GoldenExampleGen", 0.0) < 0.1 and _golden_of(root, run_id) == golden_digest
    device = record.dynamics.environment.device if record.dynamics else ""
    return EarlierRun(
        run_id,
        dataclasses.replace(then, golden_is_stored=stored),
        result.seconds,
        device.startswith("GPU") if device else None,
    )


def _record(root: Path, result: RunResult) -> TrainingRecord | None:
    """Of the candidate, which a pruning may have deleted; the root may have been moved since."""
    if not result.model:
        return None
    step, _, number = result.model.rstrip("/").rpartition("/")
    for place in (result.model, str(root / "artifacts" / "DetectorTrainer" / Path(step).name / number)):
        directory = f"{place}/{_SERVED}"
        if files_of(directory).exists(directory):
            return read_training_record(directory, files_of(directory))
    return None


def _work(record: TrainingRecord, now: Workload, has_baseline: bool) -> Workload:
    """What that run had to do, as far as its record says."""
    share = record.images / max(now.train_images, 1)
    is_retraining = record.mode == "retrain"
    chosen_by = record.validation_images
    rounds = len(record.validation)
    return dataclasses.replace(
        now,
        images=round(now.images * share),
        train_images=record.images,
        model=recorded_model(record.model, "the training record"),
        classes=len(record.class_names),
        steps=record.steps,
        batch_size=record.batch_size,
        validations=rounds + LINE_POINTS * is_retraining if rounds else 0,
        validation_images=chosen_by.new + chosen_by.old if chosen_by else now.validation_images,
        has_baseline=has_baseline,
    )


def _golden_of(root: Path, run_id: str) -> str | None:
    record = read_record(root, run_id)
    golden = record.asked.get("golden") if record else None
    return golden if isinstance(golden, str) else None
