"""One case: its data planted, the real pipeline run on it in a copy of the baseline's root, and all of it measured."""

from __future__ import annotations

import dataclasses
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ratchet.components.diagnosis.reading import RunPlaces
from ratchet.pipeline.bench.baseline import Baseline, digest_of
from ratchet.pipeline.bench.below_policy import injected
from ratchet.pipeline.bench.bundle_files import Answers, answers, diagnosis_digest, keep_bundle, places_in, with_answers
from ratchet.pipeline.bench.case_result import MATERIAL_DIRECTORY, CaseResult, GateSaid, Group, Measured
from ratchet.pipeline.bench.cases import Case
from ratchet.pipeline.bench.engine import plant_golden, plant_span
from ratchet.pipeline.bench.leak_tree import listing_of
from ratchet.pipeline.bench.material import BASELINE, CANDIDATE, GOLDEN, keep_material
from ratchet.pipeline.bench.sources import BenchData
from ratchet.pipeline.root.root_settings import configure_run
from ratchet.pipeline.run.preflight import RunRequest
from ratchet.schemas.artifacts.data_evidence import DATA_DECISION_FORMAT, DECISION_FILE
from ratchet.schemas.artifacts.evaluation import (
    EVALUATION_FILE,
    EVALUATION_FORMAT,
    HELD_OUT,
    TRAIN_SAMPLE,
    DataSetEvaluation,
    Delta,
    Evaluation,
)
from ratchet.schemas.artifacts.run_result import RunResult
from ratchet.schemas.artifacts.training_record import read_training_record
from ratchet.schemas.base.code_version import code_version
from ratchet.schemas.base.errors import RatchetError, StateError
from ratchet.schemas.base.files import LOCAL_FILES
from ratchet.schemas.base.model_digest import model_digest

_OBSERVE = ("data_gate.mode=observe", "evaluator.golden_budget=100000")
_MODEL = "Format-Serving"


# Of a candidate's SavedModel, the seed of its case and whether that is a control: `truth.TruthSet.measure`.
Measure = Callable[[Path, int, bool], tuple[Measured, Delta | None]]


@dataclass(frozen=True)
class Workplace:
    """What all cases of a bench share.

    Attributes:
        directory: of the bench.
        work: directory of the run that is under way.
        data: clean data.
        baseline: what every case starts from.
        measure: on the truth set.
        pipeline: runs it.
        digests: of golden set, truth set and baseline.
    """

    directory: Path
    work: Path
    data: BenchData
    baseline: Baseline
    measure: Measure
    pipeline: Callable[[RunRequest], RunResult]
    digests: dict[str, str]

    def bundle(self, case: Case) -> Path:
        """Where the records of a case's run are kept."""
        return self.directory / "cases" / case.number / "bundle"


class Clock:
    """Seconds of the parts of a case."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._since = time.monotonic()

    def lap(self, name: str) -> None:
        """The time since the last lap was spent on this."""
        now = time.monotonic()
        self.seconds[name] = round(now - self._since, 3)
        self._since = now


def run_case(case: Case, place: Workplace, attempt: int) -> CaseResult:
    """Runs a case; one whose run fails on purpose of ours has a result that says why.

    Args:
        case: what is planted.
        place: see there.
        attempt: its number.
    """
    clock = Clock()
    result = CaseResult(
        number=case.number,
        attempt=attempt,
        group=case.group,
        split=case.split,
        source=place.data.name,
        seed=case.seed,
        blind=case.blind,
        planted=case.planted,
        digests={**place.digests, "case": case.digest, "diagnosis": diagnosis_digest()},
        code=code_version(),
    )
    work = place.work
    shutil.rmtree(work, ignore_errors=True)
    try:
        return _measured(case, place, result, work, clock)
    except RatchetError as error:
        return dataclasses.replace(result, error=str(error), seconds=clock.seconds)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _measured(case: Case, place: Workplace, result: CaseResult, work: Path, clock: Clock) -> CaseResult:
    number = place.baseline.next_span
    _plant(case, place, work, number)
    span, golden = work / "data" / f"span-{number}", work / "data" / "golden"
    digests = {"span": digest_of(span), "golden": digest_of(golden)}
    listing = listing_of(work / "data")
    trained = place.data.sources(case.seed, place.baseline.span).trained
    keep_material(
        place.directory / MATERIAL_DIRECTORY / case.number, {BASELINE: trained, CANDIDATE: span, GOLDEN: golden}
    )
    shutil.copytree(place.baseline.root, work / "root")
    clock.lap("planting")
    with injected(case.below):
        run = place.pipeline(_request(case, work, number))
    clock.lap("pipeline")
    places = _places(work / "root", run, place.baseline.model)
    keep_bundle(places, place.bundle(case))
    truth, to_control = _truth(case, place, places)
    clock.lap("truth")
    if places.candidate is not None:
        digests["candidate"] = model_digest(places.candidate, LOCAL_FILES)
    steps = {step: round(seconds, 3) for step, seconds in run.seconds.items()}
    found = dataclasses.replace(
        result,
        digests={**result.digests, **digests},
        truth=truth,
        to_control=to_control,
        listing=listing,
        seconds={**clock.seconds, **steps},
    )
    return with_records(found, place.bundle(case))


def with_records(result: CaseResult, bundle: Path) -> CaseResult:
    """A case's result with all that follows from the records of its run, the diagnosis included.

    Args:
        result: of the case.
        bundle: what was kept of its run.
    """
    clock = Clock()
    said = answers(bundle, result.blind)
    clock.lap("diagnosis")
    places = places_in(bundle)
    decision = DATA_DECISION_FORMAT.read((bundle / "decision" / DECISION_FILE).read_bytes(), DECISION_FILE)
    evaluation = _evaluation(places)
    record = read_training_record(places.candidate, LOCAL_FILES) if places.candidate else None
    failed = tuple(reason.rule for reason in decision.failures)
    return _with_answers(
        dataclasses.replace(
            result,
            declared_changes=record.declared_changes if record and not result.blind else (),
            gate=GateSaid(
                verdict=decision.verdict,
                first_failed=failed[0] if failed else None,
                failed=failed,
                warned=tuple(reason.rule for reason in decision.warnings),
            ),
            golden=_golden(evaluation) if evaluation else None,
            train_sample=_map(evaluation, TRAIN_SAMPLE),
            held_out=_map(evaluation, HELD_OUT),
            seconds=with_answers(result.seconds, clock.seconds["diagnosis"]),
        ),
        said,
    )


def _with_answers(result: CaseResult, said: Answers) -> CaseResult:
    digests = {**result.digests, "diagnosis": diagnosis_digest()}
    return dataclasses.replace(
        result, observing=said.observing, enforcing=said.enforcing, signals=said.signals, digests=digests
    )


def _plant(case: Case, place: Workplace, work: Path, number: int) -> None:
    sources = place.data.sources(case.seed, place.baseline.span)
    (work / "data").mkdir(parents=True)
    edits = {of: [each for each in case.plantings if each.of == of] for of in ("span", "golden")}
    plant_span(sources, edits["span"], work / "data" / f"span-{number}", case.seed, place.data.images)
    plant_golden(sources, edits["golden"], work / "data" / "golden", case.seed)


def _request(case: Case, work: Path, number: int) -> RunRequest:
    configuration = configure_run(work / "root", None, [*_OBSERVE, *case.settings])
    return RunRequest(
        settings=configuration.settings,
        data=work / "data",
        golden=work / "data" / "golden",
        span=number,
        root=work / "root",
        bootstrap=False,
    )


def _places(root: Path, run: RunResult, baseline: Path) -> RunPlaces:
    """Where the run's steps wrote, and the baseline, which the copied root may serve no longer.

    Raises:
        StateError: nothing is there.
    """
    artifacts = root / "artifacts"
    decision = _newest(artifacts / "DataGate" / "decision")
    if run.model is None:
        return RunPlaces(decision, None, str(baseline), None)
    return RunPlaces(
        decision, f"{run.model}/{_MODEL}", str(baseline), _newest(artifacts / "MapEvaluator" / "evaluation")
    )


def _newest(directory: Path) -> str:
    numbers = [path.name for path in directory.iterdir() if path.name.isdigit()] if directory.is_dir() else []
    if not numbers:
        raise StateError(f"{directory}: the run wrote nothing there")
    return str(directory / max(numbers, key=int))


def _truth(case: Case, place: Workplace, places: RunPlaces) -> tuple[Measured | None, Delta | None]:
    if places.candidate is None:
        return None, None
    return place.measure(Path(places.candidate), case.seed, case.group is Group.CONTROL)


def _evaluation(places: RunPlaces) -> Evaluation | None:
    if places.evaluation is None:
        return None
    path = Path(places.evaluation, EVALUATION_FILE)
    return EVALUATION_FORMAT.read(path.read_bytes(), str(path))


def _golden(evaluation: Evaluation) -> Measured:
    golden = evaluation.golden.compared
    return Measured(
        images=golden.images,
        candidate=_score(golden),
        baseline=golden.baseline.coco["AP"] if golden.baseline else None,
        delta=golden.deltas.overall if golden.deltas else Delta(None, None, None, None),
    )


def _map(evaluation: Evaluation | None, name: str) -> float | None:
    found = evaluation.data_sets.get(name) if evaluation else None
    return _score(found) if found else None


def _score(found: DataSetEvaluation) -> float | None:
    value = found.candidate.coco["AP"]
    return None if value < 0 else value
