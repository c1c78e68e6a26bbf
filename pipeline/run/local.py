"""One retraining run on this machine, with what LocalDagRunner leaves to its caller.

That is the lock, a run id that resumes an interrupted run, and the look into ML Metadata afterwards:
LocalDagRunner returns normally when a step could not get its inputs, and goes on with the others.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import os
import sys
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ratchet.components.example_gen.content import cache_key
from ratchet.components.example_gen.spans import NotDeliveredError
from ratchet.pipeline.notify.notifier import Notifier
from ratchet.pipeline.past.cause import read_cause
from ratchet.pipeline.past.shown import show_runs
from ratchet.pipeline.retention.prune import apply_retention
from ratchet.pipeline.root.holding import hold_root, written_back
from ratchet.pipeline.root.metadata_store import store_of
from ratchet.pipeline.root.places import home_of, named, place
from ratchet.pipeline.root.roots import is_root
from ratchet.pipeline.root.step_result import StepResult
from ratchet.pipeline.run.nothing_new import DecidedBefore, nothing_delivered
from ratchet.pipeline.run.outcome import NotActedOnError, evaluated, rejected
from ratchet.pipeline.run.preflight import Asked, RunRequest, begins_lineage, check_new, read_request
from ratchet.pipeline.run.starting import Started, start
from ratchet.pipeline.terminal.console import output_to, own_stderr, progress_on, steps_announced
from ratchet.pipeline.terminal.failures import tracebacks_to
from ratchet.schemas.artifacts.data_evidence import PAGE_FILE
from ratchet.schemas.artifacts.diagnosis import (
    DIAGNOSIS_FILE,
    DIAGNOSIS_STEP,
    DIAGNOSIS_STEPS,
    REJECTION_DIAGNOSIS_STEP,
    Cause,
)
from ratchet.schemas.artifacts.publication import REGISTRATION_STEP
from ratchet.schemas.artifacts.review import PAGE_FILES, PAGE_STEPS, REJECTION_STEP, REVIEW_FILE, REVIEW_STEP
from ratchet.schemas.artifacts.run_files import UNREPORTED_FILE
from ratchet.schemas.artifacts.run_result import RESULT_FILE, RUN_RESULT_FORMAT, RunResult
from ratchet.schemas.base.errors import InputError, OwnTrainerError, RatchetError, StateError
from ratchet.schemas.base.files import write_durably
from ratchet.schemas.base.progress import LOGGER

if TYPE_CHECKING:
    from ratchet.pipeline.run.runner import CompiledRun


_EXPLAINING = (*DIAGNOSIS_STEPS, *PAGE_STEPS, REGISTRATION_STEP)


class RunError(RatchetError):
    """A step crashed; the message says which, where its log is and how to go on."""


def _unreported(result: RunResult) -> None:
    """Whoever called takes the result as it is returned."""


def run(request: RunRequest, report: Callable[[RunResult], None] = _unreported) -> RunResult:
    """Retrains once, or finishes the run of the same request that was interrupted; or says that nothing is new.

    Args:
        request: what to do.
        report: says how it ended; a run that was killed before that is reported by the same request.

    Raises:
        InputError: something the user gave cannot work; nothing was written.
        StateError: the pipeline root is in use or contradicts itself.
        RunError: a step crashed.
    """
    with contextlib.ExitStack() as stack:
        console = stack.enter_context(own_stderr())
        stack.enter_context(progress_on(console))
        notifier = Notifier(request.settings.notify, request.settings.name, request.root)
        with notifier.starting(request.span):
            try:
                asked = read_request(request)
            except NotDeliveredError as error:
                if not request.only_new:
                    raise
                return _nothing_delivered(error, request, notifier, report)
            if not is_root(request.root):
                check_new(request, asked)  # before anything is written
            _make_root(request.root)
            stack.enter_context(hold_root(request.root, "retraining"))
            stack.callback(show_runs, request.root)
            with output_to(Path(os.devnull)):  # what ML Metadata says when it is opened
                found = start(request, asked)
            written_back(request.root)
        if isinstance(found, DecidedBefore):
            result, log = found.result(asked.number), Path(os.devnull)
        else:
            directory = request.root / "runs" / found.run_id
            result, log = _ended(request, asked, found, directory, notifier), directory / "log.txt"
        notifier.ended(result)
        with output_to(log):
            apply_retention(request.root, request.settings.retention, datetime.datetime.now(datetime.timezone.utc))
        report(result)
        if isinstance(found, Started):
            _set_reported(request.root / "runs" / found.run_id)
        return result


def _nothing_delivered(
    error: NotDeliveredError, request: RunRequest, notifier: Notifier, report: Callable[[RunResult], None]
) -> RunResult:
    result = nothing_delivered(str(error), request.span)
    notifier.ended(result)
    report(result)
    return result


def _ended(request: RunRequest, asked: Asked, started: Started, directory: Path, notifier: Notifier) -> RunResult:
    """The result of a run, which works for it unless it has one that nobody has seen yet."""
    LOGGER.info("run %s; its log is %s", started.run_id, directory / "log.txt", extra={"as_is": True})
    result = _ended_unreported(directory)
    if result is None:
        with notifier.running(started.run_id, asked.number):
            with output_to(directory / "log.txt"), tracebacks_to(directory / "log.txt"):
                result = _run_steps(request, asked, started, directory)
            write_durably(directory / UNREPORTED_FILE, "")
            write_durably(directory / RESULT_FILE, RUN_RESULT_FORMAT.write(result))
    return result


def _ended_unreported(directory: Path) -> RunResult | None:
    """The result of a run that was killed when all was decided; None for any other, which has work to do."""
    if not (directory / UNREPORTED_FILE).exists():
        return None
    try:
        return RUN_RESULT_FORMAT.read((directory / RESULT_FILE).read_bytes(), RESULT_FILE)
    except (OSError, StateError):
        return None


def _set_reported(directory: Path) -> None:
    try:
        (directory / UNREPORTED_FILE).unlink(missing_ok=True)
    except OSError as error:
        LOGGER.warning(
            "%s: cannot be deleted (%s); the same command says the same again", error.filename, error.strerror
        )


def _make_root(root: Path) -> None:
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"--root {root}: cannot be made ({error.strerror}); give a directory that can") from error


def _run_steps(request: RunRequest, asked: Asked, started: Started, directory: Path) -> RunResult:
    if "ratchet.pipeline.run.runner" not in sys.modules:
        LOGGER.info("starting TensorFlow and TFX, which takes a while")
    from ratchet.pipeline.run import runner

    span, run_id = asked.number, started.run_id
    if begins_lineage(request) and request.settings.training.run_fn is None:
        runner.check_first_model(request.settings)
    runner.check_trainer_device(request.settings)
    compiled = runner.compile_run(
        request.settings,
        home_of(request.root),
        str(request.data.resolve()),
        str(request.golden.resolve()),
        span,
        request.bootstrap,
        run_id,
        request.command,
        cache_key(asked.parts["golden"]),
        str(request.root.resolve()),
    )
    try:
        with steps_announced(compiled.steps):
            runner.execute(compiled)
    except Exception as error:  # a step may raise anything; its traceback goes to the log
        traceback.print_exc()
        _raise_if_server_lost(request.root, error, directory)
        if not _is_decided(compiled, runner.results(compiled, run_id)):
            if isinstance(error, StateError):  # of a file of this run, maybe, which only a new run has whole
                raise StateError(f"{error}\n{_way_on(directory)}") from (error.__cause__ or error)
            if isinstance(error, OwnTrainerError):  # what a user wrote, who wants to see where it broke
                way_on = f"The log is {directory / 'log.txt'}, with the traceback; with other code the same command"
                raise RunError(f"{error}\n{way_on} begins anew.") from error
            # What ML Metadata refuses, as a file that is read-only, is told by failures.py, with the file and the fix.
            if isinstance(error, RatchetError) or type(error).__module__.startswith("ml_metadata."):
                raise
            raise RunError(_failed(f"{type(error).__name__}: {error}", directory)) from error
        LOGGER.warning("the page could not be written (%s: %s); the verdict stands", type(error).__name__, error)
    steps = runner.results(compiled, run_id)
    passed = _check_steps(compiled, steps, directory)
    page = _page(request.root, steps, passed, directory)
    try:
        result = (evaluated if passed else rejected)(steps, span, run_id, page)
    except NotActedOnError as error:
        raise RunError(_failed(str(error), directory)) from error
    if passed and not result.verdict.pushes:
        runner.unbless(request.root, run_id)
    return dataclasses.replace(result, cause=_cause(steps, passed, directory))


def _raise_if_server_lost(root: Path, error: Exception, directory: Path) -> None:
    """The driver of a server says in words what is the matter, which the step's error does not."""
    if store_of(root).server is None:
        return
    from ratchet.pipeline.root.ml_metadata import told_of_server

    told = told_of_server(root, error)
    if told is not None:
        raise StateError(f"{told}\n{_way_on(directory)}") from error


def _is_decided(compiled: CompiledRun, steps: Mapping[str, StepResult]) -> bool:
    """Whether nothing is missing but what explains: a push cannot be taken back because it could not be shown."""
    return all(step in _EXPLAINING for step in _missing(compiled, steps)[1])


def _page(root: Path, steps: Mapping[str, StepResult], passed: bool, directory: Path) -> str:
    """The run's page, beside its log; without one the data gate's, which every run has."""
    review = steps.get(REVIEW_STEP if passed else REJECTION_STEP)
    if review is None or not review.done:
        return str(place(steps["DataGate"].outputs["decision"], PAGE_FILE))
    page = directory / REVIEW_FILE
    for name in reversed(PAGE_FILES):  # the page last: what it links is there by then
        made = place(review.outputs["page"], name)
        # Once both are the same, a pruning keeps the one beside the log.
        if made.is_file() or (name == REVIEW_FILE and not page.is_file()):
            write_durably(directory / name, made.read_bytes())
    return named(root, page)


def _cause(steps: Mapping[str, StepResult], passed: bool, directory: Path) -> Cause | None:
    """The run's diagnosis, kept beside its log; None if there is none."""
    step = steps.get(DIAGNOSIS_STEP if passed else REJECTION_DIAGNOSIS_STEP)
    if step is None or not step.done:
        return None
    kept, made = directory / DIAGNOSIS_FILE, place(step.outputs["diagnosis"], DIAGNOSIS_FILE)
    if made.is_file():
        write_durably(kept, made.read_bytes())
    return read_cause(kept)


def _check_steps(compiled: CompiledRun, steps: Mapping[str, StepResult], directory: Path) -> bool:
    """Whether the data gate let the span pass; every step that should have run must have completed."""
    passed, missing = _missing(compiled, steps)
    undecided = [step for step in missing if step not in _EXPLAINING]
    if undecided:
        raise RunError(_failed(f"{undecided[0]} did not complete: its inputs could not be resolved", directory))
    return passed


def _missing(compiled: CompiledRun, steps: Mapping[str, StepResult]) -> tuple[bool, list[str]]:
    """Whether the data gate let the span pass, and the steps that should have completed and did not."""
    gate = steps.get("DataGate")
    passed = bool(gate and gate.done and gate.output_properties["decision"]["passed"])
    gate_decided = bool(gate and gate.done)
    skipped = compiled.if_rejected if passed or not gate_decided else compiled.behind_the_gate
    expected = [step for step in compiled.steps if step not in skipped]
    return passed, [step for step in expected if step not in steps or not steps[step].done]


def _failed(reason: str, directory: Path) -> str:
    return f"{reason.strip().splitlines()[0]}\n{_way_on(directory)}"


def _way_on(directory: Path) -> str:
    log = directory / "log.txt"
    return f"The log is {log}; the same command again goes on from the failed step, with --anew from the start."
