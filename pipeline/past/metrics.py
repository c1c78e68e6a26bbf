"""What monitoring asks of a root, for `--metrics FILE`: docs/nightly.md has the table and the alerts."""

from __future__ import annotations

import contextlib
import datetime
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ratchet.pipeline.past.exposition import Gauge, Sample, exposition
from ratchet.pipeline.past.history import read_run
from ratchet.pipeline.past.run_index import known_runs
from ratchet.pipeline.past.status import Status, read_status
from ratchet.pipeline.root.places import uri_of
from ratchet.schemas.artifacts.decisions import Verdict
from ratchet.schemas.artifacts.run_result import RunResult
from ratchet.schemas.base.errors import InputError, RatchetError
from ratchet.schemas.base.files import reason_of, write_durably
from ratchet.schemas.base.progress import LOGGER


@dataclass(frozen=True)
class CommandEnd:
    """How the command that writes the file has ended.

    Attributes:
        command: its name.
        exit_code: what it exits with.
        verdict: of the run, if it came to one.
        new: spans that are whole and undecided now; None where that was not looked at.
        unfinished: spans that are not whole yet.
    """

    command: str
    exit_code: int = 0
    verdict: Verdict | None = None
    new: int | None = None
    unfinished: int | None = None


def check_metrics_file(file: Path) -> None:
    """Makes sure before hours of work that a file of metrics can be written.

    Raises:
        InputError: it cannot.
    """
    directory = Path(os.path.realpath(file)).parent
    if file.is_dir():
        raise InputError(f"--metrics {file}: is a directory; give a file, such as {file / 'ratchet.prom'}")
    if file.exists() and not file.is_file():  # to replace /dev/null or a pipe would break what others do with it
        raise InputError(f"--metrics {file}: is a device or a pipe, and a file is replaced in one step; give a file")
    if not directory.is_dir():
        raise InputError(f"--metrics {file}: {directory} is no directory; make it, or correct the path")
    if not os.access(directory, os.W_OK):
        raise InputError(f"--metrics {file}: {directory} may not be written; change its owner or permissions")


def verdict_of(root: Path, exit_code: int, run_id: str | None) -> Verdict | None:
    """The verdict of a command that another process has carried out; None if it came to none.

    Args:
        root: pipeline root.
        exit_code: of the command.
        run_id: of the run that has decided; None: none has.
    """
    if run_id is None:
        return Verdict.NOTHING_NEW if exit_code == 0 else None
    result = read_run(root, root / "runs" / run_id).result
    return result and result.verdict


def write_metrics(file: Path, root: Path, end: CommandEnd, now: datetime.datetime) -> None:
    """Writes the file in one step (of a link, the one behind it).

    If it cannot be, the command's own end stands, and a warning says so.

    Args:
        file: where.
        root: pipeline root, which need not be there.
        end: of the command that writes.
        now: the time.
    """
    try:
        write_durably(os.path.realpath(file), metrics_text(root, end, now))  # a link stays one
    except OSError as error:
        LOGGER.warning("--metrics %s: cannot be written (%s); what is there is older", file, reason_of(error))


def metrics_text(root: Path, end: CommandEnd, now: datetime.datetime) -> str:
    """The content of the file; see `write_metrics`."""
    gauges = [*_of_command(end, now)]
    try:
        status = read_status(root, now.date())
        gauges += [*_of_served(status), *_of_looks(status), *_of_runs(root)]
    except (RatchetError, OSError) as error:  # no root yet, or one that `ratchet doctor` has to look at
        LOGGER.debug("metrics of %s: %s", root, error)
    return exposition(gauges, {"root": uri_of(root.absolute())})


def _of_command(end: CommandEnd, now: datetime.datetime) -> Iterator[Gauge]:
    command = {"command": end.command}
    yield _gauge("ratchet_command_exit_code", "Exit code of the command that wrote this.", end.exit_code, command)
    yield _gauge("ratchet_command_timestamp_seconds", "When it ended.", now.timestamp(), command)
    if end.command != "status":
        told = "Verdict of that command: 1 for the one that it came to; all 0 where it failed."
        yield Gauge("ratchet_command_verdict", told, _one_hot(end.verdict, command))
    waiting = {"new": end.new, "unfinished": end.unfinished}
    told = "Spans on which no run has decided, newer than the newest decided one: whole (new) or not yet (unfinished)."
    samples = [Sample(count, {"state": state}) for state, count in waiting.items() if count is not None]
    yield Gauge("ratchet_spans_waiting", told, samples)


def _of_served(status: Status) -> Iterator[Gauge]:
    told = "Whether what is served contradicts the registry; `ratchet status` says how."
    yield _gauge("ratchet_root_contradictory", told, status.problem is not None)
    served = status.served
    if served is None:
        return
    labels = {"version": served.version, "run_id": served.run_id}
    yield _gauge("ratchet_served_model_info", "The served model; always 1.", 1, labels)
    yield _gauge("ratchet_served_model_map", "Its COCO mAP on the golden set.", served.map)
    told = "When it came into service; time() minus this is its age."
    yield _gauge("ratchet_served_model_since_timestamp_seconds", told, _seconds(status.since))
    told = "Whether the approval that it needed is over."
    yield _gauge("ratchet_served_model_approval_expired", told, status.expired)


def _of_looks(status: Status) -> Iterator[Gauge]:
    golden = status.golden
    if golden is None:
        return
    yield _gauge("ratchet_golden_looks_used", "Decisions that the golden set has made.", golden.looks)
    if golden.budget is not None:
        left = max(0, golden.budget - golden.looks)
        yield _gauge("ratchet_golden_looks_left", "Decisions that it may still make; at 0 nothing is pushed.", left)


def _of_runs(root: Path) -> Iterator[Gauge]:
    runs = known_runs(root).runs
    if not runs:
        return
    told = "Whether the newest run has come to a verdict; 0: it crashed, was interrupted or is running."
    yield _gauge("ratchet_last_run_finished", told, runs[-1].result is not None)
    ended = [run for run in runs if run.result is not None and not run.abandoned]
    if ended:
        yield from _of_last(read_run(root, root / "runs" / ended[-1].run_id).result)
    measured = [run.result for run in ended if run.result and run.result.map is not None]
    if measured:
        told = "COCO mAP of the newest candidate on the golden set, over the classes that its baseline knows."
        yield _gauge("ratchet_candidate_map", told, measured[-1].map)


def _of_last(result: RunResult | None) -> Iterator[Gauge]:
    if result is None:
        return
    told = "Verdict of the newest run that has come to one: 1 for that, 0 for all others."
    yield Gauge("ratchet_last_run_verdict", told, _one_hot(result.verdict, {}))
    yield _gauge("ratchet_last_run_timestamp_seconds", "When that run ended.", _seconds(result.ended_at))
    if result.seconds:
        told = "Seconds that its steps took, one after another."
        yield _gauge("ratchet_last_run_seconds", told, sum(result.seconds.values()))


def _gauge(name: str, told: str, value: float | None, labels: Mapping[str, str] | None = None) -> Gauge:
    return Gauge(name, told, [] if value is None else [Sample(float(value), labels or {})])


def _one_hot(verdict: Verdict | None, labels: Mapping[str, str]) -> list[Sample]:
    return [Sample(float(each is verdict), {**labels, "verdict": each.value}) for each in Verdict]


def _seconds(at: str | None) -> float | None:
    """A time of the root's files, as seconds since 1970."""
    with contextlib.suppress(ValueError, TypeError):
        moment = datetime.datetime.fromisoformat(at or "")
        return (moment if moment.tzinfo else moment.replace(tzinfo=datetime.timezone.utc)).timestamp()
    return None
