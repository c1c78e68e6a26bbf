"""All cases of a bench, one after the other; what is there already is not done again."""

from __future__ import annotations

import functools
import json
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ratchet.components.detector.serving_check import started_early
from ratchet.components.registry.locking import hold
from ratchet.pipeline.bench.baseline import Baseline, copied_baseline, digest_of, served_of, trained_baseline
from ratchet.pipeline.bench.borrowed import attempts, borrow_baseline, borrowed
from ratchet.pipeline.bench.bundle_files import diagnosis_digest
from ratchet.pipeline.bench.case_result import CASE_RESULT_FORMAT, CASES_DIRECTORY, CaseResult, Split
from ratchet.pipeline.bench.cases import Case, plan, read_entries
from ratchet.pipeline.bench.run_case import Measure, Workplace, run_case, with_records
from ratchet.pipeline.bench.sources import BenchData, digits, own_data
from ratchet.pipeline.bench.workers import AttemptAt, RunAll, in_workers, one_by_one
from ratchet.pipeline.config.pipeline_settings import load_config
from ratchet.pipeline.run.local import run
from ratchet.pipeline.run.preflight import RunRequest
from ratchet.pipeline.terminal.console import output_to
from ratchet.pipeline.terminal.standard_streams import tell
from ratchet.schemas.artifacts.run_result import RunResult
from ratchet.schemas.artifacts.training_record import read_training_record
from ratchet.schemas.base.errors import ConfigError, InputError, StateError
from ratchet.schemas.base.files import LOCAL_FILES, write_durably
from ratchet.schemas.base.formatting import duration

if TYPE_CHECKING:
    from ratchet.pipeline.bench.truth import TruthSet

_PLAN = "plan.json"
_SHOWN, _LINE = 120, "\n"  # characters of an error, its first line


@dataclass(frozen=True)
class BenchRequest:
    """What a user asks for.

    Attributes:
        directory: of the bench.
        faults: file of entries; see `cases.Entry`.
        split: whose strengths are planted.
        seed: another one gives other spans and numbers.
        blind: whether nothing may be declared.
        numbers: only these cases; empty: all.
        only: only cases with one of these entries; empty: all.
        config: of the detector; used where no root is given.
        root: of a detector in service, whose model all cases start from; None: one is trained.
        data: directory of span-N directories; None: digits are generated.
        golden: the golden set; None: DATA/golden.
        truth: the truth set; needed with `data`.
        images: of a case's span; None: 400.
        again: whether only the diagnosis is made, of what was kept.
        like: another bench, of which data, baseline and the runs that would be the same again are taken.
        jobs: processes that run cases.
    """

    directory: Path
    faults: Path
    split: Split = Split.SCORE
    seed: int = 0
    blind: bool = False
    numbers: tuple[int, ...] = ()
    only: tuple[str, ...] = ()
    config: str = "digits"
    root: Path | None = None
    data: Path | None = None
    golden: Path | None = None
    truth: Path | None = None
    images: int | None = None
    again: bool = False
    like: Path | None = None
    jobs: int = 1


def run_bench(request: BenchRequest) -> list[CaseResult]:
    """Runs, or goes on with, a bench.

    Args:
        request: what to do.

    Returns:
        The last result of each case that was asked for, by number.

    Raises:
        InputError: something the user gave cannot work.
        StateError: the directory is in use, or holds something else.
    """
    _check(request)
    entries = read_entries(request.faults)
    cases = plan(entries, request.split, request.seed, request.blind)
    chosen = chosen_cases(cases, request.numbers, request.only)
    _check_settings(request, chosen)
    (request.directory / CASES_DIRECTORY).mkdir(parents=True, exist_ok=True)
    with hold(request.directory / "lock", "running a bench"):
        _write_down(request.directory, cases)
        if request.again:
            return diagnosed_again(request.directory, chosen)
        if request.like is not None:
            borrow_baseline(request.like, request.directory)
        place = workplace(request)
        for seed in sorted({case.seed for case in chosen}):
            place.data.sources(seed, place.baseline.span)  # generated once, not by every worker
        return run_cases(chosen, place, runner_of(request, place), tell)


def _check(request: BenchRequest) -> None:
    """Refuses what would be passed over, or end a bench after minutes."""
    for option, path in (("--golden", request.golden), ("--truth", request.truth)):
        if path is not None and request.data is None:
            raise InputError(f"{option}: needs --data, the spans of the same objects; generated digits have their own")
    if request.seed < 0:
        raise ConfigError(f"--seed {request.seed}: must be 0 or more")
    if request.images is not None and request.images < 1:
        raise ConfigError(f"--images {request.images}: must be 1 or more, of each case's span")
    if request.jobs < 1:
        raise ConfigError(f"--jobs {request.jobs}: must be 1 or more")


def _check_settings(request: BenchRequest, cases: Sequence[Case]) -> None:
    """Refuses settings that no run could have, before a baseline is trained for them."""
    if request.root is not None:
        return  # its own configuration is what they go on top of, and the first run says so
    for case in cases:
        try:
            load_config(request.config, case.settings)
        except ConfigError as error:
            raise ConfigError(f"--faults {request.faults}: {case.title}: {error}") from error


def runner_of(request: BenchRequest, place: Workplace) -> RunAll:
    """How cases are run: one after the other, or by several processes."""
    if request.jobs == 1:
        return one_by_one(functools.partial(attempt_at, request, place))
    return functools.partial(in_workers, request.jobs, functools.partial(start_worker, request))


def start_worker(request: BenchRequest, number: int) -> AttemptAt:
    """What a process that runs cases begins with.

    Args:
        request: what to do.
        number: of the process, from 1 on.

    Returns:
        What runs a case there.
    """
    return functools.partial(attempt_at, request, workplace(request, f"-{number}"))


def attempt_at(request: BenchRequest, place: Workplace, case: Case, attempt: int) -> CaseResult:
    """The result of a case: taken from another bench where it would be the same, else by running it."""
    taken = borrowed(case, request.like, place.directory, _shared_digests(place)) if request.like else None
    if taken is not None:
        return with_records(replace(taken, attempt=attempt), place.bundle(case))
    with started_early():
        return run_case(case, place, attempt)


def chosen_cases(cases: Sequence[Case], numbers: Sequence[int], only: Sequence[str]) -> list[Case]:
    """Some of the cases, with the controls of their seeds.

    Raises:
        ConfigError: there are no such cases.
    """
    known = {int(case.number) for case in cases}
    if missing := sorted(set(numbers) - known):
        raise ConfigError(f"--cases {missing[0]}: there is no such case; there are 1 to {max(known)}")
    names = {fault.name for case in cases for fault in case.planted}
    if strange := sorted(set(only) - names - {"control"}):
        raise ConfigError(f"--only {strange[0]}: nothing of that name is planted; known are {', '.join(sorted(names))}")
    chosen = [case for case in cases if _is_chosen(case, numbers, only)]
    seeds = {case.seed for case in chosen}
    return [case for case in cases if case in chosen or (not case.planted and case.seed in seeds)]


def _is_chosen(case: Case, numbers: Sequence[int], only: Sequence[str]) -> bool:
    named = {fault.name for fault in case.planted} or {"control"}
    return (not numbers or int(case.number) in numbers) and (not only or not named.isdisjoint(only))


def _write_down(directory: Path, cases: Sequence[Case]) -> None:
    """What is planted and what names it rightly, before anything runs."""
    lines = [
        {
            "number": case.number,
            "group": case.group.value,
            "seed": case.seed,
            "planted": case.title,
            "accepted": [list(fault.accepted) for fault in case.planted],
            "digest": case.digest,
        }
        for case in cases
    ]
    write_durably(directory / _PLAN, json.dumps(lines, indent=1))


def run_cases(cases: Sequence[Case], place: Workplace, run_all: RunAll, say: Callable[[str], None]) -> list[CaseResult]:
    """Runs those cases that have no result yet, and keeps each as soon as it is there.

    Args:
        cases: in their order.
        place: what they share.
        run_all: runs cases, each as the attempt of its number, and gives their results as they come.
        say: tells how far it is.
    """
    results: dict[str, CaseResult] = {}
    todo: list[tuple[Case, int]] = []
    for case in cases:
        earlier = attempts(place.directory, case)
        done = _usable(earlier, case, place)
        if done is None:
            todo.append((case, len(earlier) + 1))
        else:
            results[case.number] = _diagnosed(place.directory, case, done, len(earlier) + 1)
    by_number, started, there = {case.number: case for case in cases}, time.monotonic(), len(results)
    for fresh, result in enumerate(run_all(todo), start=1):
        keep(place.directory, result)
        results[result.number] = result
        left = duration((time.monotonic() - started) / fresh * (len(todo) - fresh))
        say(f"{there + fresh} of {len(cases)}  {told(by_number[result.number], result)}  (at most {left} left)")
    return [results[case.number] for case in cases]


def diagnosed_again(directory: Path, cases: Sequence[Case]) -> list[CaseResult]:
    """The results of cases that have run, diagnosed by the code as it is now.

    Args:
        directory: of the bench.
        cases: of it; those that have not run are left out.
    """
    results = []
    for case in cases:
        earlier = attempts(directory, case)
        sound = [each for each in earlier if not each.error and each.digests["case"] == case.digest]
        if sound:
            results.append(_diagnosed(directory, case, sound[-1], len(earlier) + 1))
    if not results:
        raise InputError(f"--dir {directory}: no case of these has run there yet; leave out --again-diagnosis")
    return results


def _diagnosed(directory: Path, case: Case, result: CaseResult, attempt: int) -> CaseResult:
    bundle = directory / CASES_DIRECTORY / case.number / "bundle"
    if result.digests["diagnosis"] == diagnosis_digest():
        return result
    try:
        new = with_records(replace(result, attempt=attempt), bundle)
    except (OSError, StateError) as error:
        raise StateError(
            f"{bundle}: cannot be diagnosed again, for what was kept is damaged; remove it, and without "
            f"--again-diagnosis the bench runs the case anew ({error})"
        ) from error
    keep(directory, new)
    return new


def keep(directory: Path, result: CaseResult) -> None:
    """Writes a result beside those of earlier attempts."""
    write_durably(directory / CASES_DIRECTORY / result.file_name, CASE_RESULT_FORMAT.write(result))


def _usable(earlier: Sequence[CaseResult], case: Case, place: Workplace) -> CaseResult | None:
    """The last result that came of the same inputs."""
    wanted = {**_shared_digests(place), "case": case.digest}
    for result in reversed(earlier):
        if not result.error and wanted.items() <= result.digests.items() and place.bundle(case).is_dir():
            return result
    return None


def _shared_digests(place: Workplace) -> dict[str, str]:
    """Without the golden set's: a case may have another one, which its own digest stands for."""
    return {name: digest for name, digest in place.digests.items() if name != "golden"}


def told(case: Case, result: CaseResult) -> str:
    """A case and what came of it, in a line."""
    if result.observing is None:
        return f"{case.number}  {case.title}: failed: {result.error.partition(_LINE)[0][:_SHOWN]}"
    true = result.truth.delta.value if result.truth else None
    golden = result.golden.delta.value if result.golden else None
    figures = f"golden {_signed(golden)}, truth {_signed(true)}"
    seconds = sum(result.seconds.get(part, 0) for part in ("planting", "pipeline", "truth"))
    outcome = result.observing
    gate = result.gate.verdict.value if result.gate else ""
    return (
        f"{case.number}  {case.title}: {figures}, {gate}, {outcome.verdict.value}: {outcome.cause.title} "
        f"{outcome.cause.probability:.2f}  {seconds:.0f} s"
    )


def _signed(value: float | None) -> str:
    return "-" if value is None else f"{value:+.3f}"


def workplace(request: BenchRequest, worker: str = "") -> Workplace:
    """What all cases share; generates data, and trains a baseline, where there are none.

    Args:
        request: what to do.
        worker: ends the names of what a process of several has for itself.
    """
    directory = request.directory.resolve()
    work = directory / f"work{worker}"
    pipeline = functools.partial(_run_quietly, directory / f"log{worker}.txt")
    data, baseline = _clean_data(request, directory, pipeline)
    shared = {
        "truth": digest_of(data.truth),
        "golden": digest_of(data.golden),
        "baseline": baseline.digest,
    }
    measure = _measure(directory, data, baseline, shared["truth"])
    shutil.rmtree(work, ignore_errors=True)
    return Workplace(directory, work, data, baseline, measure, pipeline, shared)


def _clean_data(
    request: BenchRequest, directory: Path, pipeline: Callable[[RunRequest], RunResult]
) -> tuple[BenchData, Baseline]:
    if request.data is None:
        if request.root is not None:
            raise InputError("--root: needs --data, the spans that its detector has not seen")
        data = digits(directory / "data", request.images)
        gain = functools.partial(_gain, data.truth)
        return data, trained_baseline(data, request.config, directory, pipeline, gain, tell)
    if request.root is None or request.truth is None:
        raise InputError("--data: needs --root, a detector in service, and --truth, images of no span")
    newest = read_training_record(served_of(request.root).path, LOCAL_FILES).span
    golden = request.golden or request.data / "golden"
    data = own_data(request.data.name, request.data, golden, request.truth, newest, request.images)
    return data, copied_baseline(request.root, directory)


def _run_quietly(log: Path, request: RunRequest) -> RunResult:
    """Runs the pipeline; what it says goes to a file."""
    with output_to(log):
        return run(request)


def _gain(truth: Path, candidate: Path, baseline: Path) -> float:
    from ratchet.pipeline.bench.truth import gain  # it starts TensorFlow

    return gain(truth, candidate, baseline)


def _measure(directory: Path, data: BenchData, baseline: Baseline, truth_digest: str) -> Measure:
    @functools.cache
    def truth_set() -> TruthSet:
        from ratchet.pipeline.bench.truth import (
            TruthSet,  # it starts TensorFlow, which a bench that is complete needs not
        )

        kept = directory / "matches" / f"{baseline.digest[:16]}-{truth_digest[:16]}"
        kept.mkdir(parents=True, exist_ok=True)
        return TruthSet(data.truth, baseline.model, kept)

    return lambda candidate, seed, is_control: truth_set().measure(candidate, seed, is_control)
