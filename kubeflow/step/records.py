"""How the steps of a run went: files below `runs/ID/steps`, since what the cluster knows is out of reach."""

from __future__ import annotations

from ratchet.components.object_store.files import files_of, read_text
from ratchet.kubeflow.step.places import put_text
from ratchet.pipeline.root.step_result import StepResult
from ratchet.schemas.artifacts.step_record import STEP_RECORD_FORMAT, STEPS_DIRECTORY, StepRecord, StepState


def run_directory(root: str, run_id: str) -> str:
    """Where the files of a run lie."""
    return f"{root}/runs/{run_id}"


def write_record(root: str, run_id: str, record: StepRecord) -> None:
    """Writes what is known of a step, over what was known before."""
    put_text(_file(root, run_id, record.step), STEP_RECORD_FORMAT.write(record))


def read_records(root: str, run_id: str) -> dict[str, StepRecord]:
    """The steps of a run that were started, by node id.

    Raises:
        StateError: a record is torn.
    """
    directory = f"{run_directory(root, run_id)}/{STEPS_DIRECTORY}"
    files = files_of(directory)
    names = files.listdir(directory) if files.isdir(directory) else []
    paths = [f"{directory}/{name}" for name in sorted(names) if name.endswith(".json")]
    records = [STEP_RECORD_FORMAT.read(read_text(path), path) for path in paths]
    return {record.step: record for record in records}


def as_result(record: StepRecord) -> StepResult:
    """What ML Metadata would say of a step on this machine."""
    return StepResult(
        step=record.step,
        done=record.state is StepState.DONE,
        seconds=record.seconds,
        outputs=record.outputs,
        output_properties=dict(record.output_properties),
    )


def _file(root: str, run_id: str, step: str) -> str:
    return f"{run_directory(root, run_id)}/{STEPS_DIRECTORY}/{step}.json"
