"""What stands around a step on a cluster, with a step that is no step of TFX."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from ratchet.components.registry.lease import lease_holder, take_lease
from ratchet.components.stack.tfx_steps import RUN_ID_VARIABLE
from ratchet.kubeflow import run_step
from ratchet.kubeflow.step.job_lease import holder_of
from ratchet.kubeflow.step.records import read_records
from ratchet.schemas.artifacts.step_record import StepRecord, StepState
from ratchet.schemas.base.errors import DataError

REPOSITORY = Path(__file__).resolve().parents[2]
RUN = "digits-7"


def request(root: Path) -> dict[str, Any]:
    base = root / "artifacts" / "1" / RUN / "Reader_9"
    told = {"ratchet_job": f"projects/1/locations/l/pipelineJobs/{RUN}", "ratchet_job_id": "1", "ratchet_task_id": "9"}
    artifact = {"name": "n", "type": {"schemaTitle": "tfx.Model"}, "uri": str(base / "baseline")}
    return {
        "inputs": {"parameterValues": {**told, "bootstrap": 1}},
        "outputs": {
            "artifacts": {"baseline": {"artifacts": [artifact]}},
            "outputFile": str(base / "executor_output.json"),
        },
    }


def arguments(root: Path, limit_s: float = 60, step: str = "Reader") -> list[str]:
    own = ["--step", step, "--root", str(root), "--time_limit_s", str(limit_s)]
    given = ["--executor_class_path", "x.Y", "--json_serialized_invocation_args", json.dumps(request(root))]
    return [*own, *given, "--runner=DirectRunner"]


def works(seen: Callable[[dict[str, Any], Sequence[str]], None]) -> Callable[[Sequence[str]], None]:
    """A step that shows what it was called with, writes a file and answers."""

    def step(given: Sequence[str]) -> None:
        asked = json.loads(given[given.index("--json_serialized_invocation_args") + 1])
        seen(asked, given)
        [artifact] = asked["outputs"]["artifacts"]["baseline"]["artifacts"]
        Path(artifact["uri"]).mkdir(parents=True)
        Path(artifact["uri"], "model").write_text("weights")
        answer = {"baseline": {"artifacts": [{"uri": artifact["uri"], "metadata": {"has_baseline": 1.0}}]}}
        Path(asked["outputs"]["outputFile"]).write_text(json.dumps({"artifacts": answer}))

    return step


def record(root: Path) -> StepRecord:
    return read_records(str(root), RUN)["Reader"]


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(RUN_ID_VARIABLE, "")


def test_a_step_knows_its_run_and_leaves_what_it_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def seen(asked: dict[str, Any], given: Sequence[str]) -> None:
        calls.append((asked["inputs"]["parameterValues"], given[-1], os.environ[RUN_ID_VARIABLE], record(tmp_path)))

    monkeypatch.setattr(run_step, "run_tfx_step", works(seen))
    assert run_step.main(arguments(tmp_path)) == 0
    [(parameters, last, run_id, while_running)] = calls
    assert (parameters, last, run_id) == ({"bootstrap": 1}, "--runner=DirectRunner", RUN)
    assert while_running.state is StepState.RUNNING
    done = record(tmp_path)
    assert (done.state, done.task, done.error) == (StepState.DONE, "9", "")
    assert done.output_properties == {"baseline": {"has_baseline": 1}}
    assert Path(done.outputs["baseline"], "model").read_text() == "weights"


def test_what_a_first_try_has_left_is_gone_before_the_second(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    [artifact] = request(tmp_path)["outputs"]["artifacts"]["baseline"]["artifacts"]
    left = Path(artifact["uri"], "Split-train")
    left.mkdir(parents=True)
    (left / "data-00000-of-00001").write_text("half")
    output_file = Path(request(tmp_path)["outputs"]["outputFile"])
    output_file.write_text("{}")  # TFX would take it for what a driver has said

    def seen(asked: dict[str, Any], given: Sequence[str]) -> None:
        assert not left.parent.exists()
        assert not output_file.exists()

    monkeypatch.setattr(run_step, "run_tfx_step", works(seen))
    assert run_step.main(arguments(tmp_path)) == 0


def test_a_mistake_of_a_user_is_one_line_and_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(given: Sequence[str]) -> None:
        raise DataError("span-7: no annotations; deliver them")

    monkeypatch.setattr(run_step, "run_tfx_step", fails)
    with caplog.at_level("ERROR", "ratchet"):
        assert run_step.main(arguments(tmp_path)) == 1
    assert "Reader: span-7: no annotations; deliver them" in caplog.text
    assert (record(tmp_path).state, record(tmp_path).error) == (
        StepState.FAILED,
        "span-7: no annotations; deliver them",
    )


def test_any_other_error_is_kept_with_its_type_and_stays_what_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(given: Sequence[str]) -> None:
        raise MemoryError("no room")

    monkeypatch.setattr(run_step, "run_tfx_step", fails)
    with pytest.raises(MemoryError):
        run_step.main(arguments(tmp_path))
    assert record(tmp_path).error == "MemoryError: no room"


def test_the_lease_is_renewed_while_a_step_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    take_lease(str(tmp_path), holder_of(RUN), 3600)
    renewed = threading.Event()
    renew = run_step.renew_lease

    def noticed(*given: Any) -> Any:
        answer = renew(*given)
        renewed.set()
        return answer

    def seen(asked: dict[str, Any], given: Sequence[str]) -> None:
        assert renewed.wait(60)

    monkeypatch.setattr(run_step, "renew_lease", noticed)
    monkeypatch.setattr(run_step, "run_tfx_step", works(seen))
    assert run_step.main(arguments(tmp_path)) == 0
    holder = lease_holder(str(tmp_path))
    assert holder is not None
    assert holder.holder == holder_of(RUN)


def test_a_lost_lease_stops_no_step_since_the_publication_compares(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    take_lease(str(tmp_path), holder_of("another"), 3600)
    monkeypatch.setattr(run_step, "run_tfx_step", works(lambda asked, given: None))
    assert run_step.main(arguments(tmp_path)) == 0


def test_the_last_step_leaves_no_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_step, "run_tfx_step", works(lambda asked, given: None))
    assert run_step.main(arguments(tmp_path, step="RunEnd")) == 0
    assert read_records(str(tmp_path), RUN) == {}


STEP_THAT_IS_TAKEN_AWAY = """
import sys, threading
from ratchet.kubeflow import run_step
from ratchet.schemas.base.termination import Terminated, heeded, is_told_to_end

def step(given):
    threading.Thread(target=threading.Event().wait).start()  # never ends, like those of Beam
    if sys.argv.pop() == "saves":
        with heeded():
            print("working", flush=True)
            while not is_told_to_end():
                threading.Event().wait(0.01)
            raise Terminated("the training was saved after step 7 of 9")
    print("working", flush=True)
    threading.Event().wait()

run_step.run_tfx_step = step
run_step.enter()
"""


@pytest.mark.parametrize(("how", "told"), [("saves", "; the training was saved after step 7 of 9"), ("waits", "")])
def test_a_step_whose_machine_is_taken_away_ends_with_one_line_to_be_tried_again(
    how: str, told: str, tmp_path: Path
) -> None:
    take_lease(str(tmp_path), holder_of(RUN), 3600)
    command = [sys.executable, "-c", STEP_THAT_IS_TAKEN_AWAY, *arguments(tmp_path), how]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=REPOSITORY, stdout=pipe, stderr=pipe, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "working\n"
        process.send_signal(signal.SIGTERM)
        _, printed = process.communicate()
    assert process.returncode == 143
    assert printed == f"Reader: ended by SIGTERM{told}\n"
    assert (record(tmp_path).state, record(tmp_path).error) == (StepState.FAILED, f"ended by SIGTERM{told}")


def test_a_step_that_takes_too_long_is_ended_and_says_so(tmp_path: Path) -> None:
    code = (
        "import sys, threading\n"
        "from ratchet.kubeflow import run_step\n"
        "run_step.run_tfx_step = lambda given: threading.Event().wait()\n"
        "sys.exit(run_step.main(sys.argv[1:]))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code, *arguments(tmp_path, limit_s=0.2)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 124
    assert "Reader: it took longer than its time limit of 0.2 s (kubeflow.time_limit_s)" in ended.stderr
    assert record(tmp_path).state is StepState.FAILED
    assert "time limit" in record(tmp_path).error
