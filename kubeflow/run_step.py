"""The way into a step on a cluster: what stands around TFX's own entry point.

    python -m ratchet.kubeflow.run_step --step DetectorTrainer --root gs://... --time_limit_s 86400 [what TFX is given]

It names the run to the step, empties what a first try has left, ends a step that takes too long, holds the lease of the
root while it works, and leaves beside the run how the step went: where a run on one machine has ML Metadata.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import datetime
import json
import logging
import os
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any, NoReturn

from ratchet.components.object_store.files import files_of, read_text
from ratchet.components.registry.lease import renew_lease
from ratchet.components.stack.tfx_cluster import run_step as run_tfx_step
from ratchet.components.stack.tfx_steps import RUN_ID_VARIABLE
from ratchet.kubeflow.step.invocation import Invocation, answered_outputs, read_invocation, with_console
from ratchet.kubeflow.step.job_lease import RENEWED_S, holder_of
from ratchet.kubeflow.step.names import FIRST_STEP, LAST_STEP
from ratchet.kubeflow.step.places import put_text, remove_all
from ratchet.kubeflow.step.records import write_record
from ratchet.schemas.artifacts.evaluation import EVALUATION_FILE, EVALUATION_FORMAT
from ratchet.schemas.artifacts.step_record import StepRecord, StepState
from ratchet.schemas.base.errors import RatchetError
from ratchet.schemas.base.progress import LOGGER
from ratchet.schemas.base.termination import EXIT_CODE, Terminated, take_sigterm

_INVOCATION = "--json_serialized_invocation_args"
_OUT_OF_TIME = 124  # what `timeout` exits with
_LONGEST_ERROR = 2000  # characters


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a step; returns its exit code."""
    own, given = _parser().parse_known_args(argv)
    LOGGER.setLevel(logging.INFO)  # the console shows what a step prints
    place = given.index(_INVOCATION) + 1
    invocation = read_invocation(json.loads(given[place]))
    given[place] = json.dumps(invocation.request)
    os.environ[RUN_ID_VARIABLE] = invocation.run_id
    record = StepRecord(own.step, StepState.RUNNING, invocation.task_id, _now())
    started = time.monotonic()
    _note(own, invocation, record)
    try:
        with _in_time(own, invocation, record, started), _leased(own, invocation):
            _empty(invocation)
            run_tfx_step(given)
        outputs, properties = _answer(invocation)
    except BaseException as error:
        failed = dataclasses.replace(record, state=StepState.FAILED, error=_told(error), seconds=_since(started))
        with contextlib.suppress(Exception):  # the error of the step is the one to hear of
            _note(own, invocation, failed)
        if isinstance(error, RatchetError):
            LOGGER.error("%s: %s", own.step, error)
            return 1
        if isinstance(error, Terminated):
            LOGGER.error("%s: %s", own.step, _told(error))
            return EXIT_CODE
        raise
    done = dataclasses.replace(
        record, state=StepState.DONE, seconds=_since(started), outputs=outputs, output_properties=properties
    )
    _note(own, invocation, done)
    return 0


def enter() -> NoReturn:
    """The process of a container: `main`, ended by SIGTERM without waiting for threads that may go on for ever."""
    take_sigterm()
    code = main()
    if code == EXIT_CODE:
        logging.shutdown()
        os._exit(code)
    sys.exit(code)


def _note(own: argparse.Namespace, invocation: Invocation, record: StepRecord) -> None:
    """Of the last step nothing is noted: nobody is left to read it, and a run of nothing new leaves nothing."""
    if own.step != LAST_STEP:
        write_record(own.root, invocation.run_id, record)


def _empty(invocation: Invocation) -> None:
    """Deletes what an earlier try of this step has left: half of it beside the new would be read as one."""
    for uri in invocation.outputs.values():
        remove_all(uri)
    files = files_of(invocation.output_file)
    if files.exists(invocation.output_file):
        remove_all(invocation.output_file)


def _answer(invocation: Invocation) -> tuple[dict[str, str], dict[str, dict[str, Any]]]:
    """Adds what consoles show to the step's answer; URIs and properties of its artifacts as TFX knows them."""
    answer = json.loads(read_text(invocation.output_file))
    uris, properties = answered_outputs(answer)
    metrics = _metrics(uris["evaluation"]) if "evaluation" in uris else {}
    shown = with_console(answer, invocation, metrics)
    if shown != answer:
        put_text(invocation.output_file, json.dumps(shown))
    return uris, properties


def _metrics(evaluation_uri: str) -> dict[str, float]:
    """What consoles compare runs by; what is undefined is left out."""
    path = f"{evaluation_uri}/{EVALUATION_FILE}"
    golden = EVALUATION_FORMAT.read(read_text(path), path).golden
    baseline, deltas = golden.compared.baseline, golden.deltas
    low, high = (deltas.overall.interval or (None, None)) if deltas else (None, None)
    found = {
        "mAP": golden.compared.candidate.coco["AP"],
        "baseline_mAP": baseline.coco["AP"] if baseline else None,
        "difference": deltas.overall.value if deltas else None,
        "difference_low": low,
        "difference_high": high,
    }
    return {name: float(value) for name, value in found.items() if value is not None}


@contextlib.contextmanager
def _in_time(own: argparse.Namespace, invocation: Invocation, record: StepRecord, started: float) -> Iterator[None]:
    """Ends the process when the step takes too long; whatever it waits for would not hear an exception."""

    def end() -> None:
        said = f"it took longer than its time limit of {own.time_limit_s} s (kubeflow.time_limit_s)"
        failed = dataclasses.replace(record, state=StepState.FAILED, error=said, seconds=_since(started))
        with contextlib.suppress(Exception):
            _note(own, invocation, failed)
        sys.stderr.write(f"{own.step}: {said}\n")
        sys.stderr.flush()
        os._exit(_OUT_OF_TIME)

    timer = threading.Timer(own.time_limit_s, end)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


@contextlib.contextmanager
def _leased(own: argparse.Namespace, invocation: Invocation) -> Iterator[None]:
    """Keeps the lease that the first step has taken from running out while this one works."""
    if own.step in (FIRST_STEP, LAST_STEP):
        yield
        return
    ended = threading.Event()

    def renew() -> None:
        while True:
            try:
                renew_lease(own.root, holder_of(invocation.run_id))
            except Exception as error:  # the publication compares and swaps; the lease only spares work
                LOGGER.warning("the lease of %s could not be renewed: %s", own.root, error)
            if ended.wait(RENEWED_S):
                return

    thread = threading.Thread(target=renew, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _told(error: BaseException) -> str:
    first = " ".join(str(error).split())[:_LONGEST_ERROR]
    if isinstance(error, Terminated):
        return f"ended by SIGTERM; {first}" if first else "ended by SIGTERM"
    return first if isinstance(error, RatchetError) else f"{type(error).__name__}: {first}"


def _since(started: float) -> float:
    return round(time.monotonic() - started, 3)


def _now() -> str:
    return datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m ratchet.kubeflow.run_step", description="Runs a step of a job.")
    parser.add_argument("--step", required=True, help="its name in the pipeline")
    parser.add_argument("--root", required=True, help="pipeline root")
    parser.add_argument("--time_limit_s", type=float, required=True, help="how long it may take")
    return parser


if __name__ == "__main__":
    enter()
