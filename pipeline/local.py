"""One retraining run on this machine, with what LocalDagRunner leaves to its caller.

That is the lock, a run id that resumes a broken run, and the look into ML Metadata afterwards:
LocalDagRunner returns normally when a step could not get its inputs, and goes on with the others.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import sys
import traceback
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.console import output_to, own_stderr, progress_on, steps_announced
from pipeline.picture import ReadImages, draw_report
from pipeline.preflight import Checked, RunRequest, check
from pipeline.result import RunResult
from pipeline.workers import WorkerDiedError, run_watched
from schemas.data_evidence import DECISION_FILE, PAGE_FILE
from schemas.dataset import EVAL_SPLIT
from schemas.decisions import DataDecision, Verdict
from schemas.errors import InputError, RatchetError, StateError
from schemas.evaluation import EVALUATION_FILE, GOLDEN, Evaluation
from schemas.progress import LOGGER

if TYPE_CHECKING:
    from pipeline.runner import CompiledRun
    from pipeline.store import StepResult


class RunError(RatchetError):
    """A step crashed; the message says which, where its log is and how to go on."""


def run(request: RunRequest) -> RunResult:
    """Retrains once.

    Args:
        request: what to do.

    Raises:
        InputError: something the user gave cannot work; nothing was written.
        StateError: the pipeline root is in use or contradicts itself.
        RunError: a step crashed.
    """
    with contextlib.ExitStack() as stack:
        console = stack.enter_context(own_stderr())
        stack.enter_context(progress_on(console))
        checked = check(request)
        _make_root(request.root)
        stack.enter_context(_locked(request.root))
        run_id = _run_id(request.root, checked)
        directory = request.root / "runs" / run_id
        directory.mkdir(parents=True, exist_ok=True)
        LOGGER.info("run %s; its log is %s", run_id, directory / "log.txt")
        with output_to(directory / "log.txt"):
            result = _run_steps(request, checked, run_id, directory)
        (directory / "result.json").write_text(json.dumps(result.to_json(), indent=1), encoding="utf-8")
        return result


def _make_root(root: Path) -> None:
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"--root {root}: cannot be made ({error.strerror}); give another directory") from error


@contextlib.contextmanager
def _locked(root: Path) -> Iterator[None]:
    with open(root / "lock", "a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            file.seek(0)
            raise StateError(
                f"{root}: process {file.read() or '?'} is working in it; wait for it, or give another --root"
            ) from error
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def _run_id(root: Path, checked: Checked) -> str:
    """The id of an unfinished run of the same request, which resumes it; else a new one."""
    stem = f"span-{checked.span}-{checked.key[:8]}"
    attempt = 1
    while (root / "runs" / f"{stem}-{attempt}" / "result.json").exists():
        attempt += 1
    return f"{stem}-{attempt}"


def _run_steps(request: RunRequest, checked: Checked, run_id: str, directory: Path) -> RunResult:
    if "pipeline.runner" not in sys.modules:
        LOGGER.info("starting TensorFlow and TFX, which takes a while")
    from pipeline import runner

    span = checked.span
    if checked.served is None:
        runner.check_first_model(request.settings)
    compiled = runner.compile_run(
        request.settings,
        str(request.root.resolve()),
        str(request.data.resolve()),
        str(request.golden.resolve()),
        span,
        request.bootstrap,
        run_id,
    )
    try:
        with steps_announced(compiled.steps):
            if "--direct_running_mode=multi_processing" in request.settings.beam_args:
                run_watched(lambda: runner.execute(compiled))
            else:
                runner.execute(compiled)
    except WorkerDiedError as error:
        raise RunError(_failed(str(error), directory)) from error
    except RatchetError:
        raise
    except Exception as error:  # a step may raise anything; its traceback goes to the log
        traceback.print_exc()
        raise RunError(_failed(f"{type(error).__name__}: {error}", directory)) from error
    steps = runner.results(compiled, run_id)
    passed = _check_steps(compiled, steps, directory)
    return _evaluated(steps, span, run_id, directory) if passed else _rejected(steps, span, run_id)


def _check_steps(compiled: CompiledRun, steps: Mapping[str, StepResult], directory: Path) -> bool:
    """Whether the data gate let the span pass; every step that should have run must have completed."""
    gate = steps.get("DataGate")
    passed = bool(gate and gate.done and gate.output_properties["decision"]["passed"])
    gate_decided = bool(gate and gate.done)
    expected = [step for step in compiled.steps if passed or not gate_decided or step not in compiled.behind_the_gate]
    missing = [step for step in expected if step not in steps or not steps[step].done]
    if missing:
        raise RunError(_failed(f"{missing[0]} did not complete: its inputs could not be resolved", directory))
    return passed


def _rejected(steps: Mapping[str, StepResult], span: int, run_id: str) -> RunResult:
    return RunResult(
        verdict=Verdict.DATA_REJECTED,
        reasons=_data_decision(steps).remarkable,
        map=None,
        baseline_map=None,
        delta=None,
        delta_ci=None,
        model=None,
        pushed_version=None,
        report=f"{steps['DataGate'].outputs['decision']}/{PAGE_FILE}",
        run_id=run_id,
        span=span,
        seconds=_seconds(steps),
    )


def _data_decision(steps: Mapping[str, StepResult]) -> DataDecision:
    path = Path(steps["DataGate"].outputs["decision"], DECISION_FILE)
    return DataDecision.from_json(json.loads(path.read_text(encoding="utf-8")))


def _evaluated(steps: Mapping[str, StepResult], span: int, run_id: str, directory: Path) -> RunResult:
    uri = Path(steps["MapEvaluator"].outputs["evaluation"])
    evaluation = Evaluation.from_json((uri / EVALUATION_FILE).read_text(encoding="utf-8"))
    pushed = steps["Pusher"].output_properties["pushed_model"]
    if bool(pushed.get("pushed")) != evaluation.decision.verdict.pushes:
        verdict = evaluation.decision.verdict.value
        raise RunError(_failed(f"the verdict is {verdict}, but Pusher did not act on it", directory))
    golden_scores, deltas = evaluation.golden.compared, evaluation.golden.deltas
    result = RunResult(
        verdict=evaluation.decision.verdict,
        reasons=evaluation.decision.explaining,
        map=golden_scores.candidate.coco["AP"],
        baseline_map=golden_scores.baseline.coco["AP"] if golden_scores.baseline else None,
        delta=deltas.overall.value if deltas else None,
        delta_ci=deltas.overall.interval if deltas else None,
        model=steps["DetectorTrainer"].outputs["model"],
        pushed_version=str(pushed["pushed_version"]) if pushed.get("pushed") else None,
        report=str(directory / "golden.png"),
        run_id=run_id,
        span=span,
        seconds=_seconds(steps),
        observed=_data_decision(steps).remarkable,
    )
    title = f"span {span}: {result.verdict.value}, {result.first_reason}"
    draw_report(uri / GOLDEN, _golden_images(steps), Path(result.report), title)
    return result


def _golden_images(steps: Mapping[str, StepResult]) -> ReadImages:
    """Reads golden images as ExampleGen wrote them: in their delivery they may lie in a TFRecord file."""
    from components.detector.look import images_of  # TensorFlow is running by now

    files = sorted(map(str, Path(steps["GoldenExampleGen"].outputs["examples"], f"Split-{EVAL_SPLIT}").iterdir()))
    return lambda names: {name: encoded for name, (_, encoded) in images_of(files, names).items()}


def _seconds(steps: Mapping[str, StepResult]) -> dict[str, float]:
    return {step: result.seconds for step, result in steps.items()}


def _failed(reason: str, directory: Path) -> str:
    first = reason.strip().splitlines()[0]
    return f"{first}\nThe log is {directory / 'log.txt'}; the same command again goes on from the failed step."
