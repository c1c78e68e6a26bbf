"""`ratchet explain` on the cases of a bench: does it give the same first cause as the diagnosis of the run?

python -m benchmarks.explained_bench BENCH [--cases N ...] [--plain] [--out FILE]

Each case is written as the files that a person would have: both training records (`--plain`: the configurations and
logs that `ratchet bench export` writes, which say much less), the golden set with what both models find there, the
images and labels of both trainings, and both models on images that were trained on, new and earlier ones. In a blind
bench nothing is declared.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.explained_cases import CaseData, planted_again, trained_part
from ratchet.components.diagnosis.bundle import Bundle
from ratchet.pipeline.bench.case_result import CaseResult, last_attempts, read_cases
from ratchet.pipeline.bench.plain_files import config_yaml, log_csv
from ratchet.pipeline.explain.data_sets import ReadDataSet, read_data
from ratchet.pipeline.explain.explain import Explained, explain
from ratchet.pipeline.explain.request import ExplainRequest, MeasuredSet
from ratchet.schemas.artifacts.evaluation import (
    BASELINE_FILE,
    CANDIDATE_FILE,
    EARLIER_SPANS,
    GOLDEN,
    GROUND_TRUTH_FILE,
    HELD_OUT,
    TRAIN_SAMPLE,
)
from ratchet.schemas.artifacts.training_record import TRAINING_RECORD_FORMAT, read_training_record
from ratchet.schemas.base.errors import RatchetError
from ratchet.schemas.base.files import LOCAL_FILES

_MODELS = {"before": "baseline", "after": "candidate"}


@dataclass(frozen=True)
class Answered:
    """One case.

    Attributes:
        number: of the case.
        title: what was planted.
        run: the cause that the run's own diagnosis gave.
        here: the one that `explain` gave.
        suspect: the first suspect here.
        seconds: that it took.
    """

    number: str
    title: str
    run: str
    here: str
    suspect: str
    seconds: float

    @property
    def is_same(self) -> bool:
        """Whether both name the same cause, or none."""
        return self.run == self.here


def request_of(case: CaseData, work: Path, trained: Sequence[Path], plain: bool, blind: bool) -> ExplainRequest:
    """A case as files.

    Args:
        case: its data and records.
        work: directory to write into.
        trained: what the baseline was trained on, the parts that are.
        plain: whether configurations and logs stand for the records.
        blind: whether nothing may be declared.
    """
    evaluation = case.bundle / "evaluation"
    configs, logs = _trainings(case.bundle, work, plain, blind)
    return ExplainRequest(
        truth=evaluation / GOLDEN / GROUND_TRUTH_FILE,
        before=evaluation / GOLDEN / BASELINE_FILE,
        after=evaluation / GOLDEN / CANDIDATE_FILE,
        config_before=configs["before"],
        config_after=configs["after"],
        logs_before=logs.get("before"),
        logs_after=logs.get("after"),
        train_before=tuple(trained),
        train_after=trained_part(case.span, work / "part"),
        images=case.golden / "images",
        trained=_measured(evaluation / TRAIN_SAMPLE),
        new=_measured(evaluation / HELD_OUT),
        earlier=_measured(evaluation / EARLIER_SPANS),
    )


def _trainings(bundle: Path, work: Path, plain: bool, blind: bool) -> tuple[dict[str, Path], dict[str, Path]]:
    configs, logs = {}, {}
    for name, model in _MODELS.items():
        record = read_training_record(str(bundle / model), LOCAL_FILES)
        record = dataclasses.replace(record, declared_changes=()) if blind else record
        if plain:
            configs[name], logs[name] = work / f"{name}.yaml", work / f"{name}_log.csv"
            configs[name].write_text(config_yaml(record, blind), encoding="utf-8")
            logs[name].write_text(log_csv(record), encoding="utf-8")
        else:
            configs[name] = work / f"{name}.json"
            configs[name].write_text(TRAINING_RECORD_FORMAT.write(record), encoding="utf-8")
    return configs, logs


def _measured(place: Path) -> MeasuredSet | None:
    if not (place / BASELINE_FILE).is_file():
        return None
    return MeasuredSet(place / GROUND_TRUTH_FILE, place / BASELINE_FILE, place / CANDIDATE_FILE)


def answers(bench: Path, numbers: Sequence[int], plain: bool) -> Iterator[tuple[Answered, Explained]]:
    """Every case of a bench that has a candidate, or some of them."""
    known: dict[Path, ReadDataSet] = {}
    with tempfile.TemporaryDirectory() as shared:
        for result in last_attempts(read_cases(bench)):
            if result.error or result.observing is None or (numbers and int(result.number) not in numbers):
                continue
            if not (bench / "cases" / result.number / "bundle" / "evaluation").is_dir():
                continue
            with tempfile.TemporaryDirectory() as work:
                case = planted_again(bench, result, Path(work))
                trained = [_once(each, Path(shared), known) for each in case.trained]
                started = time.monotonic()
                explained = explain(request_of(case, Path(work), trained, plain, result.blind), known)
                yield _answered(result, explained, time.monotonic() - started), explained


def _once(span: Path, shared: Path, known: dict[Path, ReadDataSet]) -> Path:
    """The part of a span that the baseline was trained on; read once, for all cases have the same."""
    part = shared / span.name
    if part not in known:
        trained_part(span, part)
        known[part] = read_data(part, "the training data before")
    return part


def _answered(result: CaseResult, explained: Explained, seconds: float) -> Answered:
    assert result.observing is not None
    cause = explained.diagnosis.cause
    suspects = [each.title for each in explained.diagnosis.findings if any(s.supports for s in each.signals)]
    title = " and ".join(map(str, result.planted)) or result.group.value
    return Answered(
        result.number, title, result.observing.cause.name, cause.name, suspects[0] if suspects else "", seconds
    )


def differing_signals(explained: Explained, kept: Bundle) -> str:
    """What stands behind another answer: signals that say something else here than in the run."""
    from ratchet.components.diagnosis.diagnose import diagnose

    there = {f"{f.cause}/{s.name}": s for f in diagnose(kept).findings for s in f.signals}
    here = {f"{f.cause}/{s.name}": s for f in explained.diagnosis.findings for s in f.signals}
    lines = []
    for name in dict.fromkeys([*there, *here]):
        one, other = there.get(name), here.get(name)
        if (one and one.supports) != (other and other.supports):
            values = [f"{each.value} ({each.supports})" if each else "-" for each in (one, other)]
            lines.append(f"    {name}: {values[0]} in the run, {values[1]} here")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints every case and how many agree."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bench", type=Path, metavar="BENCH", help="directory of a bench that was run")
    parser.add_argument("--cases", type=int, nargs="*", default=[], metavar="N", help="these alone")
    parser.add_argument("--plain", action="store_true", help="configurations and logs instead of records")
    parser.add_argument("--signals", action="store_true", help="of cases that differ, the signals that do")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the answers there as JSON")
    options = parser.parse_args(arguments)
    found = []
    try:
        for answered, explained in answers(options.bench, options.cases, options.plain):
            found.append(answered)
            sign = "same" if answered.is_same else "OTHER"
            print(
                f"{answered.number} {answered.title}: {sign}; run {answered.run}, here {answered.here} "
                f"(first suspect {answered.suspect}), {answered.seconds:.1f} s",
                flush=True,
            )
            if options.signals and not answered.is_same:
                print(_signals(options.bench, answered, explained), flush=True)
    except RatchetError as error:
        print(f"explained_bench: {error}", file=sys.stderr)
        return 2
    same = sum(each.is_same for each in found)
    print(f"the same first cause in {same} of {len(found)} cases")
    if options.out:
        values = [dataclasses.asdict(each) for each in found]
        options.out.write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8")
    return 0


def _signals(bench: Path, answered: Answered, explained: Explained) -> str:
    from ratchet.components.diagnosis.reading import read_bundle
    from ratchet.pipeline.bench.bundle_files import places_in

    kept = read_bundle(places_in(bench / "cases" / answered.number / "bundle"), LOCAL_FILES)
    return differing_signals(explained, kept)


if __name__ == "__main__":
    sys.exit(main())
